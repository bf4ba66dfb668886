//! The other side: the same file by hand, with `psql` and with the `sqlite3` shell; and what each table holds in the end.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use harness::{Postgres, program};
use sha2::{Digest, Sha256};

use crate::file::Csv;
use crate::stage::Stage;

const TABLE: &str = include_str!("peer_table.sql");
const SQLITE_UPSERT: &str = include_str!("peer_sqlite.sql");

/// A database with the peer's empty table.
pub(crate) async fn database(stage: &Stage) -> String {
    let url = stage.postgres.fresh_database().await;
    stage.execute(&url, TABLE).await;
    url
}

/// Stage and upsert.
pub(crate) fn upsert(database: &str, file: &Csv) -> Duration {
    psql("peer.sql", database, file)
}

/// Straight into the final table.
pub(crate) fn bare_copy(database: &str, file: &Csv) -> Duration {
    psql("floor.sql", database, file)
}

fn psql(name: &str, database: &str, file: &Csv) -> Duration {
    let mut command = Command::new(Postgres::psql());
    command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-v"]);
    command.arg(format!("file={}", file.path.display()));
    timed(command.arg("-f").arg(script(name)).arg(database))
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/import").join(name)
}

/// A SQLite file with the peer's empty table.
pub(crate) fn sqlite_database(path: &Path) {
    timed(sqlite(path).arg(format!(".read '{}'", script("peer_sqlite_table.sql").display())));
}

/// Stage and upsert, by the shell.
pub(crate) fn sqlite_upsert(path: &Path, file: &Csv) -> Duration {
    let script = path.with_extension("sql");
    let text = SQLITE_UPSERT.replace("$FILE", &file.path.display().to_string());
    std::fs::write(&script, text).expect("room for a script");
    timed(sqlite(path).arg(format!(".read '{}'", script.display())))
}

fn sqlite(path: &Path) -> Command {
    let mut command = Command::new(program("sqlite3"));
    command.arg("-bail").arg(path);
    command
}

/// Runs it to its good end.
pub(crate) fn timed(command: &mut Command) -> Duration {
    let begun = Instant::now();
    let output = command.stdin(Stdio::null()).output();
    let took = begun.elapsed();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{command:?}: {said}");
    took
}

const SAME_NAME: &str = "source, source_id, language, email, username, first_name, last_name, title, gender, \
                         date_of_birth, phone, mobile, company";
const ATTRIBUTES: [&str; 5] = ["work_city", "position", "org_unit", "cost_center", "manager"];

/// Both sides hold the same rows: count and sum of a hash over all eighteen columns, whatever the order.
pub(crate) async fn must_be_equal(stage: &Stage, ours: &str, peers: &str) {
    let digest = |columns: String, table: &str| {
        format!(
            "select count(*)::text || ' ' || coalesce(sum(hashtextextended(row({columns})::text, 0)), 0)::text from {table}"
        )
    };
    let attributes = ATTRIBUTES.map(|name| format!("attributes::json->>'{name}'")).join(", ");
    let ours = stage
        .ask(ours, &digest(format!("{SAME_NAME}, {attributes}"), "users"))
        .await;
    let plain = format!("{SAME_NAME}, {}", ATTRIBUTES.join(", "));
    let peers = stage.ask(peers, &digest(plain, "peer_users")).await;
    assert_eq!(ours, peers, "Longshore and psql must have written the same rows");
}

/// The same for two SQLite files.
pub(crate) fn sqlite_must_be_equal(ours: &Path, peers: &Path) {
    let attributes = ATTRIBUTES
        .map(|name| format!("json_extract(attributes, '$.{name}')"))
        .join(", ");
    let ours = sqlite_rows(
        ours,
        &format!("select {SAME_NAME}, {attributes} from users order by source_id"),
    );
    let columns = ATTRIBUTES.join(", ");
    let peers = sqlite_rows(
        peers,
        &format!("select {SAME_NAME}, {columns} from peer_users order by source_id"),
    );
    assert_eq!(ours, peers, "Longshore and sqlite3 must have written the same rows");
}

/// A digest of what the query prints, and its length.
fn sqlite_rows(path: &Path, query: &str) -> (usize, Vec<u8>) {
    let mut shell = sqlite(path).arg(query).stdout(Stdio::piped()).spawn().expect("sqlite3");
    let mut rows = shell.stdout.take().expect("its output");
    let (mut digest, mut length, mut piece) = (Sha256::new(), 0, vec![0; 1 << 16]);
    while let Some(read) = Some(rows.read(&mut piece).expect("its rows")).filter(|read| *read > 0) {
        digest.update(piece.get(..read).unwrap_or_default());
        length += read;
    }
    assert!(shell.wait().expect("its end").success() && length > 0, "{query}");
    (length, digest.finalize().to_vec())
}
