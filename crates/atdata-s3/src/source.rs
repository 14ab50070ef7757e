//! [`S3Source`]: shards by their keys.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::remote::{Remote, RemoteOptions};
use atdata_core::source::{Registry, ShardOpener};
use atdata_core::{DataSource, Error, Result, ResultExt, ShardBody};
use bytes::Bytes;

use crate::S3Config;
use crate::address::{Address, SCHEME, check_bucket, check_key};
use crate::connection::Connection;
use crate::error::from_sdk;
use crate::objects::S3Objects;

/// The most shards that a listing is followed to.
const MAX_SHARDS: usize = 1_000_000;

/// Teaches a registry the scheme `s3`.
///
/// ```
/// use atdata_core::source::Registry;
/// use atdata_s3::S3Config;
///
/// let mut registry = Registry::default();
/// atdata_s3::register(&mut registry, S3Config::default());
/// assert!(registry.opener("s3://bucket/a.tar").is_ok());
/// ```
pub fn register(registry: &mut Registry, config: S3Config) {
    registry.register(SCHEME, Arc::new(opener(config, RemoteOptions::default())));
}

/// What opens `s3://BUCKET/KEY`: whole shards as streams that are resumed when they break, and parts of shards. Keys are
/// taken as they are; nothing in an address is decoded. Nothing is sent before a shard is opened.
///
/// ```
/// use std::sync::Arc;
/// use atdata_core::remote::RemoteOptions;
/// use atdata_core::source::Registry;
/// use atdata_s3::S3Config;
///
/// let options = RemoteOptions::default().with_max_size(100 << 30);
/// let mut registry = Registry::default();
/// registry.register(atdata_s3::SCHEME, Arc::new(atdata_s3::opener(S3Config::anonymous(), options)));
/// ```
pub fn opener(config: S3Config, options: RemoteOptions) -> Remote {
    of_connection(Connection::new(config), options)
}

fn of_connection(connection: Connection, options: RemoteOptions) -> Remote {
    Remote::new(Arc::new(S3Objects::new(connection)), options)
}

/// Shards in one bucket, by their keys. Their identifiers are `s3://{bucket}/{key}`.
///
/// Shards of several buckets, and brace patterns, are a matter of [`UrlSource`](atdata_core::source::UrlSource) with a
/// registry that knows [`s3`](register).
///
/// ```
/// use atdata_core::DataSource;
/// use atdata_s3::{S3Config, S3Source};
///
/// # futures::executor::block_on(async {
/// let source = S3Source::new(S3Config::anonymous(), "public", ["a/000000.tar", "a/000001.tar"])?;
/// assert_eq!(source.list_shards().await?, ["s3://public/a/000000.tar", "s3://public/a/000001.tar"]);
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct S3Source {
    opener: Remote,
    shards: Vec<String>,
    known: HashSet<String>,
}

impl S3Source {
    /// These keys of a bucket, in this order.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if the bucket or a key cannot be one.
    pub fn new<K: Into<String>>(
        config: S3Config,
        bucket: &str,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Self> {
        Self::of_keys(Connection::new(config), bucket, keys)
    }

    /// These addresses, in this order, all of one bucket.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if there is none, one is not `s3://BUCKET/KEY`, or there are several
    /// buckets.
    pub fn from_urls<U: AsRef<str>>(config: S3Config, urls: impl IntoIterator<Item = U>) -> Result<Self> {
        let mut bucket: Option<String> = None;
        let mut keys = Vec::new();
        for url in urls {
            let address = Address::parse(url.as_ref())?;
            if bucket.get_or_insert_with(|| address.bucket.clone()) != &address.bucket {
                let fault = "the addresses of one S3 source are all of the same bucket";
                return Err(Error::invalid(fault).with("url", url.as_ref()));
            }
            keys.push(address.key);
        }
        let bucket = bucket.ok_or_else(|| Error::invalid("there are no addresses"))?;
        Self::new(config, &bucket, keys)
    }

    /// These keys of a bucket, with credentials as Python has them: pairs of `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY` and, where there is one, `AWS_ENDPOINT` and `AWS_REGION`.
    ///
    /// # Errors
    /// As [`S3Config::from_credentials`] and [`S3Source::new`].
    pub fn from_credentials<N: Into<String>, V: Into<String>, K: Into<String>>(
        credentials: impl IntoIterator<Item = (N, V)>,
        bucket: &str,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Self> {
        Self::new(S3Config::from_credentials(credentials)?, bucket, keys)
    }

    /// All keys of a bucket that begin with `prefix` and end with `.tar`, in the order of their bytes. One request for a
    /// thousand objects.
    ///
    /// # Errors
    /// The bucket cannot be listed; there are more than a million shards.
    pub async fn from_prefix(config: S3Config, bucket: &str, prefix: &str) -> Result<Self> {
        check_bucket(bucket)?;
        let connection = Connection::new(config);
        let keys = list(&connection, bucket, prefix)
            .await
            .context("url", format!("{SCHEME}://{bucket}/{prefix}"))?;
        Self::of_keys(connection, bucket, keys)
    }

    fn of_keys<K: Into<String>>(
        connection: Connection,
        bucket: &str,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Self> {
        check_bucket(bucket)?;
        let mut shards = Vec::new();
        for key in keys {
            let key = key.into();
            if key.is_empty() {
                return Err(Error::invalid("a key is empty").with("name", bucket));
            }
            check_key(&key).context("name", &key)?;
            shards.push(Address { bucket: bucket.to_owned(), key }.to_string());
        }
        let known = shards.iter().cloned().collect();
        Ok(Self { opener: of_connection(connection, RemoteOptions::default()), shards, known })
    }

    fn known(&self, id: &str) -> Result<&Remote> {
        if self.known.contains(id) {
            Ok(&self.opener)
        } else {
            Err(Error::not_found("the source has no such shard").with("shard", id))
        }
    }
}

async fn list(connection: &Connection, bucket: &str, prefix: &str) -> Result<Vec<String>> {
    let request = connection.client().await?.list_objects_v2().bucket(bucket).prefix(prefix);
    let mut pages = request.into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| from_sdk(&error))?;
        let found = page.contents().iter().filter_map(|object| object.key());
        keys.extend(found.filter(|key| key.ends_with(".tar")).map(str::to_owned));
        if keys.len() > MAX_SHARDS {
            return Err(Error::invalid(format!(
                "there are more than {MAX_SHARDS} shards; use a longer prefix"
            )));
        }
    }
    Ok(keys)
}

#[async_trait]
impl DataSource for S3Source {
    async fn list_shards(&self) -> Result<Vec<String>> {
        Ok(self.shards.clone())
    }

    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        self.known(id)?.open(id).await.context("shard", id)
    }

    async fn shard_size(&self, id: &str) -> Result<Option<u64>> {
        self.known(id)?.size(id).await.context("shard", id)
    }

    async fn read_range(&self, id: &str, range: Range<u64>) -> Result<Bytes> {
        self.known(id)?.read_range(id, range).await.context("shard", id)
    }

    fn range_tells_size(&self, id: &str) -> bool {
        self.opener.range_tells_size(id)
    }

    async fn read_range_with_size(&self, id: &str, range: Range<u64>) -> Result<(Bytes, Option<u64>)> {
        self.known(id)?.read_range_with_size(id, range).await.context("shard", id)
    }

    async fn open_index(&self, id: &str) -> Result<Option<Bytes>> {
        self.known(id)?.open_index(id).await.context("shard", id)
    }
}

#[cfg(test)]
mod tests {
    use atdata_core::ErrorKind;
    use futures::executor::block_on;

    use super::*;

    fn from_urls(urls: &[&str]) -> Result<S3Source> {
        S3Source::from_urls(S3Config::anonymous(), urls)
    }

    #[test]
    fn addresses_are_of_one_bucket() {
        let source = from_urls(&["s3://b/x.tar", "s3://b/deep/y.tar", "s3://b/x.tar"]).unwrap();
        let ids = ["s3://b/x.tar", "s3://b/deep/y.tar", "s3://b/x.tar"];
        assert_eq!(block_on(source.list_shards()).unwrap(), ids);
        for urls in [&[][..], &["http://b/x.tar"], &["s3://b"], &["s3://b/x.tar", "s3://c/x.tar"]] {
            assert_eq!(from_urls(urls).unwrap_err().kind(), ErrorKind::Invalid, "{urls:?}");
        }
    }

    #[test]
    fn the_keys_of_python_are_understood() {
        let credentials = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret")];
        let source = S3Source::from_credentials(credentials, "b", ["x.tar"]).unwrap();
        assert_eq!(block_on(source.list_shards()).unwrap(), ["s3://b/x.tar"]);
        assert!(!format!("{source:?}").contains("secret"));
        assert!(S3Source::from_credentials(credentials, "b", [""]).is_err());
        assert!(S3Source::from_credentials([("AWS_REGION", "x")], "b", ["x.tar"]).is_err());
    }

    #[test]
    fn only_listed_shards_are_opened() {
        let source = from_urls(&["s3://b/x.tar"]).unwrap();
        assert!(block_on(source.open_shard("s3://b/y.tar")).unwrap_err().is_not_found());
    }
}
