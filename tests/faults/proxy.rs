//! The line that other tests break things with: each of its faults does what it says, and is gone when it is healed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use harness::{Fault, LostAnswer, Proxy, Way};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A server that says everything twice, and tells the test what it heard.
struct Echo {
    proxy: Proxy,
    heard: mpsc::UnboundedReceiver<String>,
    address: SocketAddr,
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (say, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, say.clone()));
            }
        });
        let proxy = Proxy::before(&format!("test://me@{address}/path"));
        Self { proxy, heard, address }
    }

    async fn call(&self) -> TcpStream {
        self.try_call().await.unwrap()
    }

    async fn try_call(&self) -> std::io::Result<TcpStream> {
        let url = self.proxy.url(&format!("test://me@{}/path", self.address));
        let address = url.trim_start_matches("test://me@").trim_end_matches("/path");
        TcpStream::connect(address).await
    }
}

async fn answer(mut stream: TcpStream, say: mpsc::UnboundedSender<String>) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        let _closed = say.send(String::from_utf8_lossy(&buffer[..read]).into_owned());
        let twice = [&buffer[..read], &buffer[..read]].concat();
        if stream.write_all(&twice).await.is_err() {
            return;
        }
    }
}

/// Sends a word and reads until all of its echo is there, or the connection ends.
async fn ask(stream: &mut TcpStream, word: &str) -> std::io::Result<String> {
    stream.write_all(word.as_bytes()).await?;
    let mut echo = vec![0; word.len() * 2];
    stream.read_exact(&mut echo).await?;
    Ok(String::from_utf8(echo).unwrap())
}

#[tokio::test]
async fn a_good_line_passes_everything_on() {
    let mut echo = Echo::start().await;
    let mut stream = echo.call().await;
    assert_eq!(ask(&mut stream, "word").await.unwrap(), "wordword");
    assert_eq!(echo.heard.recv().await.unwrap(), "word");
    assert_eq!(
        (echo.proxy.accepted(), echo.proxy.open(), echo.proxy.troubles()),
        (1, 1, 0)
    );
}

#[tokio::test]
async fn a_slow_a_thin_and_a_sliced_line_pass_everything_on_late() {
    let mut echo = Echo::start().await;
    let mut stream = echo.call().await;
    for (fault, least) in [
        (Fault::Latency(Duration::from_millis(100)), 200),
        (Fault::Bandwidth(100), 400),
        (Fault::Slicer, 0),
    ] {
        echo.proxy.set(fault.clone());
        let began = Instant::now();
        let word = "a word of thirty-one characters";
        let echoed = ask(&mut stream, word).await.unwrap();
        assert_eq!(echoed.len(), 2 * word.len(), "{fault:?}");
        let mut heard = String::new();
        while heard.len() < word.len() {
            heard.push_str(&echo.heard.recv().await.unwrap());
        }
        assert_eq!(heard, word, "{fault:?}");
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(least), "{fault:?}: {took:?}");
    }
}

#[tokio::test]
async fn a_black_hole_holds_back_until_it_is_healed() {
    let mut echo = Echo::start().await;
    for way in [Way::Both, Way::Requests, Way::Answers] {
        let mut stream = echo.call().await;
        ask(&mut stream, "first").await.unwrap();
        echo.heard.recv().await.unwrap();
        echo.proxy.set(Fault::BlackHole(way));
        let mut late = echo.call().await;
        let silent = tokio::time::timeout(Duration::from_millis(200), ask(&mut stream, "word")).await;
        assert!(silent.is_err(), "{way:?}");
        assert_eq!(
            echo.heard.try_recv().is_ok(),
            way == Way::Answers,
            "{way:?}: the server hears only what the line lets through"
        );
        echo.proxy.heal();
        let mut echoed = [0; 8];
        stream.read_exact(&mut echoed).await.unwrap();
        assert_eq!(&echoed, b"wordword", "{way:?}");
        assert_eq!(ask(&mut late, "late").await.unwrap(), "latelate");
        while echo.heard.try_recv().is_ok() {}
    }
}

#[tokio::test]
async fn a_torn_line_ends_what_is_open_and_what_is_new() {
    let echo = Echo::start().await;
    let mut stream = echo.call().await;
    ask(&mut stream, "first").await.unwrap();
    echo.proxy.cut();
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let mut stream = echo.call().await;
    ask(&mut stream, "new ones are served").await.unwrap();
    echo.proxy.set(Fault::Reset);
    assert!(ask(&mut stream, "word").await.is_err());
    let refused = match echo.try_call().await {
        Ok(mut stream) => ask(&mut stream, "word").await.is_err(),
        Err(_) => true,
    };
    assert!(refused);
    echo.proxy.heal();
    let mut stream = echo.call().await;
    assert_eq!(ask(&mut stream, "word").await.unwrap(), "wordword");
    assert_eq!(echo.proxy.troubles(), 3);
}

#[tokio::test]
async fn a_line_is_cut_after_exactly_so_many_bytes_of_one_way() {
    let mut echo = Echo::start().await;
    echo.proxy.set(Fault::CutAfter(Way::Requests, 7));
    let mut stream = echo.call().await;
    assert_eq!(ask(&mut stream, "four").await.unwrap(), "fourfour");
    assert!(ask(&mut stream, "more").await.is_err());
    echo.heard.recv().await.unwrap();
    assert_eq!(echo.heard.recv().await.unwrap(), "mor");
    echo.proxy.set(Fault::CutAfter(Way::Answers, 3));
    let mut stream = echo.call().await;
    stream.write_all(b"four").await.unwrap();
    let mut got = String::new();
    stream.read_to_string(&mut got).await.unwrap();
    assert_eq!(got, "fou");
}

#[tokio::test]
async fn an_answer_is_lost_after_the_deed() {
    let mut echo = Echo::start().await;
    let lost = LostAnswer::to("COMMIT", "COMMIT").after(1).times(1);
    echo.proxy.set(Fault::LoseAnswer(lost));
    let mut stream = echo.call().await;
    for word in ["BEGIN", "COMMIT", "BEGIN"] {
        assert_eq!(ask(&mut stream, word).await.unwrap(), word.repeat(2));
        assert_eq!(echo.heard.recv().await.unwrap(), word);
    }
    // The word stands across two pieces.
    stream.write_all(b"COM").await.unwrap();
    assert_eq!(echo.heard.recv().await.unwrap(), "COM");
    let mut before = [0; 6];
    stream.read_exact(&mut before).await.unwrap();
    stream.write_all(b"MIT").await.unwrap();
    assert_eq!(echo.heard.recv().await.unwrap(), "MIT", "the server has executed it");
    stream.write_all(b"COMMIT").await.unwrap();
    assert!(stream.read_u8().await.is_err(), "and nobody was told");
    let mut stream = echo.call().await;
    assert_eq!(ask(&mut stream, "COMMIT").await.unwrap(), "COMMITCOMMIT", "once only");
    assert_eq!(echo.proxy.troubles(), 1);
}
