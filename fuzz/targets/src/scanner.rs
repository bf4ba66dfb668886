//! Sound tables: what a writer put down is what comes out, by our reader and by the `csv` crate.

use worker::intake::limits::COLUMNS;
use worker::ports::Checkpoint;
use worker::reader::Shape;

use crate::cuts::Cuts;
use crate::plain::{admit, by_csv_crate, line_ends, options, read, rest};
use crate::table::{self, Style};

/// The first byte is the style, the rest the table.
pub fn scanner(data: &[u8]) {
    let Some((style, data)) = data.split_first() else {
        return;
    };
    let (style, mut cuts) = (Style::of(*style), Cuts::of(data));
    let rows = table::rows(data);
    let widest = rows.iter().map(Vec::len).max().unwrap_or(1);
    if widest > COLUMNS {
        return;
    }
    let written = Written::new(&style, widest, &rows, &mut cuts);
    let told = (!style.declared).then_some(style.delimiter);
    let (report, plain) = admit(&options(None, told), &cuts.pieces(&written.file, 900)).expect("a sound table");

    let delimiter = u8::try_from(style.delimiter).unwrap();
    assert_eq!((report.encoding, report.delimiter), ("utf-8", delimiter));
    assert_eq!(report.header.len(), widest);
    assert_eq!(report.records, u64::try_from(rows.len()).unwrap() - written.lost);
    let dropped = written.file.len() - plain.len();
    assert_eq!(plain, written.file[dropped..]);

    let body = rest(&plain, report.start);
    let found = read(delimiter, report.start, &cuts.pieces(body, 11));
    assert!(found.iter().all(|record| record.shape != Shape::BadQuote));
    for (record, after) in found.iter().zip(&written.after) {
        let lines = 1 + line_ends(&written.file[..*after]);
        let expected = Checkpoint {
            record: record.record,
            byte: u64::try_from(*after - dropped).unwrap(),
            line: lines,
        };
        let at_end = record.after.byte == report.plain_bytes;
        assert!(record.after == expected || at_end && record.after.byte == expected.byte);
    }
    let cells: Vec<_> = found.into_iter().map(|record| record.cells).collect();
    assert!(cells.iter().zip(&rows).all(|(found, row)| is_same(found, row)));
    let filled: Vec<_> = cells.into_iter().filter(|cells| !cells.is_empty()).collect();
    assert_eq!(filled, by_csv_crate(delimiter, body));
}

/// A row of one empty cell may be written as an empty line, and has no cells then.
fn is_same(found: &[String], row: &[String]) -> bool {
    found == row || found.is_empty() && row.len() == 1 && row[0].is_empty()
}

/// A table as a file.
struct Written {
    file: Vec<u8>,
    /// Where each record ends, its line end included.
    after: Vec<usize>,
    /// 1 where the last record is an empty line without a line end: nobody can see that one.
    lost: u64,
}

impl Written {
    fn new(style: &Style, columns: usize, rows: &[Vec<String>], cuts: &mut Cuts) -> Self {
        let mut file = String::new();
        if style.bom {
            file.push('\u{FEFF}');
        }
        if style.declared {
            file.push_str(&format!("sep={}{}", style.delimiter, style.end));
        }
        let header: Vec<String> = (0..columns).map(|column| format!("c{column}")).collect();
        file.push_str(&style.record(&header, cuts));
        file.push_str(style.end);
        let (mut after, mut lost) = (Vec::new(), 0);
        for (index, row) in rows.iter().enumerate() {
            let record = style.record(row, cuts);
            let is_last = index + 1 == rows.len();
            lost = u64::from(is_last && record.is_empty() && !style.ended);
            file.push_str(&record);
            if !is_last || style.ended {
                file.push_str(style.end);
            }
            after.push(file.len());
        }
        Self {
            file: file.into_bytes(),
            after,
            lost,
        }
    }
}
