//! The import of `api.md`.

use worker::import::{Counts, Status};
use worker::row_error::RowCode;

use super::*;
use crate::http::samples::partial as sample;

#[test]
fn a_partial_import_on_the_wire() {
    insta::assert_json_snapshot!(import(&sample()));
}

#[test]
fn a_queued_import_leaves_out_what_is_not_known() {
    let queued = Import {
        status: Status::Queued,
        counts: Counts::default(),
        tally: Vec::new(),
        file_name: None,
        started_at: None,
        finished_at: None,
        expires_at: None,
        ..sample()
    };
    insta::assert_json_snapshot!(import(&queued));
}

#[test]
fn a_run_that_could_not_be_done_says_why() {
    let error = ImportError {
        code: "poison".to_owned(),
        detail: "It crashed three times.".to_owned(),
    };
    let failed = Import {
        status: Status::Failed,
        error: Some(error),
        ..sample()
    };
    insta::assert_json_snapshot!(import(&failed).error);
}

#[test]
fn a_header_only_file_is_whole() {
    let done = Import {
        status: Status::Completed,
        total: 0,
        counts: Counts::default(),
        ..sample()
    };
    assert_eq!(import(&done).progress.percent, 100);
}

#[test]
fn sensitive_cells_are_shown_to_few() {
    let failure = Failure {
        record: 41,
        line: 47,
        errors: vec![RowError {
            code: RowCode::InvalidEmail,
            field: Some("email".to_owned()),
            column: Some("E-Mail".to_owned()),
            message: "not a valid e-mail address".to_owned(),
            expected: Some("name@example.com".to_owned()),
            value: Some("ana@".to_owned()),
        }],
        cells: ["ana@", "4711", "$2b$secret", "x"].map(str::to_owned).to_vec(),
    };
    insta::assert_json_snapshot!(failed_row(&sample(), failure.clone(), false));
    assert_eq!(failed_row(&sample(), failure, true).cells.len(), 4);
}
