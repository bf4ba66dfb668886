//! F8, F9: clients that go away, by FIN or RST, while they upload, while they are answered, while the database is asked.

use std::time::Duration;

use harness::{Client, Dice, People, Running, both_stacks, long};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::load::{QUICK, check_done, check_rest, open_transactions};

both_stacks! {
    async fn clients_that_go_away_at_any_moment_leave_nothing_behind(stack) {
        let goes = if long() { 5_000 } else { 300 };
        let mut dice = Dice::seeded();
        let mut running = stack.start(QUICK).await;
        let people = People::new(3_000);
        let id = running.client.import("resource=users", people.csv()).await;
        check_done(&running.client, id, people).await;
        let (file, before) = (people.csv(), files_open(&mut running));
        for _ in 0..goes / 10 {
            let leaving = (0..10).map(|_| go_away(&running.client, &file, dice.below(u64::MAX)));
            futures::future::join_all(leaving).await;
        }
        settled(&mut running, before).await;
        // An upload whose body was whole when its client went may have been taken in.
        let listed = running.client.pages("/v1/imports?limit=100").await;
        for import in &listed {
            running.client.wait_final(import["id"].as_i64().unwrap()).await;
        }
        check_rest(&running, listed.len()).await;
        let again = running.client.import("resource=users", file).await;
        let again = running.client.wait_final(again).await;
        assert_eq!(harness::count(&again, "unchanged"), people.good(), "{again:#}");
        println!("{stack:?}: {goes} clients went away");
    }
}

/// One request of a random kind, left at a random moment in a random manner. What fails here has met a server that was faster.
async fn go_away(client: &Client, file: &str, chance: u64) {
    let mut dice = Dice::from(chance);
    let Ok(mut stream) = TcpStream::connect(client.address()).await else {
        return;
    };
    let head = |line: &str, more: &str| {
        let (host, key) = (client.address(), &client.key);
        format!("{line} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n{more}\r\n")
    };
    let length = file.len();
    let upload = head(
        "POST /v1/imports?resource=users",
        &format!("Content-Type: text/csv\r\nContent-Length: {length}\r\n"),
    );
    match dice.below(4) {
        0 => {
            let part = usize::try_from(dice.below(u64::try_from(length).unwrap())).unwrap();
            drop(stream.write_all(upload.as_bytes()).await);
            drop(stream.write_all(&file.as_bytes()[..part]).await);
        }
        1 => {
            drop(stream.write_all(head("GET /v1/users?limit=1000", "").as_bytes()).await);
            let mut some = vec![0; 1 + usize::try_from(dice.below(20_000)).unwrap()];
            drop(stream.read_exact(&mut some).await);
        }
        2 => {
            drop(stream.write_all(head("GET /v1/imports?limit=100", "").as_bytes()).await);
        }
        _ => {
            let body = format!("{{\"source_id\":\"gone-{chance}\",\"email\":\"gone.{chance}@example.com\"}}");
            let more = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
            // Without a key of this organization's users: looked up, never made.
            drop(
                stream
                    .write_all(head("PATCH /v1/users/999999999", &more).as_bytes())
                    .await,
            );
            drop(stream.write_all(body.as_bytes()).await);
        }
    }
    tokio::time::sleep(dice.moment(Duration::from_millis(15))).await;
    if dice.below(2) == 0 {
        drop(stream.set_zero_linger());
    }
}

/// Descriptors of the process that answers.
fn files_open(running: &mut Running) -> usize {
    let pid = running.pid(running.front());
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Connections and files go back to what they were, but for pools that have grown to their size.
async fn settled(running: &mut Running, before: usize) {
    const POOLS: usize = 24;
    for _ in 0..150 {
        if files_open(running) <= before + POOLS && open_transactions(running).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (now, open) = (files_open(running), open_transactions(running).await);
    panic!("{now} descriptors, {before} before; {open} open transactions");
}
