//! Reads a shard from a blocking reader.

use std::io::Read;
use std::iter::FusedIterator;

use super::Step;
use super::compress::Decoder;
use super::framer::TarOptions;
use super::group::{RawSample, SampleFramer};
use crate::Result;

/// Reads the samples of a shard, compressed or not, with the default [`TarOptions`].
///
/// It blocks on the reader and holds about one sample and one chunk of 256 KiB in memory. After an error it ends.
///
/// ```
/// use atdata_core::tar::{TarEncoder, read_tar};
///
/// let mut encoder = TarEncoder::default();
/// let mut shard = encoder.append("a.msgpack", b"\x80".as_slice().into())?.concat();
/// shard.extend_from_slice(&encoder.finish());
///
/// let samples = read_tar(&shard[..]).collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(samples[0].key(), "a");
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub fn read_tar<R: Read>(reader: R) -> TarReader<R> {
    TarReader::new(reader, TarOptions::default())
}

/// The iterator of [`read_tar`]. Its errors are those of [`Decoder`] and [`SampleFramer`]; the `offset` of the latter
/// counts bytes of the decompressed archive.
///
/// ```
/// use atdata_core::tar::{TarOptions, TarReader};
///
/// let error = TarReader::new(b"".as_slice(), TarOptions::default()).next().unwrap().unwrap_err();
/// assert_eq!(error.message(), "the archive is an empty file");
/// ```
#[derive(Debug)]
pub struct TarReader<R> {
    state: State<R>,
    framer: SampleFramer,
}

#[derive(Debug)]
enum State<R> {
    Start(R),
    Open(Box<Decoder<R>>),
    End,
}

impl<R: Read> TarReader<R> {
    /// Prepares to read a shard; nothing is read before the first sample is asked for.
    pub fn new(reader: R, options: TarOptions) -> Self {
        Self { state: State::Start(reader), framer: SampleFramer::new(options) }
    }

    fn advance(&mut self, decoder: &mut Decoder<R>) -> Result<Option<RawSample>> {
        loop {
            match self.framer.next_sample()? {
                Step::Item(sample) => return Ok(Some(sample)),
                Step::End => return Ok(None),
                Step::NeedInput => match decoder.next_chunk()? {
                    Some(chunk) => self.framer.push(chunk),
                    None => self.framer.finish(),
                },
            }
        }
    }
}

impl<R: Read> Iterator for TarReader<R> {
    type Item = Result<RawSample>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut decoder = match std::mem::replace(&mut self.state, State::End) {
            State::Start(reader) => match Decoder::new(reader) {
                Ok(decoder) => Box::new(decoder),
                Err(error) => return Some(Err(error)),
            },
            State::Open(decoder) => decoder,
            State::End => return None,
        };
        let sample = self.advance(&mut decoder).transpose();
        if let Some(Ok(_)) = sample {
            self.state = State::Open(decoder);
        }
        sample
    }
}

impl<R: Read> FusedIterator for TarReader<R> {}
