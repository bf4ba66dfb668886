//! The door's tests: `hostile` goes by the catalogue of bad files, `detection` by the kinds of good ones, `bounded` holds the
//! memory to its constants, `any_cut` shows that no answer depends on how the bytes arrive.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod any_cut;
mod bounded;
mod compressed;
mod detection;
mod hostile;

use super::{DoorError, Inflate, Intake, IntakeOptions, ScanReport};

pub(super) const PLAIN: IntakeOptions = IntakeOptions {
    inflate: None,
    encoding: None,
    delimiter: None,
    max_bytes: 1 << 40,
};

/// A whole file through the door, in chunks of one size.
pub(super) fn admit(options: &IntakeOptions, file: &[u8], chunk: usize) -> Result<(ScanReport, Vec<u8>), DoorError> {
    let mut intake = Intake::new(options.clone())?;
    let mut plain = Vec::new();
    for mut piece in file.chunks(chunk) {
        while !piece.is_empty() {
            intake.push(&mut piece, &mut plain)?;
        }
    }
    let report = intake.finish(&mut plain)?;
    assert_eq!(report.plain_bytes, u64::try_from(plain.len()).unwrap());
    Ok((report, plain))
}

/// The report of a file that is let in, and its plain text.
pub(super) fn accepted(file: &[u8]) -> (ScanReport, String) {
    let (report, plain) = admit(&PLAIN, file, 7).unwrap();
    (report, String::from_utf8(plain).unwrap())
}

pub(super) fn refused(file: &[u8]) -> DoorError {
    admit(&PLAIN, file, 7).unwrap_err()
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn inflating(inflate: Inflate) -> IntakeOptions {
    IntakeOptions {
        inflate: Some(inflate),
        ..PLAIN
    }
}
