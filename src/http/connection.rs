//! A connection whose client is given up when it dawdles. actix bounds the time for the head of a connection's first request;
//! the heads of later ones may come as slowly as they like, and answers may wait for ever to be read. Both end here, beneath
//! actix, whatever the route: a read or write that fails drops the request in hand, and with it all that it holds.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// Most bytes of an answer that wait in the kernel to be sent. The kernel asks for more when half of them are gone, so this
/// is also what a client must take in the time that it has, at the least.
const UNSENT_BYTES: u32 = 128 * 1024;

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// To take the next bytes of an answer.
    pub(super) unread: Duration,
    /// To send the head of a request, from its first byte on.
    pub(super) head: Duration,
    /// To begin a request after the one before.
    pub(super) idle: Duration,
}

/// A client's connection, watched.
pub(super) struct Connection {
    stream: TcpStream,
    limits: Limits,
    hands: Hands,
    /// Runs while the client owes us a request.
    asking: Timer,
    /// Runs while the client does not take its answer.
    taking: Timer,
    /// Whether a byte of the request that it owes has come.
    begun: bool,
}

impl Connection {
    /// Watches a connection from its beginning.
    pub(super) fn new(stream: TcpStream, limits: Limits) -> Self {
        #[cfg(target_os = "linux")]
        if let Err(error) = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES) {
            tracing::debug!(error = %error, "http.send_buffer_unbounded");
        }
        Self {
            stream,
            limits,
            hands: Hands::default(),
            asking: Timer::default(),
            taking: Timer::default(),
            begun: false,
        }
    }

    /// Who is at the other end.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.stream.peer_addr().ok()
    }

    /// For the requests that come this way, to say that they are in hand.
    pub(super) fn hands(&self) -> Hands {
        self.hands.clone()
    }

    /// While a request is in hand the client owes nothing but its body, which has a pace of its own.
    fn is_late(&mut self, came: bool, cx: &mut Context<'_>) -> bool {
        if self.hands.0.count.get() > 0 || self.hands.0.served.take() {
            self.asking.stop();
            self.begun = false;
        }
        if self.hands.0.count.get() > 0 {
            return false;
        }
        if came && !self.begun {
            self.begun = true;
            self.asking.start(self.limits.head);
        }
        self.asking.is_over(self.limits.idle, cx)
    }
}

fn given_up(why: &'static str) -> io::Error {
    tracing::info!(why, "http.client_given_up");
    io::Error::new(io::ErrorKind::TimedOut, why)
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buffer);
        let came = buffer.filled().len() > before;
        if this.is_late(came, cx) && polled.is_pending() {
            return Poll::Ready(Err(given_up("no request came")));
        }
        if polled.is_pending() {
            this.hands.remember(cx.waker());
        }
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, bytes);
        if polled.is_ready() {
            this.taking.stop();
        } else if this.taking.is_over(this.limits.unread, cx) {
            return Poll::Ready(Err(given_up("the answer was not read")));
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// A limit on something that may be under way.
#[derive(Default)]
struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    fn start(&mut self, limit: Duration) {
        self.0 = Some(Box::pin(tokio::time::sleep(limit)));
    }

    fn stop(&mut self) {
        self.0 = None;
    }

    /// Starts it if it does not run, and asks to be woken when it ends.
    fn is_over(&mut self, limit: Duration, cx: &mut Context<'_>) -> bool {
        let sleep = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        sleep.as_mut().poll(cx).is_ready()
    }
}

/// How many requests of one connection are in hand. actix gives it to each of them.
#[derive(Clone, Default)]
pub(super) struct Hands(Rc<Held>);

#[derive(Default)]
struct Held {
    count: Cell<usize>,
    /// Whether one was answered since the connection last looked.
    served: Cell<bool>,
    connection: RefCell<Option<Waker>>,
}

impl Hands {
    /// A request is in hand until this is dropped.
    pub(super) fn take(&self) -> InHand {
        self.0.count.set(self.0.count.get() + 1);
        InHand(self.clone())
    }

    fn remember(&self, waker: &Waker) {
        let mut known = self.0.connection.borrow_mut();
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }
}

/// One request.
pub(super) struct InHand(Hands);

/// The connection looks up then, for the next request may have begun long ago and never be finished.
impl Drop for InHand {
    fn drop(&mut self) {
        let held = &self.0.0;
        held.count.set(held.count.get().saturating_sub(1));
        held.served.set(true);
        if let Some(waker) = held.connection.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}
