//! Decompression of shards, recognised by content.

use std::fmt;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use bytes::Bytes;

use crate::{Error, Result};

/// The most memory a decompressor may claim for its window or dictionary.
#[cfg(feature = "xz")]
const MEMORY_LIMIT: u64 = 128 << 20;
/// The same for zstd, as a power of two.
#[cfg(feature = "zstd")]
const WINDOW_LOG_MAX: u32 = 27;

/// How much compressed input is read at once.
const INPUT_BUFFER: usize = 64 << 10;
/// The size of a chunk of output.
const CHUNK: usize = 256 << 10;

/// A compression that a shard may have as a whole.
///
/// ```
/// use atdata_core::tar::Compression;
///
/// assert_eq!(Compression::detect(b"\x1f\x8b\x08\0\0\0\0\0\0\x03"), Some(Compression::Gzip));
/// assert_eq!(Compression::detect(b"0001.msgpack"), None);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// gzip, one member or several.
    Gzip,
    /// bzip2, one stream or several.
    Bzip2,
    /// xz, one stream or several.
    Xz,
    /// zstd, one frame or several.
    Zstd,
}

impl Compression {
    /// How many bytes [`Compression::detect`] looks at.
    pub const DETECT_LEN: usize = 10;

    /// Recognises a compression by the first [`Compression::DETECT_LEN`] bytes of a shard (or all of them, if it is
    /// shorter). No member name of a sensible tar begins like one of them.
    pub fn detect(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, 0x08, ..] => Some(Self::Gzip),
            // Then comes the first block, or the end of a stream without one.
            [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', b'&', b'S', b'Y', ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Some(Self::Bzip2),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            // The second is a frame to be skipped, which may come first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The name in words, which is also the name of the cargo feature.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Decompresses a shard, whatever its compression, and passes on one that is not compressed.
///
/// It blocks: run it in a thread of its own where that matters. Memory is bounded whatever the input says: 64 KiB of
/// input, one chunk of output and at most 128 MiB for the decompressor. All members, streams or frames of the input
/// are decoded, one after the other.
///
/// ```
/// use atdata_core::tar::Decoder;
///
/// let mut decoder = Decoder::new(b"not compressed".as_slice())?;
/// assert_eq!(decoder.compression(), None);
/// assert_eq!(decoder.next_chunk()?.unwrap(), "not compressed");
/// assert_eq!(decoder.next_chunk()?, None);
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub struct Decoder<R> {
    codec: Codec<R>,
    compression: Option<Compression>,
    failure: Option<Error>,
    finished: bool,
}

enum Codec<R> {
    Plain(Source<R>),
    #[cfg(feature = "gzip")]
    Gzip(flate2::bufread::MultiGzDecoder<Source<R>>),
    #[cfg(feature = "bzip2")]
    Bzip2(bzip2::bufread::MultiBzDecoder<Source<R>>),
    #[cfg(feature = "xz")]
    Xz(liblzma::bufread::XzDecoder<Source<R>>),
    #[cfg(feature = "zstd")]
    Zstd(zstd::stream::read::Decoder<'static, Source<R>>),
}

impl<R: Read> Decoder<R> {
    /// Reads the beginning of a shard and prepares to decode the rest.
    ///
    /// # Errors
    /// What the reader fails with. [`Unsupported`](crate::ErrorKind::Unsupported) if the shard has a compression whose
    /// cargo feature is off.
    pub fn new(reader: R) -> Result<Self> {
        let mut reader = Own(reader);
        let mut head = Vec::with_capacity(Compression::DETECT_LEN);
        (&mut reader).take(Compression::DETECT_LEN as u64).read_to_end(&mut head)?;
        let compression = Compression::detect(&head);
        let reader = BufReader::with_capacity(INPUT_BUFFER, Cursor::new(head).chain(reader));
        let codec = Codec::new(compression, Source { reader, consumed: 0 })?;
        Ok(Self { codec, compression, failure: None, finished: false })
    }

    /// The compression that was found.
    pub fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// Gives the next chunk of the archive, 256 KiB but for the last, or `None` at its end. Each chunk is a buffer of
    /// its own.
    ///
    /// # Errors
    /// What the reader fails with. [`Corrupt`](crate::ErrorKind::Corrupt) if the compressed data is damaged, cut or
    /// followed by something else; the `offset` is the number of compressed bytes read until then. What was decoded
    /// before comes out first. [`Unsupported`](crate::ErrorKind::Unsupported) if decoding takes too much memory.
    pub fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        let mut chunk = vec![0; CHUNK];
        let mut filled = 0;
        while let Some(free) = chunk.get_mut(filled..).filter(|free| !free.is_empty()) {
            match self.decode(free) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if filled > 0 => {
                    self.failure = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        chunk.truncate(filled);
        // The chunk may live as long as the samples in it.
        if filled < CHUNK / 2 {
            chunk.shrink_to_fit();
        }
        Ok((filled > 0).then(|| chunk.into()))
    }

    fn decode(&mut self, output: &mut [u8]) -> Result<usize> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if self.finished {
            return Ok(0);
        }
        let result = self.codec.read(output);
        // What a decoder does when it is called after its end or a failure is not defined.
        self.finished = !matches!(result, Ok(count) if count > 0 || output.is_empty());
        result.map_err(|error| self.explain(error))
    }

    fn explain(&self, error: io::Error) -> Error {
        let Some(compression) = self.compression.filter(|_| !Own::<R>::made(&error)) else {
            return Error::from_io(error);
        };
        let offset = self.codec.source().consumed;
        // Both decoders that have a memory limit speak of memory only when it is exceeded.
        let text = error.to_string();
        let error = if text.contains("memory") {
            Error::unsupported(format!("decoding the {compression} data takes more than 128 MiB of memory"))
        } else if error.kind() == io::ErrorKind::UnexpectedEof {
            Error::corrupt(format!("the {compression} data is cut")).with_source(error)
        } else {
            Error::corrupt(format!("the {compression} data is damaged")).with_source(error)
        };
        error.with("offset", offset)
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        self.decode(output).map_err(Error::into_io)
    }
}

impl<R> fmt::Debug for Decoder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("compression", &self.compression).finish_non_exhaustive()
    }
}

impl<R: Read> Codec<R> {
    fn new(compression: Option<Compression>, source: Source<R>) -> Result<Self> {
        match compression {
            None => Ok(Self::Plain(source)),
            #[cfg(feature = "gzip")]
            Some(Compression::Gzip) => Ok(Self::Gzip(flate2::bufread::MultiGzDecoder::new(source))),
            #[cfg(feature = "bzip2")]
            Some(Compression::Bzip2) => Ok(Self::Bzip2(bzip2::bufread::MultiBzDecoder::new(source))),
            #[cfg(feature = "xz")]
            Some(Compression::Xz) => {
                let concatenated = liblzma::stream::CONCATENATED;
                let stream = liblzma::stream::Stream::new_stream_decoder(MEMORY_LIMIT, concatenated)
                    .map_err(io::Error::from)?;
                Ok(Self::Xz(liblzma::bufread::XzDecoder::new_stream(source, stream)))
            }
            #[cfg(feature = "zstd")]
            Some(Compression::Zstd) => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(source)?;
                decoder.window_log_max(WINDOW_LOG_MAX)?;
                Ok(Self::Zstd(decoder))
            }
            #[cfg(not(all(feature = "gzip", feature = "bzip2", feature = "xz", feature = "zstd")))]
            Some(other) => Err(Error::unsupported(format!(
                "the shard is compressed with {other}; build atdata with the feature `{other}` to read it"
            ))),
        }
    }

    fn source(&self) -> &Source<R> {
        match self {
            Self::Plain(source) => source,
            #[cfg(feature = "gzip")]
            Self::Gzip(decoder) => decoder.get_ref(),
            #[cfg(feature = "bzip2")]
            Self::Bzip2(decoder) => decoder.get_ref(),
            #[cfg(feature = "xz")]
            Self::Xz(decoder) => decoder.get_ref(),
            #[cfg(feature = "zstd")]
            Self::Zstd(decoder) => decoder.get_ref(),
        }
    }

    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(source) => source.read(output),
            #[cfg(feature = "gzip")]
            Self::Gzip(decoder) => decoder.read(output),
            #[cfg(feature = "bzip2")]
            Self::Bzip2(decoder) => decoder.read(output),
            #[cfg(feature = "xz")]
            Self::Xz(decoder) => decoder.read(output),
            #[cfg(feature = "zstd")]
            Self::Zstd(decoder) => decoder.read(output),
        }
    }
}

/// The shard as it is stored, with its beginning put back, counted as it is consumed.
struct Source<R> {
    reader: BufReader<Chain<Cursor<Vec<u8>>, Own<R>>>,
    consumed: u64,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(output)?;
        self.consumed += count as u64;
        Ok(count)
    }
}

impl<R: Read> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.consumed += count as u64;
        self.reader.consume(count);
    }
}

/// Turns the reader's failures into [`Error`]s in an [`io::Error`], which tells them from those of a decoder, and
/// repeats interrupted reads, which not every decoder does.
struct Own<R>(R);

impl<R> Own<R> {
    fn made(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Error>())
    }
}

impl<R: Read> Read for Own<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(output) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map_err(|error| Error::from_io(error).into_io()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of a gzip member.
    const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\x03";

    struct Failing;

    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }

    #[test]
    fn a_failing_reader_is_not_taken_for_damage() {
        let error = Decoder::new(Failing).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::PermissionDenied);
        #[cfg(feature = "gzip")]
        {
            let mut decoder = Decoder::new(GZIP.chain(Failing)).unwrap();
            assert_eq!(decoder.next_chunk().unwrap_err().kind(), crate::ErrorKind::PermissionDenied);
        }
    }

    #[test]
    #[cfg(not(feature = "gzip"))]
    fn a_compression_that_is_not_built_in_is_unsupported_and_named() {
        let error = Decoder::new(GZIP).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Unsupported);
        assert!(error.message().contains("`gzip`"), "{error}");
    }

    #[test]
    fn a_short_head_is_enough_where_it_can_be() {
        assert_eq!(Compression::detect(b""), None);
        assert_eq!(Compression::detect(b"\x1f\x8b\x08"), Some(Compression::Gzip));
        assert_eq!(Compression::detect(b"BZh9.txt\0\0"), None);
    }

    #[test]
    fn chunks_are_bounded_and_complete() {
        let input = (0..600_000_u32).map(|i| i as u8).collect::<Vec<_>>();
        let mut decoder = Decoder::new(&input[..]).unwrap();
        let mut output = Vec::new();
        while let Some(chunk) = decoder.next_chunk().unwrap() {
            assert!(chunk.len() <= CHUNK);
            output.extend_from_slice(&chunk);
        }
        assert_eq!(output, input);
    }
}
