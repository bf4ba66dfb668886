//! A server between the product and another one, which lets down every answer beyond a limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What happens to a connection that has delivered its share.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is closed, every time.
    Break,
    /// The first one says nothing more; the others are left alone.
    StallOnce,
}

/// A running proxy; it ends with the test's runtime.
pub(super) struct Proxy {
    port: u16,
    troubles: Arc<AtomicUsize>,
}

impl Proxy {
    /// Goes between its own port and `target`, an `http://host:port`; trouble comes after `share` bytes of answers.
    pub(super) async fn start(target: &str, share: usize, trouble: Trouble) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (target, troubles) = (
            target.trim_start_matches("http://").to_owned(),
            Arc::<AtomicUsize>::default(),
        );
        let counted = troubles.clone();
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let (requests, answers) = caller.into_split();
                let (back, forth) = TcpStream::connect(&target).await.unwrap().into_split();
                tokio::spawn(pass_on(requests, forth));
                tokio::spawn(let_down(back, answers, share, trouble, counted.clone()));
            }
        });
        Self { port, troubles }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many connections got into trouble.
    pub(super) fn troubles(&self) -> usize {
        self.troubles.load(Ordering::SeqCst)
    }
}

async fn pass_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let _ = tokio::io::copy(&mut from, &mut to).await;
}

async fn let_down(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    share: usize,
    trouble: Trouble,
    troubles: Arc<AtomicUsize>,
) {
    let (mut buffer, mut passed) = (vec![0; 16 * 1024], 0);
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
        passed += read;
        if passed < share {
            continue;
        }
        let earlier = troubles.load(Ordering::SeqCst);
        if trouble == Trouble::Break || earlier == 0 {
            troubles.fetch_add(1, Ordering::SeqCst);
        }
        match trouble {
            // Both halves have to go; the other one notices by itself.
            Trouble::Break => return drop(to.shutdown().await),
            Trouble::StallOnce if earlier == 0 => return std::future::pending().await,
            Trouble::StallOnce => {}
        }
    }
}
