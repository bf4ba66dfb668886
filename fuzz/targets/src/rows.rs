//! A file of any rows, judged as each resource is: no row is lost, and what is applied twice changes nothing.

use worker::batch::{Fate, Stored};
use worker::import::{Blank, ImportOptions, Mode, Ragged};
use worker::mapping;
use worker::reader::Shape;
use worker::resource::Resource;
use worker::resource::rule::Rule;
use worker::rows::{Judged, Rows};

use crate::plain::{Owned, admit, options, read, rest};

/// The first byte chooses the resource and the options, the rest is the file.
pub fn rows(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else {
        return;
    };
    let Ok((report, plain)) = admit(&options(None, None), &[data]) else {
        return;
    };
    let import = import(usize::from(*choice), &report.header);
    let Ok(columns) = mapping::resolve(&report.header, &import) else {
        return;
    };
    assert_eq!(columns.len(), report.header.len());
    let rules = Rows::new(&columns, &import);
    for record in read(report.delimiter, report.start, &[rest(&plain, report.start)]) {
        if record.shape != Shape::Blank {
            judge(&rules, &record, &import);
        }
    }
}

fn judge(rules: &Rows, record: &Owned, import: &ImportOptions) {
    let cells: Vec<&str> = record.cells.iter().map(String::as_str).collect();
    let judged = || rules.judge(record.record, record.line, &cells, record.shape == Shape::BadQuote);
    let Judged { fate, warned } = judged();
    assert_eq!(
        judged(),
        Judged {
            fate: fate.clone(),
            warned
        }
    );
    match fate {
        Fate::Blank => panic!("a record with cells came out blank"),
        Fate::Failed(failure) => {
            assert_eq!((failure.record, failure.line), (record.record, record.line));
            assert!(!failure.errors.is_empty() && failure.errors.iter().all(|error| !error.sentence().is_empty()));
            assert_eq!(failure.cells.len(), cells.len());
        }
        Fate::Row(row) => {
            assert!(record.shape == Shape::Fields && (!warned || import.ragged == Ragged::Pad));
            assert_eq!(row.values.len(), import.resource.fields().len());
            let mut stored = Stored::create(&row);
            let once = stored.clone();
            assert!(
                !stored.apply(&row),
                "the same row again is a change: {row:?} on {once:?}"
            );
            assert_eq!(stored, once);
        }
    }
}

/// One of many ways to import a file.
fn import(choice: usize, header: &[String]) -> ImportOptions {
    let rule = match choice / 48 {
        0 => None,
        1 => Some(Rule::Names { most: 3 }),
        2 => Some(Rule::PasswordHash),
        3 => Some(Rule::List),
        _ => Some(Rule::Buckets {
            name_bytes: 5,
            value_bytes: 9,
        }),
    };
    ImportOptions {
        mode: [Mode::Upsert, Mode::Update][choice / 3 % 2],
        blank: [Blank::Clear, Blank::Ignore][choice / 6 % 2],
        ragged: [Ragged::Reject, Ragged::Pad][choice / 12 % 2],
        merge: choice / 24 % 2 == 1,
        rules: header.last().cloned().into_iter().zip(rule).collect(),
        ..ImportOptions::new(Resource::ALL[choice % 3])
    }
}
