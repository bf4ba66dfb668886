//! F36 at rest, on both stacks: what lies in the store is no longer what was put there.

use harness::{Dice, People, Running, both_stacks, count, is_final, long};

use super::people;
use crate::outcome::{QUICK, table_is, whole, wide};

/// Several blocks of the store.
const ROWS: u64 = 3_000;

both_stacks! {
    async fn a_file_that_is_not_the_one_that_was_sent_gives_no_wrong_row(stack) {
        let mut running = stack.start(&[QUICK, &[("LONGSHORE_WORKER_BATCH_ROWS", "100")]].concat()).await;
        let mut dice = Dice::seeded();
        let mut changes: Vec<(Change, &str)> = vec![
            (Box::new(|_| None), "source-missing"),
            (Box::new(|_| Some(Vec::new())), "source-corrupt"),
            (Box::new(|bytes| Some([&bytes[..], b"hr,1,en,a@b.com\r\n"].concat())), "source-corrupt"),
            (Box::new(|bytes| Some(bytes[..bytes.len() - 1].to_vec())), "source-corrupt"),
            // Between two blocks: what is left is a sound file.
            (Box::new(|bytes| Some(bytes[..2 * (32 + 64 * 1024)].to_vec())), "source-corrupt"),
        ];
        for _ in 0..if long() { 40 } else { 5 } {
            let chance = dice.below(u64::MAX);
            changes.push((Box::new(move |bytes| Some(flipped(bytes, chance))), "source-corrupt"));
        }
        let imports = put_aside(&mut running, changes.len()).await;
        for ((_, blob), (change, _)) in imports.iter().zip(&changes) {
            tamper(&running, blob, change).await;
        }
        running.start(running.back()).await;
        for ((id, _), (_, code)) in imports.iter().zip(&changes) {
            let import = running.client.wait_final(*id).await;
            println!("{code}: {} of {} rows read", count(&import, "read"), count(&import, "total"));
            assert_eq!((&import["status"], &import["error"]["code"]), (&"failed".into(), &(*code).into()), "{import:#}");
            assert_eq!(count(&import, "read") + count(&import, "unprocessed"), ROWS, "{import:#}");
        }
        // Whoever was applied, was applied as sent.
        let all = people(first() + wide(imports.len()) * ROWS, "Berlin");
        let again = running.client.import("resource=users", all.csv()).await;
        let import = whole(&running.client, again, all).await;
        assert_eq!(count(&import, "updated"), 0, "{import:#}");
        table_is(&running.client, all).await;
    }

    async fn a_file_that_changes_after_a_checkpoint_is_found_on_the_way_on(stack) {
        let mut running = stack.start(&[QUICK, &[("LONGSHORE_WORKER_BATCH_ROWS", "500")]].concat()).await;
        let mut dice = Dice::seeded();
        let id = running.client.import("resource=users", people(30_000, "Berlin").csv()).await;
        first_rows(&running, id).await;
        running.kill9(running.back());
        let blob = running.blobs().await.remove(0);
        let chance = dice.below(1000);
        // Somewhere in the last block.
        tamper(&running, &blob, |mut bytes| {
            let at = bytes.len() - 1 - usize::try_from(chance).unwrap();
            bytes[at] ^= 4;
            Some(bytes)
        }).await;
        running.start(running.back()).await;
        let import = running.client.wait_final(id).await;
        assert_eq!(import["error"]["code"], "source-corrupt", "{import:#}");
        assert_eq!(count(&import, "read") + count(&import, "unprocessed"), 30_000, "{import:#}");
        assert_eq!(count(&import, "created"), wide(running.client.users().await.len()), "{import:#}");
        println!("{} rows before the changed block", count(&import, "read"));
        let sound = people(30_000, "Berlin");
        let again = running.client.import("resource=users", sound.csv()).await;
        let import = whole(&running.client, again, sound).await;
        assert_eq!(count(&import, "updated"), 0, "what was applied was right: {import:#}");
        table_is(&running.client, sound).await;
    }

    async fn the_file_of_another_import_is_not_taken_for_this_ones(stack) {
        let mut running = stack.start(&[QUICK, &[("LONGSHORE_WORKER_BATCH_ROWS", "100")]].concat()).await;
        let imports = put_aside(&mut running, 2).await;
        let mut other = Vec::new();
        tamper(&running, &imports[1].1, |bytes| { other = bytes.clone(); Some(bytes) }).await;
        tamper(&running, &imports[0].1, |_| Some(other)).await;
        running.start(running.back()).await;
        let import = running.client.wait_final(imports[0].0).await;
        assert_eq!(import["error"]["code"], "source-corrupt", "{import:#}");
        assert_eq!(count(&import, "read"), 0, "{import:#}");
        whole(&running.client, imports[1].0, aside(1)).await;
    }
}

/// Rows of the file that the others stand in line behind.
fn first() -> u64 {
    if long() { 100_000 } else { 50_000 }
}

type Change = Box<dyn Fn(Vec<u8>) -> Option<Vec<u8>> + Send>;

fn flipped(mut bytes: Vec<u8>, chance: u64) -> Vec<u8> {
    let at = usize::try_from(chance % wide(bytes.len())).unwrap();
    println!("bit {} of byte {at} of {}", chance % 8, bytes.len());
    bytes[at] ^= 1 << (chance % 8);
    bytes
}

/// Takes so many files in, of different people, and kills who runs them while they stand in line; gives each with its blob.
async fn put_aside(running: &mut Running, number: usize) -> Vec<(i64, String)> {
    let first = running
        .client
        .import("resource=users", people(first(), "Berlin").csv())
        .await;
    let (mut imports, mut known) = (Vec::new(), running.blobs().await);
    for turn in 0..number {
        let file = aside(turn).csv();
        let id = running.client.import("resource=users", file).await;
        let blobs = running.blobs().await;
        let blob = blobs.iter().find(|blob| !known.contains(blob)).unwrap().clone();
        known = blobs;
        imports.push((id, blob));
    }
    let import = running.client.show(first).await;
    assert!(!is_final(&import), "nobody stands in line any more: {import:#}");
    running.kill9(running.back());
    imports
}

/// The file of that turn.
fn aside(turn: usize) -> People {
    People {
        from: first() + wide(turn) * ROWS,
        ..people(ROWS, "Berlin")
    }
}

async fn first_rows(running: &Running, id: i64) {
    for _ in 0..1000 {
        let import = running.client.show(id).await;
        assert!(!is_final(&import), "{import:#}");
        if count(&import, "read") > 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("import {id} read nothing");
}

/// Puts other bytes in the place of a blob, or takes it away.
async fn tamper(running: &Running, blob: &str, change: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>) {
    if let Some(bucket) = &running.bucket {
        let changed = change(bucket.object(blob).await);
        return bucket.replace(blob, changed).await;
    }
    match change(std::fs::read(blob).unwrap()) {
        Some(bytes) => std::fs::write(blob, bytes).unwrap(),
        None => std::fs::remove_file(blob).unwrap(),
    }
}
