//! Which record a row is about. A user's id may come from one of several columns; the key of any other resource is its own
//! fields, each of which must be filled.

use super::{Draft, Rows, Slot};
use crate::batch::{Key, Patch, Text};
use crate::resource::Resource;
use crate::row_error::{RowCode, RowError};

impl Rows {
    /// The key, or `None` with an error in the draft.
    pub(super) fn key(&self, draft: &mut Draft) -> Option<Key> {
        match self.resource {
            Resource::Users if self.handles => self.key_of_handles(draft),
            Resource::Users => self.user_key(draft),
            Resource::Clients | Resource::ReportTypes => self.own_key(draft),
        }
    }

    fn own_key(&self, draft: &mut Draft) -> Option<Key> {
        let parts = std::mem::take(&mut draft.key);
        let mut complete = true;
        for (place, (field, part)) in self.key_fields.iter().zip(&parts).enumerate() {
            if part.is_some() {
                continue;
            }
            complete = false;
            let named = |error: &RowError| error.field.as_deref() == Some(field.name);
            if !draft.errors.iter().any(named) {
                let is_it = |slot: &Slot| matches!(slot, Slot::Key(of) if *of == place);
                draft
                    .errors
                    .push(self.required(field.name, is_it, "a value".to_owned()));
            }
        }
        complete.then(|| Key::new(parts.map(Option::unwrap_or_default)))
    }

    /// The header of the first column that fills such a slot.
    pub(super) fn header_of(&self, is_it: impl Fn(&Slot) -> bool) -> Option<String> {
        let column = self.readings.iter().find(|reading| is_it(&reading.slot));
        column.map(|reading| reading.header.clone())
    }

    fn required(&self, field: &str, is_it: impl Fn(&Slot) -> bool, expected: String) -> RowError {
        RowError {
            code: RowCode::Required,
            field: Some(field.to_owned()),
            column: self.header_of(is_it),
            message: "empty, but the row needs an id".to_owned(),
            expected: Some(expected),
            value: None,
        }
    }

    /// A handle that is wrong has its error already.
    fn key_of_handles(&self, draft: &mut Draft) -> Option<Key> {
        let key = draft.handles.key(&self.source);
        if key.is_none() && draft.errors.is_empty() {
            let is_it = |slot: &Slot| matches!(slot, Slot::Handles(_));
            let expected = "an e-mail address, a telephone number or a username";
            draft.errors.push(RowError {
                message: "no handle, but the row needs one".to_owned(),
                ..self.required("handles", is_it, expected.to_owned())
            });
        }
        key
    }

    /// The key's parts: source and language from their cells or the defaults, the source id from the first filled key field.
    fn user_key(&self, draft: &mut Draft) -> Option<Key> {
        let [source, source_id, language] = std::mem::take(&mut draft.key);
        let id = self.key.iter().find_map(|name| match name.as_str() {
            "source_id" => source_id.clone(),
            name => self.value_of(draft, name),
        });
        let Some(source_id) = id else {
            self.miss_key(draft);
            return None;
        };
        Some(Key::user(
            source.unwrap_or_else(|| self.source.as_str().into()),
            source_id,
            language.unwrap_or_default(),
        ))
    }

    fn value_of(&self, draft: &Draft, name: &str) -> Option<Text> {
        let place = self.fields.iter().position(|field| field.name == name)?;
        match draft.values.get(place) {
            Some(Patch::Set(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// A key cell that is filled but wrong has its error already, and a refused row its reason; an empty one is named.
    fn miss_key(&self, draft: &mut Draft) {
        let named = |error: &RowError| {
            error.code == RowCode::Refused || error.field.as_ref().is_some_and(|field| self.key.contains(field))
        };
        if draft.errors.iter().any(named) {
            return;
        }
        let field = self.key.first().map_or("", String::as_str);
        let expected = format!("a value in {}", self.key.join(" or "));
        let is_it = |slot: &Slot| self.name(slot) == Some(field);
        draft.errors.push(self.required(field, is_it, expected));
    }

    /// The field that a slot fills.
    fn name(&self, slot: &Slot) -> Option<&'static str> {
        match slot {
            Slot::Key(place) => self.key_fields.get(*place).map(|field| field.name),
            Slot::Value(_, field) => Some(field.name),
            Slot::Part(_)
            | Slot::Attribute(_)
            | Slot::Attributes
            | Slot::Handles(_)
            | Slot::Refusal
            | Slot::Ignored => None,
        }
    }
}
