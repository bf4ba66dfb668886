//! A table out of arbitrary bytes, and a writer that puts it down as any sound program might.

use crate::cuts::Cuts;

/// Between two cells, and between two rows.
const CELL: char = '\u{1F}';
const ROW: char = '\u{1E}';

/// Rows of cells; no cell holds a NUL, which no text has.
pub(crate) fn rows(data: &[u8]) -> Vec<Vec<String>> {
    let text = String::from_utf8_lossy(data).replace('\0', "");
    let row = |row: &str| row.split(CELL).map(str::to_owned).collect();
    text.split(ROW).map(row).collect()
}

/// How a table is put down.
pub(crate) struct Style {
    pub(crate) delimiter: char,
    pub(crate) end: &'static str,
    /// The last record has a line end, too.
    pub(crate) ended: bool,
    /// `sep=;` goes first.
    pub(crate) declared: bool,
    pub(crate) bom: bool,
}

impl Style {
    /// By one byte.
    pub(crate) fn of(byte: u8) -> Self {
        let number = usize::from(byte);
        Self {
            delimiter: [',', ';', '\t', '|'][number % 4],
            end: ["\n", "\r\n", "\r"][number / 4 % 3],
            ended: number / 12 % 2 == 0,
            declared: number / 24 % 2 == 0,
            bom: number / 48 % 2 == 0,
        }
    }

    /// One record, quoted where it must be, and elsewhere by chance.
    pub(crate) fn record(&self, cells: &[String], cuts: &mut Cuts) -> String {
        let cell = |cell: &String| {
            let must = cell.contains(['"', '\n', '\r', self.delimiter]);
            if must || cuts.coin() {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell.clone()
            }
        };
        let cells: Vec<String> = cells.iter().map(cell).collect();
        cells.join(&self.delimiter.to_string())
    }
}
