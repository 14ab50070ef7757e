//! From samples to the bytes of shards: framing, division and hashing, for every store in one place. Shards that are there
//! already take the same way as they are.

mod copy;
mod member;

use std::collections::VecDeque;
use std::fmt;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use sha2::{Digest, Sha256};

pub use self::copy::ShardCopy;
use self::copy::{Copies, Copying};
use self::member::Members;
use crate::shard_index::{Extent, SampleLocation, ShardIndex, ShardIndexBuilder, key_hash};
use crate::tar::{MemberFrame, RawSample, ShardLimits, ShardSplitter, TarEncoder};
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
/// See [`DataStore`](crate::DataStore) for the loop that a store runs; it does not know whether the shards are made of
/// [samples](Self::encode) or are [copies](Self::copy). The bytes of encoded samples depend only on samples and options:
/// plain ustar, fixed times, one `msgpack` member a sample, two zero blocks at the end.
pub struct ShardInput<'a> {
    samples: BoxStream<'a, Result<Members>>,
    /// Shards that are passed on as they are; there are no samples then.
    copies: Option<Copies<'a>>,
    splitter: Result<ShardSplitter>,
    /// The first sample of the next shard.
    next: Option<Members>,
    /// The number of the first shard.
    first: usize,
    started: usize,
    open: bool,
}

impl<'a> ShardInput<'a> {
    /// Divides samples into shards.
    pub fn encode(samples: BoxStream<'a, Result<PackedSample>>, options: &WriteOptions) -> Self {
        Self::of_members(samples.map(|sample| Members::packed(sample?)).boxed(), options)
    }

    /// Divides samples of other shards into shards, with all their members as they are: other files between them, and
    /// what tar headers say besides names and lengths, are left behind.
    pub fn rewrite(samples: BoxStream<'a, Result<RawSample>>, options: &WriteOptions) -> Self {
        Self::of_members(samples.map(|sample| Members::raw(&sample?)).boxed(), options)
    }

    /// Passes shards on byte for byte. Each is walked as it passes, which checks its framing and makes its index, and its
    /// SHA-256 is held against the one that it should have.
    ///
    /// ```
    /// use atdata_core::shard::{ShardCopy, ShardInput};
    /// use atdata_core::{DataStore, MemoryStore, ShardBody};
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let empty = ShardCopy::new(ShardBody::resident(vec![0u8; 1024]));
    /// let mut input = ShardInput::copy(stream::iter([Ok(empty)]).boxed());
    /// let stored = MemoryStore::new().write_shards(&mut input, "empty").await?;
    /// assert_eq!((stored[0].size, stored[0].samples), (1024, Some(0)));
    /// # Ok::<(), atdata_core::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn copy(shards: BoxStream<'a, Result<ShardCopy>>) -> Self {
        let mut input = Self::of_members(futures::stream::empty().boxed(), &WriteOptions::default());
        input.copies = Some(Copies::new(shards));
        input
    }

    fn of_members(samples: BoxStream<'a, Result<Members>>, options: &WriteOptions) -> Self {
        let limits = ShardLimits {
            max_count: Some(options.max_count),
            max_size: Some(options.max_size),
            ..ShardLimits::default()
        };
        let splitter = ShardSplitter::new(limits);
        Self { samples, copies: None, splitter, next: None, first: 0, started: 0, open: false }
    }

    /// Sets the number of the first shard, for a dataset whose shards are given to a store one by one.
    #[must_use]
    pub fn starting_at(mut self, number: usize) -> Self {
        self.first = number;
        self
    }

    /// The number of the first shard.
    pub fn first_number(&self) -> usize {
        self.first
    }

    /// Makes no shard longer than `bytes`, whatever the options say: a store that cannot take longer ones calls it before
    /// the first shard. A sample that is longer all alone is then [`Invalid`](crate::ErrorKind::Invalid), and so is a
    /// shard that is to be copied: [`DataStore::max_shard_size`](crate::DataStore::max_shard_size) tells before.
    pub fn limit_size(&mut self, bytes: u64) {
        if let Some(copies) = &mut self.copies {
            copies.limit(bytes);
        }
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
        let copying = match &mut self.copies {
            Some(copies) => match copies.next().await? {
                Some(copying) => Some(copying),
                None if self.started == 0 => return Err(Error::invalid("there are no shards to be copied")),
                None => return Ok(None),
            },
            None => None,
        };
        if copying.is_none() && self.started == 0 && self.next.is_none() {
            match self.place_next().await? {
                Some((_, sample)) => self.next = Some(sample),
                None => return Err(Error::invalid("there are no samples: a dataset needs at least one")),
            }
        }
        let first = self.next.take();
        if copying.is_none() && first.is_none() {
            return Ok(None);
        }
        let number = self.first + self.started;
        self.started += 1;
        self.open = true;
        let mut shard = ShardWriter {
            input: self,
            number,
            encoder: copying.is_none().then(TarEncoder::default),
            copying,
            pieces: VecDeque::new(),
            hasher: Sha256::new(),
            index: ShardIndexBuilder::default(),
            last_key: String::new(),
            samples: 0,
            size: 0,
        };
        if let Some(first) = first {
            shard.append(first)?;
        }
        Ok(Some(shard))
    }

    /// Takes a sample from the stream, and says whether it begins a shard.
    async fn place_next(&mut self) -> Result<Option<(bool, Members)>> {
        let Some(sample) = self.samples.next().await.transpose()? else {
            return Ok(None);
        };
        let placed = match &mut self.splitter {
            Ok(splitter) => splitter.place(sample.size).context("key", &sample.key)?,
            Err(error) => return Err(Error::new(error.kind(), error.message().to_owned())),
        };
        Ok(Some((placed.new_shard, sample)))
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
    /// The shard that is passed on as it is.
    copying: Option<Copying>,
    /// None once the archive is ended, and for a copy.
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
        if let Some(copying) = &mut self.copying {
            let chunk = copying.next_chunk().await?;
            self.input.open = chunk.is_some();
            return Ok(chunk);
        }
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
            Some((false, sample)) => return self.append(sample),
            Some((true, sample)) => self.input.next = Some(sample),
            None => {}
        }
        if let Some(encoder) = self.encoder.take() {
            self.pieces.push_back(encoder.finish());
        }
        self.input.open = false;
        Ok(())
    }

    fn append(&mut self, sample: Members) -> Result<()> {
        if sample.key == self.last_key {
            let fault = "two samples in a row have the same key: readers would take them for one";
            return Err(Error::invalid(fault).with("key", sample.key));
        }
        if let Some(encoder) = &mut self.encoder {
            let (offset, mut payload) = (encoder.position(), None);
            for member in sample.members {
                let length = member.data.len() as u64;
                let MemberFrame { data_offset, header, padding, .. } = encoder.begin(&member.name, length)?;
                if member.is_payload {
                    payload = Some(Extent { offset: data_offset, length });
                }
                self.pieces.extend([header, member.data, padding]);
            }
            self.index.push(SampleLocation {
                sample: Extent { offset, length: encoder.position() - offset },
                payload,
                key_hash: key_hash(&sample.key),
            });
            self.last_key = sample.key;
            self.samples += 1;
        }
        Ok(())
    }

    /// The index of the shard, once it is complete. Costs a sort of its keys' hashes. A store that puts it beside the
    /// shard takes [`sidecar`](Self::sidecar).
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if the shard was not read to its end,
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if it is a copy of a compressed one, which has no index.
    pub fn index(&self) -> Result<ShardIndex> {
        let incomplete = match &self.copying {
            Some(copying) => !copying.is_complete(),
            None => self.encoder.is_some() || !self.pieces.is_empty(),
        };
        if incomplete {
            return Err(Error::invalid("the shard was not read to its end before its index was asked for"));
        }
        match &self.copying {
            Some(copying) => copying.index(),
            None => self.index.finish(self.size, Some(self.hasher.clone().finalize().into())),
        }
    }

    /// The bytes that a store puts beside the shard, at [`index_address`](crate::shard_index::index_address), once it is
    /// complete; `None` for a copy of a compressed shard.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if the shard was not read to its end.
    pub fn sidecar(&self) -> Result<Option<Bytes>> {
        match &self.copying {
            Some(copying) if copying.is_compressed() => Ok(None),
            _ => self.index().map(|index| Some(index.to_bytes())),
        }
    }

    /// What a store returns for the shard, once it is complete: its length, sample count and SHA-256 under `url`.
    pub fn stored_as(self, url: impl Into<String>) -> StoredShard {
        if let Some(copying) = self.copying {
            return copying.stored_as(url.into());
        }
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
