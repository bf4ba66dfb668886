//! F31: whatever moment the process dies or the files are copied in, they are a database, and it says what was promised.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use harness::{Dice, People, Role, Running, Stack, long};

use super::{ask, is_sound};
use crate::load::reached;
use crate::outcome::{quick_and, table_is, whole};

#[tokio::test]
async fn a_database_killed_at_any_moment_is_sound_and_exact() {
    let mut dice = Dice::seeded();
    let settings = quick_and(&[("LONGSHORE_WORKER_BATCH_ROWS", "300")]);
    let mut running = Stack::Embedded.start(&settings).await;
    let people = People::new(if long() { 100_000 } else { 15_000 });
    let id = running.client.import("resource=users", people.csv()).await;
    let client = running.client.clone();
    let watcher = tokio::spawn(async move { whole(&client, id, people).await });
    let kills = if long() { 60 } else { 5 };
    let share = people.rows / (2 * kills);
    for turn in 0..kills {
        comes_by(&running, id, turn * share..(turn + 1) * share, &mut dice).await;
        running.kill9(Role::Serve);
        // A copy, so that whoever looks does not mend what the next start must mend.
        is_sound(&copy(&running));
        running.start(Role::Serve).await;
    }
    watcher.await.unwrap();
    table_is(&running.client, people).await;
}

#[tokio::test]
async fn a_copy_of_the_files_in_the_middle_of_a_write_is_a_database_at_a_batchs_edge() {
    let mut dice = Dice::seeded();
    let settings = quick_and(&[("LONGSHORE_WORKER_BATCH_ROWS", "300")]);
    let mut running = Stack::Embedded.start(&settings).await;
    let people = People::new(if long() { 60_000 } else { 15_000 });
    let id = running.client.import("resource=users", people.csv()).await;
    let copies = if long() { 60 } else { 5 };
    let share = people.rows / (2 * copies);
    for turn in 0..copies {
        comes_by(&running, id, turn * share..(turn + 1) * share, &mut dice).await;
        // As a snapshot of the disk would, all files at one moment.
        running.signal(Role::Serve, "STOP");
        let database = copy(&running);
        is_sound(&database);
        let imported = "select created from imports order by id limit 1";
        assert_eq!(ask(&database, imported), ask(&database, "select count(*) from users"));
        println!("{} rows in the copy", ask(&database, imported));
        running.signal(Role::Serve, "CONT");
    }
    whole(&running.client, id, people).await;
}

/// Waits for a moment after one of these rows. Rows, not seconds: on a machine that is fast or slow the import is met in its
/// middle all the same.
async fn comes_by(running: &Running, id: i64, rows: Range<u64>, dice: &mut Dice) {
    let row = rows.start + dice.below(rows.end - rows.start);
    assert!(reached(&running.client, id, row).await, "it ended before {row} rows");
    tokio::time::sleep(dice.moment(Duration::from_millis(20))).await;
}

/// The database and its log, beside the data directory.
fn copy(running: &Running) -> std::path::PathBuf {
    let folder = running.folder.join("copy");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir(&folder).unwrap();
    for name in ["longshore.db", "longshore.db-wal"] {
        let from: &Path = &running.data_dir().join(name);
        if from.exists() {
            std::fs::copy(from, folder.join(name)).unwrap();
        }
    }
    folder.join("longshore.db")
}
