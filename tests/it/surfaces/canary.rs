//! Marked secrets go in through every surface, in good rows and in broken ones; then every place where they must not be is
//! searched for them.

use reqwest::Method;
use serde_json::json;

use super::Vendors;
use harness::{Role, Running, Stack, both_stacks};

/// In every secret, and in nothing else.
const MARK: &str = "cAnArY";

both_stacks! {
    async fn no_secret_is_found_where_it_must_not_be(stack) {
        let mut running = stack.start(&[("LONGSHORE_LOG", "debug,h2=info,hyper=info")]).await;
        let vendors = Vendors::of(&running).await;
        let mut answers = send_secrets(&vendors).await;
        answers.push(running.stranger().get("/metrics").await.expect(200).text);
        let list = running.client.pages("/v1/imports").await;
        assert!(list.len() >= 5, "{}", list.len());
        let reader = running.key_of("acme", &["imports:read", "records:read"]).await;
        for import in &list {
            let id = &import["id"];
            answers.push(import.to_string());
            for path in ["failed.csv", "rows", "failed.csv?for=excel"] {
                answers.push(reader.get(&format!("/v1/imports/{id}/{path}")).await.expect(200).text);
            }
        }
        answers.push(reader.get("/v1/users?limit=1000").await.expect(200).text);
        for answer in &answers {
            assert!(!answer.contains(MARK), "{answer}");
        }
        let apisecret = running.client.key.clone();
        for role in [Role::Serve, Role::Api, Role::Worker] {
            let log = running.log(role);
            assert!(!log.contains(MARK) && !log.contains(&apisecret), "{log}");
        }
        check_stores(&running).await;
        check_redis(&mut running).await;
    }
}

/// What the surfaces answered, as far as an answer must not repeat a secret.
async fn send_secrets(vendors: &Vendors) -> Vec<String> {
    let secret = |name: &str| format!("{MARK}-{name}");
    let mut answers = Vec::new();
    let client = json!({"client_name": "ABC"});
    let made = vendors
        .forsure(Method::POST, "/clients", &client)
        .await
        .expect(200)
        .json();
    let path = format!("/clients/{}/credentials/DE", made["id"]);
    let credential = json!({"report_types": ["WEEE"], "pro": "EAR", "login": "me", "password": secret("forsure")});
    vendors.forsure(Method::POST, &path, &credential).await.expect(200);
    let broken =
        json!({"report_types": ["WEEE"], "pro": "EAR", "passwort": secret("typo"), "password": secret("twin")});
    answers.push(vendors.forsure(Method::POST, &path, &broken).await.expect(400).text);
    let mapping = ["name", "country", "report_type", "pro", "login", "password"];
    let rows = [
        format!("Bulk,DE,WEEE,EAR,me,{}", secret("bulk")),
        format!(",DE,WEEE,EAR,me,{}", secret("bulk-without-name")),
        format!("Ragged,{}", secret("bulk-out-of-line")),
    ];
    answers.push(vendors.forsure_bulk(&mapping, &rows).await.expect(200).text);
    let profiles = [
        json!({"Email": [{"Type": "Primary", "Value": "a@example.com"}], "PasswordHash": secret("hash")}),
        json!({"Email": [{"Type": "Primary", "Value": "broken@"}], "PasswordHash": secret("hash-of-broken")}),
        json!({"Email": [{"Type": "Primary", "Value": "b@example.com"}], "Password": secret("plain")}),
    ];
    answers.push(vendors.loginradius(&profiles).await.expect(200).text);
    let file = format!(
        "source_id,password_hash,email\n1,{},a@example.com\n2,{},broken@\n",
        secret("native"),
        secret("native-broken")
    );
    let id = vendors.client.import("resource=users", file).await;
    answers.push(vendors.client.wait_final(id).await.to_string());
    let clients = format!(
        "name,country,report_type,pro,password\nDry,DE,WEEE,EAR,{}\n,DE,WEEE,EAR,{}\n",
        secret("dry"),
        secret("dry-broken")
    );
    let id = vendors.client.import("resource=clients&dry_run=true", clients).await;
    answers.push(vendors.client.wait_final(id).await.to_string());
    let persons = format!("slashid:emails,slashid:password\np@example.com,{}\n", secret("no-hash"));
    let failed = vendors.slashid(persons).await.expect(200).json();
    assert_eq!(failed["result"]["failed_imports"], 1, "{failed}");
    answers.extend(vendors_typed_wrong(vendors).await);
    answers
}

/// Keys and bodies that are wrong in themselves.
async fn vendors_typed_wrong(vendors: &Vendors) -> Vec<String> {
    let mut answers = Vec::new();
    let wrong = vendors.client.with_key(&format!("lsk_{MARK}"));
    for path in ["/v1/imports", "/saas/logins/clients", "/bulk/v1/files/1"] {
        answers.push(wrong.get(path).await.expect(401).text);
    }
    let path = format!("/v2/bulk/upsert?apikey=x&apisecret={MARK}");
    answers.push(
        wrong
            .with_key("")
            .send_json(Method::POST, &path, &json!({"Profiles": []}))
            .await
            .expect(401)
            .text,
    );
    answers
}

/// The database holds the password hashes of users, which are no passwords, and nothing else that is marked.
async fn check_stores(running: &Running) {
    let dump = running.dump().await;
    let places: Vec<&str> = dump
        .match_indices(MARK)
        .map(|(at, _)| dump.get(at..).unwrap_or_default())
        .collect();
    let allowed = ["-hash", "-native"];
    for place in places {
        let rest = place.strip_prefix(MARK).unwrap_or_default();
        let shown: String = rest.chars().take(40).collect();
        let is_hash = allowed.iter().any(|name| rest.starts_with(name))
            && !rest.starts_with("-hash-of")
            && !rest.starts_with("-native-broken");
        assert!(is_hash, "the database holds {MARK}{shown}");
    }
}

async fn check_redis(running: &mut Running) {
    if running.stack == Stack::Embedded {
        return;
    }
    let url = running.redis.as_ref().expect("the scaled stack has one").url();
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    assert!(!keys.is_empty(), "the queue lies there");
    for key in keys {
        let dump: Vec<u8> = redis::cmd("DUMP").arg(&key).query_async(&mut connection).await.unwrap();
        let text = String::from_utf8_lossy(&dump);
        assert!(!text.contains(MARK) && !key.contains(MARK), "{key}");
    }
}
