//! Random tables of users as lists of rows, to be cut, mixed and added to before they become files.

use harness::Dice;

/// A header that every table has, and its rows.
#[derive(Clone)]
pub(super) struct Sheet(Vec<String>);

const HEADER: &str = "source_id,email,first_name,company,Shoe size\r\n";

impl Sheet {
    /// Some rows broken, some blank, in keys that repeat or do not.
    pub(super) fn random(dice: &mut Dice, rows: u64, repeats: bool) -> Self {
        let row = |number: u64| match dice.below(20) {
            0 => "\r\n".to_owned(),
            1 => bad(dice),
            _ if repeats => {
                let key = dice.below(rows / 3 + 1);
                good(dice, key)
            }
            _ => good(dice, number),
        };
        Self((0..rows).map(row).collect())
    }

    pub(super) fn csv(&self) -> String {
        HEADER.to_owned() + &self.0.concat()
    }

    /// The rows before a place, and those from it on.
    pub(super) fn split(&self, at: u64) -> (Self, Self) {
        let (one, other) = self.0.split_at(usize::try_from(at).unwrap());
        (Self(one.to_vec()), Self(other.to_vec()))
    }

    pub(super) fn shuffled(&self, dice: &mut Dice) -> Self {
        let mut rows = self.0.clone();
        for last in (1..rows.len()).rev() {
            rows.swap(last, place(dice, last + 1));
        }
        Self(rows)
    }

    /// The same with so many broken rows at random places.
    pub(super) fn with_bad_rows(&self, dice: &mut Dice, more: u64) -> Self {
        let mut rows = self.0.clone();
        for _ in 0..more {
            rows.insert(place(dice, rows.len() + 1), bad(dice));
        }
        Self(rows)
    }
}

fn place(dice: &mut Dice, end: usize) -> usize {
    usize::try_from(dice.below(u64::try_from(end).unwrap())).unwrap()
}

fn good(dice: &mut Dice, key: u64) -> String {
    let name = ["Ana", "Göran", "\"Silva, Bo\"", "\"two\nlines\"", "", "=1+1", "名前"];
    let (name, size) = (name[place(dice, name.len())], dice.below(3));
    let company = ["ACME", "Ça & Co", ""];
    let company = company[place(dice, company.len())];
    format!("id{key},u{size}.{key}@example.com,{name},{company},{size}\r\n")
}

fn bad(dice: &mut Dice) -> String {
    let rows = [
        "id1,broken@,x,,\r\n",
        ",no.key@example.com,x,,\r\n",
        "id2,many@example.com,x,,,,one more\r\n",
        "id3,few@example.com\r\n",
        "\"id4\"x,quote@example.com,x,,\r\n",
    ];
    rows[place(dice, rows.len())].to_owned()
}
