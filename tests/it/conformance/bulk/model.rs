//! Random files against a model of ten lines, on both databases: counts and table are those of one row after another,
//! whatever the batches, and a dry run says so beforehand.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;
use worker::batch::Patch;
use worker::import::{Counts, ImportOptions, Mode};

use super::bench::{Bench, options};
use super::rows::{Record, Says, file, user};
use crate::conformance::database::Database;

type User = [Option<String>; 3];

fn put<T: Clone>(value: &mut Option<String>, patch: &Patch<T>, text: impl Fn(&T) -> String) {
    match patch {
        Patch::Keep => {}
        Patch::Clear => *value = None,
        Patch::Set(new) => *value = Some(text(new)),
        Patch::Merge(_) | Patch::Overlay(_) | Patch::Fill(_) => panic!("no row of these stories merges or fills"),
    }
}

/// One row after another.
fn apply(table: &mut BTreeMap<String, User>, records: &[Record], mode: Mode) -> Counts {
    let mut counts = Counts::default();
    for record in records {
        let says = match record {
            Record::Row(says) => says,
            Record::Bad(_) => {
                counts.failed += 1;
                continue;
            }
            Record::Blank => {
                counts.skipped += 1;
                continue;
            }
        };
        let known = table.get(&says.id);
        if (known.is_some() && mode == Mode::Create) || (known.is_none() && mode == Mode::Update) {
            counts.failed += 1;
            continue;
        }
        let mut user = known.cloned().unwrap_or_default();
        let [email, first_name, city] = &mut user;
        put(email, &says.email, |text| text.to_string());
        put(first_name, &says.first_name, |text| text.to_string());
        put(city, &says.city, |json| json.as_str().unwrap().to_owned());
        match known {
            None => counts.created += 1,
            Some(known) if *known == user => counts.unchanged += 1,
            Some(_) => counts.updated += 1,
        }
        table.insert(says.id.clone(), user);
    }
    counts
}

fn patch<T: Clone + std::fmt::Debug + From<&'static str> + 'static>() -> impl Strategy<Value = Patch<T>> {
    let (one, other) = (T::from("a ' \" \\ 😀"), T::from("b"));
    prop_oneof![
        Just(Patch::Keep),
        Just(Patch::Clear),
        Just(Patch::Set(one)),
        Just(Patch::Set(other))
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let row = (0..7_u8, patch(), patch(), patch());
    let row = row.prop_map(|(id, email, first_name, city)| {
        Record::Row(Says {
            email,
            first_name,
            city,
            ..user(id, "")
        })
    });
    prop_oneof![12 => row, 1 => Just(Record::Bad(vec!["x"])), 1 => Just(Record::Blank)]
}

fn import() -> impl Strategy<Value = (Vec<Record>, Mode, usize)> {
    let mode = prop_oneof![4 => Just(Mode::Upsert), 1 => Just(Mode::Create), 1 => Just(Mode::Update)];
    (prop::collection::vec(record(), 1..40), mode, 1..45_usize)
}

async fn told(bench: &Bench, org: u8) -> Vec<Vec<String>> {
    let own = format!("where org_id = {} order by source_id", bench.org(org).await);
    bench
        .rows("users", &["source_id", "email", "first_name", "attributes"], &own)
        .await
}

fn expected(table: &BTreeMap<String, User>) -> Vec<Vec<String>> {
    let rows = table.iter().map(|(id, [email, first_name, city])| {
        let cell = |text: &Option<String>| text.clone().unwrap_or("-".to_owned());
        let attributes = match city {
            Some(city) => serde_json::json!({ "city": city }),
            None => serde_json::json!({}),
        };
        vec![id.clone(), cell(email), cell(first_name), attributes.to_string()]
    });
    rows.collect()
}

fn story(runtime: &Runtime, database: Database) {
    let bench = Bench::on(database);
    let org = std::cell::Cell::new(0_u8);
    let config = Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&prop::collection::vec(import(), 1..4), |imports| {
        org.set(org.get().wrapping_add(1));
        let mut table = BTreeMap::new();
        runtime.block_on(bench.sql("delete from users"));
        for (records, mode, size) in imports {
            let before = table.clone();
            let counts = apply(&mut table, &records, mode);
            let real = ImportOptions { mode, ..options() };
            let dry = ImportOptions {
                dry_run: true,
                ..real.clone()
            };
            let entries = file(records);
            let preview = runtime.block_on(bench.import(org.get(), &dry, &entries, size / 2 + 1));
            prop_assert_eq!(preview, counts, "the dry run");
            prop_assert_eq!(runtime.block_on(told(&bench, org.get())), expected(&before));
            prop_assert_eq!(runtime.block_on(bench.import(org.get(), &real, &entries, size)), counts);
            prop_assert_eq!(runtime.block_on(told(&bench, org.get())), expected(&table));
        }
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn random_files_do_what_the_model_does_postgres() {
    let runtime = Runtime::new().unwrap();
    let database = runtime.block_on(Database::postgres());
    story(&runtime, database);
}

#[test]
fn random_files_do_what_the_model_does_sqlite() {
    let runtime = Runtime::new().unwrap();
    let database = runtime.block_on(Database::sqlite());
    story(&runtime, database);
}
