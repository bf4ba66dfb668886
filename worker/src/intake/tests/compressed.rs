//! Compressed bodies, sound and hostile (entry 76 of the catalogue).

use super::*;
use crate::intake::DoorKind;
use crate::intake::limits::PUSH_BYTES;

fn people() -> Vec<u8> {
    let mut file = b"id,name,note\n".to_vec();
    for id in 0..40_000_u32 {
        file.extend_from_slice(format!("{id},Ana {},{:x}\n", id % 7, id.wrapping_mul(2_654_435_761)).as_bytes());
    }
    file
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

#[test]
fn a_compressed_file_gives_what_the_file_gives() {
    let file = people();
    let expected = admit(&PLAIN, &file, 4096).unwrap();
    let (front, back) = file.split_at(100_000);
    for (inflate, body) in [
        (Inflate::Gzip, gzip(&file)),
        (Inflate::Gzip, [gzip(front), gzip(b""), gzip(back)].concat()),
        (Inflate::Zstd, zstd(&file)),
        (Inflate::Zstd, [zstd(front), zstd(b""), zstd(back)].concat()),
        (Inflate::Zstd, zstd::encode_all(file.as_slice(), 19).unwrap()),
    ] {
        for chunk in [1 << 20, 1000, 1] {
            assert!(
                admit(&inflating(inflate), &body, chunk).unwrap() == expected,
                "{inflate:?} {chunk}"
            );
        }
    }
}

#[test]
fn damaged_bodies_are_refused() {
    let body = gzip(&people());
    let wrong_crc = {
        let mut body = body.clone();
        let at = body.len() - 6;
        body[at] ^= 1;
        body
    };
    let flipped = {
        let mut body = body.clone();
        let at = body.len() / 2;
        body[at] ^= 0x55;
        body
    };
    let packed = zstd(&people());
    for (name, inflate, body, code) in [
        (
            "junk",
            Inflate::Gzip,
            [&body, b"junk".as_slice()].concat(),
            "corrupt-compression",
        ),
        (
            "zeros behind",
            Inflate::Gzip,
            [&body, [0; 512].as_slice()].concat(),
            "corrupt-compression",
        ),
        (
            "cut",
            Inflate::Gzip,
            body[..body.len() - 9].to_vec(),
            "truncated-compression",
        ),
        (
            "cut in the trailer",
            Inflate::Gzip,
            body[..body.len() - 3].to_vec(),
            "corrupt-compression",
        ),
        (
            "cut in the header",
            Inflate::Gzip,
            body[..5].to_vec(),
            "truncated-compression",
        ),
        (
            "second member cut",
            Inflate::Gzip,
            [body.as_slice(), &body[..700]].concat(),
            "truncated-compression",
        ),
        ("crc", Inflate::Gzip, wrong_crc, "corrupt-compression"),
        ("flipped", Inflate::Gzip, flipped, "corrupt-compression"),
        ("no gzip", Inflate::Gzip, people(), "corrupt-compression"),
        ("nested", Inflate::Gzip, gzip(&body), "nested-compression"),
        ("zstd in gzip", Inflate::Gzip, gzip(&packed), "nested-compression"),
        (
            "xlsx in gzip",
            Inflate::Gzip,
            gzip(b"PK\x03\x04\x14\0\x06\0"),
            "binary-file",
        ),
        ("empty body", Inflate::Gzip, Vec::new(), "empty-file"),
        ("empty file", Inflate::Gzip, gzip(b""), "empty-file"),
        (
            "junk",
            Inflate::Zstd,
            [&packed, b"junk".as_slice()].concat(),
            "corrupt-compression",
        ),
        (
            "cut",
            Inflate::Zstd,
            packed[..packed.len() - 9].to_vec(),
            "truncated-compression",
        ),
        (
            "cut in the header",
            Inflate::Zstd,
            packed[..3].to_vec(),
            "truncated-compression",
        ),
        ("no zstd", Inflate::Zstd, people(), "corrupt-compression"),
        ("nested", Inflate::Zstd, zstd(&packed), "nested-compression"),
        ("empty file", Inflate::Zstd, zstd(b""), "empty-file"),
    ] {
        for chunk in [1 << 20, 100, 1] {
            let error = admit(&inflating(inflate), &body, chunk)
                .map(|(report, _)| report)
                .unwrap_err();
            assert_eq!(error.code, code, "{name} {inflate:?} {chunk}: {}", error.detail);
        }
    }
}

#[test]
fn bombs_are_refused_while_they_inflate_and_put_out_little_at_a_time() {
    let bomb = [b"id,name\n".as_slice(), &b"1,a\n".repeat(10 << 20)].concat();
    for (inflate, body) in [(Inflate::Gzip, gzip(&bomb)), (Inflate::Zstd, zstd(&bomb))] {
        let mut intake = Intake::new(inflating(inflate)).unwrap();
        let (mut plain, mut total) = (Vec::new(), 0);
        let mut rest = body.as_slice();
        let error = loop {
            match intake.push(&mut rest, &mut plain) {
                Ok(()) => assert!(!rest.is_empty()),
                Err(error) => break error,
            }
            assert!(plain.len() <= PUSH_BYTES + (1 << 20), "{}", plain.len());
            total += plain.len();
            plain.clear();
        };
        assert_eq!((error.code, error.kind), ("compression-ratio", DoorKind::TooLarge));
        assert!(total < 16 << 20, "{inflate:?}: {total}");
    }
}

#[test]
fn a_small_file_of_equal_lines_is_no_bomb_and_the_size_limit_is_that_of_the_inflated_file() {
    let file = [b"id,name\n".as_slice(), &b"1,a\n".repeat(200_000)].concat();
    assert_eq!(
        admit(&inflating(Inflate::Gzip), &gzip(&file), 100).unwrap().0.records,
        200_000
    );
    let options = IntakeOptions {
        max_bytes: 500_000,
        ..inflating(Inflate::Gzip)
    };
    assert_eq!(admit(&options, &gzip(&file), 100).unwrap_err().code, "file-too-large");
}

#[test]
fn many_empty_members_are_refused() {
    let body = [gzip(b"id,name\n"), gzip(b"").repeat(2_000)].concat();
    assert_eq!(
        admit(&inflating(Inflate::Gzip), &body, 4096).unwrap_err().code,
        "corrupt-compression"
    );
}
