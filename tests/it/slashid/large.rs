//! A hundred thousand rows, also where every one of them fails; and callers who come at once. Peaks of memory are printed,
//! and bound.

use std::fmt::Write;

use super::{Vendor, figures};
use harness::both_stacks;

const ROWS: usize = 100_000;
/// A constant, whatever the file: what a process at rest has, three batches, and what the heap keeps of them, in KiB.
const MOST_KIB: u64 = 200 * 1024;

fn persons(at: &str) -> String {
    let mut file = String::from(
        "slashid:emails,slashid:phone_numbers,slashid:usernames,slashid:region,slashid:groups,slashid:attributes\r\n",
    );
    for i in 0..ROWS {
        let phone = 1_000_000 + i;
        write!(
            file,
            "user.{i}@{at},+4930{phone},user{i},europe-belgium,\"admin,sales.{}\",\"{{\"\"shop\"\":{{\"\"tier\"\":{}}}}}\"\r\n",
            i % 50,
            i % 7
        )
        .unwrap();
    }
    file
}

both_stacks! {
    async fn a_hundred_thousand_rows_in_bounded_memory(stack) {
        let mut running = stack.start(&[]).await;
        let vendor = Vendor::of(&running.client).await;
        let role = running.front();
        let idle = running.peak_kib(role);
        let begun = std::time::Instant::now();
        assert_eq!(figures(&vendor.import(persons("example.com")).await), (ROWS, 0));
        let new = begun.elapsed();
        assert_eq!(figures(&vendor.import(persons("example.com")).await), (ROWS, 0), "the same again");
        let same = begun.elapsed() - new;
        let good = running.peak_kib(role);
        let result = vendor.import(persons("")).await;
        assert_eq!(figures(&result), (0, ROWS));
        let failed = result["failed_csv"].as_str().unwrap();
        assert_eq!(failed.lines().count(), ROWS + 1);
        assert!(failed.lines().all(|line| line.ends_with("slashid:error") || line.ends_with("slashid:emails: not a valid e-mail address")));
        let peak = running.peak_kib(role);
        println!(
            "{stack:?}: new {:.1} s, the same {:.1} s; peak {good} KiB, with all of them failed {peak} KiB, idle {idle} KiB",
            new.as_secs_f64(),
            same.as_secs_f64()
        );
        assert!(peak <= MOST_KIB, "{peak} KiB");
    }

    async fn callers_at_once_make_each_person_once(stack) {
        let running = stack.start(&[]).await;
        let vendor = Vendor::of(&running.client).await;
        let file = |kind: &str| {
            let rows: String = (0..500).map(|i| format!("user{i},user.{i}@{kind}.com\n")).collect();
            format!("slashid:usernames,slashid:emails\n{rows}")
        };
        let results = tokio::join!(vendor.import(file("a")), vendor.import(file("b")), vendor.import(file("a")));
        for result in [results.0, results.1, results.2] {
            assert_eq!(figures(&result), (500, 0));
        }
        assert_eq!(vendor.persons().await.len(), 500);
        let known: String = (0..500).map(|i| format!("user.{i}@a.com\nuser.{i}@b.com\n")).collect();
        assert_eq!(figures(&vendor.import(format!("slashid:emails\n{known}")).await), (1000, 0));
        assert_eq!(vendor.persons().await.len(), 500, "every handle has found its person");
    }
}
