//! `failed.csv` and `rows`: what was refused, why, and the way back in.

use serde_json::json;

use harness::{both_stacks, count};

const FILE: &str = "E-Mail;Personalnummer;Formel;password_hash\r\n\
    ana@;1;=1+2;s3cret-one\r\n\
    bo@example.com;2;plain;s3cret-two\r\n\
    ;;'quoted;s3cret-three\r\n\
    \"x;y\"\"@\";4;\"two\nlines\";\r\n\
    short;5\r\n";

fn parse(csv: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(csv.as_bytes());
    reader
        .records()
        .map(|record| record.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

/// Without the row's number and the sentence, which speak of the file that was sent.
fn codes_and_cells(csv: &str) -> Vec<Vec<String>> {
    let of = |row: Vec<String>| [&row[1..2], &row[3..]].concat();
    parse(csv).into_iter().map(of).collect()
}

both_stacks! {
    async fn every_refused_row_comes_back_with_all_its_reasons(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = client.import("resource=users", FILE).await;
        let import = client.wait_final(id).await;
        assert_eq!((&import["status"], count(&import, "failed"), count(&import, "created")), (&json!("partial"), 4, 1));
        assert_eq!(import["top_errors"][0]["count"], 2, "{import:#}");
        let answer = client.get(&format!("/v1/imports/{id}/failed.csv")).await.expect(200);
        assert!(answer.header("content-disposition").starts_with("attachment; filename=\""));
        assert!(answer.header("content-type").starts_with("text/csv"));
        let rows = parse(&answer.text);
        let header = ["_import_row", "_import_codes", "_import_error", "E-Mail", "Personalnummer", "Formel", "password_hash"];
        assert_eq!(rows[0], header);
        assert_eq!(rows[1][..2], ["2", "email:invalid-email"]);
        assert_eq!(rows[1][3..], ["ana@", "1", "=1+2", "s3cret-one"]);
        assert_eq!(rows[2][..2], ["4", "source_id:required"]);
        assert_eq!(rows[3][3..], ["x;y\"@", "4", "two\nlines", ""]);
        assert_eq!(rows[4][..2], ["6", "column-count"]);
        assert_eq!(rows[4][3..], ["short", "5"], "a short row stays short");
        let json = client.failed_rows(id).await;
        let numbers: Vec<u64> = json.iter().map(|row| row["row"].as_u64().unwrap()).collect();
        assert_eq!(numbers, [2, 4, 5, 6]);
        let error = &json[0]["errors"][0];
        assert_eq!((&error["column"], &error["value"], &error["field"]), (&json!("E-Mail"), &json!("ana@"), &json!("email")));
    }

    async fn the_file_can_be_mended_and_sent_again(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = client.import("resource=users", FILE).await;
        client.wait_final(id).await;
        for form in ["", "?for=excel"] {
            let file = client.get(&format!("/v1/imports/{id}/failed.csv{form}")).await.expect(200).text;
            let unmended = client.import(&format!("resource=users&dry_run=true&retry_of={id}"), file.clone()).await;
            let unmended_import = client.wait_final(unmended).await;
            assert_eq!(count(&unmended_import, "failed"), 4, "{unmended_import:#}");
            let (original, again) = (codes_and_cells(&client.failed_csv(id).await), codes_and_cells(&client.failed_csv(unmended).await));
            assert_eq!(again, original, "the same cells came back, form {form:?}");
        }
        let mended = client.failed_csv(id).await.replace("ana@,", "ana@example.com,").replace(",,'quoted", "c@example.com,3,'quoted");
        let retry = client.import(&format!("resource=users&retry_of={id}"), mended).await;
        let import = client.wait_final(retry).await;
        assert_eq!((count(&import, "created"), count(&import, "failed")), (2, 2), "{import:#}");
        assert_eq!(import["retry_of"], id);
        let users = client.users().await;
        assert_eq!(users.len(), 3);
        assert_eq!(users[1]["attributes"]["Formel"], "=1+2");
        assert_eq!(users[2]["attributes"]["Formel"], "'quoted");
    }

    async fn spreadsheets_get_no_formulas(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let file = "source_id,email,=cmd,a,b,c\n,@x,=1,+1,-1,\t1\n";
        let id = client.import("resource=users", file).await;
        client.wait_final(id).await;
        let file = client.get(&format!("/v1/imports/{id}/failed.csv?for=excel")).await.expect(200).text;
        assert!(file.starts_with('\u{feff}'));
        for cell in parse(file.trim_start_matches('\u{feff}')).concat() {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
        }
        client.get(&format!("/v1/imports/{id}/failed.csv?for=lotus")).await.expect(400);
    }

    async fn secrets_are_masked_without_the_scope(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = client.import("resource=users", FILE).await;
        client.wait_final(id).await;
        let key = json!({"name": "clerk", "scopes": ["imports:read", "imports:write", "records:read"]});
        let key = client.send_json(reqwest::Method::POST, "/v1/keys", &key).await.expect(201).json();
        let clerk = client.with_key(key["key"].as_str().unwrap());
        let file = clerk.failed_csv(id).await;
        assert!(file.contains("[redacted]") && !file.contains("s3cret"), "{file}");
        let rows = clerk.failed_rows(id).await;
        assert!(!json!(rows).to_string().contains("s3cret"));
        assert!(!json!(clerk.users().await).to_string().contains("s3cret"));
        // A masked value is not taken for a password.
        let again = clerk.import("resource=users", file.replace("ana@,", "ana@example.com,")).await;
        clerk.wait_final(again).await;
        let codes: Vec<String> = parse(&client.failed_csv(again).await).iter().map(|row| row[1].clone()).collect();
        assert!(codes[1].contains("password_hash:"), "{codes:?}");
    }
}
