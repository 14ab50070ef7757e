//! Where one sample lies.

use std::ops::Range;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::tar::{RawSample, SUFFIX, SampleFramer, Step, TarOptions};
use crate::{Error, Result};

/// The unit of a tar file: headers and bodies are padded to it.
pub(super) const BLOCK: u64 = 512;

/// A run of bytes in a shard.
///
/// ```
/// use atdata_core::shard_index::Extent;
///
/// assert_eq!(Extent { offset: 512, length: 90 }.range(), Some(512..602));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Where it begins, in bytes.
    pub offset: u64,
    /// How many bytes it has.
    pub length: u64,
}

impl Extent {
    /// The same as a range, or `None` if its end is beyond 64 bits.
    pub fn range(&self) -> Option<Range<u64>> {
        Some(self.offset..self.offset.checked_add(self.length)?)
    }
}

/// Where one sample lies in its shard.
///
/// ```
/// use atdata_core::shard_index::{Extent, SampleLocation};
/// use atdata_core::tar::{RawMember, RawSample};
///
/// let member = RawMember { suffix: "msgpack".into(), data_offset: 512, data: b"\x80".as_slice().into() };
/// let location = SampleLocation::of(&RawSample::new("a".to_owned(), 0, member))?;
/// assert_eq!(location.sample, Extent { offset: 0, length: 1024 });
/// assert_eq!(location.payload, Some(Extent { offset: 512, length: 1 }));
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleLocation {
    /// All of the sample: from the first header of its first member to the end of the last member's padding. It is a
    /// tar archive without end.
    pub sample: Extent,
    /// The data of the `msgpack` member, if there is one.
    pub payload: Option<Extent>,
    /// The [`key_hash`] of the key.
    pub key_hash: u64,
}

impl SampleLocation {
    /// Where a sample that was read from the beginning of its shard lies.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if the offsets of the sample are not those of a tar archive.
    pub fn of(raw: &RawSample) -> Result<Self> {
        let end = raw.members().try_fold(raw.header_offset, |end, member| {
            let data_end = member.data_offset.checked_add(member.data.len() as u64)?;
            Some(data_end.checked_next_multiple_of(BLOCK)?.max(end))
        });
        let payload = raw.members().find(|member| member.suffix == SUFFIX);
        let location = end.map(|end| Self {
            sample: Extent { offset: raw.header_offset, length: end - raw.header_offset },
            payload: payload
                .map(|member| Extent { offset: member.data_offset, length: member.data.len() as u64 }),
            key_hash: key_hash(raw.key()),
        });
        location.filter(|location| location.is_possible()).ok_or_else(|| {
            Error::invalid("a sample's offsets are not those of a tar archive")
                .with("key", raw.key())
                .with("offset", raw.header_offset)
        })
    }

    /// Whether a tar archive can have such a sample: whole blocks, a header before the payload, which lies inside.
    pub(super) fn is_possible(&self) -> bool {
        let Extent { offset, length } = self.sample;
        let Some(sample) = self.sample.range() else { return false };
        let payload_fits = |payload: Extent| {
            payload.range().is_some_and(|payload| {
                payload.start % BLOCK == 0
                    && payload.start >= sample.start + BLOCK
                    && payload.end <= sample.end
            })
        };
        offset % BLOCK == 0 && length % BLOCK == 0 && length >= BLOCK && self.payload.is_none_or(payload_fits)
    }

    /// Makes a sample of the bytes of [`SampleLocation::sample`], which must be one whole sample at the place and with
    /// the key that the index says.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) with `offset` if they are anything else; a limit of `options`.
    pub fn frame(&self, bytes: Bytes, options: &TarOptions) -> Result<RawSample> {
        let offset = self.sample.offset;
        let differs = |what: &str| {
            Error::corrupt(format!("the index does not fit the shard: {what}")).with("offset", offset)
        };
        if bytes.len() as u64 != self.sample.length {
            return Err(differs("the sample has another length"));
        }
        let options = TarOptions { require_end: false, ..options.clone() };
        let mut framer = SampleFramer::starting_at(options, offset);
        framer.push(bytes);
        framer.finish();
        let unreadable = |error: Error| match error.kind() {
            crate::ErrorKind::Corrupt => differs("there is no sample at this place").with_source(error),
            _ => error,
        };
        let Step::Item(raw) = framer.next_sample().map_err(unreadable)? else {
            return Err(differs("there is no sample at this place"));
        };
        if framer.next_sample().map_err(unreadable)? != Step::End {
            return Err(differs("there is more than one sample at this place"));
        }
        match Self::of(&raw) {
            Ok(found) if found == *self => Ok(raw),
            Ok(found) if found.key_hash != self.key_hash => {
                Err(differs("there is a sample with another key at this place").with("key", raw.key()))
            }
            _ => Err(differs("the sample's members lie elsewhere").with("key", raw.key())),
        }
    }
}

/// The hash by which an index finds a key: the first eight bytes of the SHA-256 of its UTF-8, as a little-endian
/// number. Nobody can make keys that collide on purpose, at a cost of some 100 ns a key.
///
/// ```
/// use atdata_core::shard_index::key_hash;
///
/// assert_eq!(key_hash(""), 0x141c_fc98_42c4_b0e3);
/// ```
pub fn key_hash(key: &str) -> u64 {
    let digest = Sha256::digest(key.as_bytes());
    u64::from_le_bytes(digest.first_chunk().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::tar::{RawMember, TarEncoder, read_tar};

    fn shard(members: &[(&str, &[u8])]) -> Bytes {
        let mut encoder = TarEncoder::default();
        let mut shard = Vec::new();
        for (name, data) in members {
            shard.extend(encoder.append(name, Bytes::copy_from_slice(data)).unwrap().concat());
        }
        shard.extend_from_slice(&encoder.finish());
        shard.into()
    }

    fn bytes_of(shard: &Bytes, location: &SampleLocation) -> Bytes {
        let range = location.sample.range().unwrap();
        shard.slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap())
    }

    #[test]
    fn a_sample_is_framed_again_as_the_walk_found_it() {
        let long = format!("{}.msgpack", "n".repeat(300));
        let shard = shard(&[
            ("a.jpg", &[1; 700]),
            ("README", b"between"),
            ("a.msgpack", b"\x80"),
            (&long, b"\x81"),
            ("c.txt", b""),
        ]);
        let walked: Vec<RawSample> = read_tar(&shard[..]).collect::<Result<_>>().unwrap();
        assert_eq!(walked.len(), 3);
        for raw in walked {
            let location = SampleLocation::of(&raw).unwrap();
            assert_eq!(location.payload.is_some(), raw.get(SUFFIX).is_some());
            assert_eq!(location.frame(bytes_of(&shard, &location), &TarOptions::default()).unwrap(), raw);
        }
    }

    #[test]
    fn what_is_not_the_sample_of_the_index_is_corrupt() {
        let shard = shard(&[("a.msgpack", b"\x80"), ("b.msgpack", b"\x80")]);
        let raw = read_tar(&shard[..]).next().unwrap().unwrap();
        let right = SampleLocation::of(&raw).unwrap();
        let at = |sample: Extent, payload: Option<Extent>, key_hash: u64| {
            let location = SampleLocation { sample, payload, key_hash };
            location.frame(bytes_of(&shard, &location), &TarOptions::default()).unwrap_err()
        };
        let SampleLocation { sample, payload, key_hash } = right;
        for (error, says) in [
            (at(Extent { offset: 512, ..sample }, payload, key_hash), "no sample"),
            (at(Extent { offset: 2048, length: 1024 }, payload, key_hash), "no sample"),
            (at(Extent { length: 512, ..sample }, payload, key_hash), "no sample"),
            (at(Extent { length: 2048, ..sample }, payload, key_hash), "more than one"),
            (at(Extent { offset: 1024, ..sample }, payload, key_hash), "another key"),
            (at(sample, payload, key_hash ^ 1), "another key"),
            (at(sample, None, key_hash), "lie elsewhere"),
            (at(sample, Some(Extent { offset: 512, length: 2 }), key_hash), "lie elsewhere"),
        ] {
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.message().contains(says), "{error}");
        }
        let error = right.frame(shard.slice(..512), &TarOptions::default()).unwrap_err();
        assert!(error.message().contains("another length"), "{error}");
    }

    #[test]
    fn offsets_that_no_archive_has_are_invalid() {
        for (header_offset, data_offset) in [(512, 0), (1, 513), (0, u64::MAX), (1024, 1024)] {
            let member = RawMember { suffix: SUFFIX.into(), data_offset, data: Bytes::from_static(b"\x80") };
            let error =
                SampleLocation::of(&RawSample::new("a".to_owned(), header_offset, member)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }
}
