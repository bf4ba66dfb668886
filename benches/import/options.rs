//! What the caller asks for. Cargo itself adds `--bench` to a benchmark, and adds nothing where it runs one as a test.

use std::path::PathBuf;

use clap::Parser;

use crate::cases;

/// How much is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Results only, in seconds, also in a debug build.
    Smoke,
    /// A look in a few minutes; nothing is written.
    Quick,
    /// What BENCHMARKS.md is made of.
    Full,
}

/// A checked request.
pub(crate) struct Options {
    pub(crate) scale: Scale,
    pub(crate) rows: u64,
    pub(crate) runs: u32,
    /// In their own order, whatever the caller's.
    pub(crate) cases: Vec<&'static str>,
    /// Whether these are all cases on the build of this very commit, so that the page is whole and true.
    pub(crate) whole: bool,
    /// Another build of the product.
    pub(crate) binary: Option<PathBuf>,
}

/// Longshore against what a careful DBA writes by hand, side by side.
#[derive(Parser)]
#[command(name = "cargo bench --bench import --")]
struct Asked {
    /// 100,000 rows; prints, and writes nothing
    #[arg(long)]
    quick: bool,
    /// Rows of the large files
    #[arg(long)]
    rows: Option<u64>,
    /// How often each case is measured; the median counts
    #[arg(long)]
    runs: Option<u32>,
    /// Only these cases; prints, and writes nothing
    #[arg(long = "case", num_args = 1.., value_parser = clap::builder::PossibleValuesParser::new(cases::NAMES))]
    cases: Vec<String>,
    /// The case of ten million rows too
    #[arg(long)]
    long: bool,
    /// A `longshore` to measure in place of the one that cargo has built; prints, and writes nothing
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// Of `cargo bench`; ends the process with an explanation where it cannot be understood.
    pub(crate) fn of_a_benchmark() -> Self {
        let asked = Asked::parse();
        let (scale, rows, runs) = match asked.quick {
            true => (Scale::Quick, 100_000, 3),
            false => (Scale::Full, 1_000_000, 3),
        };
        let is_asked = |name: &str| match asked.cases.is_empty() {
            true => name != cases::TEN_MILLION || asked.long,
            false => asked.cases.iter().any(|case| case == name),
        };
        Self {
            scale,
            rows: asked.rows.unwrap_or(rows).max(SMALLEST),
            runs: asked.runs.unwrap_or(runs).max(1),
            cases: cases::NAMES.into_iter().filter(|name| is_asked(name)).collect(),
            whole: asked.cases.is_empty() && asked.binary.is_none(),
            binary: asked.binary,
        }
    }

    /// Of `cargo test`: whatever a test harness would be asked for, only words that choose tests are looked at.
    pub(crate) fn of_a_test(arguments: &[String]) -> Self {
        let mut words = Vec::new();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                // These take the next one along.
                "--test-threads" | "--skip" | "--color" | "--format" | "--logfile" => drop(rest.next()),
                flag if flag.starts_with('-') => {}
                word => words.push(word),
            }
        }
        let nothing = arguments
            .iter()
            .any(|argument| argument == "--list" || argument == "--ignored");
        let is_asked = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
        let cases = cases::NAMES.into_iter();
        Self {
            scale: Scale::Smoke,
            rows: SMALLEST,
            runs: 1,
            cases: cases
                .filter(|name| !nothing && *name != cases::TEN_MILLION && is_asked(name))
                .collect(),
            whole: false,
            binary: None,
        }
    }

    /// One of three, by scale.
    pub(crate) fn pick<T>(&self, smoke: T, quick: T, full: T) -> T {
        match self.scale {
            Scale::Smoke => smoke,
            Scale::Quick => quick,
            Scale::Full => full,
        }
    }
}

/// Fewer rows are over before anything can be seen beside them.
const SMALLEST: u64 = 10_000;
