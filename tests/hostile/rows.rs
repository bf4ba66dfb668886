//! 46, 47, 62 to 65: rows that meet each other, formulas on their way back into a spreadsheet, passwords, and words for yes and
//! no.

use harness::{both_stacks, count};
use reqwest::Method;
use serde_json::{Value, json};

pub(crate) fn numbers() -> Vec<u32> {
    vec![46, 47, 62, 63, 64, 65]
}

/// What makes a spreadsheet calculate, and the quote that keeps it from it.
const STARTS: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '\''];

/// The cells of a CSV, header first.
fn table(csv: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(csv.trim_start_matches('\u{feff}').as_bytes());
    let rows = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect());
    rows.collect()
}

both_stacks! {
    async fn the_last_valid_row_of_a_key_wins_whatever_the_batch(stack) {
        for batch in ["1", "2", "5000"] {
            let running = stack.start(&[("LONGSHORE_WORKER_BATCH_ROWS", batch)]).await;
            let client = &running.client;
            let file = "source_id,email\n1,a@example.com\n1,b@example.com\n2,x@example.com\n1,c@\n2,y@\n1,d@example.com\n1,d@example.com\n1,e@\n";
            let import = client.wait_final(client.import("resource=users", file).await).await;
            let counts = ["created", "updated", "unchanged", "failed"].map(|name| count(&import, name));
            assert_eq!(counts, [2, 2, 1, 3], "46, 47 in batches of {batch}: {import:#}");
            let emails: Vec<Value> = client.users().await.iter().map(|user| user["email"].clone()).collect();
            assert!(emails.contains(&json!("d@example.com")) && emails.contains(&json!("x@example.com")), "47: {emails:?}");
        }
    }

    async fn formulas_come_back_defused_and_go_in_again_as_they_were(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let mut file = csv::Writer::from_writer(Vec::new());
        file.write_record(["source_id", "email", "=1+2", "@x"]).unwrap();
        let cells: Vec<String> = STARTS.iter().map(|start| format!("{start}cmd|' /C calc'!A0")).chain([";=1+2".to_owned(), "\"=cmd".to_owned(), "plain".to_owned()]).collect();
        for (place, cell) in cells.iter().enumerate() {
            let id = format!("row-{place}");
            file.write_record([id.as_str(), "=not@", cell, cell]).unwrap();
        }
        let id = client.import("resource=users", file.into_inner().unwrap()).await;
        client.wait_final(id).await;
        let excel = client.get(&format!("/v1/imports/{id}/failed.csv?for=excel")).await.expect(200).text;
        for row in table(&excel) {
            for cell in row {
                assert!(cell.starts_with('\'') || !cell.starts_with(STARTS), "62: {cell:?}");
            }
        }
        let plain = table(&client.failed_csv(id).await);
        assert_eq!(plain[0][3..], ["source_id", "email", "=1+2", "@x"], "62: programs get what was sent");
        for (row, cell) in plain[1..].iter().zip(&cells) {
            assert_eq!(&row[5], cell, "62");
        }
        let again = client.import("resource=users", excel).await;
        client.wait_final(again).await;
        assert_eq!(table(&client.failed_csv(again).await), plain, "62: exactly one quote comes off");
    }

    async fn a_password_of_a_failing_row_is_shown_to_nobody(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let canary = "hunter2-canary";
        let long = format!("{canary}{}", "x".repeat(1_025));
        let file = format!("source_id,email,password_hash\n1,bad@,{canary}\n2,a@example.com,{long}\n3,,\"{canary}\"x\n4,b@example.com,a,{canary}\n");
        let id = client.import("resource=users", file).await;
        let import = client.wait_final(id).await;
        assert_eq!(count(&import, "failed"), 4, "{import:#}");
        let reader = running.key_of("acme", &["imports:read"]).await;
        for path in ["", "/rows", "/failed.csv", "/failed.csv?for=excel"] {
            let shown = reader.get(&format!("/v1/imports/{id}{path}")).await.expect(200).text;
            assert!(!shown.contains(canary), "63 {path}: {shown}");
        }
        for role in [running.front(), running.back()] {
            assert!(!running.log(role).contains(canary), "63: the log");
        }
    }

    async fn a_password_is_kept_exactly_or_refused(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let named = client.send_json(Method::POST, "/saas/logins/clients", &json!({"client_name": "ABC"})).await.expect(200).json();
        let path = format!("/saas/logins/clients/{}/credentials/DE", named["id"]);
        let credential = |password: &str, pro: &str| json!({"report_types": ["WEEE"], "pro": pro, "login": "l", "password": password});
        let kept = [" padded ", "\u{feff}bom", "com,ma", "quo\"te", "tab\t", "'=1", "üñí", &"p".repeat(1_024)];
        for (place, password) in kept.iter().enumerate() {
            client.send_json(Method::POST, &path, &credential(password, &format!("pro {place}"))).await.expect(200);
        }
        for password in ["a\0b", &"p".repeat(1_025), &"p".repeat(1_000_000), "***"] {
            let answer = client.send_json(Method::POST, &path, &credential(password, "other")).await;
            assert!([400, 413].contains(&answer.status), "64 {password:.20}: {}", answer.text);
        }
        let shown = client.get(&path).await.expect(200).json().to_string();
        for password in kept {
            assert!(shown.contains(&json!(password).to_string()), "64 {password:.20}: {shown:.400}");
        }
    }

    async fn yes_and_no_have_their_words(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let words = ["true", "TRUE", "yes", "Yes", "1", "false", "no", "0", "T", "y", "on", "2", "01", "是", "wahr", "true false"];
        let rows: String = words.iter().map(|word| format!("Client {word},{word}\n")).collect();
        let id = client.import("resource=clients", format!("name,shared\n{rows}")).await;
        let import = client.wait_final(id).await;
        assert_eq!((count(&import, "created"), count(&import, "failed")), (8, 8), "65: {import:#}");
        assert_eq!(import["top_errors"][0]["code"], "invalid-choice", "65");
    }
}
