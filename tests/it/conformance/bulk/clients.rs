//! Clients and what hangs on them: rows of their own in the database, passwords sealed, ids that stay.

use worker::import::{Blank, Counts, ImportOptions, Mode, OrgId};
use worker::ports::Commit;
use worker::resource::Resource;

use longshore::vault::Place;

use super::bench::Bench;
use super::outside::Outside;
use super::sheet::sheet;
use crate::conformance::database::both_databases;

const HEADER: [&str; 10] = [
    "name",
    "status",
    "alias",
    "alias:DE",
    "country",
    "pro",
    "report_type",
    "login",
    "password",
    "interval",
];

pub(super) fn options() -> ImportOptions {
    ImportOptions {
        blank: Blank::Ignore,
        ..ImportOptions::new(Resource::Clients)
    }
}

/// A file of these rows; cells are separated by bars.
fn file(options: &ImportOptions, rows: &[&str]) -> Vec<worker::batch::Entry> {
    let records: Vec<Vec<&str>> = rows.iter().map(|row| row.split('|').collect()).collect();
    sheet(options, &HEADER, &records)
}

const FIRST: [&str; 4] = [
    "ABC|active|ABC Corp;ABC Inc|ABC GmbH|DE|EAR|WEEE|abc|hunter2-marked|monthly",
    "ABC||||FR|Eco|Packaging|abc-fr||",
    "XYZ|archived||||||||",
    "|||||||||",
];

impl Bench {
    /// A table's rows in full, whatever it holds.
    async fn dump(&self, table: &str) -> Vec<Vec<String>> {
        let columns = match table {
            "clients" => {
                "id org_id name status shared notes client_organization collective_account attributes content_hash version created_by_import updated_by_import created_at updated_at"
            }
            "client_aliases" => "client_id country alias",
            _ => {
                "id client_id country pro report_type login password seal_id registration_number notes \"interval\" extra_info collective_account_id status created_at updated_at"
            }
        };
        let columns: Vec<&str> = columns.split(' ').collect();
        let mut rows = self.rows(table, &columns, "").await;
        rows.sort();
        rows
    }

    async fn dumps(&self) -> Vec<Vec<Vec<String>>> {
        vec![
            self.dump("clients").await,
            self.dump("client_aliases").await,
            self.dump("credentials").await,
        ]
    }

    /// Every alias: client, country, alias.
    pub(super) async fn aliases(&self, org: OrgId) -> Vec<String> {
        let rest = format!(
            "a join clients c on c.id = a.client_id where a.org_id = {org} order by c.name, a.country, a.alias"
        );
        let rows = self
            .rows("client_aliases", &["c.name", "a.country", "a.alias"], &rest)
            .await;
        rows.iter().map(|row| row.join(" ")).collect()
    }

    /// Every credential with its password in clear: client, country, PRO, report type, login, password, interval.
    pub(super) async fn credentials(&self, org: OrgId) -> Vec<String> {
        let columns = [
            "c.name",
            "d.country",
            "d.pro",
            "d.report_type",
            "d.login",
            "d.\"interval\"",
            "d.seal_id",
            "d.password",
        ];
        let rest = format!(
            "d join clients c on c.id = d.client_id where d.org_id = {org} order by c.name, d.country, d.pro, d.report_type"
        );
        let rows = self.rows("credentials", &columns, &rest).await;
        let opened = rows.into_iter().map(|mut row| {
            let (sealed, row_name) = (row.pop().unwrap(), row.pop().unwrap());
            let place = Place {
                org,
                row: &row_name,
                column: "credentials.password",
            };
            let clear = match sealed.as_str() {
                "-" => sealed,
                sealed => self.store.vault().open(&place, sealed).unwrap(),
            };
            format!("{} {clear}", row.join(" "))
        });
        opened.collect()
    }
}

fn counts(created: u64, updated: u64, unchanged: u64, failed: u64) -> Counts {
    Counts {
        created,
        updated,
        unchanged,
        failed,
        ..Counts::default()
    }
}

both_databases! {
    async fn children_are_written_sealed_and_stay_where_they_are(database) {
        let bench = Bench::on(database);
        let org = bench.org(1).await;
        assert_eq!(bench.import(1, &options(), &file(&options(), &FIRST), 100).await, counts(2, 1, 0, 1));
        assert_eq!(bench.aliases(org).await, ["ABC  ABC Corp", "ABC  ABC Inc", "ABC DE ABC GmbH"]);
        assert_eq!(bench.credentials(org).await, [
            "ABC DE EAR WEEE abc monthly hunter2-marked", "ABC FR Eco Packaging abc-fr - -",
        ]);
        let before = bench.dumps().await;
        assert!(!format!("{before:?}").contains("hunter2"), "in clear: {before:?}");
        assert!(bench.rows("clients", &["content_hash"], "").await.iter().all(|row| row == &["-"]), "a hash can be guessed");

        assert_eq!(bench.import(1, &options(), &file(&options(), &FIRST[..3]), 1).await, counts(0, 0, 3, 0));
        assert_eq!(bench.dumps().await, before, "unchanged rows write nothing");

        let change = ["ABC|||ABC AG|DE|EAR|WEEE||another-marked|", "ABC||ABC Ltd|||||||"];
        assert_eq!(bench.import(1, &options(), &file(&options(), &change), 1).await, counts(0, 2, 0, 0));
        assert_eq!(bench.aliases(org).await, ["ABC  ABC Corp", "ABC  ABC Inc", "ABC  ABC Ltd", "ABC DE ABC AG"]);
        assert_eq!(bench.credentials(org).await[0], "ABC DE EAR WEEE abc monthly another-marked");
        let stays = |dump: &[Vec<String>]| dump.iter().map(|row| [row[0].clone(), row[7].clone()]).collect::<Vec<_>>();
        assert_eq!(stays(&bench.dump("credentials").await), stays(&before[2]), "ids and seals");
        assert_eq!(bench.rows("clients", &["version"], "where name = 'ABC'").await, [["3"]]);
    }

    async fn a_dry_run_leaves_every_table_as_it_was(database) {
        let bench = Bench::on(database);
        bench.import(1, &options(), &file(&options(), &FIRST), 100).await;
        let before = bench.dumps().await;
        let dry = ImportOptions { dry_run: true, ..options() };
        let change = [
            "ABC|paused|ABC Ltd||DE|EAR|WEEE||changed-marked|", "NEW||New Inc||DE|EAR|WEEE|new|fresh-marked|",
            "NEW||||DE|EAR|WEEE|new|fresh-marked|", "ABC||||DE|EAR|WEEE||changed-marked|",
        ];
        let mut run = bench.start(1, dry).await;
        for entry in file(&options(), &change).chunks(1) {
            run.commit(&bench.store, entry).await.unwrap();
        }
        assert_eq!(run.counts, counts(1, 1, 2, 0));
        let previewed = bench.rows("preview_clients", &["name", "status", "aliases", "credentials"], "order by name").await;
        assert_eq!(previewed.len(), 2);
        assert_eq!(previewed[1][2], r#"{"":["New Inc"]}"#);
        assert!(previewed.iter().all(|row| row[3].starts_with("s1.")), "{previewed:?}");
        assert!(!format!("{previewed:?}").contains("marked"), "in clear: {previewed:?}");
        bench.end(run).await;
        assert_eq!(bench.dumps().await, before);
        assert_eq!(bench.rows("preview_clients", &["id"], "").await, [[""; 0]; 0]);
    }

    async fn a_credential_keeps_what_no_file_says(database) {
        let bench = Bench::on(database);
        bench.import(1, &options(), &file(&options(), &FIRST), 100).await;
        let linked = "update credentials set notes = 'by hand', status = 'paused',
            collective_account_id = (select min(id) from credentials) where country = 'FR'";
        bench.sql(linked).await;
        let change = ["ABC||||FR|Eco|Packaging|abc-2|secret|"];
        assert_eq!(bench.import(1, &options(), &file(&options(), &change), 1).await, counts(0, 1, 0, 0));
        let columns = ["login", "notes", "status", "collective_account_id = (select min(id) from credentials)"];
        let kept = bench.rows("credentials", &columns, "where country = 'FR'").await;
        assert_eq!(kept[0][..3], ["abc-2", "by hand", "paused"]);
        assert!(["1", "true"].contains(&kept[0][3].as_str()), "the link stays");
    }

    async fn blank_cells_clear_where_they_are_to(database) {
        let bench = Bench::on(database);
        let org = bench.org(1).await;
        let clear = ImportOptions::new(Resource::Clients);
        bench.import(1, &clear, &file(&clear, &FIRST[..1]), 1).await;
        let again = ["ABC||ABC Corp||DE|EAR|WEEE||geheim|"];
        assert_eq!(bench.import(1, &clear, &file(&clear, &again), 1).await, counts(0, 1, 0, 0));
        assert_eq!(bench.aliases(org).await, ["ABC  ABC Corp", "ABC  ABC Inc"]);
        assert_eq!(bench.credentials(org).await, ["ABC DE EAR WEEE - - geheim"]);
        let blank = ["ABC||;|||||||"];
        assert_eq!(bench.import(1, &clear, &file(&clear, &blank), 1).await, counts(0, 1, 0, 0));
        assert_eq!(bench.import(1, &clear, &file(&clear, &blank), 1).await, counts(0, 0, 1, 0));
        assert_eq!(bench.aliases(org).await, [""; 0]);
        assert_eq!(bench.credentials(org).await.len(), 1, "a row without a credential is about none");
    }

    async fn modes_and_organizations_are_kept_apart(database) {
        let bench = Bench::on(database);
        let create = ImportOptions { mode: Mode::Create, ..options() };
        assert_eq!(bench.import(1, &create, &file(&create, &FIRST[..3]), 100).await, counts(2, 0, 0, 1));
        let errors = bench.rows("import_failures", &["errors"], "").await;
        assert!(errors[0][0].contains(r#""value":"ABC""#), "{errors:?}");
        let update = ImportOptions { mode: Mode::Update, ..options() };
        assert_eq!(bench.import(2, &update, &file(&update, &FIRST[..3]), 100).await, counts(0, 0, 0, 3));
        assert_eq!(bench.import(2, &options(), &file(&options(), &FIRST[..3]), 100).await, counts(2, 1, 0, 0));
        for org in [1, 2] {
            assert_eq!(bench.aliases(bench.org(org).await).await.len(), 3);
        }
    }

    async fn a_child_changed_meanwhile_is_not_lost(database) {
        let bench = Bench::on(database);
        let org = bench.org(1).await;
        bench.import(1, &options(), &file(&options(), &FIRST), 100).await;
        let mut run = bench.start(1, options()).await;
        let mut outside = Outside::begin(&bench).await;
        outside.run("update clients set version = version + 1 where name = 'ABC'").await;
        outside.run("update client_aliases set alias = 'By hand' where country = 'DE'").await;
        let (store, entries) = (bench.store.clone(), file(&options(), &["ABC||ABC Ltd|||||||", "XYZ|active||||||||"]));
        let batch = tokio::spawn(async move { run.commit(&store, &entries).await.unwrap() });
        outside.until_a_batch_waits().await;
        outside.run("commit").await;
        let done = Commit::Done { counts: counts(0, 2, 0, 0), stop: false };
        assert_eq!(batch.await.unwrap(), done);
        assert_eq!(bench.aliases(org).await, ["ABC  ABC Corp", "ABC  ABC Inc", "ABC  ABC Ltd", "ABC DE By hand"]);
    }

    async fn report_types_are_known_by_all_they_are(database) {
        let bench = Bench::on(database);
        let options = ImportOptions::new(Resource::ReportTypes);
        let header = ["country", "pro", "report_type", "Deadline"];
        let rows = |rows: &[[&str; 4]]| sheet(&options, &header, &rows.map_to_vec());
        let first = rows(&[["de", "EAR", "WEEE", "May"], ["DE", "EAR", "Batteries", ""], ["DE", "EAR", "WEEE", "May"], ["D", "", "", ""]]);
        assert_eq!(bench.import(1, &options, &first, 2).await, counts(2, 0, 1, 1));
        let again = rows(&[["DE", "EAR", "WEEE", "June"], ["DE", "EAR", "Batteries", ""]]);
        let dry = ImportOptions { dry_run: true, ..options.clone() };
        assert_eq!(bench.import(1, &dry, &again, 1).await, counts(0, 1, 1, 0));
        assert_eq!(bench.import(1, &options, &again, 2).await, counts(0, 1, 1, 0));
        let columns = ["country", "pro", "report_type", "attributes", "version"];
        assert_eq!(bench.rows("report_types", &columns, "order by report_type").await, [
            ["DE", "EAR", "Batteries", "{}", "1"], ["DE", "EAR", "WEEE", r#"{"Deadline":"June"}"#, "2"],
        ]);
        assert_eq!(bench.rows("preview_report_types", &["id"], "").await, [[""; 0]; 0]);
    }
}

/// Records of four cells as `sheet` takes them.
trait MapToVec<'a> {
    fn map_to_vec(&self) -> Vec<Vec<&'a str>>;
}

impl<'a> MapToVec<'a> for &[[&'a str; 4]] {
    fn map_to_vec(&self) -> Vec<Vec<&'a str>> {
        self.iter().map(|row| row.to_vec()).collect()
    }
}
