use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::sync::mpsc;

use super::mapped::{Access, map};
use super::pieces::FilePieces;
use super::registry::ShardOpener;
use crate::offload::offload;
use crate::shard_index::{INDEX_SUFFIX, read_sidecar};
use crate::url::ShardUrl;
use crate::{DataSource, Error, Result, ResultExt, ShardBody};

/// How much of a pipe is read at once.
const CHUNK: usize = 1 << 20;

/// Shards in local files.
///
/// Small samples are read in pieces of 256 KiB, into memory that is used again when no sample needs it any more. A
/// sample of more than 64 KiB is a slice of the page cache: such parts of files are memory-mapped, 64 MiB at a time where
/// shards are read in order. A file that another program *cuts* while it is mapped would end this process with SIGBUS;
/// where that can happen, [`without_mapping`](Self::without_mapping) only reads.
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
    pub(crate) shards: Vec<String>,
    paths: HashMap<String, PathBuf>,
    opener: FileOpener,
}

impl FileSource {
    /// These files, in this order.
    pub fn new<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> Self {
        let mut shards = Vec::new();
        let mut by_id = HashMap::new();
        for path in paths.into_iter().map(Into::into) {
            let id = path.to_string_lossy().into_owned();
            shards.push(id.clone());
            by_id.entry(id).or_insert(path);
        }
        Self { shards, paths: by_id, opener: FileOpener { map: true } }
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

    /// Reads instead of mapping.
    #[must_use]
    pub fn without_mapping(mut self) -> Self {
        self.opener.map = false;
        self
    }

    fn path(&self, id: &str) -> Result<&Path> {
        let known = self.paths.get(id).map(PathBuf::as_path);
        known.ok_or_else(|| Error::not_found("the source has no such shard").with("shard", id))
    }
}

#[async_trait]
impl DataSource for FileSource {
    async fn list_shards(&self) -> Result<Vec<String>> {
        Ok(self.shards.clone())
    }

    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        self.opener.open_path(self.path(id)?)
    }

    async fn shard_size(&self, id: &str) -> Result<Option<u64>> {
        file_size(self.path(id)?)
    }

    async fn resident_shard(&self, id: &str) -> Result<Option<Bytes>> {
        self.opener.map_path(self.path(id)?)
    }

    async fn read_range(&self, id: &str, range: Range<u64>) -> Result<Bytes> {
        read_part(self.path(id)?.to_owned(), range).await
    }

    async fn open_index(&self, id: &str) -> Result<Option<Bytes>> {
        self.opener.index_of(self.path(id)?).await
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
        let shown = path.display().to_string();
        if metadata.is_file() {
            return Ok(ShardBody::file(FilePieces::new(file, shown, metadata.len(), self.map)?));
        }
        read_in_chunks(file, shown)
    }

    /// A regular file as a map, for random access.
    fn map_path(&self, path: &Path) -> Result<Option<Bytes>> {
        let Some(size) = file_size(path)?.filter(|size| self.map && *size > 0) else { return Ok(None) };
        let file = File::open(path).context("path", path.display())?;
        map(&file, 0..size, Access::Random).context("path", path.display()).map(Some)
    }

    async fn index_of(&self, path: &Path) -> Result<Option<Bytes>> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(INDEX_SUFFIX);
        read_sidecar(self.open_path(Path::new(&beside))).await.context("path", beside.display())
    }
}

/// The length of a regular file; of anything else it is not known.
fn file_size(path: &Path) -> Result<Option<u64>> {
    let metadata = std::fs::metadata(path).context("path", path.display())?;
    Ok(metadata.is_file().then_some(metadata.len()))
}

/// Reads a part of a regular file.
async fn read_part(path: PathBuf, range: Range<u64>) -> Result<Bytes> {
    let has = file_size(&path)?.ok_or_else(|| {
        Error::unsupported("only regular files are read in parts").with("path", path.display())
    })?;
    let length = range.end.checked_sub(range.start).filter(|_| range.end <= has).ok_or_else(|| {
        let end = range.end;
        Error::corrupt(format!("the shard has {has} bytes, but byte {end} was to be read"))
            .with("offset", range.start)
            .with("path", path.display())
    })?;
    let shown = path.display().to_string();
    let read = move || -> std::io::Result<Bytes> {
        let mut file = File::open(&path)?;
        file.seek(SeekFrom::Start(range.start))?;
        let mut part = Vec::new();
        file.take(length).read_to_end(&mut part)?;
        Ok(part.into())
    };
    let part = offload(read).await?.context("path", &shown)?;
    if part.len() as u64 != length {
        return Err(Error::corrupt("the shard was cut while it was read").with("path", shown));
    }
    Ok(part)
}

#[async_trait]
impl ShardOpener for FileOpener {
    async fn open(&self, address: &str) -> Result<ShardBody> {
        self.open_path(&local(address)?)
    }

    async fn size(&self, address: &str) -> Result<Option<u64>> {
        file_size(&local(address)?)
    }

    async fn resident(&self, address: &str) -> Result<Option<Bytes>> {
        self.map_path(&local(address)?)
    }

    async fn read_range(&self, address: &str, range: Range<u64>) -> Result<Bytes> {
        read_part(local(address)?, range).await
    }

    async fn open_index(&self, address: &str) -> Result<Option<Bytes>> {
        self.index_of(&local(address)?).await
    }
}

fn local(address: &str) -> Result<PathBuf> {
    match ShardUrl::parse(address)? {
        ShardUrl::Path(path) => Ok(path),
        other => Err(Error::invalid("the address is not a local file").with("url", other)),
    }
}

/// Opens `-`.
#[derive(Debug)]
pub(super) struct StdinOpener;

#[async_trait]
impl ShardOpener for StdinOpener {
    async fn open(&self, _address: &str) -> Result<ShardBody> {
        read_in_chunks(std::io::stdin(), "standard input".to_owned())
    }

    // The defaults would open it, and take its first bytes from whoever reads it next.
    async fn size(&self, _address: &str) -> Result<Option<u64>> {
        Ok(None)
    }

    async fn read_range(&self, _address: &str, _range: Range<u64>) -> Result<Bytes> {
        Err(Error::unsupported("standard input is read from its beginning only"))
    }
}

/// Reads a pipe or device on a thread of its own, which ends when the body is dropped.
fn read_in_chunks(mut file: impl Read + Send + 'static, path: String) -> Result<ShardBody> {
    let (sender, receiver) = mpsc::channel::<Result<Bytes>>(2);
    let reader = thread::Builder::new().name("atdata-read".to_owned());
    reader.spawn(move || {
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
    })?;
    let chunks =
        stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|item| (item, receiver)) });
    Ok(ShardBody::stream(None, chunks.boxed()))
}
