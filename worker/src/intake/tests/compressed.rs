//! Compressed bodies, sound and hostile (entry 76 of the catalogue).

use super::*;
use crate::intake::DoorKind;
use crate::intake::limits::PUSH_BYTES;

fn people() -> Vec<u8> {
    let mut file = b"id,name,note\n".to_vec();
    for id in 0..12_000_u32 {
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

fn damaged_gzip() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let body = gzip(&people());
    let with = |at: usize, bits: u8| {
        let mut body = body.clone();
        body[at] ^= bits;
        body
    };
    let up_to = |length: usize| body[..length].to_vec();
    let followed_by = |tail: &[u8]| [&body, tail].concat();
    let length = body.len();
    vec![
        ("junk behind", followed_by(b"junk"), "corrupt-compression"),
        ("zeros behind", followed_by(&[0; 512]), "corrupt-compression"),
        ("a byte behind", followed_by(b"\n"), "corrupt-compression"),
        ("cut", up_to(length - 9), "truncated-compression"),
        ("cut in the trailer", up_to(length - 3), "corrupt-compression"),
        ("cut in the header", up_to(5), "truncated-compression"),
        ("second member cut", followed_by(&body[..700]), "truncated-compression"),
        ("wrong checksum", with(length - 6, 1), "corrupt-compression"),
        ("wrong length", with(length - 1, 1), "corrupt-compression"),
        ("flipped bits", with(length / 2, 0x55), "corrupt-compression"),
        ("not gzip", people(), "corrupt-compression"),
        ("nested", gzip(&body), "nested-compression"),
        ("zstd inside", gzip(&zstd(&people())), "nested-compression"),
        ("a workbook inside", gzip(b"PK\x03\x04\x14\0\x06\0"), "binary-file"),
        ("empty body", Vec::new(), "empty-file"),
        ("empty file", gzip(b""), "empty-file"),
    ]
}

fn damaged_zstd() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let body = zstd(&people());
    vec![
        (
            "junk behind",
            [&body, b"junk".as_slice()].concat(),
            "corrupt-compression",
        ),
        ("cut", body[..body.len() - 9].to_vec(), "truncated-compression"),
        ("cut in the header", body[..3].to_vec(), "truncated-compression"),
        ("not zstd", people(), "corrupt-compression"),
        ("nested", zstd(&body), "nested-compression"),
        ("empty file", zstd(b""), "empty-file"),
    ]
}

#[test]
fn damaged_bodies_are_refused() {
    for (inflate, cases) in [(Inflate::Gzip, damaged_gzip()), (Inflate::Zstd, damaged_zstd())] {
        for (name, body, code) in cases {
            for chunk in [1 << 20, 100, 1] {
                let error = admit(&inflating(inflate), &body, chunk).map(drop).expect_err(name);
                assert_eq!(error.code, code, "{name} {inflate:?} {chunk}: {}", error.detail);
            }
        }
    }
}

#[test]
fn a_body_that_begins_as_announced_is_told_that_it_is_damaged() {
    for (inflate, body) in [(Inflate::Gzip, gzip(&people())), (Inflate::Zstd, zstd(&people()))] {
        let told = |body: &[u8]| admit(&inflating(inflate), body, 1 << 20).unwrap_err().detail;
        let mut damaged = body.clone();
        damaged[12..20].fill(0xFF);
        assert!(told(&damaged).contains("cannot be inflated"), "{}", told(&damaged));
        assert!(
            told(&people()).contains("does not begin as such"),
            "{}",
            told(&people())
        );
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
