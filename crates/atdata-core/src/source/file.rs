use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use tokio::sync::mpsc;

use super::registry::ShardOpener;
use crate::url::ShardUrl;
use crate::{DataSource, Error, Result, ResultExt, ShardBody};

/// How much of a file that is not mapped is read at once.
const CHUNK: usize = 1 << 20;

/// Shards in local files.
///
/// Regular files are memory-mapped, so that samples are slices of the page cache. A file that another program *cuts*
/// while it is being read would end this process with SIGBUS; where that can happen,
/// [`without_mapping`](Self::without_mapping) reads in chunks.
///
/// ```
/// use atdata_core::DataSource;
/// use atdata_core::source::FileSource;
///
/// # futures::executor::block_on(async {
/// let source = FileSource::new(["/nowhere/a.tar", "/nowhere/b.tar"]);
/// assert_eq!(source.list_shards().await?, ["/nowhere/a.tar", "/nowhere/b.tar"]);
/// assert!(source.open_shard("/nowhere/a.tar").await.unwrap_err().is_not_found());
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct FileSource {
    paths: Vec<PathBuf>,
    opener: FileOpener,
}

impl FileSource {
    /// These files, in this order.
    pub fn new<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> Self {
        Self { paths: paths.into_iter().map(Into::into).collect(), opener: FileOpener { map: true } }
    }

    /// All files of a directory whose names end in `.tar`, in the order of their names. Hidden ones, as a store
    /// that is still writing may have, are left out.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn directory(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut paths = Vec::new();
        for item in std::fs::read_dir(path).context("path", path.display())? {
            let item = item.context("path", path.display())?;
            let name = item.file_name();
            let name = name.to_string_lossy();
            if name.ends_with(".tar") && !name.starts_with('.') && item.path().is_file() {
                paths.push(item.path());
            }
        }
        paths.sort();
        Ok(Self::new(paths))
    }

    /// Reads in chunks instead of mapping.
    #[must_use]
    pub fn without_mapping(mut self) -> Self {
        self.opener.map = false;
        self
    }
}

#[async_trait]
impl DataSource for FileSource {
    async fn list_shards(&self) -> Result<Vec<String>> {
        Ok(self.paths.iter().map(|path| path.to_string_lossy().into_owned()).collect())
    }

    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        let known = self.paths.iter().find(|path| path.to_string_lossy() == id);
        let path = known.ok_or_else(|| Error::not_found("the source has no such shard").with("shard", id))?;
        self.opener.open_path(path)
    }
}

/// Opens `file:` addresses and bare paths.
#[derive(Clone, Debug)]
pub(super) struct FileOpener {
    pub(super) map: bool,
}

impl FileOpener {
    fn open_path(&self, path: &Path) -> Result<ShardBody> {
        let file = File::open(path).context("path", path.display())?;
        let metadata = file.metadata().context("path", path.display())?;
        if metadata.is_dir() {
            return Err(Error::invalid("the shard is a directory").with("path", path.display()));
        }
        if metadata.is_file() && self.map && metadata.len() > 0 {
            return Ok(ShardBody::resident(super::mapped::map(&file).context("path", path.display())?));
        }
        let size = metadata.is_file().then_some(metadata.len());
        Ok(read_in_chunks(file, size, path.display().to_string()))
    }
}

#[async_trait]
impl ShardOpener for FileOpener {
    async fn open(&self, address: &str) -> Result<ShardBody> {
        match ShardUrl::parse(address)? {
            ShardUrl::Path(path) => self.open_path(&path),
            other => Err(Error::invalid("the address is not a local file").with("url", other)),
        }
    }
}

/// Opens `-`.
#[derive(Debug)]
pub(super) struct StdinOpener;

#[async_trait]
impl ShardOpener for StdinOpener {
    async fn open(&self, _address: &str) -> Result<ShardBody> {
        Ok(read_in_chunks(std::io::stdin(), None, "standard input".to_owned()))
    }
}

/// Reads a file, pipe or device on a thread of its own, which ends when the body is dropped.
fn read_in_chunks(mut file: impl Read + Send + 'static, size: Option<u64>, path: String) -> ShardBody {
    let (sender, receiver) = mpsc::channel::<Result<Bytes>>(2);
    thread::spawn(move || {
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            let read = (&mut file).take(CHUNK as u64).read_to_end(&mut chunk);
            let item = match read {
                Ok(0) => break,
                Ok(_) => Ok(Bytes::from(chunk)),
                Err(error) => Err(Error::from_io(error).with("path", &path)),
            };
            let failed = item.is_err();
            if sender.blocking_send(item).is_err() || failed {
                break;
            }
        }
    });
    let chunks =
        stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|item| (item, receiver)) });
    ShardBody::stream(size, chunks.boxed())
}
