//! What was found, as lines on the terminal while it goes on and as BENCHMARKS.md at the end. A goal that is missed is shown as
//! missed.

use std::fmt::Write;
use std::path::Path;

use crate::file::Csv;
use crate::table;

/// What the figure is held against.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// No goal; worth knowing.
    Shown,
}

/// One figure of a case.
pub(crate) struct Finding {
    pub(crate) case: &'static str,
    /// What was compared, in words.
    pub(crate) what: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) ours: String,
    pub(crate) other: String,
    pub(crate) figure: f64,
    pub(crate) unit: &'static str,
    pub(crate) goal: Goal,
}

/// The most memory that a process ever held.
pub(crate) struct Peak {
    pub(crate) case: &'static str,
    pub(crate) process: &'static str,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) kib: u64,
}

/// Everything so far.
#[derive(Default)]
pub(crate) struct Report {
    findings: Vec<Finding>,
    peaks: Vec<Peak>,
    /// Whether lines go to the terminal as they come.
    speaks: bool,
}

impl Finding {
    /// A figure without a second side.
    pub(crate) fn alone(case: &'static str, file: &Csv, what: impl Into<String>) -> Self {
        Self {
            case,
            what: what.into(),
            rows: file.rows,
            bytes: file.bytes,
            ours: String::new(),
            other: "-".to_owned(),
            figure: 0.0,
            unit: "x",
            goal: Goal::Shown,
        }
    }

    fn verdict(&self) -> &'static str {
        let met = match self.goal {
            Goal::AtLeast(least) => self.figure >= least,
            Goal::AtMost(most) => self.figure <= most,
            Goal::Shown => return "-",
        };
        if met { "met" } else { "**missed**" }
    }

    fn goal(&self) -> String {
        match self.goal {
            Goal::AtLeast(least) => format!("≥ {}", figure(least, self.unit)),
            Goal::AtMost(most) => format!("≤ {}", figure(most, self.unit)),
            Goal::Shown => "-".to_owned(),
        }
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.case.to_owned(),
            self.what.clone(),
            self.goal(),
            figure(self.figure, self.unit),
            self.verdict().to_owned(),
            self.ours.clone(),
            self.other.clone(),
            table::grouped(self.rows),
            mebibytes(self.bytes / 1024),
        ]
    }
}

impl Peak {
    fn cells(&self) -> Vec<String> {
        vec![
            self.case.to_owned(),
            self.process.to_owned(),
            mebibytes(self.kib),
            table::grouped(self.rows),
            mebibytes(self.bytes / 1024),
        ]
    }
}

/// Two digits behind the point where it is small.
fn figure(value: f64, unit: &str) -> String {
    if value >= 100.0 {
        format!("{value:.0} {unit}")
    } else {
        format!("{value:.2} {unit}")
    }
}

fn mebibytes(kib: u64) -> String {
    format!("{:.1} MiB", crate::times::real(kib) / 1024.0)
}

impl Report {
    /// One that is read while it grows.
    pub(crate) fn aloud() -> Self {
        Self {
            speaks: true,
            ..Self::default()
        }
    }

    #[expect(clippy::print_stdout, reason = "this is the command's output")]
    pub(crate) fn find(&mut self, finding: Finding) {
        if self.speaks {
            println!("{}", finding.cells().join(" | "));
        }
        self.findings.push(finding);
    }

    pub(crate) fn peaks(&mut self, peaks: Vec<Peak>) {
        self.peaks.extend(peaks);
    }

    pub(crate) fn page(&self, machine: &[(&'static str, String)], runs: u32) -> String {
        let mut page = String::from(
            "# Benchmarks\n\nWritten by `cargo bench --bench import`: Longshore and its peer by turns on the same machine, and \
             figures of Longshore alone.\n\n",
        );
        for (name, value) in machine {
            writeln!(page, "- {name}: {value}").expect("memory");
        }
        let missed = self
            .findings
            .iter()
            .filter(|finding| finding.verdict().contains("missed"));
        writeln!(page, "- goals missed: {}\n\n## Figures\n", missed.count()).expect("memory");
        page.push_str(&table::table(
            &[
                "case",
                "what",
                "goal",
                "measured",
                "goal met",
                "Longshore",
                "other side",
                "rows",
                "file",
            ],
            self.findings.iter().map(Finding::cells),
        ));
        write!(page, "\n{}\n", notes(runs)).expect("memory");
        page.push_str("## Peak memory\n\nThe most that each process ever held (VmHWM) when the case was over.\n\n");
        let heads = ["case", "process", "peak", "rows", "file"];
        page.push_str(&table::table(&heads, self.peaks.iter().map(Peak::cells)));
        page
    }

    pub(crate) fn write(&self, page: &str) -> std::io::Result<std::path::PathBuf> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("BENCHMARKS.md");
        std::fs::write(&path, page)?;
        Ok(path)
    }
}

fn notes(runs: u32) -> String {
    let times = match runs {
        1 => "Times are of one run".to_owned(),
        runs => format!("Times are medians of {runs} runs, taken by turns, with the range behind them"),
    };
    include_str!("notes.md").replace("$TIMES", &times)
}
