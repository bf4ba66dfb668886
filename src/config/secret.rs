//! The secret from which the pepper of API keys and the cursors' key are derived: given, read from a file, or made once.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{ConfigError, Layers, Mode, refuse};

/// Shortest secret, in characters: 32 hexadecimal digits are 128 bits.
const MIN_CHARS: usize = 32;

/// A secret that cannot be printed.
#[derive(Clone)]
pub struct SecretKey {
    bytes: Vec<u8>,
    file: Option<PathBuf>,
}

impl SecretKey {
    /// For keyed hashes and wrapped keys only.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where it was read from, if from a file.
    pub(super) fn file(&self) -> Option<&PathBuf> {
        self.file.as_ref()
    }

    pub(super) fn resolve(mode: Mode, layers: &Layers, data_dir: &Path, embedded: bool) -> Result<Self, ConfigError> {
        match (layers.given("secret_key"), layers.given("secret_key_file")) {
            (Some(_), Some(_)) => refuse("secret_key and secret_key_file are both given; keep one".to_owned()),
            (Some(text), None) => Self::parse(&text, "secret_key"),
            (None, Some(file)) => Self::read(Path::new(&file)),
            (None, None) if embedded => Self::made_once(data_dir),
            (None, None) => refuse(format!(
                "secret_key is missing: {} shares its database with other processes, so give all of them the same secret, \
                 such as the output of `openssl rand -hex 32`",
                if mode == Mode::Tool {
                    "this command"
                } else {
                    "this process"
                }
            )),
        }
    }

    pub(super) fn previous(layers: &Layers) -> Result<Option<Self>, ConfigError> {
        let given = layers.given("previous_secret_key");
        given.map(|text| Self::parse(&text, "previous_secret_key")).transpose()
    }

    fn parse(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let text = text.trim();
        if text.chars().count() < MIN_CHARS {
            return refuse(format!("{origin} is shorter than {MIN_CHARS} characters"));
        }
        Ok(Self {
            bytes: text.as_bytes().to_vec(),
            file: None,
        })
    }

    fn read(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| ConfigError(format!("secret_key_file {} cannot be read: {error}", file.display())))?;
        Ok(Self {
            file: Some(file.to_owned()),
            ..Self::parse(&text, &file.display().to_string())?
        })
    }

    /// Two processes that start at once agree: the file is written whole beside its place and linked there, first one wins.
    fn made_once(data_dir: &Path) -> Result<Self, ConfigError> {
        let file = data_dir.join("secret.key");
        let failed = |error: std::io::Error| ConfigError(format!("{} cannot be made: {error}", file.display()));
        if !file.exists() {
            create_private_dir(data_dir).map_err(failed)?;
            let mut random = [0_u8; 32];
            getrandom::fill(&mut random).map_err(|error| ConfigError(format!("no random numbers: {error}")))?;
            let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            let draft = data_dir.join(format!(".secret.key.{}", std::process::id()));
            write_private(&draft, &text).map_err(failed)?;
            let linked = std::fs::hard_link(&draft, &file);
            std::fs::remove_file(&draft).map_err(failed)?;
            linked
                .or_else(|error| if file.exists() { Ok(()) } else { Err(error) })
                .map_err(failed)?;
        }
        Self::read(&file)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// Makes a folder that only its owner may enter.
pub fn create_private_dir(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a new file that only its owner may read.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
