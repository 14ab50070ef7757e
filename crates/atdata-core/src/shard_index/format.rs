//! The bytes of an index; `docs/shard-index.md` describes them.

use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::location::{BLOCK, Extent, SampleLocation, key_hash};
use crate::{Error, Result};

const MAGIC: [u8; 8] = *b"\x89ATDIDX\n";
const VERSION: u32 = 1;
/// The flag that says that the shard's SHA-256 is there.
const HAS_SHA256: u32 = 1;

const HEADER_LEN: usize = 128;
/// How much of the header its own checksum covers.
const SUMMED_LEN: usize = 96;
const RECORD_LEN: usize = 40;
const ORDER_LEN: usize = 4;

/// Tables up to this many bytes are checked when an index is opened.
const CHECKED_AT_OPEN: usize = 1 << 20;

/// The index of one shard: where its samples lie, by position and by key.
///
/// It is a view of its bytes, which may be a memory map; nothing is parsed ahead. Clones share the bytes.
///
/// ```
/// use atdata_core::ShardBody;
/// use atdata_core::shard_index::{BuildOptions, ShardIndex};
/// use atdata_core::tar::TarEncoder;
///
/// # futures::executor::block_on(async {
/// let mut encoder = TarEncoder::default();
/// let mut shard = Vec::new();
/// for key in ["a", "b"] {
///     shard.extend(encoder.append(&format!("{key}.msgpack"), b"\x80".as_slice().into())?.concat());
/// }
/// shard.extend_from_slice(&encoder.finish());
///
/// let index = ShardIndex::build(ShardBody::resident(shard), &BuildOptions::default()).await?;
/// assert_eq!(index.len(), 2);
/// assert_eq!(index.get(1)?.payload.unwrap().offset, 1024 + 512);
/// assert_eq!(index.find("b")?, [1]);
/// assert_eq!(ShardIndex::from_bytes(index.to_bytes())?, index);
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct ShardIndex {
    bytes: Bytes,
    header: Header,
    /// Set once the tables were found to be whole.
    checked: OnceLock<()>,
}

/// The fixed part, which says how long the rest is.
#[derive(Clone, Debug)]
pub(super) struct Header {
    count: u32,
    shard_length: u64,
    sha256: Option<[u8; 32]>,
    tables_sha256: [u8; 32],
}

impl Header {
    /// Reads and checks the header at the beginning of `bytes`; `None` if there are too few of them to tell.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        if !MAGIC.starts_with(bytes) && !bytes.starts_with(&MAGIC) {
            return Err(Error::corrupt("not a shard index: it does not begin as one").with("offset", 0));
        }
        let Some(block) = bytes.first_chunk::<HEADER_LEN>() else { return Ok(None) };
        let (summed, sum) = block.split_at(SUMMED_LEN);
        let mut rest = summed;
        let (_magic, version) = (take::<8>(&mut rest)?, u32::from_le_bytes(take(&mut rest)?));
        if version != VERSION {
            return Err(Error::unsupported(format!(
                "the index has format version {version}, this reads version {VERSION}; make it again with `atdata index`"
            )));
        }
        if Sha256::digest(summed).as_slice() != sum {
            return Err(Error::corrupt("the checksum of the index's header is wrong").with("offset", 0));
        }
        let flags = u32::from_le_bytes(take(&mut rest)?);
        if flags & !HAS_SHA256 != 0 {
            return Err(Error::unsupported(format!("the index has unknown flags: {flags:#x}")));
        }
        let count = u64::from_le_bytes(take(&mut rest)?);
        let shard_length = u64::from_le_bytes(take(&mut rest)?);
        let sha256 = Some(take(&mut rest)?).filter(|_| flags & HAS_SHA256 != 0);
        let tables_sha256 = take(&mut rest)?;
        let too_many =
            || Error::corrupt(format!("the index claims {count} samples, more than the shard can have"));
        if count > shard_length / BLOCK {
            return Err(too_many());
        }
        let count = u32::try_from(count).map_err(|_| too_many())?;
        Ok(Some(Self { count, shard_length, sha256, tables_sha256 }))
    }

    /// The length of the whole index in bytes.
    pub(super) fn index_len(&self) -> u64 {
        HEADER_LEN as u64 + u64::from(self.count) * (RECORD_LEN + ORDER_LEN) as u64
    }
}

/// Takes the next bytes of a header.
fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N]> {
    let (head, tail) = rest.split_first_chunk().ok_or_else(cut)?;
    *rest = tail;
    Ok(*head)
}

fn cut() -> Error {
    Error::corrupt("the index is cut; make it again with `atdata index`")
}

impl ShardIndex {
    /// Reads an index. The header is always checked against its checksum; tables of up to 1 MiB (23,000 samples) are
    /// too, larger ones by [`verify_tables`](Self::verify_tables), so that opening a mapped index costs next to
    /// nothing whatever its size.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if it is damaged, cut or not an index,
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if it has another format version.
    pub fn from_bytes(bytes: Bytes) -> Result<Self> {
        let header = Header::parse(&bytes)?.ok_or_else(cut)?;
        if bytes.len() as u64 != header.index_len() {
            let (has, expected) = (bytes.len(), header.index_len());
            return Err(Error::corrupt(format!("the index has {has} bytes instead of {expected}")));
        }
        let index = Self { bytes, header, checked: OnceLock::new() };
        if index.tables().len() <= CHECKED_AT_OPEN {
            index.verify_tables()?;
        }
        Ok(index)
    }

    /// Makes an index of locations that are possible, in the order of the shard.
    pub(super) fn encode(
        locations: &[SampleLocation],
        shard_length: u64,
        sha256: Option<[u8; 32]>,
    ) -> Result<Self> {
        let fits = |location: &SampleLocation| {
            location.sample.range().is_some_and(|sample| sample.end <= shard_length)
        };
        if !locations.iter().all(fits) {
            return Err(Error::invalid(format!(
                "a sample lies beyond the end of a shard of {shard_length} bytes"
            )));
        }
        let count = u32::try_from(locations.len())
            .map_err(|_| Error::unsupported("the shard has more samples than an index can hold, 2^32 - 1"))?;
        // Equal hashes stay in the order of the shard, so that the first sample of a key comes first.
        let mut order: Vec<(u64, u32)> =
            locations.iter().map(|location| location.key_hash).zip(0..count).collect();
        order.sort_unstable();

        let mut bytes = vec![0; HEADER_LEN];
        bytes.reserve_exact(locations.len() * (RECORD_LEN + ORDER_LEN));
        for SampleLocation { sample, payload, key_hash } in locations {
            // No payload can begin at 0, where a header stands.
            let payload = payload.unwrap_or(Extent { offset: 0, length: 0 });
            for field in [sample.offset, sample.length, payload.offset, payload.length, *key_hash] {
                bytes.extend_from_slice(&field.to_le_bytes());
            }
        }
        order.iter().for_each(|(_, position)| bytes.extend_from_slice(&position.to_le_bytes()));

        let (block, tables) = bytes.split_at_mut(HEADER_LEN);
        let tables_sha256 = <[u8; 32]>::from(Sha256::digest(&*tables));
        let header = Header { count, shard_length, sha256, tables_sha256 };
        let flags = if sha256.is_some() { HAS_SHA256 } else { 0 };
        let (summed, sum) = block.split_at_mut(SUMMED_LEN);
        let fields: [&[u8]; 7] = [
            &MAGIC,
            &VERSION.to_le_bytes(),
            &flags.to_le_bytes(),
            &u64::from(count).to_le_bytes(),
            &shard_length.to_le_bytes(),
            &sha256.unwrap_or_default(),
            &tables_sha256,
        ];
        summed.copy_from_slice(&fields.concat());
        sum.copy_from_slice(&Sha256::digest(&*summed));
        Ok(Self { bytes: bytes.into(), header, checked: OnceLock::from(()) })
    }

    /// The bytes to be stored. Costs nothing.
    pub fn to_bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The number of samples.
    pub fn len(&self) -> u64 {
        self.header.count.into()
    }

    /// Whether the shard has no sample.
    pub fn is_empty(&self) -> bool {
        self.header.count == 0
    }

    /// The length of the shard in bytes.
    pub fn shard_length(&self) -> u64 {
        self.header.shard_length
    }

    /// The SHA-256 of the shard, if it was known when the index was made.
    pub fn sha256(&self) -> Option<&[u8; 32]> {
        self.header.sha256.as_ref()
    }

    /// Where the sample at a position lies. It is inside the shard.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if there are fewer samples, [`Corrupt`](crate::ErrorKind::Corrupt) if the
    /// index says something impossible.
    pub fn get(&self, position: u64) -> Result<SampleLocation> {
        if position >= self.len() {
            let has = self.len();
            return Err(Error::invalid(format!(
                "there is no sample at position {position}: the shard has {has}"
            )));
        }
        let location = usize::try_from(position).ok().and_then(|position| self.record(position));
        location
            .filter(|location| {
                location.is_possible()
                    && location.sample.range().is_some_and(|sample| sample.end <= self.shard_length())
            })
            .ok_or_else(|| Error::corrupt(format!("the index places sample {position} where none can be")))
    }

    /// The positions of the samples that may have this key, in ascending order: those whose keys have its hash. One
    /// that does not is to be expected once in 2⁶⁴ comparisons, but is possible. O(log n).
    ///
    /// # Errors
    /// As [`verify_tables`](Self::verify_tables), since a damaged table would hide samples.
    pub fn find(&self, key: &str) -> Result<Vec<u64>> {
        self.verify_tables()?;
        let hash = key_hash(key);
        let order = self.order();
        // A position without a record only stands in an index that was made by an adversary.
        let hash_at = |position: &[u8; ORDER_LEN]| {
            self.record(u32::from_le_bytes(*position) as usize).map_or(u64::MAX, |location| location.key_hash)
        };
        let first = order.partition_point(|position| hash_at(position) < hash);
        let from_first = order.get(first..).unwrap_or_default().iter();
        let equal = from_first.take_while(|position| hash_at(position) == hash);
        Ok(equal.map(|position| u32::from_le_bytes(*position).into()).collect())
    }

    /// Checks the tables against their checksum. It is done once, at some 1 GB/s.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if they are damaged.
    pub fn verify_tables(&self) -> Result<()> {
        if self.checked.get().is_none() {
            if Sha256::digest(self.tables()).as_slice() != self.header.tables_sha256 {
                return Err(Error::corrupt("the index is damaged; make it again with `atdata index`"));
            }
            // Somebody else may have been faster, with the same result.
            let _ = self.checked.set(());
        }
        Ok(())
    }

    /// Whether both say the same of the samples and the length of their shard.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        self.shard_length() == other.shard_length() && self.tables() == other.tables()
    }

    fn tables(&self) -> &[u8] {
        self.bytes.get(HEADER_LEN..).unwrap_or_default()
    }

    fn halves(&self) -> (&[u8], &[u8]) {
        let records = self.header.count as usize * RECORD_LEN;
        self.tables().split_at_checked(records).unwrap_or_default()
    }

    fn record(&self, position: usize) -> Option<SampleLocation> {
        let (records, _) = self.halves().0.as_chunks::<RECORD_LEN>();
        let (fields, _) = records.get(position)?.as_chunks::<8>();
        let &[offset, length, payload_offset, payload_length, key_hash] = fields else { return None };
        let payload =
            Extent { offset: u64::from_le_bytes(payload_offset), length: u64::from_le_bytes(payload_length) };
        Some(SampleLocation {
            sample: Extent { offset: u64::from_le_bytes(offset), length: u64::from_le_bytes(length) },
            payload: (payload.offset != 0).then_some(payload),
            key_hash: u64::from_le_bytes(key_hash),
        })
    }

    /// The positions of all samples, sorted by the hashes of their keys.
    fn order(&self) -> &[[u8; ORDER_LEN]] {
        self.halves().1.as_chunks().0
    }
}

impl PartialEq for ShardIndex {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for ShardIndex {}

impl fmt::Debug for ShardIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardIndex")
            .field("len", &self.len())
            .field("shard_length", &self.shard_length())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn location(at: u64, key_hash: u64) -> SampleLocation {
        let sample = Extent { offset: at * 1024, length: 1024 };
        SampleLocation { sample, payload: Some(Extent { offset: at * 1024 + 512, length: 9 }), key_hash }
    }

    fn keyed(keys: &[&str]) -> ShardIndex {
        let locations: Vec<_> = (0..).zip(keys).map(|(at, key)| location(at, key_hash(key))).collect();
        ShardIndex::encode(&locations, 1024 * keys.len() as u64 + 1024, Some([7; 32])).unwrap()
    }

    /// The same bytes with right checksums after a change.
    fn resealed(index: &ShardIndex, change: impl FnOnce(&mut [u8])) -> Bytes {
        let mut bytes = index.to_bytes().to_vec();
        change(&mut bytes);
        let tables = Sha256::digest(&bytes[HEADER_LEN..]);
        bytes[64..96].copy_from_slice(&tables);
        let sum = Sha256::digest(&bytes[..SUMMED_LEN]);
        bytes[SUMMED_LEN..HEADER_LEN].copy_from_slice(&sum);
        bytes.into()
    }

    #[test]
    fn the_layout_of_version_1_does_not_change() {
        let bytes = keyed(&["b", "a"]).to_bytes();
        assert_eq!(bytes.len(), 128 + 2 * 44);
        assert_eq!(&bytes[..16], b"\x89ATDIDX\n\x01\0\0\0\x01\0\0\0");
        assert_eq!(&bytes[16..32], [2_u64.to_le_bytes(), 3072_u64.to_le_bytes()].concat());
        assert_eq!(&bytes[32..64], [7; 32]);
        assert_eq!(&bytes[64..96], Sha256::digest(&bytes[128..]).as_slice());
        assert_eq!(&bytes[96..128], Sha256::digest(&bytes[..96]).as_slice());
        let b: [u64; 5] = [0, 1024, 512, 9, 0x4a59_3900_16e8_233e];
        assert_eq!(&bytes[128..168], b.map(u64::to_le_bytes).concat());
        // The SHA-256 of "a" begins with ca 97 81 12 ca 1b bd ca: its hash is the greater one.
        assert_eq!(&bytes[208..], [0, 0, 0, 0, 1, 0, 0, 0]);
    }

    #[test]
    fn a_key_is_found_at_its_positions_in_ascending_order() {
        let index = keyed(&["x", "a", "x", "b", "x"]);
        assert_eq!(index.find("x").unwrap(), [0, 2, 4]);
        assert_eq!(index.find("b").unwrap(), [3]);
        assert!(index.find("c").unwrap().is_empty());
    }

    #[test]
    fn an_index_without_samples_or_digest_is_whole() {
        let index = ShardIndex::encode(&[], 1024, None).unwrap();
        let read = ShardIndex::from_bytes(index.to_bytes()).unwrap();
        assert!(read.is_empty());
        assert_eq!((read.sha256(), read.shard_length()), (None, 1024));
        assert!(read.find("a").unwrap().is_empty());
        assert_eq!(read.get(0).unwrap_err().kind(), ErrorKind::Invalid);
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let bytes = keyed(&["a", "b"]).to_bytes();
        for at in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 1;
            let error = ShardIndex::from_bytes(damaged.into()).unwrap_err();
            let kind = if (8..12).contains(&at) { ErrorKind::Unsupported } else { ErrorKind::Corrupt };
            assert_eq!(error.kind(), kind, "byte {at}");
        }
        for length in 0..bytes.len() {
            assert_eq!(ShardIndex::from_bytes(bytes.slice(..length)).unwrap_err().kind(), ErrorKind::Corrupt);
        }
        assert!(ShardIndex::from_bytes([&bytes[..], b"\0"].concat().into()).is_err());
    }

    #[test]
    fn large_tables_are_checked_before_a_key_is_looked_up() {
        let locations: Vec<_> = (0..30_000).map(|at| location(at, at)).collect();
        let bytes = ShardIndex::encode(&locations, 30_001 * 1024, None).unwrap().to_bytes();
        let mut damaged = bytes.to_vec();
        *damaged.last_mut().unwrap() ^= 1;
        let index = ShardIndex::from_bytes(damaged.into()).unwrap();
        assert_eq!(index.get(29_999).unwrap(), location(29_999, 29_999));
        assert_eq!(index.find("a").unwrap_err().kind(), ErrorKind::Corrupt);
        assert!(ShardIndex::from_bytes(bytes).unwrap().find("a").unwrap().is_empty());
    }

    #[test]
    fn an_impossible_place_is_corrupt_though_the_checksums_are_right() {
        let index = keyed(&["a"]);
        for (field, value) in [
            (0, 1_u64),
            (0, 1 << 40),
            (0, u64::MAX - 511),
            (8, 0),
            (8, 1 << 40),
            (16, 100),
            (16, 1024),
            (24, 513),
            (24, u64::MAX),
        ] {
            let bytes = resealed(&index, |bytes| {
                bytes[HEADER_LEN + field..][..8].copy_from_slice(&value.to_le_bytes());
            });
            let error = ShardIndex::from_bytes(bytes).unwrap().get(0).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{field}: {value}");
        }
    }

    #[test]
    fn a_count_that_the_shard_cannot_have_is_corrupt() {
        for count in [7_u64, u64::from(u32::MAX) + 1, u64::MAX] {
            let bytes =
                resealed(&keyed(&["a", "b"]), |bytes| bytes[16..24].copy_from_slice(&count.to_le_bytes()));
            assert_eq!(ShardIndex::from_bytes(bytes).unwrap_err().kind(), ErrorKind::Corrupt, "{count}");
        }
        let bytes = resealed(&keyed(&["a"]), |bytes| bytes[12] = 3);
        assert_eq!(ShardIndex::from_bytes(bytes).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn positions_beyond_the_end_find_nothing() {
        let bytes = resealed(&keyed(&["a", "b"]), |bytes| bytes[208..].fill(0xff));
        let index = ShardIndex::from_bytes(bytes).unwrap();
        assert!(index.find("a").unwrap().is_empty() && index.find("b").unwrap().is_empty());
    }

    #[test]
    fn samples_beyond_the_shard_cannot_be_indexed() {
        assert_eq!(ShardIndex::encode(&[location(0, 0)], 1023, None).unwrap_err().kind(), ErrorKind::Invalid);
    }
}
