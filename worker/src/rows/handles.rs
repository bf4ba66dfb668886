//! Handle cells → handles: several in one cell, separated by commas, each checked on its own. The first of each kind also
//! fills the field of its name, where a person has none.

use crate::batch::handles::{Handle, HandleKind};
use crate::batch::{Key, Patch, Text};
use crate::resource::cell::{self, CellError};
use crate::resource::{Field, Kind, rule};
use crate::row_error::{RowCode, RowError, shown};

/// Most handles in one cell: far more than a person has, and a bound on what one row makes the store do.
const MAX_HANDLES: usize = 100;

/// What a row says of its person's handles.
#[derive(Debug, Default)]
pub(super) struct Handles {
    all: Vec<Handle>,
    /// The first of each kind as it was written, in the order of `HandleKind::ALL`.
    first: [Option<Text>; 3],
}

impl Handles {
    /// Reads one cell.
    pub(super) fn take(&mut self, kind: HandleKind, header: &str, cell: &str) -> Result<(), RowError> {
        if rule::parts(cell).count() > MAX_HANDLES {
            let error = cell::fail(
                RowCode::TooLong,
                "too many handles",
                format!("at most {MAX_HANDLES} handles separated by commas"),
            );
            return error.map_err(|error| wrong(kind, header, cell, error));
        }
        for part in rule::parts(cell) {
            let text = check(kind, part).map_err(|error| wrong(kind, header, part, error))?;
            self.add(kind, text);
        }
        Ok(())
    }

    fn add(&mut self, kind: HandleKind, text: Text) {
        let value = match kind {
            // Case in a local part tells no two persons apart, whatever RFC 5321 allows.
            HandleKind::Email => text.to_lowercase(),
            HandleKind::Phone | HandleKind::Username => text.clone(),
        };
        let handle = Handle { kind, value };
        if !self.all.contains(&handle) {
            self.all.push(handle);
        }
        let place = HandleKind::ALL.iter().position(|known| *known == kind);
        if let Some(first) = place.and_then(|place| self.first.get_mut(place)) {
            first.get_or_insert(text);
        }
    }

    /// The key of a person whom nobody knows yet: its first handle in the order of the kinds.
    pub(super) fn key(&self, source: &str) -> Option<Key> {
        let first = self.all.iter().min_by_key(|handle| handle.kind)?;
        Some(Key::user(source, first.value.clone(), ""))
    }

    /// Fills fields that the row says nothing of, and gives the handles.
    pub(super) fn finish(self, fields: &[Field], values: &mut [Patch<Text>]) -> Vec<Handle> {
        for (kind, first) in HandleKind::ALL.into_iter().zip(self.first) {
            let place = fields.iter().position(|field| field.name == kind.as_str());
            let value = place.and_then(|place| values.get_mut(place));
            if let (Some(text), Some(value @ Patch::Keep)) = (first, value) {
                *value = Patch::Fill(text);
            }
        }
        self.all
    }
}

fn check(kind: HandleKind, part: &str) -> Result<Text, CellError> {
    let text = match kind {
        HandleKind::Email => cell::check(Kind::Email, part)?,
        HandleKind::Username => cell::check(Kind::Id, part)?,
        HandleKind::Phone if is_e164(part) => part.into(),
        HandleKind::Phone => {
            cell::check(Kind::Phone, part)?;
            let message = "not a telephone number in the form E.164";
            return cell::fail(RowCode::InvalidPhone, message, "+ and 2 to 15 digits: +4915112345678");
        }
    };
    Ok(text.as_ref().into())
}

/// `^\+[1-9]\d{1,14}$`
fn is_e164(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (2..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn wrong(kind: HandleKind, header: &str, value: &str, error: CellError) -> RowError {
    RowError {
        code: error.code,
        field: Some(format!("handles.{}", kind.as_str())),
        column: Some(header.to_owned()),
        message: error.message.to_owned(),
        expected: Some(error.expected),
        value: Some(shown(value)),
    }
}
