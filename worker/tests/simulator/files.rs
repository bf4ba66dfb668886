//! Random small files: what stands in them as bytes, and what their writer means by it.

use bytes::Bytes;
use worker::import::{Blank, Checkpoint, ImportOptions, Mode};
use worker::intake::{Intake, IntakeOptions};
use worker::mapping::{self, Column};
use worker::resource::Resource;

use crate::dice::Dice;
use crate::oracle::{Kind, Line, Rules};

/// An upload, as its writer and as the door know it.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) plain: Bytes,
    pub(crate) lines: Vec<Line>,
    pub(crate) rules: Rules,
    pub(crate) options: ImportOptions,
    pub(crate) columns: Vec<Column>,
    pub(crate) delimiter: u8,
    pub(crate) start: Checkpoint,
    /// Where the last record begins: a file that is cut before has lost it.
    pub(crate) last: usize,
}

const WHO: [&str; 7] = ["1", "2", "3", "4", "007", "7", "ä"];
/// For both values of either resource: no rule refuses them.
const TEXTS: [&str; 6] = [
    "",
    "a@x.com",
    "b@x.com",
    "o'neil@example.net",
    "c+d@sub.example.org",
    "",
];

/// The two columns beside the key.
pub(crate) fn value_columns(resource: Resource) -> [&'static str; 2] {
    match resource {
        Resource::Clients => ["status", "notes"],
        Resource::Users | Resource::ReportTypes => ["first_name", "email"],
    }
}

impl File {
    pub(crate) fn random(dice: &mut Dice, resource: Resource) -> Self {
        let rules = Rules {
            kind: *dice.pick(&[Kind::Upsert, Kind::Upsert, Kind::Upsert, Kind::Create, Kind::Update]),
            keeps: dice.chance(300),
            max_failures: dice.chance(250).then(|| dice.below(4)),
        };
        let rows = *dice.pick(&[0, 1, 3, 8, 8, 15, 30]);
        let lines = (0..rows).map(|_| line(dice)).collect();
        Self::of(dice, resource, rules, lines)
    }

    /// The file that says these lines.
    pub(crate) fn of(dice: &mut Dice, resource: Resource, rules: Rules, lines: Vec<Line>) -> Self {
        let key = if resource == Resource::Clients {
            "name"
        } else {
            "source_id"
        };
        let columns = value_columns(resource);
        let mut text = format!("{key},{},{}\n", columns[0], columns[1]);
        let mut last = 0;
        for line in &lines {
            last = text.len();
            text.push_str(&written(dice, line));
        }
        Self::admitted(&text, options(resource, rules), rules, lines, last)
    }

    fn admitted(text: &str, options: ImportOptions, rules: Rules, lines: Vec<Line>, last: usize) -> Self {
        let door = IntakeOptions {
            inflate: None,
            encoding: None,
            delimiter: Some(','),
            max_bytes: 1 << 20,
        };
        let (mut intake, mut plain, mut rest) = (Intake::new(door).unwrap(), Vec::new(), text.as_bytes());
        while !rest.is_empty() {
            intake.push(&mut rest, &mut plain).unwrap();
        }
        let report = intake.finish(&mut plain).unwrap();
        assert_eq!(report.records, count(lines.len()), "the door counts as the writer does");
        Self {
            columns: mapping::resolve(&report.header, &options).unwrap(),
            plain: plain.into(),
            lines,
            rules,
            options,
            delimiter: report.delimiter,
            start: report.start,
            last,
        }
    }
}

pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap()
}

fn options(resource: Resource, rules: Rules) -> ImportOptions {
    ImportOptions {
        mode: match rules.kind {
            Kind::Upsert => Mode::Upsert,
            Kind::Create => Mode::Create,
            Kind::Update => Mode::Update,
        },
        blank: if rules.keeps { Blank::Ignore } else { Blank::Clear },
        max_failures: rules.max_failures,
        ..ImportOptions::new(resource)
    }
}

/// Few keys, so that they meet in a file and in the table.
pub(crate) fn line(dice: &mut Dice) -> Line {
    match dice.below(20) {
        0 => Line::Blank,
        1 | 2 => Line::Broken,
        _ => {
            let value = |dice: &mut Dice| (*dice.pick(&TEXTS)).to_owned();
            Line::Person(WHO[dice.index(WHO.len())], [value(dice), value(dice)])
        }
    }
}

fn written(dice: &mut Dice, line: &Line) -> String {
    let end = *dice.pick(&["\n", "\n", "\r\n"]);
    let row = match line {
        Line::Blank => (*dice.pick(&["", ",,"])).to_owned(),
        Line::Broken => (*dice.pick(&[
            "1,too,many,cells",
            "2,short",
            "\"3\"x,a,",
            ",no,key@x.com",
            "4,\"line\nbreak\"x,",
        ]))
        .to_owned(),
        Line::Person(who, [one, other]) if dice.chance(200) => format!("\"{who}\",\"{one}\",{other}"),
        Line::Person(who, [one, other]) => format!("{who},{one},{other}"),
    };
    row + end
}
