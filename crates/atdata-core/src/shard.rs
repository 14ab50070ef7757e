//! From samples to the bytes of shards: framing, division and hashing, for every store in one place.

use std::collections::VecDeque;
use std::fmt;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use sha2::{Digest, Sha256};

use crate::tar::{SUFFIX, ShardLimits, ShardSplitter, TarEncoder, framed_len, member_name};
use crate::{Error, Result, ResultExt, StoredShard, WriteOptions};

/// Small pieces (headers, padding, small payloads) are joined until a chunk has this many bytes.
const CHUNK: usize = 256 << 10;

/// A payload of at least this many bytes is passed on as it is instead of being copied into a chunk.
const PASS_ON: usize = 64 << 10;

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
/// plain ustar, fixed times, one `msgpack` member a sample, two zero blocks at the end.
pub struct ShardInput<'a> {
    samples: BoxStream<'a, Result<PackedSample>>,
    splitter: Result<ShardSplitter>,
    /// The first sample of the next shard.
    next: Option<(String, Bytes)>,
    started: usize,
    open: bool,
}

impl<'a> ShardInput<'a> {
    /// Divides samples into shards.
    pub fn encode(samples: BoxStream<'a, Result<PackedSample>>, options: &WriteOptions) -> Self {
        let limits = ShardLimits {
            max_count: Some(options.max_count),
            max_size: Some(options.max_size),
            ..ShardLimits::default()
        };
        Self { samples, splitter: ShardSplitter::new(limits), next: None, started: 0, open: false }
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
        if self.started == 0 && self.next.is_none() {
            match self.place_next().await? {
                Some((_, name, payload)) => self.next = Some((name, payload)),
                None => return Err(Error::invalid("there are no samples: a dataset needs at least one")),
            }
        }
        let Some(first) = self.next.take() else { return Ok(None) };
        let number = self.started;
        self.started += 1;
        self.open = true;
        let mut shard = ShardWriter {
            input: self,
            number,
            encoder: Some(TarEncoder::default()),
            pieces: VecDeque::new(),
            hasher: Sha256::new(),
            samples: 0,
            size: 0,
        };
        shard.append(&first.0, first.1)?;
        Ok(Some(shard))
    }

    /// Takes a sample from the stream: whether it begins a shard, its member's name, its payload.
    async fn place_next(&mut self) -> Result<Option<(bool, String, Bytes)>> {
        let Some(PackedSample { key, payload }) = self.samples.next().await.transpose()? else {
            return Ok(None);
        };
        let name = member_name(&key, SUFFIX)?;
        let size = framed_len(&name, payload.len() as u64)?;
        let placed = match &mut self.splitter {
            Ok(splitter) => splitter.place(size).context("key", &key)?,
            Err(error) => return Err(Error::new(error.kind(), error.message().to_owned())),
        };
        Ok(Some((placed.new_shard, name, payload)))
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
    /// None once the archive is ended.
    encoder: Option<TarEncoder>,
    pieces: VecDeque<Bytes>,
    hasher: Sha256,
    samples: u64,
    size: u64,
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
        let mut chunk = BytesMut::new();
        loop {
            match self.pieces.pop_front() {
                // A large piece is passed on as it is, after what was collected before it.
                Some(piece) if piece.len() >= PASS_ON && chunk.is_empty() => {
                    return Ok(Some(self.deliver(piece)));
                }
                Some(piece) if piece.len() >= PASS_ON => {
                    self.pieces.push_front(piece);
                    break;
                }
                Some(piece) => chunk.extend_from_slice(&piece),
                None if self.encoder.is_none() => break,
                None => self.append_next().await?,
            }
            if chunk.len() >= CHUNK {
                break;
            }
        }
        Ok(if chunk.is_empty() { None } else { Some(self.deliver(chunk.freeze())) })
    }

    fn deliver(&mut self, chunk: Bytes) -> Bytes {
        self.hasher.update(&chunk);
        self.size += chunk.len() as u64;
        chunk
    }

    async fn append_next(&mut self) -> Result<()> {
        match self.input.place_next().await? {
            Some((false, name, payload)) => return self.append(&name, payload),
            Some((true, name, payload)) => self.input.next = Some((name, payload)),
            None => {}
        }
        if let Some(encoder) = self.encoder.take() {
            self.pieces.push_back(encoder.finish());
        }
        self.input.open = false;
        Ok(())
    }

    fn append(&mut self, member: &str, payload: Bytes) -> Result<()> {
        if let Some(encoder) = &mut self.encoder {
            self.pieces.extend(encoder.append(member, payload)?);
            self.samples += 1;
        }
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
        f.debug_struct("ShardWriter")
            .field("number", &self.number)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
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

/// Checks the prefix under which a store is to write: relative, no `..`, no control characters, no empty component, and no
/// braces, because addresses with braces stand for several shards.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid), saying what is wrong.
pub fn validate_prefix(prefix: &str) -> Result<()> {
    let wrong = if prefix.is_empty() {
        "is empty"
    } else if prefix.len() > 512 {
        "is longer than 512 bytes"
    } else if prefix.chars().any(|c| c.is_control() || matches!(c, '\\' | '{' | '}')) {
        "has a control character, a backslash or a brace"
    } else if prefix.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
        "has an empty part or one that begins with a dot"
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!("the prefix {wrong}")).with("prefix", prefix.escape_debug()))
}
