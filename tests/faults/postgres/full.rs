//! F23: PostgreSQL's disk fills while files come in and imports run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use harness::{Client, People, Postgres, Stack};

use super::ready;
use crate::load::{QUICK, check_done, check_refusal};

/// A small disk of the test's own; it goes with the value.
struct Disk(PathBuf);

impl Disk {
    fn mount() -> Option<Self> {
        let folder = tempfile::Builder::new()
            .prefix("longshore-disk-")
            .tempdir()
            .unwrap()
            .keep();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=160m,mode=0755", "tmpfs"])
            .arg(&folder)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        println!("SKIPPED: mounting a small disk needs root");
        drop(std::fs::remove_dir(&folder));
        None
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Not a byte is left.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.filler()).unwrap();
        let piece = vec![1; 4096];
        while std::io::Write::write(&mut file, &piece).is_ok_and(|written| written > 0) {}
    }

    fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
        drop(std::fs::remove_dir(&self.0));
    }
}

#[tokio::test]
async fn a_full_disk_of_the_database_promises_nothing_and_loses_nothing() {
    let Some(disk) = Disk::mount() else { return };
    let settings = ["max_wal_size=32MB", "min_wal_size=32MB", "restart_after_crash=on"];
    let mut server = Postgres::private_in(folder(&disk.0).as_path(), &settings, &[]);
    let mut running = Stack::Scaled.prepare(QUICK).await;
    running.use_database(&server.fresh_database().await);
    running.start_all().await;
    let client = running.client.clone();
    let people = People::new(40_000);
    let big = client.import("resource=users", people.csv()).await;
    assert!(crate::load::reached(&client, big, 1).await);
    disk.fill();
    let (mut promised, mut refused) = (Vec::new(), 0);
    for turn in 0..40 {
        let file = People {
            from: 1_000_000 + turn * 500,
            rows: 500,
            city: "Berlin",
        };
        match try_import(&client, file).await {
            Some(id) => promised.push((id, file)),
            None => refused += 1,
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(refused > 0, "a disk without a byte takes nothing in");
    client.get("/healthz").await.expect(200);
    disk.free();
    if !server.is_alive() {
        server.start_again();
    }
    ready(&running).await;
    for (id, file) in &promised {
        let import = client.wait_final_within(*id, Duration::from_secs(120)).await;
        assert_eq!(harness::count(&import, "created"), file.good(), "{import:#}");
        assert_eq!(harness::count(&import, "failed"), file.broken(), "{import:#}");
    }
    let import = client.wait_final_within(big, Duration::from_secs(120)).await;
    assert_eq!(harness::count(&import, "created"), people.good(), "{import:#}");
    assert_eq!(harness::count(&import, "failed"), people.broken(), "{import:#}");
    let listed = client.pages("/v1/imports?limit=100").await;
    assert_eq!(listed.len(), promised.len() + 1, "what was refused left no import");
    let fresh = running.admin_of("fresh").await;
    let id = fresh.import("resource=users", People::new(1_000).csv()).await;
    check_done(&fresh, id, People::new(1_000)).await;
    println!(
        "{} promised and kept, {refused} refused while the disk was full",
        promised.len()
    );
    running.kill9(harness::Role::Worker);
    running.kill9(harness::Role::Api);
    server.stop("QUIT");
}

/// A folder on the disk that the server's user may own.
fn folder(disk: &Path) -> PathBuf {
    let folder = disk.join("postgres");
    std::fs::create_dir(&folder).unwrap();
    folder
}

async fn try_import(client: &Client, file: People) -> Option<i64> {
    let answer = client.post_csv("resource=users", file.csv()).await;
    if answer.status == 202 {
        return answer.json()["id"].as_i64();
    }
    check_refusal(&answer);
    None
}
