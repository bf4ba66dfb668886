//! Whose rows a statement is about: said for each checkout of a connection (`pool`), so that no query can be written without it.
//! PostgreSQL holds the connection to it (`row_security`). SQLite cannot; there a test reads the queries (`tests/it/house.rs`).

use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use worker::import::OrgId;

/// The setting that the policies ask.
const SETTING: &str = "longshore.org";

/// Whose rows a statement may see and write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// One organization's.
    Org(OrgId),
    /// Everybody's. For what is asked before an organization is known (a key, a claim) or about all of them (sweep,
    /// rotation); nothing of such an answer may reach a caller but by way of its own organization's queries.
    House,
}

impl From<OrgId> for Scope {
    fn from(org: OrgId) -> Self {
        Self::Org(org)
    }
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Sets a parameter of the session, or of the transaction alone.
    fn set_config(name: Text, value: Text, local: Bool) -> Text;
}

impl Scope {
    /// As the policies read it.
    pub(super) fn setting(self) -> String {
        match self {
            Self::Org(org) => org.0.to_string(),
            Self::House => "*".to_owned(),
        }
    }

    /// Whether it is everybody's.
    pub(super) fn is_house(self) -> bool {
        self == Self::House
    }

    /// Binds a connection until the next one is said.
    pub(super) async fn bind(self, connection: &mut AsyncPgConnection) -> diesel::QueryResult<()> {
        let bound = diesel::select(set_config(SETTING, self.setting(), false));
        bound.execute(connection).await.map(|_| ())
    }
}
