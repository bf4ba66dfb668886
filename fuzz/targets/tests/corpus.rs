//! The fuzzers' inputs as ordinary tests: every one that is kept, and each again with a few bytes changed.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fuzz_targets::{ALL, Target};
use harness::{Dice, long};

/// Most inputs that are kept for a target, and most bytes for all of them.
const INPUTS: usize = 30;
const BYTES: usize = 100 * 1024;

fn fuzz() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn inputs(target: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> = fs::read_dir(fuzz().join("corpus").join(target))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn run(name: &str, target: Target, input: &[u8]) {
    let outcome = std::panic::catch_unwind(|| target(input));
    assert!(
        outcome.is_ok(),
        "{name} breaks with {:?}",
        String::from_utf8_lossy(input)
    );
}

#[test]
fn every_kept_input_keeps_its_promise() {
    for (name, target) in ALL {
        for input in inputs(name) {
            run(name, *target, &input);
        }
    }
}

#[test]
fn so_does_each_of_them_with_a_few_bytes_changed() {
    let mut dice = Dice::seeded();
    let turns = if long() { 5_000 } else { 60 };
    for (name, target) in ALL {
        for input in inputs(name) {
            for _ in 0..turns {
                run(name, *target, &changed(&input, &mut dice));
            }
        }
    }
}

fn changed(input: &[u8], dice: &mut Dice) -> Vec<u8> {
    const TELLING: &[u8] = b"\"\",;\n\r'=\\\0{}[]-:\x1E\x1F \xC3\xA9\xFF";
    let mut below = |end: usize| usize::try_from(dice.below(u64::try_from(end.max(1)).unwrap())).unwrap();
    let mut bytes = input.to_vec();
    for _ in 0..below(4) + 1 {
        let (place, telling) = (below(bytes.len() + 1), TELLING[below(TELLING.len())]);
        match below(4) {
            0 => bytes.insert(place, telling),
            1 if place < bytes.len() => bytes[place] = telling,
            2 if place < bytes.len() => drop(bytes.remove(place)),
            _ => {
                let from = below(bytes.len() + 1).min(place);
                let repeated = bytes[from..place].to_vec();
                bytes.splice(place..place, repeated);
            }
        }
        bytes.truncate(8192);
    }
    bytes
}

#[test]
fn each_target_has_a_fuzzer_and_a_small_corpus() {
    let names: BTreeSet<&str> = ALL.iter().map(|(name, _)| *name).collect();
    let fuzzers: BTreeSet<String> = fs::read_dir(fuzz().join("fuzz_targets"))
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(fuzzers.iter().map(String::as_str).collect::<BTreeSet<_>>(), names);
    let corpora: Vec<Vec<Vec<u8>>> = names.iter().map(|name| inputs(name)).collect();
    assert!(corpora.iter().all(|corpus| (1..=INPUTS).contains(&corpus.len())));
    assert!(corpora.iter().flatten().map(Vec::len).sum::<usize>() <= BYTES);
}
