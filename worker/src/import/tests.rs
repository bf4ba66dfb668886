//! Counts and what they mean, states and what they may become, options as they are kept.

use super::*;

#[test]
fn verdict_follows_the_counts() {
    let counts = |created, failed, skipped| Counts {
        created,
        failed,
        skipped,
        ..Counts::default()
    };
    assert_eq!(counts(0, 0, 0).verdict(0), Status::Completed);
    assert_eq!(counts(3, 0, 1).verdict(4), Status::Completed);
    assert_eq!(counts(3, 1, 0).verdict(4), Status::Partial);
    assert_eq!(counts(3, 0, 0).verdict(4), Status::Partial);
    assert_eq!(counts(0, 4, 0).verdict(4), Status::Failed);
    assert_eq!(counts(0, 0, 0).verdict(4), Status::Failed);
}

const ALL: [Status; 7] = [
    Status::Receiving,
    Status::Queued,
    Status::Running,
    Status::Completed,
    Status::Partial,
    Status::Failed,
    Status::Canceled,
];

#[test]
fn counts_add_up_field_by_field() {
    let one = Counts {
        created: 1,
        updated: 20,
        unchanged: 300,
        failed: 4_000,
        skipped: 50_000,
        warnings: 600_000,
    };
    assert_eq!((one.ok(), one.read()), (321, 54_321));
    let mut sum = one;
    sum.add(&Counts { created: 2, ..one });
    let twice = Counts {
        created: 3,
        updated: 40,
        unchanged: 600,
        failed: 8_000,
        skipped: 100_000,
        warnings: 1_200_000,
    };
    assert_eq!(sum, twice);
}

#[test]
fn an_import_of_changes_or_of_nothing_new_is_complete() {
    let counts = |updated, unchanged, failed| Counts {
        updated,
        unchanged,
        failed,
        ..Counts::default()
    };
    assert_eq!(counts(2, 3, 0).verdict(5), Status::Completed);
    assert_eq!(counts(0, 3, 2).verdict(5), Status::Partial);
    assert_eq!(counts(2, 0, 3).verdict(5), Status::Partial);
    // As many rows are missing as have failed: neither takes the other away.
    assert_eq!(counts(0, 1, 2).verdict(5), Status::Partial);
}

#[test]
fn ids_are_written_as_their_numbers() {
    assert_eq!(
        (ImportId(7).to_string(), OrgId(30).to_string()),
        ("7".to_owned(), "30".to_owned())
    );
}

#[test]
fn every_state_is_a_word_that_reads_back() {
    let words = ALL.map(Status::as_str);
    let expected = [
        "receiving",
        "queued",
        "running",
        "completed",
        "partial",
        "failed",
        "canceled",
    ];
    assert_eq!(words, expected);
    assert_eq!(words.map(Status::parse), ALL.map(Some));
    assert_eq!((Status::parse("done"), Status::parse("")), (None, None));
}

#[test]
fn a_state_becomes_what_the_table_says() {
    let next = |from: Status| {
        ALL.into_iter()
            .filter(|to| from.may_become(*to))
            .map(Status::as_str)
            .collect::<Vec<_>>()
    };
    assert_eq!(next(Status::Receiving), ["queued"]);
    assert_eq!(next(Status::Queued), ["running", "failed", "canceled"]);
    assert_eq!(
        next(Status::Running),
        ["queued", "completed", "partial", "failed", "canceled"]
    );
    let finals = ALL.into_iter().filter(|status| status.is_final());
    assert_eq!(
        finals.map(Status::as_str).collect::<Vec<_>>(),
        ["completed", "partial", "failed", "canceled"]
    );
}

#[test]
fn an_option_that_came_later_is_written_only_where_it_differs() {
    let unmapped = |unmapped| {
        let options = ImportOptions {
            unmapped,
            ..ImportOptions::new(Resource::Users)
        };
        serde_json::to_value(options)
            .ok()
            .and_then(|json| json.get("unmapped").cloned())
    };
    assert_eq!(unmapped(Unmapped::Attribute), None);
    assert_eq!(unmapped(Unmapped::Ignore), Some("ignore".into()));
}
