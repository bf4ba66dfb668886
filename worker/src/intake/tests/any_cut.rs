//! No answer depends on how the bytes were cut into chunks: not the plain text, not the report, not a refusal.

use proptest::prelude::*;

use super::*;

/// Pieces of files, chosen to meet the edges of the machine.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => "[a-z]{1,6}".prop_map(String::into_bytes),
        6 => Just(b",".to_vec()),
        2 => Just(b";".to_vec()),
        3 => Just(b"\n".to_vec()),
        3 => Just(b"\r\n".to_vec()),
        2 => Just(b"\r".to_vec()),
        3 => Just(b"\"".to_vec()),
        2 => Just(b"\"\"".to_vec()),
        2 => Just("é".as_bytes().to_vec()),
        1 => Just("漢".as_bytes().to_vec()),
        1 => Just("\u{FEFF}".as_bytes().to_vec()),
        1 => Just(b" ".to_vec()),
        1 => Just(b"sep=;\n".to_vec()),
        1 => Just(vec![0xE9]),
        1 => Just(vec![0]),
    ];
    let header = prop_oneof![
        Just("id,name\n"),
        Just("id;name;mail\r\n"),
        Just(""),
        Just("\u{FEFF}sep=;\r\nid;x\r\n")
    ];
    (header, prop::collection::vec(piece, 0..60))
        .prop_map(|(header, pieces)| [header.as_bytes(), &pieces.concat()].concat())
}

/// Pieces that together pass one limit or another, or just do not.
fn large_piece() -> impl Strategy<Value = Vec<u8>> {
    let letters = prop::sample::select(vec![1_usize, 7, 262_142, 262_143, 262_144, 262_145, 500_000]);
    prop_oneof![
        6 => letters.prop_map(|length| vec![b'a'; length]),
        4 => prop::sample::select(vec![1_usize, 500, 999, 1000]).prop_map(|columns| vec![b','; columns]),
        6 => prop::sample::select(vec!["\"", "\"\"", "\n", "\r\n", "\r"]).prop_map(|text| text.as_bytes().to_vec()),
    ]
}

fn in_cuts(options: &IntakeOptions, file: &[u8], cuts: &[usize]) -> Result<(ScanReport, Vec<u8>), DoorError> {
    let mut intake = Intake::new(options.clone())?;
    let (mut plain, mut rest) = (Vec::new(), file);
    for cut in cuts.iter().cycle() {
        let (mut chunk, after) = rest.split_at((*cut).min(rest.len()));
        while !chunk.is_empty() {
            intake.push(&mut chunk, &mut plain)?;
        }
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    intake.finish(&mut plain).map(|report| (report, plain))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_cut_gives_the_same_answer(file in file(), cuts in prop::collection::vec(1_usize..9, 1..6)) {
        prop_assert_eq!(in_cuts(&PLAIN, &file, &cuts), in_cuts(&PLAIN, &file, &[file.len().max(1)]));
    }

    #[test]
    fn any_cut_of_a_gzip_body_gives_the_answer_of_the_file(file in file(), cuts in prop::collection::vec(1_usize..9, 1..6)) {
        prop_assume!(!file.is_empty());
        let inflated = in_cuts(&inflating(Inflate::Gzip), &gzip(&file), &cuts);
        prop_assert_eq!(inflated, in_cuts(&PLAIN, &file, &[file.len()]));
    }

    #[test]
    fn what_is_let_in_is_text_of_the_promised_shape(file in file()) {
        if let Ok((report, plain)) = in_cuts(&PLAIN, &file, &[5]) {
            let text = String::from_utf8(plain).unwrap();
            prop_assert!(!text.contains('\0'));
            let mut reader = crate::reader::Reader::new(report.delimiter, report.start);
            let mut bytes = &text.as_bytes()[usize::try_from(report.start.byte).unwrap()..];
            let mut records = 0;
            while reader.read(&mut bytes).unwrap().is_some() {
                records += 1;
            }
            records += u64::from(reader.finish().unwrap().is_some());
            prop_assert_eq!(records, report.records);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn limits_are_met_at_the_same_place_in_any_cut(
        pieces in prop::collection::vec(large_piece(), 1..10),
        cuts in prop::collection::vec(1_usize..300_000, 1..6),
    ) {
        let file = [b"id,name\n".as_slice(), &pieces.concat()].concat();
        prop_assert_eq!(in_cuts(&PLAIN, &file, &cuts), in_cuts(&PLAIN, &file, &[file.len()]));
    }

    #[test]
    fn cuts_around_the_held_parts_change_nothing(
        file in file(),
        lead in prop::sample::select(vec![0_usize, 1000, 1024, 65_530, 65_536, 1_048_570, 1_048_576]),
        cuts in prop::collection::vec(1_usize..100_000, 1..5),
    ) {
        let rows = b"id,name\n1,some text\n".iter().copied().cycle().take(lead);
        let file: Vec<u8> = rows.chain(file).collect();
        prop_assert_eq!(in_cuts(&PLAIN, &file, &cuts), in_cuts(&PLAIN, &file, &[file.len().max(1)]));
    }
}
