//! Queries on `clients` and `client_aliases` that a caller's request makes. Every write locks the client first and raises its
//! version, so that an import that is running beside sees that the client has changed.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::IntoSql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use worker::import::OrgId;

use super::Store;
use super::client_row::{AliasRow, ClientRow, ClientValues, DEFAULT_STATUS, YES};
use super::clock::now;
use super::db::{Transaction, in_transaction, reading};
use super::error::StoreError;
use super::model::{
    Alias, AliasChange, AliasRemoval, Client, ClientChange, ClientFilter, ClientPage, ClientStats, ClientWrite,
};
use super::schema::{client_aliases, clients, credentials};
use super::search::{AnyScript, contains, lower};

/// A client of an organization by its number.
macro_rules! own {
    ($org:expr, $id:expr) => {
        clients::table
            .filter(clients::org_id.eq($org.0))
            .filter(clients::id.eq($id))
    };
}

/// The clients of an organization that a filter lets through, in no order.
macro_rules! matching {
    ($org:expr, $filter:expr) => {{
        let filter: &ClientFilter = $filter;
        let mut query = clients::table.filter(clients::org_id.eq($org.0)).into_boxed();
        if !filter.statuses.is_empty() {
            let unsaid = filter.statuses.iter().any(|status| status == DEFAULT_STATUS);
            let unsaid = clients::status.is_null().and(unsaid.into_sql::<Bool>());
            query = query.filter(clients::status.eq_any(&filter.statuses).or(unsaid));
        }
        match filter.collective_account {
            Some(true) => query = query.filter(clients::collective_account.eq(YES)),
            Some(false) => {
                let unsaid = clients::collective_account.is_null();
                query = query.filter(clients::collective_account.ne(YES).or(unsaid));
            }
            None => {}
        }
        if !filter.credential.is_empty() {
            let wanted = &filter.credential;
            let any = |list: &[String]| list.is_empty().into_sql::<Bool>();
            let held = credentials::table
                .filter(credentials::org_id.eq($org.0))
                .filter(
                    credentials::country
                        .eq_any(&wanted.countries)
                        .or(any(&wanted.countries)),
                )
                .filter(
                    credentials::report_type
                        .eq_any(&wanted.report_types)
                        .or(any(&wanted.report_types)),
                )
                .filter(credentials::pro.eq_any(&wanted.pros).or(any(&wanted.pros)));
            query = query.filter(clients::id.eq_any(held.select(credentials::client_id)));
        }
        if let Some(part) = &filter.search {
            let pattern = contains(part);
            let pattern = || lower(Some(pattern.clone()));
            let name = lower(AnyScript(clients::name)).like(pattern()).escape('\\');
            if filter.name_only {
                query = query.filter(name);
            } else {
                let organization = lower(clients::client_organization).like(pattern()).escape('\\');
                let known_as = client_aliases::table
                    .filter(client_aliases::org_id.eq($org.0))
                    .filter(lower(client_aliases::alias.nullable()).like(pattern()).escape('\\'))
                    .select(client_aliases::client_id);
                query = query.filter(name.or(organization).or(clients::id.eq_any(known_as)));
            }
        }
        query
    }};
}

/// Clients with their aliases, in the order of the rows.
macro_rules! with_aliases {
    ($c:ident, $org:expr, $rows:expr) => {{
        let rows: Vec<ClientRow> = $rows;
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let columns = (
            client_aliases::client_id,
            client_aliases::country,
            client_aliases::alias,
        );
        let of_these = client_aliases::table
            .filter(client_aliases::org_id.eq($org.0))
            .filter(client_aliases::client_id.eq_any(&ids));
        let aliases: Vec<AliasRow> = of_these.select(columns).load($c).await?;
        assemble(rows, aliases)
    }};
}

/// Changes the values of a client, if any, and marks it as changed.
macro_rules! touch {
    ($c:ident, $org:expr, $id:expr) => {
        touch!($c, $org, $id, ClientValues::new(&ClientChange::default()))
    };
    ($c:ident, $org:expr, $id:expr, $values:expr) => {
        diesel::update(own!($org, $id))
            .set((
                $values,
                clients::content_hash.eq(None::<Vec<u8>>),
                clients::version.eq(clients::version + 1),
                clients::updated_by_import.eq(None::<i64>),
                clients::updated_at.eq(now()),
            ))
            .execute($c)
            .await?
    };
}

/// Carries out changes of aliases of a client that is locked.
macro_rules! change_aliases {
    ($c:ident, $org:expr, $id:expr, $changes:expr) => {
        for change in $changes {
            let (country, new): (&str, Vec<&str>) = match change {
                AliasChange::Country { country, alias } => (country, alias.iter().map(String::as_str).collect()),
                AliasChange::Add(alias) => ("", vec![alias]),
                AliasChange::Everywhere(aliases) => ("", aliases.iter().map(String::as_str).collect()),
            };
            if !matches!(change, AliasChange::Add(_)) {
                let old = client_aliases::table
                    .filter(client_aliases::org_id.eq($org.0))
                    .filter(client_aliases::client_id.eq($id))
                    .filter(client_aliases::country.eq(country));
                diesel::delete(old).execute($c).await?;
            }
            for alias in new {
                let row = (
                    client_aliases::org_id.eq($org.0),
                    client_aliases::client_id.eq($id),
                    client_aliases::country.eq(country),
                    client_aliases::alias.eq(alias),
                );
                let insert = diesel::insert_into(client_aliases::table).values(row);
                insert.on_conflict_do_nothing().execute($c).await?;
            }
        }
    };
}

/// A client as it stands inside a transaction.
macro_rules! reread {
    ($c:ident, $org:expr, $id:expr) => {{
        let row: Option<ClientRow> = own!($org, $id)
            .select(ClientRow::as_select())
            .get_result($c)
            .await
            .optional()?;
        with_aliases!($c, $org, row.into_iter().collect()).pop()
    }};
}

pub(super) use {own, touch};

impl Store {
    /// A client by its number.
    pub async fn client(&self, org: OrgId, id: i64) -> Result<Option<Client>, StoreError> {
        self.run(|db| async move { Ok(reading!(&db, org, |c| reread!(c, org, id))) })
            .await
    }

    /// Clients by number, and how many there are.
    pub async fn clients(
        &self,
        org: OrgId,
        filter: ClientFilter,
        offset: i64,
        limit: i64,
    ) -> Result<ClientPage, StoreError> {
        self.run(|db| async move {
            Ok(reading!(&db, org, |c| {
                let total: i64 = matching!(org, &filter).count().get_result(c).await?;
                let page = matching!(org, &filter)
                    .order(clients::id)
                    .offset(offset)
                    .limit(limit)
                    .select(ClientRow::as_select());
                let clients = with_aliases!(c, org, page.load(c).await?);
                ClientPage { clients, total }
            }))
        })
        .await
    }

    /// Makes a client; `None` if another one has the name.
    pub async fn insert_client(&self, org: OrgId, new: ClientChange) -> Result<Option<Client>, StoreError> {
        self.run(|db| async move {
            in_transaction!(&db, org, |c| {
                // Asked once: a clock that is read twice would make a new client look changed.
                let now: NaiveDateTime = diesel::select(now()).get_result(c).await?;
                let row = (
                    clients::org_id.eq(org.0),
                    ClientValues::new(&new),
                    clients::created_at.eq(now),
                    clients::updated_at.eq(now),
                );
                let insert = diesel::insert_into(clients::table)
                    .values(row)
                    .on_conflict((clients::org_id, clients::name))
                    .do_nothing();
                let id: Option<i64> = insert.returning(clients::id).get_result(c).await.optional()?;
                let Some(id) = id else { return Ok(None) };
                change_aliases!(c, org, id, &new.aliases);
                Ok(reread!(c, org, id))
            })
        })
        .await
    }

    /// Changes a client.
    pub async fn update_client(&self, org: OrgId, id: i64, change: ClientChange) -> Result<ClientWrite, StoreError> {
        let written = self.run(|db| async move {
            in_transaction!(&db, org, |c| {
                if c.lock_clients(org, vec![id]).await?.is_empty() {
                    return Ok(ClientWrite::Absent);
                }
                touch!(c, org, id, ClientValues::new(&change));
                change_aliases!(c, org, id, &change.aliases);
                let client = reread!(c, org, id);
                Ok(client.map_or(ClientWrite::Absent, |client| ClientWrite::Written(Box::new(client))))
            })
        });
        match written.await {
            Err(error) if error.is_unique_violation() => Ok(ClientWrite::NameTaken),
            written => written,
        }
    }

    /// Removes an alias of a client.
    pub async fn remove_alias(&self, org: OrgId, id: i64, alias: Alias) -> Result<AliasRemoval, StoreError> {
        self.run(|db| async move {
            in_transaction!(&db, org, |c| {
                if c.lock_clients(org, vec![id]).await?.is_empty() {
                    return Ok(AliasRemoval::ClientAbsent);
                }
                let this = client_aliases::table
                    .find((id, &alias.country, &alias.text))
                    .filter(client_aliases::org_id.eq(org.0));
                if diesel::delete(this).execute(c).await? == 0 {
                    return Ok(AliasRemoval::AliasAbsent);
                }
                touch!(c, org, id);
                Ok(AliasRemoval::Removed)
            })
        })
        .await
    }

    /// Removes a client with its aliases and credentials; false if there is none. What was linked to one of its credentials
    /// is linked no longer.
    pub async fn delete_client(&self, org: OrgId, id: i64) -> Result<bool, StoreError> {
        self.run_again(|db| async move {
            in_transaction!(&db, org, |c| {
                let of_organization = credentials::table.filter(credentials::org_id.eq(org.0));
                let accounts: Vec<i64> = of_organization
                    .filter(credentials::client_id.eq(id))
                    .select(credentials::id)
                    .load(c)
                    .await?;
                let mut linked: Vec<i64> = of_organization
                    .filter(credentials::collective_account_id.eq_any(accounts))
                    .select(credentials::client_id)
                    .load(c)
                    .await?;
                linked.push(id);
                let mut locked = c.lock_clients(org, linked).await?;
                if !locked.contains(&id) {
                    return Ok(false);
                }
                locked.retain(|other| *other != id);
                for other in locked {
                    touch!(c, org, other);
                }
                Ok(diesel::delete(own!(org, id)).execute(c).await? > 0)
            })
        })
        .await
    }

    /// An organization's clients in numbers.
    pub async fn client_stats(&self, org: OrgId) -> Result<ClientStats, StoreError> {
        self.run(|db| async move {
            Ok(reading!(&db, org, |c| {
                let all = diesel::dsl::count_star;
                let own = clients::table.filter(clients::org_id.eq(org.0));
                let by_status: Vec<(Option<String>, i64)> = own
                    .group_by(clients::status)
                    .select((clients::status, all()))
                    .load(c)
                    .await?;
                let held = credentials::table.filter(credentials::org_id.eq(org.0));
                let by_country = held
                    .group_by(credentials::country)
                    .select((credentials::country, all()))
                    .load(c)
                    .await?;
                let by_report_type = held
                    .group_by(credentials::report_type)
                    .select((credentials::report_type, all()))
                    .load(c)
                    .await?;
                let said = |(status, count): (Option<String>, i64)| {
                    (status.unwrap_or_else(|| DEFAULT_STATUS.to_owned()), count)
                };
                ClientStats {
                    by_status: by_status.into_iter().map(said).collect(),
                    by_country,
                    by_report_type,
                }
            }))
        })
        .await
    }
}

/// Gives each client its aliases.
fn assemble(rows: Vec<ClientRow>, aliases: Vec<AliasRow>) -> Vec<Client> {
    let mut of: HashMap<i64, Vec<Alias>> = HashMap::new();
    for row in aliases {
        of.entry(row.client_id).or_default().push(Alias {
            country: row.country,
            text: row.alias,
        });
    }
    rows.into_iter()
        .map(|row| {
            let aliases = of.remove(&row.id).unwrap_or_default();
            row.with(aliases)
        })
        .collect()
}
