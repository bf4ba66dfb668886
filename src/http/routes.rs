//! All routes on one page, and what answers a path or method that has none. A handler's attribute holds its method and path;
//! `routes::tests` prints the table.

use actix_web::dev::ResourceDef;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::openapi::{OpenApi as Document, PathItem};
use utoipa_actix_web::service_config::ServiceConfig as Documented;

use super::forsure::bulk;
use super::forsure::{aliases, clients, credentials, portfolio};
use super::loginradius::profiles;
use super::native::{imports, keys, organization, report_types, users};
use super::problem::{Kind, Problem};
use super::slashid::persons;
use super::spigit::files;
use super::{health, openapi, problems, propeller};

/// Routes that the OpenAPI document shows.
pub(super) fn documented(config: &mut Documented<'_>) {
    config
        // /v1/imports
        .service(imports::create_import)
        .service(imports::list_imports)
        .service(imports::show_import)
        .service(imports::delete_import)
        .service(imports::cancel_import)
        .service(imports::download_failed_rows)
        .service(imports::list_failed_rows)
        // /v1/users
        .service(users::list_users)
        .service(users::create_user)
        .service(users::show_user)
        .service(users::change_user)
        .service(users::delete_user)
        .service(users::show_user_by_source)
        .service(users::put_user_by_source)
        // /v1/report-types
        .service(report_types::show_report_types)
        .service(report_types::put_report_types)
        // /v1/keys, /v1/organization
        .service(keys::list_keys)
        .service(keys::create_key)
        .service(keys::revoke_key)
        .service(organization::show_organization)
        .service(organization::change_organization)
        // /bulk/v1/files
        .service(files::upload_file)
        .service(files::show_file)
        .service(files::delete_file)
        // /users/bulk
        .service(propeller::users::upsert_users)
        .service(propeller::explained::explain_error)
        // /v2/bulk
        .service(profiles::upsert_profiles)
        .service(profiles::upsert_profiles_unversioned)
        // /persons
        .service(persons::download_template)
        .service(persons::import_persons)
        // /saas/logins; static paths before /clients/{id}
        .service(bulk::preview_bulk_upload)
        .service(bulk::execute_bulk_upload)
        // /saas/logins; what has a name of its own comes before what has an id there
        .service(portfolio::get_collective_accounts)
        .service(portfolio::get_clients_stats)
        .service(portfolio::get_report_types)
        .service(clients::get_clients)
        .service(clients::create_client)
        .service(clients::get_client)
        .service(clients::update_client)
        .service(clients::delete_client)
        .service(credentials::search_client_credentials)
        .service(credentials::get_client_credentials)
        .service(credentials::create_client_credentials)
        .service(credentials::update_client_credentials)
        .service(credentials::delete_client_credentials)
        .service(aliases::add_client_aliases)
        .service(aliases::remove_client_aliases)
        .service(aliases::set_local_company_name)
        .service(aliases::get_local_company_name)
        // /problems
        .service(problems::explain_problem)
        // for machines that watch
        .service(health::healthz)
        .service(health::readyz)
        .service(health::metrics);
}

/// The document itself, and its page.
pub(super) fn documents(config: &mut ServiceConfig) {
    config
        .service(openapi::show_document)
        .service(openapi::redirect_to_page)
        .service(openapi::page());
}

/// Paths that `documents` adds to those of the OpenAPI document.
const DOCUMENTS: [&str; 3] = ["/openapi.json", "/docs", "/docs/{_:.*}"];

/// Which methods each path has.
#[derive(Clone)]
pub(super) struct Table(Vec<(ResourceDef, Vec<&'static str>)>);

impl Table {
    /// From the OpenAPI document, so that there is one list of routes.
    pub(super) fn new(document: &Document) -> Self {
        let documented = document
            .paths
            .paths
            .iter()
            .map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item)));
        let documents = DOCUMENTS
            .iter()
            .map(|path| (ResourceDef::new(*path), vec!["GET", "HEAD"]));
        Self(documented.chain(documents).collect())
    }

    /// Each method with the pattern of its path; `HEAD` is answered wherever `GET` is.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let row = |(pattern, methods): &(ResourceDef, Vec<&'static str>)| {
            let path = pattern.pattern().unwrap_or_default().to_owned();
            methods.iter().map(|method| (*method, path.clone())).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(row).collect()
    }

    /// The methods of a path; none if there is no such path.
    fn allowed(&self, path: &str) -> Vec<&'static str> {
        let mut allowed: Vec<&str> = self
            .0
            .iter()
            .filter(|(pattern, _)| pattern.is_match(path))
            .flat_map(|(_, methods)| methods.clone())
            .collect();
        allowed.sort_unstable();
        allowed.dedup();
        allowed
    }
}

fn methods(item: &PathItem) -> Vec<&'static str> {
    let operations = [
        ("GET", &item.get),
        ("HEAD", &item.get),
        ("PUT", &item.put),
        ("POST", &item.post),
        ("DELETE", &item.delete),
        ("PATCH", &item.patch),
    ];
    operations
        .into_iter()
        .filter(|(_, operation)| operation.is_some())
        .map(|(name, _)| name)
        .collect()
}

/// Answers what no route does: 405 where the path has other methods, else 404.
pub(super) async fn unrouted(request: HttpRequest, table: Data<Table>) -> Result<HttpResponse, Problem> {
    let allowed = table.allowed(request.path());
    if allowed.is_empty() {
        return Err(Problem::new(Kind::NotFound));
    }
    let allow = HeaderValue::from_str(&allowed.join(", ")).unwrap_or(HeaderValue::from_static("GET"));
    Err(Problem::new(Kind::MethodNotAllowed).header(ALLOW, allow))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_routes() {
        let document = openapi::document();
        let row = |(path, item): (&String, &PathItem)| format!("{:26} {path}", methods(item).join(" "));
        let rows: Vec<String> = document.paths.paths.iter().map(row).collect();
        insta::assert_snapshot!(rows.join("\n"));
    }

    #[test]
    fn every_route_of_this_page_is_documented() {
        let page = include_str!("routes.rs")
            .split("/// The document itself")
            .next()
            .unwrap_or_default();
        let services = page.matches(".service(").count();
        let document = openapi::document();
        let operations = |item: &PathItem| methods(item).into_iter().filter(|method| *method != "HEAD").count();
        let documented: usize = document.paths.paths.values().map(operations).sum();
        assert_eq!(documented, services);
    }

    #[test]
    fn a_path_knows_its_methods() {
        let table = Table::new(&openapi::document());
        assert_eq!(table.allowed("/v1/imports"), ["GET", "HEAD", "POST"]);
        assert_eq!(table.allowed("/v1/imports/9"), ["DELETE", "GET", "HEAD"]);
        assert_eq!(table.allowed("/v1/users/by-source/hr/7"), ["GET", "HEAD", "PUT"]);
        assert_eq!(table.allowed("/bulk/v1/files"), ["POST"]);
        assert!(table.allowed("/v1/nothing").is_empty());
        assert!(table.allowed("/v1/imports/").is_empty());
    }
}
