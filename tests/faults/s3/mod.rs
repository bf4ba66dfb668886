//! A store that is busy, slow, silent, full, forgetful or lying: no upload is taken that is not kept, and no row comes out of a
//! file that is not the one that was sent.

mod read;
mod rest;
mod upload;

use harness::{People, Running, S3Front, Stack};

use crate::outcome::quick_and;

/// Above 5 MiB, so that it goes in two parts and comes in two pieces.
const LARGE: u64 = 65_000;

/// Goes in one piece.
const SMALL: u64 = 1_000;

/// A scaled stack with a front before its store.
async fn fronted() -> (S3Front, Running) {
    // Starting the store behind it blocks.
    let front = tokio::task::spawn_blocking(S3Front::start).await.unwrap();
    let running = Stack::Scaled
        .start(&quick_and(&[("LONGSHORE_S3_ENDPOINT", &front.url())]))
        .await;
    (front, running)
}

fn people(rows: u64, city: &'static str) -> People {
    People {
        city,
        ..People::new(rows)
    }
}
