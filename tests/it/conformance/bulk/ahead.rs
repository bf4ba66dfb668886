//! A batch that was looked up before its turn: whatever others have written since is found out, and the batch reads anew.

use std::sync::Arc;

use worker::import::Counts;
use worker::ports::Commit;

use super::bench::{Bench, options};
use super::rows::{Says, file, user};
use crate::conformance::database::{Database, both_databases};

/// Two known users; a batch of `rows` is looked up, `others` write and commit one after the other, and the batch comes.
async fn looked_up_before(bench: &Bench, others: &[&str], rows: impl IntoIterator<Item = Says>) -> Commit {
    let known = file([
        user(1, "a@example.com").first_name("Ana"),
        user(2, "a@example.com").first_name("Bo"),
    ]);
    bench.import(1, &options(), &known, 100).await;
    let mut run = bench.start(1, options()).await;
    let entries = file(rows);
    let batch = Arc::new(run.batch(&entries));
    let ahead = bench.store.look_ahead(&run.claimed, &batch).await;
    assert_eq!(ahead.is_some(), bench.is_postgres(), "PostgreSQL reads ahead");
    for other in others {
        bench.sql(other).await;
    }
    run.commit_seen(&bench.store, batch, ahead).await.unwrap()
}

fn done(counts: Counts) -> Commit {
    Commit::Done { counts, stop: false }
}

const NEW_USER: &str = "insert into users (org_id, source, source_id, language, first_name, created_at, updated_at)
    select org_id, source, '3', language, 'Cy', created_at, updated_at from users where source_id = '1'";
const REMOVAL: &str = "delete from users where source_id = '1'";

both_databases! {
    async fn what_nobody_has_changed_is_written_as_it_was_read(database) {
        let bench = Bench::on(database);
        let rows = [user(1, "new@example.com"), user(2, "a@example.com").first_name("Bo"), user(3, "new@example.com")];
        let counts = Counts { created: 1, updated: 1, unchanged: 1, ..Counts::default() };
        assert_eq!(looked_up_before(&bench, &[], rows).await, done(counts));
        assert_eq!(bench.users(1).await, ["1 new@example.com Ana {}", "2 a@example.com Bo {}", "3 new@example.com - {}"]);
    }

    async fn a_record_made_since_is_changed_and_not_made_twice(database) {
        let bench = Bench::on(database);
        let rows = (1..=3).map(|id| user(id, "new@example.com"));
        assert_eq!(looked_up_before(&bench, &[NEW_USER], rows).await, done(Counts { updated: 3, ..Counts::default() }));
        assert_eq!(bench.users(1).await, ["1 new@example.com Ana {}", "2 new@example.com Bo {}", "3 new@example.com Cy {}"]);
    }

    async fn an_edit_made_since_is_merged_with_the_row(database) {
        let bench = Bench::on(database);
        let edit = "update users set first_name = 'Edited', content_hash = null, version = version + 1 where source_id = '1'";
        let counts = Counts { updated: 1, ..Counts::default() };
        assert_eq!(looked_up_before(&bench, &[edit], [user(1, "new@example.com")]).await, done(counts));
        assert_eq!(bench.users(1).await, ["1 new@example.com Edited {}", "2 a@example.com Bo {}"]);
    }

    async fn a_record_removed_since_is_made_anew(database) {
        let bench = Bench::on(database);
        let counts = Counts { created: 1, ..Counts::default() };
        assert_eq!(looked_up_before(&bench, &[REMOVAL], [user(1, "new@example.com")]).await, done(counts));
        assert_eq!(bench.users(1).await, ["1 new@example.com - {}", "2 a@example.com Bo {}"]);
    }

    async fn a_record_given_another_key_since_keeps_its_values(database) {
        let bench = Bench::on(database);
        let move_away = "update users set source_id = '9', content_hash = null, version = version + 1 where source_id = '1'";
        let counts = Counts { created: 1, ..Counts::default() };
        assert_eq!(looked_up_before(&bench, &[move_away], [user(1, "new@example.com")]).await, done(counts));
        assert_eq!(bench.users(1).await, ["1 new@example.com - {}", "2 a@example.com Bo {}", "9 a@example.com Ana {}"]);
    }

    async fn a_lease_lost_since_fences_the_batch(database) {
        let bench = Bench::on(database);
        let theft = "update imports set lease = 'another' where status = 'running'";
        assert_eq!(looked_up_before(&bench, &[theft], [user(3, "new@example.com")]).await, Commit::Fenced);
        assert_eq!(bench.users(1).await.len(), 2);
    }
}

/// Where a record lay, another lies since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_in_the_place_of_another_is_left_alone() {
    let bench = Bench::on(Database::postgres().await);
    let insert = NEW_USER.replace("where source_id = '1'", "where source_id = '2'");
    let others = [REMOVAL, "vacuum all_users", &insert];
    let counts = Counts {
        created: 1,
        ..Counts::default()
    };
    let rows = [user(1, "new@example.com")];
    assert_eq!(looked_up_before(&bench, &others, rows).await, done(counts));
    let columns = ["source_id", "ctid"];
    let places = bench.rows("users", &columns, "where source_id = '3'").await;
    assert_eq!(places, [["3", "(0,1)"]], "it lies where the removed one lay");
    assert_eq!(
        bench.users(1).await,
        ["1 new@example.com - {}", "2 a@example.com Bo {}", "3 - Cy {}"]
    );
}
