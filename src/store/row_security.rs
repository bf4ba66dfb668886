//! The role under which PostgreSQL holds this program to its policies (migration `row_security`). Superusers and roles with
//! BYPASSRLS are never held and an owner could undo it, so every connection for queries and batches takes the role
//! `longshore_app`, which is none of these and may do nothing but read and write the tables' rows. Only migrations, and the
//! eviction of a hung worker, run as the user of the database URL. To `all_users`, where no policy holds it (migration
//! `users_by_copy`), it may only add.
//!
//! Not every database user may make roles. Then the policies hold that user itself, as long as it is no superuser; what is
//! amiss is said at the start, and README.md says what to do about it.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use super::error::StoreError;
use super::postgres::Postgres;
use super::scope::Scope;

/// Sent to each new connection, whatever its user. Nothing happens where the role is missing, is not this user's to take, or
/// has no rights on these tables; before there are tables it does no harm.
pub(super) const TAKE_ROLE: &str = "select set_config('role', rolname, false) from pg_roles \
    where rolname = 'longshore_app' and pg_has_role(session_user, oid, 'member') \
    and coalesce(has_table_privilege(oid, to_regclass('imports'), 'delete'), true)";

/// Makes the role, takes it and gives it its rights, as far as all that is still to do and allowed. A role belongs to the
/// cluster: another database's process may make it at the same moment, and it is never removed. `check` tells what came of it.
const PREPARE: &str = "
do $$
declare
    held regclass;
    nobodys record;
begin
    begin
        if not exists (select from pg_roles where rolname = 'longshore_app') then
            create role longshore_app nologin;
        end if;
    exception when others then null;
    end;
    begin
        if not pg_has_role(session_user, 'longshore_app', 'member') then
            execute format('grant longshore_app to %I', session_user);
        end if;
    exception when others then null;
    end;
    begin
        for held in select oid from pg_class where relnamespace = current_schema()::regnamespace and relrowsecurity
            and not has_table_privilege('longshore_app', oid, 'delete')
        loop
            execute format('grant select, insert, update, delete on %s to longshore_app', held);
        end loop;
        for nobodys in select * from (values
            ('__diesel_schema_migrations', 'select', ''),
            ('sealing_keys', 'update', ', select, insert'),
            ('removed_blobs', 'delete', ', select, insert'),
            ('all_users', 'insert', '')) as t(name, one, others)
            where not has_table_privilege('longshore_app', name, one)
        loop
            execute format('grant %s%s on %I to longshore_app', nobodys.one, nobodys.others, nobodys.name);
        end loop;
        if not has_sequence_privilege('longshore_app', 'all_users_id', 'usage') then
            grant usage on sequence all_users_id to longshore_app;
        end if;
        if not has_schema_privilege('longshore_app', current_schema(), 'usage') then
            execute format('grant usage on schema %I to longshore_app', current_schema());
        end if;
    exception when insufficient_privilege or undefined_object then null;
    end;
end $$";

/// Prepares the role, on a connection of the database URL's user that holds the lock of migrations.
pub(super) async fn prepare(connection: &mut AsyncPgConnection) -> Result<(), StoreError> {
    Ok(connection.batch_execute(PREPARE).await?)
}

/// What the policies are worth on a connection for queries.
#[derive(QueryableByName)]
struct Standing {
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Bool)]
    bypasses: bool,
    #[diesel(sql_type = Bool)]
    owns: bool,
}

const STANDING: &str = "select current_user::text as role, rolsuper or rolbypassrls as bypasses, \
    exists (select from pg_class where relname = 'imports' and relnamespace = current_schema()::regnamespace \
            and pg_has_role(current_user, relowner, 'usage')) as owns \
    from pg_roles where rolname = current_user";

/// Says in the log where the database does not hold this program as it should.
pub(super) async fn check(postgres: &Postgres) -> Result<(), StoreError> {
    let mut connection = postgres.queries.get(Scope::House).await?;
    let standing: Standing = diesel::sql_query(STANDING).get_result(&mut *connection).await?;
    let role = standing.role;
    if standing.bypasses {
        tracing::warn!(
            role,
            "row-level security is NOT in force: the database's user bypasses it and may not take the role longshore_app; see README.md, Secrets"
        );
    } else if standing.owns {
        tracing::warn!(
            role,
            "row-level security can be undone by the database's user, which owns the tables and may not take the role longshore_app; \
             see README.md, Secrets"
        );
    }
    Ok(())
}
