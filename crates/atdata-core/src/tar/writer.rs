//! Frames members as a plain, reproducible ustar archive.

use async_tar::Header;
use bytes::Bytes;

use super::MAX_NAME;
use super::header::{BLOCK, block_sum, padded};
use super::pax::push_record;
use crate::{Error, Result};

/// The first size that has no room in a header: 11 octal digits.
const SIZE_LIMIT: u64 = 1 << 33;
/// The owner that WebDataset's writer names.
const OWNER: &str = "bigdata";
/// The name that Python gives to PAX headers.
const PAX_NAME: &[u8] = b"././@PaxHeader";

static ZEROS: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The size of the end-of-archive marker that [`TarEncoder::finish`] gives, in bytes.
pub const END_LEN: u64 = ZEROS.len() as u64;

/// Frames members as a tar archive: plain ustar, the same bytes for the same members.
///
/// It only makes headers and padding, so that the caller can write the data from where it lies. Members are regular
/// files of mode 0444, owner 0 and `bigdata` as WebDataset writes them. A name that fits neither into the header nor
/// into name and prefix, or that is not ASCII, goes to a PAX record, and so does a size from 8 GiB up.
///
/// ```
/// use atdata_core::tar::{TarEncoder, read_tar};
///
/// let mut encoder = TarEncoder::default();
/// let mut shard = Vec::new();
/// for key in ["a", "b"] {
///     shard.extend(encoder.append(&format!("{key}.msgpack"), b"\x80".as_slice().into())?.concat());
/// }
/// shard.extend_from_slice(&encoder.finish());
/// assert_eq!(shard.len(), 2 * 1024 + 1024);
/// assert_eq!(read_tar(&shard[..]).count(), 2);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct TarEncoder {
    mtime: u32,
    position: u64,
}

/// What surrounds the data of one member.
///
/// ```
/// use atdata_core::tar::TarEncoder;
///
/// let frame = TarEncoder::default().begin("a.msgpack", 1000)?;
/// assert_eq!((frame.data_offset, frame.header.len(), frame.padding.len()), (512, 512, 24));
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberFrame {
    /// Where the member's first header begins, in bytes of the archive.
    pub header_offset: u64,
    /// Where the data begins, in bytes of the archive.
    pub data_offset: u64,
    /// What goes before the data.
    pub header: Bytes,
    /// What goes after the data.
    pub padding: Bytes,
}

impl TarEncoder {
    /// Makes an encoder at the beginning of an archive, whose members get this modification time, in seconds since
    /// 1970. The default encoder takes 0.
    pub fn with_mtime(mtime: u32) -> Self {
        Self { mtime, position: 0 }
    }

    /// The size of the archive so far in bytes, without the end-of-archive marker.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Frames a member of `size` bytes of data. The caller writes the frame's header, exactly `size` bytes, and the
    /// frame's padding.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) with `member` for a name that is empty, ends in a slash, contains a NUL
    /// or is longer than 4096 bytes, and for sizes that do not fit in 64 bits.
    pub fn begin(&mut self, name: &str, size: u64) -> Result<MemberFrame> {
        let header = member_header(name, size, self.mtime)?;
        let header_offset = self.position;
        let data_offset = header_offset.checked_add(header.len() as u64);
        let (Some(data_offset), Some(body)) = (data_offset, padded(size)) else {
            return Err(too_large(name));
        };
        self.position = data_offset.checked_add(body).ok_or_else(|| too_large(name))?;
        let padding = ZEROS.get(..usize::try_from(body - size).unwrap_or_default()).unwrap_or_default();
        Ok(MemberFrame { header_offset, data_offset, header, padding: Bytes::from_static(padding) })
    }

    /// Frames a member: its header, its data and its padding, to be written in this order.
    ///
    /// # Errors
    /// As [`TarEncoder::begin`].
    pub fn append(&mut self, name: &str, data: Bytes) -> Result<[Bytes; 3]> {
        let MemberFrame { header, padding, .. } = self.begin(name, data.len() as u64)?;
        Ok([header, data, padding])
    }

    /// Ends the archive: gives the marker of two zero blocks, [`END_LEN`] bytes.
    pub fn finish(self) -> Bytes {
        Bytes::from_static(&ZEROS)
    }
}

/// The number of bytes that a member occupies in the archive that [`TarEncoder`] writes: headers, data and padding.
///
/// ```
/// use atdata_core::tar::framed_len;
///
/// assert_eq!(framed_len("a.msgpack", 1000)?, 512 + 1024);
/// # Ok::<(), atdata_core::Error>(())
/// ```
///
/// # Errors
/// As [`TarEncoder::begin`].
pub fn framed_len(name: &str, size: u64) -> Result<u64> {
    let body = pax_body(name, size)?;
    let extension = if body.is_empty() { Some(0) } else { padded(body.len() as u64 + BLOCK as u64) };
    let member = padded(size).and_then(|data| data.checked_add(BLOCK as u64));
    extension.zip(member).and_then(|(a, b)| a.checked_add(b)).ok_or_else(|| too_large(name))
}

fn too_large(name: &str) -> Error {
    Error::invalid("the archive would be larger than 64 bits can count").with("member", name)
}

/// All headers of a member.
fn member_header(name: &str, size: u64, mtime: u32) -> Result<Bytes> {
    let body = pax_body(name, size)?;
    let mut header = Header::new_ustar();
    set_name(&mut header, name.as_bytes());
    set_fields(&mut header, b'0', 0o444, if size < SIZE_LIMIT { size } else { 0 }, mtime);
    if let Some(ustar) = header.as_ustar_mut() {
        put(&mut ustar.uname, OWNER.as_bytes());
        put(&mut ustar.gname, OWNER.as_bytes());
    }
    seal(&mut header);
    if body.is_empty() {
        return Ok(Bytes::copy_from_slice(header.as_bytes()));
    }

    let mut extension = Header::new_ustar();
    put(&mut extension.as_old_mut().name, PAX_NAME);
    set_fields(&mut extension, b'x', 0, body.len() as u64, 0);
    seal(&mut extension);
    let mut blocks = extension.as_bytes().to_vec();
    blocks.extend_from_slice(&body);
    blocks.resize(blocks.len().next_multiple_of(BLOCK), 0);
    blocks.extend_from_slice(header.as_bytes());
    Ok(blocks.into())
}

/// The PAX records that a member needs; none as a rule.
fn pax_body(name: &str, size: u64) -> Result<Vec<u8>> {
    let fault = if name.is_empty() {
        Some("a member name is empty")
    } else if name.ends_with('/') {
        Some("a member name ends in a slash")
    } else if name.contains('\0') {
        Some("a member name contains a NUL")
    } else if name.len() > MAX_NAME {
        Some("a member name is longer than 4096 bytes")
    } else {
        None
    };
    if let Some(fault) = fault {
        return Err(Error::invalid(fault).with("member", name));
    }
    let mut body = Vec::new();
    if !name.is_ascii() || split_prefix(name.as_bytes()).is_none() {
        push_record(&mut body, "path", name);
    }
    if size >= SIZE_LIMIT {
        push_record(&mut body, "size", &size.to_string());
    }
    Ok(body)
}

/// Splits a name into what fits into the prefix (155 bytes, often none) and name (100 bytes) fields.
fn split_prefix(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if name.len() <= 100 {
        return Some((&[], name));
    }
    // The slash between the two is not stored.
    let slash = name.get(..=155.min(name.len() - 1))?.iter().rposition(|byte| *byte == b'/')?;
    let (prefix, rest) = (name.get(..slash)?, name.get(slash + 1..)?);
    (!prefix.is_empty() && !rest.is_empty() && rest.len() <= 100).then_some((prefix, rest))
}

fn set_name(header: &mut Header, name: &[u8]) {
    if let Some((prefix, name)) = split_prefix(name).filter(|_| name.is_ascii()) {
        if let Some(ustar) = header.as_ustar_mut() {
            put(&mut ustar.prefix, prefix);
            put(&mut ustar.name, name);
        }
        return;
    }
    // The PAX record has the true name; this one is for readers that do not know PAX.
    for (to, from) in header.as_old_mut().name.iter_mut().zip(name) {
        *to = if from.is_ascii() { *from } else { b'?' };
    }
}

fn set_fields(header: &mut Header, kind: u8, mode: u64, size: u64, mtime: u32) {
    let fields = header.as_old_mut();
    octal(&mut fields.mode, mode);
    octal(&mut fields.uid, 0);
    octal(&mut fields.gid, 0);
    octal(&mut fields.size, size);
    octal(&mut fields.mtime, mtime.into());
    fields.linkflag = [kind];
}

/// Fills a field with octal digits, and a NUL at its end. The number fits.
fn octal(field: &mut [u8], mut value: u64) {
    let Some((end, digits)) = field.split_last_mut() else { return };
    *end = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' | (value & 7) as u8;
        value >>= 3;
    }
}

/// Writes the checksum the way Python does: six digits, NUL, space.
fn seal(header: &mut Header) {
    header.as_old_mut().cksum = *b"        ";
    let sum = block_sum(header.as_bytes());
    if let Some(digits) = header.as_old_mut().cksum.get_mut(..7) {
        octal(digits, sum.into());
    }
}

fn put(field: &mut [u8], value: &[u8]) {
    field.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_split_where_both_parts_fit() {
        let fits = |prefix: usize, name: usize| {
            let full = format!("{}/{}", "p".repeat(prefix), "n".repeat(name));
            split_prefix(full.as_bytes()).map(|(prefix, name)| (prefix.len(), name.len()))
        };
        assert_eq!(fits(49, 50), Some((0, 100)));
        assert_eq!(fits(50, 50), Some((50, 50)));
        assert_eq!(fits(155, 100), Some((155, 100)));
        assert_eq!(fits(156, 99), None);
        assert_eq!(fits(10, 101), None);
        assert_eq!(fits(0, 101), None);
    }

    #[test]
    fn the_length_is_known_before_framing() {
        let long = "n".repeat(300);
        for (name, size) in
            [("a", 0), ("a", 1), ("a", 512), (&long, 513), ("é", SIZE_LIMIT), ("a", SIZE_LIMIT - 1)]
        {
            let mut encoder = TarEncoder::default();
            let frame = encoder.begin(name, size).unwrap();
            assert_eq!(framed_len(name, size).unwrap(), encoder.position(), "{name} {size}");
            assert_eq!(frame.data_offset + size + frame.padding.len() as u64, encoder.position());
        }
    }

    #[test]
    fn names_and_sizes_that_cannot_be_stored_are_invalid() {
        for name in ["", "dir/", "a\0b", &"n".repeat(4097)] {
            let error = TarEncoder::default().begin(name, 0).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Invalid);
            assert_eq!(error.context_value("member"), Some(name));
        }
        assert!(TarEncoder::default().begin("a", u64::MAX).is_err());
        assert!(framed_len("a", u64::MAX).is_err());
    }
}
