//! A batch beside other writers: nothing of theirs is lost, nothing is counted wrongly, nobody writes without the right to.

use worker::batch::Entry;
use worker::import::Counts;
use worker::ports::Commit;

use super::bench::{Bench, options};
use super::outside::Outside;
use super::rows::{Says, file, user};
use crate::conformance::database::{Database, both_databases};

/// Two known users; then `other` writes without committing yet, a batch of `rows` comes, and `other` commits.
async fn beside(bench: &Bench, other: &str, rows: impl IntoIterator<Item = Says>) -> Commit {
    let known = file([
        user(1, "a@example.com").first_name("Ana"),
        user(2, "a@example.com").first_name("Bo"),
    ]);
    bench.import(1, &options(), &known, 100).await;
    let mut run = bench.start(1, options()).await;
    let mut outside = Outside::begin(bench).await;
    outside.run(other).await;
    let (store, entries): (_, Vec<Entry>) = (bench.store.clone(), file(rows));
    let batch = tokio::spawn(async move { run.commit(&store, &entries).await.unwrap() });
    outside.until_a_batch_waits().await;
    outside.run("commit").await;
    batch.await.unwrap()
}

fn done(counts: Counts) -> Commit {
    Commit::Done { counts, stop: false }
}

const NEW_USER: &str = "insert into users (org_id, source, source_id, language, first_name, created_at, updated_at)
    select org_id, source, '3', language, 'Cy', created_at, updated_at from users where source_id = '1'";

both_databases! {
    async fn a_record_made_meanwhile_is_changed_and_not_made_twice(database) {
        let bench = Bench::on(database);
        let rows = (1..=5).map(|id| user(id, "new@example.com"));
        assert_eq!(beside(&bench, NEW_USER, rows).await, done(Counts { created: 2, updated: 3, ..Counts::default() }));
        assert_eq!(bench.users(1).await, [
            "1 new@example.com Ana {}", "2 new@example.com Bo {}", "3 new@example.com Cy {}", "4 new@example.com - {}",
            "5 new@example.com - {}",
        ]);
    }

    async fn an_edit_made_meanwhile_is_merged_with_the_row(database) {
        let bench = Bench::on(database);
        let edit = "update users set first_name = 'Edited', content_hash = null, version = version + 1 where source_id = '1'";
        let rows = [user(1, "new@example.com"), user(2, "a@example.com").first_name("Bo")];
        assert_eq!(beside(&bench, edit, rows).await, done(Counts { updated: 1, unchanged: 1, ..Counts::default() }));
        assert_eq!(bench.users(1).await, ["1 new@example.com Edited {}", "2 a@example.com Bo {}"]);
        assert_eq!(bench.rows("users", &["version"], "where source_id = '1'").await, [["3"]]);
    }

    async fn an_edit_made_meanwhile_that_says_the_same_makes_the_row_unchanged(database) {
        let bench = Bench::on(database);
        let edit = "update users set email = 'new@example.com', content_hash = null, version = version + 1 where source_id = '1'";
        let counts = Counts { unchanged: 1, ..Counts::default() };
        assert_eq!(beside(&bench, edit, [user(1, "new@example.com")]).await, done(counts));
    }

    async fn a_record_removed_meanwhile_is_made_anew(database) {
        let bench = Bench::on(database);
        let rows = [user(1, "new@example.com")];
        let removal = "delete from users where source_id = '1'";
        assert_eq!(beside(&bench, removal, rows).await, done(Counts { created: 1, ..Counts::default() }));
        assert_eq!(bench.users(1).await, ["1 new@example.com - {}", "2 a@example.com Bo {}"]);
    }

    async fn a_record_given_another_key_meanwhile_keeps_its_values(database) {
        let bench = Bench::on(database);
        let rows = [user(1, "new@example.com")];
        let move_away = "update users set source_id = '9', content_hash = null, version = version + 1 where source_id = '1'";
        assert_eq!(beside(&bench, move_away, rows).await, done(Counts { created: 1, ..Counts::default() }));
        assert_eq!(bench.users(1).await, [
            "1 new@example.com - {}", "2 a@example.com Bo {}", "9 a@example.com Ana {}",
        ]);
    }

    async fn a_lease_lost_while_waiting_fences_the_batch(database) {
        let bench = Bench::on(database);
        let theft = "update imports set lease = 'another' where status = 'running'";
        assert_eq!(beside(&bench, theft, [user(3, "new@example.com")]).await, Commit::Fenced);
        assert_eq!(bench.users(1).await.len(), 2);
    }

    async fn a_batch_sent_twice_at_once_is_written_once(database) {
        let bench = Bench::on(database);
        let run = bench.start(1, options()).await;
        let entries = file((0..500).map(|id| user(id, "a@example.com")));
        let (mut one, mut other) = (run.clone(), run);
        let (one, other) = tokio::join!(one.commit(&bench.store, &entries), other.commit(&bench.store, &entries));
        let mut answers = [one.unwrap(), other.unwrap()];
        answers.sort_by_key(|answer| *answer == Commit::Fenced);
        assert_eq!(answers, [done(Counts { created: 500, ..Counts::default() }), Commit::Fenced]);
        assert_eq!(bench.users(1).await.len(), 500);
    }

    async fn imports_of_two_organizations_run_side_by_side(database) {
        let bench = Bench::on(database);
        let entries = file((0..2000).map(|id| user(id, "a@example.com")));
        let (options, bench) = (options(), &bench);
        let (one, other) = tokio::join!(
            bench.import(1, &options, &entries, 100),
            bench.import(2, &options, &entries, 130),
        );
        let counts = Counts { created: 2000, ..Counts::default() };
        assert_eq!([one, other], [counts; 2]);
        assert_eq!((bench.users(1).await.len(), bench.users(2).await.len()), (2000, 2000));
    }
}

/// SQLite has one writer, hence no deadlock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_sends_the_batch_through_again() {
    let bench = Bench::on(Database::postgres().await);
    bench
        .import(
            1,
            &options(),
            &file([user(1, "a@example.com"), user(2, "a@example.com")]),
            100,
        )
        .await;
    let mut run = bench.start(1, options()).await;
    let mut outside = Outside::begin(&bench).await;
    // The server ends the transaction that looks for the cycle first: that is to be the batch.
    outside
        .run("set local deadlock_timeout = '1min'; update users set first_name = 'Bo' where source_id = '2'")
        .await;
    let (store, entries) = (
        bench.store.clone(),
        file([user(1, "b@example.com"), user(2, "b@example.com")]),
    );
    let batch = tokio::spawn(async move { run.commit(&store, &entries).await.unwrap() });
    outside.until_a_batch_waits().await;
    outside
        .run("update users set first_name = 'Ana' where source_id = '1'; commit")
        .await;
    assert_eq!(
        batch.await.unwrap(),
        done(Counts {
            updated: 2,
            ..Counts::default()
        })
    );
    assert_eq!(
        bench.users(1).await,
        ["1 b@example.com Ana {}", "2 b@example.com Bo {}"]
    );
}
