//! A file as cells, judged by the engine's own rules: for records whose rows say more than a test wants to spell out.

use worker::batch::Entry;
use worker::import::ImportOptions;
use worker::mapping;
use worker::ports::Checkpoint;
use worker::rows::Rows;

/// The entries of a file with this header.
pub(super) fn sheet<T: AsRef<str>>(options: &ImportOptions, header: &[&str], records: &[Vec<T>]) -> Vec<Entry> {
    let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    let rows = Rows::new(&mapping::resolve(&header, options).unwrap(), options);
    let entry = |(record, cells): (u64, &Vec<T>)| {
        let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
        let judged = rows.judge(record, record + 1, &cells, false);
        Entry {
            record,
            line: record + 1,
            after: Checkpoint {
                record,
                byte: record * 10,
                line: record + 2,
            },
            warned: judged.warned,
            fate: judged.fate,
        }
    };
    (1..).zip(records).map(entry).collect()
}
