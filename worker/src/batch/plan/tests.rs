//! What a batch does, row by row: each mode against each state of a key, each count, and where a run stops.

#![expect(clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::batch::Patch;

fn key(id: &str) -> Key {
    Key::user("crm", id, "")
}

/// A row that names one value.
fn row(id: &str, value: &str) -> Row {
    let mut row = Row::new(key(id), vec![Patch::Set(value.into())], Vec::new());
    row.cells = Some(vec![id.to_owned(), value.to_owned()]);
    row
}

fn place(record: u64) -> Checkpoint {
    Checkpoint {
        record,
        byte: record * 10,
        line: record + 1,
    }
}

fn batch(fates: Vec<Fate>) -> Batch {
    let entry = |(record, fate): (u64, Fate)| Entry {
        record,
        line: record + 1,
        after: place(record),
        warned: false,
        fate,
    };
    Batch {
        from: place(0),
        entries: (1..).zip(fates).map(entry).collect(),
    }
}

fn of_rows(rows: Vec<Row>) -> Batch {
    batch(rows.into_iter().map(|row| Fate::Row(Box::new(row))).collect())
}

fn failure(record: u64) -> Fate {
    Fate::Failed(Box::new(Failure {
        record,
        line: record + 1,
        errors: Vec::new(),
        cells: vec!["x".to_owned()],
    }))
}

fn known(id: i64, hash: Option<ContentHash>, value: &str) -> Found {
    Found::Known {
        id: Some(id),
        hash,
        stored: Some(Stored {
            values: vec![Some(value.into())],
            ..Stored::default()
        }),
    }
}

fn policy(mode: Mode) -> Policy {
    Policy {
        resource: Resource::Users,
        mode,
        failures_left: None,
    }
}

fn plan(batch: &Batch, mode: Mode, found: Vec<Found>) -> Plan<'_> {
    Planner::new(batch, mode).plan(found, policy(mode))
}

/// Created, updated, unchanged, failed, skipped, warnings.
fn counts(plan: &Plan<'_>) -> [u64; 6] {
    let Counts {
        created,
        updated,
        unchanged,
        failed,
        skipped,
        warnings,
    } = plan.counts;
    [created, updated, unchanged, failed, skipped, warnings]
}

fn value(write: &Write<'_>) -> Option<String> {
    write.content.values().next().flatten().map(str::to_owned)
}

#[test]
fn an_upsert_creates_changes_and_leaves_alone() {
    let rows = of_rows(vec![
        row("c", "new"),
        row("a", "changed"),
        row("b", "same"),
        row("d", "hashed"),
    ]);
    let hashed = row("d", "hashed").hash;
    let found = vec![
        known(1, None, "old"),
        known(2, None, "same"),
        Found::Absent,
        known(4, Some(hashed), "another"),
    ];
    let plan = plan(&rows, Mode::Upsert, found);
    assert_eq!(counts(&plan), [1, 1, 2, 0, 0, 0]);
    assert_eq!(plan.inserts.len(), 1);
    assert_eq!(
        (plan.inserts[0].key, value(&plan.inserts[0]).as_deref()),
        (&key("c"), Some("new"))
    );
    assert_eq!(plan.inserts[0].hash, row("c", "new").hash);
    assert_eq!(plan.updates.len(), 1);
    let (id, write) = &plan.updates[0];
    assert_eq!(
        (*id, write.key, value(write).as_deref()),
        (1, &key("a"), Some("changed"))
    );
    assert_eq!(write.hash, row("a", "changed").hash);
    assert_eq!((plan.after, plan.stop), (place(4), false));
}

#[test]
fn a_mode_refuses_what_it_is_not_for() {
    let rows = of_rows(vec![row("a", "1"), row("b", "2")]);
    let found = || vec![known(1, None, "old"), Found::Absent];
    let created = plan(&rows, Mode::Create, found());
    assert_eq!(counts(&created), [1, 0, 0, 1, 0, 0]);
    let updated = plan(&rows, Mode::Update, found());
    assert_eq!(counts(&updated), [0, 1, 0, 1, 0, 0]);
    let told = |plan: &Plan<'_>| {
        let failure = &plan.failures[0];
        let error = &failure.errors[0];
        (
            failure.record,
            failure.line,
            failure.cells.join(","),
            error.code,
            error.value.clone(),
        )
    };
    let said =
        |record, cells: &str, code, key: &str| (record, record + 1, cells.to_owned(), code, Some(key.to_owned()));
    assert_eq!(told(&created), said(1, "a,1", RowCode::AlreadyExists, "a"));
    assert_eq!(told(&updated), said(2, "b,2", RowCode::NotFound, "b"));
    assert_eq!((created.updates.len(), updated.inserts.len()), (0, 0));
}

#[test]
fn a_key_that_repeats_is_taken_row_by_row_and_written_once() {
    let rows = of_rows(vec![row("a", "1"), row("a", "2"), row("a", "2"), row("a", "1")]);
    let fresh = plan(&rows, Mode::Upsert, vec![Found::Absent]);
    assert_eq!(counts(&fresh), [1, 2, 1, 0, 0, 0]);
    assert_eq!(
        (fresh.inserts.len(), value(&fresh.inserts[0]).as_deref()),
        (1, Some("1"))
    );
    let refused = plan(&rows, Mode::Create, vec![Found::Absent]);
    assert_eq!(counts(&refused), [1, 0, 0, 3, 0, 0]);
    let overlaid = Found::Known {
        id: None,
        hash: None,
        stored: Some(Stored {
            values: vec![Some("0".into())],
            ..Stored::default()
        }),
    };
    let preview = plan(&rows, Mode::Upsert, vec![overlaid]);
    assert_eq!(
        (counts(&preview), preview.inserts.len(), preview.updates.len()),
        ([0, 3, 1, 0, 0, 0], 1, 0)
    );
}

#[test]
fn blanks_failures_and_remarks_are_counted() {
    let mut mixed = batch(vec![
        Fate::Blank,
        failure(2),
        Fate::Row(Box::new(row("a", "1"))),
        Fate::Blank,
        failure(5),
        Fate::Row(Box::new(row("b", "1"))),
    ]);
    for entry in &mut mixed.entries {
        entry.warned = true;
    }
    let plan = plan(&mixed, Mode::Upsert, vec![Found::Absent, Found::Absent]);
    assert_eq!(counts(&plan), [2, 0, 0, 2, 2, 2]);
    let refused: Vec<u64> = plan.failures.iter().map(|failure| failure.record).collect();
    assert_eq!(refused, [2, 5]);
}

#[test]
fn a_row_that_fails_has_no_remark() {
    let mut rows = of_rows(vec![row("a", "1")]);
    rows.entries[0].warned = true;
    assert_eq!(
        counts(&plan(&rows, Mode::Update, vec![Found::Absent])),
        [0, 0, 0, 1, 0, 0]
    );
}

#[test]
fn a_run_stops_behind_the_row_that_is_one_failure_too_many() {
    let rows = batch(vec![
        failure(1),
        Fate::Blank,
        failure(3),
        Fate::Blank,
        failure(5),
        Fate::Blank,
    ]);
    let stopped = |failures_left| {
        let policy = Policy {
            failures_left,
            ..policy(Mode::Upsert)
        };
        let plan = Planner::new(&rows, Mode::Upsert).plan(Vec::new(), policy);
        (plan.stop, plan.after, plan.counts.failed, plan.counts.skipped)
    };
    assert_eq!(stopped(Some(0)), (true, place(1), 1, 0));
    assert_eq!(stopped(Some(1)), (true, place(3), 2, 1));
    assert_eq!(stopped(Some(2)), (true, place(5), 3, 2));
    assert_eq!(stopped(Some(3)), (false, place(6), 3, 3));
    assert_eq!(stopped(None), (false, place(6), 3, 3));
}

#[test]
fn values_are_asked_for_where_they_may_matter() {
    let rows = of_rows(vec![row("b", "1"), row("a", "1"), row("b", "2"), row("c", "1")]);
    let planner = Planner::new(&rows, Mode::Upsert);
    assert_eq!(planner.keys(), [&key("a"), &key("b"), &key("c")]);
    let same = row("a", "1").hash;
    assert!(!planner.wants(0, Some(&same)));
    assert!(planner.wants(0, Some(&row("a", "2").hash)) && planner.wants(0, None));
    assert!(planner.wants(1, Some(&row("b", "2").hash)), "the key stands twice");
    assert!(
        planner.wants(3, Some(&same)),
        "a place that is none asks, and gets nothing"
    );
    assert!(!Planner::new(&rows, Mode::Create).wants(1, None));
    assert!(Planner::new(&rows, Mode::Update).wants(0, None));
}

#[test]
fn a_new_handle_is_a_change_whatever_else_the_row_says() {
    let mut giving = row("a", "1");
    giving.adds_handles = true;
    let hash = giving.hash;
    let rows = of_rows(vec![giving]);
    assert!(Planner::new(&rows, Mode::Upsert).wants(0, Some(&hash)));
    let plan = plan(&rows, Mode::Upsert, vec![known(7, Some(hash), "1")]);
    assert_eq!((counts(&plan), plan.updates.len()), ([0, 1, 0, 0, 0, 0], 1));
}

#[test]
fn what_was_not_loaded_is_as_the_file_says() {
    let rows = of_rows(vec![row("a", "1")]);
    let found = Found::Known {
        id: Some(1),
        hash: None,
        stored: None,
    };
    let plan = plan(&rows, Mode::Upsert, vec![found]);
    assert_eq!((counts(&plan), plan.updates.len()), ([0, 0, 1, 0, 0, 0], 0));
}

#[test]
fn a_batch_of_nothing_stays_where_it_was() {
    let nothing = Batch {
        from: place(4),
        entries: Vec::new(),
    };
    let plan = plan(&nothing, Mode::Upsert, Vec::new());
    assert_eq!((counts(&plan), plan.after, plan.stop), ([0; 6], place(4), false));
}

#[test]
fn the_rest_of_a_plan_is_all_but_its_records() {
    let rows = batch(vec![Fate::Row(Box::new(row("a", "1"))), failure(2), failure(3)]);
    let policy = Policy {
        failures_left: Some(1),
        ..policy(Mode::Upsert)
    };
    let plan = Planner::new(&rows, Mode::Upsert).plan(vec![Found::Absent], policy);
    let (counts, failures) = (plan.counts, plan.failures.clone());
    let rest = plan.rest();
    assert_eq!((rest.inserts.len(), rest.updates.len()), (0, 0));
    assert_eq!(
        (rest.counts, rest.failures, rest.after, rest.stop),
        (counts, failures, place(3), true)
    );
}
