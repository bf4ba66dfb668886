//! Which database, by the scheme of its URL. An unknown scheme, mode or parameter is refused by name, and no message
//! repeats the URL: it may hold a password.

use std::path::PathBuf;
use std::str::FromStr;

use super::error::StoreError;

/// A database URL, read and checked.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    /// `postgres://user:password@host:port/name?sslmode=…`
    Postgres(Box<PostgresUrl>),
    /// `sqlite://PATH`, relative or absolute.
    Sqlite {
        /// The database's file.
        path: PathBuf,
    },
}

/// Where PostgreSQL is, and how far it is trusted to be itself.
#[derive(Clone, Debug)]
pub struct PostgresUrl {
    /// Host, user, database and time limits.
    pub(super) config: tokio_postgres::Config,
    /// What `sslmode` asks beyond encryption.
    pub(super) verify: Verify,
}

/// Whom TLS has to convince.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verify {
    /// `disable`, `prefer`, `require`: nobody, as in libpq.
    Nothing,
    /// `verify-full`: chain and host name, against the system's roots or the PEM file of `sslrootcert`.
    Full { roots: Option<PathBuf> },
}

impl DatabaseUrl {
    /// Reads a URL.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(refuse(
                "the database URL has no scheme; expected postgres:// or sqlite://",
            ));
        };
        match scheme {
            "postgres" | "postgresql" => Ok(Self::Postgres(Box::new(parse_postgres(scheme, rest)?))),
            "sqlite" => parse_sqlite(rest),
            other => Err(refuse(&format!(
                "unknown database scheme `{other}`; expected postgres:// or sqlite://"
            ))),
        }
    }
}

fn parse_sqlite(rest: &str) -> Result<DatabaseUrl, StoreError> {
    if rest.is_empty() || rest.contains(":memory:") {
        return Err(refuse(
            "sqlite:// needs the path of a file; a database in memory is not supported",
        ));
    }
    if rest.contains('?') {
        return Err(refuse("sqlite:// takes no parameters"));
    }
    Ok(DatabaseUrl::Sqlite {
        path: PathBuf::from(rest),
    })
}

fn parse_postgres(scheme: &str, rest: &str) -> Result<PostgresUrl, StoreError> {
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (mut mode, mut roots, mut others) = ("prefer", None, Vec::new());
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("sslmode", value)) => mode = value,
            Some(("sslrootcert", value)) => roots = Some(PathBuf::from(value)),
            _ => others.push(parameter),
        }
    }
    let (driver_mode, verify) = match mode {
        "disable" | "prefer" | "require" => (mode, Verify::Nothing),
        "verify-full" => ("require", Verify::Full { roots: roots.take() }),
        other => {
            let known = "disable, prefer, require or verify-full";
            return Err(refuse(&format!(
                "unknown sslmode `{other}` in the database URL; expected {known}"
            )));
        }
    };
    if roots.is_some() {
        return Err(refuse("sslrootcert in the database URL needs sslmode=verify-full"));
    }
    let driver_mode = format!("sslmode={driver_mode}");
    others.push(&driver_mode);
    let config = tokio_postgres::Config::from_str(&format!("{scheme}://{place}?{}", others.join("&")))
        .map_err(|error| refuse(&format!("the database URL cannot be read: {}", cause(&error))))?;
    Ok(PostgresUrl { config, verify })
}

fn cause(error: &tokio_postgres::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

fn refuse(sentence: &str) -> StoreError {
    StoreError::Config(sentence.to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    fn refusal(url: &str) -> String {
        DatabaseUrl::parse(url).unwrap_err().to_string()
    }

    #[test]
    fn both_schemes_are_read() {
        let DatabaseUrl::Sqlite { path } = DatabaseUrl::parse("sqlite://./data/a.db").unwrap() else {
            panic!("sqlite")
        };
        assert_eq!(path, PathBuf::from("./data/a.db"));
        let url = "postgres://ana:secret@db.example:5433/ls?sslmode=verify-full&connect_timeout=3&sslrootcert=/ca.pem";
        let DatabaseUrl::Postgres(url) = DatabaseUrl::parse(url).unwrap() else {
            panic!("postgres")
        };
        assert_eq!(
            url.verify,
            Verify::Full {
                roots: Some(PathBuf::from("/ca.pem"))
            }
        );
        assert_eq!(url.config.get_ssl_mode(), tokio_postgres::config::SslMode::Require);
        assert!(!format!("{url:?}").contains("secret"));
    }

    #[test]
    fn what_is_unknown_is_named() {
        assert!(refusal("mysql://x/y").contains("`mysql`"));
        assert!(refusal("longshore.db").contains("no scheme"));
        assert!(refusal("sqlite://").contains("path of a file"));
        assert!(refusal("sqlite://a.db?mode=ro").contains("no parameters"));
        assert!(refusal("postgres://h/d?sslmode=maybe").contains("`maybe`"));
        assert!(refusal("postgres://h/d?nonsense=1").contains("nonsense"));
    }
}
