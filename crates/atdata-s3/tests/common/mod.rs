//! The servers, and a look at what is in them past our own code.
// Not every test binary needs all of it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use atdata_s3::S3Config;
use atdata_testkit::servers::given::S3Server;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region, RequestChecksumCalculation};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use bytes::Bytes;

/// The bucket that all tests share, each below a prefix of its own.
pub(crate) const BUCKET: &str = "atdata-tests";

/// What servers differ in. Ours has to be right on each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capabilities {
    /// Unfinished uploads can be listed.
    pub(crate) lists_uploads: bool,
}

/// A server, and a place in it that nobody else uses.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) given: S3Server,
    pub(crate) can: Capabilities,
    pub(crate) raw: Client,
    pub(crate) prefix: String,
}

/// Ceph's gateway.
pub(crate) async fn rgw() -> Option<Server> {
    let can = Capabilities { lists_uploads: true };
    Server::given("TEST_S3", can).await
}

/// s3s-fs.
pub(crate) async fn s3s() -> Option<Server> {
    let can = Capabilities { lists_uploads: false };
    Server::given("TEST_S3S", can).await
}

/// Garage, where it was asked for.
pub(crate) async fn garage() -> Option<Server> {
    let can = Capabilities { lists_uploads: true };
    Server::given("TEST_GARAGE", can).await
}

impl Server {
    async fn given(prefix: &str, can: Capabilities) -> Option<Self> {
        let given = S3Server::given(prefix)?;
        let raw = client(&given);
        given.make_bucket(BUCKET);
        Some(Self { given, can, raw, prefix: unique("test") })
    }

    /// Who may do everything.
    pub(crate) fn config(&self) -> S3Config {
        let config = S3Config::with_keys(&self.given.access_key, &self.given.secret_key);
        config.with_endpoint(&self.given.endpoint).unwrap().with_region(&self.given.region)
    }

    /// Keys and bytes of all objects below the prefix.
    pub(crate) async fn objects(&self) -> BTreeMap<String, u64> {
        let mut found = BTreeMap::new();
        let pages = self.raw.list_objects_v2().bucket(BUCKET).prefix(format!("{}/", self.prefix));
        let mut pages = pages.into_paginator().send();
        while let Some(page) = pages.next().await {
            for object in page.unwrap().contents() {
                found.insert(object.key().unwrap().to_owned(), object.size().unwrap().unsigned_abs());
            }
        }
        found
    }

    /// The keys of all unfinished uploads below the prefix; none where the server cannot tell.
    pub(crate) async fn uploads(&self) -> Vec<String> {
        if !self.can.lists_uploads {
            return Vec::new();
        }
        let list = self.raw.list_multipart_uploads().bucket(BUCKET).prefix(format!("{}/", self.prefix));
        let page = list.send().await.unwrap();
        page.uploads().iter().map(|upload| upload.key().unwrap().to_owned()).collect()
    }

    /// Puts an object below the prefix.
    pub(crate) async fn put(&self, name: &str, bytes: Bytes) -> String {
        let key = format!("{}/{name}", self.prefix);
        self.raw.put_object().bucket(BUCKET).key(&key).body(ByteStream::from(bytes)).send().await.unwrap();
        format!("s3://{BUCKET}/{key}")
    }

    /// The port, and the path with its query, of an address on this server.
    pub(crate) fn port_and_path(&self, url: &str) -> (u16, String) {
        let path = url.strip_prefix(&self.given.endpoint).unwrap();
        (self.given.endpoint.rsplit_once(':').unwrap().1.parse().unwrap(), path.to_owned())
    }

    /// Removes an object below the prefix.
    pub(crate) async fn remove(&self, name: &str) {
        let key = format!("{}/{name}", self.prefix);
        self.raw.delete_object().bucket(BUCKET).key(key).send().await.unwrap();
    }
}

/// A name that no other test of this or any other process has.
pub(crate) fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let since = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    format!("{what}-{}-{since}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn client(server: &S3Server) -> Client {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    let keys = Credentials::new(&server.access_key, &server.secret_key, None, None, "test");
    let config = Builder::new()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(http.build_https())
        .endpoint_url(&server.endpoint)
        .region(Region::new(server.region.clone()))
        .force_path_style(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .credentials_provider(keys);
    Client::from_conf(config.build())
}
