//! A line between the product and one of its servers that does what bad lines do: slow, thin, silent, torn, or the answer lost
//! after the deed. Which of it is decided at run time, and holds for open connections and new ones alike.

mod fault;
mod relay;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use self::fault::{Fault, LostAnswer, Way};

/// A running proxy, on a thread of its own, so that a test that blocks does not stop it. Dropping it cuts every connection.
pub struct Proxy {
    target: String,
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    cut: watch::Sender<u64>,
    figures: Arc<Figures>,
}

/// What happened on all connections so far.
#[derive(Default)]
struct Figures {
    accepted: AtomicUsize,
    open: AtomicUsize,
    troubles: AtomicUsize,
}

/// What a connection knows of its proxy.
#[derive(Clone)]
struct Line {
    target: Arc<str>,
    fault: watch::Receiver<Fault>,
    cut: watch::Receiver<u64>,
    figures: Arc<Figures>,
}

impl Proxy {
    /// Goes between a port of its own and the server that a URL names: `postgres://me@127.0.0.1:5432/db`, `http://…`, or
    /// `127.0.0.1:5432` alone.
    pub fn before(url: &str) -> Self {
        let target = address_in(url);
        let (fault, cut) = (watch::Sender::new(Fault::None), watch::Sender::new(0));
        let figures = Arc::<Figures>::default();
        let line = Line {
            target: target.as_str().into(),
            fault: fault.subscribe(),
            cut: cut.subscribe(),
            figures: figures.clone(),
        };
        let (say, said) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(serve(line, say));
        });
        Self {
            target,
            address: said.recv().expect("the proxy listens"),
            fault,
            cut,
            figures,
        }
    }

    /// The same URL, by way of the proxy.
    pub fn url(&self, url: &str) -> String {
        url.replacen(&self.target, &self.address.to_string(), 1)
    }

    /// What the line does from now on.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// Passes everything on again. What a black hole held back goes on its way, as it would on a line.
    pub fn heal(&self) {
        self.set(Fault::None);
    }

    /// Ends every open connection with RST; new ones are served.
    pub fn cut(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }

    /// Connections that were cut, and answers that were lost.
    pub fn troubles(&self) -> usize {
        self.figures.troubles.load(Ordering::SeqCst)
    }

    /// Connections that were ever accepted.
    pub fn accepted(&self) -> usize {
        self.figures.accepted.load(Ordering::SeqCst)
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        self.figures.open.load(Ordering::SeqCst)
    }
}

async fn serve(mut line: Line, say: std::sync::mpsc::Sender<SocketAddr>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    say.send(listener.local_addr().expect("an address"))
        .expect("the test waits");
    let connections = line.clone();
    loop {
        tokio::select! {
            // The sender goes with the `Proxy`, and the connections with this runtime.
            gone = line.fault.wait_for(|_| false) => return drop(gone),
            accepted = listener.accept() => if let Ok((caller, _)) = accepted {
                tokio::spawn(relay::relay(caller, connections.clone()));
            },
        }
    }
}

/// `host:port` of a URL, the port being written out.
fn address_in(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let address = authority.rsplit('@').next().unwrap_or_default();
    assert!(address.contains(':'), "no port in {url}");
    address.to_owned()
}
