//! Which delimiter a file uses: `sep=` in its first line, else the candidate that cuts the first records best. Known header
//! names weigh most: the types of cells cannot tell a header from data in a file that is all text. Works on a sample, and
//! knows neither encodings nor mapping.

use super::error::DoorError;
use super::limits::COLUMNS;
use super::scan::Scanner;
use crate::mapping::ROW_COLUMN;
use crate::ports::Checkpoint;

const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Records of the sample that are looked at.
const RECORDS: usize = 100;
/// Among how many records a header may be; titles above it are not one.
const HEADER_WITHIN: usize = 5;

/// Letters and digits of headers that files of people are known by, in lower case.
const KNOWN: &[&str] = &[
    "address",
    "anrede",
    "apellido",
    "apellidos",
    "birthdate",
    "city",
    "company",
    "companyname",
    "correo",
    "country",
    "courriel",
    "dateofbirth",
    "department",
    "dob",
    "email",
    "emailaddress",
    "employeeid",
    "externalid",
    "familyname",
    "firma",
    "firstname",
    "firstnm",
    "fullname",
    "gender",
    "geburtsdatum",
    "givenname",
    "groups",
    "id",
    "kostenstelle",
    "land",
    "language",
    "lastname",
    "lastnm",
    "login",
    "mail",
    "middlename",
    "mobile",
    "nachname",
    "name",
    "nom",
    "nombre",
    "organization",
    "ort",
    "phone",
    "phonenumber",
    "plz",
    "prenom",
    "prénom",
    "region",
    "source",
    "sourceid",
    "status",
    "strasse",
    "straße",
    "street",
    "surname",
    "telefon",
    "telefono",
    "teléfono",
    "telephone",
    "title",
    "userid",
    "username",
    "vorname",
    "voornaam",
    "achternaam",
    "zip",
    "имя",
    "почта",
    "телефон",
    "фамилия",
    "メール",
    "メールアドレス",
    "名前",
    "氏名",
    "邮箱",
    "姓名",
];

/// A caller's delimiter as the byte it is.
pub(super) fn delimiter_byte(wanted: char) -> Result<u8, DoorError> {
    let byte = u8::try_from(wanted).ok().filter(|byte| byte.is_ascii());
    let usable = |byte: &u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'"' | b'\r' | b'\n' | b'\0' | b'_');
    byte.filter(usable).ok_or_else(|| {
        let detail = format!(
            "`delimiter` is {wanted:?}; expected one ASCII character that is no letter, digit, quote or line end, \
             such as a comma, semicolon, tab or pipe."
        );
        DoorError::bad("bad-delimiter", detail)
    })
}

/// A first line `sep=;` as spreadsheets write and honour it: the delimiter, and the bytes to drop with the line end.
pub(super) fn separator_line(sample: &[u8]) -> Option<(u8, usize)> {
    let [s, e, p, b'=', delimiter, rest @ ..] = sample else {
        return None;
    };
    let named = [*s, *e, *p].eq_ignore_ascii_case(b"sep");
    let line_end = match rest {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        [] => 0,
        _ => return None,
    };
    let delimiter = delimiter_byte(char::from(*delimiter)).ok().filter(|_| named)?;
    Some((delimiter, 5 + line_end))
}

/// The delimiter of a failed-rows file, which begins with a column of ours: the cells of its refused rows cannot mislead.
fn behind_own_column(sample: &[u8]) -> Option<u8> {
    let text = sample.strip_prefix(b"\"").unwrap_or(sample);
    let behind = text.strip_prefix(ROW_COLUMN.as_bytes())?;
    let delimiter = behind.strip_prefix(b"\"").unwrap_or(behind).first()?;
    CANDIDATES.contains(delimiter).then_some(*delimiter)
}

/// The delimiter of a sample; `cut` = the file goes on behind it. A comma where nothing speaks for another.
pub(super) fn detect(sample: &[u8], cut: bool) -> u8 {
    if let Some(delimiter) = behind_own_column(sample) {
        return delimiter;
    }
    let fits: Vec<Fit> = CANDIDATES
        .iter()
        .map(|delimiter| Fit::measure(*delimiter, sample, cut))
        .collect();
    let best = |splitting: bool| {
        let among = fits.iter().filter(|fit| !splitting || fit.splits);
        // `max_by_key` takes the last of equals; the comma comes first.
        among.rev().max_by_key(|fit| {
            if splitting {
                fit.splitting_rank()
            } else {
                (0, fit.single, 0)
            }
        })
    };
    let single_comma = fits.first().filter(|comma| comma.single >= 500);
    best(true)
        .or(single_comma)
        .or_else(|| best(false))
        .map_or(b',', |fit| fit.delimiter)
}

/// How well a delimiter suits the sample.
struct Fit {
    delimiter: u8,
    /// It cuts the header, or a later record that is known for one.
    splits: bool,
    /// Known names in the best of the first records.
    hits: usize,
    /// How many of 1,000 records have the usual number of columns.
    even: usize,
    /// How many of 1,000 records have one column.
    single: usize,
    columns: usize,
}

impl Fit {
    fn measure(delimiter: u8, sample: &[u8], cut: bool) -> Self {
        let records = records(delimiter, sample, cut);
        let widths: Vec<usize> = records.iter().map(|(_, columns)| *columns).collect();
        let share =
            |wanted: usize| widths.iter().filter(|width| **width == wanted).count() * 1000 / widths.len().max(1);
        let columns = widths
            .iter()
            .copied()
            .max_by_key(|width| (share(*width), *width))
            .unwrap_or(1);
        let headers = records.iter().take(HEADER_WITHIN).filter(|(_, columns)| *columns > 1);
        let hits = headers
            .map(|(record, _)| known_names(delimiter, record))
            .max()
            .unwrap_or(0);
        let splits = hits > 0 || widths.first().is_some_and(|width| *width > 1);
        Self {
            delimiter,
            splits,
            hits,
            even: share(columns),
            single: share(1),
            columns,
        }
    }

    fn splitting_rank(&self) -> (usize, usize, usize) {
        if self.columns > 1 {
            (self.hits, self.even, self.columns)
        } else {
            (self.hits, 0, 0)
        }
    }
}

/// The records of a sample that are not empty, with their number of columns. One that the sample cuts off counts only if
/// there is no other.
fn records(delimiter: u8, sample: &[u8], cut: bool) -> Vec<(&[u8], usize)> {
    let mut scanner = Scanner::new(
        delimiter,
        Checkpoint {
            record: 0,
            byte: 0,
            line: 1,
        },
    );
    let mut found = Vec::new();
    let mut rest = sample;
    while found.len() < RECORDS {
        let record = rest;
        let Ok(step) = scanner.step(record) else {
            // Too much for one record; if it is columns, then this is the delimiter of that file.
            found.push((record, COLUMNS));
            break;
        };
        rest = rest.get(step.used..).unwrap_or_default();
        let whole = step.end.is_some();
        let last = || {
            if !cut || found.is_empty() {
                scanner.finish().ok().flatten()
            } else {
                None
            }
        };
        let Some(end) = step.end.or_else(last) else { break };
        if let Some(content) = usize::try_from(end.content)
            .ok()
            .and_then(|length| record.get(..length))
            && !content.is_empty()
        {
            found.push((content, end.columns));
        }
        if !whole {
            break;
        }
    }
    found
}

fn known_names(delimiter: u8, record: &[u8]) -> usize {
    let cells = record.split(|byte| *byte == delimiter);
    cells
        .filter(|cell| std::str::from_utf8(cell).is_ok_and(|cell| KNOWN.contains(&plain_name(cell).as_str())))
        .count()
}

fn plain_name(cell: &str) -> String {
    cell.chars()
        .filter(|letter| letter.is_alphanumeric() || *letter == 'ー')
        .flat_map(char::to_lowercase)
        .collect()
}
