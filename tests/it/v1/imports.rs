//! `/v1/imports`: a file in, a status to poll, honest counts.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use harness::{Answer, both_stacks, count};

const PEOPLE: &str = "source_id,email,first_name,Shoe size\n1,ana@example.com,Ana,38\n2,bo@example.com,Bo,43\n";

both_stacks! {
    async fn a_file_is_taken_polled_and_applied(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let answer = client.post_csv("resource=users&source=hr", PEOPLE).await.expect(202);
        let import = answer.json();
        let id = import["id"].as_i64().unwrap();
        assert_eq!(answer.header("location"), format!("/v1/imports/{id}"));
        assert!(answer.header("retry-after").parse::<u64>().is_ok());
        assert_eq!(count(&import, "total"), 2, "the total is known at once");
        let import = client.wait_final(id).await;
        assert_eq!(import["status"], "completed");
        assert_eq!((count(&import, "created"), count(&import, "read"), count(&import, "unprocessed")), (2, 2, 0));
        assert_eq!(import["file"]["encoding"], "utf-8");
        assert_eq!(import["file"]["delimiter"], ",");
        let expected = json!({"source_id": "source_id", "email": "email", "first_name": "first_name", "Shoe size": "attributes.Shoe size"});
        assert_eq!(import["mapping"], expected);
        let users = client.users().await;
        assert_eq!(users[0]["source"], "hr");
        assert_eq!(users[0]["attributes"], json!({"Shoe size": "38"}));
        assert!(!import.to_string().contains("null"), "absent instead of null: {import}");
    }

    async fn new_changed_and_unchanged_rows_are_each_counted_right(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let first = client.import("resource=users", PEOPLE).await;
        client.wait_final(first).await;
        let again = client.import("resource=users", PEOPLE).await;
        let again = client.wait_final(again).await;
        assert_eq!((count(&again, "unchanged"), count(&again, "created"), count(&again, "updated")), (2, 0, 0));
        let mixed = "source_id,email,first_name,Shoe size\n1,ana@example.com,Ana,38\n2,bo@example.com,Bob,43\n3,chi@example.com,Chi,\n\n";
        let mixed = client.import("resource=users", mixed).await;
        let mixed = client.wait_final(mixed).await;
        let counts = ["unchanged", "updated", "created", "skipped"].map(|name| count(&mixed, name));
        assert_eq!(counts, [1, 1, 1, 1]);
        assert_eq!(mixed["status"], "completed");
    }

    async fn a_dry_run_counts_as_the_run_would_and_applies_nothing(stack) {
        let running = stack.start(&[("LONGSHORE_WORKER_BATCH_ROWS", "2")]).await;
        let client = &running.client;
        let twice = "source_id,first_name\n1,Ana\n2,Bo\n3,Chi\n1,Anna\n2,Bo\n,nobody\n";
        let preview = client.import("resource=users&dry_run=true", twice).await;
        let preview = client.wait_final(preview).await;
        assert_eq!(client.users().await.len(), 0);
        let run = client.import("resource=users", twice).await;
        let run = client.wait_final(run).await;
        assert_eq!(preview["counts"], run["counts"]);
        assert_eq!((&preview["dry_run"], &run["dry_run"]), (&json!(true), &json!(false)));
        assert_eq!((count(&run, "created"), count(&run, "updated"), count(&run, "unchanged"), count(&run, "failed")), (3, 1, 1, 1));
    }

    async fn modes_refuse_the_rows_that_do_not_fit(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let seed = client.import("resource=users", "source_id\n1\n").await;
        client.wait_final(seed).await;
        for (mode, row, code) in [("create", 2, "already-exists"), ("update", 3, "not-found")] {
            let id = client.import(&format!("resource=users&mode={mode}"), "source_id,company\n1,x\n2,x\n").await;
            let import = client.wait_final(id).await;
            assert_eq!(import["status"], "partial", "{import:#}");
            let failed = client.failed_rows(id).await;
            assert_eq!((&failed[0]["row"], &failed[0]["errors"][0]["code"]), (&json!(row), &json!(code)));
            let user = client.users().await.into_iter().find(|user| user["source_id"] == "2");
            if let Some(user) = user {
                client.delete(&format!("/v1/users/{}", user["id"])).await.expect(204);
            }
        }
    }

    async fn max_failures_stops_where_it_is_passed(stack) {
        let running = stack.start(&[("LONGSHORE_WORKER_BATCH_ROWS", "3")]).await;
        let client = &running.client;
        let file = "source_id,email\n1,a@x.com\n2,broken\n3,broken\n4,d@x.com\n5,e@x.com\n";
        let id = client.import("resource=users&max_failures=1", file).await;
        let import = client.wait_final(id).await;
        assert_eq!(import["status"], "partial");
        assert_eq!((count(&import, "failed"), count(&import, "created"), count(&import, "unprocessed")), (2, 1, 2));
    }

    async fn the_status_has_an_etag_and_can_be_waited_for(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = client.import("resource=users", PEOPLE).await;
        let path = format!("/v1/imports/{id}");
        let waited = client.send(client.request(Method::GET, &path).header("Prefer", "wait=25")).await.expect(200);
        assert_eq!(waited.header("preference-applied"), "wait=25");
        assert_eq!(waited.json()["status"], "completed");
        let tag = waited.header("etag").to_owned();
        assert!(tag.starts_with('"'), "a strong tag: {tag}");
        let same = client.send(client.request(Method::GET, &path).header("If-None-Match", &tag)).await;
        assert_eq!((same.status, same.text.as_str()), (304, ""));
        client.send(client.request(Method::GET, &path).header("If-None-Match", "\"other\"")).await.expect(200);
    }

    async fn a_call_with_an_idempotency_key_counts_once(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let call = |query: &'static str, body: &'static str| async move {
            client.send(client.csv_request(query, body).header("Idempotency-Key", "\"nightly-1\"")).await
        };
        let first = call("resource=users", PEOPLE).await.expect(202);
        let again = call("resource=users", PEOPLE).await.expect(202);
        assert_eq!(first.json()["id"], again.json()["id"]);
        assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
        assert_eq!(call("resource=users", "source_id\n9\n").await.expect(422).json()["code"], "idempotency-key-reused");
        call("resource=users&mode=create", PEOPLE).await.expect(422);
        assert_eq!(client.pages("/v1/imports?limit=1000").await.len(), 1);
        // A refused body leaves the key free.
        let refused = |body: &'static str| async move {
            client.send(client.csv_request("resource=users", body).header("Idempotency-Key", "free")).await
        };
        refused("source_id\n\"open").await.expect(400);
        refused(PEOPLE).await.expect(202);
    }

    async fn imports_are_listed_by_pages_newest_first(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let mut ids = Vec::new();
        for _ in 0..5 {
            let id = client.import("resource=users", PEOPLE).await;
            client.wait_final(id).await;
            ids.insert(0, id);
        }
        let page = client.get("/v1/imports?limit=2").await.expect(200);
        assert!(page.header("link").contains("rel=\"next\""), "{:?}", page.headers);
        let listed: Vec<i64> = client.pages("/v1/imports?limit=2").await.iter().map(|import| import["id"].as_i64().unwrap()).collect();
        assert_eq!(listed, ids);
        assert_eq!(client.pages("/v1/imports?status=failed&limit=2").await.len(), 0);
        for wrong in ["limit=0", "limit=1001", "limit=-1", "limit=x", "cursor=forged", "status=nonsense", "satus=failed"] {
            client.get(&format!("/v1/imports?{wrong}")).await.expect(400);
        }
    }

    async fn queued_and_final_imports_can_be_deleted_and_canceled(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let id = client.import("resource=users", PEOPLE).await;
        client.wait_final(id).await;
        let late = client.post(&format!("/v1/imports/{id}/cancel")).await;
        assert_eq!(client.show(id).await["status"], "completed", "a final import is not undone: {}", late.text);
        let gone = client.delete(&format!("/v1/imports/{id}")).await.expect(204);
        assert_eq!(gone.text, "");
        for path in [format!("/v1/imports/{id}"), format!("/v1/imports/{id}/failed.csv"), format!("/v1/imports/{id}/rows")] {
            client.get(&path).await.expect(404);
        }
        client.delete(&format!("/v1/imports/{id}")).await.expect(404);
        assert_eq!(client.users().await.len(), 2, "imported records stay");
    }

    async fn options_come_as_query_or_as_a_part_and_slips_are_named(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let options = json!({"resource": "users", "mapping": {"Mail": "email", "Nr": "source_id", "Junk": null}, "source": "erp"});
        let file = b"Nr;Mail;Junk\n7;x@example.com;zzz\n".to_vec();
        let answer = client.upload("/v1/imports", Some(&options), "file", file).await.expect(202).json();
        assert_eq!(answer["mapping"], json!({"Nr": "source_id", "Mail": "email", "Junk": null}));
        assert_eq!(answer["file"]["name"], "people.csv");
        client.wait_final(answer["id"].as_i64().unwrap()).await;
        assert_eq!(client.users().await[0]["source"], "erp");
        let named = |answer: Answer, code: &str, word: &str| {
            let problem = answer.expect(400).json();
            assert_eq!(problem["code"], code, "{problem:#}");
            assert!(problem.to_string().contains(word), "{problem:#}");
        };
        named(client.post_csv("resource=users&moed=create", PEOPLE).await, "unknown-parameter", "mode");
        named(client.post_csv("resource=usrs", PEOPLE).await, "invalid-parameter", "users");
        named(client.post_csv("resource=users&mode=replace", PEOPLE).await, "invalid-parameter", "upsert");
        let slip = json!({"resource": "users", "dry_rum": true});
        named(client.upload("/v1/imports", Some(&slip), "file", PEOPLE.into()).await, "unknown-field", "dry_run");
        named(client.post_csv("resource=users", "company\nx\n").await, "key-missing", "source_id");
    }

    async fn compressed_and_foreign_files_are_understood(stack) {
        use std::io::Write;
        let running = stack.start(&[]).await;
        let client = &running.client;
        let latin = b"Personalnummer;E-Mail;Vorname\r\n1;zoe@example.com;Zo\xEB\r\n2;j@example.com;J\xF6rg\r\n".to_vec();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&latin).unwrap();
        let bodies = [("gzip", gzip.finish().unwrap()), ("zstd", zstd::encode_all(latin.as_slice(), 3).unwrap())];
        for (coding, body) in bodies {
            let request = client.csv_request("resource=users", body).header("Content-Encoding", coding);
            let import = client.send(request).await.expect(202).json();
            assert_eq!((&import["file"]["encoding"], &import["file"]["delimiter"]), (&json!("windows-1252"), &json!(";")));
            assert_eq!(import["file"]["bytes"], latin.len());
            client.wait_final(import["id"].as_i64().unwrap()).await;
        }
        assert_eq!(client.users().await[0]["first_name"], "Zoë");
        let wrong = client.csv_request("resource=users", latin).header("Content-Encoding", "br");
        let wrong = client.send(wrong).await.expect(415);
        assert_eq!(wrong.header("accept-encoding"), "gzip, zstd");
    }

    async fn pick_up_is_prompt(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let begun = std::time::Instant::now();
        let id = client.import("resource=users", PEOPLE).await;
        client.wait_final(id).await;
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}: the doorbell did not ring", begun.elapsed());
    }
}
