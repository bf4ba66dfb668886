//! Pages of a list: `limit`, and a signed cursor that is good for one organization, list and filter only.

use actix_web::HttpRequest;
use serde::Serialize;
use utoipa::ToSchema;
use worker::import::OrgId;

use super::problem::{Fault, Kind, Problem};
use super::query::Query;
use crate::secrets::Secrets;

/// Largest page.
pub const MAX_LIMIT: i64 = 1000;
/// Page of a caller who does not say.
const DEFAULT_LIMIT: i64 = 100;

/// Which page is asked for.
#[derive(Clone, Debug)]
pub struct Page {
    /// At most this many.
    pub limit: i64,
    /// After this position.
    pub after: Option<i64>,
    org: OrgId,
    list: String,
}

/// A page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Paged<T> {
    /// The items.
    pub data: Vec<T>,
    /// Asks for what follows; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl Page {
    /// Reads `limit` and `cursor`. `list` names the list; the other parameters are the filter it is bound to.
    pub fn read(query: &Query, secrets: &Secrets, org: OrgId, list: &str) -> Result<Self, Problem> {
        let limit = query.read("limit", "a whole number from 1 to 1000", |text| {
            text.parse::<i64>().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit))
        })?;
        let list = bound_to_filter(list, query);
        let after = match query.get("cursor") {
            None => None,
            Some(cursor) => Some(secrets.open_cursor(org, &list, cursor).ok_or_else(foreign_cursor)?),
        };
        Ok(Self {
            limit: limit.unwrap_or(DEFAULT_LIMIT),
            after,
            org,
            list,
        })
    }

    /// One more than the page holds, to see whether another follows.
    pub fn fetch(&self) -> i64 {
        self.limit.saturating_add(1)
    }

    /// The same page, ended by the size of its items: all but the last of what was fetched.
    pub fn shorter<R>(self, fetched: &[R]) -> Self {
        let most = i64::try_from(fetched.len()).unwrap_or(i64::MAX).saturating_sub(1);
        Self {
            limit: self.limit.min(most),
            ..self
        }
    }

    /// Cuts what was fetched to the page; the cursor goes on after the last item that is shown.
    pub fn cut<R, T>(
        &self,
        secrets: &Secrets,
        mut fetched: Vec<R>,
        position: impl Fn(&R) -> i64,
        show: impl Fn(R) -> T,
    ) -> Paged<T> {
        let limit = usize::try_from(self.limit).unwrap_or_default();
        let more = fetched.len() > limit;
        fetched.truncate(limit);
        let last = fetched.last().filter(|_| more).map(position);
        let next_cursor = last.map(|last| secrets.sign_cursor(self.org, &self.list, last));
        Paged {
            data: fetched.into_iter().map(show).collect(),
            next_cursor,
        }
    }
}

fn foreign_cursor() -> Problem {
    let detail = "The cursor was not made for this list with this filter; leave it out to start from the beginning.";
    Problem::fault(Fault::parameter(Kind::InvalidCursor, "cursor", detail))
}

/// The list's name with its filter, the same whatever the order of the parameters. A page's size may change on the way.
fn bound_to_filter(list: &str, query: &Query) -> String {
    let mut filter: Vec<_> = query
        .pairs()
        .iter()
        .filter(|(name, _)| name != "limit" && name != "cursor")
        .collect();
    filter.sort();
    format!("{list} {filter:?}")
}

/// `Link: <…>; rel="next"`: the request's own query with the cursor in it.
pub fn next_link(request: &HttpRequest, query: &Query, cursor: &str) -> String {
    let others = query.pairs().iter().filter(|(name, _)| name != "cursor");
    let pairs: Vec<(&str, &str)> = others
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .chain([("cursor", cursor)])
        .collect();
    let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
    format!("<{}?{query}>; rel=\"next\"", request.path())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const KNOWN: &[&str] = &["status", "resource", "limit", "cursor"];

    fn read(query: &str, org: i64) -> Result<Page, Problem> {
        Page::read(
            &Query::parse(query, KNOWN).unwrap(),
            &Secrets::new(b"key"),
            OrgId(org),
            "imports",
        )
    }

    #[test]
    fn limits_are_one_to_a_thousand() {
        assert_eq!(read("", 1).unwrap().limit, 100);
        assert_eq!(read("limit=1000", 1).unwrap().limit, 1000);
        for broken in ["limit=0", "limit=-1", "limit=1001", "limit=1e9", "limit="] {
            assert_eq!(read(broken, 1).unwrap_err().code, "invalid-parameter", "{broken}");
        }
    }

    #[test]
    fn a_cursor_goes_on_where_the_page_ended_and_nowhere_else() {
        let page = read("status=failed&limit=2", 1).unwrap();
        let shown = page.cut(&Secrets::new(b"key"), vec![9, 7, 5], |id| *id, |id| id);
        assert_eq!(shown.data, [9, 7]);
        let cursor = shown.next_cursor.unwrap();
        assert_eq!(
            read(&format!("limit=50&cursor={cursor}&status=failed"), 1)
                .unwrap()
                .after,
            Some(7)
        );
        assert_eq!(
            read(&format!("cursor={cursor}&status=queued"), 1).unwrap_err().code,
            "invalid-cursor"
        );
        assert_eq!(
            read(&format!("cursor={cursor}&status=failed"), 2).unwrap_err().code,
            "invalid-cursor"
        );
        let last = page.cut(&Secrets::new(b"key"), vec![9, 7], |id| *id, |id| id);
        assert_eq!(last.next_cursor, None);
    }
}
