//! Aliases and credentials of clients. They are read after their clients and written after them: a change of either raises
//! the client's version, so that one that comes between shows there.

use chrono::NaiveDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use worker::batch::Key;
use worker::batch::plan::{Plan, Write};
use worker::resource::clients::{CREDENTIAL_KEY, DETAILS};

use super::keys::probe_table;
use super::pool::Session;
use super::trouble::Trouble;
use crate::store::bulk::children::{Alias, Changes, Credential, Kept, clients_of, has_children};
use crate::store::bulk::classify::{Hits, Loaded};
use crate::store::bulk::columns::{Children, list};
use crate::store::bulk::job::Job;

/// Reads what hangs on the loaded records, where it lies in tables of its own.
pub(super) async fn load(session: &mut Session<'_>, job: &Job<'_>, loaded: &mut [Loaded]) -> Result<Kept, Trouble> {
    let clients = clients_of(loaded);
    if clients.is_empty() {
        return Ok(Kept::default());
    }
    // `+ 0`: by client, whatever the planner thinks of the organization.
    let org = job.run.org.0;
    let sql = "select client_id, country, alias from client_aliases where client_id = any($1) and org_id + 0 = $2";
    let aliases = session.query(sql, &[&clients, &org]).await?;
    let aliases = aliases.iter().map(read_alias).collect::<Result<_, _>>()?;
    let sql = format!(
        "select id, client_id, seal_id, {} from credentials where client_id = any($1) and org_id + 0 = $2",
        list(columns())
    );
    let credentials = session.query(&sql, &[&clients, &org]).await?;
    let credentials = credentials.iter().map(read_credential).collect::<Result<_, _>>()?;
    Ok(Kept::read(job, aliases, credentials, loaded)?)
}

/// The columns of a credential's key, then of its details.
fn columns() -> impl Iterator<Item = &'static str> {
    CREDENTIAL_KEY.iter().chain(DETAILS).map(|field| field.name)
}

fn read_alias(row: &Row) -> Result<Alias, tokio_postgres::Error> {
    Ok(Alias {
        client: row.try_get(0)?,
        country: row.try_get(1)?,
        alias: row.try_get(2)?,
    })
}

fn read_credential(row: &Row) -> Result<Credential, tokio_postgres::Error> {
    Ok(Credential {
        id: row.try_get(0)?,
        client: row.try_get(1)?,
        seal_id: row.try_get(2)?,
        key: [row.try_get(3)?, row.try_get(4)?, row.try_get(5)?],
        details: (6..row.len())
            .map(|column| row.try_get(column))
            .collect::<Result<_, _>>()?,
    })
}

/// Writes what hangs on the plan's records, which are written already.
pub(super) async fn write(
    session: &mut Session<'_>,
    job: &Job<'_>,
    plan: &Plan<'_>,
    kept: &Kept,
    now: NaiveDateTime,
) -> Result<(), Trouble> {
    if job.written().children() != Children::Apart {
        return Ok(());
    }
    let new = new_clients(session, job, &plan.inserts).await?;
    let known = plan.updates.iter().map(|(id, write)| (*id, write));
    let changes = kept.changes(job, new.into_iter().chain(known))?;
    write_aliases(session, job, &changes).await?;
    update_credentials(session, &changes.update, now).await?;
    insert_credentials(session, job, &changes.insert, now).await
}

/// An INSERT of arrays tells no ids in order: those of new clients with children are looked up by their key.
async fn new_clients<'a>(
    session: &mut Session<'_>,
    job: &Job<'_>,
    inserts: &'a [Write<'a>],
) -> Result<Vec<(i64, &'a Write<'a>)>, Trouble> {
    let parents: Vec<&Write<'_>> = inserts.iter().filter(|write| has_children(write)).collect();
    if parents.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<(usize, &Key)> = parents.iter().map(|write| write.key).enumerate().collect();
    let mut hits = Hits::none(parents.len());
    probe_table(session, &job.written(), &keys, true, &mut hits).await?;
    let found = hits.ids().zip(parents).filter_map(|(id, write)| Some((id?, write)));
    Ok(found.collect())
}

async fn write_aliases(session: &mut Session<'_>, job: &Job<'_>, changes: &Changes) -> Result<(), Trouble> {
    if !changes.forget.is_empty() {
        let (clients, countries, aliases) = alias_columns(&changes.forget);
        let sql = "delete from client_aliases a using unnest($1::bigint[], $2::text[], $3::text[]) as k(client_id, country, alias)
                   where a.client_id = k.client_id and a.country = k.country and a.alias = k.alias";
        session.execute(sql, &[&clients, &countries, &aliases]).await?;
    }
    if !changes.add.is_empty() {
        let (clients, countries, aliases) = alias_columns(&changes.add);
        let sql = "insert into client_aliases (org_id, client_id, country, alias)
                   select $1::bigint, k.* from unnest($2::bigint[], $3::text[], $4::text[]) as k";
        session
            .execute(sql, &[&job.run.org.0, &clients, &countries, &aliases])
            .await?;
    }
    Ok(())
}

fn alias_columns(aliases: &[Alias]) -> (Vec<i64>, Vec<&str>, Vec<&str>) {
    let clients = aliases.iter().map(|alias| alias.client).collect();
    let countries = aliases.iter().map(|alias| alias.country.as_str()).collect();
    (
        clients,
        countries,
        aliases.iter().map(|alias| alias.alias.as_str()).collect(),
    )
}

async fn update_credentials(
    session: &mut Session<'_>,
    credentials: &[Credential],
    now: NaiveDateTime,
) -> Result<(), Trouble> {
    if credentials.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = credentials.iter().filter_map(|credential| credential.id).collect();
    let details = detail_columns(credentials);
    let names: Vec<&str> = DETAILS.iter().map(|field| field.name).collect();
    let set: String = names
        .iter()
        .map(|name| format!("\"{name}\" = k.\"{name}\", "))
        .collect();
    let arrays: String = (3..)
        .zip(&names)
        .map(|(bind, _)| format!(", ${bind}::text[]"))
        .collect();
    let sql = format!(
        "update credentials c set {set} updated_at = $1 from unnest($2::bigint[]{arrays}) as k(id, {}) where c.id = k.id",
        list(names)
    );
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![&now, &ids];
    params.extend(details.iter().map(|column| -> &(dyn ToSql + Sync) { column }));
    session.execute(&sql, &params).await?;
    Ok(())
}

async fn insert_credentials(
    session: &mut Session<'_>,
    job: &Job<'_>,
    credentials: &[Credential],
    now: NaiveDateTime,
) -> Result<(), Trouble> {
    if credentials.is_empty() {
        return Ok(());
    }
    let clients: Vec<i64> = credentials.iter().map(|credential| credential.client).collect();
    let mut texts: Vec<Vec<Option<&str>>> = vec![credentials.iter().map(|one| Some(one.seal_id.as_str())).collect()];
    for place in 0..CREDENTIAL_KEY.len() {
        let parts = credentials.iter().map(|one| one.key.get(place).map(String::as_str));
        texts.push(parts.collect());
    }
    texts.extend(detail_columns(credentials));
    let arrays: String = (4..)
        .zip(&texts)
        .map(|(bind, _)| format!(", ${bind}::text[]"))
        .collect();
    let sql = format!(
        "insert into credentials (org_id, created_at, updated_at, client_id, seal_id, {})
         select $1::bigint, $2::timestamp, $2::timestamp, k.* from unnest($3::bigint[]{arrays}) as k",
        list(columns())
    );
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![&job.run.org.0, &now, &clients];
    params.extend(texts.iter().map(|column| -> &(dyn ToSql + Sync) { column }));
    session.execute(&sql, &params).await?;
    Ok(())
}

fn detail_columns(credentials: &[Credential]) -> Vec<Vec<Option<&str>>> {
    let column = |place: usize| {
        credentials
            .iter()
            .map(|one| one.details.get(place)?.as_deref())
            .collect()
    };
    (0..DETAILS.len()).map(column).collect()
}
