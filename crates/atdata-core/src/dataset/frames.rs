//! From a shard's bytes to raw samples: decompression, checksum, framing, grouping.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};

use super::ReadOptions;
use super::decompress::decompressed;
use super::stats::{Stage, Stats, Stopwatch};
use crate::offload::offload;
use crate::shard::hex;
use crate::source::FilePieces;
use crate::tar::{RawSample, SUFFIX, SampleFramer, Step};
use crate::{Error, ErrorKind, Fault, Result, ShardBody};

/// Samples travel between threads in chunks of at most this many …
pub(super) const CHUNK_SAMPLES: usize = 256;
/// … and of about so many bytes. The first chunk of a shard is small, for it is waited for; each is twice as large as the
/// one before.
const MIN_CHUNK_BYTES: u64 = 1 << 20;
const MAX_CHUNK_BYTES: u64 = 8 << 20;

/// The bytes after which a chunk is full.
pub(super) fn chunk_bytes(options: &ReadOptions) -> u64 {
    // Several chunks are to fit into what may be read ahead, or nothing would happen at the same time.
    MAX_CHUNK_BYTES.min(options.read_ahead / 4)
}

/// A sample as it lies in its shard.
#[derive(Clone, Debug)]
pub(super) struct Framed {
    pub(super) shard: Arc<str>,
    pub(super) raw: RawSample,
}

impl Framed {
    /// The payload member.
    pub(super) fn payload(&self) -> Result<&Bytes> {
        self.raw.get(SUFFIX).ok_or_else(|| {
            let found = self.raw.members().map(|member| &*member.suffix).collect::<Vec<_>>().join(", ");
            self.locate(Error::invalid(format!("the sample has no '{SUFFIX}' member, only: {found}")))
        })
    }

    /// The bytes that it takes in the shard, with headers and padding: for small samples most of it.
    pub(super) fn bytes(&self) -> u64 {
        self.raw.stored_length()
    }

    /// Adds to an error where it happened.
    pub(super) fn locate(&self, error: Error) -> Error {
        error.with("key", self.raw.key()).with("shard", &self.shard).with("offset", self.raw.header_offset)
    }
}

/// The raw samples of one shard, in chunks; an error is the last item.
pub(super) fn frames(
    shard: Arc<str>,
    body: ShardBody,
    checksum: Option<String>,
    options: &ReadOptions,
) -> BoxStream<'static, Result<Vec<Framed>>> {
    let input = match checksum.filter(|_| options.verify_checksums) {
        Some(expected) => Input::Chunks(decompressed(verified(body.into_chunks(), expected))),
        None => Input::of(body),
    };
    let state = Framing {
        shard,
        input,
        framer: SampleFramer::new(options.tar.clone()),
        done: false,
        failure: None,
        stats: options.stats.clone(),
        chunk_bytes: MIN_CHUNK_BYTES.min(chunk_bytes(options)),
        max_chunk_bytes: chunk_bytes(options),
        expected: 0,
    };
    if let Some(stats) = &state.stats {
        stats.shard();
    }
    stream::unfold(state, |mut state| async move {
        let chunk = state.next().await.transpose()?;
        Some((chunk, state))
    })
    .boxed()
}

/// The raw samples of one shard one by one, decompressed, and held against the shard's checksum if there is one.
pub(crate) fn raw_samples(
    shard: &str,
    body: ShardBody,
    checksum: Option<String>,
) -> BoxStream<'static, Result<RawSample>> {
    let options = ReadOptions::default().with_verify_checksums(true);
    frames(shard.into(), body, checksum, &options)
        .map_ok(|chunk| stream::iter(chunk.into_iter().map(|framed| Ok(framed.raw))))
        .try_flatten()
        .boxed()
}

/// Where the bytes come from.
enum Input {
    Chunks(BoxStream<'static, Result<Bytes>>),
    /// Read where the framer wants to go on, so that no sample lies across two pieces.
    File(FilePieces),
}

impl Input {
    fn of(body: ShardBody) -> Self {
        match body.into_file() {
            // What cannot be read fails again below, where it is an error of the shard.
            Ok(file) if file.is_compressed().is_ok_and(|compressed| !compressed) => Self::File(file),
            Ok(file) => Self::Chunks(decompressed(file.into_chunks())),
            Err(body) => Self::Chunks(decompressed(body.into_chunks())),
        }
    }

    /// Gives the framer what it needs to go on.
    async fn feed(&mut self, framer: &mut SampleFramer) -> Result<()> {
        match self {
            Self::Chunks(chunks) => match chunks.next().await.transpose()? {
                Some(chunk) => framer.push(chunk),
                None => framer.finish(),
            },
            Self::File(file) => {
                let (offset, count) = framer.wanted();
                // At the end of the file too the framer has what there is.
                match file.at(offset, count)? {
                    Some(piece) if (piece.len() as u64) < count => {
                        framer.replace(piece);
                        framer.finish();
                    }
                    Some(piece) => framer.replace(piece),
                    None => framer.finish(),
                }
            }
        }
        Ok(())
    }
}

struct Framing {
    shard: Arc<str>,
    input: Input,
    framer: SampleFramer,
    done: bool,
    /// What ended the shard, while the samples before it are on their way.
    failure: Option<Error>,
    stats: Option<Stats>,
    chunk_bytes: u64,
    max_chunk_bytes: u64,
    /// How many samples the last chunk had.
    expected: usize,
}

impl Framing {
    /// The next chunk of samples. A failure comes after the samples before it, as a chunk of its own.
    async fn next(&mut self) -> Result<Option<Vec<Framed>>> {
        let mut chunk = Vec::with_capacity(self.expected);
        let mut bytes = 0;
        let mut watch = Stopwatch::start(self.stats.as_ref());
        while !self.done && chunk.len() < CHUNK_SAMPLES && (chunk.is_empty() || bytes < self.chunk_bytes) {
            match self.framer.next_sample() {
                Ok(Step::Item(raw)) => {
                    let framed = Framed { shard: self.shard.clone(), raw };
                    bytes += framed.bytes();
                    chunk.push(framed);
                }
                Ok(Step::NeedInput) => {
                    if let Err(error) = self.more(&mut watch).await {
                        self.fail(error);
                    }
                }
                Ok(Step::End) => self.done = true,
                Err(error) => self.fail(error.with_fault(Fault::Tar)),
            }
        }
        watch.lap(self.stats.as_ref(), Stage::Framing);
        self.chunk_bytes = self.chunk_bytes.saturating_mul(2).min(self.max_chunk_bytes);
        if !chunk.is_empty() {
            self.expected = chunk.len();
            if let Some(stats) = &self.stats {
                stats.framed(chunk.len() as u64, bytes);
            }
            return Ok(Some(chunk));
        }
        self.failure.take().map_or(Ok(None), Err)
    }

    fn fail(&mut self, error: Error) {
        self.done = true;
        self.failure = Some(error.with("shard", &self.shard));
    }

    /// Gives the framer the next bytes.
    async fn more(&mut self, watch: &mut Stopwatch) -> Result<()> {
        watch.lap(self.stats.as_ref(), Stage::Framing);
        let fed = self.input.feed(&mut self.framer).await;
        watch.lap(self.stats.as_ref(), Stage::Source);
        fed.map_err(|error| match error.kind() {
            // What arrived and is not what it should be is damage, like that of the framing.
            ErrorKind::Corrupt | ErrorKind::Unsupported => error.with_fault(Fault::Tar),
            _ => error.with_fault(Fault::Source),
        })
    }
}

/// Passes chunks on and fails at the end if their SHA-256 is another.
fn verified(
    chunks: BoxStream<'static, Result<Bytes>>,
    expected: String,
) -> BoxStream<'static, Result<Bytes>> {
    stream::unfold(Some((chunks, Sha256::new(), VecDeque::new())), move |state| {
        let expected = expected.clone();
        async move {
            // One chunk is held back, so that the shard's last bytes are not delivered before they are proved.
            let (mut chunks, mut hasher, mut held): (_, _, VecDeque<Bytes>) = state?;
            loop {
                match chunks.next().await {
                    Some(Ok(chunk)) => {
                        // A resident shard is one chunk, however large.
                        let hashed = chunk.clone();
                        let work = move || {
                            hasher.update(&hashed);
                            hasher
                        };
                        hasher = match offload(work).await {
                            Ok(hasher) => hasher,
                            Err(error) => return Some((Err(error), None)),
                        };
                        held.push_back(chunk);
                        if held.len() > 1 {
                            let first = held.pop_front()?;
                            return Some((Ok(first), Some((chunks, hasher, held))));
                        }
                    }
                    Some(Err(error)) => return Some((Err(error), None)),
                    None => {
                        let found = hex(&hasher.finalize());
                        if !found.eq_ignore_ascii_case(&expected) {
                            let error = Error::corrupt("the shard's SHA-256 is not the one of its entry")
                                .with_fault(Fault::Checksum)
                                .with("expected", &expected)
                                .with("found", found);
                            return Some((Err(error), None));
                        }
                        return held.pop_front().map(|last| (Ok(last), None));
                    }
                }
            }
        }
    })
    .boxed()
}
