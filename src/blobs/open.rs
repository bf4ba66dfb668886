//! From a URL and settings to a store. The only file that knows what backends there are; it opens no connection.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use tokio::runtime::Handle;

use super::{BlobError, Blobs, local};

/// Blocks of 64 KiB read at once from a file, and from S3, where each piece costs a round trip.
const LOCAL_PIECE: u64 = 4;
const S3_PIECE: u64 = 64;
/// Bytes written at once to a file, and to S3, which refuses smaller parts.
const LOCAL_PART: usize = 256 * 1024;
const S3_PART: usize = 5 * 1024 * 1024;
/// A store that cannot be reached, or says nothing for this long, has failed; together at most about ten seconds.
const CONNECT_TIME: Duration = Duration::from_secs(3);
const SILENCE: Duration = Duration::from_secs(10);
const RETRY_TIME: Duration = Duration::from_secs(6);
const RETRIES: usize = 4;

/// What an S3-compatible store needs besides its URL.
#[derive(Clone, Default)]
pub struct BlobOptions {
    /// `https://host:port` of the store; absent means Amazon's.
    pub endpoint: Option<String>,
    /// Absent means `us-east-1`, which most other stores accept.
    pub region: Option<String>,
    /// Absent together with the secret means the machine's own role, on Amazon's only.
    pub access_key_id: Option<String>,
    /// The secret that goes with it.
    pub secret_access_key: Option<String>,
    /// Lets the endpoint be `http://`.
    pub allow_http: bool,
}

impl Blobs {
    /// Opens `file:///folder` (made if it is not there, for this user only) or `s3://bucket/prefix`; any other scheme is
    /// refused by name. The path is taken as it stands, without percent escapes. Must be called on the main runtime.
    pub fn open(url: &str, options: &BlobOptions) -> Result<Self, BlobError> {
        let main = Handle::try_current().map_err(|e| BlobError::Config(e.to_string()))?;
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(BlobError::Config(format!(
                "the blob URL must begin with file:// or s3://, not {url:?}"
            )));
        };
        match scheme {
            "file" => open_folder(rest, main),
            "s3" => open_bucket(rest, options, main),
            _ => Err(BlobError::Config(format!(
                "the blob URL's scheme must be file or s3, not {scheme:?}"
            ))),
        }
    }
}

fn open_folder(folder: &str, main: Handle) -> Result<Blobs, BlobError> {
    let failed = |e: &dyn std::fmt::Display| BlobError::Config(format!("cannot use the blob folder {folder:?}: {e}"));
    if !folder.starts_with('/') {
        return Err(failed(&"the path after file:// must begin with /"));
    }
    local::make_folder(&PathBuf::from(folder)).map_err(|e| failed(&e))?;
    let store = LocalFileSystem::new_with_prefix(folder)
        .map_err(|e| failed(&e))?
        .with_fsync(true);
    let root = std::fs::canonicalize(folder).map_err(|e| failed(&e))?;
    Ok(Blobs {
        store: Arc::new(store),
        main,
        root: Some(root),
        read_piece: LOCAL_PIECE,
        write_part: LOCAL_PART,
    })
}

fn open_bucket(rest: &str, options: &BlobOptions, main: Handle) -> Result<Blobs, BlobError> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = Path::parse(prefix).map_err(|e| BlobError::Config(format!("the prefix in the blob URL: {e}")))?;
    let store = PrefixStore::new(build_s3(bucket, options)?, prefix);
    Ok(Blobs {
        store: Arc::new(store),
        main,
        root: None,
        read_piece: S3_PIECE,
        write_part: S3_PART,
    })
}

fn build_s3(bucket: &str, options: &BlobOptions) -> Result<AmazonS3, BlobError> {
    check_s3(bucket, options).map_err(|e| BlobError::Config(e.to_owned()))?;
    let client = ClientOptions::new()
        .with_allow_http(options.allow_http)
        .with_connect_timeout(CONNECT_TIME)
        .with_read_timeout(SILENCE)
        // A whole request may take as long as it makes progress; pieces and parts are bounded by their size.
        .with_timeout_disabled();
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: RETRIES,
        retry_timeout: RETRY_TIME,
    };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(options.region.as_deref().unwrap_or("us-east-1"))
        .with_client_options(client)
        .with_retry(retry);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    if let (Some(id), Some(secret)) = (&options.access_key_id, &options.secret_access_key) {
        builder = builder.with_access_key_id(id).with_secret_access_key(secret);
    }
    builder
        .build()
        .map_err(|e| BlobError::Config(format!("cannot use the S3 store: {e}")))
}

fn check_s3(bucket: &str, options: &BlobOptions) -> Result<(), &'static str> {
    if bucket.is_empty() {
        return Err("the blob URL names no bucket: s3://bucket/prefix");
    }
    if options.access_key_id.is_some() != options.secret_access_key.is_some() {
        return Err("an S3 access key needs both its id and its secret");
    }
    let Some(endpoint) = &options.endpoint else {
        return Ok(());
    };
    if options.access_key_id.is_none() {
        return Err("an S3 endpoint of one's own needs an access key");
    }
    match endpoint.split_once("://") {
        Some(("https", _)) => Ok(()),
        Some(("http", _)) if options.allow_http => Ok(()),
        Some(("http", _)) => Err("the S3 endpoint is http://, which has to be allowed explicitly"),
        _ => Err("the S3 endpoint must begin with https:// or http://"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn refusal(url: &str, options: &BlobOptions) -> String {
        Blobs::open(url, options).unwrap_err().to_string()
    }

    #[tokio::test]
    async fn what_cannot_work_is_refused_by_name() {
        let none = BlobOptions::default();
        assert!(refusal("gs://bucket", &none).contains("\"gs\""));
        assert!(refusal("/var/blobs", &none).contains("/var/blobs"));
        assert!(refusal("file://relative", &none).contains("relative"));
        assert!(refusal("s3://", &none).contains("no bucket"));
        let endpoint = BlobOptions {
            endpoint: Some("http://h:1".into()),
            ..none.clone()
        };
        assert!(refusal("s3://b", &endpoint).contains("access key"));
        let keyed = BlobOptions {
            access_key_id: Some("a".into()),
            secret_access_key: Some("hush".into()),
            ..endpoint.clone()
        };
        assert!(refusal("s3://b", &keyed).contains("allowed explicitly"));
        let half = BlobOptions {
            secret_access_key: Some("hush".into()),
            ..none
        };
        assert!(refusal("s3://b", &half).contains("both"));
        assert!(!refusal("s3://b", &half).contains("hush"));
    }
}
