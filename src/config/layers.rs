//! Where a setting's text comes from, and its reading as number, size or duration. Nothing here knows what a setting means.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use worker::mapping::nearest;

use super::{ConfigError, KEYS, refuse};

/// What the environment's names begin with.
pub(super) const PREFIX: &str = "LONGSHORE_";
/// Names of the command line's client half and of containers, which are no settings of the service.
const FOREIGN: [&str; 3] = ["LONGSHORE_API_KEY", "LONGSHORE_API_KEY_FILE", "LONGSHORE_URL"];

/// The settings as texts, the strongest source first.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    values: BTreeMap<&'static str, (String, &'static str)>,
}

impl Layers {
    /// Reads `longshore.toml` (if it is there), then the environment, then the flags, each over the one before.
    pub fn read(
        flags: Vec<(&'static str, String)>,
        environment: impl Iterator<Item = (OsString, OsString)>,
        file: &Path,
    ) -> Result<Self, ConfigError> {
        let mut layers = Self::default();
        layers.read_file(file)?;
        layers.read_environment(environment)?;
        for (name, value) in flags {
            layers.set(name, value, "the command line")?;
        }
        Ok(layers)
    }

    fn read_file(&mut self, file: &Path) -> Result<(), ConfigError> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return refuse(format!("{} cannot be read: {error}", file.display())),
        };
        let table: toml::Table = text
            .parse()
            .map_err(|error| ConfigError(format!("{} is not valid TOML: {error}", file.display())))?;
        self.read_table("", &table)
    }

    fn read_table(&mut self, prefix: &str, table: &toml::Table) -> Result<(), ConfigError> {
        for (name, value) in table {
            let name = format!("{prefix}{name}");
            match value {
                toml::Value::Table(inner) => self.read_table(&format!("{name}."), inner)?,
                toml::Value::String(text) => self.set(&name, text.clone(), "longshore.toml")?,
                other => self.set(&name, other.to_string(), "longshore.toml")?,
            }
        }
        Ok(())
    }

    fn read_environment(&mut self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<(), ConfigError> {
        for (name, value) in variables {
            let Some(name) = name
                .to_str()
                .filter(|name| name.starts_with(PREFIX) && !FOREIGN.contains(name))
            else {
                continue;
            };
            let Ok(value) = value.into_string() else {
                return refuse(format!("{name} is not valid UTF-8"));
            };
            let Some(key) = KEYS.iter().find(|key| key.env() == name) else {
                let known: Vec<String> = KEYS.iter().map(super::Key::env).collect();
                return refuse(unknown(name, "the environment", known.iter().map(String::as_str)));
            };
            // An empty variable is how compose files leave a setting out.
            if !value.is_empty() {
                self.set(key.name, value, "the environment")?;
            }
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: String, origin: &'static str) -> Result<(), ConfigError> {
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            return refuse(unknown(name, origin, KEYS.iter().map(|key| key.name)));
        };
        self.values.insert(key.name, (value, origin));
        Ok(())
    }

    /// What somebody said, if anybody did.
    pub fn given(&self, name: &str) -> Option<String> {
        self.values
            .get(name)
            .map(|(value, _)| value.clone())
            .filter(|value| !value.is_empty())
    }

    /// What was said, or the default.
    pub fn text(&self, name: &str) -> String {
        let default = || {
            KEYS.iter()
                .find(|key| key.name == name)
                .map(|key| key.default.to_owned())
        };
        self.given(name).or_else(default).unwrap_or_default()
    }

    fn parse<T>(&self, name: &str, expected: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, ConfigError> {
        let text = self.text(name);
        let origin = self.values.get(name).map_or("the defaults", |(_, origin)| origin);
        read(&text).ok_or_else(|| ConfigError(format!("{name} is \"{text}\" (from {origin}); expected {expected}")))
    }

    /// A whole number above zero.
    pub fn number(&self, name: &str) -> Result<usize, ConfigError> {
        self.parse(name, "a whole number above zero", |text| {
            text.parse().ok().filter(|number| *number > 0)
        })
    }

    /// `true` or `false`.
    pub fn boolean(&self, name: &str) -> Result<bool, ConfigError> {
        self.parse(name, "true or false", |text| bool::from_str(text).ok())
    }

    /// Bytes, with a unit if wanted.
    pub fn size(&self, name: &str) -> Result<u64, ConfigError> {
        self.parse(name, "a size above zero such as 512MiB", |text| {
            bytesize::ByteSize::from_str(text)
                .ok()
                .map(|size| size.as_u64())
                .filter(|size| *size > 0)
        })
    }

    /// A length of time with its unit.
    pub fn duration(&self, name: &str) -> Result<Duration, ConfigError> {
        self.parse(name, "a time above zero with its unit such as 15s or 30d", |text| {
            humantime::parse_duration(text)
                .ok()
                .filter(|duration| !duration.is_zero())
        })
    }
}

fn unknown<'a>(name: &str, origin: &str, known: impl Iterator<Item = &'a str>) -> String {
    let hint = nearest(name, known)
        .map(|near| format!("; did you mean {near}?"))
        .unwrap_or_default();
    format!("{name} (from {origin}) is not a setting{hint}")
}
