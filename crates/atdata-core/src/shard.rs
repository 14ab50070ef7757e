//! From samples to the bytes of shards: framing, division and hashing, for every store in one place.

use std::fmt;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use sha2::{Digest, Sha256};

use crate::tar::{ShardSplitter, TarWriter};
use crate::{Error, Result, ResultExt, StoredShard, WriteOptions};

/// Small pieces (headers, padding, small payloads) are joined until a chunk has this many bytes.
const CHUNK: usize = 256 << 10;

/// A payload of at least this many bytes is passed on as it is instead of being copied into a chunk.
const PASS_ON: usize = 64 << 10;

/// The suffix of the member that holds a sample's payload.
pub const PAYLOAD_SUFFIX: &str = "msgpack";

/// A sample that is ready to be written: its key and its msgpack payload.
///
/// ```
/// use atdata_core::PackedSample;
///
/// let sample = PackedSample::new("000001", b"\x80".to_vec());
/// assert_eq!(sample.key, "000001");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedSample {
    /// The key: the member's name without its suffix. No dots after the last slash.
    pub key: String,
    /// The payload.
    pub payload: Bytes,
}

impl PackedSample {
    /// Joins the two.
    pub fn new(key: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        Self { key: key.into(), payload: payload.into() }
    }
}

/// The shards that a store is asked to write, one after the other, each as a stream of chunks.
///
/// See [`DataStore`](crate::DataStore) for the loop that a store runs. The bytes depend only on samples and options:
/// plain ustar, fixed times, [`PAYLOAD_SUFFIX`] members, two zero blocks at the end.
pub struct ShardInput<'a> {
    samples: BoxStream<'a, Result<PackedSample>>,
    splitter: ShardSplitter,
    next: Option<PackedSample>,
    started: usize,
    open: bool,
}

impl<'a> ShardInput<'a> {
    /// Divides samples into shards.
    pub fn encode(samples: BoxStream<'a, Result<PackedSample>>, options: &WriteOptions) -> Self {
        let splitter = ShardSplitter::new(options.max_count, options.max_size);
        Self { samples, splitter, next: None, started: 0, open: false }
    }

    /// Begins the next shard; `None` when there are no more samples.
    ///
    /// # Errors
    /// The sample stream fails, or there is no sample at all ([`Invalid`](crate::ErrorKind::Invalid)). A shard that
    /// was not read to its end is [`Invalid`](crate::ErrorKind::Invalid) too: its samples would be lost.
    pub async fn next_shard(&mut self) -> Result<Option<ShardWriter<'_, 'a>>> {
        if self.open {
            return Err(Error::invalid("a shard was not read to its end before the next one was asked for"));
        }
        if self.next.is_none() {
            self.next = self.samples.next().await.transpose()?;
        }
        if self.next.is_none() {
            return if self.started == 0 {
                Err(Error::invalid("there are no samples: a dataset needs at least one"))
            } else {
                Ok(None)
            };
        }
        let number = self.started;
        self.started += 1;
        self.open = true;
        Ok(Some(ShardWriter {
            input: self,
            number,
            writer: TarWriter::default(),
            buffer: BytesMut::new(),
            large: None,
            hasher: Sha256::new(),
            samples: 0,
            size: 0,
            finished: false,
        }))
    }
}

impl fmt::Debug for ShardInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardInput").field("started", &self.started).finish_non_exhaustive()
    }
}

/// One shard of a [`ShardInput`], as it is being produced.
pub struct ShardWriter<'i, 'a> {
    input: &'i mut ShardInput<'a>,
    number: usize,
    writer: TarWriter,
    buffer: BytesMut,
    /// A large payload whose turn comes after `buffer`.
    large: Option<Bytes>,
    hasher: Sha256,
    samples: u64,
    size: u64,
    finished: bool,
}

impl ShardWriter<'_, '_> {
    /// The number of the shard, from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The next piece of the shard; `None` when it is complete.
    ///
    /// # Errors
    /// The sample stream fails, or a key cannot be written; the shard must then not be kept.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        while self.buffer.len() < CHUNK && self.large.is_none() && !self.finished {
            self.append_next().await?;
        }
        let chunk = if self.buffer.is_empty() { self.large.take() } else { Some(self.buffer.split().freeze()) };
        if let Some(chunk) = &chunk {
            self.hasher.update(chunk);
            self.size += chunk.len() as u64;
        }
        Ok(chunk)
    }

    async fn append_next(&mut self) -> Result<()> {
        if self.input.next.is_none() {
            self.input.next = self.input.samples.next().await.transpose()?;
        }
        let starts_new = match &self.input.next {
            Some(sample) => {
                let name = member_name(&sample.key);
                self.input.splitter.starts_new_shard(&name, sample.payload.len() as u64)
            }
            None => true,
        };
        let sample = if starts_new && self.samples > 0 { None } else { self.input.next.take() };
        let Some(PackedSample { key, payload }) = sample else {
            self.writer.finish(&mut self.buffer);
            self.input.splitter.reset();
            self.input.open = false;
            self.finished = true;
            return Ok(());
        };
        let name = member_name(&key);
        let size = payload.len() as u64;
        self.writer.header(&name, size, &mut self.buffer).context("key", &key)?;
        if payload.len() >= PASS_ON {
            // The padding comes after the payload, which leaves the buffer no room: it opens the next chunk.
            self.large = Some(payload);
        } else {
            self.buffer.extend_from_slice(&payload);
        }
        self.input.splitter.added(&name, size);
        self.samples += 1;
        Ok(())
    }

    /// What a store returns for the shard, once it is complete: its length, sample count and SHA-256 under `url`.
    pub fn stored_as(self, url: impl Into<String>) -> StoredShard {
        let mut stored = StoredShard::new(url, self.size);
        stored.samples = Some(self.samples);
        stored.sha256 = Some(hex(&self.hasher.finalize()));
        stored
    }
}

impl fmt::Debug for ShardWriter<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardWriter").field("number", &self.number).field("size", &self.size).finish_non_exhaustive()
    }
}

fn member_name(key: &str) -> String {
    format!("{key}.{PAYLOAD_SUFFIX}")
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Checks the prefix under which a store is to write: relative, no `..`, no control characters, no empty component.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid), saying what is wrong.
pub fn validate_prefix(prefix: &str) -> Result<()> {
    let wrong = if prefix.is_empty() {
        "is empty"
    } else if prefix.len() > 512 {
        "is longer than 512 bytes"
    } else if prefix.chars().any(|c| c.is_control() || c == '\\') {
        "has a control character or a backslash"
    } else if prefix.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
        "has an empty part or one that begins with a dot"
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!("the prefix {wrong}")).with("prefix", prefix.escape_debug()))
}
