//! Header → field: what each column of a file fills, decided once at the door and kept with the import. The caller's
//! mapping goes first, then our own field names, then the alias table; whatever is left becomes an attribute.

use serde::{Deserialize, Serialize};

use crate::batch::handles::HandleKind;
use crate::import::{ImportOptions, Mode, Unmapped};
use crate::resource::Resource;
use crate::resource::users::ATTRIBUTES;

mod aliases;

/// Columns of ours in a failed-rows file; never mapped, so that the file can be sent again as it is.
pub const RESERVED_PREFIX: &str = "_import_";
/// Holds, in a composed file, what is wrong with a record before any cell is looked at; in a failed-rows file, what was wrong.
pub const REFUSED_COLUMN: &str = "_import_error";
/// The first column of a failed-rows file: the row as a spreadsheet shows it.
pub const ROW_COLUMN: &str = "_import_row";
/// Stands in a failed-rows file for spreadsheets, whose cells may begin with one quote more than the original.
pub const QUOTED_COLUMN: &str = "_import_quoted";
/// `attributes.X` names the attribute X, in a header and in a caller's mapping.
const ATTRIBUTE_PREFIX: &str = "attributes.";
/// `handles.email` takes cells of handles, where rows are identified by them.
const HANDLES_PREFIX: &str = "handles.";
/// Fields that can give the source id, in the order in which they are tried.
const KEY_CANDIDATES: [&str; 3] = ["source_id", "username", "email"];

/// A column of the file and what it fills.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The file's own header, as written.
    pub header: String,
    /// What it fills.
    pub target: Target,
}

/// What a column fills.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A field of the resource, by name.
    Field(String),
    /// An attribute of this name.
    Attribute(String),
    /// Many attributes: the cells are JSON objects.
    Attributes,
    /// Nothing, but a filled cell refuses its row, in its own words.
    Refusal,
    /// What a person is known by; several in a cell, separated by commas.
    Handles(HandleKind),
    /// Nothing: the caller said so, or the column is one of ours (`_import_*`).
    Ignored,
}

impl Target {
    /// The words an answer shows: `email`, `attributes.Cost Centre`, or nothing for an ignored column.
    pub fn describe(&self) -> Option<String> {
        match self {
            Self::Field(name) => Some(name.clone()),
            Self::Attribute(name) => Some(format!("{ATTRIBUTE_PREFIX}{name}")),
            Self::Attributes => Some(ATTRIBUTES.to_owned()),
            Self::Handles(kind) => Some(format!("{HANDLES_PREFIX}{}", kind.as_str())),
            Self::Refusal | Self::Ignored => None,
        }
    }
}

/// Why a header cannot be mapped; refused at the door.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct MappingError {
    /// Stable code.
    pub code: &'static str,
    /// What was expected, what the file has, how to mend it.
    pub detail: String,
}

fn refuse<T>(code: &'static str, detail: String) -> Result<T, MappingError> {
    Err(MappingError { code, detail })
}

/// Which cells of a file's rows must not be seen by everybody.
#[derive(Clone, Debug)]
pub struct Sensitive {
    by_column: Vec<bool>,
    any: bool,
}

impl Sensitive {
    /// Of files with these columns.
    pub fn new(columns: &[Column], resource: Resource) -> Self {
        let is_sensitive = |column: &Column| match &column.target {
            Target::Field(name) => resource.is_sensitive(name),
            Target::Attribute(_) | Target::Attributes | Target::Handles(_) | Target::Refusal | Target::Ignored => false,
        };
        let by_column: Vec<bool> = columns.iter().map(is_sensitive).collect();
        let any = by_column.contains(&true);
        Self { by_column, any }
    }

    /// Some of them are.
    pub fn any(&self) -> bool {
        self.any
    }

    /// Whether this cell is, of a row of so many. In a row of another width than its header any cell may be the one.
    pub fn hides(&self, cell: usize, cells: usize) -> bool {
        if cells == self.by_column.len() {
            return self.by_column.get(cell) == Some(&true);
        }
        self.any
    }
}

/// Decides what each column of a header fills, and sees to it that the rows have a key.
pub fn resolve(header: &[String], options: &ImportOptions) -> Result<Vec<Column>, MappingError> {
    let header = &plain_header(header);
    check_names(header, options)?;
    let mut columns: Vec<(Column, Certainty)> = Vec::with_capacity(header.len());
    for name in header {
        let (target, certainty) = target_of(name, options)?;
        columns.push((
            Column {
                header: name.clone(),
                target,
            },
            certainty,
        ));
    }
    yield_to_exact(&mut columns);
    let columns: Vec<Column> = columns.into_iter().map(|(column, _)| column).collect();
    refuse_twice(&columns)?;
    if columns.iter().all(|column| column.target == Target::Ignored) {
        return refuse(
            "nothing-mapped",
            "no column of the file is mapped to anything; check the mapping".to_owned(),
        );
    }
    key(&columns, options)?;
    Ok(columns)
}

/// Headers of a file that we quoted against formulas, without those quotes.
fn plain_header(header: &[String]) -> Vec<String> {
    let quoted = header.iter().any(|name| name == QUOTED_COLUMN);
    header
        .iter()
        .map(|name| if quoted { unquote(name).to_owned() } else { name.clone() })
        .collect()
}

/// Takes off the one quote that `QUOTED_COLUMN` announces.
pub fn unquote(cell: &str) -> &str {
    cell.strip_prefix('\'').unwrap_or(cell)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Certainty {
    Said,
    Exact,
    Alias,
}

fn target_of(header: &str, options: &ImportOptions) -> Result<(Target, Certainty), MappingError> {
    if options.composed && header == REFUSED_COLUMN {
        return Ok((Target::Refusal, Certainty::Exact));
    }
    if header.starts_with(RESERVED_PREFIX) {
        return Ok((Target::Ignored, Certainty::Exact));
    }
    if let Some(said) = options.mapping.get(header) {
        let target = match said {
            None => Target::Ignored,
            Some(name) => parse_target(name, options)?,
        };
        return Ok((target, Certainty::Said));
    }
    if options.aliases {
        if let Ok(target) = parse_target(header, options) {
            return Ok((target, Certainty::Exact));
        }
        if let Some(field) = aliases::field_for(options.resource, header) {
            return Ok((Target::Field(field), Certainty::Alias));
        }
    }
    let target = match options.unmapped {
        Unmapped::Attribute => Target::Attribute(header.to_owned()),
        Unmapped::Ignore => Target::Ignored,
    };
    Ok((target, Certainty::Exact))
}

/// A field's name, `attributes`, or `attributes.X`.
fn parse_target(name: &str, options: &ImportOptions) -> Result<Target, MappingError> {
    if let Some(attribute) = name.strip_prefix(ATTRIBUTE_PREFIX).filter(|rest| !rest.is_empty()) {
        return Ok(Target::Attribute(attribute.to_owned()));
    }
    if name == ATTRIBUTES {
        return Ok(Target::Attributes);
    }
    let handles = name.strip_prefix(HANDLES_PREFIX).and_then(HandleKind::parse);
    if let Some(kind) = handles.filter(|_| options.handles) {
        return Ok(Target::Handles(kind));
    }
    if options.resource.has_column(name) {
        return Ok(Target::Field(name.to_owned()));
    }
    let nearest = nearest(name, options.resource.column_names());
    let hint = nearest
        .map(|near| format!("; did you mean {near}?"))
        .unwrap_or_default();
    refuse(
        "unknown-field",
        format!(
            "the mapping names the field {name}, which {} do not have{hint}",
            options.resource.as_str()
        ),
    )
}

/// The candidate most like a word, where one is near enough to be a slip of the pen.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const NEAR: f64 = 0.8;
    candidates
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(score, _)| *score >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Every header that the caller's mapping names must be in the file: a typo there would import a column to the wrong place.
fn check_names(header: &[String], options: &ImportOptions) -> Result<(), MappingError> {
    for named in options.mapping.keys().filter(|_| options.aliases) {
        if !header.contains(named) {
            let hint = nearest(named, header.iter().map(String::as_str)).map(|near| format!("; did you mean {near}?"));
            let columns = header.join(", ");
            let detail = format!(
                "the mapping names the column {named}, the file has: {columns}{}",
                hint.unwrap_or_default()
            );
            return refuse("unknown-column", detail);
        }
    }
    Ok(())
}

/// A column that fills a field only by an alias gives way to one that bears its name, and becomes an attribute.
fn yield_to_exact(columns: &mut [(Column, Certainty)]) {
    let firm: Vec<Target> = columns
        .iter()
        .filter(|(_, certainty)| *certainty != Certainty::Alias)
        .map(|(column, _)| column.target.clone())
        .collect();
    for (column, certainty) in columns {
        if *certainty == Certainty::Alias && firm.contains(&column.target) {
            column.target = Target::Attribute(column.header.clone());
        }
    }
}

fn refuse_twice(columns: &[Column]) -> Result<(), MappingError> {
    for (position, column) in columns.iter().enumerate() {
        if column.target == Target::Ignored {
            continue;
        }
        let twin = columns
            .iter()
            .skip(position + 1)
            .find(|other| other.target == column.target);
        if let (Some(twin), Some(what)) = (twin, column.target.describe()) {
            let (first, second) = (&column.header, &twin.header);
            let detail =
                format!("the columns {first} and {second} both fill {what}; map one of them elsewhere or to null");
            return refuse("field-mapped-twice", detail);
        }
    }
    Ok(())
}

fn is_mapped(columns: &[Column], name: &str) -> bool {
    columns
        .iter()
        .any(|column| matches!(&column.target, Target::Field(field) if field == name))
}

/// The key of a resource that is known by fields of its own: each must be in the file.
fn own_key(columns: &[Column], resource: Resource) -> Result<Vec<String>, MappingError> {
    let fields = resource.key_fields().iter().map(|field| field.name);
    let missing: Vec<&str> = fields.clone().filter(|name| !is_mapped(columns, name)).collect();
    if missing.is_empty() {
        return Ok(fields.map(str::to_owned).collect());
    }
    let headers: Vec<&str> = columns.iter().map(|column| column.header.as_str()).collect();
    let detail = format!(
        "no column is mapped to {}, which every row of {} needs; the file has: {}",
        missing.join(", "),
        resource.as_str(),
        headers.join(", ")
    );
    refuse("key-missing", detail)
}

/// The fields that give the source id of a row of users, tried in order: the first that is filled does. For any other
/// resource, the fields of its key.
pub fn key(columns: &[Column], options: &ImportOptions) -> Result<Vec<String>, MappingError> {
    let is_mapped = |name: &str| is_mapped(columns, name);
    if options.resource != Resource::Users {
        return own_key(columns, options.resource);
    }
    if options.handles {
        return key_of_handles(columns, options);
    }
    if let Some(unknown) = options.key.iter().find(|name| !KEY_CANDIDATES.contains(&name.as_str())) {
        return refuse(
            "unknown-key",
            format!("key is {unknown}; it can be one of {}", KEY_CANDIDATES.join(", ")),
        );
    }
    if options.aliases && is_mapped("source_id") {
        return Ok(vec!["source_id".to_owned()]);
    }
    let wanted: Vec<String> = options.key.iter().filter(|name| is_mapped(name)).cloned().collect();
    if !wanted.is_empty() {
        return Ok(wanted);
    }
    let fallback = KEY_CANDIDATES
        .iter()
        .find(|name| options.key.is_empty() && is_mapped(name));
    match fallback {
        Some(name) => Ok(vec![(*name).to_owned()]),
        None => {
            let wanted = if options.key.is_empty() {
                KEY_CANDIDATES.join(", ")
            } else {
                options.key.join(", ")
            };
            let headers: Vec<&str> = columns.iter().map(|column| column.header.as_str()).collect();
            let detail = format!(
                "no column gives the rows their id: one must be mapped to {wanted}; the file has: {}",
                headers.join(", ")
            );
            refuse("key-missing", detail)
        }
    }
}

/// Rows that are identified by handles have no field for a key. Which handles are known is found out row by row, before
/// anything is known of modes: such a row creates or changes.
fn key_of_handles(columns: &[Column], options: &ImportOptions) -> Result<Vec<String>, MappingError> {
    if options.mode != Mode::Upsert {
        let detail = "rows that are identified by handles can only be upserted; leave mode out".to_owned();
        return refuse("conflicting-option", detail);
    }
    if columns.iter().any(|column| matches!(column.target, Target::Handles(_))) {
        return Ok(Vec::new());
    }
    let headers: Vec<&str> = columns.iter().map(|column| column.header.as_str()).collect();
    let wanted: Vec<&str> = options
        .mapping
        .iter()
        .filter(|(_, target)| target.as_ref().is_some_and(|name| name.starts_with(HANDLES_PREFIX)))
        .map(|(header, _)| header.as_str())
        .collect();
    let detail = format!(
        "no column tells who the rows are about: one must be {}; the file has: {}",
        wanted.join(" or "),
        headers.join(", ")
    );
    refuse("key-missing", detail)
}

#[cfg(test)]
mod tests;
