//! One import at a time.

use worker::import::{Counts, ImportOptions, Mode};
use worker::ports::Commit;

use super::bench::{Bench, Run, options};
use super::rows::{Record, file, user};
use crate::conformance::database::both_databases;

both_databases! {
    async fn new_changed_and_unchanged_rows_are_told_apart(database) {
        let bench = Bench::on(database);
        let first = file((1..=6).map(|id| user(id, "a@example.com").first_name("Ana").city("Berlin")));
        assert_eq!(bench.import(1, &options(), &first, 100).await, Counts { created: 6, ..Counts::default() });
        let second = file([
            user(2, "a@example.com").first_name("Ana").city("Berlin"),
            user(3, "b@example.com").first_name("Ana").city("Berlin"),
            user(4, "a@example.com"),
            user(5, "a@example.com").city("Hamburg"),
            user(7, "new@example.com"),
        ]);
        let counts = bench.import(1, &options(), &second, 100).await;
        assert_eq!(counts, Counts { created: 1, updated: 2, unchanged: 2, ..Counts::default() });
        assert_eq!(
            bench.users(1).await,
            [
                r#"1 a@example.com Ana {"city":"Berlin"}"#,
                r#"2 a@example.com Ana {"city":"Berlin"}"#,
                r#"3 b@example.com Ana {"city":"Berlin"}"#,
                r#"4 a@example.com Ana {"city":"Berlin"}"#,
                r#"5 a@example.com Ana {"city":"Hamburg"}"#,
                r#"6 a@example.com Ana {"city":"Berlin"}"#,
                r#"7 new@example.com - {}"#,
            ]
        );
    }

    async fn a_record_says_who_wrote_it_and_how_often(database) {
        let bench = Bench::on(database);
        bench.import(1, &options(), &file([user(1, "a@example.com"), user(2, "a@example.com")]), 100).await;
        bench.import(1, &options(), &file([user(1, "b@example.com"), user(2, "a@example.com")]), 100).await;
        let hash = "case when content_hash is null then 'none' else 'known' end";
        let marks = ["source_id", "version", "created_by_import", "updated_by_import", hash];
        assert_eq!(bench.rows("users", &marks, "order by source_id").await, [
            ["1", "2", "1", "2", "known"],
            ["2", "1", "1", "-", "known"],
        ]);
        let times = bench.rows("users", &["created_at = updated_at", "created_at"], "order by source_id").await;
        assert_ne!(times[0][0], times[1][0], "{times:?}");
        assert!(times[0][1].starts_with("20") && times[0][1].contains(' '), "{times:?}");
    }

    async fn the_last_of_several_rows_of_a_key_wins_within_and_across_batches(database) {
        let bench = Bench::on(database);
        let entries = file([
            user(1, "a@example.com"),
            user(1, "b@example.com"),
            user(2, "x@example.com"),
            user(1, "b@example.com"),
            user(1, "a@example.com"),
            user(2, "x@example.com"),
        ]);
        let counts = Counts { created: 2, updated: 2, unchanged: 2, ..Counts::default() };
        for (org, size) in [(1, 100), (2, 1), (3, 4)] {
            assert_eq!(bench.import(org, &options(), &entries, size).await, counts, "batches of {size}");
            assert_eq!(bench.users(org).await, ["1 a@example.com - {}", "2 x@example.com - {}"]);
        }
    }

    async fn mode_create_refuses_known_keys_and_mode_update_unknown_ones(database) {
        let bench = Bench::on(database);
        bench.import(1, &options(), &file([user(1, "a@example.com")]), 100).await;
        let entries = file([user(1, "b@example.com"), user(2, "b@example.com"), user(2, "c@example.com")]);
        let mut create = options();
        create.mode = Mode::Create;
        let counts = bench.import(1, &create, &entries, 100).await;
        assert_eq!(counts, Counts { created: 1, failed: 2, ..Counts::default() });
        assert_eq!(bench.users(1).await, ["1 a@example.com - {}", "2 b@example.com - {}"]);
        let mut update = options();
        update.mode = Mode::Update;
        let entries = file([user(1, "b@example.com"), user(3, "b@example.com")]);
        let counts = bench.import(1, &update, &entries, 100).await;
        assert_eq!(counts, Counts { updated: 1, failed: 1, ..Counts::default() });
        assert_eq!(bench.users(1).await, ["1 b@example.com - {}", "2 b@example.com - {}"]);
        let failed = bench.rows("import_failures", &["import_id", "record", "cells"], "order by import_id, record").await;
        assert_eq!(failed, [
            ["2", "1", r#"["1","Set(\"b@example.com\")"]"#],
            ["2", "3", r#"["2","Set(\"c@example.com\")"]"#],
            ["3", "2", r#"["3","Set(\"b@example.com\")"]"#],
        ]);
    }

    async fn refused_rows_are_kept_with_their_reasons_and_counted_by_kind(database) {
        let bench = Bench::on(database);
        let nasty = vec!["1", "a\u{0}\u{1}\"quoted\"\\n 😀", ""];
        let mut records = vec![Record::Bad(nasty.clone()), Record::Blank, user(1, "a@example.com").into()];
        records.extend((4..=8).map(|_| Record::Bad(vec!["2", "broken"])));
        let counts = bench.import(1, &options(), &file(records), 3).await;
        assert_eq!(counts, Counts { created: 1, failed: 6, skipped: 1, ..Counts::default() });
        let kept = bench.rows("import_failures", &["record", "line", "cells", "errors"], "order by record").await;
        assert_eq!(kept.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["1", "4", "5", "6", "7", "8"]);
        assert_eq!(kept[0][1], "2");
        assert_eq!(serde_json::from_str::<Vec<String>>(&kept[0][2]).unwrap(), nasty);
        let errors: Vec<worker::row_error::RowError> = serde_json::from_str(&kept[1][3]).unwrap();
        assert_eq!((errors[0].label(), errors[0].value.as_deref()), ("email:invalid-email".into(), Some("broken")));
        let tally = &bench.rows("imports", &["tally"], "").await[0][0];
        let tally: serde_json::Value = serde_json::from_str(tally).unwrap();
        assert_eq!(tally, serde_json::json!([{ "code": "invalid-email", "field": "email", "column": "E-Mail",
            "message": "not a valid e-mail address", "count": 6, "rows": [2, 5, 6] }]));
    }

    async fn the_run_stops_behind_the_row_that_is_one_failure_too_many(database) {
        let bench = Bench::on(database);
        let records = [Record::Bad(vec!["0"]), user(1, "a@example.com").into(), Record::Bad(vec!["2"]), Record::Bad(vec!["3"]),
            user(4, "a@example.com").into()];
        let mut limited = options();
        limited.max_failures = Some(1);
        for (org, size) in [(1, 100), (2, 2), (3, 1)] {
            let counts = bench.import(org, &limited, &file(records.clone()), size).await;
            assert_eq!(counts, Counts { created: 1, failed: 2, ..Counts::default() }, "batches of {size}");
            assert_eq!(bench.users(org).await, ["1 a@example.com - {}"]);
            let at = ["checkpoint_record", "checkpoint_byte", "checkpoint_line"];
            let own = format!("where org_id = {}", bench.org(org).await);
            assert_eq!(bench.rows("imports", &at, &own).await, [["3", "30", "5"]]);
        }
    }

    async fn a_batch_without_the_right_to_write_writes_nothing(database) {
        let bench = Bench::on(database);
        let entries = file([user(1, "a@example.com").into(), Record::Bad(vec!["2"])]);
        let run = bench.start(1, options()).await;
        let mut thief = run.clone();
        let mut claimed = (*thief.claimed).clone();
        claimed.lease.token = uuid::Uuid::new_v4();
        thief.claimed = claimed.into();
        let mut late = run.clone();
        late.at.record = 1;
        let mut stranger = run.clone();
        let mut claimed = (*stranger.claimed).clone();
        claimed.org.0 = 2;
        stranger.claimed = claimed.into();
        for mut fenced in [thief, late, stranger] {
            assert_eq!(fenced.commit(&bench.store, &entries).await.unwrap(), Commit::Fenced);
        }
        bench.sql("update imports set cancel_requested_at = '2026-01-01 00:00:00'").await;
        assert_eq!(run.clone().commit(&bench.store, &entries).await.unwrap(), Commit::Fenced);
        bench.sql("update imports set status = 'canceled', lease = null, finished_at = '2026-01-01 00:00:00'").await;
        assert_eq!(run.clone().commit(&bench.store, &entries).await.unwrap(), Commit::Fenced);
        assert_eq!(bench.users(1).await, [""; 0]);
        assert_eq!(bench.rows("import_failures", &["record"], "").await, [[""; 0]; 0]);
        let row = bench.rows("imports", &["created", "failed", "checkpoint_record", "tally"], "").await;
        assert_eq!(row, [["0", "0", "0", "[]"]]);
    }

    async fn a_committed_batch_prolongs_the_lease_and_clears_the_suspicion_of_poison(database) {
        let bench = Bench::on(database);
        let mut run = bench.start(1, options()).await;
        bench.sql("update imports set lease_until = '2026-01-01 00:00:00'").await;
        let entries = file([user(1, "a@example.com")]);
        let done = Commit::Done { counts: Counts { created: 1, ..Counts::default() }, stop: false };
        assert_eq!(run.commit(&bench.store, &entries).await.unwrap(), done);
        let row = bench.rows("imports", &["crash_count", "lease_until > '2026-06-01 00:00:00'"], "").await;
        assert_eq!(row[0][0], "0");
        assert!(["1", "true"].contains(&row[0][1].as_str()));
        let again = Run { at: Default::default(), ..run.clone() };
        assert_eq!(again.clone().commit(&bench.store, &entries).await.unwrap(), Commit::Fenced, "sent twice");
    }

    async fn warnings_are_counted_from_batch_to_batch(database) {
        let bench = Bench::on(database);
        let mut entries = file((1..=5).map(|id| user(id, "a@example.com")));
        entries.iter_mut().filter(|entry| entry.record != 3).for_each(|entry| entry.warned = true);
        let counts = bench.import(1, &options(), &entries, 2).await;
        assert_eq!(counts, Counts { created: 5, warnings: 4, ..Counts::default() });
        assert_eq!(bench.rows("imports", &["warnings"], "").await, [["4"]]);
    }

    /// Close together, far apart, close at first and then far apart, beyond the last one, out of order.
    async fn known_keys_are_found_however_many_others_lie_between_them(database) {
        let bench = Bench::on(database);
        let known = file((10_000..13_000).filter(|id| id % 10 != 0).map(|id| user(id, "a@example.com")));
        bench.import(1, &options(), &known, 1_000).await;
        bench.import(2, &options(), &known, 1_000).await;
        let spread: [Vec<_>; 6] = [
            (10_500..11_000).collect(),
            (10_003..13_000).step_by(7).collect(),
            (10_001..10_100).chain((10_101..13_000).step_by(11)).collect(),
            (12_800..13_200).collect(),
            (9_000..9_500).chain(13_000..13_300).collect(),
            (10_000..13_000).step_by(3).chain((10_000..10_300).rev()).collect(),
        ];
        for ids in spread {
            let in_dry_run = ImportOptions { dry_run: true, ..options() };
            let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
            let is_new = |id: &&&_| **id < &10_000 || **id >= &13_000 || **id % 10 == 0;
            let new = u64::try_from(distinct.iter().filter(is_new).count()).unwrap();
            let entries = file(ids.iter().map(|id| user(*id, "a@example.com")));
            let counts = bench.import(1, &in_dry_run, &entries, 2_000).await;
            let unchanged = u64::try_from(ids.len()).unwrap() - new;
            assert_eq!(counts, Counts { created: new, unchanged, ..Counts::default() }, "{ids:?}");
        }
    }

    async fn an_edit_between_two_imports_makes_the_row_updated(database) {
        let bench = Bench::on(database);
        let entries = file([user(1, "a@example.com").first_name("Ana"), user(2, "a@example.com")]);
        bench.import(1, &options(), &entries, 100).await;
        bench.sql("update users set email = 'edited@example.com', content_hash = null, version = version + 1 where source_id = '1'").await;
        let counts = bench.import(1, &options(), &entries, 100).await;
        assert_eq!(counts, Counts { updated: 1, unchanged: 1, ..Counts::default() });
        assert_eq!(bench.users(1).await, ["1 a@example.com Ana {}", "2 a@example.com - {}"]);
    }

    async fn an_edit_that_the_file_agrees_with_stays_unchanged(database) {
        let bench = Bench::on(database);
        let entries = file([user(1, "a@example.com")]);
        bench.import(1, &options(), &entries, 100).await;
        bench.sql("update users set first_name = 'Edited', content_hash = null").await;
        assert_eq!(bench.import(1, &options(), &entries, 100).await, Counts { unchanged: 1, ..Counts::default() });
        assert_eq!(bench.users(1).await, ["1 a@example.com Edited {}"]);
    }

    async fn any_text_survives_both_ways_in(database) {
        let bench = Bench::on(database);
        let texts = ["😀 \"double\" 'single' \\ back\\\\slash", "a\tb\r\nc,;|", "\u{202e}\u{feff}ÄÖ\u{10ffff}", "{}[]null\\N", "?$1%s", ""];
        let created = file((0..).zip(texts).map(|(id, text)| user(id, text).city(text)));
        bench.import(1, &options(), &created, 100).await;
        let changed = file((0..).zip(texts).map(|(id, text)| user(id, text).first_name(text)));
        assert_eq!(bench.import(1, &options(), &changed, 100).await.updated, 6);
        let rows = bench.rows("users", &["email", "first_name", "attributes"], "order by source_id").await;
        for (row, text) in rows.iter().zip(texts) {
            assert_eq!([row[0].as_str(), row[1].as_str()], [text, text]);
            let attributes: serde_json::Value = serde_json::from_str(&row[2]).unwrap();
            assert_eq!(attributes, serde_json::json!({ "city": text }));
        }
        assert_eq!(bench.import(1, &options(), &changed, 100).await.unchanged, 6);
    }

    async fn organizations_do_not_see_each_other(database) {
        let bench = Bench::on(database);
        let entries = file([user(1, "a@example.com")]);
        assert_eq!(bench.import(1, &options(), &entries, 100).await.created, 1);
        assert_eq!(bench.import(2, &options(), &file([user(1, "b@example.com")]), 100).await.created, 1);
        assert_eq!(bench.import(1, &options(), &entries, 100).await.unchanged, 1);
        assert_eq!(bench.users(2).await, ["1 b@example.com - {}"]);
    }
}
