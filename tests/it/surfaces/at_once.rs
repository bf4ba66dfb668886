//! Five clients on one organization, each through its own surface, while a large import runs: no deadlock, no lost update,
//! exact counts.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::Vendors;
use harness::{Client, People, both_stacks, count};

/// Calls of each client.
const ROUNDS: u64 = 8;
/// Records in a call.
const BATCH: u64 = 40;
/// Everything must be through by then.
const PATIENCE: Duration = Duration::from_secs(180);

both_stacks! {
    async fn five_clients_at_once_beside_a_large_import_lose_nothing(stack) {
        let running = stack.start(&[]).await;
        let (vendors, client) = (Vendors::of(&running).await, running.client.clone());
        let people = People::new(100_000);
        let large = client.import("resource=users", people.csv()).await;
        let began = Instant::now();
        let all = async {
            tokio::join!(
                propeller(&vendors), loginradius(&vendors), slashid(&vendors), forsure(&vendors), spigit(&vendors)
            )
        };
        let (.., file) = tokio::time::timeout(PATIENCE, all).await.expect("no deadlock");
        println!("five clients: {:?}", began.elapsed());
        let import = client.wait_final_within(large, PATIENCE).await;
        assert_eq!(count(&import, "created"), people.good(), "{import:#}");
        assert_eq!(count(&import, "failed"), people.broken(), "{import:#}");
        wait_for_file(&client, &file).await;
        check_users(&client, people).await;
        check_clients(&vendors).await;
        check_imports(&client).await;
    }
}

/// Both write the same users, each a field of its own; the last round's values must stand in the end.
async fn propeller(vendors: &Vendors) {
    for round in 0..ROUNDS {
        let user = |n| json!({"source": "shared", "sourceId": n, "company": format!("company {round}")});
        let users: Vec<Value> = (0..BATCH).map(user).collect();
        let answer = vendors.propeller(&users).await.expect(200).json();
        let done = answer["data"].as_array().unwrap();
        assert!(
            done.iter()
                .all(|item| item["success"] == true && item["id"].is_number()),
            "{answer}"
        );
    }
}

async fn loginradius(vendors: &Vendors) {
    for round in 0..ROUNDS {
        let profile = |n: u64| {
            let source_id = n.to_string();
            json!({"FirstName": format!("name {round}"), "ExternalIds": [{"Source": "shared", "SourceId": source_id}]})
        };
        let profiles: Vec<Value> = (0..BATCH).map(profile).collect();
        let answer = vendors.loginradius(&profiles).await.expect(200).json();
        let done = &answer["Profile"];
        let written = done["RecordInserted"].as_u64().unwrap() + done["RecordUpdated"].as_u64().unwrap();
        assert_eq!(written, BATCH, "{answer}");
    }
}

async fn slashid(vendors: &Vendors) {
    for round in 0..ROUNDS {
        let mut file = String::from("slashid:emails,slashid:usernames,slashid:groups\n");
        for n in 0..BATCH {
            // Each person comes again in every round, by another of its handles.
            file.push_str(&format!("p{n}@example.com,\"p{n},p{n}-{round}\",round{round}\n"));
        }
        let answer = vendors.slashid(file).await.expect(200).json();
        assert_eq!(answer["result"]["successful_imports"], BATCH, "{answer}");
    }
}

async fn forsure(vendors: &Vendors) {
    let client = json!({"client_name": "Shared"});
    let made = vendors
        .forsure(Method::POST, "/clients", &client)
        .await
        .expect(200)
        .json();
    let path = format!("/clients/{}", made["id"]);
    for round in 0..ROUNDS {
        let rows: Vec<String> = (0..BATCH).map(|n| format!("Client {n},archived")).collect();
        let rows = [rows, vec![String::from("Shared,active")]].concat();
        let notes = json!({"notes": format!("note {round}")});
        let (bulk, change) = tokio::join!(
            vendors.forsure_bulk(&["name", "status"], &rows),
            vendors.forsure(Method::PUT, &path, &notes),
        );
        assert_eq!(bulk.expect(200).json()["errors"], 0);
        change.expect(200);
    }
}

/// Queued behind the large import, as an upload of its kind; gives the path to poll.
async fn spigit(vendors: &Vendors) -> String {
    let rows: String = (0..BATCH).map(|n| format!("s{n}@example.com,s{n}\n")).collect();
    let answer = vendors
        .spigit(format!("EMAIL,USERNAME\n{rows}"))
        .await
        .expect(202)
        .json();
    let url = answer["status_url"].as_str().unwrap();
    url.split_once("/bulk").map(|(_, rest)| format!("/bulk{rest}")).unwrap()
}

async fn wait_for_file(client: &Client, path: &str) {
    let began = Instant::now();
    loop {
        let file = client.get(path).await.expect(200).json();
        if file["status"] == "SUCCESS" {
            assert_eq!(file["created_users"], BATCH, "{file}");
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{file}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn check_users(client: &Client, people: People) {
    let users = client.users().await;
    // The large import's, those of two surfaces at once, slashid's persons, spigit's file.
    let expected = people.good() + 3 * BATCH;
    assert_eq!(u64::try_from(users.len()).unwrap(), expected);
    let last = ROUNDS - 1;
    let shared: Vec<&Value> = users.iter().filter(|user| user["source"] == "shared").collect();
    assert_eq!(u64::try_from(shared.len()).unwrap(), BATCH);
    for user in shared {
        let fields = (&user["company"], &user["first_name"]);
        assert_eq!(
            fields,
            (&json!(format!("company {last}")), &json!(format!("name {last}"))),
            "{user}"
        );
    }
    for user in users.iter().filter(|user| user["source"] == "slashid") {
        assert_eq!(user["groups"], json!([format!("round{last}")]), "{user}");
    }
}

async fn check_clients(vendors: &Vendors) {
    let listed = vendors
        .client
        .get("/saas/logins/clients?limit=1000")
        .await
        .expect(200)
        .json();
    assert_eq!(listed["total"], BATCH + 1, "{listed}");
    let shared = vendors
        .client
        .get("/saas/logins/clients?search=Shared")
        .await
        .expect(200)
        .json();
    assert_eq!(
        shared["clients"][0]["notes"],
        format!("note {}", ROUNDS - 1),
        "{shared}"
    );
}

/// Every call has left its import, each with counts that add up.
async fn check_imports(client: &Client) {
    let imports = client.pages("/v1/imports?limit=100").await;
    for (surface, calls) in [
        ("native", 1),
        ("spigit", 1),
        ("propeller", ROUNDS),
        ("loginradius", ROUNDS),
        ("slashid", ROUNDS),
        ("forsure", ROUNDS),
    ] {
        let of = imports.iter().filter(|import| import["surface"] == surface);
        assert_eq!(u64::try_from(of.count()).unwrap(), calls, "{surface}");
    }
    for import in &imports {
        let sum: u64 = ["created", "updated", "unchanged", "failed", "skipped"]
            .iter()
            .map(|name| count(import, name))
            .sum();
        assert_eq!(sum, count(import, "read"), "{import:#}");
        assert_eq!(count(import, "total"), sum, "{import:#}");
    }
}
