//! [`S3DataStore`]: shards in a bucket.
//!
//! # How a dataset becomes visible
//!
//! Each shard and each index is a multipart upload, which nobody sees until it is completed. All are uploaded first and
//! completed afterwards, the indexes before the shards, which takes one small request each. If anything fails before
//! that, or the write is dropped, the uploads are aborted; if a completion fails, what was completed is removed.
//!
//! What a killed process leaves is invisible, but takes room (and, at some providers, money) until it is aborted:
//! by [`S3DataStore::abort_unfinished`], or by a life-cycle rule of the bucket.

mod background;
mod names;
mod object;
mod parts;
mod publication;
mod unfinished;
mod writing;

use std::time::Duration;

use async_trait::async_trait;
use atdata_core::shard_index::index_address;
use atdata_core::{DataStore, Error, Result, ShardInput, StoredShard};
use aws_sdk_s3::presigning::PresigningConfig;
use futures::stream::{self, StreamExt, TryStreamExt};
use uuid::Uuid;

use self::background::Background;
use self::names::StoreNames;
use self::object::delete;
use self::publication::{Names, Publication, REQUESTS, expect_none};
use self::writing::{Pace, Writing};
use crate::S3Config;
use crate::address::Address;
use crate::connection::{Connection, runtime};
use crate::error::from_sdk;

/// The type that shards are stored with.
const SHARD_TYPE: &str = "application/x-tar";

/// The type that indexes are stored with.
const INDEX_TYPE: &str = "application/octet-stream";

/// The smallest part that S3 takes, but for the last of an object.
const MIN_PART: usize = 5 << 20;

/// The largest part size that can be asked for: it is held in memory several times.
const MAX_PART: usize = 256 << 20;

/// The longest that a presigned address is valid.
const MAX_EXPIRY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A store that writes shards to `s3://{bucket}/{prefix}/data--{uuid}--{number}.tar`, as Python does; beside each shard
/// lies its [sample index](atdata_core::shard_index).
///
/// Shards are uploaded as they are produced, in parts of 8 MiB of which 4 are on their way at once: memory is bounded by
/// about 6 parts, whatever the size of a shard. None is visible before all of a write have been uploaded; see
/// [`DataStore::write_shards`]. After a failure nothing remains. If the future of a write is *dropped*, the runtime takes
/// away in the background what was uploaded; [`settled`](Self::settled) waits for that, and a program that is about to
/// end should.
///
/// Needs a tokio runtime with I/O and time enabled.
///
/// ```no_run
/// use atdata_core::{DataStoreExt, DictSample, WriteOptions};
/// use atdata_s3::{S3Config, S3DataStore};
/// use futures::StreamExt;
///
/// # async fn run() -> atdata_core::Result<()> {
/// let config = S3Config::with_keys("id", "secret").with_endpoint("http://127.0.0.1:9000")?;
/// let store = S3DataStore::new(config, "datasets")?.with_prefix("team")?;
/// let samples = futures::stream::iter((0..10i64).map(|n| Ok(DictSample::from_iter([("n", n)])))).boxed();
/// let shards = store.write_samples(samples, "numbers", &WriteOptions::default()).await?;
/// assert!(shards[0].url.starts_with("s3://datasets/team/numbers/data--"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct S3DataStore {
    connection: Connection,
    names: StoreNames,
    overwrite: bool,
    pace: Pace,
    background: Background,
}

impl S3DataStore {
    /// A store in a bucket, which must be there when it is first used. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if no bucket can have this name.
    pub fn new(config: S3Config, bucket: &str) -> Result<Self> {
        Ok(Self {
            connection: Connection::new(config),
            names: StoreNames::new(bucket)?,
            overwrite: false,
            pace: Pace { part_size: 8 << 20, in_flight: 4 },
            background: Background::new(),
        })
    }

    /// A store at `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if it is not such an address.
    pub fn from_url(config: S3Config, url: &str) -> Result<Self> {
        let (bucket, prefix) = crate::address::split(url)?;
        let store = Self::new(config, bucket)?;
        match prefix.trim_end_matches('/') {
            "" => Ok(store),
            prefix => store.with_prefix(prefix),
        }
    }

    /// Writes below a prefix: keys are `{prefix}/{the write's own prefix}/…`.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if the prefix is [not usable](atdata_core::shard::validate_prefix).
    pub fn with_prefix(mut self, prefix: &str) -> Result<Self> {
        self.names = self.names.with_root(prefix)?;
        Ok(self)
    }

    /// Gives shards fixed names, `data--{id}--{number}.tar`, instead of ones with a random number. A write under names
    /// that are taken is then refused ([`AlreadyExists`](atdata_core::ErrorKind::AlreadyExists)), or
    /// [replaces them](Self::with_overwrite).
    ///
    /// The shards of a dataset may be written one by one, each under its
    /// [number](atdata_core::ShardInput::starting_at). Of several writers of the same names one succeeds. That is certain where the server honours `If-None-Match` of
    /// `PutObject` atomically (as S3 and Ceph do); elsewhere it holds as long as a small request takes less than half a
    /// second.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) unless it is 1 to 64 letters, digits, `.`, `_` and `-`.
    pub fn with_id(mut self, id: &str) -> Result<Self> {
        self.names = self.names.with_id(id)?;
        Ok(self)
    }

    /// Sets whether shards of the same [fixed names](Self::with_id) are replaced. That happens shard by shard: for a
    /// moment readers find old and new ones, and after a failure both may remain; checksums tell them apart. Old shards
    /// with higher numbers than the new ones have stay.
    #[must_use]
    pub fn with_overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Sets the size of the parts in which shards are uploaded, 5 MiB to 256 MiB. After 2,000 parts of a shard they
    /// double, so that a shard may have up to 62,000 times this size.
    #[must_use]
    pub fn with_part_size(mut self, bytes: usize) -> Self {
        self.pace.part_size = bytes.clamp(MIN_PART, MAX_PART);
        self
    }

    /// Sets how many parts are on their way at once, at least one.
    #[must_use]
    pub fn with_parts_in_flight(mut self, parts: usize) -> Self {
        self.pace.in_flight = parts.clamp(1, 256);
        self
    }

    /// The bucket.
    pub fn bucket(&self) -> &str {
        self.names.bucket()
    }

    /// The prefix that all keys of this store have, if it has one.
    pub fn prefix(&self) -> Option<&str> {
        self.names.root()
    }

    /// An address by which anybody may read a shard until it expires, without credentials. It is a secret: errors and
    /// logs of this library show it without its signature.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if the shard is not this store's or the time is not between a second
    /// and seven days; there are no credentials to sign with.
    pub async fn presigned_url(&self, url: &str, expires_in: Duration) -> Result<String> {
        let address = self.names.check(url)?;
        if expires_in.is_zero() || expires_in.subsec_nanos() != 0 || expires_in > MAX_EXPIRY {
            return Err(Error::invalid("a presigned address is valid for whole seconds, up to seven days")
                .with("url", url));
        }
        let client = self.connection.client().await?;
        let config = PresigningConfig::expires_in(expires_in)
            .map_err(|error| Error::invalid(format!("the time to expiry cannot be used: {error}")))?;
        let request = client.get_object().bucket(&address.bucket).key(&address.key).presigned(config).await;
        let request = request.map_err(|error| from_sdk(&error).with("url", url))?;
        Ok(request.uri().to_owned())
    }

    /// The address of a shard as the server has it, `{endpoint}/{bucket}/{key}`, which can be read by HTTP if the bucket
    /// is public. Without an endpoint it is the `s3://` address itself, as in Python.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if the address is not this store's.
    pub async fn http_url(&self, url: &str) -> Result<String> {
        let address = self.names.check(url)?;
        let endpoint = &self.connection.connected().await?.endpoint;
        Ok(match endpoint {
            Some(endpoint) => {
                format!("{endpoint}/{}/{}", address.bucket, names::percent_encode(&address.key))
            }
            None => address.to_string(),
        })
    }

    /// Waits until nothing is going on behind the back of a dropped or failed write: what it uploaded is gone, or, if it
    /// was dropped in its last moments, visible as a whole.
    pub async fn settled(&self) {
        self.background.settled().await;
    }

    /// Aborts uploads under this store's prefix that were begun so long ago or longer and never finished, as a killed
    /// process leaves them. Gives their addresses. Make sure that nobody is still writing.
    ///
    /// # Errors
    /// The server refuses, or cannot list uploads.
    pub async fn abort_unfinished(&self, begun_before: Duration) -> Result<Vec<String>> {
        let client = self.connection.client().await?;
        let prefix = self.names.root().map(|root| format!("{root}/"));
        unfinished::abort(client, self.names.bucket(), prefix.as_deref(), begun_before).await
    }

    async fn begin(&self, prefix: &str, first: usize) -> Result<(Writing, names::WriteNames)> {
        let write_id = Uuid::new_v4().to_string();
        let names = self.names.of_write(prefix, &write_id)?;
        let client = self.connection.client().await?.clone();
        let taken = match (self.names.has_id(), self.overwrite) {
            (false, _) => Names::Fresh,
            (true, false) => Names::Guarded,
            (true, true) => Names::Replaced,
        };
        if taken == Names::Guarded {
            // Said now rather than after everything has been uploaded.
            expect_none(&client, &names.shard(first)?).await?;
        }
        let publication = Publication::new(taken, write_id, names.stem());
        let (background, pace) = (self.background.clone(), self.pace.clone());
        Ok((Writing::new(publication, client, runtime()?, background, pace), names))
    }
}

#[async_trait]
impl DataStore for S3DataStore {
    async fn write_shards(&self, input: &mut ShardInput<'_>, prefix: &str) -> Result<Vec<StoredShard>> {
        let (mut writing, names) = self.begin(prefix, input.first_number()).await?;
        match upload(input, &mut writing, &names).await {
            Ok(shards) => writing.publish().await.map(|()| shards),
            Err(error) => {
                writing.discard().await;
                Err(error)
            }
        }
    }

    fn read_url(&self, url: &str) -> Result<String> {
        self.names.check(url).map(|_| url.to_owned())
    }

    async fn remove_shards(&self, urls: &[String]) -> Result<()> {
        let shards: Vec<Address> = urls.iter().map(|url| self.names.check(url)).collect::<Result<_>>()?;
        let client = self.connection.client().await?;
        let removed = stream::iter(shards).map(|shard| async move {
            // The shard goes first: an index alone is not taken for anything.
            delete(client, &shard).await?;
            delete(client, &index_of(&shard)).await
        });
        removed.buffer_unordered(REQUESTS).try_collect().await
    }
}

/// Uploads all shards with their indexes.
async fn upload(
    input: &mut ShardInput<'_>,
    writing: &mut Writing,
    names: &names::WriteNames,
) -> Result<Vec<StoredShard>> {
    let mut shards = Vec::new();
    while let Some(mut shard) = input.next_shard().await? {
        let address = names.shard(shard.number())?;
        let mut upload = writing.begin_shard(address.clone())?;
        while let Some(chunk) = shard.next_chunk().await? {
            writing.write(&mut upload, chunk).await?;
        }
        writing.finish(upload).await?;
        if let Some(index) = shard.sidecar()? {
            writing.write_index(index_of(&address), index).await?;
        }
        shards.push(shard.stored_as(address.to_string()));
    }
    Ok(shards)
}

fn index_of(shard: &Address) -> Address {
    Address { bucket: shard.bucket.clone(), key: index_address(&shard.key) }
}
