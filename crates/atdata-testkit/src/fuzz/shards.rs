//! Tar framing, sample indexes and decompression.

use atdata_core::shard_index::ShardIndex;
use atdata_core::tar::{Compression, Decoder, Member, SampleFramer, Step, TarFramer, TarOptions};
use atdata_core::{Error, ErrorKind};
use bytes::Bytes;

/// No more than this is decompressed: a small input may stand for gigabytes.
const MAX_OUTPUT: usize = 4 << 20;

/// Frames the input as a tar archive. However it is cut into chunks, the members and samples are the same; each is the
/// bytes at its offset.
pub fn tar(input: &[u8]) {
    let whole = Bytes::copy_from_slice(input);
    for options in [TarOptions::default(), lenient()] {
        let (members, error) = members(&options, [whole.clone()]);
        for member in &members {
            let start = usize::try_from(member.data_offset).expect("an offset in the input");
            assert_eq!(member.data, input[start..start + member.data.len()]);
            assert!(member.header_offset + 512 <= member.data_offset);
        }
        // The cut depends on the input, so that the same input is always cut the same way.
        let cut = usize::from(input.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte))) + 1;
        let chunks =
            |size: usize| (0..input.len()).step_by(size).map(move |at| at..(at + size).min(input.len()));
        for size in [cut, cut * 7] {
            let pieces = chunks(size).map(|range| whole.slice(range));
            let (again, other) = self::members(&options, pieces);
            assert!(members == again, "other members in chunks of {size} bytes");
            assert_eq!(told(error.as_ref()), told(other.as_ref()), "another end in chunks of {size} bytes");
        }
        let samples = samples(&options, &whole);
        assert!(samples <= members.len());
    }
}

/// What reading up to the damage has to offer.
fn lenient() -> TarOptions {
    TarOptions { require_end: false, ..TarOptions::default() }
}

fn told(error: Option<&Error>) -> Option<String> {
    error.map(ToString::to_string)
}

fn members(options: &TarOptions, chunks: impl IntoIterator<Item = Bytes>) -> (Vec<Member>, Option<Error>) {
    let (mut framer, mut chunks) = (TarFramer::new(options.clone()), chunks.into_iter());
    let mut members = Vec::new();
    loop {
        match framer.next_member() {
            Ok(Step::Item(member)) => members.push(member),
            Ok(Step::NeedInput) => match chunks.next() {
                Some(chunk) => framer.push(chunk),
                None => framer.finish(),
            },
            Ok(Step::End) => return (members, None),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported), "{error}");
                assert!(error.context_value("offset").is_some(), "{error}");
                assert!(framer.next_member().is_err() || matches!(framer.next_member(), Ok(Step::End)));
                return (members, Some(error));
            }
        }
    }
}

fn samples(options: &TarOptions, whole: &Bytes) -> usize {
    let mut framer = SampleFramer::new(options.clone());
    framer.push(whole.clone());
    framer.finish();
    let mut count = 0;
    while let Ok(Step::Item(sample)) = framer.next_sample() {
        assert!(sample.members().all(|member| sample.get(&member.suffix).is_some()));
        assert!(!sample.key().is_empty() || sample.members().count() > 0);
        count += 1;
    }
    count
}

/// Reads the input as the index of a shard. Samples lie in the shard; what is found under a key is there.
pub fn shard_index(input: &[u8]) {
    let index = match ShardIndex::from_bytes(Bytes::copy_from_slice(input)) {
        Ok(index) => index,
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported), "{error}");
            return;
        }
    };
    assert_eq!(index.to_bytes(), input);
    assert!(index.get(index.len()).is_err());
    for position in 0..index.len() {
        if let Ok(location) = index.get(position) {
            let end = location.sample.offset.checked_add(location.sample.length).expect("an end");
            assert!(end <= index.shard_length());
        }
    }
    for key in ["", "000000", "a/b"] {
        assert!(index.find(key).is_ok_and(|found| found.is_sorted()));
    }
}

/// Decompresses the input. What is not compressed comes out as it is; reading in small pieces changes nothing.
pub fn decompress(input: &[u8]) {
    let (output, error) = decoded(input, input.len().max(1));
    if Compression::detect(input).is_none() {
        assert!(error.is_none() && output == input[..input.len().min(output.len())]);
    }
    let (again, other) = decoded(input, 7);
    assert_eq!(error, other, "another end in pieces");
    // How much comes out before the damage is met is the decoder's own affair.
    let common = if error.is_some() { output.len().min(again.len()) } else { output.len() };
    assert!(output[..common] == again[..common.min(again.len())], "another output in pieces");
}

/// A reader that gives a few bytes at a time.
struct Pieces<'a> {
    left: &'a [u8],
    size: usize,
}

impl std::io::Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = self.size.min(buffer.len());
        std::io::Read::read(&mut self.left, &mut buffer[..size])
    }
}

fn decoded(input: &[u8], size: usize) -> (Vec<u8>, Option<ErrorKind>) {
    let mut output = Vec::new();
    let mut decoder = match Decoder::new(Pieces { left: input, size }) {
        Ok(decoder) => decoder,
        Err(error) => return (output, Some(error.kind())),
    };
    while output.len() < MAX_OUTPUT {
        match decoder.next_chunk() {
            Ok(Some(chunk)) => output.extend_from_slice(&chunk),
            Ok(None) => return (output, None),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported), "{error}");
                return (output, Some(error.kind()));
            }
        }
    }
    (output, None)
}
