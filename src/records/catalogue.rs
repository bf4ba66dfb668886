//! Use cases on the catalogue of report types: what an organization may report, and where.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use worker::import::OrgId;
use worker::row_error::RowCode;

use super::draft::{Fault, FaultKind};
use super::rules::{broken, country, required_line};
use crate::app::App;
use crate::store::StoreError;
use crate::store::model::ReportType;

/// Most entries that one call may set; more come by an import.
const MAX_ENTRIES: usize = 10_000;

/// Report types by country and by the organization that takes the reports.
pub type Catalogue = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// Why a call on the catalogue could not be done.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// An entry breaks its rule.
    #[error("the catalogue breaks the rules of its entries")]
    Invalid(Vec<Fault>),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The organization's catalogue.
pub async fn get(app: &App, org: OrgId) -> Result<Catalogue, StoreError> {
    Ok(nested(app.store.report_types(org).await?))
}

/// Makes the organization's catalogue say what the object says and nothing else.
pub async fn replace(app: &App, org: OrgId, object: &Map<String, Value>) -> Result<Catalogue, CatalogueError> {
    let entries = read(object).map_err(CatalogueError::Invalid)?;
    app.store.replace_report_types(org, entries.clone()).await?;
    Ok(nested(entries))
}

fn nested(entries: impl IntoIterator<Item = ReportType>) -> Catalogue {
    let mut catalogue = Catalogue::new();
    for entry in entries {
        let of_country = catalogue.entry(entry.country).or_default();
        of_country.entry(entry.pro).or_default().push(entry.report_type);
    }
    catalogue
}

/// Reads `{country: {pro: [report types]}}`; everything that is wrong is named at once.
fn read(object: &Map<String, Value>) -> Result<BTreeSet<ReportType>, Vec<Fault>> {
    let (mut entries, mut faults) = (BTreeSet::new(), Vec::new());
    for (country, pros) in object {
        let Value::Object(pros) = pros else {
            faults.push(wrong_type(&[country], "an object of arrays of report types"));
            continue;
        };
        for (pro, types) in pros {
            let Value::Array(types) = types else {
                faults.push(wrong_type(&[country, pro], "an array of report types"));
                continue;
            };
            for report_type in types {
                match entry(country, pro, report_type) {
                    Ok(entry) => drop(entries.insert(entry)),
                    Err(fault) => faults.push(fault),
                }
            }
        }
    }
    if entries.len() > MAX_ENTRIES {
        let message = format!("too many report types; expected at most {MAX_ENTRIES}");
        faults.push(Fault {
            path: Vec::new(),
            ..broken("", RowCode::TooLong, &message)
        });
    }
    if faults.is_empty() { Ok(entries) } else { Err(faults) }
}

fn entry(place: &str, pro: &str, report_type: &Value) -> Result<ReportType, Fault> {
    let Value::String(report_type) = report_type else {
        return Err(wrong_type(&[place, pro], "an array of texts"));
    };
    let under = |path: &[&str], fault: Fault| Fault {
        path: path.iter().map(|part| (*part).to_owned()).collect(),
        ..fault
    };
    Ok(ReportType {
        country: country("country", place).map_err(|fault| under(&[place], fault))?,
        pro: required_line("pro", pro).map_err(|fault| under(&[place, pro], fault))?,
        report_type: required_line("report_type", report_type).map_err(|fault| under(&[place, pro], fault))?,
    })
}

fn wrong_type(path: &[&str], expected: &str) -> Fault {
    Fault {
        path: path.iter().map(|part| (*part).to_owned()).collect(),
        kind: FaultKind::WrongType,
        message: format!("expected {expected}"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_catalogue_reads_as_it_is_shown() {
        let shown = json!({"DE": {"Stiftung EAR": ["Batteries", "WEEE"]}, "FR": {"Eco-Emballages": ["Packaging"]}});
        let entries = read(shown.as_object().unwrap()).unwrap();
        assert_eq!(entries.len(), 3);
        assert_eq!(json!(nested(entries)), shown);
        let untidy = json!({"de": {" Stiftung EAR": ["WEEE", "WEEE", " Batteries"]}, "FR": {}, "NL": {"x": []}});
        let entries = read(untidy.as_object().unwrap()).unwrap();
        assert_eq!(
            json!(nested(entries)),
            json!({"DE": {"Stiftung EAR": ["Batteries", "WEEE"]}})
        );
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let broken = json!({"DEU": {"x": ["WEEE"]}, "DE": [], "FR": {"x": "WEEE", "y": [1, ""]}});
        let faults = read(broken.as_object().unwrap()).unwrap_err();
        let paths: Vec<String> = faults.iter().map(|fault| fault.path.join("/")).collect();
        assert_eq!(paths, ["DE", "DEU", "FR/x", "FR/y", "FR/y"]);
    }
}
