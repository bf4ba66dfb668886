//! COMMIT answered by silence: the server has it or has it not, and the batch is there once either way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use worker::import::Counts;
use worker::ports::Commit;

use super::bench::{Bench, options};
use super::rows::{file, user};
use crate::conformance::database::{Database, connect};

/// Where the connection is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    /// The server never hears of COMMIT.
    Before,
    /// The server hears of it when the batch is already being looked up.
    Late,
    /// The server answers, and nobody hears it.
    After,
}

/// Stands between the store and the server and, once armed, cuts the next connection that says COMMIT after it wrote users.
async fn proxy(server: String, cut: Cut, armed: Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&server).await.unwrap();
            tokio::spawn(relay(client, server, cut, Arc::clone(&armed)));
        }
    });
    port
}

async fn relay(mut client: TcpStream, mut server: TcpStream, cut: Cut, armed: Arc<AtomicBool>) {
    let (mut up, mut down) = (vec![0; 65536], vec![0; 65536]);
    let wrote = b"copy all_users".as_slice();
    let mut has_written = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let sent = &up[..read.unwrap_or(0)];
                if sent.is_empty() {
                    return;
                }
                has_written |= sent.windows(wrote.len()).any(|bytes| bytes == wrote);
                let commits = has_written && sent.windows(6).any(|bytes| bytes == b"COMMIT");
                if commits && armed.swap(false, Ordering::SeqCst) {
                    if cut == Cut::Late {
                        drop(client);
                        tokio::time::sleep(Duration::from_millis(500)).await;
                    }
                    if cut != Cut::Before {
                        server.write_all(sent).await.unwrap();
                        assert!(server.read(&mut down).await.unwrap() > 0, "the server's answer");
                    }
                    return;
                }
                server.write_all(sent).await.unwrap();
            }
            read = server.read(&mut down) => match read.unwrap_or(0) {
                0 => return,
                read => client.write_all(&down[..read]).await.unwrap(),
            }
        }
    }
}

async fn story(cut: Cut) {
    let database = Database::postgres().await;
    let (_, place) = database.url.split_once('@').unwrap();
    let (server, name) = place.split_once('/').unwrap();
    let armed = Arc::new(AtomicBool::new(false));
    let port = proxy(server.to_owned(), cut, Arc::clone(&armed)).await;
    let store = connect(&format!("postgres://postgres@127.0.0.1:{port}/{name}")).await;
    let bench = Bench { store, database };
    let mut run = bench.start(1, options()).await;
    armed.store(true, Ordering::SeqCst);
    let counts = Counts {
        created: 3,
        ..Counts::default()
    };
    let entries = file((1..=3).map(|id| user(id, "a@example.com")));
    let commit = run.commit(&bench.store, &entries).await.unwrap();
    assert_eq!(commit, Commit::Done { counts, stop: false });
    assert!(!armed.load(Ordering::SeqCst), "the connection was cut");
    assert_eq!(bench.users(1).await.len(), 3);
    let row = bench.rows("imports", &["created", "checkpoint_record"], "").await;
    assert_eq!(row, [["3", "3"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_commit_did_not_arrive_is_written_again() {
    story(Cut::Before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_commit_was_not_answered_is_found_in_the_ledger() {
    story(Cut::After).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_commit_is_still_under_way_is_waited_for() {
    story(Cut::Late).await;
}
