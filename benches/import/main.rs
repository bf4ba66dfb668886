//! `cargo bench --bench import`: Longshore beside what a careful DBA writes by hand, on one machine, by turns. The full run writes
//! BENCHMARKS.md; `-- --quick` takes minutes and prints only; `-- --help` names the rest. `cargo test` runs every case on small
//! files, and looks at results and never at times.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot go on panics, and prints what it finds"
)]

mod cases;
mod file;
mod longshore;
mod machine;
mod options;
mod peer;
mod report;
mod stage;
mod table;
mod times;
mod wire;

use std::path::PathBuf;

use options::{Options, Scale};
use report::Report;
use stage::Stage;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let options = match arguments.iter().any(|argument| argument == "--bench") {
        true => Options::of_a_benchmark(),
        false => Options::of_a_test(&arguments),
    };
    let built = PathBuf::from(env!("CARGO_BIN_EXE_longshore"));
    harness::use_binary(options.binary.clone().unwrap_or(built));
    if options.cases.is_empty() {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match options.scale {
        Scale::Smoke => runtime.block_on(smoke(options)),
        Scale::Quick | Scale::Full => runtime.block_on(measure(options)),
    }
}

async fn smoke(options: Options) {
    let (stage, mut report) = (Stage::new(options), Report::default());
    cases::run(&stage, &mut report).await;
    println!("the results of {} cases are right", stage.options.cases.len());
}

async fn measure(options: Options) {
    assert!(
        !cfg!(debug_assertions) || options.binary.is_some(),
        "times of a debug build say nothing"
    );
    let stage = Stage::new(options);
    let mut report = Report::aloud();
    // Before it is busy with us.
    let machine = machine::describe(&stage).await;
    cases::run(&stage, &mut report).await;
    let page = report.page(&machine, stage.options.runs);
    println!("\n{page}");
    if stage.options.scale == Scale::Full && stage.options.whole {
        let path = report.write(&page).expect("BENCHMARKS.md can be written");
        println!("Written to {}", path.display());
    }
}
