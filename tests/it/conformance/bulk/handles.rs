//! Rows that are identified by handles, on both databases: whose a handle is does not depend on batches, other writers are
//! not overlooked, and a dry run leaves nothing behind.

use worker::batch::handles::{Handle, HandleKind};
use worker::batch::{Entry, Fate, Key, Patch, Row};
use worker::import::{Counts, ImportOptions};
use worker::ports::{Checkpoint, Commit};
use worker::resource::Resource;

use super::bench::{Bench, options};
use super::outside::Outside;
use crate::conformance::database::both_databases;

fn by_handle() -> ImportOptions {
    ImportOptions {
        handles: true,
        source: "people".to_owned(),
        ..options()
    }
}

fn dry() -> ImportOptions {
    ImportOptions {
        dry_run: true,
        ..by_handle()
    }
}

fn handle(text: &str) -> Handle {
    let kind = match text {
        mail if mail.contains('@') => HandleKind::Email,
        phone if phone.starts_with('+') => HandleKind::Phone,
        _ => HandleKind::Username,
    };
    Handle {
        kind,
        value: text.into(),
    }
}

/// Handles separated by spaces, and what the row says of the first name.
fn row((handles, name): &(&str, &str)) -> Row {
    let handles: Vec<Handle> = handles.split(' ').map(handle).collect();
    let first = handles.iter().min_by_key(|handle| handle.kind).unwrap().clone();
    let values = Resource::Users.fields().iter().map(|field| match field.name {
        "first_name" if !name.is_empty() => Patch::Set((*name).into()),
        name if name == first.kind.as_str() => Patch::Fill(first.value.clone()),
        _ => Patch::Keep,
    });
    let key = Key::user("people", first.value.clone(), "");
    Row {
        handles,
        cells: Some(vec![(*name).to_owned()]),
        ..Row::new(key, values.collect(), Vec::new())
    }
}

fn file(rows: &[(&str, &str)]) -> Vec<Entry> {
    let entries = (1..).zip(rows).map(|(record, says)| Entry {
        record,
        line: record + 1,
        after: Checkpoint {
            record,
            byte: record * 10,
            line: record + 2,
        },
        warned: false,
        fate: Fate::Row(Box::new(row(says))),
    });
    entries.collect()
}

/// `source_id first_name: handles`, by person.
async fn persons(bench: &Bench, org: u8) -> Vec<String> {
    let org = bench.org(org).await;
    let own = format!("where org_id = {org} order by source_id");
    let users = bench.rows("users", &["id", "source_id", "first_name"], &own).await;
    let mut told = Vec::new();
    for user in users {
        let [id, source_id, name] = user.as_slice() else {
            unreachable!("three columns")
        };
        let own = format!("where org_id = {org} and user_id = {id} order by kind, value");
        let handles = bench.rows("user_handles", &["value"], &own).await.concat();
        told.push(format!("{source_id} {name}: {}", handles.join(" ")));
    }
    told
}

const STORY: [(&str, &str); 10] = [
    ("ana a@x.com", "Ana"),
    ("+491 a@x.com", ""),
    ("+491", "Anna"),
    ("bob", "Bob"),
    ("bob +491", "Both"),
    ("new bob ana", "Both"),
    ("new", "New"),
    ("bob", "Bob"),
    ("b@x.com bob", "Bob"),
    ("b@x.com", "Rob"),
];

fn told() -> Vec<&'static str> {
    vec!["a@x.com Anna: a@x.com +491 ana", "bob Rob: b@x.com bob", "new New: new"]
}

const COUNTS: Counts = Counts {
    created: 3,
    updated: 4,
    unchanged: 1,
    failed: 2,
    skipped: 0,
    warnings: 0,
};

/// The only person is Ana, known as `ana`; then `other` writes without committing yet, a batch of `rows` comes, and `other`
/// commits.
async fn beside(bench: &Bench, other: &str, rows: &[(&str, &str)]) -> Commit {
    bench.import(1, &by_handle(), &file(&[("ana", "Ana")]), 100).await;
    let mut run = bench.start(1, by_handle()).await;
    let mut outside = Outside::begin(bench).await;
    outside.run(other).await;
    let (store, entries) = (bench.store.clone(), file(rows));
    let batch = tokio::spawn(async move { run.commit(&store, &entries).await.unwrap() });
    outside.until_a_batch_waits().await;
    outside.run("commit").await;
    batch.await.unwrap()
}

fn done(counts: Counts) -> Commit {
    Commit::Done { counts, stop: false }
}

both_databases! {
    async fn whose_a_handle_is_does_not_depend_on_batches(database) {
        let bench = Bench::on(database);
        for (org, size) in [(1, 1000), (2, 1), (3, 7), (4, 4)] {
            assert_eq!(bench.import(org, &by_handle(), &file(&STORY), size).await, COUNTS, "batches of {size}");
            assert_eq!(persons(&bench, org).await, told(), "batches of {size}");
        }
        let failed = bench.rows("import_failures", &["record", "cells"], "where import_id = 1 order by record").await;
        assert_eq!(failed, [["5", r#"["Both"]"#], ["6", r#"["Both"]"#]]);
    }

    async fn known_persons_are_changed_and_the_same_again_is_unchanged(database) {
        let bench = Bench::on(database);
        bench.import(1, &by_handle(), &file(&STORY), 100).await;
        let again = [("a@x.com", "Anna"), ("+491 ana", ""), ("bob", "Rob"), ("new", "New")];
        let expected = Counts { unchanged: 4, ..Counts::default() };
        assert_eq!(bench.import(1, &by_handle(), &file(&again), 3).await, expected);
        assert_eq!(persons(&bench, 1).await, told());
        let versions = bench.rows("users", &["version"], "order by id").await.concat();
        bench.import(1, &by_handle(), &file(&again), 3).await;
        assert_eq!(bench.rows("users", &["version"], "order by id").await.concat(), versions, "nothing was written");
        let more = [("ana ann", "")];
        let expected = Counts { updated: 1, ..Counts::default() };
        assert_eq!(bench.import(1, &by_handle(), &file(&more), 3).await, expected, "a handle more is a change");
    }

    async fn a_person_that_came_with_the_same_key_by_another_way_is_that_person(database) {
        let bench = Bench::on(database);
        let mut named = row(&("a@x.com", "Old"));
        named.handles.clear();
        let mut entries = file(&[("a@x.com", "")]);
        entries[0].fate = Fate::Row(Box::new(named));
        bench.import(1, &options(), &entries, 1).await;
        assert_eq!(persons(&bench, 1).await, ["a@x.com Old: "]);
        let expected = Counts { updated: 1, ..Counts::default() };
        assert_eq!(bench.import(1, &by_handle(), &file(&[("a@x.com ana", "")]), 1).await, expected);
        assert_eq!(persons(&bench, 1).await, ["a@x.com Old: a@x.com ana"]);
    }

    async fn a_dry_run_says_beforehand_what_happens_and_leaves_nothing(database) {
        let bench = Bench::on(database);
        bench.import(1, &by_handle(), &file(&STORY[..3]), 100).await;
        let before = persons(&bench, 1).await;
        let mut previews = Vec::new();
        for size in [1, 3, 1000] {
            previews.push(bench.import(1, &dry(), &file(&STORY), size).await);
            assert_eq!(persons(&bench, 1).await, before);
        }
        assert_eq!(bench.rows("preview_user_handles", &["value"], "").await.len(), 0);
        let done = bench.import(1, &by_handle(), &file(&STORY), 2).await;
        assert_eq!(previews, [done; 3]);
        assert_eq!((done.created, done.failed), (2, 2), "{done:?}");
    }

    async fn handles_of_rows_behind_a_stop_are_given_to_nobody(database) {
        let bench = Bench::on(database);
        let rows = [("ana", ""), ("bob", ""), ("ana bob cid", ""), ("cid", ""), ("dan", "")];
        let stop = ImportOptions { max_failures: Some(0), ..by_handle() };
        let counts = bench.import(1, &stop, &file(&rows), 100).await;
        assert_eq!((counts.created, counts.failed), (2, 1));
        assert_eq!(persons(&bench, 1).await, ["ana -: ana", "bob -: bob"]);
    }

    async fn another_organization_knows_nobody_of_these(database) {
        let bench = Bench::on(database);
        bench.import(1, &by_handle(), &file(&[("ana a@x.com", "Ana")]), 100).await;
        let counts = bench.import(2, &by_handle(), &file(&[("ana", "Other"), ("a@x.com", "Third")]), 100).await;
        assert_eq!(counts.created, 2);
        assert_eq!(persons(&bench, 1).await, ["a@x.com Ana: a@x.com ana"]);
        assert_eq!(persons(&bench, 2).await, ["a@x.com Third: a@x.com", "ana Other: ana"]);
    }

    async fn a_deleted_person_takes_its_handles_along(database) {
        let bench = Bench::on(database);
        bench.import(1, &by_handle(), &file(&[("ana a@x.com", "Ana")]), 100).await;
        let id: i64 = bench.rows("users", &["id"], "").await[0][0].parse().unwrap();
        bench.store.delete_user(bench.org(1).await, id, None).await.unwrap();
        assert_eq!(bench.rows("user_handles", &["value"], "").await.len(), 0);
        let counts = bench.import(1, &by_handle(), &file(&[("ana", "New")]), 100).await;
        assert_eq!(counts, Counts { created: 1, ..Counts::default() });
    }

    async fn a_handle_given_away_meanwhile_leads_to_its_owner(database) {
        let bench = Bench::on(database);
        let other = "insert into user_handles (org_id, kind, value, user_id) select org_id, 'username', 'new', id from users";
        let counts = Counts { updated: 1, ..Counts::default() };
        assert_eq!(beside(&bench, other, &[("new more", "Anna")]).await, done(counts));
        assert_eq!(persons(&bench, 1).await, ["ana Anna: ana more new"]);
    }

    async fn a_person_removed_meanwhile_is_made_anew(database) {
        let bench = Bench::on(database);
        // From here SQLite minds no foreign keys.
        let other = "delete from user_handles; delete from users";
        let counts = Counts { created: 1, ..Counts::default() };
        assert_eq!(beside(&bench, other, &[("b@x.com ana", "Anna")]).await, done(counts));
        assert_eq!(persons(&bench, 1).await, ["b@x.com Anna: b@x.com ana"]);
    }

    async fn a_person_given_another_key_meanwhile_stays_that_person(database) {
        let bench = Bench::on(database);
        let other = "update users set source_id = '9', content_hash = null, version = version + 1";
        let counts = Counts { updated: 1, ..Counts::default() };
        assert_eq!(beside(&bench, other, &[("ana more", "Anna")]).await, done(counts));
        assert_eq!(persons(&bench, 1).await, ["9 Anna: ana more"]);
    }

    async fn two_imports_of_the_same_new_persons_make_each_once(database) {
        let bench = Bench::on(database);
        let names: Vec<String> = (0..600).map(|i| format!("n{} p{i}@x.com", i % 300)).collect();
        let rows: Vec<(&str, &str)> = names.iter().map(|handles| (handles.as_str(), "")).collect();
        let entries = file(&rows);
        // Two of one organization at once are what callers who wait are allowed.
        let one = bench.start(1, by_handle()).await;
        bench.sql("update imports set synchronous = true").await;
        let other = bench.start(1, by_handle()).await;
        let story = |mut run: super::bench::Run, size| {
            let (bench, entries) = (&bench, &entries);
            async move {
                for part in entries.chunks(size) {
                    run.commit(&bench.store, part).await.unwrap();
                }
                run.counts
            }
        };
        let (one, other) = tokio::join!(story(one, 50), story(other, 70));
        assert_eq!(one.created + other.created, 300, "{one:?} {other:?}");
        assert_eq!((one.failed, other.failed), (0, 0));
        assert_eq!(persons(&bench, 1).await.len(), 300);
        assert_eq!(bench.rows("user_handles", &["value"], "").await.len(), 900);
    }
}
