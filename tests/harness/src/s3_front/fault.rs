//! What a call is, and what may happen to it.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::http::{Answer, Request};

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// A whole object is written.
    Put,
    /// An upload in parts is begun.
    Begin,
    /// One of its parts.
    Part,
    /// Its end.
    Complete,
    /// It is given up.
    Abort,
    /// An object, or a range of it, is read.
    Get,
    /// An object is looked at.
    Head,
    /// Objects are removed.
    Delete,
    /// The bucket is listed.
    List,
    /// All of them.
    Any,
}

impl Call {
    pub(super) fn of(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
        match method {
            "PUT" if has("partNumber") => Self::Part,
            "PUT" => Self::Put,
            "POST" if has("uploads") => Self::Begin,
            "POST" if has("uploadId") => Self::Complete,
            "DELETE" if has("uploadId") => Self::Abort,
            "DELETE" | "POST" => Self::Delete,
            "HEAD" => Self::Head,
            _ if has("list-type") || path.trim_matches('/').split('/').count() < 2 => Self::List,
            _ => Self::Get,
        }
    }

    pub(super) fn covers(self, call: Self) -> bool {
        self == Self::Any || self == call
    }
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// Each call.
    Always,
    /// The next so many.
    Next(u64),
    /// The third, sixth, ninth … of 3.
    Every(u64),
}

/// What happens to a call.
#[derive(Clone, Copy, Debug)]
pub enum S3Fault {
    /// It is refused with this status and S3's word for it; nothing is done.
    Refuse(u16, &'static str),
    /// It is answered 200, and the body says that it went wrong; nothing is done.
    ErrorBody,
    /// It is answered 200, and nothing is done or kept.
    Forget,
    /// It is done, and the connection ends before the answer.
    LoseAnswer,
    /// The connection ends in the middle of the body.
    Cut,
    /// The bytes are those of a range 1,000 bytes further on.
    WrongRange,
    /// One bit of the body is another.
    Flip,
    /// Half of the body comes, then nothing.
    Hang,
    /// A KiB comes each second.
    Trickle,
}

/// Whether the store hears of the call.
pub(super) enum Deed {
    Refuse(Answer),
    PassOn,
}

/// Which calls meet what.
#[derive(Debug)]
pub(super) struct Rule {
    call: Call,
    when: When,
    fault: S3Fault,
    came: u64,
}

impl Rule {
    pub(super) fn new(call: Call, when: When, fault: S3Fault) -> Self {
        Self {
            call,
            when,
            fault,
            came: 0,
        }
    }

    pub(super) fn meet(&mut self, call: Call) -> Option<S3Fault> {
        if !self.call.covers(call) {
            return None;
        }
        self.came += 1;
        let its_turn = match self.when {
            When::Always => true,
            When::Next(times) => self.came <= times,
            When::Every(nth) => self.came.is_multiple_of(nth),
        };
        its_turn.then_some(self.fault)
    }
}

impl S3Fault {
    pub(super) fn deed(self) -> Deed {
        match self {
            Self::Refuse(status, code) => Deed::Refuse(Answer::error(status, code)),
            Self::ErrorBody => Deed::Refuse(Answer::error(200, "InternalError")),
            Self::Forget => Deed::Refuse(Answer {
                status: 200,
                headers: vec![(String::from("etag"), String::from("\"0\""))],
                body: b"<CompleteMultipartUploadResult><ETag>0</ETag></CompleteMultipartUploadResult>".to_vec(),
                length: None,
            }),
            _ => Deed::PassOn,
        }
    }

    pub(super) fn bend_request(self, request: &mut Request) {
        if let Self::WrongRange = self
            && let Some((_, range)) = request.headers.iter_mut().find(|(name, _)| name == "range")
            && let Some((from, to)) = range.trim_start_matches("bytes=").split_once('-')
            && let (Ok(from), Ok(to)) = (from.parse::<u64>(), to.parse::<u64>())
        {
            *range = format!("bytes={}-{}", from.saturating_sub(1000), to.saturating_sub(1000));
        }
    }

    pub(super) async fn tell(self, stream: &mut TcpStream, mut answer: Answer, chance: u64) {
        let size = u64::try_from(answer.body.len()).unwrap_or(0);
        let half = answer.body.len() / 2;
        match self {
            Self::LoseAnswer => {}
            Self::Flip if size > 0 => {
                let at = usize::try_from(chance % size).unwrap_or(0);
                answer.body[at] ^= 1 << (chance % 8);
                answer.write(stream).await;
            }
            Self::WrongRange => {
                answer.claim_another_range(1000);
                answer.write(stream).await;
            }
            Self::Cut => drop(
                stream
                    .write_all(&[&answer.head()[..], &answer.body[..half]].concat())
                    .await,
            ),
            // A HEAD has no body to stop in.
            Self::Hang if half == 0 => stay_silent(stream).await,
            Self::Hang => {
                drop(
                    stream
                        .write_all(&[&answer.head()[..], &answer.body[..half]].concat())
                        .await,
                );
                stay_silent(stream).await;
            }
            Self::Trickle => {
                drop(stream.write_all(&answer.head()).await);
                for kilobyte in answer.body.chunks(1024) {
                    if stream.write_all(kilobyte).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            _ => answer.write(stream).await,
        }
    }
}

/// Until the other side has had enough.
async fn stay_silent(stream: &mut TcpStream) {
    let mut byte = [0];
    drop(tokio::io::AsyncReadExt::read(stream, &mut byte).await);
}
