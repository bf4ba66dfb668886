//! The body of a batch: read whole once, then profile by profile, so that it is never a tree in memory.

use serde_json::Value;
use serde_json::value::RawValue;
use worker::import::{ImportOptions, Mode};
use worker::resource::json;

use super::SURFACE;
use super::profile::{self, COLUMNS};
use crate::http::members::{self, Members, Shape};
use crate::http::problem::{Kind, Problem};
use crate::imports::composed::{self, ComposedRow};

/// A request as it is to be run.
#[derive(Debug)]
pub(super) struct Batch {
    /// The text of `Profiles`, an array.
    profiles: String,
    /// How the password hashes were made.
    encryption: Option<Value>,
    /// Whether profiles that are there already are changed.
    overwrite: bool,
}

impl Batch {
    /// Reads the body; members that the document does not name are passed over.
    pub(super) fn read(body: &str) -> Result<Self, Problem> {
        let members = Members::read(body).map_err(|_| Problem::new(Kind::InvalidJson))?;
        let given = |name: &str| members.get(name).filter(|value| Shape::of(value) != Shape::Null);
        let profiles = given("Profiles")
            .filter(|value| Shape::of(value) == Shape::Array)
            .ok_or_else(|| Problem::with(Kind::InvalidField, "Profiles: expected an array."))?;
        let encryption = given("PasswordEncryption").map(|value| json::parse(value.get().as_bytes()));
        Ok(Self {
            profiles: profiles.get().to_owned(),
            encryption: encryption.transpose().map_err(|_| Problem::new(Kind::InvalidJson))?,
            overwrite: given("DeltaMigrationModel").map_or(Ok(true), overwrite)?,
        })
    }

    /// How it is to be run.
    pub(super) fn options(&self) -> ImportOptions {
        ImportOptions {
            mode: if self.overwrite { Mode::Upsert } else { Mode::Create },
            ..composed::options(COLUMNS, SURFACE)
        }
    }

    /// Gives each profile's row to `each`, in order, until that says no.
    pub(super) fn rows(&self, each: &mut dyn FnMut(ComposedRow) -> bool) {
        let row = &mut |profile: &RawValue| each(profile::row(profile, self.encryption.as_ref()));
        // `read` has been through the text already.
        members::each_item(&self.profiles, row).ok();
    }
}

/// `DeltaMigration` says that more batches follow, which makes no difference here.
fn overwrite(model: &RawValue) -> Result<bool, Problem> {
    let wrong = || {
        Problem::with(
            Kind::InvalidField,
            "DeltaMigrationModel: expected an object of booleans.",
        )
    };
    let members = Members::read(model.get()).map_err(|_| wrong())?;
    let mut overwrite = true;
    for (name, value) in members.iter() {
        let said = serde_json::from_str::<Option<bool>>(value.get()).map_err(|_| wrong())?;
        if let ("OverWriteDuplicate", Some(said)) = (name, said) {
            overwrite = said;
        }
    }
    Ok(overwrite)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn batch(body: &str) -> Batch {
        Batch::read(body).unwrap()
    }

    #[test]
    fn profiles_come_one_by_one_in_order() {
        let batch = batch(r#"{"Profiles": [{"UserName":"a"}, 7, {"UserName":"b"}], "Other": {}}"#);
        let mut rows = Vec::new();
        batch.rows(&mut |row| {
            rows.push(row.into_cells().concat());
            true
        });
        let expected = [
            "loginradiusaa",
            "not an object with each member given once",
            "loginradiusbb",
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn duplicates_are_overwritten_unless_it_says_no() {
        let mode = |model: &str| {
            batch(&format!(r#"{{"Profiles":[],"DeltaMigrationModel":{model}}}"#))
                .options()
                .mode
        };
        assert_eq!(mode("null"), Mode::Upsert);
        assert_eq!(mode(r#"{"DeltaMigration":true}"#), Mode::Upsert);
        assert_eq!(
            mode(r#"{"DeltaMigration":true,"OverWriteDuplicate":true}"#),
            Mode::Upsert
        );
        assert_eq!(
            mode(r#"{"DeltaMigration":true,"OverWriteDuplicate":false}"#),
            Mode::Create
        );
    }

    #[test]
    fn another_shape_is_refused() {
        for body in [
            "",
            "[]",
            "{",
            "{}",
            r#"{"Profiles":null}"#,
            r#"{"Profiles":{}}"#,
            r#"{"Profiles":[],"Profiles":[]}"#,
            r#"{"Profiles":[{]}"#,
            r#"{"Profiles":[],"DeltaMigrationModel":false}"#,
            r#"{"Profiles":[],"DeltaMigrationModel":{"OverWriteDuplicate":"no"}}"#,
        ] {
            assert_eq!(Batch::read(body).unwrap_err().status.as_u16(), 400, "{body}");
        }
    }
}
