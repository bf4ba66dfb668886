//! Status words and sentences of the document, from imports in every state.

use worker::import::Counts;
use worker::mapping;

use super::*;
use crate::http::samples::partial;

fn error(column: &str, message: &str, count: u64, rows: &[u64]) -> TopError {
    TopError {
        code: "invalid-email".to_owned(),
        field: None,
        column: (!column.is_empty()).then(|| column.to_owned()),
        message: message.to_owned(),
        count,
        rows: rows.to_vec(),
    }
}

#[test]
fn the_document_s_own_example() {
    let done = Import {
        status: Status::Completed,
        total: 5,
        counts: Counts {
            created: 3,
            updated: 1,
            unchanged: 1,
            ..Counts::default()
        },
        tally: Vec::new(),
        ..partial()
    };
    insta::assert_json_snapshot!(status(&done));
}

#[test]
fn total_is_failed_and_created_when_done() {
    let shown = status(&partial());
    assert_eq!(shown.total_users, shown.failed_users + shown.created_users);
    assert_eq!(shown.status, "PARTIAL_SUCCESS");
}

#[test]
fn every_state_has_its_word() {
    let word = |state| {
        status(&Import {
            status: state,
            ..partial()
        })
        .status
    };
    let states = [
        Status::Queued,
        Status::Running,
        Status::Completed,
        Status::Partial,
        Status::Failed,
        Status::Canceled,
    ];
    let words = [
        "PENDING",
        "PROCESSING",
        "SUCCESS",
        "PARTIAL_SUCCESS",
        "FAILED",
        "CANCELED",
    ];
    assert_eq!(states.map(word), words);
}

#[test]
fn reasons_are_short_and_name_rows() {
    let tally = vec![
        error("EMAIL", "not a valid e-mail address", 7, &[3, 7, 9]),
        error("", "empty, but the row needs an id", 1, &[4]),
    ];
    let shown = status(&Import { tally, ..partial() }).error_message;
    assert_eq!(
        shown,
        "EMAIL: not a valid e-mail address (rows 3, 7, 9 and 4 more); empty, but the row needs an id (row 4)"
    );
    let many = vec![error("EMAIL", "x", 1, &[2]); 7];
    assert!(
        status(&Import {
            tally: many,
            ..partial()
        })
        .error_message
        .ends_with("; and 2 more")
    );
}

#[test]
fn the_seed_s_header_maps_to_four_fields_and_attributes() {
    let header: Vec<String> = ["EMAIL", "USERNAME", "FIRST_NM", "LAST_NM", "WORK_CITY"]
        .map(str::to_owned)
        .to_vec();
    let columns = mapping::resolve(&header, &options()).map(|columns| {
        columns
            .iter()
            .filter_map(|column| column.target.describe())
            .collect::<Vec<String>>()
    });
    let expected = ["email", "username", "first_name", "last_name", "attributes.WORK_CITY"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(columns, Ok(expected));
}
