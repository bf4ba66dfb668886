//! Query parameters or the JSON part `options` → `ImportOptions`. Both may be given as long as they agree; what is unknown or
//! cannot be used is named, all of it at once.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use worker::import::{Blank, ImportId, ImportOptions, Mode, Ragged};
use worker::resource::{Kind as CellKind, Resource, cell};

use crate::http::problem::{Fault, Kind, Problem};
use crate::http::query::{Query, hint};

/// How a file is to be imported; every option has its default but `resource`.
#[derive(Clone, Debug, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub struct Options {
    /// What the rows are.
    #[schema(example = "users")]
    pub resource: String,
    /// `upsert` (default), `create` or `update`.
    pub mode: Option<String>,
    /// Work out every outcome, commit no record.
    pub dry_run: Option<bool>,
    /// Header → field, or null for a column to ignore; as a query parameter it is the JSON text.
    #[schema(example = json!({"E-Mail": "email", "Cost Centre": null}))]
    #[param(value_type = Option<String>)]
    pub mapping: Option<BTreeMap<String, Option<String>>>,
    /// Users: the source of rows without a source column; default `import`.
    pub source: Option<String>,
    /// Users: which field gives the source id when no column is mapped to it: `source_id`, `username` or `email`; several by commas.
    pub key: Option<String>,
    /// What empty cells do: `clear` (default) or `ignore`.
    pub blank: Option<String>,
    /// What short and long rows do: `reject` (default) or `pad`.
    pub ragged: Option<String>,
    /// One character, or `tab`; detected by default.
    pub delimiter: Option<String>,
    /// A name of the WHATWG encoding standard; detected by default.
    pub encoding: Option<String>,
    /// Stop once more rows than this have failed.
    pub max_failures: Option<u64>,
    /// The import whose failed rows this one mends.
    pub retry_of: Option<i64>,
}

/// The names of all options.
pub const NAMES: &[&str] = &[
    "resource",
    "mode",
    "dry_run",
    "mapping",
    "source",
    "key",
    "blank",
    "ragged",
    "delimiter",
    "encoding",
    "max_failures",
    "retry_of",
];
/// Fields that may give the source id.
const KEYS: [&str; 3] = ["source_id", "username", "email"];

/// Puts the options together. `charset` is the encoding that the body's type names; the option goes before it.
pub fn combine(
    query: &Query,
    part: Option<&Map<String, Value>>,
    charset: Option<&str>,
) -> Result<ImportOptions, Problem> {
    let mut faults = Vec::new();
    let given = gather(query, part, &mut faults);
    let mut options = ImportOptions::new(Resource::Users);
    for (name, value) in &given {
        if let Err(expected) = apply(name, value, &mut options) {
            faults.push(invalid(name, value, &expected, query.get(name).is_some()));
        }
    }
    if !given.iter().any(|(name, _)| *name == "resource") {
        let detail = format!("resource is missing; expected one of {}.", resources());
        faults.push(Fault::parameter(Kind::RequiredField, "resource", detail));
    }
    faults.extend(misplaced(&given, options.resource, query));
    if options.encoding.is_none() {
        options.encoding = charset.map(str::to_owned);
    }
    Problem::faults(faults).map_or(Ok(options), Err)
}

/// Options that say where the id of a user comes from, given for records that have their own key.
fn misplaced(given: &[(&str, Value)], resource: Resource, query: &Query) -> Vec<Fault> {
    let of_users = |(name, _): &&(&str, Value)| resource != Resource::Users && matches!(*name, "source" | "key");
    let fault = |(name, _): &(&str, Value)| {
        let keys: Vec<&str> = resource.key_fields().iter().map(|field| field.name).collect();
        let (word, keys) = (resource.as_str(), keys.join(", "));
        let detail = format!("{name} is an option for users; {word} are known by {keys}.");
        if query.get(name).is_some() {
            Fault::parameter(Kind::InvalidParameter, name, detail)
        } else {
            Fault::field(Kind::InvalidField, &[name], detail)
        }
    };
    given.iter().filter(of_users).map(fault).collect()
}

/// Every option that is given, from wherever, once.
fn gather<'a>(query: &Query, part: Option<&Map<String, Value>>, faults: &mut Vec<Fault>) -> Vec<(&'a str, Value)> {
    let empty = Map::new();
    let part = part.unwrap_or(&empty);
    for name in part.keys().filter(|name| !NAMES.contains(&name.as_str())) {
        let detail = format!("{name} is not an option{}", hint(name, NAMES));
        faults.push(Fault::field(Kind::UnknownField, &[name], detail));
    }
    let mut given = Vec::new();
    for name in NAMES {
        let in_query = query.get(name).map(|text| from_text(name, text));
        let value = match (in_query, part.get(*name)) {
            (Some(one), Some(other)) if one != *other => {
                let detail = format!("{name} is in the query and in the options part, with different values.");
                faults.push(Fault::field(Kind::ConflictingOption, &[name], detail));
                continue;
            }
            (Some(value), _) => value,
            (None, Some(value)) => value.clone(),
            (None, None) => continue,
        };
        given.push((*name, value));
    }
    given
}

/// A query parameter as the JSON value that the options part would hold; what does not read stays text, and is refused later.
fn from_text(name: &str, text: &str) -> Value {
    let json = matches!(name, "dry_run" | "mapping" | "max_failures" | "retry_of");
    let parsed = json
        .then(|| worker::resource::json::parse(text.as_bytes()).ok())
        .flatten();
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn apply(name: &str, value: &Value, options: &mut ImportOptions) -> Result<(), String> {
    match name {
        "resource" => options.resource = word(value, Resource::parse, &format!("one of {}", resources()))?,
        "mode" => options.mode = word(value, mode, "upsert, create or update")?,
        "dry_run" => options.dry_run = value.as_bool().ok_or("true or false")?,
        "mapping" => options.mapping = mapping(value)?,
        "source" => options.source = word(value, source, "an identifier of 1 to 255 bytes")?,
        "key" => options.key = key(value)?,
        "blank" => options.blank = word(value, blank, "clear or ignore")?,
        "ragged" => options.ragged = word(value, ragged, "reject or pad")?,
        "delimiter" => options.delimiter = Some(word(value, delimiter, "one ASCII character, or tab")?),
        "encoding" => options.encoding = Some(word(value, encoding, "a name of the WHATWG encoding standard")?),
        "max_failures" => options.max_failures = Some(value.as_u64().ok_or("a whole number, 0 or more")?),
        "retry_of" => {
            options.retry_of = Some(ImportId(
                value.as_i64().filter(|id| *id > 0).ok_or("the id of an import")?,
            ))
        }
        _ => {}
    }
    Ok(())
}

fn word<T>(value: &Value, read: impl Fn(&str) -> Option<T>, expected: &str) -> Result<T, String> {
    value.as_str().and_then(read).ok_or_else(|| expected.to_owned())
}

fn resources() -> String {
    let words: Vec<&str> = Resource::ALL.iter().map(|resource| resource.as_str()).collect();
    words.join(", ")
}

fn mode(word: &str) -> Option<Mode> {
    match word {
        "upsert" => Some(Mode::Upsert),
        "create" => Some(Mode::Create),
        "update" => Some(Mode::Update),
        _ => None,
    }
}

fn blank(word: &str) -> Option<Blank> {
    match word {
        "clear" => Some(Blank::Clear),
        "ignore" => Some(Blank::Ignore),
        _ => None,
    }
}

fn ragged(word: &str) -> Option<Ragged> {
    match word {
        "reject" => Some(Ragged::Reject),
        "pad" => Some(Ragged::Pad),
        _ => None,
    }
}

fn source(text: &str) -> Option<String> {
    let text = cell::trim(CellKind::Id, text);
    let checked = cell::check(CellKind::Id, text).ok()?;
    (!text.is_empty()).then(|| checked.into_owned())
}

fn delimiter(text: &str) -> Option<char> {
    let mut chars = text.chars();
    match (text, chars.next(), chars.next()) {
        ("tab", ..) => Some('\t'),
        (_, Some(c), None) if c.is_ascii() => Some(c),
        _ => None,
    }
}

fn encoding(label: &str) -> Option<String> {
    encoding_rs::Encoding::for_label_no_replacement(label.as_bytes()).map(|encoding| encoding.name().to_owned())
}

fn mapping(value: &Value) -> Result<BTreeMap<String, Option<String>>, String> {
    const EXPECTED: &str = r#"an object of header to field or null, such as {"E-Mail":"email","Cost Centre":null}"#;
    let members = value.as_object().ok_or(EXPECTED)?;
    let target = |(header, target): (&String, &Value)| match target {
        Value::String(field) => Ok((header.clone(), Some(field.clone()))),
        Value::Null => Ok((header.clone(), None)),
        _ => Err(EXPECTED.to_owned()),
    };
    members.iter().map(target).collect()
}

fn key(value: &Value) -> Result<Vec<String>, String> {
    let names: Vec<String> = match value {
        Value::String(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().unwrap_or_default().to_owned())
            .collect(),
        _ => Vec::new(),
    };
    if names.is_empty() || names.iter().any(|name| !KEYS.contains(&name.as_str())) {
        return Err("source_id, username or email".to_owned());
    }
    Ok(names)
}

fn invalid(name: &str, value: &Value, expected: &str, in_query: bool) -> Fault {
    let found: String = value.to_string().chars().take(100).collect();
    let detail = format!("{name} is {found}; expected {expected}.");
    if in_query {
        Fault::parameter(Kind::InvalidParameter, name, detail)
    } else {
        Fault::field(Kind::InvalidField, &[name], detail)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn read(query: &str, part: Value) -> Result<ImportOptions, Vec<String>> {
        let query = Query::parse(query, NAMES).unwrap();
        let faults = |problem: Problem| {
            problem
                .errors
                .into_iter()
                .map(|fault| {
                    format!(
                        "{} {} {}",
                        fault.code,
                        fault.pointer.or(fault.parameter).unwrap(),
                        fault.detail
                    )
                })
                .collect()
        };
        combine(&query, part.as_object(), None).map_err(faults)
    }

    #[test]
    fn query_and_part_say_the_same() {
        let query = "resource=users&mode=create&dry_run=true&mapping=%7B%22E-Mail%22:%22email%22,%22x%22:null%7D&source=hr\
                     &key=username,email&blank=ignore&ragged=pad&delimiter=tab&encoding=latin1&max_failures=5&retry_of=7";
        let part = json!({
            "resource": "users", "mode": "create", "dry_run": true, "mapping": {"E-Mail": "email", "x": null}, "source": "hr",
            "key": ["username", "email"], "blank": "ignore", "ragged": "pad", "delimiter": "\t", "encoding": "windows-1252",
            "max_failures": 5, "retry_of": 7,
        });
        let expected = ImportOptions {
            mode: Mode::Create,
            dry_run: true,
            mapping: [("E-Mail".to_owned(), Some("email".to_owned())), ("x".to_owned(), None)].into(),
            source: "hr".to_owned(),
            key: vec!["username".to_owned(), "email".to_owned()],
            blank: Blank::Ignore,
            ragged: Ragged::Pad,
            delimiter: Some('\t'),
            encoding: Some("windows-1252".to_owned()),
            max_failures: Some(5),
            retry_of: Some(ImportId(7)),
            ..ImportOptions::new(Resource::Users)
        };
        assert_eq!(read(query, json!({})), Ok(expected.clone()));
        assert_eq!(read("", part), Ok(expected));
    }

    #[test]
    fn every_fault_is_named_with_its_place() {
        let part = json!({"mode": "insert", "dryrun": true, "mapping": {"a": 1}, "max_failures": -1, "blank": "clear"});
        insta::assert_snapshot!(read("ragged=x&dry_run=yes&blank=ignore", part).unwrap_err().join("\n"));
    }

    #[test]
    fn the_same_value_twice_is_no_conflict() {
        assert!(
            read(
                "resource=users&dry_run=true&max_failures=3",
                json!({"dry_run": true, "max_failures": 3})
            )
            .is_ok()
        );
    }

    #[test]
    fn options_for_the_id_of_users_are_for_users() {
        let faults = read("resource=clients&source=hr&mode=create", json!({"key": "email"})).unwrap_err();
        let expected = [
            "invalid-parameter source source is an option for users; clients are known by name.",
            "invalid-field /key key is an option for users; clients are known by name.",
        ];
        assert_eq!(faults, expected);
        assert!(read("resource=report_types&mode=create", json!({})).is_ok());
    }

    #[test]
    fn the_option_goes_before_the_charset() {
        let query = |text| Query::parse(text, NAMES).unwrap();
        let encoding = |text, charset| combine(&query(text), None, charset).unwrap().encoding;
        assert_eq!(encoding("resource=users", Some("UTF-8")).as_deref(), Some("UTF-8"));
        assert_eq!(
            encoding("resource=users&encoding=utf-16le", Some("UTF-8")).as_deref(),
            Some("UTF-16LE")
        );
        assert_eq!(encoding("resource=users", None), None);
    }

    #[test]
    fn the_documented_options_are_the_known_ones() {
        let documented: Vec<String> = Options::into_params(|| None)
            .into_iter()
            .map(|parameter| parameter.name)
            .collect();
        assert_eq!(documented, NAMES);
    }
}
