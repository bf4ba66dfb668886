//! A rule beyond a field's own, given with the import for one column of its file: what a vendor asks of a cell that others
//! do not. A rule is data; which column has which is the caller's to say.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::cell::{self, CellError, fail};
use crate::row_error::RowCode;

/// What the filled cells of a column must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// One of these words, letter by letter.
    OneOf(Vec<String>),
    /// Names separated by commas, each two or more ASCII letters, digits, `_`, `.`, `-` with a letter or digit at either end.
    Names {
        /// At most so many.
        most: usize,
    },
    /// A password hash: PHC string of pbkdf2, argon2i or argon2id, or bcrypt's own form.
    PasswordHash,
    /// For a column of attributes: a JSON object of JSON objects ("buckets").
    Buckets {
        /// Longest name of a bucket and of a member, in bytes.
        name_bytes: usize,
        /// Longest value in bytes: of a text as it is, of anything else as JSON.
        value_bytes: usize,
    },
    /// For a column that fills one attribute: texts separated by commas, kept as a JSON array without repeats.
    List,
}

impl Rule {
    /// Checks a trimmed, filled cell. What a column of attributes holds is checked as it is read (`buckets`, `list`).
    pub(crate) fn check(&self, cell: &str) -> Result<(), CellError> {
        match self {
            Self::OneOf(words) => one_of(words, cell),
            Self::Names { most } => names(cell, *most),
            Self::PasswordHash => password_hash(cell),
            Self::Buckets { .. } | Self::List => Ok(()),
        }
    }
}

fn one_of(words: &[String], cell: &str) -> Result<(), CellError> {
    if words.iter().any(|word| word == cell) {
        return Ok(());
    }
    let message = "not one of the accepted words";
    fail(RowCode::InvalidChoice, message, words.join(", "))
}

/// What stands between the commas, trimmed, empty parts left out.
pub(crate) fn parts(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(',')
        .map(|part| part.trim_matches([' ', '\t']))
        .filter(|part| !part.is_empty())
}

fn names(cell: &str, most: usize) -> Result<(), CellError> {
    if parts(cell).count() > most {
        let expected = format!("at most {most} names separated by commas");
        return fail(RowCode::TooLong, "too many names", expected);
    }
    if parts(cell).all(is_name) {
        return Ok(());
    }
    fail(
        RowCode::InvalidName,
        "not a name of letters, digits, _, . and - between a letter or digit at either end",
        "names such as admin or sales.emea-1, separated by commas",
    )
}

fn is_name(name: &str) -> bool {
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    bytes.len() >= 2 && ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(inner)
}

fn password_hash(cell: &str) -> Result<(), CellError> {
    if is_bcrypt(cell) || is_phc(cell) {
        return Ok(());
    }
    let message = "not a password hash of a known form";
    let expected = "a PHC string of pbkdf2, argon2i or argon2id, or a bcrypt hash";
    fail(RowCode::InvalidPasswordHash, message, expected)
}

/// `$2b$12$` and 53 letters of bcrypt's base 64.
fn is_bcrypt(cell: &str) -> bool {
    let parts: Vec<&str> = cell.split('$').collect();
    let ["", version, cost, rest] = parts.as_slice() else {
        return false;
    };
    let cost_ok = cost.len() == 2 && cost.parse::<u8>().is_ok_and(|cost| (4..=31).contains(&cost));
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/';
    matches!(*version, "2" | "2a" | "2b" | "2x" | "2y") && cost_ok && rest.len() == 53 && rest.bytes().all(letter)
}

/// `$id[$v=19][$m=65536,t=3,p=4]$salt$hash`; pbkdf2 also with the bare number of rounds that passlib writes, and its base 64.
fn is_phc(cell: &str) -> bool {
    let mut parts = cell.split('$');
    let (Some(""), Some(id), Some(hash), Some(salt)) =
        (parts.next(), parts.next(), parts.next_back(), parts.next_back())
    else {
        return false;
    };
    let pbkdf2 = id == "pbkdf2"
        || id
            .strip_prefix("pbkdf2-")
            .is_some_and(|digest| !digest.is_empty() && digest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    if !pbkdf2 && !matches!(id, "argon2i" | "argon2id") {
        return false;
    }
    let base64 = |text: &str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+/.".contains(&byte);
        !text.is_empty() && text.bytes().all(letter)
    };
    let parameters: Vec<&str> = parts.collect();
    let rounds = |part: &&str| pbkdf2 && !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    base64(hash)
        && base64(salt)
        && (1..=2).contains(&parameters.len())
        && parameters.iter().all(|part| are_parameters(part) || rounds(part))
}

fn are_parameters(part: &str) -> bool {
    part.split(',').all(|pair| {
        pair.split_once('=').is_some_and(|(name, value)| {
            !name.is_empty()
                && !value.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
                && value.bytes().all(|byte| byte.is_ascii_digit())
        })
    })
}

/// Reads a cell that holds attributes as buckets.
pub(crate) fn buckets(cell: &str, name_bytes: usize, value_bytes: usize) -> Result<Map<String, Value>, CellError> {
    let buckets = cell::json_object(cell)?;
    for (name, bucket) in &buckets {
        let Value::Object(members) = bucket else {
            let message = "not a JSON object of JSON objects";
            return fail(RowCode::InvalidJson, message, r#"{"bucket":{"key":"value"}}"#);
        };
        for name in std::iter::once(name).chain(members.keys()) {
            if name.len() > name_bytes {
                let expected = format!("names of at most {name_bytes} bytes");
                return fail(RowCode::TooLong, "the name of a bucket or key is too long", expected);
            }
        }
        if members.values().any(|value| length(value) > value_bytes) {
            let expected = format!("values of at most {value_bytes} bytes");
            return fail(RowCode::TooLong, "a value is too long", expected);
        }
    }
    Ok(buckets)
}

fn length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        other => other.to_string().len(),
    }
}

/// Reads a cell that holds one attribute as a list.
pub(crate) fn list(cell: &str) -> Result<Value, CellError> {
    let mut items: Vec<&str> = Vec::new();
    for part in parts(cell) {
        cell::check_attribute(part)?;
        if !items.contains(&part) {
            items.push(part);
        }
    }
    Ok(Value::from(items))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(rule: &Rule, cell: &str) -> bool {
        rule.check(cell).is_ok()
    }

    #[test]
    fn names_keep_to_their_shape() {
        let rule = Rule::Names { most: 3 };
        for good in ["ab", "admin", "a.b", "a-b_c.9", "x1, y2 ,z3", "aa,,bb"] {
            assert!(takes(&rule, good), "{good}");
        }
        for bad in ["a", ".ab", "ab-", "a b", "ä1", "_a", "ab,b", "aa,bb,cc,dd"] {
            assert!(!takes(&rule, bad), "{bad}");
        }
    }

    #[test]
    fn words_are_compared_letter_by_letter() {
        let rule = Rule::OneOf(vec!["us-iowa".to_owned(), "asia-japan".to_owned()]);
        assert!(takes(&rule, "us-iowa"));
        for bad in ["US-IOWA", "us-iowa,asia-japan", "mars"] {
            assert!(!takes(&rule, bad), "{bad}");
        }
    }

    #[test]
    fn password_hashes_are_known_by_their_form() {
        for good in [
            "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
            "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
            "$argon2id$v=19$m=65536,t=2,p=1$gZiV/M1gPc22ElAH/Jh1Hw$CWOrkoo7oJBQ/iyh7uJ0LO2aLEfrHwTWllSAxT0zRno",
            "$argon2i$m=120,t=5000,p=2$4fXXG0spB92WPB1NitT8/OH0VKI$iPBVuORECm5biUsjq33hn9/7BKqy9aPWKhFfK2haEsM",
            "$pbkdf2-sha256$i=600000,l=32$c2FsdHNhbHQ$aGFzaGhhc2g",
            "$pbkdf2-sha512$29000$4dwbI0TImRPCOKeUckSIEA$.tM0NhdRAvc8Ihcr4SUfhGgoHH.jxTYsG3gVDDz5Lf5E",
        ] {
            assert!(takes(&Rule::PasswordHash, good), "{good}");
        }
        for bad in [
            "secret",
            "$2b$12$tooshort",
            "$2b$99$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
            "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
            "$argon2d$v=19$m=16,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
            "$argon2id$c2FsdHNhbHQ$aGFzaA",
            "$argon2id$v=19$m=16,t=2,p=1$c2Fs dA$aGFzaA",
            "argon2id$v=19$m=16,t=2,p=1$c2FsdA$aGFzaA",
            "$argon2id$65536$c2FsdHNhbHQ$aGFzaA",
            "$pbkdf2-sha256$29000$$aGFzaA",
            "$pbkdf2-sha256$",
            "$",
            "",
        ] {
            assert!(!takes(&Rule::PasswordHash, bad), "{bad}");
        }
    }

    #[test]
    fn buckets_have_short_names_and_values() {
        let read = |cell: &str| buckets(cell, 4, 6).is_ok();
        assert!(read("{}"));
        assert!(read(r#"{"b":{"k":"123456","n":[1,2],"gone":null},"c":{}}"#));
        for bad in [
            "[]",
            "x",
            r#"{"b":1}"#,
            r#"{"b":null}"#,
            r#"{"bbbbb":{}}"#,
            r#"{"b":{"kkkkk":1}}"#,
            r#"{"b":{"k":"1234567"}}"#,
            r#"{"b":{"k":[1,2,3]}}"#,
        ] {
            assert!(!read(bad), "{bad}");
        }
    }

    #[test]
    fn a_list_has_no_repeats() {
        assert_eq!(list(" a, b c,,a").ok(), Some(serde_json::json!(["a", "b c"])));
        assert!(list("a\u{1}").is_err());
    }
}
