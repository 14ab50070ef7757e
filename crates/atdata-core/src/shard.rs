//! From samples to the bytes of shards: framing, division and hashing, for every store in one place.

use std::collections::VecDeque;
use std::fmt;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use sha2::{Digest, Sha256};

use crate::shard_index::{Extent, SampleLocation, ShardIndex, ShardIndexBuilder, key_hash};
use crate::tar::{MemberFrame, SUFFIX, ShardLimits, ShardSplitter, TarEncoder, framed_len, member_name};
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
    /// The key: the member's name without its suffix. No dots after the last slash, and not that of the sample before.
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
    /// The first sample of the next shard, and the name of its member.
    next: Option<(String, PackedSample)>,
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

    /// Makes no shard longer than `bytes`, whatever the options say: a store that cannot take longer ones calls it before
    /// the first shard. A sample that is longer all alone is then [`Invalid`](crate::ErrorKind::Invalid).
    pub fn limit_size(&mut self, bytes: u64) {
        if let Ok(splitter) = &mut self.splitter {
            splitter.limit(bytes);
        }
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
                Some((_, name, sample)) => self.next = Some((name, sample)),
                None => return Err(Error::invalid("there are no samples: a dataset needs at least one")),
            }
        }
        let Some((name, first)) = self.next.take() else { return Ok(None) };
        let number = self.started;
        self.started += 1;
        self.open = true;
        let mut shard = ShardWriter {
            input: self,
            number,
            encoder: Some(TarEncoder::default()),
            pieces: VecDeque::new(),
            hasher: Sha256::new(),
            index: ShardIndexBuilder::default(),
            last_key: String::new(),
            samples: 0,
            size: 0,
        };
        shard.append(&name, first)?;
        Ok(Some(shard))
    }

    /// Takes a sample from the stream, and says whether it begins a shard, and what its member is called.
    async fn place_next(&mut self) -> Result<Option<(bool, String, PackedSample)>> {
        let Some(sample) = self.samples.next().await.transpose()? else {
            return Ok(None);
        };
        let name = member_name(&sample.key, SUFFIX)?;
        let size = framed_len(&name, sample.payload.len() as u64)?;
        let placed = match &mut self.splitter {
            Ok(splitter) => splitter.place(size).context("key", &sample.key)?,
            Err(error) => return Err(Error::new(error.kind(), error.message().to_owned())),
        };
        Ok(Some((placed.new_shard, name, sample)))
    }
}

impl fmt::Debug for ShardInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardInput").field("started", &self.started).finish_non_exhaustive()
    }
}

/// One shard of a [`ShardInput`], as it is being produced.
///
/// ```
/// use atdata_core::{PackedSample, ShardIndex, ShardInput, WriteOptions};
/// use futures::{StreamExt, stream};
///
/// # futures::executor::block_on(async {
/// let samples = stream::iter(["a", "b"]).map(|key| Ok(PackedSample::new(key, b"\x80".to_vec()))).boxed();
/// let mut input = ShardInput::encode(samples, &WriteOptions::default());
/// while let Some(mut shard) = input.next_shard().await? {
///     while let Some(_chunk) = shard.next_chunk().await? {
///         // The store writes the chunk to the shard …
///     }
///     // … and at its end the index beside it.
///     let index: ShardIndex = shard.index()?;
///     assert_eq!(index.find("b")?, [1]);
///     assert_eq!(shard.stored_as("memory:0").samples, Some(index.len()));
/// }
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
pub struct ShardWriter<'i, 'a> {
    input: &'i mut ShardInput<'a>,
    number: usize,
    /// None once the archive is ended.
    encoder: Option<TarEncoder>,
    pieces: VecDeque<Bytes>,
    hasher: Sha256,
    index: ShardIndexBuilder,
    last_key: String,
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
            Some((false, name, sample)) => return self.append(&name, sample),
            Some((true, name, sample)) => self.input.next = Some((name, sample)),
            None => {}
        }
        if let Some(encoder) = self.encoder.take() {
            self.pieces.push_back(encoder.finish());
        }
        self.input.open = false;
        Ok(())
    }

    fn append(&mut self, name: &str, PackedSample { key, payload }: PackedSample) -> Result<()> {
        if key == self.last_key {
            let fault = "two samples in a row have the same key: readers would take them for one";
            return Err(Error::invalid(fault).with("key", key));
        }
        if let Some(encoder) = &mut self.encoder {
            let length = payload.len() as u64;
            let MemberFrame { header_offset, data_offset, header, padding } = encoder.begin(name, length)?;
            self.index.push(SampleLocation {
                sample: Extent { offset: header_offset, length: encoder.position() - header_offset },
                payload: Some(Extent { offset: data_offset, length }),
                key_hash: key_hash(&key),
            });
            self.pieces.extend([header, payload, padding]);
            self.last_key = key;
            self.samples += 1;
        }
        Ok(())
    }

    /// The index of the shard, once it is complete, for a store to put beside it. Costs a sort of its keys' hashes.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if the shard was not read to its end.
    pub fn index(&self) -> Result<ShardIndex> {
        if self.encoder.is_some() || !self.pieces.is_empty() {
            return Err(Error::invalid("the shard was not read to its end before its index was asked for"));
        }
        self.index.finish(self.size, Some(self.hasher.clone().finalize().into()))
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
