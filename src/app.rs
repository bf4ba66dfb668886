//! Config → App: every room of the house, built once. State travels as values; one token stops everything. What is started
//! with it stands in `process`.

use std::fs::File;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::blobs::{BlobError, BlobOptions, Blobs};
use crate::config::{Config, SecretKey};
use crate::queue::{Queue, QueueError};
use crate::secrets::{NoRandomness, Secrets};
use crate::store::model::{NewApiKey, Organization};
use crate::store::{Store, StoreError, StoreOptions};
use crate::telemetry::Metrics;
use crate::vault::Vault;

/// What every new key of a first start, and of `keys create`, may do.
pub const ADMIN_SCOPES: [&str; 6] = [
    "imports:read",
    "imports:write",
    "records:read",
    "records:write",
    "sensitive:read",
    "admin",
];

/// Every room of the house, built once; cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The settings.
    pub config: Arc<Config>,
    /// The database.
    pub store: Store,
    /// The uploaded files.
    pub blobs: Blobs,
    /// The doorbell.
    pub queue: Queue,
    /// Keys and cursors.
    pub secrets: Secrets,
    /// What seals cells.
    pub vault: Vault,
    /// The process's numbers.
    pub metrics: Metrics,
    /// Places for imports whose callers wait for the rows: each holds a batch in memory and a connection while it runs.
    pub at_once: Arc<Semaphore>,
    /// Cancelled when the process is asked to stop.
    pub stop: CancellationToken,
    /// Held while an embedded process owns its data directory.
    _owner: Option<Arc<File>>,
}

/// Why the process could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process owns the data directory.
    #[error("another longshore process is using the data directory {0}; stop it, or choose another --data-dir")]
    Taken(String),
    /// The data directory or the address cannot be used.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The database cannot be used.
    #[error("the database cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The file store cannot be used.
    #[error("the file store cannot be used: {0}")]
    Blobs(#[from] BlobError),
    /// The queue cannot be used.
    #[error("the queue cannot be used: {0}")]
    Queue(#[from] QueueError),
    /// No key can be made.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl App {
    /// Connects everything and brings the schema up to date.
    pub async fn build(config: Config) -> Result<Self, StartError> {
        let owner = own_data_dir(&config)?;
        let (store, secrets) = open_store(&config).await?;
        let queue = match &config.redis_url {
            Some(url) => Queue::redis(url)?,
            None => Queue::embedded(),
        };
        Ok(Self {
            vault: store.vault().clone(),
            store,
            queue,
            blobs: Blobs::open(&config.blob_url, &blob_options(&config))?,
            secrets,
            metrics: Metrics::new(),
            at_once: Arc::new(Semaphore::new(config.worker.concurrency)),
            stop: CancellationToken::new(),
            config: Arc::new(config),
            _owner: owner,
        })
    }
}

/// A key that was just made.
pub struct NewKey {
    /// Finds the key.
    pub id: String,
    /// The whole key; shown once.
    pub text: String,
    /// Whose it is.
    pub organization: Organization,
}

/// Makes an organization, if it is missing, and a key for it; the key's text is known only here.
pub async fn create_key(
    store: &Store,
    secrets: &Secrets,
    organization: &str,
    name: &str,
    scopes: &[String],
) -> Result<NewKey, StartError> {
    let organization = store.ensure_organization(organization).await?;
    let minted = secrets.mint()?;
    let key = NewApiKey {
        id: minted.id.clone(),
        org: organization.id,
        name: name.to_owned(),
        scopes: scopes.to_vec(),
        secret_mac: minted.mac,
        expires_at: None,
    };
    store.insert_api_key(key).await?;
    Ok(NewKey {
        id: minted.id,
        text: minted.text,
        organization,
    })
}

/// Connects to the database, migrates it and opens its keys; a wrong `secret_key` is refused here.
pub async fn open_store(config: &Config) -> Result<(Store, Secrets), StartError> {
    if config.is_embedded() {
        make_data_dir(config)?;
    }
    let options = StoreOptions {
        connections: config.database_connections,
        // As many again for imports whose callers wait.
        bulk_connections: config.worker.concurrency * 2,
        create: true,
    };
    let previous = config.previous_secret_key.as_ref().map(SecretKey::bytes);
    let vault = Vault::new(config.secret_key.bytes(), previous);
    let store = Store::connect(&config.database_url, options, vault).await?;
    store.migrate().await?;
    // A database from before the keys lay in it has the pepper of the secret of that time.
    let secrets = Secrets::new(config.secret_key.bytes());
    let pepper = store.load_keys(secrets.pepper()).await?;
    Ok((store, secrets.with_pepper(pepper)))
}

fn blob_options(config: &Config) -> BlobOptions {
    let s3 = &config.s3;
    BlobOptions {
        endpoint: s3.endpoint.clone(),
        region: Some(s3.region.clone()),
        access_key_id: s3.access_key_id.clone(),
        secret_access_key: s3.secret_access_key.clone(),
        allow_http: s3.allow_http,
    }
}

fn make_data_dir(config: &Config) -> Result<(), StartError> {
    crate::config::create_private_dir(&config.data_dir).map_err(|source| StartError::Io {
        what: format!("making {}", config.data_dir.display()),
        source,
    })
}

/// One process at a time on a data directory: the lock goes with the process, however it ends.
fn own_data_dir(config: &Config) -> Result<Option<Arc<File>>, StartError> {
    if !config.is_embedded() {
        return Ok(None);
    }
    make_data_dir(config)?;
    let path = config.data_dir.join("lock");
    let io = |source| StartError::Io {
        what: format!("locking {}", path.display()),
        source,
    };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Arc::new(file))),
        Err(std::fs::TryLockError::WouldBlock) => Err(StartError::Taken(config.data_dir.display().to_string())),
        Err(std::fs::TryLockError::Error(source)) => Err(io(source)),
    }
}
