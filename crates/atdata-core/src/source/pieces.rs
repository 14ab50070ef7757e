//! A file that is read where its reader wants to go on.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::mapped::{Access, map};
use crate::array::BatchMemory;
use crate::tar::Compression;
use crate::{Error, Fault, Result, ResultExt};

/// How much is read at once where samples are small. It fits into the cache that a core has for itself, and it is the
/// most that a small sample can keep in memory.
const PIECE: u64 = 256 << 10;

/// What is longer than this is mapped rather than read, if it may be: having it costs more than looking it up.
const LONG: u64 = PIECE / 4;

/// What is read beyond a long sample that may not be mapped: padding, and the headers of the next one.
const AHEAD: u64 = 4 << 10;

/// How much of a file is mapped at once where it is read from its beginning. A map counts as memory of the process as
/// far as it has been touched; in windows that is bounded, whatever the size of the shard.
const WINDOW: u64 = 64 << 20;

/// A regular file.
///
/// Small samples are read in pieces, into memory that is used again as soon as no sample needs it: a copy within the
/// processor's cache, which costs less than the page faults of a map. Large samples are slices of maps.
pub(crate) struct FilePieces {
    file: File,
    path: String,
    size: u64,
    mapped: bool,
    /// All of it, if it is mapped and no longer than a window.
    whole: Option<Bytes>,
    memory: BatchMemory,
}

impl FilePieces {
    /// A file of this size, mapped where that is of use if `mapped` says so.
    pub(super) fn new(file: File, path: String, size: u64, mapped: bool) -> Result<Self> {
        let mapped = mapped && size > 0;
        let whole = match mapped && size <= WINDOW {
            true => Some(map(&file, 0..size, Access::Sequential).context("path", &path)?),
            false => None,
        };
        Ok(Self { file, path, size, mapped, whole, memory: BatchMemory::default() })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// All bytes, if they are mapped.
    pub(crate) fn whole(&self) -> Option<&Bytes> {
        self.whole.as_ref()
    }

    /// Whether the file begins like a compressed one.
    pub(crate) fn is_compressed(&self) -> Result<bool> {
        let mut head = Vec::with_capacity(Compression::DETECT_LEN);
        let mut file = &self.file;
        let read =
            file.rewind().and_then(|()| file.take(Compression::DETECT_LEN as u64).read_to_end(&mut head));
        read.context("path", &self.path)?;
        Ok(Compression::detect(&head).is_some())
    }

    /// The bytes from `offset` on: those that are wanted, if there are so many, and some more; none at the end.
    pub(crate) fn at(&self, offset: u64, wanted: u64) -> Result<Option<Bytes>> {
        let left = self.size.saturating_sub(offset);
        if left == 0 {
            return Ok(None);
        }
        let mapped = self.mapped && wanted > LONG;
        let piece = if mapped { self.map(offset, wanted) } else { self.read(offset, wanted) };
        piece.context("offset", offset).context("path", &self.path).map(Some)
    }

    fn map(&self, offset: u64, wanted: u64) -> Result<Bytes> {
        let end = self.size.min(offset.saturating_add(wanted.max(WINDOW)));
        // Touching what is not there any more would end the process.
        let has = self.file.metadata()?.len();
        if has < end {
            return Err(cut(has));
        }
        match &self.whole {
            Some(whole) => crate::protocol::slice(whole, &(offset..end)),
            None => map(&self.file, offset..end, Access::Sequential),
        }
    }

    fn read(&self, offset: u64, wanted: u64) -> Result<Bytes> {
        let length = if wanted > LONG { wanted.saturating_add(AHEAD) } else { PIECE };
        let length = length.min(self.size - offset);
        let length =
            usize::try_from(length).map_err(|_| Error::unsupported("a piece does not fit in memory"))?;
        let mut buffer = self.memory.buffer(length)?;
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset))?;
        if let Err(error) = file.read_exact(buffer.as_mut()) {
            return Err(match error.kind() {
                std::io::ErrorKind::UnexpectedEof => cut(self.file.metadata()?.len()),
                _ => Error::from_io(error),
            });
        }
        Ok(buffer.freeze())
    }

    /// The whole file, in chunks.
    pub(crate) fn into_chunks(self) -> BoxStream<'static, Result<Bytes>> {
        match self.whole {
            Some(whole) => stream::iter([Ok(whole)]).boxed(),
            None => {
                let wanted = if self.mapped { WINDOW } else { 1 << 20 };
                stream::try_unfold((self, 0u64), move |(file, offset)| async move {
                    let piece = file.at(offset, wanted)?;
                    Ok(piece.map(|piece| {
                        let end = offset + piece.len() as u64;
                        (piece, (file, end))
                    }))
                })
                .into_stream()
                .boxed()
            }
        }
    }
}

fn cut(has: u64) -> Error {
    Error::corrupt(format!("the shard was cut to {has} bytes while it was read")).with_fault(Fault::Truncated)
}
