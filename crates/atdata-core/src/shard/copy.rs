//! Shards that are there already and pass as they are.

use std::fmt;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;

use super::hex;
use crate::offload::offload;
use crate::shard_index::{BuildOptions, ShardIndex, Walk};
use crate::{Error, Fault, Result, ResultExt, ShardBody, StoredShard};

/// A resident shard is one chunk; it passes in pieces of this size.
const PIECE: usize = 1 << 20;

/// A shard to be copied byte for byte.
///
/// ```
/// use atdata_core::ShardBody;
/// use atdata_core::shard::ShardCopy;
///
/// let sha256 = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
/// let copy = ShardCopy::new(ShardBody::resident(vec![0u8; 1024])).with_sha256(sha256);
/// assert_eq!(copy.size(), Some(1024));
/// ```
pub struct ShardCopy {
    body: ShardBody,
    sha256: Option<String>,
}

impl ShardCopy {
    /// A shard that has been opened.
    pub fn new(body: ShardBody) -> Self {
        Self { body, sha256: None }
    }

    /// Sets the SHA-256 that it must have, in hex. With another one it is [`Corrupt`](crate::ErrorKind::Corrupt), which
    /// the store learns before the end of the shard.
    #[must_use]
    pub fn with_sha256(mut self, sha256: impl Into<String>) -> Self {
        self.sha256 = Some(sha256.into());
        self
    }

    /// Its length in bytes, where known.
    pub fn size(&self) -> Option<u64> {
        self.body.size()
    }
}

impl fmt::Debug for ShardCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardCopy").field("body", &self.body).field("sha256", &self.sha256).finish()
    }
}

/// The shards that are still to come.
pub(super) struct Copies<'a> {
    shards: BoxStream<'a, Result<ShardCopy>>,
    limit: u64,
}

impl<'a> Copies<'a> {
    pub(super) fn new(shards: BoxStream<'a, Result<ShardCopy>>) -> Self {
        Self { shards, limit: u64::MAX }
    }

    /// Passes no longer shard.
    pub(super) fn limit(&mut self, bytes: u64) {
        self.limit = self.limit.min(bytes);
    }

    pub(super) async fn next(&mut self) -> Result<Option<Copying>> {
        let Some(ShardCopy { body, sha256 }) = self.shards.next().await.transpose()? else {
            return Ok(None);
        };
        if let Some(size) = body.size() {
            check_length(size, self.limit)?;
        }
        Ok(Some(Copying {
            chunks: body.into_chunks(),
            rest: Bytes::new(),
            walk: Some(Walk::new(&BuildOptions::default())),
            complete: false,
            sha256,
            limit: self.limit,
        }))
    }
}

fn check_length(length: u64, limit: u64) -> Result<()> {
    if length > limit {
        return Err(Error::invalid(format!(
            "the shard has {length} bytes, which is more than the {limit} that can be kept here"
        )));
    }
    Ok(())
}

/// The shard that is passing.
pub(super) struct Copying {
    chunks: BoxStream<'static, Result<Bytes>>,
    rest: Bytes,
    /// None after a failure.
    walk: Option<Walk>,
    complete: bool,
    sha256: Option<String>,
    limit: u64,
}

impl Copying {
    pub(super) async fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        if self.complete {
            return Ok(None);
        }
        while self.rest.is_empty() {
            match self.chunks.next().await.transpose()? {
                Some(chunk) => self.rest = chunk,
                None => return self.end().map(|()| None),
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        let walk = self.walk.take().ok_or_else(failed)?;
        check_length(walk.length() + piece.len() as u64, self.limit)?;
        let seen = piece.clone();
        let offset = walk.length();
        let walk = offload(move || walk.feed(seen)).await?;
        self.walk = Some(walk.map_err(|error| error.with_fault(Fault::Tar)).context("offset", offset)?);
        Ok(Some(piece))
    }

    fn end(&mut self) -> Result<()> {
        let mut walk = self.walk.take().ok_or_else(failed)?;
        // The checksum comes first: it says more than that something is missing.
        let found = walk.sha256().map(|sha256| hex(&sha256)).unwrap_or_default();
        if let Some(expected) = self.sha256.as_ref().filter(|sum| !sum.eq_ignore_ascii_case(&found)) {
            return Err(Error::corrupt("the shard's SHA-256 is not the one of its entry")
                .with_fault(Fault::Checksum)
                .with("expected", expected)
                .with("found", found));
        }
        walk.finish().map_err(|error| error.with_fault(Fault::Tar))?;
        self.walk = Some(walk);
        self.complete = true;
        Ok(())
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    pub(super) fn is_compressed(&self) -> bool {
        self.walk.as_ref().is_some_and(|walk| walk.compression().is_some())
    }

    pub(super) fn index(&self) -> Result<ShardIndex> {
        self.walk.as_ref().ok_or_else(failed)?.index()
    }

    pub(super) fn stored_as(self, url: String) -> StoredShard {
        let length = self.walk.as_ref().map_or(0, Walk::length);
        let mut stored = StoredShard::new(url, length);
        if let Some(walk) = self.walk.filter(|_| self.complete) {
            stored.samples = walk.samples();
            stored.sha256 = walk.sha256().map(|sha256| hex(&sha256));
        }
        stored
    }
}

fn failed() -> Error {
    Error::invalid("the shard has failed before")
}
