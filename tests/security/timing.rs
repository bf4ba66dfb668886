//! What a wrong key costs in time tells nothing: unknown, of a wrong secret, expired and revoked ones take as long, and are told
//! the same. Samples are interleaved, the slowest tenth is dropped, and Welch's t says whether two means differ.

use std::hint::black_box;
use std::time::{Duration, Instant};

use longshore::secrets::{NOBODY, PresentedKey, Secrets};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use harness::{Client, Dice, Running, both_stacks, long};

/// Beyond it two means differ: chance alone gets there once in 150,000 comparisons.
const T: f64 = 4.5;
/// A machine that is shared by others can spoil a turn, not three.
const TURNS: u32 = 3;
/// Connections that ask at the same time.
const ASKERS: usize = 16;

fn samples() -> usize {
    if long() { 100_000 } else { 2_000 }
}

/// Welch's t of two samples in nanoseconds, each without its slowest tenth.
fn welch(one: &[f64], other: &[f64]) -> f64 {
    let ((m1, v1, n1), (m2, v2, n2)) = (trimmed(one), trimmed(other));
    (m1 - m2) / (v1 / n1 + v2 / n2).sqrt()
}

/// Mean, variance and size.
fn trimmed(sample: &[f64]) -> (f64, f64, f64) {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.truncate(sample.len() * 9 / 10);
    let size = f64::from(u32::try_from(sorted.len()).unwrap());
    let mean = sorted.iter().sum::<f64>() / size;
    let variance = sorted.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (size - 1.0);
    (mean, variance, size)
}

fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

/// Whether one turn of three finds no difference.
fn indistinguishable(mut turn: impl FnMut() -> f64) -> bool {
    (0..TURNS).any(|_| turn().abs() < T)
}

fn measure(secrets: &Secrets, key: &PresentedKey, stored: &[u8]) -> f64 {
    let began = Instant::now();
    for _ in 0..4 {
        black_box(secrets.matches(black_box(key), black_box(stored)));
    }
    nanoseconds(began.elapsed())
}

/// Samples of two ways, `0` and `1`, one after the other in an order that is drawn. Both go through the same call: two calls
/// of the same function differ by nanoseconds, for where they stand in the program.
fn interleaved(mut taken: impl FnMut(usize) -> f64) -> f64 {
    let mut dice = Dice::seeded();
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..samples() {
        let first = usize::from(dice.below(2) == 0);
        for which in [first, 1 - first] {
            times[which].push(taken(which));
        }
    }
    welch(&times[0], &times[1])
}

#[test]
fn the_compare_takes_as_long_for_a_key_that_is_not_there() {
    let secrets = Secrets::new(b"of the test");
    let key = Secrets::parse(&secrets.mint().unwrap().text).unwrap();
    let mut almost = secrets.mac(&key);
    almost[31] ^= 1;
    for (name, stored) in [("wrong", [7_u8; 32]), ("wrong in the last bit", almost)] {
        let stored = [NOBODY, stored];
        let turn = || interleaved(|which| measure(&secrets, &key, &stored[which]));
        assert!(indistinguishable(turn), "unknown and {name} take another time");
    }
}

#[test]
fn twenty_microseconds_would_be_found() {
    let secrets = Secrets::new(b"of the test");
    let key = Secrets::parse(&secrets.mint().unwrap().text).unwrap();
    let slower = |which| {
        let began = Instant::now();
        measure(&secrets, &key, &NOBODY);
        let enough = began.elapsed() + Duration::from_micros([0, 20][which]);
        while began.elapsed() < enough {}
        nanoseconds(began.elapsed())
    };
    assert!(!indistinguishable(|| interleaved(slower)));
}

/// A compare that stops at the first other byte, as one that is not careful would.
#[test]
fn an_early_return_would_be_found() {
    let own = [1_u8; 4096];
    let mut stored = [own, [2; 4096]];
    stored[0][4095] = 2;
    let careless = |which: usize| {
        let began = Instant::now();
        for _ in 0..4 {
            black_box(
                black_box(&own)
                    .iter()
                    .zip(black_box(&stored[which]))
                    .all(|(one, other)| black_box(one) == other),
            );
        }
        nanoseconds(began.elapsed())
    };
    assert!(!indistinguishable(|| interleaved(careless)));
}

/// Keys that fail, each in its own way.
async fn failing(running: &Running) -> Vec<(&'static str, String)> {
    let admin = &running.client;
    let make = async |body: Value| {
        let made = admin
            .send_json(Method::POST, "/v1/keys", &body)
            .await
            .expect(201)
            .json();
        (
            made["id"].as_str().unwrap().to_owned(),
            made["key"].as_str().unwrap().to_owned(),
        )
    };
    let end = chrono::Utc::now() + chrono::TimeDelta::seconds(1);
    let (_, expired) = make(json!({"name": "x", "scopes": ["admin"], "expires_at": end.to_rfc3339()})).await;
    let (id, revoked) = make(json!({"name": "x", "scopes": ["admin"]})).await;
    admin.delete(&format!("/v1/keys/{id}")).await.expect(204);
    let (id, _) = make(json!({"name": "x", "scopes": ["admin"]})).await;
    let unknown = Secrets::new(b"of nobody").mint().unwrap().text;
    let wrong_secret = crate::rate::with_id(&id);
    while admin.with_key(&expired).get("/v1/imports").await.status == 200 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    vec![
        ("unknown", unknown),
        ("wrong secret", wrong_secret),
        ("expired", expired),
        ("revoked", revoked),
    ]
}

/// How long each key takes over HTTP, many connections at once, each asking with one key after the other.
async fn over_http(client: &Client, keys: &[(&'static str, String)], each: usize) -> Vec<Vec<f64>> {
    let askers = (0..ASKERS).map(|asker| {
        let (address, keys) = (client.address().to_owned(), keys.to_vec());
        tokio::spawn(async move { ask(&address, &keys, asker, each / ASKERS).await })
    });
    let mut all = vec![Vec::new(); keys.len()];
    for asker in askers.collect::<Vec<_>>() {
        for (of, times) in all.iter_mut().zip(asker.await.unwrap()) {
            of.extend(times);
        }
    }
    all
}

async fn ask(address: &str, keys: &[(&'static str, String)], asker: usize, each: usize) -> Vec<Vec<f64>> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut times = vec![Vec::new(); keys.len()];
    for round in 0..each {
        for turn in 0..keys.len() {
            // Each key stands in each place as often as the others.
            let which = (turn + round + asker) % keys.len();
            let head = format!(
                "GET /v1/imports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
                keys[which].1
            );
            let began = Instant::now();
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut answer = [0; 2048];
            let read = stream.read(&mut answer).await.unwrap();
            times[which].push(nanoseconds(began.elapsed()));
            assert!(
                answer[..read].starts_with(b"HTTP/1.1 401 "),
                "{}",
                String::from_utf8_lossy(&answer[..read])
            );
        }
    }
    times
}

both_stacks! {
    async fn every_failure_takes_as_long_and_is_told_the_same(stack) {
        let running = stack.start(&[("LONGSHORE_LIMITS_AUTH_FAILURES", "100000000")]).await;
        let keys = failing(&running).await;
        let mut told = Vec::new();
        for (_, key) in &keys {
            let answer = running.client.with_key(key).get("/v1/imports").await.expect(401);
            told.push(answer.text.replace(answer.header("x-request-id"), "…"));
        }
        told.dedup();
        assert_eq!(told.len(), 1, "{told:#?}");
        let mut worst = Vec::new();
        for _ in 0..TURNS {
            let times = over_http(&running.client, &keys, samples()).await;
            let ts: Vec<f64> = times[1..].iter().map(|of| welch(&times[0], of)).collect();
            println!("unknown against {:?}: t = {ts:.2?}", &keys[1..].iter().map(|(name, _)| *name).collect::<Vec<_>>());
            worst.push(ts.iter().fold(0.0_f64, |worst, t| worst.max(t.abs())));
            if worst.last().is_some_and(|t| *t < T) {
                break;
            }
        }
        assert!(worst.iter().any(|t| *t < T), "t of three turns: {worst:?}");
    }

    async fn over_http_a_failure_without_a_query_is_told_apart(stack) {
        let running = stack.start(&[("LONGSHORE_LIMITS_AUTH_FAILURES", "100000000")]).await;
        let unknown = Secrets::new(b"of nobody").mint().unwrap().text;
        let keys = [("unknown", unknown), ("malformed", "lsk_x".to_owned())];
        let times = over_http(&running.client, &keys, 160).await;
        assert!(welch(&times[0], &times[1]).abs() > T, "the measure sees what there is to be seen");
    }
}
