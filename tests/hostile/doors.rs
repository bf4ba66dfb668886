//! The doors that take files, and how a file meets them: its answer, what the ledger says of it, what it leaves behind.

use std::io::Write;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use harness::{Answer, Client, Running, Stack, count};

use crate::catalogue::{Fate, File, words};

/// A way for a file into the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// `POST /v1/imports`, the body is the file.
    Raw,
    /// The same, compressed.
    Gzip,
    /// `POST /v1/imports`, a part of a form.
    Form,
    /// `POST /bulk/v1/files`.
    Spigit,
    /// `POST /persons/bulk-import`.
    SlashId,
}

impl Door {
    pub(crate) const ALL: [Self; 5] = [Self::Raw, Self::Gzip, Self::Form, Self::Spigit, Self::SlashId];

    /// What the column that names a record is called there, and one of plain text.
    pub(crate) fn columns(self) -> (&'static str, &'static str) {
        match self {
            Self::Raw | Self::Gzip | Self::Form => ("source_id", "first_name"),
            Self::Spigit => ("USERNAME", "FIRST_NM"),
            Self::SlashId => ("slashid:usernames", "remark"),
        }
    }

    /// Whether its envelope has our codes.
    fn is_native(self) -> bool {
        matches!(self, Self::Raw | Self::Gzip | Self::Form)
    }

    /// Whether short rows are padded there.
    pub(crate) fn pads(self) -> bool {
        !self.is_native()
    }

    async fn send(self, client: &Client, org: &str, file: Vec<u8>) -> Answer {
        let form = |part: &'static str, file: Vec<u8>| {
            let file = Part::bytes(file).file_name("a.csv").mime_str("text/csv").unwrap();
            Form::new().part(part, file)
        };
        let request = match self {
            Self::Raw => client.csv_request("resource=users", file),
            Self::Gzip => client
                .csv_request("resource=users", gzip(&file))
                .header("Content-Encoding", "gzip"),
            Self::Form => client
                .request(Method::POST, "/v1/imports?resource=users")
                .multipart(form("file", file)),
            Self::Spigit => client
                .request(Method::POST, "/bulk/v1/files")
                .multipart(form("file", file)),
            Self::SlashId => client
                .request(Method::POST, "/persons/bulk-import")
                .header("SlashID-OrgID", org)
                .multipart(form("persons", file)),
        };
        client.send(request).await
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Every entry at every door, each door with an organization of its own; gives how many files were sent. What is before the
/// stores does not know which they are: on the larger stack two doors speak for all.
pub(crate) async fn meet_all(running: &Running, entries: fn(Door) -> Vec<File>) -> usize {
    let (mut sent, mut surprises) = (0, Vec::new());
    let doors: &[Door] = match running.stack {
        Stack::Embedded => &Door::ALL,
        Stack::Scaled => &[Door::Raw, Door::SlashId],
    };
    for &door in doors {
        let client = running.admin_of(&format!("{door:?}")).await;
        let org = client.get("/v1/organization").await.expect(200).json();
        let org = org["id"].as_str().unwrap();
        for entry in entries(door) {
            let (before, blobs) = (newest(&client).await, running.blobs().await.len());
            let answer = door.send(&client, org, entry.input).await;
            let found = match entry.expected {
                Fate::Taken(counts) => taken(&client, &answer, counts).await,
                Fate::Refused(..) if newest(&client).await != before => Err("it left an import".to_owned()),
                Fate::Refused(..) if running.blobs().await.len() != blobs => Err("it left bytes".to_owned()),
                Fate::Refused(status, code, record) => refused(door, &answer, (status, code, record)),
            };
            let place = format!("{} {} at {door:?}", entry.number, entry.name);
            let found = match (door, entry.expected) {
                (Door::Raw, Fate::Refused(_, code, _)) if found.is_ok() => explained(&client, code).await,
                _ => found,
            };
            surprises.extend(found.err().map(|surprise| format!("{place}: {surprise}")));
            sent += 1;
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    sent
}

/// Whether the `type` of such a problem leads somewhere.
async fn explained(client: &Client, code: &str) -> Result<(), String> {
    let page = client.get(&format!("/problems/{code}")).await;
    let sound = page.status == 200 && page.json()["code"] == code;
    if sound {
        Ok(())
    } else {
        Err(format!("/problems/{code} is {}", page.status))
    }
}

/// The newest import's number, which changes when an import is left behind.
async fn newest(client: &Client) -> Value {
    client.get("/v1/imports?limit=1").await.expect(200).json()["data"][0]["id"].clone()
}

/// Whether the answer is the refusal that it should be.
fn refused(door: Door, answer: &Answer, (status, code, record): (u16, &str, Option<u64>)) -> Result<(), String> {
    let mut sound = answer.status == status && answer.text.contains(words(code));
    if door.is_native() {
        let problem = answer.json();
        let placed = record.is_none() || (problem["record"].as_u64() == record && problem["byte"].is_u64());
        let typed = answer.header("content-type").starts_with("application/problem+json");
        sound = sound && placed && typed && problem["code"] == code;
    }
    let shown = || {
        format!(
            "expected {status} {code} {record:?}, met {} {}",
            answer.status, answer.text
        )
    };
    if sound { Ok(()) } else { Err(shown()) }
}

/// Whether the import was taken in and has these counts: total, applied, failed, skipped.
async fn taken(client: &Client, answer: &Answer, counts: [u64; 4]) -> Result<(), String> {
    if ![200, 202].contains(&answer.status) {
        return Err(format!("refused: {} {}", answer.status, answer.text));
    }
    let id = answer.header("longshore-import-id").parse();
    let id = id.unwrap_or_else(|_| answer.json()["id"].as_i64().unwrap());
    let import = client.wait_final(id).await;
    let of = |name| count(&import, name);
    let applied = of("created") + of("updated") + of("unchanged");
    let found = [of("total"), applied, of("failed"), of("skipped")];
    let shown = || format!("expected {counts:?}, met {found:?}: {}", import["top_errors"]);
    if found == counts { Ok(()) } else { Err(shown()) }
}
