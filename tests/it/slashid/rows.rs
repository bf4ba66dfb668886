//! What a row may say, who it is about, and what it changes.

use serde_json::{Value, json};

use super::{Vendor, figures, table};
use harness::both_stacks;

const ALL: [&str; 8] = [
    "slashid:emails",
    "slashid:phone_numbers",
    "slashid:usernames",
    "slashid:region",
    "slashid:groups",
    "slashid:attributes",
    "slashid:roles",
    "slashid:password",
];
const BCRYPT: &str = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";

/// A file with a header of `columns`.
fn file(columns: &[&str], rows: &[Vec<String>]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns).unwrap();
    rows.iter().for_each(|row| writer.write_record(row).unwrap());
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// A row of `ALL` that is fine but for one cell; its username is its own.
fn with(number: usize, column: &str, cell: &str) -> Vec<String> {
    let mut row = vec![String::new(); ALL.len()];
    row[2] = format!("user{number}");
    // A row of nothing at all is a blank one.
    row[3] = "us-iowa".to_owned();
    let place = ALL.iter().position(|name| *name == column).unwrap();
    row[place] = cell.to_owned();
    row
}

fn many(part: &str, times: usize) -> String {
    let parts: Vec<String> = (0..times).map(|number| format!("{part}{number:03}")).collect();
    parts.join(",")
}

fn attribute(bucket: &str, key: &str, value: &str) -> String {
    json!({bucket: {key: value}}).to_string()
}

/// (column, cell)
fn good_cells() -> Vec<(&'static str, String)> {
    let long = "n".repeat(70);
    vec![
        ("slashid:emails", "a@x.com, b@x.com".to_owned()),
        ("slashid:phone_numbers", "+4915112345678,+12".to_owned()),
        ("slashid:region", "asia-japan".to_owned()),
        ("slashid:groups", "ab,c.d_e-f,9z".to_owned()),
        ("slashid:groups", many("group", 100)),
        ("slashid:attributes", attribute(&long, &long, "v")),
        ("slashid:attributes", attribute("b", "k", &"v".repeat(64 * 1024))),
        ("slashid:roles", "reader, writer,reader".to_owned()),
        ("slashid:password", BCRYPT.to_owned()),
        (
            "slashid:password",
            "$argon2id$v=19$m=65536,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g".to_owned(),
        ),
        (
            "slashid:password",
            "$pbkdf2-sha256$i=600000,l=32$c2FsdHNhbHQ$aGFzaGhhc2g".to_owned(),
        ),
    ]
}

/// (column, cell, what is wrong with it)
fn bad_cells() -> Vec<(&'static str, String, &'static str)> {
    let (long, huge) = ("n".repeat(71), "v".repeat(64 * 1024 + 1));
    let cells = [
        ("slashid:emails", "a@", "not a valid e-mail address"),
        ("slashid:emails", "c@x.com,d@", "not a valid e-mail address"),
        ("slashid:phone_numbers", "+1234567890123456", "not a telephone number"),
        ("slashid:phone_numbers", "+0123", "E.164"),
        ("slashid:phone_numbers", "4915112345678", "E.164"),
        ("slashid:phone_numbers", "+49 151 12345678", "E.164"),
        ("slashid:usernames", "", "no handle"),
        ("slashid:region", "mars", "not one of the accepted words"),
        ("slashid:region", "Asia-Japan", "not one of the accepted words"),
        ("slashid:groups", &many("group", 101), "too many names"),
        ("slashid:groups", "-ab", "not a name"),
        ("slashid:groups", "a", "not a name"),
        ("slashid:attributes", &attribute(&long, "k", "v"), "too long"),
        ("slashid:attributes", &attribute("b", &long, "v"), "too long"),
        ("slashid:attributes", &attribute("b", "k", &huge), "too long"),
        (
            "slashid:attributes",
            r#"{"b":"k"}"#,
            "not a JSON object of JSON objects",
        ),
        ("slashid:attributes", "[1]", "not a JSON object"),
        ("slashid:attributes", "{", "not a JSON object"),
        ("slashid:password", "hunter2", "not a password hash"),
    ];
    cells
        .map(|(column, cell, wrong)| (column, cell.to_owned(), wrong))
        .to_vec()
}

both_stacks! {
    async fn each_rule_of_a_row(stack) {
        let running = stack.start(&[]).await;
        let vendor = Vendor::of(&running.client).await;
        let (good, bad) = (good_cells(), bad_cells());
        let cells = good.iter().map(|(column, cell)| (column, cell)).chain(bad.iter().map(|(column, cell, _)| (column, cell)));
        let rows: Vec<Vec<String>> =
            cells.enumerate().map(|(number, (column, cell))| with(number, column, cell)).collect();
        let result = vendor.import(file(&ALL, &rows)).await;
        assert_eq!(figures(&result), (good.len(), bad.len()), "{:?}", table(&result));
        let failed = table(&result);
        assert_eq!(failed[0][..8], ALL);
        assert_eq!((failed[0].len(), failed[0][8].as_str()), (9, "slashid:error"));
        for ((row, sent), (column, cell, wrong)) in failed[1..].iter().zip(&rows[good.len()..]).zip(&bad) {
            assert_eq!(row[..8], sent[..], "the row comes back as it was");
            // A row without any handle is told so at the first column of handles.
            let place = if *wrong == "no handle" { "slashid:emails" } else { column };
            let reason = &row[8];
            assert!(reason.contains(wrong) && reason.starts_with(place), "{column} {cell:.80}: {reason}");
        }
        let persons = vendor.persons().await;
        let roles = persons.iter().find(|person| person["attributes"]["slashid:roles"].is_array()).unwrap();
        assert_eq!(roles["attributes"]["slashid:roles"], json!(["reader", "writer"]));
        assert!(!json!(persons).to_string().contains("$2b$"), "a password hash is never shown");
    }

    async fn columns_in_any_order_and_others_ignored(stack) {
        let running = stack.start(&[]).await;
        let vendor = Vendor::of(&running.client).await;
        let result = vendor.import("note,slashid:region,slashid:usernames\nx,us-iowa,ana\n").await;
        assert_eq!(figures(&result), (1, 0));
        let person = &vendor.persons().await[0];
        assert_eq!((&person["username"], &person["region"]), (&json!("ana"), &json!("us-iowa")));
        assert_eq!(person.get("attributes").filter(|attributes| **attributes != json!({})), None, "{person:#}");
    }

    async fn attributes_merge_groups_overwrite_and_blank_cells_leave_alone(stack) {
        let running = stack.start(&[]).await;
        let vendor = Vendor::of(&running.client).await;
        let columns = ["slashid:usernames", "slashid:groups", "slashid:attributes", "slashid:region"];
        let send = async |groups: &str, attributes: Option<Value>, region: &str| {
            let attributes = attributes.map(|json| json.to_string()).unwrap_or_default();
            let row = ["ana", groups, &attributes, region].map(str::to_owned).to_vec();
            assert_eq!(figures(&vendor.import(file(&columns, &[row])).await), (1, 0));
            let person = vendor.persons().await[0].clone();
            (person["groups"].clone(), person["attributes"].clone(), person["region"].clone())
        };
        send("admin,sales", Some(json!({"shop": {"tier": 2, "tags": [1, 2], "old": true}, "app": {"x": 1}})), "us-iowa").await;
        let merged = json!({"shop": {"tier": 3, "tags": [3]}, "app": {"x": 1}, "new": {"deep": {"y": null}}});
        let second = json!({"shop": {"tier": 3, "tags": [3], "old": null}, "new": {"deep": {"y": null}}});
        assert_eq!(send("sales", Some(second), "").await, (json!(["sales"]), merged.clone(), json!("us-iowa")));
        assert_eq!(send("", None, "").await, (json!(["sales"]), merged, json!("us-iowa")));
    }

    async fn handles_say_who_is_meant(stack) {
        let running = stack.start(&[]).await;
        let vendor = Vendor::of(&running.client).await;
        let header = "slashid:usernames,slashid:emails,slashid:phone_numbers,slashid:region\n";
        let first = format!("{header}ana,,+491511,\nbob,Bob@X.com,,\n");
        assert_eq!(figures(&vendor.import(first).await), (2, 0));
        let ids = |persons: &[Value]| persons.iter().map(|person| person["source_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(ids(&vendor.persons().await), ["+491511", "bob@x.com"], "the first in the order e-mail, phone, username");

        // Any handle will do, case does not matter in an address, and what is new is added.
        let second = format!("{header}robert,BOB@x.com,,us-iowa\n,,+491511,asia-japan\nrobert,,+492622,\n");
        assert_eq!(figures(&vendor.import(second).await), (3, 0));
        let result = vendor.import(format!("{header},,+492622,europe-england\nana,,+492622,\n")).await;
        assert_eq!(figures(&result), (1, 1));
        let failed = &table(&result)[1];
        assert_eq!(failed[4], "the handles belong to different persons: ana, +492622");
        let persons = vendor.persons().await;
        let regions: Vec<&Value> = persons.iter().map(|person| &person["region"]).collect();
        assert_eq!(regions, [&json!("asia-japan"), &json!("europe-england")]);
        assert_eq!((&persons[1]["username"], &persons[1]["phone"]), (&json!("bob"), &json!("+492622")), "only what is empty is filled");

        // A person that is gone has no handles any more.
        let id = persons[1]["id"].as_i64().unwrap();
        vendor.client.delete(&format!("/v1/users/{id}")).await.expect(204);
        assert_eq!(figures(&vendor.import(format!("{header}ana,,+492622,\n")).await), (1, 0));
        assert_eq!(vendor.persons().await.len(), 1);
    }

    async fn the_failed_file_is_mended_and_sent_again(stack) {
        let running = stack.start(&[]).await;
        let vendor = Vendor::of(&running.client).await;
        let rows = [
            ["ana", "ana@x.com", "us-iowa", BCRYPT],
            ["bob", "bob@", "us-iowa", BCRYPT],
            ["cid", "", "mars", ""],
            ["dan", "dan@", "mars", "hunter2"],
        ];
        let columns = ["slashid:usernames", "slashid:emails", "slashid:region", "slashid:password"];
        let result = vendor.import(file(&columns, &rows.map(|row| row.map(str::to_owned).to_vec()))).await;
        assert_eq!(figures(&result), (1, 3));
        let failed = result["failed_csv"].as_str().unwrap();
        assert!(failed.contains(BCRYPT) && failed.contains("hunter2"), "the sender's own cells: {failed}");
        assert_eq!(
            table(&result)[3][4],
            "slashid:emails: not a valid e-mail address; slashid:region: not one of the accepted words; slashid:password: not a password hash of a known form"
        );
        let again = vendor.import(failed.replace("bob@", "bob@x.com")).await;
        assert_eq!(figures(&again), (1, 2));
        let header = table(&again).remove(0);
        assert_eq!(header, [&columns[..], &["slashid:error"]].concat(), "the error column stands there once");
        let mended = again["failed_csv"].as_str().unwrap().replace("dan@,", ",").replace("mars", "us-iowa").replace("hunter2", "");
        assert_eq!(figures(&vendor.import(mended).await), (2, 0));
        assert_eq!(vendor.persons().await.len(), 4);

        // In the import's own record the password is hidden from keys that may not see it.
        let id = vendor.client.pages("/v1/imports?limit=10").await.last().unwrap()["id"].as_i64().unwrap();
        let reader = running.key_of("acme", &["imports:read"]).await;
        let kept = reader.failed_csv(id).await;
        assert!(kept.contains("bob@") && !kept.contains("hunter2") && !kept.contains("$2b$"), "{kept}");
    }

    async fn rows_of_another_width_come_back_as_they_are(stack) {
        let running = stack.start(&[]).await;
        let vendor = Vendor::of(&running.client).await;
        let result = vendor.import("slashid:usernames,slashid:region\nana\nbob,us-iowa,more\ncid,us-iowa,\n").await;
        assert_eq!(figures(&result), (2, 1));
        let failed = table(&result);
        assert_eq!((&failed[1][..2], failed[1][3].as_str()), (&["bob".to_owned(), "us-iowa".to_owned()][..], "more"));
        assert!(failed[1][2].contains("3 cells"), "{failed:?}");
        assert_eq!(figures(&vendor.import(result["failed_csv"].as_str().unwrap().to_owned()).await), (0, 1));
    }

    async fn organizations_do_not_share_persons(stack) {
        let running = stack.start(&[]).await;
        let (one, other) = (Vendor::of(&running.client).await, Vendor::of(&running.admin_of("other").await).await);
        for vendor in [&one, &other] {
            assert_eq!(figures(&vendor.import("slashid:usernames,slashid:emails\nana,a@x.com\n").await), (1, 0));
            assert_eq!(vendor.persons().await.len(), 1);
        }
        assert_ne!(one.persons().await[0]["id"], other.persons().await[0]["id"]);
    }
}
