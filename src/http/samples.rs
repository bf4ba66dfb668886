//! An import with something in every place, for the tests of those who show it; and an answer as its client reads it.

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use chrono::{DateTime, Utc};
use worker::import::{Counts, ImportId, ImportOptions, OrgId, Status};
use worker::mapping::{Column, Target};
use worker::ports::Checkpoint;
use worker::resource::Resource;

use crate::store::model::{Import, TopError};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_240_800 + second, 250_000_000).unwrap_or_default()
}

fn column(header: &str, target: Target) -> Column {
    Column {
        header: header.to_owned(),
        target,
    }
}

/// Finished, with failures.
pub(crate) fn partial() -> Import {
    let top = |code: &str, count, row| TopError {
        code: code.to_owned(),
        field: Some("email".to_owned()),
        column: Some("E-Mail".to_owned()),
        message: "not a valid e-mail address".to_owned(),
        count,
        rows: vec![row],
    };
    Import {
        id: ImportId(9),
        org: OrgId(1),
        resource: Resource::Users,
        surface: "native".to_owned(),
        status: Status::Partial,
        options: ImportOptions::new(Resource::Users),
        columns: vec![
            column("E-Mail", Target::Field("email".to_owned())),
            column("Kostenstelle", Target::Attribute("Kostenstelle".to_owned())),
            column("Hash", Target::Field("password_hash".to_owned())),
            column("Alt", Target::Ignored),
        ],
        blob: Some("imports/x".to_owned()),
        file_name: Some("people.csv".to_owned()),
        bytes: 81234,
        sha256: "9c0f".to_owned(),
        encoding: "windows-1252".to_owned(),
        delimiter: b';',
        total: 1200,
        counts: Counts {
            created: 950,
            updated: 180,
            unchanged: 30,
            failed: 38,
            skipped: 2,
            warnings: 12,
        },
        checkpoint: Checkpoint {
            record: 1200,
            byte: 81234,
            line: 1202,
        },
        crash_count: 0,
        idempotency_key: None,
        fingerprint: None,
        error: None,
        tally: vec![top("too-long", 17, 3), top("invalid-email", 21, 7)],
        created_at: at(0),
        started_at: Some(at(1)),
        finished_at: Some(at(3)),
        expires_at: Some(at(86_400)),
        retry_of: None,
        synchronous: false,
    }
}

/// Status and body of an answer, which must come as this media type.
pub(crate) fn sent(response: HttpResponse, media_type: &str) -> (u16, String) {
    let given = response.headers().get("content-type");
    assert_eq!(given.and_then(|value| value.to_str().ok()), Some(media_type));
    let status = response.status().as_u16();
    let bytes = response.into_body().try_into_bytes().unwrap_or_default();
    (status, String::from_utf8_lossy(&bytes).into_owned())
}
