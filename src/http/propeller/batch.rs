//! The users of one request, in order: read, checked, given their parents, and turned into the rows of one import.

use worker::batch::{Fate, Key};
use worker::import::{ImportOptions, OrgId};
use worker::mapping;
use worker::rows::Rows;

use super::SURFACE;
use super::schema;
use super::user::{COLUMNS, User};
use crate::app::App;
use crate::http::members;
use crate::http::problem::{Kind, Problem};
use crate::imports::composed;
use crate::records::parents::{self, Child};

/// Most users in one request.
const MAX_USERS: usize = 100_000;

/// How a request is run: what it says is merged into what is stored.
pub(super) fn options() -> ImportOptions {
    ImportOptions {
        merge: true,
        ..composed::options(COLUMNS, SURFACE)
    }
}

/// The users of one request.
#[derive(Debug)]
pub(super) struct Batch {
    /// In order.
    users: Vec<User>,
    /// Those that will be there after their row, as far as the row itself goes.
    children: Vec<Option<Child>>,
}

impl Batch {
    /// Reads the users of a body; one fault of its schema refuses all of them. Takes its time.
    pub(super) fn read(body: &str) -> Result<Self, Problem> {
        let (users, rows) = (read(body)?, rules()?);
        let children = users.iter().map(|user| child(&rows, user)).collect();
        Ok(Self { users, children })
    }

    /// Looks up the parents that users name, and gives the users; one whose parent cannot be is refused for that.
    pub(super) async fn with_parents(mut self, app: &App, org: OrgId) -> Result<Vec<User>, Problem> {
        let found = parents::resolve(app, org, &self.children).await?;
        for (user, parent) in self.users.iter_mut().zip(found) {
            match parent {
                Ok(Some(name)) => user.row.set("parent", &name),
                Ok(None) => {}
                Err(orphan) => user.row.refuse(orphan.to_string()),
            }
        }
        Ok(self.users)
    }
}

fn read(body: &str) -> Result<Vec<User>, Problem> {
    let list = schema::check(body)?;
    let mut users = Vec::new();
    let each = &mut |user: &_| {
        users.push(User::read(user));
        users.len() <= MAX_USERS
    };
    members::each_item(list.get(), each).map_err(|_| Problem::new(Kind::InvalidJson))?;
    if users.len() > MAX_USERS {
        let detail = format!("#/users: more than {MAX_USERS} users; send the rest in another request");
        return Err(Problem::with(Kind::BodyTooLarge, detail));
    }
    let users: serde_json::Result<Vec<User>> = users.into_iter().collect();
    users.map_err(|_| Problem::new(Kind::InvalidJson))
}

/// The rules that the run will apply to each row.
fn rules() -> Result<Rows, Problem> {
    let header: Vec<String> = composed::header(COLUMNS).into_iter().map(str::to_owned).collect();
    let options = options();
    let columns = mapping::resolve(&header, &options)?;
    Ok(Rows::new(&columns, &options))
}

/// A user that will be there after its row, as far as the row itself goes.
fn child(rows: &Rows, user: &User) -> Option<Child> {
    let key: Key = user.key.clone()?;
    let cells = user.row.clone().into_cells();
    let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
    let is_row = matches!(rows.judge(1, 1, &cells, false).fate, Fate::Row(_));
    is_row.then(|| Child {
        key,
        parent: user.parent.clone(),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn only_rows_that_will_be_applied_can_be_parents() {
        let body = r#"{"users":[{"source":"crm","sourceId":1},{"source":"crm","sourceId":2,"email":"ana@"},
                       {"source":"crm","sourceId":" "},{"source":"crm","sourceId":3,"attributes":[{"value":"x"}]}]}"#;
        let rows = rules().unwrap();
        let sound: Vec<bool> = read(body)
            .unwrap()
            .iter()
            .map(|user| child(&rows, user).is_some())
            .collect();
        assert_eq!(sound, [true, false, false, false]);
    }

    #[test]
    fn there_is_a_most_of_users() {
        let users = |count: usize| vec![r#"{"source":"a","sourceId":1}"#; count].join(",");
        let body = |count: usize| format!("{{\"users\":[{}]}}", users(count));
        assert_eq!(read(&body(MAX_USERS)).unwrap().len(), MAX_USERS);
        assert_eq!(read(&body(MAX_USERS + 1)).unwrap_err().code, "body-too-large");
    }
}
