//! F40: processes whose clocks are wrong. On PostgreSQL every time is the database's, so nothing changes. On SQLite the
//! process's clock is the only one there is: what holds is that no import waits for a time that a wrong clock has set.

use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::{People, Role, Running, Stack};
use serde_json::{Value, json};

use crate::load::{QUICK, check_done, reached};

const CLOCKS: [&str; 3] = ["+1h", "-1h", "+10y"];

/// The library that moves a process's clock, from the Debian package `faketime`.
pub(crate) fn library() -> Option<PathBuf> {
    let folders = [
        "/usr/lib/x86_64-linux-gnu/faketime",
        "/usr/lib/aarch64-linux-gnu/faketime",
    ];
    let files = folders
        .iter()
        .map(|folder| Path::new(folder).join("libfaketimeMT.so.1"));
    let found = files.into_iter().find(|file| file.is_file());
    if found.is_none() {
        println!("SKIPPED: the package faketime is not installed; ./test installs it");
    }
    found
}

/// The library's own files, which a process that is killed leaves lying; they are named after it.
pub(crate) fn tidy() {
    for entry in std::fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let of = name
            .rsplit_once('_')
            .filter(|_| name.contains("faketime_"))
            .map(|(_, pid)| pid);
        if of.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            drop(std::fs::remove_file(entry.path()));
        }
    }
}

/// What is started from now on has this clock; an empty one is right.
fn move_clock(running: &mut Running, library: &Path, offset: &str) {
    let preload = if offset.is_empty() {
        String::new()
    } else {
        library.display().to_string()
    };
    running.set("LD_PRELOAD", &preload);
    running.set("FAKETIME", offset);
    // Timers and time limits run on; only the time of day is wrong.
    running.set("FAKETIME_DONT_FAKE_MONOTONIC", if offset.is_empty() { "" } else { "1" });
}

#[tokio::test]
async fn on_postgresql_a_wrong_clock_of_a_worker_or_an_api_changes_nothing() {
    let Some(library) = library() else { return };
    let mut running = Stack::Scaled.start(QUICK).await;
    let expiring = expiring_key(&running, "2 hours").await;
    for (turn, clock) in (0..).zip(CLOCKS) {
        let client = running.admin_of(&format!("org-{clock}")).await;
        let people = People::new(20_000);
        let id = client.import("resource=users", people.csv()).await;
        reached(&client, id, 1).await;
        move_clock(&mut running, &library, clock);
        // Beside one whose clock is right, and after it; then the API as well.
        running.start(Role::Worker).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(running.detach(Role::Worker));
        if turn > 0 {
            running.restart(Role::Api).await;
        }
        check_done(&client, id, people).await;
        expiring.get("/v1/imports").await.expect(200);
        let shown = client.show(id).await;
        let database = running.database().await;
        let now = database
            .query_one("select extract(epoch from clock_timestamp())::float8", &[])
            .await
            .unwrap();
        check_times(&shown, now.get(0), clock);
        assert!(!running.log(Role::Worker).contains("poison"));
    }
    drop(running);
    tidy();
}

/// A key of acme's that ends in a while, by the database's clock.
async fn expiring_key(running: &Running, after: &str) -> harness::Client {
    let client = running.key_of("acme", &["imports:read"]).await;
    let database = running.database().await;
    let sql = format!(
        "update api_keys set expires_at = clock_timestamp() at time zone 'utc' + interval '{after}' \
         where created_at = (select max(created_at) from api_keys)"
    );
    assert_eq!(database.execute(&sql, &[]).await.unwrap(), 1);
    client
}

/// Every time that the API shows is near the database's now.
fn check_times(import: &Value, now: f64, clock: &str) {
    for name in ["created_at", "started_at", "finished_at"] {
        let text = import[name].as_str().unwrap_or_else(|| panic!("{name}: {import:#}"));
        let seconds = seconds_of(text);
        assert!((now - seconds).abs() < 600.0, "{clock}: {name} is {text}");
    }
}

/// Seconds since 1970 of an RFC 3339 time in UTC.
fn seconds_of(text: &str) -> f64 {
    let number = |range: std::ops::Range<usize>| text[range].parse::<f64>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    // Days from the civil calendar, after Howard Hinnant.
    let shifted = if month > 2.0 { year } else { year - 1.0 };
    let era = (shifted / 400.0).floor();
    let of_era = shifted - era * 400.0;
    let month = if month > 2.0 { month - 3.0 } else { month + 9.0 };
    let of_year = ((153.0 * month + 2.0) / 5.0).floor() + day - 1.0;
    let of_era = of_era * 365.0 + (of_era / 4.0).floor() - (of_era / 100.0).floor() + of_year;
    let days = era * 146_097.0 + of_era - 719_468.0;
    days * 86_400.0 + number(11..13) * 3_600.0 + number(14..16) * 60.0 + number(17..19)
}

#[tokio::test]
async fn on_sqlite_no_import_waits_for_a_time_that_a_wrong_clock_has_set() {
    let Some(library) = library() else { return };
    let mut running = Stack::Embedded.start(QUICK).await;
    let people = People::new(40_000);
    let id = running.client.import("resource=users", people.csv()).await;
    for (turn, clock) in (0..).zip(["+10y", "", "+1h", "-1h", ""]) {
        assert!(
            reached(&running.client, id, 1 + turn * 500).await,
            "at {clock:?} it goes on"
        );
        move_clock(&mut running, &library, clock);
        // By turns handed back and torn away.
        if turn % 2 == 0 {
            running.stop(Role::Serve, Duration::from_secs(5));
            running.start(Role::Serve).await;
        } else {
            running.restart(Role::Serve).await;
        }
    }
    let shown = running.client.show(id).await;
    assert_ne!(shown["status"], json!("failed"), "{shown:#}");
    check_done(&running.client, id, people).await;
    drop(running);
    tidy();
}
