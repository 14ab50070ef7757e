//! Making an index.

use bytes::Bytes;
use futures::StreamExt;
use sha2::{Digest, Sha256};

use super::format::ShardIndex;
use super::location::SampleLocation;
use crate::offload::offload;
use crate::tar::{Compression, SampleFramer, Step, TarOptions};
use crate::{Error, Result, ShardBody};

/// Collects the places of samples as they are written or read.
///
/// ```
/// use atdata_core::shard_index::{SampleLocation, ShardIndexBuilder};
/// use atdata_core::tar::{TarEncoder, read_tar};
///
/// let mut encoder = TarEncoder::default();
/// let mut shard = encoder.append("a.msgpack", b"\x80".as_slice().into())?.concat();
/// shard.extend_from_slice(&encoder.finish());
///
/// let mut builder = ShardIndexBuilder::default();
/// for sample in read_tar(&shard[..]) {
///     builder.push(SampleLocation::of(&sample?)?);
/// }
/// let index = builder.finish(shard.len() as u64, None)?;
/// assert_eq!(index.find("a")?, [0]);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ShardIndexBuilder {
    locations: Vec<SampleLocation>,
}

impl ShardIndexBuilder {
    /// Adds the next sample, in the order of the shard. Holds 56 bytes of it.
    pub fn push(&mut self, location: SampleLocation) {
        self.locations.push(location);
    }

    /// Makes the index of a shard of so many bytes, end-of-archive marker included, and, if it is known, this SHA-256.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if a sample does not lie in the shard,
    /// [`Unsupported`](crate::ErrorKind::Unsupported) beyond 2³² − 1 samples.
    pub fn finish(&self, shard_length: u64, sha256: Option<[u8; 32]>) -> Result<ShardIndex> {
        ShardIndex::encode(&self.locations, shard_length, sha256)
    }
}

/// How a shard is walked to make its index.
///
/// ```
/// assert!(atdata_core::shard_index::BuildOptions::default().sha256);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BuildOptions {
    /// Whether the index gets the shard's SHA-256. Without it a resident shard is walked by its headers only, with it
    /// every byte is read. Default: true.
    pub sha256: bool,
    /// The limits of tar framing.
    pub tar: TarOptions,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self { sha256: true, tar: TarOptions::default() }
    }
}

impl BuildOptions {
    /// Sets whether the index gets the shard's SHA-256.
    #[must_use]
    pub fn with_sha256(mut self, sha256: bool) -> Self {
        self.sha256 = sha256;
        self
    }

    /// Sets the limits of tar framing.
    #[must_use]
    pub fn with_tar_options(mut self, tar: TarOptions) -> Self {
        self.tar = tar;
        self
    }
}

impl ShardIndex {
    /// Makes the index of a shard by walking it, from its first byte to its last.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if the shard is compressed: its samples have no place of their
    /// own then. What reading and framing fail with.
    pub async fn build(body: ShardBody, options: &BuildOptions) -> Result<Self> {
        let mut walk = Walk::new(options);
        let mut chunks = body.into_chunks();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            walk = offload(move || walk.feed(chunk)).await??;
            if let Some(compression) = walk.compression() {
                return Err(compressed(compression));
            }
        }
        walk.finish()?;
        walk.index()
    }

    /// Holds the index against its shard: walks the shard and compares everything. Gives the SHA-256 of the shard.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the index is damaged or that of another shard; as
    /// [`build`](Self::build).
    pub async fn verify(&self, body: ShardBody, tar: &TarOptions) -> Result<[u8; 32]> {
        self.verify_tables()?;
        let fresh = Self::build(body, &BuildOptions { sha256: true, tar: tar.clone() }).await?;
        let sha256 = fresh.sha256().copied().unwrap_or_default();
        if !fresh.agrees_with(self) || self.sha256().is_some_and(|own| *own != sha256) {
            return Err(stale("it was made for other contents"));
        }
        Ok(sha256)
    }

    /// Checks that a shard of this length is the one that the index was made for, as far as the length tells.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) with both lengths if it is not.
    pub fn check_length(&self, length: u64) -> Result<()> {
        if length != self.shard_length() {
            let expected = self.shard_length();
            return Err(stale(&format!("it was made for {expected} bytes, the shard has {length}")));
        }
        Ok(())
    }
}

/// The error of an index that does not belong to the shard as it is now.
pub(crate) fn stale(why: &str) -> Error {
    Error::corrupt(format!("the shard's index is stale: {why}; make it again with `atdata index`"))
}

/// The error of a compressed shard.
fn compressed(compression: Compression) -> Error {
    Error::unsupported(format!(
        "the shard is compressed ({compression}): its samples cannot be read one by one; store it plain to index it"
    ))
}

/// A shard that is looked at as its bytes pass.
#[derive(Debug)]
pub(crate) struct Walk {
    /// The first bytes, which tell a compression.
    head: Vec<u8>,
    compression: Option<Compression>,
    framer: SampleFramer,
    builder: ShardIndexBuilder,
    hasher: Option<Sha256>,
    length: u64,
}

impl Walk {
    pub(crate) fn new(options: &BuildOptions) -> Self {
        Self {
            head: Vec::with_capacity(Compression::DETECT_LEN),
            compression: None,
            framer: SampleFramer::new(options.tar.clone()),
            builder: ShardIndexBuilder::default(),
            hasher: options.sha256.then(Sha256::new),
            length: 0,
        }
    }

    /// The next bytes. Those of a compressed shard are counted and hashed only.
    pub(crate) fn feed(mut self, chunk: Bytes) -> Result<Self> {
        self.length += chunk.len() as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&chunk);
        }
        if self.head.len() < Compression::DETECT_LEN {
            self.head.extend(chunk.iter().take(Compression::DETECT_LEN - self.head.len()));
            self.compression = Compression::detect(&self.head);
        }
        if self.compression.is_none() {
            self.framer.push(chunk);
            self.collect()?;
        }
        Ok(self)
    }

    /// Takes all samples that have arrived.
    fn collect(&mut self) -> Result<()> {
        while let Step::Item(raw) = self.framer.next_sample()? {
            self.builder.push(SampleLocation::of(&raw)?);
        }
        Ok(())
    }

    /// Ends the shard.
    ///
    /// # Errors
    /// It is not complete.
    pub(crate) fn finish(&mut self) -> Result<()> {
        if self.compression.is_some() {
            return Ok(());
        }
        self.framer.finish();
        self.collect()
    }

    /// How the shard is compressed, as far as it has been seen.
    pub(crate) fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// The number of samples so far; not known of a compressed shard.
    pub(crate) fn samples(&self) -> Option<u64> {
        self.compression.is_none().then_some(self.builder.locations.len() as u64)
    }

    /// The number of bytes so far.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The SHA-256 of the bytes so far, if it is wanted.
    pub(crate) fn sha256(&self) -> Option<[u8; 32]> {
        self.hasher.clone().map(|hasher| hasher.finalize().into())
    }

    /// The index of the shard, once it is [finished](Self::finish).
    pub(crate) fn index(&self) -> Result<ShardIndex> {
        match self.compression {
            Some(compression) => Err(compressed(compression)),
            None => self.builder.finish(self.length, self.sha256()),
        }
    }
}
