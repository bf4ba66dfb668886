//! Row errors by kind, as the import row keeps them: how often, and the first rows to look at. Bounded, whatever a file holds.

use worker::row_error::{Failure, RowError, spreadsheet_row};

use crate::store::model::TopError;

/// Kinds kept; a file with hundreds of headers could otherwise make as many kinds. Later ones are not counted.
const MAX_KINDS: usize = 200;
/// Rows named with each kind.
const EXAMPLES: usize = 3;

/// Adds refused rows, which come in file order, so that the result does not depend on where batches end.
pub(super) fn merge(tally: &mut Vec<TopError>, failures: &[Failure]) {
    for failure in failures {
        for (nth, error) in failure.errors.iter().enumerate() {
            let repeated = failure.errors.iter().take(nth).any(|earlier| same_kind(earlier, error));
            if !repeated {
                count(tally, error, spreadsheet_row(failure.record));
            }
        }
    }
}

fn count(tally: &mut Vec<TopError>, error: &RowError, row: u64) {
    if let Some(kind) = tally.iter_mut().find(|kind| is_kind(kind, error)) {
        kind.count += 1;
        if kind.rows.len() < EXAMPLES {
            kind.rows.push(row);
        }
    } else if tally.len() < MAX_KINDS {
        tally.push(TopError {
            code: error.code.as_str().to_owned(),
            field: error.field.clone(),
            column: error.column.clone(),
            message: error.message.clone(),
            count: 1,
            rows: vec![row],
        });
    }
}

fn is_kind(kind: &TopError, error: &RowError) -> bool {
    kind.code == error.code.as_str() && kind.field == error.field && kind.column == error.column
}

fn same_kind(one: &RowError, other: &RowError) -> bool {
    one.code == other.code && one.field == other.field && one.column == other.column
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, reason = "tests")]

    use worker::row_error::RowCode;

    use super::*;

    fn error(code: RowCode, column: &str) -> RowError {
        RowError {
            code,
            field: None,
            column: Some(column.to_owned()),
            message: format!("what is wrong with {column}"),
            expected: None,
            value: Some("a value".to_owned()),
        }
    }

    fn failure(record: u64, errors: Vec<RowError>) -> Failure {
        Failure {
            record,
            line: record + 1,
            errors,
            cells: Vec::new(),
        }
    }

    #[test]
    fn a_kind_is_code_field_and_column_and_names_its_first_three_rows() {
        let mut tally = Vec::new();
        let mail = || error(RowCode::InvalidEmail, "E-Mail");
        merge(
            &mut tally,
            &[
                failure(1, vec![mail(), error(RowCode::Required, "Id")]),
                failure(5, vec![mail()]),
            ],
        );
        merge(
            &mut tally,
            &[
                failure(6, vec![mail()]),
                failure(9, vec![mail(), error(RowCode::InvalidEmail, "Other")]),
            ],
        );
        let seen: Vec<_> = tally
            .iter()
            .map(|kind| (kind.column.as_deref().unwrap_or(""), kind.count, &kind.rows[..]))
            .collect();
        assert_eq!(
            seen,
            [
                ("E-Mail", 4, &[2, 6, 7][..]),
                ("Id", 1, &[2][..]),
                ("Other", 1, &[10][..])
            ]
        );
        assert_eq!(tally[0].message, "what is wrong with E-Mail");
    }

    #[test]
    fn a_row_counts_once_per_kind() {
        let mut tally = Vec::new();
        merge(
            &mut tally,
            &[failure(
                1,
                vec![error(RowCode::TooLong, "A"), error(RowCode::TooLong, "A")],
            )],
        );
        assert_eq!((tally[0].count, &tally[0].rows[..]), (1, &[2][..]));
    }

    #[test]
    fn kinds_are_bounded_and_known_ones_go_on_counting() {
        let mut tally = Vec::new();
        for record in 1..=300 {
            merge(
                &mut tally,
                &[failure(
                    record,
                    vec![error(RowCode::TooLong, &format!("column {record}"))],
                )],
            );
        }
        merge(&mut tally, &[failure(301, vec![error(RowCode::TooLong, "column 1")])]);
        assert_eq!((tally.len(), tally[0].count), (MAX_KINDS, 2));
    }

    #[test]
    fn the_tally_does_not_depend_on_where_batches_end() {
        let failures: Vec<_> = (1..=50)
            .map(|n| {
                failure(
                    n,
                    vec![
                        error(RowCode::Required, &format!("c{}", n % 7)),
                        error(RowCode::TooLong, "x"),
                    ],
                )
            })
            .collect();
        let tally_by = |size: usize| {
            let mut tally = Vec::new();
            failures.chunks(size).for_each(|part| merge(&mut tally, part));
            tally
        };
        assert_eq!(tally_by(1), tally_by(50));
        assert_eq!(tally_by(7), tally_by(50));
    }
}
