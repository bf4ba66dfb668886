//! Aliases and credentials of clients, row by row. There is one writer, so nothing changes between reading and writing.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::SqliteConnection;
use worker::batch::Key;
use worker::batch::plan::{Plan, Write};
use worker::resource::clients::{CREDENTIAL_KEY, DETAILS};

use super::probe::probe_table;
use super::statement::{Bind, Statement};
use crate::store::bulk::children::{Alias, Changes, Credential, Kept, clients_of, has_children};
use crate::store::bulk::classify::{Hits, Loaded};
use crate::store::bulk::columns::{Children, list, list_of};
use crate::store::bulk::job::Job;
use crate::store::cell::{from_json, to_json};
use crate::store::error::StoreError;

#[derive(QueryableByName)]
struct AliasRow {
    #[diesel(sql_type = BigInt)]
    client_id: i64,
    #[diesel(sql_type = Text)]
    country: String,
    #[diesel(sql_type = Text)]
    alias: String,
}

#[derive(QueryableByName)]
struct CredentialRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    client_id: i64,
    #[diesel(sql_type = Text)]
    seal_id: String,
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Text)]
    details: String,
}

/// Reads what hangs on the loaded records, where it lies in tables of its own.
pub(super) fn load(
    connection: &mut SqliteConnection,
    job: &Job<'_>,
    loaded: &mut [Loaded],
) -> Result<Kept, StoreError> {
    let clients = clients_of(loaded);
    if clients.is_empty() {
        return Ok(Kept::default());
    }
    let clients = to_json("ids", &clients)?;
    let sql = "select a.client_id, a.country, a.alias from json_each(?) k
               cross join client_aliases a on a.client_id = k.value and a.org_id = ?";
    let rows = diesel::sql_query(sql)
        .bind::<Text, _>(&clients)
        .bind::<BigInt, _>(job.run.org.0)
        .load::<AliasRow>(connection)?;
    let aliases = rows.into_iter().map(|row| Alias {
        client: row.client_id,
        country: row.country,
        alias: row.alias,
    });
    let sql = format!(
        "select c.id, c.client_id, c.seal_id, json_array({}) as key, json_array({}) as details from json_each(?) k
         cross join credentials c on c.client_id = k.value and c.org_id = ?",
        list_of("c", key_columns()),
        list_of("c", detail_columns())
    );
    let rows = diesel::sql_query(sql)
        .bind::<Text, _>(&clients)
        .bind::<BigInt, _>(job.run.org.0)
        .load::<CredentialRow>(connection)?;
    let credentials = rows.into_iter().map(read_credential).collect::<Result<_, _>>()?;
    Kept::read(job, aliases.collect(), credentials, loaded)
}

fn key_columns() -> impl Iterator<Item = &'static str> {
    CREDENTIAL_KEY.iter().map(|field| field.name)
}

fn detail_columns() -> impl Iterator<Item = &'static str> {
    DETAILS.iter().map(|field| field.name)
}

fn read_credential(row: CredentialRow) -> Result<Credential, StoreError> {
    Ok(Credential {
        id: Some(row.id),
        client: row.client_id,
        key: from_json("credentials", &row.key)?,
        seal_id: row.seal_id,
        details: from_json("credentials", &row.details)?,
    })
}

/// Writes what hangs on the plan's records, which are written already.
pub(super) fn write(
    connection: &mut SqliteConnection,
    job: &Job<'_>,
    plan: &Plan<'_>,
    kept: &Kept,
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    if job.written().children() != Children::Apart {
        return Ok(());
    }
    let new = new_clients(connection, job, &plan.inserts)?;
    let known = plan.updates.iter().map(|(id, write)| (*id, write));
    let changes = kept.changes(job, new.into_iter().chain(known))?;
    write_aliases(connection, job, &changes)?;
    update_credentials(connection, &changes.update, now)?;
    insert_credentials(connection, job, &changes.insert, now)
}

fn new_clients<'a>(
    connection: &mut SqliteConnection,
    job: &Job<'_>,
    inserts: &'a [Write<'a>],
) -> Result<Vec<(i64, &'a Write<'a>)>, StoreError> {
    let parents: Vec<&Write<'_>> = inserts.iter().filter(|write| has_children(write)).collect();
    let keys: Vec<&Key> = parents.iter().map(|write| write.key).collect();
    let mut hits = Hits::none(keys.len());
    probe_table(connection, &job.written(), &keys, true, &mut hits)?;
    let found = hits.ids().zip(parents).filter_map(|(id, write)| Some((id?, write)));
    Ok(found.collect())
}

fn write_aliases(connection: &mut SqliteConnection, job: &Job<'_>, changes: &Changes) -> Result<(), StoreError> {
    let delete = Statement::new("delete from client_aliases where client_id = ? and country = ? and alias = ?");
    for alias in &changes.forget {
        delete.execute(connection, alias_binds(alias).into())?;
    }
    let insert = Statement::new("insert into client_aliases (client_id, country, alias, org_id) values (?, ?, ?, ?)");
    for alias in &changes.add {
        let mut binds = Vec::from(alias_binds(alias));
        binds.push(Bind::Number(job.run.org.0));
        insert.execute(connection, binds)?;
    }
    Ok(())
}

fn alias_binds(alias: &Alias) -> [Bind<'_>; 3] {
    let text = |text| Bind::Text(Some(text));
    [Bind::Number(alias.client), text(&alias.country), text(&alias.alias)]
}

fn update_credentials(
    connection: &mut SqliteConnection,
    credentials: &[Credential],
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    let set: String = detail_columns().map(|column| format!("\"{column}\" = ?, ")).collect();
    let statement = Statement::new(&format!("update credentials set {set}updated_at = ? where id = ?"));
    for credential in credentials {
        let mut binds: Vec<Bind<'_>> = detail_binds(credential).collect();
        binds.extend([Bind::Time(now), Bind::Number(credential.id.unwrap_or_default())]);
        statement.execute(connection, binds)?;
    }
    Ok(())
}

fn insert_credentials(
    connection: &mut SqliteConnection,
    job: &Job<'_>,
    credentials: &[Credential],
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    let columns = ["org_id", "client_id", "created_at", "updated_at", "seal_id"];
    let columns: Vec<&str> = columns
        .into_iter()
        .chain(key_columns())
        .chain(detail_columns())
        .collect();
    let places = vec!["?"; columns.len()].join(", ");
    let statement = Statement::new(&format!(
        "insert into credentials ({}) values ({places})",
        list(columns)
    ));
    for credential in credentials {
        let mut binds = vec![Bind::Number(job.run.org.0), Bind::Number(credential.client)];
        binds.extend([Bind::Time(now), Bind::Time(now), Bind::Text(Some(&credential.seal_id))]);
        binds.extend(credential.key.iter().map(|part| Bind::Text(Some(part))));
        binds.extend(detail_binds(credential));
        statement.execute(connection, binds)?;
    }
    Ok(())
}

fn detail_binds(credential: &Credential) -> impl Iterator<Item = Bind<'_>> {
    credential.details.iter().map(|cell| Bind::Text(cell.as_deref()))
}
