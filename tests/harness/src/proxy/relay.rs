//! One connection on the line: two pumps, and how it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use super::Line;
use super::fault::{Fault, Way};

/// How much of what passed is remembered, for words that stand across two pieces.
const REMEMBERED: usize = 512;
/// Pieces of a thin line: ten a second.
const THIN: Duration = Duration::from_millis(100);

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// One side closed it.
    Closed,
    /// The proxy closes it.
    Cut,
    /// The proxy tears it.
    Reset,
}

/// Serves one connection to its end.
pub(super) async fn relay(mut caller: TcpStream, line: Line) {
    let figures = line.figures.clone();
    figures.accepted.fetch_add(1, Ordering::SeqCst);
    figures.open.fetch_add(1, Ordering::SeqCst);
    let mut server = None;
    let end = tokio::select! {
        biased;
        end = torn(&line) => end,
        end = carry(&mut caller, &mut server, &line) => end,
    };
    if end == End::Reset {
        drop(caller.set_zero_linger());
        drop(server.as_ref().map(TcpStream::set_zero_linger));
    }
    if end != End::Closed {
        figures.troubles.fetch_add(1, Ordering::SeqCst);
    }
    figures.open.fetch_sub(1, Ordering::SeqCst);
}

/// Until the line is to be torn.
async fn torn(line: &Line) -> End {
    let (mut fault, mut cut) = (line.fault.clone(), line.cut.clone());
    let cuts = *cut.borrow();
    tokio::select! {
        found = fault.wait_for(|fault| matches!(fault, Fault::Reset)) => drop(found),
        found = cut.wait_for(|now| *now != cuts) => drop(found),
    }
    End::Reset
}

async fn carry(caller: &mut TcpStream, server: &mut Option<TcpStream>, line: &Line) -> End {
    let mut fault = line.fault.clone();
    // Whoever cannot be reached is not even connected to.
    drop(fault.wait_for(|fault| !holds(fault, Way::Requests)).await);
    let Ok(connected) = TcpStream::connect(&*line.target).await else {
        return End::Reset;
    };
    let server = server.insert(connected);
    drop((caller.set_nodelay(true), server.set_nodelay(true)));
    let (from_caller, to_caller) = caller.split();
    let (from_server, to_server) = server.split();
    let struck = Arc::<AtomicBool>::default();
    let requests = Pump::new(Way::Requests, line, &struck).run(from_caller, to_server);
    let answers = Pump::new(Way::Answers, line, &struck).run(from_server, to_caller);
    tokio::pin!(requests, answers);
    tokio::select! {
        // Who has said all he has to say may still listen.
        end = &mut requests => if end == End::Closed { answers.await } else { end },
        end = &mut answers => end,
    }
}

fn holds(fault: &Fault, way: Way) -> bool {
    matches!(fault, Fault::BlackHole(held) if held.covers(way))
}

/// One direction of a connection.
struct Pump {
    way: Way,
    line: Line,
    passed: u64,
    recent: Vec<u8>,
    /// A request of this connection was found whose answer is to be lost.
    struck: Arc<AtomicBool>,
}

impl Pump {
    fn new(way: Way, line: &Line, struck: &Arc<AtomicBool>) -> Self {
        Self {
            way,
            line: line.clone(),
            passed: 0,
            recent: Vec::new(),
            struck: struck.clone(),
        }
    }

    async fn run(mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> End {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let read = from.read(&mut buffer).await;
            let way = self.way;
            drop(self.line.fault.wait_for(|fault| !holds(fault, way)).await);
            let piece = match read {
                Ok(read @ 1..) => buffer.get(..read).unwrap_or_default(),
                Ok(0) => {
                    drop(to.shutdown().await);
                    return End::Closed;
                }
                Err(_) => return End::Reset,
            };
            if let Err(end) = self.pass(piece, &mut to).await {
                return end;
            }
        }
    }

    async fn pass(&mut self, piece: &[u8], to: &mut WriteHalf<'_>) -> Result<(), End> {
        let fault = self.line.fault.borrow().clone();
        match fault {
            Fault::Latency(held) => {
                tokio::time::sleep(held).await;
                write(to, piece).await?;
            }
            Fault::Bandwidth(rate) => self.trickle(piece, to, rate).await?,
            Fault::Slicer => {
                for byte in piece.chunks(1) {
                    write(to, byte).await?;
                    tokio::task::yield_now().await;
                }
            }
            Fault::CutAfter(way, bytes) if way.covers(self.way) => self.cut_after(piece, to, bytes).await?,
            Fault::LoseAnswer(lost) => {
                self.remember(piece);
                if self.way == Way::Requests {
                    if !self.struck.load(Ordering::SeqCst) && (lost.request)(&self.recent) {
                        self.recent.clear();
                        self.struck.store(lost.strikes(), Ordering::SeqCst);
                    }
                    write(to, piece).await?;
                } else if !self.struck.load(Ordering::SeqCst) {
                    self.recent.clear();
                    write(to, piece).await?;
                } else if (lost.answer)(&self.recent) {
                    return Err(End::Reset);
                }
            }
            Fault::None | Fault::BlackHole(_) | Fault::Reset | Fault::CutAfter(..) => write(to, piece).await?,
        }
        self.passed += u64::try_from(piece.len()).unwrap_or_default();
        Ok(())
    }

    /// In small pieces, and no more of them once the line is mended.
    async fn trickle(&self, piece: &[u8], to: &mut WriteHalf<'_>, rate: u64) -> Result<(), End> {
        let size = usize::try_from(rate / 10).unwrap_or(usize::MAX).max(1);
        for part in piece.chunks(size) {
            if matches!(*self.line.fault.borrow(), Fault::Bandwidth(_)) {
                tokio::time::sleep(THIN).await;
            }
            write(to, part).await?;
        }
        Ok(())
    }

    async fn cut_after(&self, piece: &[u8], to: &mut WriteHalf<'_>, bytes: u64) -> Result<(), End> {
        let left = usize::try_from(bytes.saturating_sub(self.passed)).unwrap_or(usize::MAX);
        if piece.len() < left {
            return write(to, piece).await;
        }
        write(to, piece.get(..left).unwrap_or_default()).await?;
        Err(End::Cut)
    }

    fn remember(&mut self, piece: &[u8]) {
        let old = self.recent.len().saturating_sub(REMEMBERED);
        self.recent.drain(..old);
        self.recent.extend_from_slice(piece);
    }
}

async fn write(to: &mut WriteHalf<'_>, piece: &[u8]) -> Result<(), End> {
    to.write_all(piece).await.map_err(|_| End::Reset)
}
