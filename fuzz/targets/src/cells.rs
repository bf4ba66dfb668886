//! One cell under the rule of every kind: what is accepted is canonical, and what it should be.

use worker::resource::Kind;
use worker::resource::cell::{self, check, trim};

const KINDS: [Kind; 16] = [
    Kind::Id,
    Kind::Text(20),
    Kind::Text(cell::MAX_ATTRIBUTE_BYTES),
    Kind::Line(20),
    Kind::Email,
    Kind::Phone,
    Kind::Gender,
    Kind::Date,
    Kind::LanguageTag,
    Kind::LanguageCode,
    Kind::Groups,
    Kind::JsonArray,
    Kind::Bool,
    Kind::Country,
    Kind::Children,
    Kind::Secret,
];

/// The bytes are the cell.
pub fn cells(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for kind in KINDS {
        let cell = trim(kind, &text);
        if cell.is_empty() {
            continue;
        }
        match check(kind, cell) {
            Ok(accepted) => {
                assert_eq!(trim(kind, &accepted), accepted, "{kind:?}");
                is_accepted_again(kind, &accepted);
                is_right(kind, cell, &accepted);
            }
            Err(error) => {
                assert!(!error.message.is_empty() && !error.expected.is_empty());
                is_rightly_refused(kind, cell);
            }
        }
    }
}

fn is_accepted_again(kind: Kind, accepted: &str) {
    // Groups come as names and are kept as JSON.
    let again = if kind == Kind::Groups {
        groups(accepted).join(",")
    } else {
        accepted.to_owned()
    };
    match check(kind, &again) {
        Ok(second) => assert_eq!(second, accepted, "{kind:?} changes what it has accepted"),
        Err(error) => assert!(
            kind == Kind::Groups && again.is_empty(),
            "{kind:?} accepts {again:?} once: {error:?}"
        ),
    }
}

fn is_right(kind: Kind, cell: &str, accepted: &str) {
    match kind {
        Kind::Date => assert!(is_day(cell) && accepted == cell, "{cell:?} is no day"),
        Kind::Bool => assert_eq!(word(cell, &TRUE), accepted == "true", "{cell:?}"),
        Kind::Email => {
            let (local, domain) = accepted.rsplit_once('@').expect("an @");
            assert!(!local.is_empty() && local.len() <= 64 && accepted.len() <= 254);
            assert!(domain.contains('.') && domain == domain.to_lowercase());
            assert!(!accepted.contains(|letter: char| letter.is_whitespace() || letter.is_control()));
        }
        Kind::Phone => assert!((3..=15).contains(&accepted.matches(|digit: char| digit.is_ascii_digit()).count())),
        Kind::Groups => assert!(groups(accepted).iter().all(|name| cell.contains(name.as_str()))),
        Kind::Text(max) | Kind::Line(max) => assert!(accepted.len() <= max && accepted == cell),
        Kind::Id => assert!(accepted.len() <= 255 && accepted == cell),
        Kind::Secret => assert!(accepted == cell && !cell.contains('\0')),
        Kind::Country => assert!(cell.eq_ignore_ascii_case(accepted) && accepted.len() == 2),
        Kind::LanguageCode => assert!(cell.eq_ignore_ascii_case(accepted) && accepted.len() == 2),
        Kind::LanguageTag => assert!(accepted.is_ascii() && accepted == cell),
        Kind::Gender => assert!(matches!(accepted, "m" | "f" | "u")),
        Kind::JsonArray => assert!(accepted.starts_with('[') && !accepted.contains('\0')),
        Kind::Children => assert!(accepted.starts_with('{') && !accepted.contains('\0')),
    }
}

fn is_rightly_refused(kind: Kind, cell: &str) {
    match kind {
        Kind::Date => assert!(!is_day(cell), "{cell:?} is a day"),
        Kind::Bool => assert!(!word(cell, &TRUE) && !word(cell, &FALSE), "{cell:?}"),
        _ => {}
    }
}

const TRUE: [&str; 3] = ["true", "yes", "1"];
const FALSE: [&str; 3] = ["false", "no", "0"];

fn word(cell: &str, words: &[&str]) -> bool {
    words.iter().any(|word| cell.eq_ignore_ascii_case(word))
}

/// `YYYY-MM-DD` by the calendar of Gregory, from the year 1 on.
fn is_day(cell: &str) -> bool {
    let bytes = cell.as_bytes();
    let shaped = bytes.len() == 10
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !shaped {
        return false;
    }
    let number = |from: usize, to: usize| cell[from..to].parse::<u32>().unwrap();
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let leap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    year > 0 && (1..=days).contains(&day)
}

/// The names in `["a","b"]`.
fn groups(json: &str) -> Vec<String> {
    serde_json::from_str(json).expect("a JSON array of names")
}
