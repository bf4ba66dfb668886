//! 18 to 45: the structure of CSV. What breaks the file as a whole is refused at the door, what breaks one row fails that row
//! (decided); the larger entries stand in `large`.

use harness::both_stacks;

use crate::catalogue::Fate::{Refused, Taken};
use crate::catalogue::{File, file};
use crate::doors::{Door, meet_all};

#[rustfmt::skip]
fn structures(door: Door) -> Vec<File> {
    let (id, name) = door.columns();
    let rows = |rows: &str| format!("{id},{name}\n{rows}");
    let short = if door.pads() { Taken([3, 2, 1, 0]) } else { Taken([3, 1, 2, 0]) };
    // Handles hold commas, so files of persons are separated by nothing else.
    let other = if door == Door::SlashId { Refused(400, "nothing-mapped", None) } else { Taken([1, 1, 0, 0]) };
    vec![
        file(18, "empty body", "", Refused(400, "empty-file", None)),
        file(19, "only a BOM", "\u{feff}", Refused(400, "no-header", None)),
        file(19, "only newlines", "\n\r\n\n", Refused(400, "no-header", None)),
        file(19, "only spaces", "   \n  \t", Refused(400, "no-header", None)),
        file(20, "header only, without newline", format!("{id},{name}"), Taken([0, 0, 0, 0])),
        file(20, "header only, with newline", rows(""), Taken([0, 0, 0, 0])),
        file(21, "unclosed quote in row 2", rows("1,Ana\n2,\"open\n3,x\n"), Refused(400, "unclosed-quote", Some(2))),
        file(22, "lone quote at the end", rows("1,Ana\n\""), Refused(400, "unclosed-quote", Some(2))),
        file(23, "text after a closing quote", rows("1,\"abc\"def\n2,x\n"), Taken([2, 1, 1, 0])),
        file(23, "the same in the header", format!("{id},\"na\"me\n1,x\n"), Refused(400, "bad-quote", Some(0))),
        file(24, "quote inside a bare cell", rows("1,ab\"c\n2,x\n"), Taken([2, 1, 1, 0])),
        file(25, "backslash before a quote", rows("1,\"a\\\"b\"\n2,x\n"), Taken([2, 1, 1, 0])),
        file(25, "backslash before two quotes", rows("1,\"a\\\"b\"\"\n2,x\n"), Taken([2, 1, 1, 0])),
        file(26, "doubled quotes, delimiters and newlines inside quotes", rows("1,\"a\"\"b,c\r\nd\"\n"), Taken([1, 1, 0, 0])),
        file(27, "CRLF", rows("1,a\r\n2,b\r\n"), Taken([2, 2, 0, 0])),
        file(27, "mixed line ends", rows("1,a\r\n2,b\n3,c\r4,d"), Taken([4, 4, 0, 0])),
        file(28, "CR only", rows("1,a\n2,b\n").replace('\n', "\r"), Taken([2, 2, 0, 0])),
        file(29, "blank lines are skipped", rows("1,a\n\n\n2,b\n\n"), Taken([5, 2, 0, 3])),
        file(30, "a line of spaces", rows("1,a\n   \n"), Taken([2, 1, 1, 0])),
        file(31, "short and long rows; short ones are padded where the vendor's are", rows("1\n2,b,c\n3,d\n"), short),
        file(32, "blank header", format!("{id},\n1,\n"), Refused(400, "blank-header", None)),
        file(32, "trailing comma in every line", format!("{id},{name},\n1,a,\n"), Refused(400, "blank-header", None)),
        file(33, "the same header twice", format!("{id},{name},{id}\n1,a,2\n"), Refused(400, "duplicate-header", None)),
        file(33, "headers that differ in case, space and BOM only", format!("{id},Name,\u{feff} name \n1,a,b\n"), Refused(400, "duplicate-header", None)),
        file(34, "an unknown header becomes an attribute, or is ignored where the vendor does", format!("{id},shoe size\n1,42\n"), Taken([1, 1, 0, 0])),
        file(34, "the required column is missing", "shoe size\n42\n", Refused(400, "key-missing", None)),
        file(34, "reordered columns", format!("{name},{id}\nAna,1\n"), Taken([1, 1, 0, 0])),
        file(35, "sep=;", format!("sep=;\n{id};{name}\n1;a\n"), other),
        file(35, "semicolons", rows("1,a\n").replace(',', ";"), other),
        file(35, "tabs", rows("1,a\n").replace(',', "\t"), other),
        file(35, "pipes", rows("1,a\n").replace(',', "|"), other),
        file(36, "a record of 2 MiB", rows(&format!("1,{}", noise(2 << 20))), Refused(400, "record-too-large", Some(1))),
        file(37, "a quoted cell of 2 MiB", rows(&format!("1,\"{}", noise(2 << 20))), Refused(400, "record-too-large", Some(1))),
        file(37, "a quoted cell of 300 KiB", rows(&format!("1,\"{}\"\n", noise(300 << 10))), Refused(400, "field-too-large", Some(1))),
        file(38, "1,001 columns", format!("{id}{}\n1\n", (0..1000).map(|n| format!(",c{n}")).collect::<String>()), Refused(400, "too-many-columns", None)),
        file(38, "100,000 columns", format!("{id}{}\n1\n", ",c".repeat(99_999)), Refused(400, "too-many-columns", None)),
        file(39, "a row of 10 million commas: refused at the door, not held", rows(&",".repeat(10_000_000)), Refused(400, "too-many-columns", Some(1))),
        file(40, "rows of one comma are blank", rows(&",\n".repeat(5_000)), Taken([5_000, 0, 0, 5_000])),
        file(42, "a header of 1 MB", format!("{id},{}\n1,a\n", "h".repeat(1_000_000)), Refused(400, "field-too-large", Some(0))),
        file(42, "a header of 2 KiB", format!("{id},{}\n1,a\n", "h".repeat(2048)), Refused(400, "header-too-long", Some(0))),
        file(42, "headers that mean something elsewhere", format!("{id},__proto__,constructor,\"'; DROP TABLE users--\"\n1,a,b,c\n"), Taken([1, 1, 0, 0])),
        file(43, "no newline at the end", rows("1,a"), Taken([1, 1, 0, 0])),
        file(43, "a million newlines at the end", rows(&format!("1,a{}", "\n".repeat(1_000_000))), Taken([1_000_000, 1, 0, 999_999])),
        file(44, "everything quoted", format!("\"{id}\",\"{name}\"\n\"1\",\"\"\n"), Taken([1, 1, 0, 0])),
        file(45, "# is data", rows("#1,a\n"), Taken([1, 1, 0, 0])),
    ]
}

/// Text that does not compress as a bomb does.
fn noise(bytes: usize) -> String {
    let mut text: String = (0..bytes / 4)
        .map(|i| format!("{:x}", i * 2_654_435_761 % 0xffff_ffff))
        .collect();
    text.truncate(bytes);
    text
}

pub(crate) fn numbers() -> Vec<u32> {
    structures(Door::Raw).iter().map(|entry| entry.number).collect()
}

both_stacks! {
    async fn structures_meet_their_fate(stack) {
        let running = stack.start(&[]).await;
        assert!(meet_all(&running, structures).await > 80);
    }

    async fn what_is_quoted_and_what_is_bare_say_the_same(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let file = "source_id,first_name,remark,\"'; DROP TABLE users--\",__proto__\n1,\"\",\"a\"\"b,c\r\nd\",x,y\n2,,\" padded \",x,y\n";
        client.wait_final(client.import("resource=users", file).await).await;
        let users = client.users().await;
        assert_eq!(users.len(), 2);
        // 44: a blank cell says nothing, quoted or not.
        assert!(users.iter().all(|user| user["first_name"].is_null()));
        assert_eq!(users[0]["attributes"]["remark"], "a\"b,c\r\nd", "26");
        assert_eq!(users[1]["attributes"]["remark"], "padded");
        assert_eq!(users[0]["attributes"]["'; DROP TABLE users--"], "x", "42");
        assert_eq!(users[0]["attributes"]["__proto__"], "y", "42");
    }

    async fn a_row_is_named_as_a_spreadsheet_and_an_editor_show_it(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let file = "source_id,email\r\n1,a@\r\n2,\"b\r\n@\"\r\n\r\n3,c@\r\n";
        let id = client.import("resource=users", file).await;
        client.wait_final(id).await;
        let rows = client.failed_rows(id).await;
        let places: Vec<_> = rows.iter().map(|row| (row["row"].as_u64().unwrap(), row["line"].as_u64().unwrap())).collect();
        assert_eq!(places, [(2, 2), (3, 3), (5, 6)], "27, 29: {rows:#?}");
    }
}
