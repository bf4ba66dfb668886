//! Private servers for the suites: children of the test process on free ports, gone with the last test that uses them.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use longshore::blobs::BlobOptions;

/// How long a server may take to come up on a busy machine.
const START: Duration = Duration::from_secs(60);

pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn await_port(port: u16) {
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < START, "no server on port {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A Redis of its own without persistence, to be killed, frozen and flushed.
pub(super) struct Redis {
    pub(super) port: u16,
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Redis {
    /// Not running yet.
    pub(super) fn absent() -> Self {
        Self {
            port: free_port(),
            folder: tempfile::tempdir().unwrap(),
            child: None,
        }
    }

    pub(super) fn started() -> Self {
        let mut redis = Self::absent();
        redis.start();
        redis
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(super) fn start(&mut self) {
        let child = Command::new("redis-server")
            .args([
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--port",
                &self.port.to_string(),
            ])
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        self.child = Some(child);
        await_port(self.port);
    }

    /// As `kill -9` does; everything in it is gone.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(super) fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    pub(super) fn command<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut connection = redis::Client::open(self.url()).unwrap().get_connection().unwrap();
        let mut command = redis::cmd(words.first().unwrap());
        command.arg(words.get(1..).unwrap()).query(&mut connection).unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An S3-speaking server with one bucket, shared by the tests that run at the same time.
pub(super) struct S3 {
    port: u16,
    child: Child,
}

impl S3 {
    pub(super) fn shared() -> Arc<Self> {
        static RUNNING: Mutex<Weak<S3>> = Mutex::new(Weak::new());
        let mut running = RUNNING.lock().unwrap();
        running.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start());
            *running = Arc::downgrade(&server);
            server
        })
    }

    fn start() -> Self {
        let port = free_port();
        let child = Command::new(moto_server())
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        await_port(port);
        let server = Self { port, child };
        server.make_bucket();
        server
    }

    fn make_bucket(&self) {
        use std::io::{Read, Write};
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = "PUT /bucket HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 200 "), "{answer}");
    }

    pub(super) fn options(&self) -> BlobOptions {
        options(self.port)
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

pub(super) fn options(port: u16) -> BlobOptions {
    BlobOptions {
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        region: None,
        access_key_id: Some(String::from("key")),
        secret_access_key: Some(String::from("secret")),
        allow_http: true,
    }
}

/// The server from PyPI, in a virtual environment beside the build.
fn moto_server() -> PathBuf {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto");
    let server = venv.join("bin/moto_server");
    if !server.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
        run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "moto[server]>=5,<6"]));
    }
    server
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}
