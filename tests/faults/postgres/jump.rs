//! F41: the clock of the database's host jumps. Leases end early or late; the guard does not ask the time.

use std::time::Duration;

use harness::{People, Postgres, Role, Stack};

use crate::load::{QUICK, check_done, check_rest, reached};
use crate::processes::clock::{library, tidy};

#[tokio::test]
async fn a_clock_of_the_database_that_jumps_ahead_and_back_changes_no_row() {
    let Some(library) = library() else { return };
    let folder = tempfile::Builder::new().prefix("longshore-clock-").tempdir().unwrap();
    let clock = folder.path().join("clock");
    std::fs::write(&clock, "+0s\n").unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let environment = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let data = harness::folder("postgres-clock-");
    let server = Postgres::private_in(&data, &[], &environment);
    let mut running = Stack::Scaled.prepare(QUICK).await;
    running.use_database(&server.fresh_database().await);
    running.start_all().await;
    // Another one that would take over whatever looks abandoned.
    running.start(Role::Worker).await;
    let client = running.client.clone();
    let people = People::new(60_000);
    let id = client.import("resource=users", people.csv()).await;
    let mut jumps = 0;
    for offset in ["+3600s", "+0s", "+7200s", "+7100s"] {
        jumps += usize::from(reached(&client, id, 1).await);
        std::fs::write(&clock, format!("{offset}\n")).unwrap();
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    assert!(jumps > 0, "the clock jumps while it runs");
    check_done(&client, id, people).await;
    check_rest(&running, 2).await;
    drop((running, server));
    tidy();
}
