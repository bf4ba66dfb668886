//! The pass against a story told one row at a time: whatever the batches, the same persons, handles and counts.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::batch::plan::{Found, Planner, Policy};
use crate::batch::{Patch, Stored};
use crate::import::{Counts, Mode};
use crate::ports::Checkpoint;
use crate::resource::Resource;

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

fn key(id: &str) -> Key {
    Key::user("people", id, "")
}

/// A row that knows a person by these, and says this of its one value.
fn row(handles: &[&str], says: Option<&str>) -> Row {
    let mut handles: Vec<Handle> = handles.iter().map(|text| handle(text)).collect();
    handles.dedup();
    let first = handles.iter().min_by_key(|handle| handle.kind).unwrap().value.clone();
    let value = says.map_or(Patch::Keep, |text| Patch::Set(text.into()));
    Row {
        handles,
        ..Row::new(key(&first), vec![value, Patch::Fill(first)], Vec::new())
    }
}

fn file(rows: Vec<Option<Row>>) -> Vec<Entry> {
    let entries = (1..).zip(rows).map(|(record, row)| Entry {
        record,
        line: record + 1,
        after: Checkpoint {
            record,
            byte: record,
            line: record + 2,
        },
        warned: false,
        fate: row.map_or(Fate::Blank, |row| Fate::Row(Box::new(row))),
    });
    entries.collect()
}

/// What a database would hold.
#[derive(Clone, Debug, Default, PartialEq)]
struct World {
    people: BTreeMap<Key, Stored>,
    handles: BTreeMap<Handle, Key>,
    counts: Counts,
    failed: Vec<u64>,
}

impl World {
    fn import(&mut self, entries: &[Entry], size: usize, failures_left: Option<u64>) {
        for part in entries.chunks(size) {
            let from = Checkpoint::default();
            let batch = Batch {
                from,
                entries: part.to_vec(),
            };
            let failures_left = failures_left.map(|most| most.saturating_sub(self.counts.failed));
            if self.commit(&batch, failures_left) {
                return;
            }
        }
    }

    fn commit(&mut self, batch: &Batch, failures_left: Option<u64>) -> bool {
        let found = wanted(batch).into_iter();
        let known = found.filter_map(|handle| self.handles.get(handle).map(|key| (handle.clone(), key.clone())));
        let identified = identify(batch, known.collect());
        let planner = Planner::new(&identified.batch, Mode::Upsert);
        let found = planner.keys().iter().map(|key| match self.people.get(key) {
            Some(stored) => Found::Known {
                id: Some(1),
                hash: None,
                stored: Some(stored.clone()),
            },
            None => Found::Absent,
        });
        let policy = Policy {
            resource: Resource::Users,
            mode: Mode::Upsert,
            failures_left,
        };
        let found = found.collect();
        let plan = planner.plan(found, policy);
        for write in plan.inserts.iter().chain(plan.updates.iter().map(|(_, write)| write)) {
            self.people
                .insert(write.key.clone(), write.content.to_stored().into_owned());
        }
        for new in identified.new.iter().filter(|new| new.record <= plan.after.record) {
            let before = self.handles.insert(new.handle.clone(), new.key.clone());
            assert_eq!(before, None, "a handle is new once");
        }
        self.counts.add(&plan.counts);
        self.failed.extend(plan.failures.iter().map(|failure| failure.record));
        plan.stop
    }
}

#[test]
fn handles_lead_to_persons_as_if_row_by_row() {
    let mut world = World::default();
    let rows = [
        row(&["ana", "a@x.com"], Some("1")),
        row(&["+491", "a@x.com"], None),
        row(&["+491"], Some("2")),
        row(&["bob"], Some("3")),
        row(&["bob", "+491"], Some("4")),
        row(&["new", "bob", "ana"], Some("5")),
        row(&["new"], None),
        row(&["bob"], Some("3")),
    ];
    world.import(&file(rows.into_iter().map(Some).collect()), 100, None);
    let expected = Counts {
        created: 3,
        updated: 2,
        unchanged: 1,
        failed: 2,
        ..Counts::default()
    };
    assert_eq!((world.counts, world.failed), (expected, vec![5, 6]));
    let owner = |text: &str| world.handles.get(&handle(text)).unwrap().source_id();
    assert_eq!(
        ["ana", "+491", "bob", "new"].map(owner),
        ["a@x.com", "a@x.com", "bob", "new"],
        "a row that fails gives nobody a handle"
    );
}

#[test]
fn a_conflict_names_a_handle_of_each_person() {
    let rows = [
        row(&["ana"], None),
        row(&["b@x.com"], None),
        row(&["b@x.com", "ana", "+1"], None),
    ];
    let identified = identify(
        &Batch {
            from: Checkpoint::default(),
            entries: file(rows.into_iter().map(Some).collect()),
        },
        Known::new(),
    );
    let Some(Fate::Failed(failure)) = identified.batch.entries.last().map(|entry| &entry.fate) else {
        unreachable!("two persons")
    };
    let errors: Vec<(RowCode, Option<&str>)> = failure
        .errors
        .iter()
        .map(|error| (error.code, error.value.as_deref()))
        .collect();
    assert_eq!(errors, [(RowCode::HandleConflict, Some("b@x.com, ana"))]);
    assert_eq!(identified.new.len(), 2);
}

#[test]
fn a_person_that_has_the_key_already_is_that_person() {
    let mut world = World::default();
    world.people.insert(
        key("a@x.com"),
        Stored {
            values: vec![Some("old".into()), Some("kept".into())],
            ..Stored::default()
        },
    );
    world.import(
        &file(vec![Some(row(&["a@x.com"], None)), Some(row(&["a@x.com"], None))]),
        1,
        None,
    );
    let expected = Counts {
        updated: 1,
        unchanged: 1,
        ..Counts::default()
    };
    assert_eq!(world.counts, expected, "the handle alone is a change");
    let values = world.people.remove(&key("a@x.com")).unwrap().values;
    assert_eq!(values, [Some("old".into()), Some("kept".into())]);
}

/// The story of one row after another, told without keys and batches: persons are numbers, a handle has an owner.
#[derive(Default)]
struct Oracle {
    owner: BTreeMap<String, usize>,
    /// The first handle and the value of each person.
    persons: Vec<(String, Option<String>)>,
    created: u64,
    updated: u64,
    unchanged: u64,
    failed: Vec<u64>,
}

impl Oracle {
    fn tell(&mut self, record: u64, handles: &[&str], says: Option<&str>) {
        let owners: BTreeSet<usize> = handles
            .iter()
            .filter_map(|text| self.owner.get(*text).copied())
            .collect();
        if owners.len() > 1 {
            return self.failed.push(record);
        }
        let mut by_rank: Vec<&str> = handles.to_vec();
        by_rank.sort_by_key(|text| match text {
            mail if mail.contains('@') => 0,
            phone if phone.starts_with('+') => 1,
            _ => 2,
        });
        let person = owners.first().copied();
        let number = person.unwrap_or_else(|| {
            self.persons.push((by_rank[0].to_owned(), None));
            self.persons.len() - 1
        });
        let mut changed = false;
        for text in handles {
            changed |= self.owner.insert((*text).to_owned(), number).is_none();
        }
        let value = &mut self.persons[number].1;
        if says.is_some() && says != value.as_deref() {
            *value = says.map(str::to_owned);
            changed = true;
        }
        match (person, changed) {
            (None, _) => self.created += 1,
            (Some(_), true) => self.updated += 1,
            (Some(_), false) => self.unchanged += 1,
        }
    }
}

const HANDLES: [&str; 7] = ["a@x.com", "b@x.com", "+491", "+492", "ana", "bob", "cid"];
const VALUES: [Option<&str>; 3] = [None, Some("1"), Some("2")];

type Told = Option<(Vec<&'static str>, Option<&'static str>)>;

fn told() -> impl Strategy<Value = Vec<Told>> {
    let handles = prop::sample::subsequence(HANDLES.to_vec(), 1..=3).prop_shuffle();
    let says = prop::sample::select(VALUES.to_vec());
    let row = prop_oneof![12 => (handles, says).prop_map(Some), 1 => Just(None)];
    prop::collection::vec(row, 1..30)
}

proptest! {
    #[test]
    fn batches_do_not_matter(told in told(), most in prop::option::of(0..4_u64)) {
        let rows = told.iter().map(|told| told.as_ref().map(|(handles, says)| row(handles, *says)));
        let entries = file(rows.collect());
        let mut oracle = Oracle::default();
        for (record, told) in (1..).zip(&told) {
            if let Some((handles, says)) = told {
                oracle.tell(record, handles, *says);
            }
            if most.is_some_and(|most| oracle.failed.len() > usize::try_from(most).unwrap()) {
                break;
            }
        }
        for size in [1, 7, 1000] {
            let mut world = World::default();
            world.import(&entries, size, most);
            let counts = (world.counts.created, world.counts.updated, world.counts.unchanged);
            prop_assert_eq!(counts, (oracle.created, oracle.updated, oracle.unchanged), "batches of {}", size);
            prop_assert_eq!(&world.failed, &oracle.failed);
            let owners = world.handles.iter().map(|(handle, key)| (handle.value.to_string(), key.source_id().to_owned()));
            let expected = oracle.owner.iter().map(|(text, person)| (text.clone(), oracle.persons[*person].0.clone()));
            prop_assert_eq!(owners.collect::<BTreeMap<_, _>>(), expected.collect::<BTreeMap<_, _>>());
            for (id, value) in &oracle.persons {
                let stored = world.people.get(&key(id)).unwrap();
                prop_assert_eq!(stored.values[0].as_deref(), value.as_deref());
                prop_assert_eq!(stored.values[1].as_deref(), Some(id.as_str()));
            }
            prop_assert_eq!(world.people.len(), oracle.persons.len());
        }
    }
}
