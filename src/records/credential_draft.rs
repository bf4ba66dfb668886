//! What a caller says of a credential, and what of it is against the rules.

use worker::row_error::RowCode;

use super::draft::Fault;
use super::password::Password;
use super::rules::{broken, changed, line, lines, named, password, required, required_line};
use crate::store::model::Change;

/// Most report types that one call may name.
const MAX_REPORT_TYPES: usize = 100;

/// What a caller says of a credential, unchecked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialDraft {
    /// What is reported: one credential each.
    pub report_types: Change<Vec<String>>,
    /// The organization that takes the reports.
    pub pro: Change<String>,
    /// Its own.
    pub login: Change<String>,
    /// Its own.
    pub password: Change<Password>,
    /// Under which the client is known there.
    pub registration_number: Change<String>,
    /// For people.
    pub notes: Change<String>,
    /// How often is reported.
    pub interval: Change<String>,
    /// For people.
    pub extra_info: Change<String>,
    /// Whether it is linked to a collective account.
    pub collective_account: Change<bool>,
    /// To which.
    pub collective_account_id: Change<i64>,
}

impl CredentialDraft {
    /// What it says, by the rules of its fields.
    pub(super) fn checked(&self) -> Result<Checked, Fault> {
        let pro = named("pro", self.pro.clone())?;
        let report_types = named("report_types", self.report_types.clone())?;
        Ok(Checked {
            pro: pro.map(|pro| required_line("pro", &pro)).transpose()?,
            report_types: report_types.as_deref().map(distinct).transpose()?,
            login: changed(self.login.clone(), |text| line("login", text))?,
            password: changed(self.password.clone(), |text| password("password", text))?,
            registration_number: changed(self.registration_number.clone(), |text| {
                line("registration_number", text)
            })?,
            notes: changed(self.notes.clone(), |text| lines("notes", text))?,
            interval: changed(self.interval.clone(), |text| line("interval", text))?,
            extra_info: changed(self.extra_info.clone(), |text| lines("extra_info", text))?,
            link: link(&self.collective_account, &self.collective_account_id)?,
        })
    }

    /// A credential that is linked to nothing has its own; they may be empty.
    pub(super) fn must_hold_login_and_password(&self) -> Result<(), Fault> {
        must_be_given("login", &self.login)?;
        must_be_given("password", &self.password)
    }
}

/// What a draft says, checked.
pub(super) struct Checked {
    pub(super) pro: Option<String>,
    pub(super) report_types: Option<Vec<String>>,
    pub(super) login: Change<String>,
    pub(super) password: Change<Password>,
    pub(super) registration_number: Change<String>,
    pub(super) notes: Change<String>,
    pub(super) interval: Change<String>,
    pub(super) extra_info: Change<String>,
    pub(super) link: Link,
}

/// What a draft says of the link to a collective account.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// Nothing.
    Unsaid,
    /// That there is one.
    Existing,
    /// That there is none.
    None,
    /// To this one.
    To(i64),
}

fn link(collective: &Change<bool>, id: &Change<i64>) -> Result<Link, Fault> {
    match (collective, id) {
        (Change::Set(false), Change::Set(_)) | (Change::Set(true), Change::Clear) => Err(broken(
            "collective_account_id",
            RowCode::InvalidChoice,
            "contradicts collective_account",
        )),
        (_, Change::Set(id)) => Ok(Link::To(*id)),
        (Change::Set(true), Change::Keep) => Ok(Link::Existing),
        (Change::Set(false) | Change::Clear, _) | (_, Change::Clear) => Ok(Link::None),
        (Change::Keep, Change::Keep) => Ok(Link::Unsaid),
    }
}

/// Report types without repeats, in their order.
fn distinct(given: &[String]) -> Result<Vec<String>, Fault> {
    let mut types: Vec<String> = Vec::new();
    for text in given {
        let text = required_line("report_types", text)?;
        if !types.contains(&text) {
            types.push(text);
        }
    }
    if types.is_empty() {
        return Err(required("report_types"));
    }
    if types.len() > MAX_REPORT_TYPES {
        let message = format!("too many; expected at most {MAX_REPORT_TYPES}");
        return Err(broken("report_types", RowCode::TooLong, &message));
    }
    Ok(types)
}

fn must_be_given<T>(name: &str, change: &Change<T>) -> Result<(), Fault> {
    match change {
        Change::Set(_) => Ok(()),
        Change::Keep | Change::Clear => Err(required(name)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_link_is_said_by_flag_and_id_together() {
        use Change::{Clear, Keep, Set};
        assert_eq!(link(&Keep, &Keep), Ok(Link::Unsaid));
        assert_eq!(link(&Set(true), &Keep), Ok(Link::Existing));
        for (collective, id) in [(Set(false), Keep), (Set(false), Clear), (Keep, Clear), (Clear, Keep)] {
            assert_eq!(link(&collective, &id), Ok(Link::None), "{collective:?} {id:?}");
        }
        for collective in [Set(true), Keep, Clear] {
            assert_eq!(link(&collective, &Set(5)), Ok(Link::To(5)), "{collective:?}");
        }
        assert!(link(&Set(false), &Set(5)).is_err() && link(&Set(true), &Clear).is_err());
    }

    #[test]
    fn report_types_are_named_once_and_at_least_one() {
        let named = |types: &[&str]| distinct(&types.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(named(&["WEEE", " WEEE", "Packaging"]).unwrap(), ["WEEE", "Packaging"]);
        assert!(named(&[]).is_err() && named(&["WEEE", ""]).is_err());
    }

    #[test]
    fn what_is_said_is_not_shown_by_accident() {
        let draft = CredentialDraft {
            password: Change::Set(Password::new("marked-secret".to_owned())),
            ..CredentialDraft::default()
        };
        assert!(!format!("{draft:?}").contains("marked-secret"));
    }
}
