//! [`LocalDiskStore`]: shards in a directory.
//!
//! # How a dataset becomes visible
//!
//! Shards are written under `{root}/.staging/{id}/`, which nothing looks into, and made durable there. Then a journal
//! (`commit`) is put beside them that says where they go; from that moment the dataset will be complete, even if the
//! process or the machine stops. Each shard is linked to its final name, the directories are made durable, and the
//! staging directory goes. See [`staging`].
//!
//! The writer holds a lock on a file in its staging directory, which the operating system drops when the process ends.
//! So the next writer, [`LocalDiskStore::open`] and [`LocalDiskStore::recover`] know what was abandoned: with a journal it is
//! published, without one it is removed.

mod address;
mod durable;
mod staging;
mod writer;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use atdata_core::{DataStore, Error, Result, ShardInput, StoredShard};
use tokio::sync::{mpsc, oneshot};

use self::writer::Message;
use crate::error::at_path;

/// How many chunks may wait for the disk: a chunk has some hundred KiB, or is one large sample.
const CHUNKS: usize = 8;

/// A store that writes shards to `{root}/{prefix}/data--{8 hex digits}--{number}.tar`, as Python does, and returns their
/// absolute paths; beside each shard lies its [sample index](atdata_core::shard_index).
///
/// All shards of one write become visible together or not at all; if the machine stops in the middle, by the next
/// write or [`recover`](Self::recover). Nothing is ever overwritten. What such a recovery publishes is complete but may
/// be in no index, because the writer ended before it could tell one. Disk work is done on threads of the store's
/// own, in memory of a few chunks.
///
/// ```
/// use atdata_core::{DataStore, DataStoreExt, DictSample, WriteOptions};
/// use atdata_local::LocalDiskStore;
/// use futures::StreamExt;
///
/// # futures::executor::block_on(async {
/// # let directory = tempfile::tempdir().unwrap();
/// let store = LocalDiskStore::open(directory.path())?;
/// let samples = futures::stream::iter((0..10i64).map(|n| Ok(DictSample::from_iter([("n", n)])))).boxed();
/// let shards = store.write_samples(samples, "numbers", &WriteOptions::default().with_max_count(5)).await?;
/// assert_eq!(shards.len(), 2);
/// assert!(std::path::Path::new(&shards[1].url).is_file());
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct LocalDiskStore {
    root: PathBuf,
}

/// What [`LocalDiskStore::recover`] found.
///
/// ```
/// # let directory = tempfile::tempdir().unwrap();
/// let store = atdata_local::LocalDiskStore::open(directory.path())?;
/// assert_eq!(store.recover()?.published, [""; 0]);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// The addresses of shards whose writer had ended after all were written, and which are visible now. An index may
    /// not know them.
    pub published: Vec<String>,
    /// How many unfinished writes were removed.
    pub removed: usize,
}

impl LocalDiskStore {
    /// A store in a directory, which is made when the first shard is written. Does what [`recover`](Self::recover) does.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if the path is not UTF-8 or has braces or
    /// backslashes, which readers of an index would expand; as
    /// [`recover`](Self::recover).
    pub fn open(root: impl AsRef<Path>) -> Result<Self> {
        let root = root.as_ref();
        let root = std::path::absolute(root).map_err(|error| at_path(error, root))?;
        address::check_root(&root)?;
        let store = Self { root };
        store.recover()?;
        Ok(store)
    }

    /// The store in `~/.atdata/data`, which Python uses if nothing else is said.
    ///
    /// # Errors
    /// As [`LocalDiskStore::open`]; there is no home directory.
    pub fn open_default() -> Result<Self> {
        Self::open(crate::home::in_home("data")?)
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Finishes or removes what writers have left that ended before they were done, and leaves alone what others are
    /// writing. Every write begins with this; it blocks the thread for as long as the disk needs.
    ///
    /// # Errors
    /// What the file system says; [`Corrupt`](atdata_core::ErrorKind::Corrupt) for a journal that is not ours. The rest
    /// has been recovered all the same.
    pub fn recover(&self) -> Result<Recovered> {
        staging::recover(&self.root)
    }
}

#[async_trait]
impl DataStore for LocalDiskStore {
    async fn write_shards(&self, input: &mut ShardInput<'_>, prefix: &str) -> Result<Vec<StoredShard>> {
        address::check_prefix(prefix)?;
        let (messages, received) = mpsc::channel(CHUNKS);
        let (done, paths) = oneshot::channel();
        writer::start(self.root.clone(), prefix.to_owned(), received, done)?;

        let fed = feed(input, &messages).await;
        if fed.is_ok() {
            // If this fails the thread has ended, and says why below.
            let _ = messages.send(Message::Commit).await;
        }
        drop(messages);
        // After a failure this waits until nothing is left.
        let written =
            paths.await.map_err(|_| Error::unexpected("the thread that writes shards has ended"))?;
        let mut shards = match fed {
            Err(Fed::Input(error)) => return Err(error),
            Err(Fed::Writer) => Vec::new(),
            Ok(shards) => shards,
        };
        let paths = written?;
        for (shard, path) in shards.iter_mut().zip(paths) {
            shard.url = address::of_path(&path)?;
        }
        Ok(shards)
    }

    fn is_local(&self) -> bool {
        true
    }

    fn read_url(&self, url: &str) -> Result<String> {
        address::check(&self.root, url)?;
        Ok(url.to_owned())
    }

    async fn remove_shards(&self, urls: &[String]) -> Result<()> {
        let paths: Vec<PathBuf> =
            urls.iter().map(|url| address::check(&self.root, url)).collect::<Result<_>>()?;
        writer::on_thread(move || {
            // The shard goes first: an index alone is not taken for anything.
            paths.iter().try_for_each(|path| {
                durable::remove_file(path)?;
                durable::remove_file(&staging::index_of(path))
            })
        })
        .await
    }
}

/// Why the thread was not given everything.
enum Fed {
    /// The samples failed.
    Input(Error),
    /// The thread has ended; it knows why.
    Writer,
}

/// Sends all shards to the thread.
async fn feed(input: &mut ShardInput<'_>, messages: &mpsc::Sender<Message>) -> Result<Vec<StoredShard>, Fed> {
    let mut shards = Vec::new();
    while let Some(mut shard) = input.next_shard().await.map_err(Fed::Input)? {
        while let Some(chunk) = shard.next_chunk().await.map_err(Fed::Input)? {
            messages.send(Message::Chunk(chunk)).await.map_err(|_| Fed::Writer)?;
        }
        let index = shard.sidecar().map_err(Fed::Input)?;
        messages.send(Message::EndOfShard(index)).await.map_err(|_| Fed::Writer)?;
        // Where it will be is known only when all are written.
        shards.push(shard.stored_as(""));
    }
    Ok(shards)
}
