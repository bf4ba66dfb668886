//! A users CSV of any size whose outcome is known by arithmetic: row `i` has the source id `100000 + i`, every hundredth a
//! broken e-mail address.

use std::fmt::Write;

/// What a file holds.
#[derive(Clone, Copy)]
pub struct People {
    /// The first row's `i`.
    pub from: u64,
    /// How many rows.
    pub rows: u64,
    /// Goes into each row; another word changes each.
    pub city: &'static str,
}

impl People {
    /// So many rows from 0, none of them broken twice.
    pub fn new(rows: u64) -> Self {
        Self {
            from: 0,
            rows,
            city: "Berlin",
        }
    }

    fn is_broken(i: u64) -> bool {
        i % 100 == 99
    }

    /// Rows that are refused.
    pub fn broken(self) -> u64 {
        let range = self.from..self.from + self.rows;
        u64::try_from(range.filter(|i| Self::is_broken(*i)).count()).expect("a count")
    }

    /// Rows that are applied.
    pub fn good(self) -> u64 {
        self.rows - self.broken()
    }

    /// The file.
    pub fn csv(self) -> String {
        let mut csv = String::from(
            "source,source_id,language,email,first_name,last_name,date_of_birth,phone,company,work_city\r\n",
        );
        for i in self.from..self.from + self.rows {
            let at = if Self::is_broken(i) { "" } else { "example.com" };
            let (month, day, city) = (1 + i % 12, 1 + i % 28, self.city);
            let id = 100_000 + i;
            write!(
                csv,
                "hr,{id},en,user.{i}@{at},Göran,\"Silva, {i}\",1980-{month:02}-{day:02},+49{id},ACME,{city}\r\n"
            )
            .expect("memory");
        }
        csv
    }
}
