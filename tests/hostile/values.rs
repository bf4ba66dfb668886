//! 48 to 61: what stands in a cell, or in a member of JSON. The same rule holds at every door that takes the field; ids are
//! text and never numbers, and nothing is left to a database to understand.

use harness::{Client, both_stacks};
use serde_json::{Value, json};

use crate::catalogue::Entry;
use crate::members::{self, CALLERS};

/// A field of users and what is put into it.
#[derive(Clone)]
pub(crate) struct Cell {
    pub(crate) field: &'static str,
    pub(crate) text: String,
}

/// What becomes of a record with such a cell.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// It is made and holds this.
    Kept(String),
    /// It is refused for this cell, with this code; others go on.
    Refused(&'static str),
}

pub(crate) type Member = Entry<Cell, Fate>;

fn kept(number: u32, field: &'static str, texts: &[&str]) -> Vec<Member> {
    let entry = |text: &&str| entry(number, field, text, Fate::Kept((*text).to_owned()));
    texts.iter().map(entry).collect()
}

fn refused(number: u32, field: &'static str, code: &'static str, texts: &[&str]) -> Vec<Member> {
    texts
        .iter()
        .map(|text| entry(number, field, text, Fate::Refused(code)))
        .collect()
}

fn entry(number: u32, field: &'static str, text: &str, expected: Fate) -> Member {
    let text = text.to_owned();
    Entry {
        number,
        name: field,
        input: Cell { field, text },
        expected,
    }
}

#[rustfmt::skip]
pub(crate) fn cells() -> Vec<Member> {
    let long = "i".repeat(256);
    let local = format!("{}@example.com", "l".repeat(243));
    [
        refused(48, "source_id", "too-long", &[&long]),
        kept(48, "source_id", &["1", "01", "1.0", "\u{ff11}"]),
        kept(49, "source_id", &["ANA", "ana", "Ana"]),
        kept(50, "source_id", &["2147483648", "9007199254740993", "9223372036854775808", "-9223372036854775809", "1e5", "+5", "0x10", "1_000", "\u{661}\u{662}"]),
        refused(50, "source_id", "spreadsheet-damage", &["4.15556E+09"]),
        refused(50, "phone", "invalid-phone", &["\u{661}\u{662}\u{663}\u{664}", "0x1234", "1e5000"]),
        kept(51, "first_name", &["NaN", "Infinity", "1e400", "-0", "1,5"]),
        refused(52, "date_of_birth", "invalid-date", &["0000-00-00", "2023-02-30", "294277-01-01", "infinity", "-infinity", "now", "tomorrow", "today", "epoch", "allballs"]),
        refused(53, "date_of_birth", "invalid-date", &["03-04-05", "99-01-01", "2020-01-01T00:00:00Z", "2016-12-31T23:59:60Z", "10000-01-01", "20200101", "2020-1-1"]),
        kept(53, "date_of_birth", &["0001-01-01", "1969-12-31", "2038-01-20", "2024-02-29", "9999-12-31"]),
        refused(54, "email", "invalid-email", &["ana", "a@@example.com", "a@b@example.com", "Ana <a@example.com>", "\"a b\"@example.com", "a b@example.com", "a@example.com.", "a@example", "@example.com", "a@", "a@-x.com", &local]),
        kept(54, "email", &["a@b\u{fc}cher.de", "a+b@example.com", "o'neil@example.com"]),
        vec![entry(54, "email", " padded@EXAMPLE.com ", Fate::Kept("padded@example.com".to_owned()))],
        refused(55, "email", "invalid-email", &["a@example.com\r\nBcc: b@example.com", "a@example.com%0d%0aBcc:b@example.com\n"]),
        kept(56, "first_name", &["javascript:alert(1)", "file:///etc/passwd", "http://169.254.169.254/latest/meta-data/"]),
        kept(60, "first_name", &["' OR 1=1--", "$(rm -rf /)", "`id`", "{{7*7}}", "${jndi:ldap://x/a}", "%00", "../../etc/passwd", "\\x00", "%s%n"]),
        kept(61, "first_name", &["<script>alert(1)</script>", "</textarea>'\"><svg onload=x>"]),
        kept(62, "first_name", &["=1+2", "+1", "-1", "@SUM(A1)", "'=1", "\u{ff1d}1+2", ";=1+2", "=cmd|' /C calc'!A0"]),
        refused(11, "first_name", "control-character", &["a\u{1b}[31mb", "a\u{9b}b", "a\u{7f}b"]),
    ].concat()
}

#[rustfmt::skip]
fn json_cells() -> Vec<Member> {
    let deep = format!("[{{\"a\":{}{}}}]", "[".repeat(10_000), "]".repeat(10_000));
    let large = format!("[{{\"a\":\"{}\"}}]", "x".repeat(100_000));
    [
        refused(57, "addresses", "invalid-json", &["[{", "[{\"a\":1},]", "[{\"a\":NaN}]", &deep, "[{\"a\":1,\"a\":2}]", "[{\"b\":{\"a\":1,\"a\":1}}]", "7", "\"text\"", "{}", "[1]"]),
        refused(57, "addresses", "too-long", &[&large]),
        refused(58, "addresses", "invalid-json", &["[{\"a\":\"\\u0000\"}]", "[{\"\\u0000\":1}]", "[{\"a\":\"\\ud800\"}]"]),
        refused(51, "addresses", "invalid-json", &["[{\"a\":1e400}]", "[{\"a\":-1e400}]"]),
        refused(59, "addresses", "invalid-json", &["[{\"a\":18446744073709551616}]", "[{\"a\":-9223372036854775809}]", "[{\"a\":123456789012345678901234567890}]"]),
        kept(59, "addresses", &["[{\"a\":9007199254740993}]", "[{\"a\":18446744073709551615}]", "[{\"a\":-9223372036854775808}]", "[{\"a\":1.5}]"]),
    ].concat()
}

pub(crate) fn numbers() -> Vec<u32> {
    cells().iter().chain(&json_cells()).map(|entry| entry.number).collect()
}

/// What the product shows of a field; JSON is compared as JSON text.
fn shown(user: &Value, field: &str) -> String {
    match &user[field] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// All entries as one file of users; the row of each is its place.
fn as_file(entries: &[Member]) -> Vec<u8> {
    let columns = [
        "source_id",
        "email",
        "first_name",
        "phone",
        "date_of_birth",
        "addresses",
    ];
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record(columns).unwrap();
    for (place, Entry { input, .. }) in entries.iter().enumerate() {
        let id = format!("row-{place}");
        let cell = |column: &str| match column {
            column if column == input.field => input.text.clone(),
            "source_id" => id.clone(),
            _ => String::new(),
        };
        file.write_record(columns.map(cell)).unwrap();
    }
    file.into_inner().unwrap()
}

async fn meet_as_file(client: &Client, entries: &[Member]) {
    let id = client.import("resource=users&source=file", as_file(entries)).await;
    client.wait_final(id).await;
    let (failed, users) = (client.failed_rows(id).await, client.users().await);
    for (
        place,
        Entry {
            number,
            input,
            expected,
            ..
        },
    ) in entries.iter().enumerate()
    {
        let failure = failed.iter().find(|row| row["row"] == place + 2);
        let what = format!("{number} {} {:.60?}", input.field, input.text);
        match expected {
            Fate::Refused(code) => {
                let failure = failure.unwrap_or_else(|| panic!("{what} was taken"));
                assert_eq!(
                    (&failure["errors"][0]["code"], &failure["errors"][0]["field"]),
                    (&json!(code), &json!(input.field)),
                    "{what}"
                );
                let echo = failure["errors"][0]["value"].as_str().unwrap_or_default();
                assert!(echo.chars().count() <= 200, "{what}: an error repeats little");
            }
            Fate::Kept(text) => {
                let own = if input.field == "source_id" {
                    text.clone()
                } else {
                    format!("row-{place}")
                };
                let user = users.iter().find(|user| user["source_id"] == own.as_str());
                let user = user.unwrap_or_else(|| panic!("{what} was refused: {failure:?}"));
                assert_eq!(&shown(user, input.field), text, "{what}");
            }
        }
    }
}

both_stacks! {
    async fn cells_of_a_file_are_kept_exactly_or_refused(stack) {
        let running = stack.start(&[]).await;
        meet_as_file(&running.client, &[cells(), json_cells()].concat()).await;
    }

    async fn members_of_json_meet_the_rules_of_cells(stack) {
        let running = stack.start(&[]).await;
        let entries = cells();
        for caller in CALLERS {
            let client = running.admin_of(&format!("{caller:?}")).await;
            let met = members::meet(caller, &client, &entries).await;
            assert!(met > 30, "{caller:?} met {met}");
        }
    }

    async fn json_in_json_meets_the_same_bounds(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        for Entry { number, input, expected, .. } in json_cells() {
            let body = format!("{{\"source\":\"json\",\"source_id\":\"x\",\"addresses\":{}}}", input.text);
            let request = client.request(reqwest::Method::POST, "/v1/users").header("Content-Type", "application/json");
            let answer = client.send(request.body(body)).await;
            match expected {
                Fate::Refused(_) => assert!([400, 422].contains(&answer.status), "{number} {:.60}: {}", input.text, answer.text),
                Fate::Kept(text) => {
                    assert_eq!(answer.status, 201, "{number} {text}: {}", answer.text);
                    assert_eq!(shown(&answer.json(), "addresses"), text, "{number}");
                    client.delete(&format!("/v1/users/{}", answer.json()["id"])).await.expect(204);
                }
            }
        }
        assert_eq!(client.users().await.len(), 0);
    }
}
