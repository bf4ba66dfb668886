//! Identity of a record inside its organization, whatever its resource.

use super::Text;
use crate::resource::Resource;

/// Most fields that a key has.
pub const KEY_PARTS: usize = 3;

/// The values of the resource's key fields in their order; places beyond them are empty. Compared byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([Text; KEY_PARTS]);

impl Key {
    /// From its parts, in the order of `Resource::key_fields`.
    pub fn new(parts: [Text; KEY_PARTS]) -> Self {
        Self(parts)
    }

    /// A user's: the system it comes from, its id there, its language if records have one.
    pub fn user(source: impl Into<Text>, source_id: impl Into<Text>, language: impl Into<Text>) -> Self {
        Self([source.into(), source_id.into(), language.into()])
    }

    /// Every part, the empty ones beyond the resource's fields included.
    pub fn parts(&self) -> &[Text; KEY_PARTS] {
        &self.0
    }

    /// As people know it: a user by its id at the source, any other record by its fields.
    pub fn text(&self, resource: Resource) -> String {
        match resource {
            Resource::Users => self.source_id().to_owned(),
            Resource::Clients | Resource::ReportTypes => {
                let parts: Vec<&str> = self.0.iter().map(AsRef::as_ref).collect();
                parts.join(" ").trim_end().to_owned()
            }
        }
    }

    /// The system a user comes from.
    pub fn source(&self) -> &str {
        let [source, ..] = &self.0;
        source
    }

    /// A user's id at its source.
    pub fn source_id(&self) -> &str {
        let [_, source_id, _] = &self.0;
        source_id
    }

    /// Empty where users have no language.
    pub fn language(&self) -> &str {
        let [.., language] = &self.0;
        language
    }
}
