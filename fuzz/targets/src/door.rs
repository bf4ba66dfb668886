//! Any bytes at all, as a file that says nothing of itself.

use worker::reader::Shape;

use crate::cuts::Cuts;
use crate::plain::{admit, by_csv_crate, line_ends, options_by_magic, read, rest};

/// The bytes are the file.
pub fn door(data: &[u8]) {
    let options = options_by_magic(data);
    let whole = admit(&options, &[data]);
    for way in Cuts::of(data).ways(data) {
        let verdict = admit(&options, &way);
        // Where a body is not what was compressed, the piece with the damage hides what is inside it: which of two faults is
        // told may depend on the pieces, that there is one may not.
        let told = options.inflate.is_none() || whole.is_ok();
        assert!(
            if told { verdict == whole } else { verdict.is_err() },
            "{verdict:?} in pieces, {whole:?} at once"
        );
    }
    let (report, plain) = match whole {
        Ok(let_in) => let_in,
        Err(refusal) => {
            assert!(!refusal.code.is_empty() && !refusal.detail.is_empty());
            return;
        }
    };
    let text = std::str::from_utf8(&plain).expect("plain text is UTF-8");
    assert!(!text.contains('\0'));
    if options.inflate.is_none() {
        assert_eq!(report.bytes, u64::try_from(data.len()).unwrap());
    }
    let body = rest(&plain, report.start);
    let records = read(report.delimiter, report.start, &[body]);
    assert_eq!(u64::try_from(records.len()).unwrap(), report.records);
    for record in &records {
        let before = usize::try_from(record.after.byte).unwrap();
        let lines = line_ends(&plain[..before]) - line_ends(&plain[..plain.len() - body.len()]);
        assert!(record.after.line - report.start.line - lines <= 1, "{record:?}");
        assert!(record.shape == Shape::Blank || !record.cells.is_empty());
    }
    let filled: Vec<_> = records
        .into_iter()
        .map(|record| record.cells)
        .filter(|cells| !cells.is_empty())
        .collect();
    assert_eq!(filled, by_csv_crate(report.delimiter, body));
}
