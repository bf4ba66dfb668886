//! Query parameters, strictly: each is known, given once and understood, or the request is refused with every fault at once.

use actix_web::HttpRequest;
use worker::mapping::nearest;

use super::problem::{Fault, Kind, Problem};

/// The parameters of one request.
#[derive(Debug, Default)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Decodes a query string; refuses names that are not in `known`, and any name given twice.
    pub fn parse(query: &str, known: &[&str]) -> Result<Self, Problem> {
        let Ok(pairs) = serde_urlencoded::from_str::<Vec<(String, String)>>(query) else {
            return Err(Problem::with(
                Kind::InvalidParameter,
                "The query string is not valid percent-encoded UTF-8.",
            ));
        };
        let mut faults = Vec::new();
        for (place, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                faults.push(unknown(name, known));
            } else if pairs.iter().take(place).any(|(earlier, _)| earlier == name) {
                faults.push(Fault::parameter(
                    Kind::RepeatedParameter,
                    name,
                    format!("{name} is given twice."),
                ));
            }
        }
        Problem::faults(faults).map_or(Ok(Self { pairs }), Err)
    }

    /// A parameter's text, if it was given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter read as something; `expected` finishes the sentence "expected …".
    pub fn read<T>(&self, name: &str, expected: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match read(text) {
            Some(value) => Ok(Some(value)),
            None => Err(Problem::fault(invalid(name, text, expected))),
        }
    }

    /// The pairs as they were given.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }
}

/// The query of a call that takes none.
pub fn no_query(request: &HttpRequest) -> Result<(), Problem> {
    Query::parse(request.query_string(), &[]).map(|_| ())
}

/// A value that cannot be used; shows at most 100 characters of it.
pub fn invalid(name: &str, found: &str, expected: &str) -> Fault {
    let found: String = found.chars().take(100).collect();
    Fault::parameter(
        Kind::InvalidParameter,
        name,
        format!("{name} is {found:?}; expected {expected}."),
    )
}

fn unknown(name: &str, known: &[&str]) -> Fault {
    let name: String = name.chars().take(100).collect();
    Fault::parameter(
        Kind::UnknownParameter,
        &name,
        format!("{name} is not a parameter of this call{}", hint(&name, known)),
    )
}

/// The end of a sentence about an unknown name: the nearest known one, or all of them.
pub fn hint(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("; did you mean {near}?"),
        None if known.is_empty() => "; it takes none.".to_owned(),
        None => format!("; known are {}.", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const KNOWN: &[&str] = &["status", "limit", "cursor"];

    #[test]
    fn unknown_and_repeated_parameters_are_named_all_at_once() {
        let problem = Query::parse("statsu=x&limit=1&limit=2&zzz=1", KNOWN).unwrap_err();
        let shown: Vec<String> = problem
            .errors
            .iter()
            .map(|fault| format!("{} {}", fault.code, fault.detail))
            .collect();
        assert_eq!(
            shown,
            [
                "unknown-parameter statsu is not a parameter of this call; did you mean status?",
                "repeated-parameter limit is given twice.",
                "unknown-parameter zzz is not a parameter of this call; known are status, limit, cursor.",
            ]
        );
        assert_eq!(problem.code, "unknown-parameter");
    }

    #[test]
    fn values_are_decoded_and_read() {
        let query = Query::parse("status=a%20b+c&limit=7", KNOWN).unwrap();
        assert_eq!(query.get("status"), Some("a b c"));
        assert_eq!(query.get("cursor"), None);
        assert_eq!(
            query
                .read("limit", "a number", |text| text.parse::<u64>().ok())
                .unwrap(),
            Some(7)
        );
        let problem = query
            .read("status", "a number", |text| text.parse::<u64>().ok())
            .unwrap_err();
        assert_eq!(problem.detail, "status is \"a b c\"; expected a number.");
        assert_eq!(problem.status.as_u16(), 400);
    }

    #[test]
    fn broken_utf8_is_no_parameter() {
        assert!(Query::parse("status=%ff", KNOWN).is_ok_and(|query| query.get("status") == Some("\u{fffd}")));
    }
}
