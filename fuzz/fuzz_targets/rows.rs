//! See `fuzz_targets::rows`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_targets::rows(data));
