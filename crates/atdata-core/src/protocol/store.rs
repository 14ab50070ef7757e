//! The `DataStore` protocol.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;

use crate::array::ArrayFormat;
use crate::shard::{PackedSample, ShardInput};
use crate::tar::SequentialKeys;
use crate::{Error, Result, ResultExt, Sample};

/// How samples are divided into shards and written.
///
/// ```
/// use atdata_core::WriteOptions;
///
/// let options = WriteOptions::default().with_max_count(1_000).with_max_size(64 << 20);
/// assert_eq!(options.max_count, 1_000);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WriteOptions {
    /// The most samples in a shard; 10,000 if nothing else is said.
    pub max_count: u64,
    /// The most bytes in a shard *file*, headers and padding included; 1 GiB if nothing else is said. A single sample
    /// beyond it gets a shard of its own.
    pub max_size: u64,
    /// The form in which arrays are written.
    pub array_format: ArrayFormat,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { max_count: 10_000, max_size: 1 << 30, array_format: ArrayFormat::Npy }
    }
}

impl WriteOptions {
    /// Sets the most samples in a shard; at least one.
    #[must_use]
    pub fn with_max_count(mut self, max_count: u64) -> Self {
        self.max_count = max_count.max(1);
        self
    }

    /// Sets the most bytes in a shard file.
    #[must_use]
    pub fn with_max_size(mut self, max_size: u64) -> Self {
        self.max_size = max_size;
        self
    }

    /// Sets the form in which arrays are written.
    #[must_use]
    pub fn with_array_format(mut self, format: ArrayFormat) -> Self {
        self.array_format = format;
        self
    }
}

/// A shard that a store has taken.
///
/// ```
/// let shard = atdata_core::StoredShard::new("file:///data/a.tar", 2048);
/// assert_eq!(shard.size, 2048);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredShard {
    /// The address by which it is read.
    pub url: String,
    /// The length in bytes.
    pub size: u64,
    /// The number of samples, where known.
    pub samples: Option<u64>,
    /// The SHA-256 of all bytes, in lower-case hex.
    pub sha256: Option<String>,
}

impl StoredShard {
    /// A shard of which only address and length are known.
    pub fn new(url: impl Into<String>, size: u64) -> Self {
        Self { url: url.into(), size, samples: None, sha256: None }
    }
}

/// Where shards are written.
///
/// A store takes its shards from a [`ShardInput`], which frames, divides and hashes them; the store only moves bytes.
///
/// ```
/// use std::sync::Mutex;
///
/// use async_trait::async_trait;
/// use atdata_core::{DataStore, Result, ShardInput, StoredShard};
///
/// /// Counts what it is given and keeps nothing.
/// #[derive(Debug, Default)]
/// struct Sink(Mutex<u64>);
///
/// #[async_trait]
/// impl DataStore for Sink {
///     async fn write_shards(&self, input: &mut ShardInput<'_>, prefix: &str) -> Result<Vec<StoredShard>> {
///         let mut stored = Vec::new();
///         while let Some(mut shard) = input.next_shard().await? {
///             while let Some(chunk) = shard.next_chunk().await? {
///                 *self.0.lock().unwrap() += chunk.len() as u64;
///             }
///             let url = format!("sink:{prefix}/{:06}.tar", shard.number());
///             stored.push(shard.stored_as(url));
///         }
///         Ok(stored)
///     }
///     fn read_url(&self, url: &str) -> Result<String> {
///         Ok(url.to_owned())
///     }
/// }
/// ```
#[async_trait]
pub trait DataStore: fmt::Debug + Send + Sync + 'static {
    /// Writes all shards of a dataset, under names that begin with `prefix`. They become visible together, or not at
    /// all, as far as the store can do that; after an error nothing of them remains.
    ///
    /// # Errors
    /// What `input` fails with; the store cannot be written; [`Invalid`](crate::ErrorKind::Invalid) if there is no
    /// sample at all or the prefix is not usable.
    async fn write_shards(&self, input: &mut ShardInput<'_>, prefix: &str) -> Result<Vec<StoredShard>>;

    /// The address under which a reader finds a shard that this store has returned.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if the address is not this store's.
    fn read_url(&self, url: &str) -> Result<String>;

    /// Removes shards that this store has written; one that has gone already is no error.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if the store cannot remove anything; an address of another
    /// store; the removal fails.
    async fn remove_shards(&self, _urls: &[String]) -> Result<()> {
        Err(Error::unsupported("this store does not remove shards"))
    }

    /// The longest shard that the store can take, in bytes, if it has a limit; it holds shards to it with
    /// [`ShardInput::limit_size`]. Whoever copies shards asks before anything moves. No limit if nothing else is
    /// implemented.
    ///
    /// # Errors
    /// The store cannot be asked.
    async fn max_shard_size(&self) -> Result<Option<u64>> {
        Ok(None)
    }

    /// Whether the addresses of its shards mean something on this machine only, as paths do: they are not for indexes that
    /// [everybody reads](crate::Index::is_public). Not if nothing else is implemented.
    fn is_local(&self) -> bool {
        false
    }

    /// The account in whose [index](crate::Index::owner) its shards have to be registered, because they are kept only as
    /// long as an entry there refers to them. None, if they stay whatever refers to them, or if nothing else is
    /// implemented.
    fn needs_index_of(&self) -> Option<&str> {
        None
    }

    /// Whether a shard is written as it is produced, in bounded memory, rather than collected first.
    fn supports_streaming(&self) -> bool {
        true
    }
}

macro_rules! forward_store {
    ($($pointer:ident),*) => {$(
        #[async_trait]
        impl<T: DataStore + ?Sized> DataStore for $pointer<T> {
            async fn write_shards(&self, input: &mut ShardInput<'_>, prefix: &str) -> Result<Vec<StoredShard>> {
                (**self).write_shards(input, prefix).await
            }
            fn read_url(&self, url: &str) -> Result<String> {
                (**self).read_url(url)
            }
            async fn remove_shards(&self, urls: &[String]) -> Result<()> {
                (**self).remove_shards(urls).await
            }
            async fn max_shard_size(&self) -> Result<Option<u64>> {
                (**self).max_shard_size().await
            }
            fn is_local(&self) -> bool {
                (**self).is_local()
            }
            fn needs_index_of(&self) -> Option<&str> {
                (**self).needs_index_of()
            }
            fn supports_streaming(&self) -> bool {
                (**self).supports_streaming()
            }
        }
    )*};
}
forward_store!(Arc, Box);

/// What follows from the methods of every [`DataStore`].
#[async_trait]
pub trait DataStoreExt: DataStore {
    /// Writes samples, with keys that count up from zero.
    ///
    /// # Errors
    /// As [`DataStore::write_shards`]; a sample that cannot be packed.
    async fn write_samples<T: Sample>(
        &self,
        samples: BoxStream<'_, Result<T>>,
        prefix: &str,
        options: &WriteOptions,
    ) -> Result<Vec<StoredShard>> {
        let mut keys = SequentialKeys::default();
        let arrays = options.array_format;
        let packed = samples
            .map(move |sample| {
                let sample = sample?;
                let key = keys.next().ok_or_else(|| Error::invalid("there are more samples than keys"))?;
                let mut payload = Vec::new();
                sample.pack_into(&mut payload, arrays).context("key", &key)?;
                Ok(PackedSample::new(key, payload))
            })
            .boxed();
        self.write_shards(&mut ShardInput::encode(packed, options), prefix).await
    }
}

impl<T: DataStore + ?Sized> DataStoreExt for T {}
