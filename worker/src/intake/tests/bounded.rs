//! What the door holds stays under its bound, whatever comes.

use super::*;

const BOUND: usize = 3 << 19;
const PIECE: usize = 64 << 10;

/// Pushes up to `total` bytes that are made on the way; gives the refusal, the bytes it took, the most that was held.
fn flood(total: usize, start: &[u8], mut make: impl FnMut(&mut [u8])) -> (Option<DoorError>, usize, usize) {
    let mut intake = Intake::new(PLAIN).unwrap();
    let (mut plain, mut piece, mut pushed, mut most) = (Vec::new(), vec![0; PIECE], 0, 0);
    let mut rest = start;
    while pushed < total {
        while !rest.is_empty() {
            if let Err(error) = intake.push(&mut rest, &mut plain) {
                return (Some(error), pushed, most.max(intake.held()));
            }
            most = most.max(intake.held());
            plain.clear();
        }
        make(&mut piece);
        pushed += piece.len();
        rest = &piece;
    }
    (None, pushed, most)
}

#[test]
fn endless_records_are_refused_at_once_and_hold_nothing() {
    let fill = |byte: u8| move |piece: &mut [u8]| piece.fill(byte);
    let lines = |piece: &mut [u8]| {
        piece
            .iter_mut()
            .enumerate()
            .for_each(|(at, byte)| *byte = b"text line\n"[at % 10])
    };
    let names = |piece: &mut [u8]| {
        piece
            .iter_mut()
            .enumerate()
            .for_each(|(at, byte)| *byte = b"na,"[at % 3])
    };
    type Make<'a> = Box<dyn FnMut(&mut [u8]) + 'a>;
    let floods: Vec<(&[u8], Make<'_>, &str)> = vec![
        (b"id,name\n1,\"", Box::new(lines), "record-too-large"),
        (b"\"", Box::new(fill(b'"')), "record-too-large"),
        (b"\"", Box::new(fill(b'x')), "record-too-large"),
        (b"id,name\n1,", Box::new(fill(b'x')), "record-too-large"),
        (b"", Box::new(fill(b'x')), "record-too-large"),
        (b"", Box::new(fill(b' ')), "record-too-large"),
        (b"", Box::new(fill(0)), "nul-byte"),
        (b"", Box::new(names), "too-many-columns"),
        (b"id,name\n", Box::new(fill(b',')), "too-many-columns"),
        (b"id,name\n1,\xE9", Box::new(fill(0xE9)), "record-too-large"),
        (b"\xFF\xFE", Box::new(fill(b'x')), "record-too-large"),
    ];
    for (start, make, code) in floods {
        let (error, pushed, most) = flood(100_000_000, start, make);
        let error = error.unwrap();
        assert_eq!(error.code, code, "{}", start.escape_ascii());
        assert!(pushed <= 4 << 20, "{code} after {pushed}");
        assert!(most <= BOUND, "{code} held {most}");
    }
}

#[test]
fn a_sound_file_of_any_length_is_held_in_pieces_only() {
    let row = "42,Ana Müller,\"a, b\"\n";
    let latin: Vec<u8> = row
        .chars()
        .map(|letter| u8::try_from(u32::from(letter)).unwrap())
        .collect();
    for row in [row.as_bytes(), &latin] {
        let mut at = 0;
        let (error, _, most) = flood(12_000_000, b"id,name,note\n", |piece: &mut [u8]| {
            for byte in piece {
                *byte = row[at % row.len()];
                at += 1;
            }
        });
        assert_eq!(error, None);
        assert!(most <= BOUND, "{most}");
    }
    let (error, _, most) = flood(100_000_000, b"", |piece: &mut [u8]| piece.fill(b'\n'));
    assert_eq!((error, most <= BOUND), (None, true), "{most}");
}
