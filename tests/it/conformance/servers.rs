//! The harness's servers as the suites want them: settings for a blob store, commands to Redis with typed answers.

use longshore::blobs::BlobOptions;

use crate::harness;

/// A Redis of the test's own, to be killed, frozen and flushed.
pub(super) struct Redis(harness::Redis);

impl Redis {
    /// Not running yet.
    pub(super) fn absent() -> Self {
        let mut redis = Self::started();
        redis.kill();
        redis
    }

    pub(super) fn started() -> Self {
        Self(harness::Redis::start())
    }

    pub(super) fn url(&self) -> String {
        self.0.url()
    }

    pub(super) fn start(&mut self) {
        self.0.restart();
    }

    /// As `kill -9` does; everything in it is gone.
    pub(super) fn kill(&mut self) {
        self.0.kill9();
    }

    pub(super) fn freeze(&self) {
        self.0.pause();
    }

    pub(super) fn thaw(&self) {
        self.0.resume();
    }

    pub(super) fn command<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut connection = redis::Client::open(self.url()).unwrap().get_connection().unwrap();
        let mut command = redis::cmd(words.first().unwrap());
        command.arg(words.get(1..).unwrap()).query(&mut connection).unwrap()
    }
}

/// How to reach an S3-speaking server of the tests.
pub(super) fn s3_options(endpoint: &str) -> BlobOptions {
    BlobOptions {
        endpoint: Some(endpoint.to_owned()),
        region: None,
        access_key_id: Some(String::from("key")),
        secret_access_key: Some(String::from("secret")),
        allow_http: true,
    }
}
