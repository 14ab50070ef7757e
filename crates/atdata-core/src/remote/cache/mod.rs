//! What was read from afar, kept in a directory.

mod directory;
mod entry;
mod opener;
#[cfg(test)]
mod tests;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use directory::Directory;
use opener::CachedOpener;

use crate::source::ShardOpener;
use crate::{Result, ResultExt};

/// A directory in which shards are kept, up to a number of bytes; any number of processes may use it at once.
///
/// - A shard is kept when it was read to its end, if its length and its [version](crate::ShardBody::version) are known.
///   It is taken from here as long as the server says that its version is the same, which costs one request;
///   [`assuming_immutable`](Self::assuming_immutable) saves that.
/// - The bytes are checked against SHA-256 sums as they are read, block by block. A damaged shard is read from the
///   server again, from the damaged block on.
/// - A shard becomes visible as a whole or not at all. A process that is killed leaves a file that the next one
///   removes.
/// - What was used least recently goes first. Room is made before a shard is written; one that is longer than the limit
///   is not kept. A full disk, or any other failure to write, costs no reader anything.
/// - Only files that the cache wrote itself are deleted. They are in a directory of their own, `atdata-cache-1`, inside
///   the one that is given.
///
/// Whoever may write to the directory decides what is read. Addresses are kept as hashes only.
///
/// ```
/// use std::sync::Arc;
/// use atdata_core::remote::{Cache, ObjectClient, Remote, RemoteOptions};
/// use atdata_core::source::Registry;
///
/// # fn example(client: Arc<dyn ObjectClient>, directory: &std::path::Path) -> atdata_core::Result<()> {
/// let cache = Cache::open(directory, 50 << 30)?;
/// let mut registry = Registry::default();
/// registry.register("gopher", cache.wrap(Arc::new(Remote::new(client, RemoteOptions::default()))));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Cache {
    directory: Arc<Directory>,
    immutable: bool,
}

impl Cache {
    /// A cache of at most `limit` bytes in a directory, which is made if it is not there. Processes that use the same
    /// directory should have the same limit; each keeps to its own.
    ///
    /// # Errors
    /// The directory cannot be made or used.
    pub fn open(directory: impl AsRef<Path>, limit: u64) -> Result<Self> {
        let path: PathBuf = directory.as_ref().join("atdata-cache-1");
        let directory = Directory::open(path.clone(), limit).context("path", path.display())?;
        Ok(Self { directory: Arc::new(directory), immutable: false })
    }

    /// Takes what is here without asking the server: an address stands for the same bytes for ever. Shards without a
    /// version are kept too.
    #[must_use]
    pub fn assuming_immutable(mut self) -> Self {
        self.immutable = true;
        self
    }

    /// Keeps the shards that an opener opens.
    pub fn wrap(&self, opener: Arc<dyn ShardOpener>) -> Arc<dyn ShardOpener> {
        Arc::new(CachedOpener::new(self.clone(), opener))
    }

    /// How many bytes are kept, or are being written, by all processes. Reads the directory.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn size(&self) -> Result<u64> {
        let path = self.directory.path();
        self.directory.size().context("path", path.display())
    }
}
