//! How fast the door and the reader go, on one core: makes a file of 18 columns in memory (about 150 MB, or as many MiB as
//! the first argument says; a path reads that file) and prints MB/s of each stage. To be set beside
//! `time sha256sum FILE`, as the door works out the same digest.
//!
//! ```sh
//! cargo run -p worker --release --example scan_speed
//! ```

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use sha2::{Digest, Sha256};
use worker::intake::{Inflate, Intake, IntakeOptions, ScanReport};
use worker::reader::Reader;

/// What an HTTP body or a blob comes in.
const CHUNK_BYTES: usize = 64 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let argument = std::env::args().nth(1);
    let mut talk = std::io::stdout().lock();
    if let Some(path) = argument.as_ref().filter(|argument| argument.parse::<usize>().is_err()) {
        measure(&mut talk, path, &std::fs::read(path)?)?;
        return Ok(());
    }
    let mebibytes: usize = argument.map_or(Ok(150), |argument| argument.parse())?;
    for (name, quote) in [("unquoted", ""), ("all quoted", "\"")] {
        measure(&mut talk, name, &people(mebibytes * 1024 * 1024, quote)?)?;
    }
    Ok(())
}

fn people(bytes: usize, quote: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let columns: Vec<String> = (1..=18).map(|column| format!("column_{column}")).collect();
    let mut file = columns.join(",").into_bytes();
    let mut id = 1_000_000_u64;
    while file.len() < bytes {
        let end = format!("{quote},{quote}");
        let cells = [
            "Zoë",
            "Example",
            "zoe@example.org",
            "Main Street 7",
            "Springfield",
            "+31 6 1234 5678",
            "NL",
            "",
        ];
        let row: Vec<String> = cells.iter().cycle().take(17).map(|cell| (*cell).to_owned()).collect();
        write!(file, "\n{quote}{id}{end}{}{quote}", row.join(&end))?;
        id += 1;
    }
    Ok(file)
}

fn measure(talk: &mut impl Write, name: &str, file: &[u8]) -> Result<(), Box<dyn Error>> {
    writeln!(talk, "{name}: {} bytes", file.len())?;
    let started = Instant::now();
    let digest = Sha256::digest(file);
    say(talk, "SHA-256 alone", file.len(), started)?;

    let started = Instant::now();
    let report = admit(file, None)?;
    say(talk, "door, plain", file.len(), started)?;
    if report.sha256.as_slice() != digest.as_slice() {
        return Err("the digests differ".into());
    }

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(file)?;
    let body = encoder.finish()?;
    let started = Instant::now();
    let unzipped = admit(&body, Some(Inflate::Gzip))?;
    say(talk, "door, gzip", file.len(), started)?;

    let mut reader = Reader::new(report.delimiter, report.start);
    let (mut records, mut cells) = (0_u64, 0_usize);
    let plain = file.get(usize::try_from(report.start.byte)?..).unwrap_or_default();
    let started = Instant::now();
    for mut chunk in plain.chunks(CHUNK_BYTES) {
        while let Some(record) = reader.read(&mut chunk)? {
            records += 1;
            cells += record.cells.iter().count();
        }
    }
    if let Some(record) = reader.finish()? {
        records += 1;
        cells += record.cells.iter().count();
    }
    say(talk, "reader", file.len(), started)?;
    writeln!(
        talk,
        "  {records} records, {cells} cells, {} records in the gzip body",
        unzipped.records
    )?;
    Ok(())
}

fn admit(body: &[u8], inflate: Option<Inflate>) -> Result<ScanReport, Box<dyn Error>> {
    let mut intake = Intake::new(IntakeOptions {
        inflate,
        encoding: None,
        delimiter: None,
        max_bytes: u64::MAX,
    })?;
    let mut plain = Vec::new();
    for mut chunk in body.chunks(CHUNK_BYTES) {
        while !chunk.is_empty() {
            intake.push(&mut chunk, &mut plain)?;
            plain.clear();
        }
    }
    Ok(intake.finish(&mut plain)?)
}

fn say(talk: &mut impl Write, stage: &str, bytes: usize, started: Instant) -> std::io::Result<()> {
    let micros = started.elapsed().as_micros().max(1);
    let rate = u128::try_from(bytes).unwrap_or(u128::MAX) / micros;
    writeln!(talk, "  {stage:<14} {rate:>6} MB/s")
}
