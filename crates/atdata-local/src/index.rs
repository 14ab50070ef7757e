//! [`LocalIndex`]: the index of a machine or of a team.

use std::fmt;
#[cfg(feature = "sqlite")]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use atdata_core::lens::LensRecord;
use atdata_core::schema::{Profile, SampleSchema};
use atdata_core::{DatedLabel, Index, IndexEntry, Label, NewDataset, Result, StoredLens, StoredSchema};
use futures::stream::BoxStream;

#[cfg(feature = "redis")]
use crate::redis::RedisIndex;
#[cfg(feature = "sqlite")]
use crate::sqlite::SqliteIndex;

/// The index of a machine, in one SQLite file, or of a team, on a Redis server. Python `atdata` and any number of processes
/// may use it at the same time. Clones share their connections.
///
/// # In a file
///
/// (Feature `sqlite`.) Every call is a transaction: after a crash it has happened or not. Writers wait for each other, up
/// to [`LocalIndexOptions::busy_timeout`]; readers wait for nobody. A commit waits for the disk, so many datasets are
/// inserted faster with [`insert_many`](LocalIndex::insert_many). The file should not lie on a network file system, whose
/// locks SQLite cannot rely on. It is the file of Python 0.7.
///
/// # On a server
///
/// (Feature `redis`.) The keys are those of Python 0.2 and 0.7. Look-ups by name, by label and by content identifier take one
/// exchange with the server at any size, two to five in a cluster. A call takes no longer than
/// [`LocalIndexOptions::timeout`]; a connection that is lost comes back by itself. A write that failed with
/// [`Unavailable`](atdata_core::ErrorKind::Unavailable) may or may not have happened: repeat it, which is safe. It needs a
/// runtime of tokio with time and input and output. `docs/redis.md` says what holds when Python writes too.
///
/// ```
/// use atdata_core::{Index, NewDataset};
/// use atdata_local::LocalIndex;
///
/// # futures::executor::block_on(async {
/// let index = LocalIndex::in_memory()?;
/// index.insert_dataset(NewDataset::new("digits", "Digit@1.0.0", vec!["/data/digits.tar".into()])).await?;
/// assert_eq!(index.get_dataset("digits").await?.data_urls(), ["/data/digits.tar"]);
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct LocalIndex(Backend);

#[derive(Clone)]
enum Backend {
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteIndex),
    #[cfg(feature = "redis")]
    Redis(RedisIndex),
}

/// How a [`LocalIndex`] is opened.
///
/// ```
/// use atdata_core::schema::Profile;
/// use atdata_local::LocalIndexOptions;
///
/// # futures::executor::block_on(async {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("index.db");
/// let index = LocalIndexOptions::default().with_profile(Profile::Latest).open(&path).await?;
/// assert_eq!(index.address(), path.to_str().unwrap());
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LocalIndexOptions {
    /// The form of the schema references that are written and returned; every form is read.
    pub profile: Profile,
    /// In a file: how long a call waits while other processes write before it fails with
    /// [`Unavailable`](atdata_core::ErrorKind::Unavailable); 30 seconds if nothing else is said.
    pub busy_timeout: Duration,
    /// On a server: how long each exchange with it may take, also while there is no connection, before a call fails with
    /// [`Unavailable`](atdata_core::ErrorKind::Unavailable); 10 seconds if nothing else is said.
    pub timeout: Duration,
    /// On a server: when something is not found and nobody has looked at all keys for so long, that is done before the
    /// answer; 5 minutes if nothing else is said.
    pub rescan_after: Duration,
}

impl Default for LocalIndexOptions {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            busy_timeout: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
            rescan_after: Duration::from_secs(300),
        }
    }
}

impl LocalIndexOptions {
    /// Sets the form of schema references.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Sets how long a call waits while other processes write to the file.
    #[must_use]
    pub fn with_busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Sets how long an exchange with the server may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how old what is known of all keys of the server may be when something is not found.
    #[must_use]
    pub fn with_rescan_after(mut self, age: Duration) -> Self {
        self.rescan_after = age;
        self
    }

    /// Opens the index in a file; the file and its directory are made if they are not there. A file that can only be
    /// read is opened too, and refuses every change.
    ///
    /// # Errors
    /// [`Corrupt`](atdata_core::ErrorKind::Corrupt) if the file is not an SQLite database or is damaged,
    /// [`PermissionDenied`](atdata_core::ErrorKind::PermissionDenied) if it cannot be opened.
    #[cfg(feature = "sqlite")]
    pub async fn open(&self, path: impl AsRef<Path>) -> Result<LocalIndex> {
        let index = SqliteIndex::open(path.as_ref(), self.profile, self.busy_timeout).await?;
        Ok(LocalIndex(Backend::Sqlite(index)))
    }

    /// Makes an index in memory, which ends with its last clone.
    ///
    /// # Errors
    /// No thread can be started.
    #[cfg(feature = "sqlite")]
    pub fn in_memory(&self) -> Result<LocalIndex> {
        Ok(LocalIndex(Backend::Sqlite(SqliteIndex::in_memory(self.profile)?)))
    }

    /// Connects to a server.
    ///
    /// | Address | Meaning |
    /// |---|---|
    /// | `redis://[user:password@]host[:port][/database]` | one server; `rediss` by TLS |
    /// | `redis-cluster://[user:password@]host[:port][?node=host:port]…` | a cluster, of which some nodes are named; `rediss-cluster` by TLS |
    /// | `redis-sentinel://[user:password@]host[:port][/database]?service=NAME[&node=host:port]…` | the master that sentinels name, whose own password is `sentinel_password`; `rediss-sentinel` by TLS |
    /// | `redis+unix://[user:password@]/path[?db=number]` | a socket; also `unix://` |
    ///
    /// Characters that addresses reserve are percent-encoded. The database should be the index's own: each key that
    /// somebody else adds to it or takes from it makes the index look at all keys.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if the address is malformed,
    /// [`PermissionDenied`](atdata_core::ErrorKind::PermissionDenied) if the server wants another user or password,
    /// [`Unavailable`](atdata_core::ErrorKind::Unavailable) if it does not answer. None of them shows user or password.
    #[cfg(feature = "redis")]
    pub async fn redis(&self, address: &str) -> Result<LocalIndex> {
        let index = RedisIndex::open(address, self.profile, self.timeout, self.rescan_after).await?;
        Ok(LocalIndex(Backend::Redis(index)))
    }
}

/// Calls the same method of whichever index it is.
macro_rules! each {
    ($index:expr, $it:ident => $call:expr) => {
        match &$index.0 {
            #[cfg(feature = "sqlite")]
            Backend::Sqlite($it) => $call,
            #[cfg(feature = "redis")]
            Backend::Redis($it) => $call,
        }
    };
}

impl LocalIndex {
    /// Opens the index in a file, which is made if it is not there: [`LocalIndexOptions::open`] with the defaults.
    ///
    /// # Errors
    /// As [`LocalIndexOptions::open`].
    #[cfg(feature = "sqlite")]
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        LocalIndexOptions::default().open(path).await
    }

    /// Opens `~/.atdata/index.db`, the index that Python uses if nothing else is said.
    ///
    /// # Errors
    /// As [`LocalIndexOptions::open`]; there is no home directory.
    #[cfg(feature = "sqlite")]
    pub async fn open_default() -> Result<Self> {
        Self::open(crate::home::in_home("index.db")?).await
    }

    /// Makes an index in memory, which ends with its last clone.
    ///
    /// # Errors
    /// No thread can be started.
    #[cfg(feature = "sqlite")]
    pub fn in_memory() -> Result<Self> {
        LocalIndexOptions::default().in_memory()
    }

    /// Connects to a server: [`LocalIndexOptions::redis`] with the defaults.
    ///
    /// # Errors
    /// As [`LocalIndexOptions::redis`].
    #[cfg(feature = "redis")]
    pub async fn redis(address: &str) -> Result<Self> {
        LocalIndexOptions::default().redis(address).await
    }

    /// The file, `:memory:`, or the address of the server without user and password.
    pub fn address(&self) -> &str {
        match &self.0 {
            #[cfg(feature = "sqlite")]
            Backend::Sqlite(index) => index.path(),
            #[cfg(feature = "redis")]
            Backend::Redis(index) => index.address(),
        }
    }

    /// Inserts many datasets. Entries come back in the same order.
    ///
    /// In a file it is one transaction: all of them or, if one fails, none; it costs one wait for the disk in all, and holds
    /// other writers up until it is done. On a server many are under way at the same time, each for itself, and if one fails
    /// others may have been inserted.
    ///
    /// # Errors
    /// As [`Index::insert_dataset`], of the first dataset that fails; the error has its name.
    pub async fn insert_many(&self, new: Vec<NewDataset>) -> Result<Vec<Arc<dyn IndexEntry>>> {
        each!(self, index => index.insert_many(new).await)
    }
}

#[async_trait]
impl Index for LocalIndex {
    async fn insert_dataset(&self, new: NewDataset) -> Result<Arc<dyn IndexEntry>> {
        each!(self, index => index.insert_dataset(new).await)
    }

    async fn get_dataset(&self, reference: &str) -> Result<Arc<dyn IndexEntry>> {
        each!(self, index => index.get_dataset(reference).await)
    }

    fn list_datasets(&self, prefix: &str) -> BoxStream<'_, Result<Arc<dyn IndexEntry>>> {
        each!(self, index => index.list_datasets(prefix))
    }

    async fn publish_schema(&self, schema: &SampleSchema) -> Result<String> {
        each!(self, index => index.publish_schema(schema).await)
    }

    async fn get_schema(&self, reference: &str) -> Result<StoredSchema> {
        each!(self, index => index.get_schema(reference).await)
    }

    fn list_schemas(&self, prefix: &str) -> BoxStream<'_, Result<StoredSchema>> {
        each!(self, index => index.list_schemas(prefix))
    }

    async fn set_label(&self, label: &Label) -> Result<()> {
        each!(self, index => index.set_label(label).await)
    }

    async fn set_older_label(&self, label: &Label) -> Result<()> {
        each!(self, index => index.set_older_label(label).await)
    }

    async fn get_label(&self, name: &str, version: Option<&str>) -> Result<Label> {
        each!(self, index => index.get_label(name, version).await)
    }

    fn list_labels(&self, prefix: &str) -> BoxStream<'_, Result<Label>> {
        each!(self, index => index.list_labels(prefix))
    }

    async fn label_history(&self, name: &str) -> Result<Vec<DatedLabel>> {
        each!(self, index => index.label_history(name).await)
    }

    async fn delete_label(&self, name: &str, version: &str) -> Result<()> {
        each!(self, index => index.delete_label(name, version).await)
    }

    async fn publish_lens(&self, lens: &LensRecord) -> Result<String> {
        each!(self, index => index.publish_lens(lens).await)
    }

    async fn get_lens(&self, reference: &str) -> Result<StoredLens> {
        each!(self, index => index.get_lens(reference).await)
    }

    fn list_lenses(&self, prefix: &str) -> BoxStream<'_, Result<StoredLens>> {
        each!(self, index => index.list_lenses(prefix))
    }
}

impl fmt::Debug for LocalIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalIndex").field(&self.address()).finish()
    }
}
