//! The users files: eighteen columns, row `i` with source `hr` and source id `100000 + i`, some broken or changed on demand.
//! The same spec gives the same bytes. Written row by row, whatever the size.

use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::path::{Path, PathBuf};

use harness::Dice;

const HEADER: &str = "source,source_id,language,email,username,first_name,last_name,title,gender,date_of_birth,phone,mobile,\
                      company,work_city,position,org_unit,cost_center,manager\r\n";
const FIRST: [&str; 10] = [
    "Ana", "Bo", "Chidi", "Dana", "Elif", "Farah", "Göran", "Hana", "Ivo", "Jun",
];
const LAST: [&str; 10] = [
    "Silva", "Meyer", "Okafor", "Novak", "Yılmaz", "Haddad", "Kovač", "Sato", "Petrov", "Kim",
];
const SEED: u64 = 1;

/// What a file is to hold.
#[derive(Clone, Copy)]
pub(crate) struct Spec {
    pub(crate) rows: u64,
    /// The first row's `i`.
    pub(crate) start: u64,
    /// Of a thousand rows, how many have a broken e-mail address.
    pub(crate) bad: u64,
    /// Of a thousand rows, how many work in `city` and not in Berlin.
    pub(crate) changed: u64,
    pub(crate) city: &'static str,
}

impl Spec {
    pub(crate) fn new(rows: u64) -> Self {
        Self {
            rows,
            start: 0,
            bad: 0,
            changed: 0,
            city: "Hamburg",
        }
    }

    pub(crate) fn name(self) -> String {
        let Self {
            rows,
            start,
            bad,
            changed,
            city,
        } = self;
        format!("users-{rows}-from-{start}-bad-{bad}-changed-{changed}-{city}.csv")
    }
}

/// A written file and what is true of it.
#[derive(Clone)]
pub(crate) struct Csv {
    pub(crate) path: PathBuf,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) bad: u64,
    pub(crate) changed: u64,
}

/// Writes it, through to the disk: no later measurement is to pay for that.
pub(crate) fn write(folder: &Path, spec: Spec) -> Csv {
    let path = folder.join(spec.name());
    let (bad, changed) = fill(&path, spec).expect("room for a file");
    let bytes = path.metadata().expect("the file is there").len();
    Csv {
        path,
        rows: spec.rows,
        bytes,
        bad,
        changed,
    }
}

fn fill(path: &Path, spec: Spec) -> Result<(u64, u64)> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    file.write_all(HEADER.as_bytes())?;
    let (mut names, mut fates) = (Dice::from(SEED), Dice::from(SEED + 1));
    let (mut bad, mut changed) = (0, 0);
    for i in spec.start..spec.start + spec.rows {
        let fate = fates.below(1000);
        let (is_bad, is_changed) = (fate < spec.bad, 1000 - fate <= spec.changed);
        bad += u64::from(is_bad);
        changed += u64::from(is_changed);
        let name = (pick(&FIRST, &mut names), pick(&LAST, &mut names));
        let city = if is_changed { spec.city } else { "Berlin" };
        row(&mut file, i, name, city, is_bad)?;
    }
    file.into_inner()?.sync_all()?;
    Ok((bad, changed))
}

fn row(file: &mut impl Write, i: u64, (first, last): (&str, &str), city: &str, is_bad: bool) -> Result<()> {
    let id = 100_000 + i;
    write!(file, "hr,{id},en,")?;
    match is_bad {
        true => write!(file, "broken{i}@")?,
        false => write!(file, "user.{i}@example.com")?,
    }
    let (title, gender) = if i % 2 == 1 { ("Ms", "f") } else { ("Mr", "m") };
    let position = if i.is_multiple_of(3) {
        "Coder"
    } else {
        "\"Developer, Senior\""
    };
    let (year, month, day) = (1950 + i % 50, 1 + i % 12, 1 + i % 28);
    let (phone, unit, center, manager) = (1_000_000 + i, i % 200, i % 100, 100_000 + i / 10);
    write!(
        file,
        ",user{i},{first},{last},{title},{gender},{year}-{month:02}-{day:02},+4930{phone},+49170{phone},ACME GmbH,{city},\
         {position},R&D {unit},SF{center:02},{manager}\r\n"
    )
}

fn pick(words: &[&'static str; 10], dice: &mut Dice) -> &'static str {
    let place = usize::try_from(dice.below(10)).unwrap_or_default();
    words.get(place).copied().unwrap_or_default()
}
