//! 67 to 75: media types and forms, at every door that takes a form.

use harness::{Client, both_stacks};
use reqwest::Method;
use reqwest::multipart::{Form, Part};

use crate::catalogue::Entry;
use crate::wire::statuses;

const FILE: &str = "source_id\n1\n";

pub(crate) fn numbers() -> Vec<u32> {
    let table = forms("file", FILE).into_iter().chain(files_in_excess("file", FILE));
    table.map(|entry| entry.number).chain([71, 74]).collect()
}

/// A path that takes forms, the part that it wants, and that part's content.
const FORM_DOORS: [(&str, &str, &str); 5] = [
    ("/v1/imports?resource=users", "file", "source_id\n1"),
    ("/bulk/v1/files", "file", "USERNAME\n1"),
    ("/persons/bulk-import", "persons", "slashid:usernames\n1"),
    ("/saas/logins/clients/bulk-upload", "csvData", "ABC"),
    ("/saas/logins/clients/bulk-upload/preview", "csvData", "ABC"),
];

/// A media type and a form.
type Sent = (&'static str, Vec<u8>);

#[rustfmt::skip]
fn forms(part: &str, file: &str) -> Vec<Entry<Sent, u16>> {
    let sound = format!("Content-Disposition: form-data; name=\"{part}\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\n{file}");
    // What forsure's rows are called; elsewhere a part that nobody expects.
    let form = |parts: &[&str], end: &str| {
        let parts: String = parts.iter().map(|part| format!("--x\r\n{part}\r\n")).collect();
        format!("{parts}{end}").into_bytes()
    };
    let whole = |parts: &[&str]| form(parts, "--x--\r\n");
    let unnamed = format!("Content-Type: text/csv\r\n\r\n{file}");
    let nameless = sound.replace(&format!("name=\"{part}\"; "), "");
    let huge = sound.replacen("Content-Type", &format!("X-Big: {}\r\nContent-Type", "h".repeat(100_000)), 1);
    let other = sound.replace(part, "flie");
    let entry = |number, name, media: &'static str, body: Vec<u8>, expected| Entry { number, name, input: (media, body), expected };
    const X: &str = "multipart/form-data; boundary=x";
    vec![
        entry(67, "a PDF", "application/pdf", FILE.into(), 415),
        entry(67, "JSON", "application/json", "{}".into(), 415),
        entry(67, "HTML", "text/html", FILE.into(), 415),
        entry(67, "a charset that nobody knows", "text/csv; charset=klingon", FILE.into(), 415),
        entry(67, "a charset that the file is not in", "text/csv; charset=utf-16", FILE.into(), 415),
        entry(67, "no media type", "", whole(&[&sound]), 415),
        entry(68, "no boundary", "multipart/form-data", whole(&[&sound]), 400),
        entry(69, "two boundaries", "multipart/form-data; boundary=x; boundary=y", whole(&[&sound]), 400),
        entry(69, "a boundary of 300 characters", Box::leak(format!("multipart/form-data; boundary={}", "b".repeat(300)).into_boxed_str()), FILE.into(), 400),
        entry(69, "a boundary with spaces", "multipart/form-data; boundary=\"a b\"", whole(&[&sound]), 400),
        entry(70, "cut before the last boundary", X, form(&[&sound], ""), 400),
        entry(70, "cut inside the last boundary", X, form(&[&sound], "--x-"), 400),
        entry(70, "cut inside a part's headers", X, b"--x\r\nContent-Disposition: form-da".to_vec(), 400),
        entry(72, "no part", X, whole(&[]), 400),
        entry(72, "an unknown part first", X, whole(&[&other, &sound]), 400),
        entry(72, "an unknown part last", X, whole(&[&sound, &other]), 400),
        entry(73, "a part with headers of 100 KB", X, whole(&[&huge]), 400),
        entry(75, "a part without a disposition", X, whole(&[&unnamed]), 400),
        entry(75, "a part without a name", X, whole(&[&nameless]), 400),
    ]
}

/// What only a form with one file can have too much of.
fn files_in_excess(part: &str, file: &str) -> Vec<Entry<Sent, u16>> {
    let one = format!("--x\r\nContent-Disposition: form-data; name=\"{part}\"\r\n\r\n{file}\r\n");
    let form = |times: usize| format!("{}--x--\r\n", one.repeat(times)).into_bytes();
    let entry = |name, times| Entry {
        number: 72,
        name,
        input: ("multipart/form-data; boundary=x", form(times)),
        expected: 400,
    };
    vec![entry("two files", 2), entry("five thousand files", 5_000)]
}

async fn post(client: &Client, org: &str, path: &str, (media, body): Sent) -> u16 {
    let request = client
        .request(Method::POST, path)
        .header("SlashID-OrgID", org)
        .body(body);
    let request = if media.is_empty() {
        request
    } else {
        request.header("Content-Type", media)
    };
    client.send(request).await.status
}

both_stacks! {
    async fn forms_that_are_none_are_refused_and_leave_nothing(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let org = client.get("/v1/organization").await.expect(200).json()["id"].as_str().unwrap().to_owned();
        for (path, part, file) in FORM_DOORS {
            let excess = if part == "csvData" { Vec::new() } else { files_in_excess(part, file) };
            for Entry { number, name, input, expected } in forms(part, file).into_iter().chain(excess) {
                assert_eq!(post(client, &org, path, input).await, expected, "{number} {name} at {path}");
            }
            let early = format!("POST {path} HTTP/1.1\r\nHost: {{host}}\r\nAuthorization: Bearer {{key}}\r\nSlashID-OrgID: {org}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 2000\r\n\r\n--x\r\nContent-Disposition: form-data; name=\"{part}\"\r\n\r\n{file}\r\n--x--\r\n");
            let answer = half_closed(client, &early).await;
            assert!(answer.is_empty() || statuses(&answer) == [400], "71 at {path}: a whole form in a body that promised more: {answer}");
        }
        assert_eq!(client.pages("/v1/imports?limit=10").await.len(), 0);
        assert_eq!(client.get("/saas/logins/clients").await.expect(200).json()["total"], 0);
        assert_eq!(running.blobs().await.len(), 0);
    }

    async fn file_names_are_labels(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let long = "n".repeat(10_000);
        for name in ["../../etc/passwd", "/etc/passwd", "C:\\windows\\x.csv", "a\u{202e}b.csv", "CON", "..", "a\tb", &long] {
            let part = Part::bytes(FILE.as_bytes().to_vec()).file_name(name.to_owned()).mime_str("text/csv").unwrap();
            let request = client.request(Method::POST, "/v1/imports?resource=users").multipart(Form::new().part("file", part));
            let import = client.send(request).await.expect(202).json();
            let label = import["file"]["name"].as_str().unwrap_or_default();
            assert!(label.len() <= 255 && !label.contains(['/', '\\', '\u{202e}', '\t']), "74: {label}");
        }
        let body = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"; filename*=UTF-8''..%2f..%2fetc%2fpasswd%00\r\n\r\nsource_id\n1\r\n--x--\r\n";
        let request = client.request(Method::POST, "/v1/imports?resource=users").header("Content-Type", "multipart/form-data; boundary=x");
        let import = client.send(request.body(body)).await.expect(202).json();
        assert_eq!(import["file"]["name"], "passwd", "74: filename*");
        assert!(running.blobs().await.iter().all(|blob| !blob.contains("passwd") && !blob.contains("CON")), "74: blobs have names of ours");
    }
}

/// Writes, says that nothing more comes, and reads.
async fn half_closed(client: &Client, request: &str) -> String {
    use tokio::io::AsyncWriteExt;
    let mut stream = crate::wire::opened(client, request).await;
    stream.shutdown().await.unwrap();
    crate::wire::rest(&mut stream, std::time::Duration::from_secs(10)).await
}
