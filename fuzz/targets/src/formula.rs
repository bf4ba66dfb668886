//! Failed rows as a file for spreadsheets: nothing in it is a formula, and sent again it says what the first file said.

use longshore::imports::failed_rows::{Form, Layout};
use worker::batch::Fate;
use worker::import::{ImportOptions, Mode};
use worker::intake::limits::{COLUMNS, HEADER_NAME_BYTES};
use worker::mapping::{self, Column, RESERVED_PREFIX};
use worker::reader::Shape;
use worker::resource::Resource;
use worker::row_error::{Failure, RowCode, RowError};
use worker::rows::Rows;

use crate::cuts::Cuts;
use crate::plain::{admit, options, read, rest};
use crate::table;

/// What spreadsheets take for a formula: OWASP's list.
const FORMULA_STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// The bytes are a table: its first row the header, every other one a row that failed.
pub fn formula(data: &[u8]) {
    let mut rows = table::rows(data).into_iter();
    let Some(header) = rows.next().filter(|header| may_be_header(header)) else {
        return;
    };
    let import = ImportOptions {
        // The cells of a row are kept where the ledger may still refuse it.
        mode: Mode::Update,
        ..ImportOptions::new(Resource::ALL[header.len() % Resource::ALL.len()])
    };
    let Ok(columns) = mapping::resolve(&header, &import) else {
        return;
    };
    let failures: Vec<Failure> = rows.zip(1..).map(|(cells, record)| failure(record, cells)).collect();
    if failures.iter().any(|failure| failure.cells.len() + 4 > COLUMNS) {
        return;
    }
    for (form, ours) in [(Form::Plain, 3), (Form::Excel, 4)] {
        let layout = Layout::new(columns.clone(), import.resource, form, true);
        let file = [layout.header(), layout.rows(&failures)].concat();
        if form == Form::Excel {
            has_no_formula(&file);
        }
        says_the_same(&Cuts::of(data).pieces(&file, 900), ours, &columns, &failures, &import);
    }
}

fn may_be_header(header: &[String]) -> bool {
    let mut names: Vec<String> = header
        .iter()
        .map(|name| name.trim_matches(blank).to_lowercase())
        .collect();
    let sound = |name: &String| !name.is_empty() && name.len() < HEADER_NAME_BYTES;
    let ours = |name: &String| name.starts_with(RESERVED_PREFIX);
    let all_sound = names.iter().all(sound) && !header.iter().any(ours) && header.len() + 4 < COLUMNS;
    let count = names.len();
    names.sort();
    names.dedup();
    all_sound && names.len() == count
}

fn blank(letter: char) -> bool {
    letter.is_whitespace() || letter == '\u{FEFF}'
}

fn failure(record: u64, cells: Vec<String>) -> Failure {
    let text = cells.last().cloned();
    let error = RowError {
        code: RowCode::Refused,
        field: text.clone(),
        column: None,
        message: text.clone().unwrap_or_default(),
        expected: None,
        value: text,
    };
    Failure {
        record,
        line: record,
        errors: vec![error],
        cells,
    }
}

fn has_no_formula(file: &[u8]) {
    let text = std::str::from_utf8(file).unwrap();
    let text = text.strip_prefix('\u{FEFF}').expect("a BOM");
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    for record in reader.records() {
        for cell in &record.unwrap() {
            assert!(!cell.starts_with(FORMULA_STARTS), "{cell:?} is a formula");
        }
    }
}

/// `ours` = how many columns of ours stand before the first file's own.
fn says_the_same(pieces: &[&[u8]], ours: usize, columns: &[Column], failures: &[Failure], import: &ImportOptions) {
    let (report, plain) = admit(&options(None, None), pieces).expect("our own file");
    assert_eq!(report.delimiter, b',', "the delimiter of our own file");
    let again = mapping::resolve(&report.header, import).expect("the first file's header was mapped");
    assert_eq!(again[ours..], *columns);
    let rules = Rows::new(&again, import);
    let records = read(report.delimiter, report.start, &[rest(&plain, report.start)]);
    assert_eq!(records.len(), failures.len());
    for (record, failure) in records.iter().zip(failures) {
        assert_eq!(record.shape, Shape::Fields);
        let cells: Vec<&str> = record.cells.iter().map(String::as_str).collect();
        let kept = match rules.judge(record.record, record.line, &cells, false).fate {
            Fate::Row(row) => row.cells.expect("kept, as the mode is update"),
            Fate::Failed(failure) => failure.cells,
            Fate::Blank => panic!("a failed row came back blank"),
        };
        assert_eq!(kept[ours..], failure.cells);
    }
}
