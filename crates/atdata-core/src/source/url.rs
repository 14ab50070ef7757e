use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::registry::{Registry, ShardOpener};
use crate::url::{ShardUrl, expand_all, expand_glob, redact};
use crate::{DataSource, Error, IndexEntry, Result, ResultExt, ShardBody};

/// The most shards of a source: entries come from others, and a few bytes of braces stand for any number.
pub(crate) const MAX_SHARDS: usize = 1_000_000;

/// Shards by address: paths, `file:` URLs and whatever else a [`Registry`] opens; brace patterns of any scheme and
/// glob patterns of local files are expanded once, when the source is made.
///
/// ```
/// use atdata_core::DataSource;
/// use atdata_core::source::{Registry, UrlSource};
///
/// # futures::executor::block_on(async {
/// let source = UrlSource::new("/data/mnist-{000..002}.tar", &Registry::default())?;
/// assert_eq!(source.list_shards().await?.len(), 3);
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct UrlSource {
    shards: Vec<String>,
    openers: HashMap<String, Arc<dyn ShardOpener>>,
}

impl UrlSource {
    /// Expands one address.
    ///
    /// # Errors
    /// Unbalanced braces, a glob without a match, more than 1,000,000 shards, a scheme that `registry` does not have, an
    /// address that would run a command.
    pub fn new(address: &str, registry: &Registry) -> Result<Self> {
        Self::from_urls([address], registry)
    }

    /// Expands several addresses and joins the results in order.
    ///
    /// # Errors
    /// As [`UrlSource::new`].
    pub fn from_urls<S: AsRef<str>>(
        addresses: impl IntoIterator<Item = S>,
        registry: &Registry,
    ) -> Result<Self> {
        let mut shards = Vec::new();
        let mut openers = HashMap::new();
        for address in addresses {
            for shard in expand(address.as_ref(), MAX_SHARDS - shards.len())? {
                openers.insert(shard.clone(), registry.opener(&shard)?.clone());
                shards.push(shard);
            }
        }
        Ok(Self { shards, openers })
    }

    /// The shards of an index's entry. What strangers wrote may point at public addresses only, whatever `registry` opens.
    ///
    /// # Errors
    /// As [`UrlSource::new`]; [`PermissionDenied`](crate::ErrorKind::PermissionDenied) if the entry is
    /// [a stranger's](IndexEntry::is_foreign) and points at files, or at other things that only this machine reaches.
    pub fn of_entry(entry: &dyn IndexEntry, registry: &Registry) -> Result<Self> {
        if !entry.is_foreign() {
            return Self::from_urls(entry.data_urls(), registry).context("name", entry.name());
        }
        let source = Self::from_urls(entry.data_urls(), &registry.untrusted());
        source.map_err(|error| refused(entry, registry, error)).context("name", entry.name())
    }

    /// These shards, of which none is a pattern.
    ///
    /// # Errors
    /// A scheme that `registry` does not have.
    pub(crate) fn of_shards(shards: Vec<String>, registry: &Registry) -> Result<Self> {
        let openers = shards.iter().map(|shard| Ok((shard.clone(), registry.opener(shard)?.clone())));
        Ok(Self { openers: openers.collect::<Result<_>>()?, shards })
    }

    fn opener(&self, id: &str) -> Result<&dyn ShardOpener> {
        let opener = self.openers.get(id);
        opener
            .map(|opener| &**opener)
            .ok_or_else(|| Error::not_found("the source has no such shard").with("shard", id))
    }
}

/// Why a stranger's entry is not opened: because it is a stranger's, if it would be opened otherwise.
fn refused(entry: &dyn IndexEntry, registry: &Registry, error: Error) -> Error {
    match UrlSource::from_urls(entry.data_urls(), registry) {
        Ok(_) => Error::permission_denied(
            "the entry comes from the network, and points at what only this machine or its user can reach",
        )
        .with_source(error),
        Err(_) => error,
    }
}

/// Addresses may hold secrets, and there may be a million of them.
impl fmt::Debug for UrlSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.shards.first().map(|shard| redact(shard));
        f.debug_struct("UrlSource")
            .field("shards", &self.shards.len())
            .field("first", &first)
            .finish_non_exhaustive()
    }
}

/// Expands braces, then, of local addresses, glob patterns, to at most `limit` shards.
pub(crate) fn expand(address: &str, limit: usize) -> Result<Vec<String>> {
    let mut shards = Vec::new();
    for expanded in expand_all(address, limit).map_err(|error| error.with("url", redact(address)))? {
        let is_pattern = expanded.contains(['*', '?', '[']);
        if is_pattern && matches!(ShardUrl::parse(&expanded)?, ShardUrl::Path(_)) {
            for path in expand_glob(&expanded)? {
                let path = path.into_os_string().into_string().map_err(|path| {
                    Error::unsupported("the path is not UTF-8").with("path", path.to_string_lossy())
                })?;
                shards.push(path);
            }
        } else {
            shards.push(expanded);
        }
        if shards.len() > limit {
            let message = format!("the patterns stand for more shards than the limit of {MAX_SHARDS}");
            return Err(Error::invalid(message).with("url", redact(address)));
        }
    }
    Ok(shards)
}

#[async_trait]
impl DataSource for UrlSource {
    async fn list_shards(&self) -> Result<Vec<String>> {
        Ok(self.shards.clone())
    }

    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        self.opener(id)?.open(id).await.context("shard", id)
    }

    async fn shard_size(&self, id: &str) -> Result<Option<u64>> {
        self.opener(id)?.size(id).await.context("shard", id)
    }

    async fn resident_shard(&self, id: &str) -> Result<Option<Bytes>> {
        self.opener(id)?.resident(id).await.context("shard", id)
    }

    async fn read_range(&self, id: &str, range: Range<u64>) -> Result<Bytes> {
        self.opener(id)?.read_range(id, range).await.context("shard", id)
    }

    fn range_tells_size(&self, id: &str) -> bool {
        self.opener(id).is_ok_and(|opener| opener.range_tells_size(id))
    }

    async fn read_range_with_size(&self, id: &str, range: Range<u64>) -> Result<(Bytes, Option<u64>)> {
        self.opener(id)?.read_range_with_size(id, range).await.context("shard", id)
    }

    async fn open_index(&self, id: &str) -> Result<Option<Bytes>> {
        self.opener(id)?.open_index(id).await.context("shard", id)
    }
}
