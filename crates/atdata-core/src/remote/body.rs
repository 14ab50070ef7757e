//! A body that goes on after a failure.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};

use super::client::{ByteRange, Get, ObjectBody, ObjectClient, ObjectInfo};
use super::patience::patiently;
use super::retry::Retries;
use crate::array::BatchMemory;
use crate::{Error, Result};

/// Who is asked for what.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) client: Arc<dyn ObjectClient>,
    pub(super) url: Arc<str>,
}

/// Bytes of an object, in order, whatever happens to the connections they come through.
#[derive(Debug)]
pub(super) struct Body {
    object: Object,
    wanted: ByteRange,
    /// Whether it is no error that the object ends before what is wanted does.
    may_be_shorter: bool,
    /// The place of the next byte to be delivered.
    at: u64,
    /// What the first answer said; every other one has to say the same.
    info: Option<ObjectInfo>,
    /// What was delivered, where no validator says that it would be the same again.
    delivered: Sha256,
    connection: Option<Connection>,
    retries: Retries,
    /// The end came where none was known.
    ended: bool,
}

struct Connection {
    chunks: BoxStream<'static, Result<Bytes>>,
    /// The place of the first byte of the next chunk.
    at: u64,
    is_part: bool,
    gained: u64,
    again: u64,
    /// What came again.
    repeated: Sha256,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Body {
    /// Asks for a range, until there is an answer that is final.
    pub(super) async fn open(object: Object, wanted: ByteRange, retries: Retries) -> Result<Self> {
        Self::new(object, wanted, None, retries).opened().await
    }

    /// As [`open`](Self::open) for the first bytes of an object that may be shorter.
    pub(super) async fn open_first(object: Object, length: u64, retries: Retries) -> Result<Self> {
        let wanted = ByteRange { start: 0, end: Some(length) };
        Self { may_be_shorter: true, ..Self::new(object, wanted, None, retries) }.opened().await
    }

    async fn opened(mut self) -> Result<Self> {
        while self.connection.is_none() {
            self.connect_or_wait().await?;
        }
        Ok(self)
    }

    /// A part of an object that is open already. Nothing is asked before the first byte is.
    pub(super) fn part(object: Object, wanted: ByteRange, info: ObjectInfo, retries: Retries) -> Self {
        Self::new(object, wanted, Some(info), retries)
    }

    fn new(object: Object, wanted: ByteRange, info: Option<ObjectInfo>, retries: Retries) -> Self {
        Self {
            object,
            wanted,
            may_be_shorter: false,
            at: wanted.start,
            info,
            delivered: Sha256::new(),
            connection: None,
            retries,
            ended: false,
        }
    }

    /// What is known of the object.
    pub(super) fn info(&self) -> ObjectInfo {
        self.info.clone().unwrap_or_default()
    }

    /// Wants all that the answer has, which is the whole object.
    pub(super) fn whole(mut self) -> Self {
        self.wanted.end = None;
        self
    }

    /// Whether the answer is a part, and not the whole object.
    pub(super) fn is_part(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.is_part)
    }

    pub(super) fn retries(&self) -> &Retries {
        &self.retries
    }

    /// The bytes; an error is the last item.
    pub(super) fn into_stream(self) -> BoxStream<'static, Result<Bytes>> {
        stream::unfold(Some(self), |body| async {
            let mut body = body?;
            match body.next().await.transpose()? {
                Ok(chunk) => Some((Ok(chunk), Some(body))),
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }

    /// All the bytes, as they came.
    pub(super) async fn collect(self) -> Result<Vec<Bytes>> {
        self.into_stream().try_collect().await
    }

    /// All the bytes, of which there are so many, in one piece. Filling memory that was used before costs less than
    /// keeping the chunks, each in new memory. The length is one that was asked for, not one that a server claims.
    pub(super) async fn gather(self, memory: BatchMemory, length: u64) -> Result<Bytes> {
        let length =
            usize::try_from(length).map_err(|_| Error::unsupported("a part does not fit in memory"))?;
        let (mut buffer, mut filled) = (memory.buffer(length)?, 0);
        let mut chunks = self.into_stream();
        while let Some(chunk) = chunks.next().await.transpose()? {
            let end = filled + chunk.len();
            let room = buffer.as_mut().get_mut(filled..end);
            room.ok_or_else(|| Error::corrupt("a part is longer than was asked for"))?
                .copy_from_slice(&chunk);
            filled = end;
        }
        Ok(buffer.freeze().slice(..filled))
    }

    /// The next bytes, never an empty chunk.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if self.ended || self.end().is_some_and(|end| self.at >= end) {
                return Ok(None);
            }
            match &mut self.connection {
                None => self.connect_or_wait().await?,
                Some(connection) => {
                    let received = patiently(self.retries.read_timeout(), connection.chunks.next()).await;
                    match received.and_then(Option::transpose) {
                        Ok(Some(chunk)) => {
                            if let Some(new) = self.take(chunk)? {
                                return Ok(Some(new));
                            }
                        }
                        Ok(None) => self.end_of_answer().await?,
                        Err(error) => self.lost(error).await?,
                    }
                }
            }
        }
    }

    /// The place behind the last byte to be delivered, where known.
    fn end(&self) -> Option<u64> {
        self.wanted.end.or_else(|| self.info.as_ref()?.size)
    }

    /// Whether an answer may begin in the middle of what was delivered.
    fn is_versioned(&self) -> bool {
        self.info.as_ref().is_some_and(|info| info.validator.is_some())
    }

    async fn connect_or_wait(&mut self) -> Result<()> {
        match self.connect().await {
            Ok(connection) => {
                self.connection = Some(connection);
                Ok(())
            }
            Err(error) => self.retries.after(error, 0, 0).await.map_err(|error| self.locate(error)),
        }
    }

    async fn connect(&mut self) -> Result<Connection> {
        let start = if self.is_versioned() { self.at } else { self.wanted.start };
        let range = ByteRange { start, end: self.wanted.end };
        let get = Get {
            url: &self.object.url,
            range: (range != ByteRange::from(0)).then_some(range),
            if_match: self.info.as_ref().and_then(|info| info.validator.as_ref()),
        };
        let answer = patiently(self.retries.read_timeout(), self.object.client.get(get)).await??;
        if answer.start > start {
            let found = answer.start;
            return Err(Error::unavailable(format!(
                "the server was asked for bytes from {start} on and sent those from {found} on"
            )));
        }
        self.hold_against(&answer)?;
        Ok(Connection {
            chunks: answer.chunks,
            at: answer.start,
            is_part: answer.is_part,
            gained: 0,
            again: 0,
            repeated: Sha256::new(),
        })
    }

    /// Every answer has to be of the same version.
    fn hold_against(&mut self, answer: &ObjectBody) -> Result<()> {
        let found = &answer.info;
        if let (Some(size), Some(end)) = (found.size, self.wanted.end)
            && end > size
        {
            match &self.info {
                None if self.may_be_shorter => self.wanted.end = Some(size),
                None => {
                    let message = format!("the shard has {size} bytes, but byte {end} was to be read");
                    return Err(Error::corrupt(message));
                }
                Some(_) => return Err(changed()),
            }
        }
        let Some(known) = &mut self.info else {
            self.info = Some(found.clone());
            return Ok(());
        };
        let other_version = known.validator.is_some() && known.validator != found.validator;
        let other_size = known.size.is_some() && found.size.is_some() && known.size != found.size;
        if other_version || other_size {
            return Err(changed());
        }
        known.size = known.size.or(found.size);
        Ok(())
    }

    /// Takes what is new of a chunk.
    fn take(&mut self, mut chunk: Bytes) -> Result<Option<Bytes>> {
        let (versioned, end) = (self.is_versioned(), self.end());
        let Some(connection) = &mut self.connection else { return Ok(None) };
        if connection.at < self.at {
            let known = prefix(&mut chunk, self.at - connection.at);
            let before = self.wanted.start.saturating_sub(connection.at);
            let before = usize::try_from(before).unwrap_or(usize::MAX).min(known.len());
            if !versioned {
                connection.repeated.update(known.get(before..).unwrap_or_default());
            }
            connection.at += known.len() as u64;
            connection.again += known.len() as u64;
            if connection.at < self.at {
                return Ok(None);
            }
            if !versioned && connection.repeated.clone().finalize() != self.delivered.clone().finalize() {
                return Err(self.locate(changed()));
            }
        }
        let new = match end {
            Some(end) => prefix(&mut chunk, end.saturating_sub(self.at)),
            None => chunk,
        };
        if !versioned {
            // Chunks are as small as the network's, so that this does not keep the reactor.
            self.delivered.update(&new);
        }
        self.at += new.len() as u64;
        connection.at = self.at;
        connection.gained += new.len() as u64;
        if end == Some(self.at) {
            self.retries.succeeded();
        }
        Ok((!new.is_empty()).then_some(new))
    }

    /// The answer ended, though bytes are missing as far as is known.
    async fn end_of_answer(&mut self) -> Result<()> {
        let reached = self.connection.as_ref().is_some_and(|connection| connection.at == self.at);
        match self.end() {
            Some(end) => {
                let at = self.at;
                let error = Error::unavailable(format!("the connection ended at byte {at} of {end}"));
                self.lost(error).await
            }
            None if reached => {
                self.ended = true;
                self.retries.succeeded();
                Ok(())
            }
            None => Err(self.locate(changed())),
        }
    }

    async fn lost(&mut self, error: Error) -> Result<()> {
        let (gained, again) =
            self.connection.take().map_or((0, 0), |connection| (connection.gained, connection.again));
        self.retries.after(error, gained, again).await.map_err(|error| self.locate(error))
    }

    fn locate(&self, error: Error) -> Error {
        let error = if self.at > 0 { error.with("offset", self.at) } else { error };
        error.with("url", &self.object.url)
    }
}

/// Cuts off the first bytes of a chunk, at most `length`.
fn prefix(chunk: &mut Bytes, length: u64) -> Bytes {
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(chunk.len());
    chunk.split_to(length)
}

fn changed() -> Error {
    Error::conflict("the shard changed while it was read; begin again with it")
}
