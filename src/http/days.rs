//! Days as clients write them: ISO 8601, with or without a time, and the one other form that a surface's document names.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// The day as `YYYY-MM-DD`; nothing where the text is no day in ISO form or in `form`. A time is dropped, never converted:
/// the day is the one its author wrote.
pub(super) fn iso_day(text: &str, form: &str) -> Option<String> {
    let time = || DateTime::parse_from_rfc3339(text).map(|time| time.date_naive());
    let local = || text.parse::<NaiveDateTime>().map(|time| time.date());
    let plain = text.len() == 10;
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").or_else(|_| NaiveDate::parse_from_str(text, form));
    let found = if plain { day() } else { time().or_else(|_| local()) };
    Some(found.ok()?.format("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::iso_day;

    #[test]
    fn iso_and_one_other_form() {
        let of = |text| iso_day(text, "%d/%m/%Y");
        for text in [
            "1980-02-29",
            "29/02/1980",
            "1980-02-29T23:30:00+02:00",
            "1980-02-29T00:00:00",
            "1980-02-29T00:00:00.000Z",
        ] {
            assert_eq!(of(text).as_deref(), Some("1980-02-29"), "{text}");
        }
        for text in [
            "1981-02-29",
            "29/2/1980",
            "29-02-1980",
            "02/29/1980",
            "",
            "29/02/80",
            "1980-02-29 noon",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(iso_day("02-29-1980", "%m-%d-%Y").as_deref(), Some("1980-02-29"));
    }
}
