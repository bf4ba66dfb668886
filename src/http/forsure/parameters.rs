//! Parts of the path and parameters of the query, as this surface's clients write them: lists with commas, `True` for true, and an
//! empty value for none.

use actix_web::http::header::{ALLOW, HeaderValue};

use super::error::{client_not_found, credential_not_found, invalid};
use crate::http::path_id;
use crate::http::problem::{Kind, Problem};
pub(super) use crate::http::query::no_query;
use crate::http::query::{Query, invalid as unusable};
use crate::records;
use crate::store::model::{CredentialFilter, CredentialPlace};

/// Paths of their own where a client's number could stand, with the methods they have.
const NAMED: [(&str, &str); 2] = [("bulk-upload", "POST"), ("collective-accounts", "GET, HEAD")];

/// A client's number; what is none names no client.
pub(super) fn client_id(text: &str) -> Result<i64, Problem> {
    not_named(text)?;
    path_id(text).map_err(|_| client_not_found())
}

/// Refuses a path of its own, which does not have the method or it would not have come here.
pub(super) fn not_named(text: &str) -> Result<(), Problem> {
    match NAMED.iter().find(|(name, _)| *name == text) {
        Some((_, allowed)) => {
            let allowed = HeaderValue::from_static(allowed);
            Err(Problem::new(Kind::MethodNotAllowed).header(ALLOW, allowed))
        }
        None => Ok(()),
    }
}

/// Client, country and number of a credential.
pub(super) fn credential_place(
    (client, country_code, id): &(String, String, String),
) -> Result<CredentialPlace, Problem> {
    Ok(CredentialPlace {
        client_id: client_id(client)?,
        country: country(country_code)?,
        id: path_id(id).map_err(|_| credential_not_found())?,
    })
}

/// A country in the path.
pub(super) fn country(text: &str) -> Result<String, Problem> {
    records::country("country", text).map_err(|fault| invalid(&fault))
}

/// A parameter's text; an empty one is none.
pub(super) fn text(query: &Query, name: &str) -> Option<String> {
    query.get(name).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A list with commas.
pub(super) fn list(query: &Query, name: &str) -> Vec<String> {
    let parts = query.get(name).unwrap_or_default().split(',').map(str::trim);
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// `country`, `report_type` and `pro`, those of them that the operation knows.
pub(super) fn credential_filter(query: &Query) -> Result<CredentialFilter, Problem> {
    let countries = list(query, "country");
    Ok(CredentialFilter {
        countries: countries.iter().map(|text| country(text)).collect::<Result<_, _>>()?,
        report_types: list(query, "report_type"),
        pros: list(query, "pro"),
    })
}

/// True or false, as programs of any language write them.
pub(super) fn flag(query: &Query, name: &str) -> Result<Option<bool>, Problem> {
    let Some(text) = text(query, name) else { return Ok(None) };
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(Some(true)),
        "false" | "0" | "no" | "off" => Ok(Some(false)),
        _ => Err(Problem::fault(unusable(name, &text, "true or false"))),
    }
}

/// A number within bounds.
pub(super) fn number(query: &Query, name: &str, (least, most): (i64, i64), default: i64) -> Result<i64, Problem> {
    let Some(text) = text(query, name) else {
        return Ok(default);
    };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let read = text
        .parse()
        .ok()
        .filter(|number| digits && (least..=most).contains(number));
    read.ok_or_else(|| {
        let expected = format!("a whole number from {least} to {most}");
        Problem::fault(unusable(name, &text, &expected))
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn query(text: &str) -> Query {
        Query::parse(text, &["country", "report_type", "pro", "flag", "limit"]).unwrap()
    }

    #[test]
    fn lists_have_commas() {
        let filter = credential_filter(&query("country=de,%20FR,&report_type=WEEE&pro=")).unwrap();
        assert_eq!(filter.countries, ["DE", "FR"]);
        assert_eq!(filter.report_types, ["WEEE"]);
        assert!(filter.pros.is_empty());
        assert!(credential_filter(&query("country=DE,DEU")).is_err());
    }

    #[test]
    fn flags_are_written_in_many_ways() {
        let read = |text: &str| flag(&query(&format!("flag={text}")), "flag");
        assert!(
            [
                ("True", Some(true)),
                ("false", Some(false)),
                ("1", Some(true)),
                ("", None)
            ]
            .into_iter()
            .all(|(text, value)| read(text).is_ok_and(|read| read == value))
        );
        assert!(read("maybe").is_err());
    }

    #[test]
    fn numbers_keep_within_their_bounds() {
        let read = |text: &str| number(&query(&format!("limit={text}")), "limit", (1, 1000), 10);
        assert_eq!(
            (read("").ok(), read("1").ok(), read("1000").ok()),
            (Some(10), Some(1), Some(1000))
        );
        for broken in ["0", "1001", "-1", "%2B1", "1.0", "x", "99999999999999999999"] {
            assert!(read(broken).is_err(), "{broken}");
        }
    }
}
