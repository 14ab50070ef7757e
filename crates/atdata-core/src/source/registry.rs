use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::file::{FileOpener, StdinOpener};
use crate::url::ShardUrl;
use crate::{Error, Result, ShardBody};

/// Opens the shards of one scheme.
///
/// A backend implements it and puts it into a [`Registry`] that the caller owns.
///
/// ```
/// use std::sync::Arc;
/// use async_trait::async_trait;
/// use atdata_core::source::{Registry, ShardOpener};
/// use atdata_core::{Result, ShardBody};
///
/// #[derive(Debug)]
/// struct Zeros;
///
/// #[async_trait]
/// impl ShardOpener for Zeros {
///     async fn open(&self, _url: &str) -> Result<ShardBody> {
///         Ok(ShardBody::resident(vec![0u8; 1024]))
///     }
/// }
///
/// let mut registry = Registry::default();
/// registry.register("zeros", Arc::new(Zeros));
/// assert!(registry.opener("zeros://1").is_ok());
/// ```
#[async_trait]
pub trait ShardOpener: fmt::Debug + Send + Sync + 'static {
    /// Opens the shard at an address of this scheme.
    ///
    /// # Errors
    /// The shard is not there, or cannot be reached.
    async fn open(&self, url: &str) -> Result<ShardBody>;

    /// As [`DataSource::shard_size`](crate::DataSource::shard_size).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    async fn size(&self, url: &str) -> Result<Option<u64>> {
        Ok(self.open(url).await?.size())
    }

    /// As [`DataSource::resident_shard`](crate::DataSource::resident_shard).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    async fn resident(&self, _url: &str) -> Result<Option<Bytes>> {
        Ok(None)
    }

    /// As [`DataSource::read_range`](crate::DataSource::read_range).
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if only whole shards can be read,
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the shard ends before the range does; as [`open`](Self::open).
    async fn read_range(&self, url: &str, range: Range<u64>) -> Result<Bytes> {
        self.open(url).await?.slice(range)
    }

    /// As [`DataSource::range_tells_size`](crate::DataSource::range_tells_size).
    fn range_tells_size(&self, _url: &str) -> bool {
        false
    }

    /// As [`DataSource::read_range_with_size`](crate::DataSource::read_range_with_size).
    ///
    /// # Errors
    /// As [`read_range`](Self::read_range).
    async fn read_range_with_size(&self, url: &str, range: Range<u64>) -> Result<(Bytes, Option<u64>)> {
        Ok((self.read_range(url, range).await?, None))
    }

    /// As [`DataSource::open_index`](crate::DataSource::open_index).
    ///
    /// # Errors
    /// The index is there, but cannot be read.
    async fn open_index(&self, _url: &str) -> Result<Option<Bytes>> {
        Ok(None)
    }

    /// The [version](ShardBody::version) that [`open`](Self::open) would give now, without opening the shard. `None`
    /// if nothing else is implemented: a shard may then change unnoticed, and is not kept in a
    /// cache.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    async fn version(&self, _url: &str) -> Result<Option<String>> {
        Ok(None)
    }

    /// The opener for addresses that come from strangers, from an entry in an index of the network for instance. It
    /// must reach nothing that the stranger could not: no files, no addresses of the private network. `None`, which
    /// refuses all of them, if nothing else is implemented.
    fn untrusted(&self) -> Option<Arc<dyn ShardOpener>> {
        None
    }
}

/// Which [`ShardOpener`] serves which scheme: a plain value, nothing is global.
///
/// ```
/// use atdata_core::source::Registry;
///
/// let registry = Registry::default();
/// assert_eq!(registry.schemes().collect::<Vec<_>>(), ["-", "file"]);
/// assert!(registry.opener("ftp://host/a.tar").is_err());
/// ```
#[derive(Clone, Debug)]
pub struct Registry {
    openers: BTreeMap<String, Arc<dyn ShardOpener>>,
}

/// Knows local files and standard input.
impl Default for Registry {
    fn default() -> Self {
        let mut registry = Self::empty();
        registry.register("file", Arc::new(FileOpener { map: true }));
        registry.register("-", Arc::new(StdinOpener));
        registry
    }
}

impl Registry {
    /// Knows nothing, not even files.
    pub fn empty() -> Self {
        Self { openers: BTreeMap::new() }
    }

    /// Sets who opens a scheme (`s3`, without the colon). Bare paths belong to `file`.
    pub fn register(&mut self, scheme: &str, opener: Arc<dyn ShardOpener>) {
        self.openers.insert(scheme.to_ascii_lowercase(), opener);
    }

    /// The registry for addresses that come from strangers: of each scheme the opener that is
    /// [meant for them](ShardOpener::untrusted). Local files and standard input are not among them.
    ///
    /// ```
    /// use atdata_core::source::Registry;
    ///
    /// assert!(Registry::default().untrusted().opener("file:///data/a.tar").is_err());
    /// ```
    #[must_use]
    pub fn untrusted(&self) -> Self {
        let untrusted =
            |(scheme, opener): (&String, &Arc<dyn ShardOpener>)| Some((scheme.clone(), opener.untrusted()?));
        Self { openers: self.openers.iter().filter_map(untrusted).collect() }
    }

    /// The schemes that can be opened.
    pub fn schemes(&self) -> impl Iterator<Item = &str> {
        self.openers.keys().map(String::as_str)
    }

    /// Who opens an address.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if nobody does, or if the address would run a command.
    pub fn opener(&self, address: &str) -> Result<&Arc<dyn ShardOpener>> {
        let shard = ShardUrl::parse(address)?;
        self.openers.get(shard.scheme()).ok_or_else(|| {
            let known = self.schemes().collect::<Vec<_>>().join(", ");
            Error::unsupported(format!("nothing here opens {}: addresses; known are {known}", shard.scheme()))
                .with("url", &shard)
        })
    }
}
