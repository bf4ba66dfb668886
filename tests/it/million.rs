//! A million rows of eighteen columns through the front door, on either stack: all new, then all the same. What they took, and
//! the memory of each process, is printed; only results and the bound on memory are asserted.

use std::io::Write;
use std::time::{Duration, Instant};

use reqwest::Body;

use harness::{both_stacks, count};

const ROWS: u64 = 1_000_000;
/// What a process may use for any file (in KiB); four times the batch in hand, the one that waits and the upload.
const MOST_KIB: u64 = 250 * 1024;
const FIRST: [&str; 10] = [
    "Ana", "Bo", "Chidi", "Dana", "Elif", "Farah", "Göran", "Hana", "Ivo", "Jun",
];

fn write_people(path: &std::path::Path) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    writeln!(
        file,
        "source,source_id,language,email,username,first_name,last_name,title,gender,date_of_birth,phone,mobile,company,\
         work_city,position,org_unit,cost_center,manager"
    )
    .unwrap();
    for i in 0..ROWS {
        let first = FIRST[usize::try_from(i % 10).unwrap()];
        writeln!(
            file,
            "hr,{id},en,user.{i}@example.com,user{i},{first},Silva,Ms,f,{year}-{month:02}-{day:02},+4930{phone},+49170{phone},\
             ACME GmbH,Berlin,\"Developer, Senior\",R&D {unit},SF{centre:02},{manager}",
            id = 100_000 + i,
            year = 1950 + i % 50,
            month = 1 + i % 12,
            day = 1 + i % 28,
            phone = 1_000_000 + i,
            unit = i % 200,
            centre = i % 100,
            manager = 100_000 + i / 10,
        )
        .unwrap();
    }
}

both_stacks! {
    async fn a_million_rows_are_new_and_then_the_same(stack) {
        let mut running = stack.start(&[]).await;
        let file = running.folder.join("people.csv");
        write_people(&file);
        for (name, outcome) in [("all new", "created"), ("all the same", "unchanged")] {
            let begun = Instant::now();
            let body = Body::from(tokio::fs::File::open(&file).await.unwrap());
            let id = running.client.import("resource=users", body).await;
            let taken = begun.elapsed();
            let import = running.client.wait_final_within(id, Duration::from_secs(900)).await;
            println!("{stack:?}, {name}: {:.1} s, of which the upload {:.1} s", begun.elapsed().as_secs_f64(), taken.as_secs_f64());
            assert_eq!((&import["status"], count(&import, outcome)), (&"completed".into(), ROWS), "{import:#}");
        }
        for role in [running.front(), running.back()] {
            let peak = running.peak_kib(role);
            println!("{stack:?}, {role:?}: peak memory {} MiB", peak / 1024);
            assert!(peak < MOST_KIB, "{role:?} used {peak} KiB");
        }
    }
}
