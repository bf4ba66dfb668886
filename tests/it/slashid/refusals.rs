//! Whatever is refused wears the document's envelope, also before a handler runs.

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use super::{EXAMPLE_OF_AN_ERROR, PATH, Vendor, assert_like};
use harness::{Answer, both_stacks};

#[track_caller]
fn assert_refused(answer: Answer, status: u16) -> String {
    let answer = answer.expect(status);
    let json = answer.json();
    assert_like(&json, EXAMPLE_OF_AN_ERROR);
    assert_eq!(json["errors"][0]["httpcode"], status);
    assert_eq!(json["errors"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["meta"]["pagination"]["total_count"], 0);
    json["errors"][0]["message"].as_str().unwrap().to_owned()
}

fn form(part: &'static str, file: &str) -> Form {
    let part_of = Part::bytes(file.as_bytes().to_vec())
        .file_name("persons.csv")
        .mime_str("text/csv")
        .unwrap();
    Form::new().part(part, part_of)
}

both_stacks! {
    async fn only_a_key_of_the_named_organization_is_let_in(stack) {
        let running = stack.start(&[]).await;
        let vendor = Vendor::of(&running.client).await;
        let stranger = Vendor::of(&running.admin_of("other").await).await;
        let client = vendor.client.with_key("");
        let ask = |key: Option<&str>, org: Option<&str>| {
            let mut request = client.request(Method::GET, PATH);
            if let Some(key) = key {
                request = request.header("SlashID-API-Key", key);
            }
            if let Some(org) = org {
                request = request.header("SlashID-OrgID", org);
            }
            client.send(request)
        };
        let (key, org) = (vendor.client.key.as_str(), vendor.org.as_str());
        ask(Some(key), Some(org)).await.expect(200);
        let mut messages = Vec::new();
        for (key, org) in [
            (None, Some(org)),
            (Some(key), None),
            (Some(key), Some("")),
            (Some(key), Some("af5fbd30-7ce7-4548-8b30-4cd59cb2aba1")),
            (Some(key), Some(stranger.org.as_str())),
            (Some(stranger.client.key.as_str()), Some(org)),
            (Some("lsk_x"), Some(org)),
        ] {
            messages.push(assert_refused(ask(key, org).await, 401));
        }
        messages.dedup();
        assert_eq!(messages.len(), 1, "one answer for every reason: {messages:?}");
        let foreign = Vendor { client: stranger.client.clone(), org: vendor.org.clone() };
        assert_refused(foreign.send("slashid:usernames\nana\n").await, 401);
        assert!(vendor.persons().await.is_empty() && stranger.persons().await.is_empty());

        let reader = Vendor { client: running.key_of("acme", &["imports:read"]).await, org: vendor.org.clone() };
        assert_refused(reader.send("slashid:usernames\nana\n").await, 403);
    }

    async fn everything_wears_its_envelope(stack) {
        let running = stack.start(&[("LONGSHORE_LIMITS_UPLOAD_BYTES", "64KiB")]).await;
        let vendor = Vendor::of(&running.client).await;
        let send = |method: Method, path: &str| vendor.client.send(vendor.request(method, path));
        assert_refused(send(Method::GET, "/persons").await, 404);
        assert_refused(send(Method::GET, "/persons/nobody").await, 404);
        assert_refused(send(Method::GET, "/persons/bulk-import/more").await, 404);
        assert_refused(send(Method::DELETE, PATH).await, 405);
        assert_refused(send(Method::POST, PATH).await, 415);
        let csv = vendor.request(Method::POST, PATH).header("content-type", "text/csv").body("slashid:usernames\nana\n");
        assert!(assert_refused(vendor.client.send(csv).await, 415).contains("persons"));
        let post = |form: Form| vendor.client.send(vendor.request(Method::POST, PATH).multipart(form));
        assert!(assert_refused(post(Form::new()).await, 400).len() > 5);
        assert!(assert_refused(post(form("file", "slashid:usernames\nana\n")).await, 400).contains("persons"));
        let twice = form("persons", "slashid:usernames\nana\n").part("persons", Part::text("slashid:usernames\nbob\n"));
        assert!(assert_refused(post(twice).await, 400).contains("more than one part named persons"));
        let cut = vendor
            .request(Method::POST, PATH)
            .header("content-type", "multipart/form-data; boundary=b")
            .body("--b\r\nContent-Disposition: form-data; name=\"persons\"\r\n\r\nslashid:usernames\r\nana");
        assert_refused(vendor.client.send(cut).await, 400);
        let big = format!("slashid:usernames\n{}", "ana\n".repeat(100_000));
        assert_refused(vendor.send(big).await, 413);
        for (file, says) in [
            ("", "empty"),
            ("slashid:region,slashid:groups\nus-iowa,ab\n", "slashid:emails or slashid:phone_numbers or slashid:usernames"),
            ("slashid:usernames,slashid:usernames\na,b\n", "slashid:usernames"),
            ("slashid:usernames\n\"open\n", "quote"),
            ("a,b\n1,2\n", "column"),
        ] {
            let message = assert_refused(vendor.send(file).await, 400);
            assert!(message.contains(says), "{file:?}: {message}");
        }
        assert!(vendor.persons().await.is_empty());
        assert_eq!(vendor.client.pages("/v1/imports?limit=10").await, Vec::<Value>::new(), "nothing is kept of what is refused");
    }
}
