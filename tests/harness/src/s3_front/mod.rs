//! A front before the S3-speaking server that does what bad stores do: busy, full, silent, lying, or losing its answer after the
//! deed. Which calls meet what is decided at run time.

mod fault;
mod http;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

pub use self::fault::{Call, S3Fault, When};
use self::fault::{Deed, Rule};
use self::http::{Answer, Request};
use super::client;
use super::dice::Dice;
use super::moto::moto;

/// A running front, on a thread of its own, so that a test that blocks does not stop it.
pub struct S3Front {
    port: u16,
    plan: Arc<Mutex<Plan>>,
    _end: oneshot::Sender<()>,
}

struct Plan {
    rules: Vec<Rule>,
    dice: Dice,
    injected: u64,
    calls: Vec<Call>,
}

impl S3Front {
    /// Before the run's own server.
    pub fn start() -> Self {
        let target = moto().endpoint();
        let plan = Arc::new(Mutex::new(Plan {
            rules: Vec::new(),
            dice: Dice::seeded(),
            injected: 0,
            calls: Vec::new(),
        }));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let (end, ended) = oneshot::channel();
        let shared = plan.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                tokio::select! {
                    () = serve(listener, target, shared) => {}
                    _ = ended => {}
                }
            });
        });
        Self { port, plan, _end: end }
    }

    /// As `LONGSHORE_S3_ENDPOINT` wants it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on such calls meet this, when it is their turn; the first rule that fits a call is the one.
    pub fn on(&self, call: Call, when: When, fault: S3Fault) {
        self.plan().rules.push(Rule::new(call, when, fault));
    }

    /// Nothing more happens to anybody.
    pub fn heal(&self) {
        self.plan().rules.clear();
    }

    /// How many calls have met a fault.
    pub fn injected(&self) -> u64 {
        self.plan().injected
    }

    /// How many calls of a kind have come.
    pub fn calls(&self, call: Call) -> usize {
        self.plan().calls.iter().filter(|came| call.covers(**came)).count()
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    fn meet(&mut self, call: Call) -> Option<(S3Fault, u64)> {
        self.calls.push(call);
        let fault = self.rules.iter_mut().find_map(|rule| rule.meet(call))?;
        self.injected += 1;
        Some((fault, self.dice.below(u64::MAX)))
    }
}

async fn serve(listener: std::net::TcpListener, target: String, plan: Arc<Mutex<Plan>>) {
    listener.set_nonblocking(true).expect("a listener");
    let listener = TcpListener::from_std(listener).expect("a listener");
    let client = client::http();
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(one_call(stream, client.clone(), target.clone(), plan.clone()));
    }
}

/// One request on each connection keeps the front simple.
async fn one_call(mut stream: TcpStream, client: reqwest::Client, target: String, plan: Arc<Mutex<Plan>>) {
    let Some(mut request) = Request::read(&mut stream).await else {
        return;
    };
    let call = Call::of(&request.method, &request.target);
    let met = plan.lock().unwrap_or_else(PoisonError::into_inner).meet(call);
    let Some((fault, chance)) = met else {
        let answer = request.pass_on(&client, &target).await;
        return answer.write(&mut stream).await;
    };
    match fault.deed() {
        Deed::Refuse(answer) => answer.write(&mut stream).await,
        Deed::PassOn => {
            fault.bend_request(&mut request);
            let answer = request.pass_on(&client, &target).await;
            fault.tell(&mut stream, answer, chance).await;
        }
    }
}

impl Answer {
    fn error(status: u16, code: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>the front says so</Message></Error>"
        );
        Self {
            status,
            headers: vec![(String::from("content-type"), String::from("application/xml"))],
            body: body.into_bytes(),
            length: None,
        }
    }
}
