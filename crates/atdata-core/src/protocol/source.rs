//! The `DataSource` protocol.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};

use crate::{Error, Result};

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
    content: Content,
}

enum Content {
    Resident(Bytes),
    Stream(BoxStream<'static, Result<Bytes>>),
}

impl ShardBody {
    /// A shard that is in memory or mapped: its samples are slices of it, nothing is copied.
    pub fn resident(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { size: Some(bytes.len() as u64), content: Content::Resident(bytes) }
    }

    /// A shard that arrives in chunks. `size` is its length in bytes, where known; more or fewer bytes are an error.
    pub fn stream(size: Option<u64>, chunks: BoxStream<'static, Result<Bytes>>) -> Self {
        let chunks = match size {
            Some(size) => exactly(size, chunks),
            None => chunks,
        };
        Self { size, content: Content::Stream(chunks) }
    }

    /// The length in bytes, where known.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// The chunks; of a resident shard there is one.
    pub fn into_chunks(self) -> BoxStream<'static, Result<Bytes>> {
        match self.content {
            Content::Resident(bytes) => stream::iter([Ok(bytes)]).boxed(),
            Content::Stream(chunks) => chunks,
        }
    }

    /// All bytes at once. Copies if the shard is not resident.
    ///
    /// # Errors
    /// Reading fails.
    pub async fn into_bytes(self) -> Result<Bytes> {
        match self.content {
            Content::Resident(bytes) => Ok(bytes),
            Content::Stream(mut chunks) => {
                let mut all = Vec::new();
                while let Some(chunk) = chunks.next().await {
                    all.extend_from_slice(&chunk?);
                }
                Ok(all.into())
            }
        }
    }
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
            None if seen < size => Some((Err(wrong(format!("only {seen}"))), None)),
            None => None,
        }
    })
    .boxed()
}

impl fmt::Debug for ShardBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.content {
            Content::Resident(_) => "resident",
            Content::Stream(_) => "stream",
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
