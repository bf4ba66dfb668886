//! Layers over one another, and what is refused.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn layers(toml: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Layers, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("longshore.toml");
    std::fs::write(&file, toml).unwrap();
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    Layers::read(
        flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        environment,
        &file,
    )
}

fn load(mode: Mode, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let layers = layers("", environment, &[("data_dir", data_dir.to_str().unwrap())])?;
    Config::from_layers(mode, &layers)
}

const SECRET: (&str, &str) = ("LONGSHORE_SECRET_KEY", "0123456789abcdef0123456789abcdef");

#[test]
fn flags_go_before_environment_before_file_before_defaults() {
    let toml = "listen = \"1.1.1.1:1\"\n[worker]\nlease = \"7s\"\nconcurrency = 3\n";
    let read = layers(
        toml,
        &[("LONGSHORE_WORKER_LEASE", "8s"), ("LONGSHORE_LOG", "")],
        &[("listen", "2.2.2.2:2")],
    )
    .unwrap();
    assert_eq!(read.text("listen"), "2.2.2.2:2");
    assert_eq!(read.duration("worker.lease").unwrap(), Duration::from_secs(8));
    assert_eq!(read.number("worker.concurrency").unwrap(), 3);
    assert_eq!(read.text("log"), "info");
}

#[test]
fn every_default_can_be_read() {
    let config = load(Mode::Serve, &[]).unwrap();
    assert_eq!(config.limits.upload_bytes, 10 << 30);
    assert_eq!(config.limits.retention, Duration::from_secs(30 * 86_400));
    assert!(config.is_embedded() && config.redis_url.is_none());
}

#[test]
fn unknown_keys_are_refused_by_name() {
    let error = layers("", &[("LONGSHORE_DATABSE_URL", "x")], &[])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("LONGSHORE_DATABSE_URL") && error.contains("did you mean LONGSHORE_DATABASE_URL?"),
        "{error}"
    );
    let error = layers("[worker]\nleese = 1", &[], &[]).unwrap_err().to_string();
    assert!(
        error.contains("worker.leese") && error.contains("worker.lease"),
        "{error}"
    );
}

#[test]
fn impossible_combinations_are_refused_by_name() {
    let postgres = ("LONGSHORE_DATABASE_URL", "postgres://db/x");
    let redis = ("LONGSHORE_REDIS_URL", "redis://r");
    let refused = |mode, environment: &[(&str, &str)]| load(mode, environment).unwrap_err().to_string();
    assert!(refused(Mode::Api, &[]).contains("database_url"));
    assert!(refused(Mode::Worker, &[postgres, SECRET]).contains("redis_url"));
    assert!(refused(Mode::Api, &[postgres, redis, SECRET]).contains("blob_url"));
    assert!(refused(Mode::Serve, &[postgres]).contains("secret_key"));
    assert!(refused(Mode::Serve, &[("LONGSHORE_DATABASE_URL", "mysql://x:secret@y")]).contains("mysql://"));
    assert!(!refused(Mode::Serve, &[("LONGSHORE_DATABASE_URL", "mysql://x:secret@y"), SECRET]).contains("secret@"));
    assert!(refused(Mode::Serve, &[("LONGSHORE_WORKER_LEASE", "15")]).contains("worker.lease"));
    assert!(refused(Mode::Serve, &[("LONGSHORE_SECRET_KEY", "short")]).contains("32"));
}

#[test]
fn the_secret_is_made_once_and_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let read = layers("", &[], &[("data_dir", folder.path().to_str().unwrap())]).unwrap();
    let first = Config::from_layers(Mode::Serve, &read).unwrap();
    let second = Config::from_layers(Mode::Serve, &read).unwrap();
    assert_eq!(first.secret_key.bytes(), second.secret_key.bytes());
    let text = String::from_utf8(first.secret_key.bytes().to_vec()).unwrap();
    assert!(!format!("{first:?}").contains(&text));
}
