//! The `DataSource` protocol.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};

use crate::source::FilePieces;
use crate::{Error, Fault, Result};

/// A stream of shards, each with its identifier.
pub type ShardStream<'a> = BoxStream<'a, Result<(String, ShardBody)>>;

/// The bytes of a shard.
///
/// ```
/// use atdata_core::ShardBody;
///
/// let body = ShardBody::resident(b"tar".to_vec());
/// assert_eq!(body.size(), Some(3));
/// ```
pub struct ShardBody {
    size: Option<u64>,
    version: Option<String>,
    content: Content,
}

enum Content {
    Resident(Bytes),
    Stream(BoxStream<'static, Result<Bytes>>),
    File(FilePieces),
}

impl ShardBody {
    /// A shard that is in memory or mapped: its samples are slices of it, nothing is copied.
    pub fn resident(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { size: Some(bytes.len() as u64), version: None, content: Content::Resident(bytes) }
    }

    /// A shard that arrives in chunks. `size` is its length in bytes, where known; more or fewer bytes are an error.
    pub fn stream(size: Option<u64>, chunks: BoxStream<'static, Result<Bytes>>) -> Self {
        let chunks = match size {
            Some(size) => exactly(size, chunks),
            None => chunks,
        };
        Self { size, version: None, content: Content::Stream(chunks) }
    }

    /// A file.
    pub(crate) fn file(file: FilePieces) -> Self {
        Self { size: Some(file.size()), version: None, content: Content::File(file) }
    }

    /// Says which [version](Self::version) of the shard these bytes are.
    #[must_use]
    pub fn with_version(mut self, version: Option<String>) -> Self {
        self.version = version;
        self
    }

    /// A text that is another one if the bytes are, where the source has one: a strong entity tag, the number of a
    /// version.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The length in bytes, where known.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// All bytes, if they are in memory or mapped.
    pub fn as_resident(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Resident(bytes) => Some(bytes),
            Content::File(file) => file.whole(),
            Content::Stream(_) => None,
        }
    }

    /// A range of the bytes, if they are in memory or mapped. Nothing is copied.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if the shard arrives in chunks,
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if it ends before the range does.
    pub fn slice(&self, range: Range<u64>) -> Result<Bytes> {
        let bytes = self.as_resident().ok_or_else(|| {
            Error::unsupported("this source reads shards from their beginning only, not parts of them")
        })?;
        slice(bytes, &range)
    }

    /// The chunks; of a resident shard there is one.
    pub fn into_chunks(self) -> BoxStream<'static, Result<Bytes>> {
        match self.content {
            Content::Resident(bytes) => stream::iter([Ok(bytes)]).boxed(),
            Content::Stream(chunks) => chunks,
            Content::File(file) => file.into_chunks(),
        }
    }

    /// The file, if it is one.
    pub(crate) fn into_file(self) -> std::result::Result<FilePieces, Self> {
        match self.content {
            Content::File(file) => Ok(file),
            content => Err(Self { content, ..self }),
        }
    }

    /// All bytes at once. Copies if the shard is not resident.
    ///
    /// # Errors
    /// Reading fails.
    pub async fn into_bytes(self) -> Result<Bytes> {
        if let Some(all) = self.as_resident() {
            return Ok(all.clone());
        }
        let (mut chunks, mut all) = (self.into_chunks(), Vec::new());
        while let Some(chunk) = chunks.next().await {
            all.extend_from_slice(&chunk?);
        }
        Ok(all.into())
    }
}

/// A range of the bytes of a shard.
pub(crate) fn slice(bytes: &Bytes, range: &Range<u64>) -> Result<Bytes> {
    let bounds = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
    bounds.and_then(|(start, end)| bytes.get(start..end).map(|part| bytes.slice_ref(part))).ok_or_else(|| {
        let (end, has) = (range.end, bytes.len());
        Error::corrupt(format!("the shard has {has} bytes, but byte {end} was to be read"))
            .with("offset", range.start)
    })
}

/// Passes chunks on and fails if their total is not `size`.
fn exactly(size: u64, chunks: BoxStream<'static, Result<Bytes>>) -> BoxStream<'static, Result<Bytes>> {
    stream::unfold(Some((chunks, 0u64)), move |state| async move {
        let (mut chunks, seen) = state?;
        let wrong =
            |found: String| Error::corrupt(format!("the shard has {size} bytes, but {found} arrived"));
        match chunks.next().await {
            Some(Ok(chunk)) => {
                let seen = seen + chunk.len() as u64;
                if seen > size {
                    return Some((Err(wrong("more".to_owned())), None));
                }
                Some((Ok(chunk), Some((chunks, seen))))
            }
            Some(Err(error)) => Some((Err(error), None)),
            None if seen < size => {
                Some((Err(wrong(format!("only {seen}")).with_fault(Fault::Truncated)), None))
            }
            None => None,
        }
    })
    .fuse()
    .boxed()
}

impl fmt::Debug for ShardBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.content {
            Content::Resident(_) => "resident",
            Content::Stream(_) => "stream",
            Content::File(_) => "file",
        };
        write!(f, "ShardBody({kind}, {:?} bytes)", self.size)
    }
}

/// Where shards are read: files, a web server, a bucket, or anything of the user's own.
///
/// ```
/// use async_trait::async_trait;
/// use atdata_core::{DataSource, Error, Result, ShardBody};
///
/// /// One shard, made on the fly.
/// #[derive(Debug)]
/// struct Constant;
///
/// #[async_trait]
/// impl DataSource for Constant {
///     async fn list_shards(&self) -> Result<Vec<String>> {
///         Ok(vec!["constant".to_owned()])
///     }
///     async fn open_shard(&self, id: &str) -> Result<ShardBody> {
///         match id {
///             "constant" => Ok(ShardBody::resident(vec![0u8; 1024])),
///             _ => Err(Error::not_found("no such shard").with("shard", id)),
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait DataSource: fmt::Debug + Send + Sync + 'static {
    /// The identifiers of all shards, in order, without opening one.
    ///
    /// # Errors
    /// The listing fails.
    async fn list_shards(&self) -> Result<Vec<String>>;

    /// Opens one shard.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an identifier that [`list_shards`](Self::list_shards) does not
    /// have, or a shard that has gone.
    async fn open_shard(&self, id: &str) -> Result<ShardBody>;

    /// The length of a shard in bytes, where it can be known. Opens the shard for it if nothing better is
    /// implemented.
    ///
    /// # Errors
    /// As [`open_shard`](Self::open_shard).
    async fn shard_size(&self, id: &str) -> Result<Option<u64>> {
        Ok(self.open_shard(id).await?.size())
    }

    /// All bytes of a shard, if it is in memory or can be mapped: if having all of them costs nothing. Random access
    /// then takes slices of them instead of calling [`read_range`](Self::read_range). `None` if nothing else is
    /// implemented.
    ///
    /// # Errors
    /// As [`open_shard`](Self::open_shard).
    async fn resident_shard(&self, _id: &str) -> Result<Option<Bytes>> {
        Ok(None)
    }

    /// The bytes of a shard in a range, exactly these. If nothing else is implemented, only shards that
    /// [`open_shard`](Self::open_shard) gives as [resident](ShardBody::resident) can be read so.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if the source reads whole shards only,
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the shard ends before the range does; as `open_shard`.
    async fn read_range(&self, id: &str, range: Range<u64>) -> Result<Bytes> {
        self.open_shard(id).await?.slice(range)
    }

    /// Whether [`read_range_with_size`](Self::read_range_with_size) tells the length of the whole shard, so that nobody
    /// needs to ask for that alone. Not if nothing else is implemented.
    fn range_tells_size(&self, _id: &str) -> bool {
        false
    }

    /// As [`read_range`](Self::read_range), and the length of the whole shard, if the same answer tells it. It does not
    /// if nothing else is implemented.
    ///
    /// # Errors
    /// As [`read_range`](Self::read_range).
    async fn read_range_with_size(&self, id: &str, range: Range<u64>) -> Result<(Bytes, Option<u64>)> {
        Ok((self.read_range(id, range).await?, None))
    }

    /// The bytes of the [index](crate::shard_index) that lies beside a shard; `None` if there is none, or if nothing
    /// else is implemented. [`read_sidecar`](crate::shard_index::read_sidecar) helps to implement it.
    ///
    /// # Errors
    /// The index is there, but cannot be read.
    async fn open_index(&self, _id: &str) -> Result<Option<Bytes>> {
        Ok(None)
    }
}

macro_rules! forward_source {
    ($($pointer:ident),*) => {$(
        #[async_trait]
        impl<T: DataSource + ?Sized> DataSource for $pointer<T> {
            async fn list_shards(&self) -> Result<Vec<String>> {
                (**self).list_shards().await
            }
            async fn open_shard(&self, id: &str) -> Result<ShardBody> {
                (**self).open_shard(id).await
            }
            async fn shard_size(&self, id: &str) -> Result<Option<u64>> {
                (**self).shard_size(id).await
            }
            async fn resident_shard(&self, id: &str) -> Result<Option<Bytes>> {
                (**self).resident_shard(id).await
            }
            async fn read_range(&self, id: &str, range: Range<u64>) -> Result<Bytes> {
                (**self).read_range(id, range).await
            }
            fn range_tells_size(&self, id: &str) -> bool {
                (**self).range_tells_size(id)
            }
            async fn read_range_with_size(&self, id: &str, range: Range<u64>) -> Result<(Bytes, Option<u64>)> {
                (**self).read_range_with_size(id, range).await
            }
            async fn open_index(&self, id: &str) -> Result<Option<Bytes>> {
                (**self).open_index(id).await
            }
        }
    )*};
}
forward_source!(Arc, Box);

/// What follows from the methods of every [`DataSource`].
pub trait DataSourceExt: DataSource {
    /// All shards in order, each opened when the stream comes to it. A shard that does not open is an item of its own;
    /// the stream goes on with the next one.
    fn shards(&self) -> ShardStream<'_> {
        stream::once(async move {
            match self.list_shards().await {
                Ok(ids) => stream::iter(ids)
                    .then(move |id| async move {
                        let body = self.open_shard(&id).await.map_err(|error| error.with("shard", &id))?;
                        Ok((id, body))
                    })
                    .boxed(),
                Err(error) => stream::iter([Err(error)]).boxed(),
            }
        })
        .flatten()
        .boxed()
    }
}

impl<T: DataSource + ?Sized> DataSourceExt for T {}
