//! The authorisation matrix: `matrix.txt` against the application's own table of routes, and each of its cells by a real call.

mod call;
mod hidden;

use std::collections::BTreeSet;

use harness::{Client, Role, Running, both_stacks};

use self::call::{Caller, Ids, Outcome};

/// Every scope but `admin`.
const SCOPES: [&str; 5] = [
    "imports:read",
    "imports:write",
    "records:read",
    "records:write",
    "sensitive:read",
];
/// In every text of the owner's.
const MARK: &str = "oWnErSmArK";

/// A line of the table.
struct Line {
    method: &'static str,
    path: &'static str,
    scope: &'static str,
    expected: Vec<&'static str>,
}

fn table() -> Vec<Line> {
    let lines = include_str!("matrix.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            Line {
                method: words[0],
                path: words[1],
                scope: words[2],
                expected: words[3..].to_vec(),
            }
        })
        .collect()
}

#[test]
fn every_route_of_the_application_stands_in_the_matrix() {
    let application: BTreeSet<(String, String)> = longshore::http::route_table()
        .into_iter()
        .filter(|(method, _)| *method != "HEAD")
        .map(|(method, path)| (method.to_owned(), path))
        .collect();
    let matrix: BTreeSet<(String, String)> = table()
        .iter()
        .map(|line| (line.method.to_owned(), line.path.to_owned()))
        .collect();
    let missing: Vec<_> = application.difference(&matrix).collect();
    let gone: Vec<_> = matrix.difference(&application).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "missing: {missing:?}, gone: {gone:?}"
    );
    assert!(matrix.len() > 50, "{}", matrix.len());
}

/// The callers of one server.
struct Cast {
    owner: Caller,
    foreign: Caller,
    single: Vec<(&'static str, Caller)>,
    all_but: Vec<(&'static str, Caller)>,
}

impl Cast {
    async fn of(running: &Running) -> Self {
        let owner = Caller::of(running.admin_of(&format!("owner {MARK}")).await).await;
        let foreign = Caller::of(running.admin_of("foreign").await).await;
        let (mut single, mut all_but) = (Vec::new(), Vec::new());
        for scope in SCOPES.into_iter().chain(["admin"]) {
            let others: Vec<&str> = SCOPES.into_iter().filter(|other| *other != scope).collect();
            single.push((scope, owner.with_scopes(&[scope]).await));
            all_but.push((scope, owner.with_scopes(&others).await));
        }
        Self {
            owner,
            foreign,
            single,
            all_but,
        }
    }

    /// The callers of the first four columns. Where any key will do, the weakest two are tried.
    fn four(&self, scope: &str) -> [Caller; 4] {
        let scope = if matches!(scope, "*" | "open") {
            "imports:read"
        } else {
            scope
        };
        let find = |of: &[(&str, Caller)]| of.iter().find(|(name, _)| *name == scope).unwrap().1.clone();
        let nobody = self.owner.without_key();
        [nobody, find(&self.all_but), find(&self.single), self.owner.clone()]
    }
}

/// What another organization is answered, for what is ours and for what nobody has.
async fn try_strangers(cast: &Cast, line: &Line, ids: &Ids) -> (String, String) {
    let before = everything(&cast.owner.client).await;
    let theirs = cast.foreign.call(line.method, line.path, ids).await;
    let nobodys = cast.foreign.call(line.method, line.path, &ids.absent()).await;
    // Where nothing is, a PUT makes a record, of the caller's own and under the name that it said.
    if (line.method, theirs.status, nobodys.status) != ("PUT", 201, 201) {
        assert_eq!(
            theirs, nobodys,
            "{} {}: what is foreign is as absent",
            line.method, line.path
        );
        assert!(!theirs.shows(MARK), "{theirs:?}");
    }
    assert_eq!(
        everything(&cast.owner.client).await,
        before,
        "{} {}",
        line.method,
        line.path
    );
    let own_absent = cast.owner.call(line.method, line.path, &ids.absent()).await;
    assert_eq!(own_absent.status, nobodys.status, "{} {}", line.method, line.path);
    (theirs.status.to_string(), nobodys.status.to_string())
}

/// The line as it should be, by what was answered.
async fn try_line(cast: &Cast, line: &Line) -> Vec<String> {
    let mut ids = Ids::made_by(&cast.owner, line.path).await;
    let mut found = Vec::new();
    let has_id = line.path.contains('{') && line.scope != "open";
    let (mut foreign, mut absent) = ("-".to_owned(), "-".to_owned());
    if has_id {
        (foreign, absent) = try_strangers(cast, line, &ids).await;
    }
    for (role, caller) in cast.four(line.scope).iter().enumerate() {
        let outcome = caller.call(line.method, line.path, &ids).await;
        if has_id && matches!(outcome.status, 401 | 403) {
            let absent = caller.call(line.method, line.path, &ids.absent()).await;
            assert_eq!(
                outcome, absent,
                "{} {}: no oracle for role {role}",
                line.method, line.path
            );
        }
        // What the role before has deleted is made again.
        if outcome.status < 300 && line.method == "DELETE" {
            ids = Ids::made_by(&cast.owner, line.path).await;
        }
        found.push(outcome.status.to_string());
    }
    found.extend([foreign, absent]);
    found
}

/// Everything that the organization has, as far as it can be changed through another's call.
async fn everything(client: &Client) -> Vec<String> {
    let mut all = Vec::new();
    for path in [
        "/v1/users?limit=1000",
        "/saas/logins/clients?limit=1000",
        "/saas/logins/stats",
        "/v1/report-types",
    ] {
        all.push(client.get(path).await.expect(200).text);
    }
    for import in client.pages("/v1/imports?limit=1000").await {
        all.push(import["id"].to_string());
    }
    for key in client.pages("/v1/keys").await {
        all.push(format!("{} {}", key["id"], key["revoked_at"]));
    }
    all
}

both_stacks! {
    async fn each_cell_of_the_matrix_holds(stack) {
        let running = stack.start(&[]).await;
        let cast = Cast::of(&running).await;
        let mut differing = Vec::new();
        for line in table() {
            let found = try_line(&cast, &line).await;
            if found != line.expected {
                differing.push(format!("{:6} {:66} {:14} {}", line.method, line.path, line.scope, found.join(" ")));
            }
        }
        assert!(differing.is_empty(), "these lines are other than matrix.txt says:\n{}", differing.join("\n"));
        for role in [Role::Serve, Role::Api, Role::Worker] {
            assert!(!running.log(role).contains(MARK), "the owner's data stands in the log");
        }
    }

    async fn a_method_that_no_line_names_is_refused_by_name(stack) {
        let running = stack.start(&[]).await;
        let stranger = Caller::stranger(running.stranger());
        let (table, absent) = (table(), Ids::default().absent());
        for path in table.iter().map(|line| line.path).collect::<BTreeSet<_>>() {
            let known: Vec<&str> = table.iter().filter(|line| line.path == path).map(|line| line.method).collect();
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
                // The page of the documentation is not of our making, and answers GET alone; a client's id may be "search".
                if known.contains(&method) || call::fits_another(&table, method, path) {
                    continue;
                }
                let Outcome { status, headers, .. } = stranger.bare(method, path, &absent).await;
                assert_eq!(status, 405, "{method} {path}");
                assert!(headers.iter().any(|line| line.starts_with("allow: ")), "{method} {path}: {headers:?}");
            }
        }
    }
}
