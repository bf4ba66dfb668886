//! Records of a file, as the engine hands them over.

use std::sync::Arc;

use worker::batch::{Entry, Fate, Key, Patch, Row, Text};
use worker::ports::Checkpoint;
use worker::resource::Resource;
use worker::row_error::{Failure, RowCode, RowError};

/// What a record of a test's file says.
#[derive(Clone, Debug)]
pub(super) struct Says {
    pub(super) source: &'static str,
    pub(super) id: String,
    pub(super) email: Patch<Text>,
    pub(super) first_name: Patch<Text>,
    pub(super) city: Patch<serde_json::Value>,
}

/// A row that sets the e-mail address and leaves the rest alone.
pub(super) fn user(id: impl ToString, email: &str) -> Says {
    Says {
        source: "hr",
        id: id.to_string(),
        email: Patch::Set(email.into()),
        first_name: Patch::Keep,
        city: Patch::Keep,
    }
}

impl Says {
    pub(super) fn first_name(self, name: &str) -> Self {
        Self {
            first_name: Patch::Set(name.into()),
            ..self
        }
    }

    pub(super) fn city(self, city: &str) -> Self {
        Self {
            city: Patch::Set(city.into()),
            ..self
        }
    }

    fn row(&self) -> Row {
        let values = Resource::Users.fields().iter().map(|field| match field.name {
            "email" => self.email.clone(),
            "first_name" => self.first_name.clone(),
            _ => Patch::Keep,
        });
        let key = Key::user(self.source, self.id.as_str(), "");
        let mut row = Row::new(key, values.collect(), vec![(Arc::from("city"), self.city.clone())]);
        row.cells = Some(vec![self.id.clone(), format!("{:?}", self.email)]);
        row
    }
}

/// One record of a test's file.
#[derive(Clone, Debug)]
pub(super) enum Record {
    Row(Says),
    /// A row whose e-mail address is broken, with its cells.
    Bad(Vec<&'static str>),
    Blank,
}

impl From<Says> for Record {
    fn from(says: Says) -> Self {
        Self::Row(says)
    }
}

/// A file of these records: record `n` stands on line `n + 1` and takes 10 bytes.
pub(super) fn file(records: impl IntoIterator<Item = impl Into<Record>>) -> Vec<Entry> {
    let records = (1..).zip(records).map(|(record, says)| Entry {
        record,
        line: record + 1,
        after: Checkpoint {
            record,
            byte: record * 10,
            line: record + 2,
        },
        warned: false,
        fate: fate(record, says.into()),
    });
    records.collect()
}

fn fate(record: u64, says: Record) -> Fate {
    match says {
        Record::Row(says) => Fate::Row(Box::new(says.row())),
        Record::Blank => Fate::Blank,
        Record::Bad(cells) => {
            let error = RowError {
                code: RowCode::InvalidEmail,
                field: Some("email".into()),
                column: Some("E-Mail".into()),
                message: "not a valid e-mail address".into(),
                expected: None,
                value: cells.last().map(|cell| (*cell).to_owned()),
            };
            let cells = cells.into_iter().map(str::to_owned).collect();
            Fate::Failed(Box::new(Failure {
                record,
                line: record + 1,
                errors: vec![error],
                cells,
            }))
        }
    }
}
