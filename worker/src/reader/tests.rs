//! The reader against the `csv` crate where both must agree, and against itself from every checkpoint and in any cut.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use super::*;

const START: Checkpoint = Checkpoint {
    record: 0,
    byte: 0,
    line: 1,
};

#[derive(Clone, Debug, PartialEq)]
struct Owned {
    record: u64,
    line: u64,
    after: Checkpoint,
    shape: Shape,
    cells: Vec<String>,
}

fn read(delimiter: u8, stream: &[u8], from: Checkpoint, chunk: usize) -> Vec<Owned> {
    let mut reader = Reader::new(delimiter, from);
    let mut found = Vec::new();
    let mut keep = |record: Record<'_>| {
        let Record {
            record: number,
            line,
            after,
            shape,
            cells,
        } = record;
        assert_eq!(cells.len(), cells.iter().count());
        found.push(Owned {
            record: number,
            line,
            after,
            shape,
            cells: cells.iter().map(str::to_owned).collect(),
        });
    };
    for mut bytes in stream[usize::try_from(from.byte).unwrap()..].chunks(chunk) {
        while let Some(record) = reader.read(&mut bytes).unwrap() {
            keep(record);
        }
        assert!(bytes.is_empty());
    }
    if let Some(record) = reader.finish().unwrap() {
        keep(record);
    }
    assert!(reader.finish().unwrap().is_none());
    found
}

fn all(stream: &str) -> Vec<Owned> {
    read(b',', stream.as_bytes(), START, 3)
}

fn shapes(stream: &str) -> Vec<(Shape, Vec<String>)> {
    all(stream)
        .into_iter()
        .map(|record| (record.shape, record.cells))
        .collect()
}

fn cells(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

#[test]
fn shapes_of_records() {
    let expected = [
        (Shape::Fields, cells(&["1", "a\"b"])),
        (Shape::Blank, cells(&[])),
        (Shape::Blank, cells(&["", ""])),
        (Shape::Blank, cells(&["", ""])),
        (Shape::Fields, cells(&["  "])),
        (Shape::BadQuote, cells(&["2", "abcdef"])),
        (Shape::BadQuote, cells(&["3", "ab\"c"])),
        (Shape::BadQuote, cells(&["4", "a\\b\""])),
        (Shape::BadQuote, cells(&["x \"y\"", "z"])),
        (Shape::Fields, cells(&["\u{FEFF}5", "\u{1A}"])),
    ];
    let stream = "1,\"a\"\"b\"\n\n,\n\"\",\"\"\n  \n2,\"abc\"def\n3,ab\"c\n4,\"a\\\"b\"\nx \"y\",z\n\u{FEFF}5,\u{1A}";
    assert_eq!(shapes(stream), expected);
}

#[test]
fn lines_are_physical_whatever_ends_them() {
    let lines = |stream: &str| all(stream).iter().map(|record| record.line).collect::<Vec<_>>();
    assert_eq!(lines("a\nb\nc"), [1, 2, 3]);
    assert_eq!(lines("a\r\nb\r\nc\r\n"), [1, 2, 3]);
    assert_eq!(lines("a\rb\rc\r"), [1, 2, 3]);
    assert_eq!(lines("a\r\rb\n\r\nc\n\rd"), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(lines("\"a\nb\"\n\"c\r\nd\r\ne\"\r\n\"f\rg\"\rh"), [1, 3, 6, 8]);
}

#[test]
fn damage_is_an_error_and_never_a_record() {
    let mut reader = Reader::new(b',', START);
    let damaged = reader.read(&mut b"1,\xFF\n".as_slice()).map(drop).unwrap_err();
    assert_eq!(damaged, ReadError::NotText { record: 1, byte: 0 });
    let mut reader = Reader::new(b',', START);
    assert!(reader.read(&mut b"1,\"a".as_slice()).unwrap().is_none());
    assert!(matches!(reader.finish().unwrap_err(), ReadError::Structure(_)));
}

#[test]
fn what_is_held_is_one_record() {
    let mut reader = Reader::new(b',', START);
    let chunk = b"1,some text,\"quoted\"\n".repeat(3_000);
    for _ in 0..100 {
        let mut bytes = &chunk[7..];
        while reader.read(&mut bytes).unwrap().is_some() {}
        let mut bytes = &chunk[..7];
        while reader.read(&mut bytes).unwrap().is_some() {}
    }
    assert!(reader.held.capacity() < 100, "{}", reader.held.capacity());
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "é", "\"", "\n", "\r", "\r\n", ",", ";", " ", "漢", "'", "\u{FEFF}", "\u{2028}",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Records as any sound writer may write them.
fn sound() -> impl Strategy<Value = (u8, String)> {
    let table = prop::collection::vec(prop::collection::vec((text(), any::<bool>()), 1..5), 0..12);
    let style = (
        prop::sample::select(vec![',', ';', '\t', '|']),
        prop::sample::select(vec!["\n", "\r\n", "\r"]),
        any::<bool>(),
    );
    (table, style).prop_map(|(table, (delimiter, end, ended))| {
        let field = |(text, quote): &(String, bool)| {
            let needs = text.contains(['"', '\n', '\r', delimiter]);
            if needs || *quote {
                format!("\"{}\"", text.replace('"', "\"\""))
            } else {
                text.clone()
            }
        };
        let line = |row: &Vec<_>| row.iter().map(field).collect::<Vec<_>>().join(&delimiter.to_string());
        let mut stream = table.iter().map(line).collect::<Vec<_>>().join(end);
        if ended {
            stream.push_str(end);
        }
        (u8::try_from(delimiter).unwrap(), stream)
    })
}

/// Anything at all that the scanner lets pass: quotes are even.
fn any_stream() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec!["a", "bc", "é", "\"", "\n", "\r", "\r\n", ",", ",,", "\"\"", " "]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn is_readable(stream: &str) -> bool {
    let mut scanner = Scanner::new(b',', START);
    let mut rest = stream.as_bytes();
    while !rest.is_empty() {
        let Ok(step) = scanner.step(rest) else { return false };
        rest = &rest[step.used..];
    }
    scanner.finish().is_ok()
}

fn by_csv_crate(delimiter: u8, stream: &str) -> Vec<Vec<String>> {
    // The crate drops a BOM at the very start; behind one line end it does not.
    let stream = format!("\n{stream}");
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(stream.as_bytes());
    reader
        .records()
        .map(|record| record.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn sound_files_read_as_the_csv_crate_reads_them((delimiter, stream) in sound(), chunk in 1_usize..20) {
        let ours = read(delimiter, stream.as_bytes(), START, chunk);
        prop_assert!(ours.iter().all(|record| record.shape != Shape::BadQuote));
        let filled: Vec<_> = ours.into_iter().map(|record| record.cells).filter(|cells| !cells.is_empty()).collect();
        prop_assert_eq!(filled, by_csv_crate(delimiter, &stream));
    }

    #[test]
    fn records_do_not_depend_on_chunks(stream in any_stream(), chunk in 1_usize..9) {
        prop_assume!(is_readable(&stream));
        prop_assert_eq!(read(b',', stream.as_bytes(), START, chunk), read(b',', stream.as_bytes(), START, 1000));
    }

    #[test]
    fn even_odd_files_have_the_records_that_the_csv_crate_sees(stream in any_stream()) {
        prop_assume!(is_readable(&stream));
        let ours: Vec<_> = all(&stream).into_iter().map(|record| record.cells).filter(|cells| !cells.is_empty()).collect();
        prop_assert_eq!(ours, by_csv_crate(b',', &stream));
    }

    #[test]
    fn every_checkpoint_leads_to_the_same_rest(stream in any_stream(), chunk in 1_usize..9) {
        prop_assume!(is_readable(&stream));
        let whole = read(b',', stream.as_bytes(), START, 1000);
        for (index, record) in whole.iter().enumerate() {
            prop_assert_eq!(&read(b',', stream.as_bytes(), record.after, chunk)[..], &whole[index + 1..]);
        }
    }
}
