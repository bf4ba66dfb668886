//! forsure's bulk upload: the document's two requests as printed, preview against execute, envelopes, and bounded memory.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use harness::{Answer, Client, Dice, both_stacks};

const EXECUTE: &str = "/saas/logins/clients/bulk-upload";
const PREVIEW: &str = "/saas/logins/clients/bulk-upload/preview";

const BOUNDARY: &str = "------------------------d74496d66958873e";

/// Fields in their order, as `curl -F` sends them. Written by hand: reqwest's own forms recurse once for each field.
fn form<'a>(fields: impl IntoIterator<Item = (&'static str, &'a str)>) -> String {
    let mut body = String::new();
    for (name, text) in fields {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend([head.as_str(), text, "\r\n"]);
    }
    body + &format!("--{BOUNDARY}--\r\n")
}

async fn post(client: &Client, path: &str, form: String) -> Answer {
    let media = format!("multipart/form-data; boundary={BOUNDARY}");
    let request = client
        .request(Method::POST, path)
        .header(CONTENT_TYPE, media)
        .body(form);
    client.send(request).await
}

/// Rows under a mapping.
async fn upload(client: &Client, path: &str, mapping: &[&str], rows: &[String]) -> Answer {
    let rows = rows.iter().map(|row| ("csvData", row.as_str()));
    let mapping = mapping.iter().map(|name| ("mapping", *name));
    post(client, path, form(rows.chain([("fileId", "file123")]).chain(mapping))).await
}

/// The document's request.
fn as_printed() -> String {
    form([
        ("csvData", "Client 1,active"),
        ("csvData", "Client 2,archived"),
        ("fileId", "file123"),
        ("mapping", "name"),
        ("mapping", "status"),
    ])
}

fn executed(created: u64, updated: u64, errors: u64) -> Value {
    let summary = format!(
        "Bulk upload completed successfully. {created} clients created, {updated} clients updated, {errors} errors encountered."
    );
    json!({"created": created, "updated": updated, "errors": errors, "summary": summary})
}

const NAMES: [&str; 5] = ["ABC", "\"D, E\"", "F", "G", "H"];
const MAPPING: [&str; 9] = [
    "client_name",
    "status",
    "alias",
    "alias:FR",
    "country",
    "pro",
    "report_type",
    "login",
    "password",
];

/// A random row: known, new and repeated clients, credentials whole and in part, rows that are none.
fn random_row(dice: &mut Dice) -> String {
    let mut pick =
        |words: &[&str]| words[usize::try_from(dice.below(u64::try_from(words.len()).unwrap())).unwrap()].to_owned();
    let client = [
        pick(&NAMES),
        pick(&["", "active", "archived"]),
        pick(&["", "A;B", "C"]),
        pick(&["", "SARL", "SA"]),
    ];
    let credential = match pick(&["none", "whole", "whole", "part"]).as_str() {
        "none" => ["", "", "", "", ""].map(str::to_owned),
        "part" => ["", "EAR", "", "a", ""].map(str::to_owned),
        _ => [
            pick(&["DE", "fr", "Fr"]),
            pick(&["EAR", "Eco"]),
            "WEEE".to_owned(),
            pick(&["", "a", "b"]),
            pick(&["", "s", "t"]),
        ],
    };
    let row = client.into_iter().chain(credential).collect::<Vec<_>>().join(",");
    match dice.below(14) {
        0 => format!("{row},too,many"),
        1 => format!("{row}\n{row}"),
        2 => format!("\"{row}"),
        3 => ",,,,,,,,".to_owned(),
        4 => String::new(),
        _ => row,
    }
}

both_stacks! {
    async fn the_documents_requests(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        for _ in 0..2 {
            let answer = post(client, PREVIEW, as_printed()).await.expect(200);
            let expected = json!({
                "preview": true,
                "summary": {"would_create": 2, "would_update": 0, "errors": 0, "warnings": 0},
                "sample_data": [{"name": "Client 1", "status": "active"}, {"name": "Client 2", "status": "archived"}],
                "validation_results": {"valid": 2, "invalid": 0}
            });
            assert_eq!(answer.json(), expected, "a preview changes nothing");
        }
        let answer = post(client, EXECUTE, as_printed()).await.expect(200);
        assert_eq!(answer.json(), executed(2, 0, 0));
        let import = client.show(answer.header("longshore-import-id").parse().unwrap()).await;
        assert_eq!((&import["surface"], &import["resource"], &import["status"]), (&json!("forsure"), &json!("clients"), &json!("completed")));
        assert_eq!(import["file"]["name"], "file123");
        assert_eq!(post(client, EXECUTE, as_printed()).await.expect(200).json(), executed(0, 2, 0), "unchanged ones count as updated");
        let preview = post(client, PREVIEW, as_printed()).await.expect(200).json();
        assert_eq!(preview["summary"]["would_update"], 2);
    }

    async fn what_a_preview_says_is_what_happens(stack) {
        let running = stack.start(&[("LONGSHORE_WORKER_BATCH_ROWS", "5")]).await;
        let mut dice = Dice::seeded();
        for turn in 0..8 {
            let client = running.admin_of(&format!("org-{turn}")).await;
            for step in 0..3 {
                let count = 1 + dice.below(25);
                let rows: Vec<String> = (0..count).map(|_| random_row(&mut dice)).collect();
                let preview = upload(&client, PREVIEW, &MAPPING, &rows).await.expect(200).json();
                let twice = upload(&client, PREVIEW, &MAPPING, &rows).await.expect(200).json();
                let done = upload(&client, EXECUTE, &MAPPING, &rows).await.expect(200).json();
                let (summary, valid) = (&preview["summary"], &preview["validation_results"]);
                let place = format!("turn {turn}, step {step}: {rows:#?}\n{preview:#}\n{done:#}");
                assert_eq!(preview, twice, "{place}");
                assert_eq!(
                    [&summary["would_create"], &summary["would_update"], &summary["errors"], &valid["invalid"]],
                    [&done["created"], &done["updated"], &done["errors"], &done["errors"]],
                    "{place}"
                );
                let ok = done["created"].as_u64().unwrap() + done["updated"].as_u64().unwrap();
                assert_eq!(valid["valid"], ok, "{place}");
                assert!(!preview["sample_data"].to_string().contains("\"password\":\"s\""), "{place}");
            }
        }
    }

    async fn rows_that_are_none_are_errors_and_the_mapping_may_come_first(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let rows = ["A,geheim-marked", "Z,", "\"B\nB\",", "C,x\nD,y", "\"open,z", "E", "", ","];
        let fields = [("mapping", "name"), ("mapping", "password")].into_iter().chain(rows.map(|row| ("csvData", row)));
        let preview = post(client, PREVIEW, form(fields)).await.expect(200).json();
        assert_eq!(preview["sample_data"][0], json!({"name": "A", "password": "***"}));
        assert_eq!(preview["sample_data"][2], json!({"name": "B\nB", "password": ""}));
        assert_eq!(preview["summary"]["errors"], 6, "{preview:#}");
        assert_eq!(preview["summary"]["would_create"], 1);
    }

    async fn refusals_wear_the_envelope(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let none = client.with_key("lsk_none");
        let reader = running.key_of("acme", &["imports:read"]).await;
        for path in [PREVIEW, EXECUTE] {
            let fixed = "Failed to bulk upload clients";
            for (status, answer) in [
                (401, post(&none, path, as_printed()).await),
                (403, post(&reader, path, as_printed()).await),
                (400, post(client, path, form([("csvData", "A"), ("mapping", "colour")])).await),
                (400, post(client, path, form([("csvData", "A,B"), ("mapping", "name"), ("mapping", "name")])).await),
                (400, post(client, path, form([("csvData", "A"), ("mapping", "status")])).await),
                (400, post(client, path, form([("csvData", "A")])).await),
                (400, post(client, path, form([("mapping", "name")])).await),
                (400, post(client, path, form([("file", "name\nA\n")])).await),
                (415, client.send_json(Method::POST, path, &json!({"csvData": ["A"]})).await),
            ] {
                let body = answer.expect(status).json();
                let detail = body["detail"].as_str().unwrap();
                assert!(detail.starts_with(fixed), "{body}");
                assert_eq!(detail.len() > fixed.len(), !matches!(status, 401 | 403), "{body}");
                assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
            }
        }
        let deleted = client.delete(EXECUTE).await;
        assert!(matches!(deleted.status, 404 | 405), "{deleted:?}");
    }

    async fn fifty_thousand_rows_in_bounded_memory(stack) {
        let mut running = stack.start(&[]).await;
        let rows: Vec<String> = (0..50_000)
            .map(|i| format!("Client {i},active,Alias {i},Name {i},DE,EAR,WEEE,login{i},secret {i}"))
            .collect();
        let began = std::time::Instant::now();
        let preview = upload(&running.client, PREVIEW, &MAPPING, &rows).await.expect(200).json();
        assert_eq!(preview["summary"]["would_create"], 50_000);
        let done = upload(&running.client, EXECUTE, &MAPPING, &rows).await.expect(200).json();
        assert_eq!(done, executed(50_000, 0, 0));
        let front = running.front();
        let peak = running.peak_kib(front);
        println!("{stack:?}: 50,000 rows previewed and carried out in {:?}, peak {} MiB", began.elapsed(), peak / 1024);
        assert!(peak < 250 * 1024, "{peak} KiB");
    }

    async fn a_form_that_is_too_large_is_refused(stack) {
        let mut running = stack.start(&[]).await;
        let client = running.client.clone();
        let many = upload(&client, EXECUTE, &["name"], &vec!["A".to_owned(); 100_000]).await.expect(413);
        let large = upload(&client, EXECUTE, &["name"], &vec!["A".repeat(1 << 20); 11]).await.expect(413);
        for (answer, reason) in [(many, "100000 fields"), (large, "10485760 bytes")] {
            let body = answer.json();
            let detail = body["detail"].as_str().unwrap();
            assert!(detail.starts_with("Failed to bulk upload clients: ") && detail.contains(reason), "{body}");
        }
        let front = running.front();
        println!("{stack:?}: refused at a peak of {} MiB", running.peak_kib(front) / 1024);
        assert!(running.peak_kib(front) < 150 * 1024);
    }
}
