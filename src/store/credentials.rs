//! Queries on `credentials`. A credential that is linked to a collective account is read with that account's login and password,
//! as they are at that moment. Every write locks the clients that it concerns and raises their versions.

use chrono::NaiveDateTime;
use diesel::IntoSql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use worker::import::OrgId;

use super::Store;
use super::client_row::{ClientValues, YES};
use super::clients::{own, touch};
use super::clock::now;
use super::credential_row::{AccountRow, CredentialRow, CredentialValues, NewCredentialRow};
use super::db::{Transaction, in_transaction, reading};
use super::error::StoreError;
use super::model::{
    Change, ClientChange, CollectiveAccount, Credential, CredentialChange, CredentialFilter, CredentialPlace,
    CredentialRemoval, CredentialWrite, NewCredential, Unlinkable,
};
use super::schema::{clients, credentials};

diesel::alias!(credentials as accounts: Accounts);

/// The credentials of a client, each beside the account that it is linked to.
macro_rules! of_client {
    ($org:expr, $client:expr) => {
        credentials::table
            .left_join(accounts.on(credentials::collective_account_id.eq(accounts.field(credentials::id).nullable())))
            .filter(credentials::org_id.eq($org.0))
            .filter(credentials::client_id.eq($client))
            .order(credentials::id)
            .select((
                CredentialRow::as_select(),
                accounts
                    .fields((credentials::login, credentials::password, credentials::seal_id))
                    .nullable(),
            ))
    };
}

/// One credential of a client.
macro_rules! own_credential {
    ($org:expr, $place:expr) => {
        credentials::table
            .filter(credentials::org_id.eq($org.0))
            .filter(credentials::client_id.eq($place.client_id))
            .filter(credentials::country.eq(&$place.country))
            .filter(credentials::id.eq($place.id))
    };
}

/// The clients whose credentials are linked to this one.
macro_rules! linked_to {
    ($org:expr, $id:expr) => {
        credentials::table
            .filter(credentials::org_id.eq($org.0))
            .filter(credentials::collective_account_id.eq($id))
            .select(credentials::client_id)
    };
}

/// Whose credential an account is, if it is one of the organization's.
macro_rules! owner_of {
    ($c:ident, $org:expr, $account:expr) => {{
        let account = credentials::table
            .filter(credentials::org_id.eq($org.0))
            .filter(credentials::id.eq($account))
            .select(credentials::client_id);
        let owner: Option<i64> = account.get_result($c).await.optional()?;
        owner
    }};
}

/// Why nothing may be linked to an account whose client is locked.
macro_rules! unlinkable {
    ($c:ident, $org:expr, $account:expr) => {{
        let account = credentials::table
            .inner_join(clients::table)
            .filter(credentials::org_id.eq($org.0))
            .filter(credentials::id.eq($account))
            .select((clients::collective_account, credentials::collective_account_id));
        let found: Option<(Option<String>, Option<i64>)> = account.get_result($c).await.optional()?;
        match found {
            Some((Some(collective), None)) if collective == YES => None,
            Some((Some(collective), Some(_))) if collective == YES => Some(Unlinkable::Linked),
            _ => Some(Unlinkable::NoCollectiveAccount),
        }
    }};
}

impl Store {
    /// The credentials of a client by number, of one country or of all; `None` if there is no such client.
    pub async fn credentials(
        &self,
        org: OrgId,
        client: i64,
        country: Option<String>,
    ) -> Result<Option<Vec<Credential>>, StoreError> {
        self.run(|db| async move {
            Ok(reading!(&db, org, |c| {
                let all = country.is_none().into_sql::<Bool>();
                let here = credentials::country.eq(country.as_deref().unwrap_or_default());
                let rows: Vec<(CredentialRow, Option<AccountRow>)> =
                    of_client!(org, client).filter(here.or(all)).load(c).await?;
                let is_there: i64 = own!(org, client).count().get_result(c).await?;
                let shown = rows.into_iter().map(|(row, account)| row.shown(account)).collect();
                (is_there > 0).then_some(shown)
            }))
        })
        .await
    }

    /// Makes credentials of a client, all or none.
    pub async fn insert_credentials(
        &self,
        org: OrgId,
        client: i64,
        new: Vec<NewCredential>,
    ) -> Result<CredentialWrite, StoreError> {
        let written = self.run_again(|db| {
            let new = new.clone();
            async move {
                in_transaction!(&db, org, |c| {
                    let mut locking = vec![client];
                    for account in new.iter().filter_map(|new| new.collective_account_id) {
                        locking.extend(owner_of!(c, org, account));
                    }
                    if !c.lock_clients(org, locking).await?.contains(&client) {
                        return Ok(CredentialWrite::ClientAbsent);
                    }
                    let now: NaiveDateTime = diesel::select(now()).get_result(c).await?;
                    let mut made: Vec<i64> = Vec::new();
                    for new in &new {
                        if let Some(account) = new.collective_account_id
                            && let Some(reason) = unlinkable!(c, org, account)
                        {
                            return Ok(CredentialWrite::Unlinkable(reason));
                        }
                        let row = (
                            credentials::org_id.eq(org.0),
                            credentials::client_id.eq(client),
                            NewCredentialRow::new(new),
                            credentials::created_at.eq(now),
                            credentials::updated_at.eq(now),
                        );
                        let insert = diesel::insert_into(credentials::table).values(row);
                        made.push(insert.returning(credentials::id).get_result(c).await?);
                    }
                    touch!(c, org, client);
                    let rows: Vec<(CredentialRow, Option<AccountRow>)> = of_client!(org, client)
                        .filter(credentials::id.eq_any(&made))
                        .load(c)
                        .await?;
                    let shown = rows.into_iter().map(|(row, account)| row.shown(account)).collect();
                    Ok(CredentialWrite::Written(shown))
                })
            }
        });
        match written.await {
            Err(error) if error.is_unique_violation() => Ok(CredentialWrite::Taken),
            written => written,
        }
    }

    /// Changes a credential.
    pub async fn update_credential(
        &self,
        org: OrgId,
        place: CredentialPlace,
        change: CredentialChange,
    ) -> Result<CredentialWrite, StoreError> {
        let written = self.run_again(|db| {
            let (place, change) = (place.clone(), change.clone());
            async move {
                in_transaction!(&db, org, |c| {
                    let mut locking = vec![place.client_id];
                    if let Change::Set(account) = change.collective_account_id {
                        locking.extend(owner_of!(c, org, account));
                    }
                    if !c.lock_clients(org, locking).await?.contains(&place.client_id) {
                        return Ok(CredentialWrite::ClientAbsent);
                    }
                    if let Change::Set(account) = change.collective_account_id {
                        if let Some(reason) = unlinkable!(c, org, account) {
                            return Ok(CredentialWrite::Unlinkable(reason));
                        }
                        let linked: i64 = linked_to!(org, place.id).count().get_result(c).await?;
                        if linked > 0 || account == place.id {
                            return Ok(CredentialWrite::Unlinkable(Unlinkable::LinkedTo));
                        }
                    }
                    let values = (CredentialValues::new(&change), credentials::updated_at.eq(now()));
                    let update = diesel::update(own_credential!(org, place)).set(values);
                    if update.execute(c).await? == 0 {
                        return Ok(CredentialWrite::Absent);
                    }
                    touch!(c, org, place.client_id);
                    let one = of_client!(org, place.client_id).filter(credentials::id.eq(place.id));
                    let (row, account): (CredentialRow, Option<AccountRow>) = one.get_result(c).await?;
                    Ok(CredentialWrite::Written(vec![row.shown(account)]))
                })
            }
        });
        match written.await {
            Err(error) if error.is_unique_violation() => Ok(CredentialWrite::Taken),
            written => written,
        }
    }

    /// Removes a credential. What was linked to it is linked no longer.
    pub async fn delete_credential(&self, org: OrgId, place: CredentialPlace) -> Result<CredentialRemoval, StoreError> {
        self.run_again(|db| {
            let place = place.clone();
            async move {
                in_transaction!(&db, org, |c| {
                    let mut locking: Vec<i64> = linked_to!(org, place.id).load(c).await?;
                    locking.push(place.client_id);
                    let locked = c.lock_clients(org, locking).await?;
                    if !locked.contains(&place.client_id) {
                        return Ok(CredentialRemoval::ClientAbsent);
                    }
                    if diesel::delete(own_credential!(org, place)).execute(c).await? == 0 {
                        return Ok(CredentialRemoval::Absent);
                    }
                    for client in locked {
                        touch!(c, org, client);
                    }
                    Ok(CredentialRemoval::Removed)
                })
            }
        })
        .await
    }

    /// The credentials that others may link to, by number; report types are not asked for.
    pub async fn collective_accounts(
        &self,
        org: OrgId,
        filter: CredentialFilter,
    ) -> Result<Vec<CollectiveAccount>, StoreError> {
        self.run(|db| async move {
            let any = |list: &[String]| list.is_empty().into_sql::<Bool>();
            let rows: Vec<(CredentialRow, String)> = reading!(&db, org, |c| {
                credentials::table
                    .inner_join(clients::table)
                    .filter(credentials::org_id.eq(org.0))
                    .filter(clients::collective_account.eq(YES))
                    .filter(credentials::collective_account_id.is_null())
                    .filter(
                        credentials::country
                            .eq_any(&filter.countries)
                            .or(any(&filter.countries)),
                    )
                    .filter(credentials::pro.eq_any(&filter.pros).or(any(&filter.pros)))
                    .order(credentials::id)
                    .select((CredentialRow::as_select(), clients::name))
                    .load(c)
                    .await?
            });
            let account = |(row, client_name): (CredentialRow, String)| {
                let credential = row.shown(None);
                CollectiveAccount {
                    id: credential.id,
                    client_id: credential.client_id,
                    country: credential.country,
                    report_type: credential.report_type,
                    pro: credential.pro,
                    login: credential.login,
                    client_name,
                }
            };
            Ok(rows.into_iter().map(account).collect())
        })
        .await
    }
}
