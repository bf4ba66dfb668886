//! The form of a bulk upload: rows without a header in `csvData`, the names of their columns in `mapping`, in any order of
//! parts. It becomes a CSV file, so that it is read by the same rules as any other.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use worker::import::{Blank, ImportOptions};
use worker::ports::Checkpoint;
use worker::reader::{Reader, Shape};
use worker::resource::Resource;

use crate::http::body::fields::{Bounds, Fields};
use crate::http::problem::{Kind, Problem};
use crate::imports::run_now::Table;

/// How much of a form is read: all of it is held until its mapping is known.
pub(super) const BOUNDS: Bounds = Bounds {
    text: 10 * 1024 * 1024,
    fields: 100_000,
    body: 48 * 1024 * 1024,
};
/// Rows that a preview repeats.
const SAMPLE: usize = 10;
/// What a preview shows of a password.
const HIDDEN: &str = "***";
/// The name that requests of this surface give a client's name.
const CLIENT_NAME: &str = "client_name";
/// How much is kept of a row that is no CSV record.
const KEPT_CHARS: usize = 10_000;

/// A form, read to its end.
#[derive(Debug, Default)]
pub(super) struct BulkForm {
    rows: Vec<String>,
    mapping: Vec<String>,
    file_id: Option<String>,
}

impl BulkForm {
    /// Reads the form.
    pub(super) async fn read(mut fields: Fields) -> Result<Self, Problem> {
        let mut form = Self::default();
        while let Some((name, text)) = fields.next().await? {
            form.take(&name, text)?;
        }
        form.check()?;
        Ok(form)
    }

    fn take(&mut self, name: &str, text: String) -> Result<(), Problem> {
        match name {
            "csvData" => self.rows.push(text),
            "mapping" => self.mapping.push(text),
            "fileId" => self.file_id = self.file_id.take().or(Some(text)),
            other => {
                let shown: String = other.chars().take(100).collect();
                let detail = format!("There is a part named {shown:?}; expected csvData, fileId and mapping.");
                return Err(Problem::with(Kind::PartUnknown, detail));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Problem> {
        let mut seen = BTreeSet::new();
        for name in &self.mapping {
            let shown: String = name.chars().take(100).collect();
            let Some(field) = field(name) else {
                let known: Vec<&str> = Resource::Clients.column_names().collect();
                let detail = format!(
                    "{shown:?} is not a field of clients; expected {}, alias:DE.",
                    known.join(", ")
                );
                return Err(Problem::with(Kind::UnknownField, detail));
            };
            if !seen.insert(field) {
                return Err(Problem::with(Kind::InvalidField, format!("{shown:?} is mapped twice.")));
            }
        }
        if !seen.contains("name") {
            return Err(Problem::with(Kind::RequiredField, "No column is mapped to name."));
        }
        if self.rows.is_empty() {
            return Err(Problem::with(Kind::RequiredField, "csvData is missing."));
        }
        Ok(())
    }

    /// What the caller calls the file.
    pub(super) fn file_id(&self) -> Option<&str> {
        self.file_id.as_deref()
    }

    /// How its rows are to be imported.
    pub(super) fn options(&self, dry_run: bool) -> ImportOptions {
        let field = |name: &String| (name.clone(), field(name).map(str::to_owned));
        ImportOptions {
            dry_run,
            mapping: self.mapping.iter().map(field).collect(),
            aliases: false,
            blank: Blank::Ignore,
            delimiter: Some(','),
            encoding: Some("UTF-8".to_owned()),
            ..ImportOptions::new(Resource::Clients)
        }
    }

    /// The form as a file, and its first rows as a preview shows them. The rows of the form are used up.
    pub(super) fn into_table(self) -> (Table, Vec<Map<String, Value>>) {
        let header: Vec<&str> = self.mapping.iter().map(String::as_str).collect();
        let (mut table, mut sample) = (Table::new(&header), Vec::new());
        for row in self.rows {
            match cells(&row) {
                Some(cells) => {
                    if sample.len() < SAMPLE {
                        sample.push(shown(&header, &cells));
                    }
                    table.row(&cells);
                }
                None => table.row(broken(&header, &row)),
            }
        }
        (table, sample)
    }
}

/// The field that a name of the mapping means.
fn field(name: &str) -> Option<&str> {
    match name {
        CLIENT_NAME => Some("name"),
        name => Resource::Clients.has_column(name).then_some(name),
    }
}

/// The cells of a row that is exactly one CSV record.
fn cells(row: &str) -> Option<Vec<String>> {
    let mut reader = Reader::new(b',', Checkpoint::default());
    let (mut bytes, mut found) = (row.as_bytes(), None);
    while let Some(record) = reader.read(&mut bytes).ok()? {
        if found.is_some() || record.shape == Shape::BadQuote {
            return None;
        }
        found = Some(record.cells.iter().map(str::to_owned).collect());
    }
    let Some(record) = reader.finish().ok()? else {
        return found;
    };
    let alone = found.is_none() && record.shape != Shape::BadQuote;
    alone.then(|| record.cells.iter().map(str::to_owned).collect())
}

/// A row that fails for the number of its cells, in place of one that has none. Where a column is for passwords, all of such
/// a row is kept as if it were one.
fn broken(header: &[&str], row: &str) -> Vec<String> {
    // A row without a cell would be skipped as blank.
    let row = if row.is_empty() { "\n" } else { row };
    let mut cells = vec![row.chars().take(KEPT_CHARS).collect()];
    if header.len() == cells.len() {
        cells.push(String::new());
    }
    cells
}

fn shown(header: &[&str], cells: &[String]) -> Map<String, Value> {
    let cell = |(name, cell): (&&str, &String)| {
        let hidden = !cell.is_empty() && Resource::Clients.is_sensitive(name);
        let text = if hidden { HIDDEN } else { cell };
        ((*name).to_owned(), Value::from(text))
    };
    header.iter().zip(cells).map(cell).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn form(mapping: &[&str], rows: &[&str]) -> BulkForm {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        BulkForm {
            rows: owned(rows),
            mapping: owned(mapping),
            file_id: None,
        }
    }

    #[test]
    fn a_row_is_one_record() {
        let one = |row: &str| cells(row).map(|cells| cells.join("|"));
        assert_eq!(one("Client 1,active").as_deref(), Some("Client 1|active"));
        assert_eq!(one("\"A, \"\"B\"\"\nC\",x\r\n").as_deref(), Some("A, \"B\"\nC|x"));
        assert_eq!(one(",").as_deref(), Some("|"));
        for broken in ["", "a,b\nc,d", "\"a", "a\"b", "\"a\"b"] {
            assert_eq!(one(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn mappings_are_checked() {
        let code = |mapping: &[&str], rows: &[&str]| form(mapping, rows).check().map_err(|problem| problem.code);
        assert_eq!(code(&["name", "alias:DE", "password"], &["x"]), Ok(()));
        assert_eq!(code(&["client_name"], &["x"]), Ok(()));
        assert_eq!(code(&["name", "colour"], &["x"]), Err("unknown-field"));
        assert_eq!(code(&["name", "client_name"], &["x"]), Err("invalid-field"));
        assert_eq!(code(&["status"], &["x"]), Err("required"));
        assert_eq!(code(&[], &["x"]), Err("required"));
        assert_eq!(code(&["name"], &[]), Err("required"));
    }

    #[test]
    fn a_sample_shows_no_password() {
        let header = ["name", "password", "login"];
        let (_, sample) = form(&header, &["A,geheim", "\"open"]).into_table();
        assert_eq!(
            Value::from(sample.first().cloned().unwrap()),
            json!({"name": "A", "password": "***"})
        );
        assert_eq!(sample.len(), 1);
        assert_eq!(broken(&header, "A,geheim\nB"), ["A,geheim\nB"]);
        assert_eq!(broken(&["name"], "A\nB"), ["A\nB", ""]);
        assert_eq!(broken(&header, ""), ["\n"]);
    }
}
