//! The cells of a row that are about what hangs on its record: aliases and a credential of a client. They are put together
//! to one JSON object for each child field, to be merged into what is stored. Pure, as all of `rows`.

use serde_json::{Map, Value};

use super::{Draft, Rows, Slot, filled, row_error};
use crate::batch::Patch;
use crate::import::Blank;
use crate::resource::cell::{self, CellError};
use crate::resource::clients::{ALIAS, ALIASES, CREDENTIAL_KEY, CREDENTIALS, DETAILS, HIDDEN, Part, credential_key};
use crate::resource::{Field, Kind};
use crate::row_error::{RowCode, RowError};

/// Between aliases in one cell.
const BETWEEN_ALIASES: char = ';';

/// What the cells read so far say of children. Empty, and without a byte of its own, for a record that has none.
#[derive(Debug, Default)]
pub(super) struct Children {
    aliases: Map<String, Value>,
    /// Country, PRO and report type, as far as cells give them; one that is wrong is empty.
    key: [Option<String>; 3],
    details: Map<String, Value>,
    /// A cell of the credential holds something.
    is_credential: bool,
}

/// What stands in a JSON merge patch for a blank cell.
fn blank(rule: Blank) -> Option<Value> {
    (rule == Blank::Clear).then_some(Value::Null)
}

impl Rows {
    /// Takes one cell of a child.
    pub(super) fn take_part(&self, draft: &mut Draft, part: &Part, header: &str, cell: &str) {
        let taken = match part {
            Part::Alias => draft.children.take_aliases(header, cell, self.blank),
            Part::CountryAlias(country) => draft.children.take_alias(country, header, cell, self.blank),
            Part::CredentialKey(place) => draft.children.take_key(*place, header, cell),
            Part::Detail(place) => draft.children.take_detail(*place, header, cell, self.blank),
        };
        draft.errors.extend(taken.err());
    }

    /// Puts what was said of children into the values.
    pub(super) fn finish_children(&self, draft: &mut Draft) {
        if draft.children.say_nothing() {
            return;
        }
        let children = std::mem::take(&mut draft.children);
        if children.is_credential {
            draft.errors.extend(self.missing_parts(&children.key));
        }
        for (field, value) in self.fields.iter().zip(&mut draft.values) {
            let said = match field.name {
                _ if field.kind != Kind::Children => continue,
                ALIASES => &children.aliases,
                CREDENTIALS if children.is_credential => &children.credential(),
                _ => continue,
            };
            if !said.is_empty() {
                *value = Patch::Merge(Value::Object(said.clone()).to_string().into());
            }
        }
    }

    /// A credential that a row does not fully name.
    fn missing_parts(&self, key: &[Option<String>; 3]) -> impl Iterator<Item = RowError> {
        let parts = CREDENTIAL_KEY.iter().zip(key).enumerate();
        parts
            .filter(|(_, (_, part))| part.is_none())
            .map(|(place, (field, _))| {
                let is_it = |slot: &Slot| matches!(slot, Slot::Part(Part::CredentialKey(of)) if *of == place);
                RowError {
                    code: RowCode::Required,
                    field: Some(field.name.to_owned()),
                    column: self.header_of(is_it),
                    message: "empty, but the row has a credential".to_owned(),
                    expected: Some("country, pro and report_type of the credential".to_owned()),
                    value: None,
                }
            })
    }
}

impl Children {
    fn say_nothing(&self) -> bool {
        self.aliases.is_empty() && !self.is_credential
    }

    fn take_aliases(&mut self, header: &str, cell: &str, rule: Blank) -> Result<(), RowError> {
        let names = cell.split(BETWEEN_ALIASES).filter_map(|name| filled(ALIAS.kind, name));
        let checked = names
            .map(|name| check(&ALIAS, header, name))
            .collect::<Result<Vec<_>, _>>()?;
        let said = if checked.is_empty() {
            blank(rule)
        } else {
            Some(Value::from(checked))
        };
        self.aliases.extend(said.map(|said| (String::new(), said)));
        Ok(())
    }

    fn take_alias(&mut self, country: &str, header: &str, cell: &str, rule: Blank) -> Result<(), RowError> {
        let said = match filled(ALIAS.kind, cell) {
            None => blank(rule),
            Some(name) => Some(Value::String(check(&ALIAS, header, name)?)),
        };
        self.aliases.extend(said.map(|said| (country.to_owned(), said)));
        Ok(())
    }

    fn take_key(&mut self, place: usize, header: &str, cell: &str) -> Result<(), RowError> {
        let Some(field) = CREDENTIAL_KEY.get(place) else {
            return Ok(());
        };
        let Some(text) = filled(field.kind, cell) else {
            return Ok(());
        };
        self.is_credential = true;
        let checked = check(field, header, text);
        if let Some(part) = self.key.get_mut(place) {
            *part = Some(checked.as_ref().ok().cloned().unwrap_or_default());
        }
        checked.map(drop)
    }

    fn take_detail(&mut self, place: usize, header: &str, cell: &str, rule: Blank) -> Result<(), RowError> {
        let Some(field) = DETAILS.get(place) else {
            return Ok(());
        };
        let said = match filled(field.kind, cell) {
            None => blank(rule),
            Some(HIDDEN) if field.is_sensitive() => {
                self.is_credential = true;
                return Err(row_error(field, header, HIDDEN, hidden()));
            }
            Some(text) => {
                self.is_credential = true;
                Some(Value::String(check(field, header, text)?))
            }
        };
        self.details.extend(said.map(|said| (field.name.to_owned(), said)));
        Ok(())
    }

    /// The patch for the credential of this row.
    fn credential(&self) -> Map<String, Value> {
        let [country, pro, report_type] = self.key.each_ref().map(|part| part.as_deref().unwrap_or_default());
        let key = credential_key(country, pro, report_type);
        Map::from_iter([(key, Value::Object(self.details.clone()))])
    }
}

fn hidden() -> CellError {
    CellError {
        code: RowCode::InvalidChoice,
        message: "what is shown in place of a password; fill the password in, or leave the cell empty",
        expected: "the password itself".to_owned(),
    }
}

fn check(field: &Field, header: &str, text: &str) -> Result<String, RowError> {
    match cell::check(field.kind, text) {
        Ok(text) => Ok(text.into_owned()),
        Err(error) => Err(row_error(field, header, text, error)),
    }
}

#[cfg(test)]
mod tests;
