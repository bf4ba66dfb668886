//! Where the servers' programs are, free ports for them, and the user they run as.

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

/// Finds a program where `./test` installs, on the PATH or in Debian's PostgreSQL folders (the newest version first).
pub fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-tools/bin")];
    folders.extend(std::env::split_paths(&path));
    folders.extend(postgres_folders());
    folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed; ./test installs what the tests need"))
}

fn postgres_folders() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, folder)| folder).collect()
}

/// A port on which nobody listens. It lies below the ports that the kernel gives to clients, so that a server which is killed
/// finds it free again; whoever starts a server must still try another when it is lost to somebody in between.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = u16::try_from(std::process::id() % 12_000).unwrap_or_default();
    for _ in 0..12_000 {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + (offset + step % 12_000) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between 20000 and 32000");
}

/// A user other than root, for a server that refuses to run as root.
pub(super) struct Unprivileged {
    uid: u32,
    gid: u32,
}

impl Unprivileged {
    /// `None` when the tests do not run as root: then everything runs as whoever runs them.
    pub(super) fn needed() -> Option<Self> {
        let root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        root.then(|| {
            Self::named("postgres")
                .or_else(|| Self::named("nobody"))
                .expect("a user other than root")
        })
    }

    fn named(name: &str) -> Option<Self> {
        let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
        let mut fields = passwd
            .lines()
            .map(|line| line.split(':'))
            .find(|fields| fields.clone().next() == Some(name))?;
        Some(Self {
            uid: fields.nth(2)?.parse().ok()?,
            gid: fields.next()?.parse().ok()?,
        })
    }

    /// Makes a folder this user's own.
    pub(super) fn take(&self, folder: &Path) {
        std::os::unix::fs::chown(folder, Some(self.uid), Some(self.gid)).expect("the folder's owner");
    }

    /// The program as this user. `setpriv` becomes the program, so the pid is the program's.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={}", self.uid))
            .arg(format!("--regid={}", self.gid))
            .arg("--clear-groups");
        command.arg(program);
        command
    }
}
