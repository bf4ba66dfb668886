//! The calls that take a user as JSON, and what each tells of one that cannot be. The rules of the fields are those of a file.

use harness::{Answer, Client};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::values::{Fate, Member};

/// A way to hand in a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// `POST /v1/users`.
    Post,
    /// `PATCH /v1/users/{id}`.
    Patch,
    /// `PUT /v1/users/by-source/…`.
    Put,
    /// `POST /users/bulk/sourceId`.
    Propeller,
    /// `POST /v2/bulk/upsert`.
    LoginRadius,
}

pub(crate) const CALLERS: [Caller; 5] = [
    Caller::Post,
    Caller::Patch,
    Caller::Put,
    Caller::Propeller,
    Caller::LoginRadius,
];

/// What a field is called there; nothing where the call does not have it, or means something else by such a text.
fn name(caller: Caller, field: &'static str, text: &str) -> Option<&'static str> {
    let name = match (caller, field) {
        (Caller::Patch | Caller::Put, "source_id") => return None,
        (Caller::Post | Caller::Patch | Caller::Put, field) => field,
        (Caller::Propeller, "source_id") => "sourceId",
        (Caller::Propeller, "email") => "email",
        (Caller::Propeller, "first_name") => "firstName",
        (Caller::Propeller, "phone") => "phone",
        // Both vendors also take an instant for its day.
        (Caller::Propeller | Caller::LoginRadius, "date_of_birth") if text.contains('T') => return None,
        (Caller::Propeller, "date_of_birth") => "dateOfBirth",
        (Caller::LoginRadius, "email") => "Email",
        (Caller::LoginRadius, "first_name") => "FirstName",
        (Caller::LoginRadius, "phone") => "PhoneId",
        // The vendor's own days have the month first.
        (Caller::LoginRadius, "date_of_birth") if text.as_bytes().get(2) != Some(&b'-') => "BirthDate",
        _ => return None,
    };
    Some(name)
}

/// Hands in every entry that the call has a field for; gives how many.
pub(crate) async fn meet(caller: Caller, client: &Client, entries: &[Member]) -> usize {
    let fitting: Vec<&Member> = entries
        .iter()
        .filter(|entry| name(caller, entry.input.field, &entry.input.text).is_some())
        .collect();
    match caller {
        Caller::Propeller | Caller::LoginRadius => meet_at_once(caller, client, &fitting).await,
        _ => {
            for (place, entry) in fitting.iter().enumerate() {
                let answer = hand_in(caller, client, place, entry).await;
                told(caller, entry, &answer);
            }
        }
    }
    fitting.len()
}

async fn hand_in(caller: Caller, client: &Client, place: usize, entry: &Member) -> Answer {
    let (field, text) = (entry.input.field, &entry.input.text);
    let mut body = json!({field: text});
    match caller {
        Caller::Patch => {
            let made = json!({"source": "patch", "source_id": format!("{place}")});
            let id = client
                .send_json(Method::POST, "/v1/users", &made)
                .await
                .expect(201)
                .json()["id"]
                .clone();
            client.send_json(Method::PATCH, &format!("/v1/users/{id}"), &body).await
        }
        Caller::Put => {
            client
                .send_json(Method::PUT, &format!("/v1/users/by-source/put/{place}"), &body)
                .await
        }
        _ => {
            let user = body.as_object_mut().unwrap();
            user.insert("source".to_owned(), "json".into());
            user.entry("source_id").or_insert_with(|| format!("row-{place}").into());
            client.send_json(Method::POST, "/v1/users", &body).await
        }
    }
}

fn told(caller: Caller, entry: &Member, answer: &Answer) {
    let what = format!(
        "{} {} {:.60?} by {caller:?}",
        entry.number, entry.input.field, entry.input.text
    );
    match &entry.expected {
        Fate::Refused(code) => {
            assert_eq!(answer.status, 422, "{what}: {}", answer.text);
            let fault = &answer.json()["errors"][0];
            assert_eq!(
                (&fault["code"], &fault["pointer"]),
                (&json!(code), &json!(format!("/{}", entry.input.field))),
                "{what}"
            );
        }
        Fate::Kept(text) => {
            assert!([200, 201].contains(&answer.status), "{what}: {}", answer.text);
            assert_eq!(answer.json()[entry.input.field], text.as_str(), "{what}");
        }
    }
}

fn user(caller: Caller, place: usize, entry: &Member) -> Value {
    let (field, text) = (entry.input.field, entry.input.text.as_str());
    let mut user = Map::new();
    let (value, id) = (Value::from(text), format!("row-{place}"));
    if caller == Caller::Propeller {
        user.insert("source".to_owned(), "batch".into());
        user.insert("sourceId".to_owned(), id.into());
    } else {
        user.insert("ExternalIds".to_owned(), json!([{"Source": "batch", "SourceId": id}]));
    }
    let value = if caller == Caller::LoginRadius && field == "email" {
        json!([{"Type": "Primary", "Value": text}])
    } else {
        value
    };
    user.insert(name(caller, field, text).unwrap().to_owned(), value);
    Value::Object(user)
}

async fn meet_at_once(caller: Caller, client: &Client, entries: &[&Member]) {
    let users: Vec<Value> = entries
        .iter()
        .enumerate()
        .map(|(place, entry)| user(caller, place, entry))
        .collect();
    let refused: Vec<bool> = if caller == Caller::Propeller {
        let answer = client
            .send_json(Method::POST, "/users/bulk/sourceId", &json!({"users": users}))
            .await
            .expect(200)
            .json();
        answer["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["success"] == false)
            .collect()
    } else {
        let id = client.key.split('_').nth(1).unwrap();
        let path = format!("/v2/bulk/upsert?apikey={id}&apisecret={}", client.key);
        let answer = client
            .with_key("")
            .send_json(Method::POST, &path, &json!({"Profiles": users}))
            .await
            .expect(200)
            .json();
        let failed = answer["Profile"]["Failed"].as_array().unwrap().clone();
        (1..=users.len())
            .map(|number| failed.iter().any(|item| item["RecordNumber"] == number))
            .collect()
    };
    let made = client.users().await;
    for (place, (entry, refused)) in entries.iter().zip(refused).enumerate() {
        let field = entry.input.field;
        let what = format!("{} {field} {:.60?} by {caller:?}", entry.number, entry.input.text);
        let id = if field == "source_id" {
            entry.input.text.clone()
        } else {
            format!("row-{place}")
        };
        let found = made
            .iter()
            .find(|user| user["source"] == "batch" && user["source_id"] == id.as_str());
        match &entry.expected {
            Fate::Refused(_) => assert!(refused && found.is_none(), "{what}: {found:?}"),
            Fate::Kept(text) => assert_eq!(found.map(|user| &user[field]), Some(&json!(text)), "{what}"),
        }
    }
}
