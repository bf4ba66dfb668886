//! Random files of clients against a model that shares no code with the product: one row after another, on both databases.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;
use worker::import::{Blank, Counts, ImportOptions, Mode};

use super::bench::Bench;
use super::clients::options;
use super::sheet::sheet;
use crate::conformance::database::Database;

const HEADER: [&str; 8] = [
    "name",
    "status",
    "alias",
    "alias:DE",
    "country",
    "pro",
    "report_type",
    "login",
];
/// The password has the last column, so that its cells stand apart below.
const PASSWORD: &str = "password";

type Credentials = BTreeMap<[String; 3], [Option<String>; 2]>;

#[derive(Clone, Debug, Default, PartialEq)]
struct Client {
    status: Option<String>,
    aliases: BTreeSet<String>,
    german: Option<String>,
    credentials: Credentials,
}

/// A row's cells.
type Cells = Vec<String>;

fn put(value: &mut Option<String>, cell: &str, blank: Blank) {
    if !cell.is_empty() {
        *value = Some(cell.to_owned());
    } else if blank == Blank::Clear {
        *value = None;
    }
}

fn is_broken(cells: &Cells) -> bool {
    let (key, details) = (&cells[4..7], &cells[7..]);
    let about_one = cells[4..].iter().any(|cell| !cell.is_empty());
    let bad_country = !key[0].is_empty() && key[0].len() != 2;
    cells[0].is_empty() || bad_country || (about_one && key.iter().any(String::is_empty)) || details.len() != 2
}

fn change(client: &mut Client, cells: &Cells, blank: Blank) {
    put(&mut client.status, &cells[1], blank);
    let names: Vec<&str> = cells[2].split(';').filter(|name| !name.is_empty()).collect();
    if names.is_empty() && blank == Blank::Clear {
        client.aliases.clear();
    }
    client.aliases.extend(names.into_iter().map(str::to_owned));
    put(&mut client.german, &cells[3], blank);
    if cells[4].is_empty() {
        return;
    }
    let key = [cells[4].to_uppercase(), cells[5].clone(), cells[6].clone()];
    let [login, password] = client.credentials.entry(key).or_default();
    put(login, &cells[7], blank);
    put(password, &cells[8], blank);
}

fn apply(clients: &mut BTreeMap<String, Client>, records: &[Cells], mode: Mode, blank: Blank) -> Counts {
    let mut counts = Counts::default();
    for cells in records {
        let known = clients.get(&cells[0]).cloned();
        let refused = matches!((&known, mode), (Some(_), Mode::Create) | (None, Mode::Update));
        if is_broken(cells) || refused {
            counts.failed += 1;
            continue;
        }
        let mut client = known.clone().unwrap_or_default();
        change(&mut client, cells, blank);
        match known {
            None => counts.created += 1,
            Some(known) if known == client => counts.unchanged += 1,
            Some(_) => counts.updated += 1,
        }
        clients.insert(cells[0].clone(), client);
    }
    counts
}

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(words).prop_map(str::to_owned)
}

fn record() -> impl Strategy<Value = Cells> {
    let client = (
        one_of(&["A", "A", "B", "C \"x\"", "ä", ""]),
        one_of(&["", "active", "archived"]),
        one_of(&["", "", "One", "One;Two", ";"]),
        one_of(&["", "GmbH", "AG"]),
    );
    let credential = (
        one_of(&["DE", "de", "FR"]),
        one_of(&["EAR", "EAR", "Eco"]),
        one_of(&["WEEE", "WEEE", "Batteries"]),
        one_of(&["", "a", "b"]),
        one_of(&["", "p 😀", "q"]),
    );
    let spoil = 0..12_usize;
    (client, prop::option::of(credential), spoil).prop_map(|(client, credential, spoil)| {
        let mut cells = vec![client.0, client.1, client.2, client.3];
        let (country, pro, kind, login, password) = credential.unwrap_or_default();
        cells.extend([country, pro, kind, login, password]);
        match spoil {
            0 => cells[4] = "DEU".to_owned(),
            1 => cells[5].clear(),
            _ => {}
        }
        cells
    })
}

fn import() -> impl Strategy<Value = (Vec<Cells>, Mode, Blank, usize)> {
    let mode = prop_oneof![4 => Just(Mode::Upsert), 1 => Just(Mode::Create), 1 => Just(Mode::Update)];
    let blank = prop_oneof![Just(Blank::Clear), Just(Blank::Ignore)];
    (prop::collection::vec(record(), 1..30), mode, blank, 1..35_usize)
}

/// The three tables as the model would print itself.
async fn told(bench: &Bench, number: u8) -> (Vec<Vec<String>>, Vec<String>, Vec<String>) {
    let org = bench.org(number).await;
    let own = format!("where org_id = {org} order by name");
    let clients = bench.rows("clients", &["name", "status"], &own).await;
    (clients, bench.aliases(org).await, bench.credentials(org).await)
}

fn expected(clients: &BTreeMap<String, Client>) -> (Vec<Vec<String>>, Vec<String>, Vec<String>) {
    let cell = |text: &Option<String>| text.clone().unwrap_or("-".to_owned());
    let (mut rows, mut aliases, mut credentials) = (Vec::new(), Vec::new(), Vec::new());
    for (name, client) in clients {
        rows.push(vec![name.clone(), cell(&client.status)]);
        aliases.extend(client.aliases.iter().map(|alias| format!("{name}  {alias}")));
        aliases.extend(client.german.iter().map(|alias| format!("{name} DE {alias}")));
        let lines = client.credentials.iter();
        credentials.extend(
            lines.map(|(key, [login, password])| {
                format!("{name} {} {} - {}", key.join(" "), cell(login), cell(password))
            }),
        );
    }
    (rows, aliases, credentials)
}

fn sorted(mut told: (Vec<Vec<String>>, Vec<String>, Vec<String>)) -> (Vec<Vec<String>>, Vec<String>, Vec<String>) {
    told.0.sort();
    told.1.sort();
    told.2.sort();
    told
}

fn story(runtime: &Runtime, database: Database) {
    let bench = Bench::on(database);
    let org = std::cell::Cell::new(0_u8);
    let config = Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    };
    let header: Vec<&str> = HEADER.into_iter().chain([PASSWORD]).collect();
    let outcome = TestRunner::new(config).run(&prop::collection::vec(import(), 1..4), |imports| {
        org.set(org.get().wrapping_add(1));
        let mut clients = BTreeMap::new();
        runtime.block_on(bench.sql("delete from clients"));
        for (records, mode, blank, size) in imports {
            let before = clients.clone();
            let counts = apply(&mut clients, &records, mode, blank);
            let real = ImportOptions {
                mode,
                blank,
                ..options()
            };
            let dry = ImportOptions {
                dry_run: true,
                ..real.clone()
            };
            let entries = sheet(&real, &header, &records);
            let preview = runtime.block_on(bench.import(org.get(), &dry, &entries, size / 2 + 1));
            prop_assert_eq!(preview, counts, "the dry run");
            prop_assert_eq!(
                sorted(runtime.block_on(told(&bench, org.get()))),
                sorted(expected(&before))
            );
            prop_assert_eq!(runtime.block_on(bench.import(org.get(), &real, &entries, size)), counts);
            prop_assert_eq!(
                sorted(runtime.block_on(told(&bench, org.get()))),
                sorted(expected(&clients))
            );
        }
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn random_clients_do_what_the_model_does_postgres() {
    let runtime = Runtime::new().unwrap();
    let database = runtime.block_on(Database::postgres());
    story(&runtime, database);
}

#[test]
fn random_clients_do_what_the_model_does_sqlite() {
    let runtime = Runtime::new().unwrap();
    let database = runtime.block_on(Database::sqlite());
    story(&runtime, database);
}
