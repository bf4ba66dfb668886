//! A dry run counts what the real run would do, whatever the batch size, and leaves the records alone.

use worker::import::{Counts, ImportOptions, Mode};

use super::bench::{Bench, options};
use super::rows::{Record, file, user};
use crate::conformance::database::both_databases;

/// Known and new keys, repeated, changed there and back, refused and blank.
fn records() -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    for round in 0..4 {
        for id in 0..12 {
            let email = if id % 3 == 0 {
                "same@example.com".to_owned()
            } else {
                format!("{}@example.com", (id + round) % 5)
            };
            records.push(user(id, &email).into());
        }
        records.extend([Record::Bad(vec!["x", "broken"]), Record::Blank]);
    }
    records
}

both_databases! {
    async fn a_dry_run_counts_what_the_real_run_does_in_batches_of_any_size(database) {
        let bench = Bench::on(database);
        let before = file((0..6).map(|id| user(id, "same@example.com").first_name("Ana")));
        for (org, mode) in [(1, Mode::Upsert), (2, Mode::Create), (3, Mode::Update)] {
            bench.import(org, &options(), &before, 100).await;
            let users = bench.users(org).await;
            let real = ImportOptions { mode, ..options() };
            let dry = ImportOptions { dry_run: true, ..real.clone() };
            let mut previews = Vec::new();
            for size in [1, 7, 1000] {
                previews.push(bench.import(org, &dry, &file(records()), size).await);
                assert_eq!(bench.users(org).await, users, "{mode:?} in batches of {size}");
            }
            let done = bench.import(org, &real, &file(records()), 10).await;
            assert_eq!(previews, [done; 3], "{mode:?}");
            assert!(done.failed >= 4 && done.updated + done.created >= 6, "{done:?}");
        }
        assert_eq!(bench.rows("preview_users", &["id"], "").await, [[""; 0]; 0]);
    }

    async fn a_dry_run_keeps_its_refused_rows(database) {
        let bench = Bench::on(database);
        let dry = ImportOptions { dry_run: true, ..options() };
        let records = vec![Record::Bad(vec!["1", "broken"]), user(1, "a@example.com").into()];
        let counts = bench.import(1, &dry, &file(records), 1).await;
        assert_eq!(counts, Counts { created: 1, failed: 1, ..Counts::default() });
        assert_eq!(bench.rows("import_failures", &["record", "cells"], "").await, [["1", r#"["1","broken"]"#]]);
    }

    async fn a_dry_run_sees_its_own_earlier_batches_over_the_records_beneath(database) {
        let bench = Bench::on(database);
        bench.import(1, &options(), &file([user(1, "old@example.com")]), 1).await;
        let dry = ImportOptions { dry_run: true, ..options() };
        let mut run = bench.start(1, dry).await;
        let entries = file([user(1, "new@example.com"), user(1, "old@example.com"), user(1, "old@example.com"), user(2, "x@example.com")]);
        for entry in entries.chunks(1) {
            run.commit(&bench.store, entry).await.unwrap();
        }
        assert_eq!(run.counts, Counts { created: 1, updated: 2, unchanged: 1, ..Counts::default() });
        let previewed = bench.rows("preview_users", &["source_id", "email"], "order by source_id").await;
        assert_eq!(previewed, [["1", "old@example.com"], ["2", "x@example.com"]]);
        assert_eq!(bench.users(1).await, ["1 old@example.com - {}"]);
    }
}
