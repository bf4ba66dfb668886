//! Migrations: embedded, run under a lock, so that any number of processes may start at once. A schema newer than the
//! binary is refused: an old process must not write into tables it does not know.

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sqlite::Sqlite as SqliteBackend;
use diesel::{OptionalExtension, QueryableByName};
use diesel_async::{AsyncMigrationHarness, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use worker::failpoint::reach_blocking;

use super::Store;
use super::db::{Db, reading};
use super::error::StoreError;
use super::postgres::Postgres;
use super::row_security;
use super::scope::Scope;
use super::sqlite::{self, Sqlite};

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Key of the advisory lock: "longshor" in ASCII.
const LOCK: i64 = 0x6c6f_6e67_7368_6f72;

impl Store {
    /// Brings the schema up to this binary's version; waits while another process does so.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.run(|db| async move {
            match db {
                Db::Postgres(postgres) => {
                    migrate_postgres(&postgres).await?;
                    row_security::check(&postgres).await
                }
                Db::Sqlite(sqlite) => migrate_sqlite(&sqlite).await,
            }
        })
        .await
    }

    /// Asks the database for its schema version; it must answer, and be this binary's.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.run(|db| async move {
            let (exists, ours) = match &db {
                Db::Postgres(_) => {
                    let table = "select count(*) as found from pg_tables \
                                 where schemaname = any (current_schemas(false)) \
                                 and tablename = '__diesel_schema_migrations'";
                    (table, newest::<Pg>(&POSTGRES)?)
                }
                Db::Sqlite(_) => {
                    let table = "select count(*) as found from sqlite_master \
                                 where type = 'table' and name = '__diesel_schema_migrations'";
                    (table, newest::<SqliteBackend>(&SQLITE)?)
                }
            };
            let newest = "select version from __diesel_schema_migrations order by version desc limit 1";
            let theirs = reading!(&db, Scope::House, |c| {
                let table: Found = diesel::sql_query(exists).get_result(c).await?;
                match table.found {
                    0 => None,
                    _ => diesel::sql_query(newest).get_result::<Version>(c).await.optional()?,
                }
            });
            compare(theirs.map(|row| row.version).as_deref(), &ours)
        })
        .await
    }
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    found: i64,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = diesel::sql_types::Text)]
    version: String,
}

fn compare(theirs: Option<&str>, ours: &str) -> Result<(), StoreError> {
    let sentence = match theirs {
        Some(theirs) if theirs == ours => return Ok(()),
        Some(theirs) if theirs > ours => too_new(theirs, ours),
        Some(theirs) => {
            format!("the database's schema is version {theirs} and this binary needs {ours}: migrate first")
        }
        None => format!("the database holds no schema and this binary needs version {ours}: migrate first"),
    };
    Err(StoreError::Schema(sentence))
}

fn too_new(theirs: &str, ours: &str) -> String {
    format!("the database's schema is version {theirs}, newer than {ours} which this binary knows: use a newer binary")
}

/// Runs what is missing, unless there is more than this binary knows.
fn run_pending<DB: diesel::backend::Backend>(
    harness: &mut impl MigrationHarness<DB>,
    migrations: EmbeddedMigrations,
) -> Result<(), StoreError> {
    let ours = newest::<DB>(&migrations)?;
    let applied = harness.applied_migrations().map_err(StoreError::Unavailable)?;
    if let Some(theirs) = applied
        .iter()
        .map(ToString::to_string)
        .max()
        .filter(|theirs| *theirs > ours)
    {
        return Err(StoreError::Schema(too_new(&theirs, &ours)));
    }
    for migration in harness
        .pending_migrations(migrations)
        .map_err(StoreError::Unavailable)?
    {
        harness.run_migration(&*migration).map_err(StoreError::Unavailable)?;
        reach_blocking("migrate.mid")?;
    }
    Ok(())
}

fn newest<DB: diesel::backend::Backend>(migrations: &EmbeddedMigrations) -> Result<String, StoreError> {
    let all: Vec<Box<dyn Migration<DB>>> = migrations.migrations().map_err(StoreError::Unavailable)?;
    Ok(all
        .iter()
        .map(|migration| migration.name().version().to_string())
        .max()
        .unwrap_or_default())
}

/// On a connection of its own: waiting for the lock may take longer than a statement of the pool may, and the end of the
/// session frees the lock whatever happens.
async fn migrate_postgres(postgres: &Postgres) -> Result<(), StoreError> {
    let mut connection = postgres.target.diesel(None).await.map_err(StoreError::unavailable)?;
    let lock = diesel::sql_query("select pg_advisory_lock($1)").bind::<diesel::sql_types::BigInt, _>(LOCK);
    lock.execute(&mut connection).await?;
    let mut harness = AsyncMigrationHarness::new(connection);
    run_pending(&mut harness, POSTGRES)?;
    row_security::prepare(&mut harness.into_inner()).await
}

/// One transaction around all of it is the lock: each migration is a savepoint in it.
async fn migrate_sqlite(sqlite: &Sqlite) -> Result<(), StoreError> {
    let url = sqlite::uri(&sqlite.path, "rw")?;
    tokio::task::spawn_blocking(move || {
        let mut connection = sqlite::establish(&url, "").map_err(StoreError::unavailable)?;
        connection.immediate_transaction(|connection| run_pending(connection, SQLITE))
    })
    .await?
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_strange_version_is_named_beside_ours() {
        assert!(compare(Some("2"), "2").is_ok());
        let newer = compare(Some("3"), "2").unwrap_err().to_string();
        assert!(newer.contains("version 3, newer than 2"), "{newer}");
        assert!(
            compare(Some("1"), "2")
                .unwrap_err()
                .to_string()
                .contains("migrate first")
        );
        assert!(compare(None, "2").unwrap_err().to_string().contains("no schema"));
    }

    #[test]
    fn both_databases_end_at_the_same_version() {
        assert_eq!(
            newest::<Pg>(&POSTGRES).unwrap(),
            newest::<SqliteBackend>(&SQLITE).unwrap()
        );
    }
}
