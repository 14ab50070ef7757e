//! One 512-byte header block: checksum, type, size and name.

use std::borrow::Cow;

use async_tar::Header;

/// The unit of a tar file: headers and bodies are padded to it.
pub(super) const BLOCK: usize = 512;

/// Where a header keeps its checksum.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// What a member is, as far as a reader of data has to tell.
///
/// ```
/// use atdata_core::tar::{MemberKind, TarEncoder, TarFramer, Step};
///
/// let mut encoder = TarEncoder::default();
/// let mut framer = TarFramer::default();
/// for chunk in encoder.append("a.txt", b"hello".as_slice().into())? {
///     framer.push(chunk);
/// }
/// let Step::Item(member) = framer.next_member()? else { unreachable!() };
/// assert_eq!(member.kind, MemberKind::File);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemberKind {
    /// A regular file (also a contiguous one): the only kind that carries data.
    File,
    /// A directory.
    Directory,
    /// A hard or symbolic link. Links are never followed.
    Link,
    /// A character or block device or a FIFO.
    Device,
    /// A type of some vendor, a volume label for instance.
    Other,
}

/// What follows a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderKind {
    Member(MemberKind),
    /// A GNU sparse file.
    Sparse,
    /// PAX records for the next member (`x`).
    PaxLocal,
    /// PAX records for all later members (`g`).
    PaxGlobal,
    /// The name of the next member (`L`).
    LongName,
    /// The link target of the next member (`K`).
    LongLink,
}

/// What the checksum says of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Valid,
    /// Nothing but zeros: the end-of-archive marker.
    Zero,
    /// The sum of the bytes is not the one stored.
    Mismatch,
}

pub(super) struct HeaderBlock<'a>(pub(super) &'a [u8; BLOCK]);

impl HeaderBlock<'_> {
    pub(super) fn verify(&self) -> Verdict {
        let total = block_sum(self.0);
        if total == 0 {
            return Verdict::Zero;
        }
        let Some(stored) = number(&self.0[CHECKSUM]) else { return Verdict::Mismatch };
        // The field itself counts as eight spaces.
        let field = &self.0[CHECKSUM];
        let unsigned = u64::from(total - sum(field)) + 8 * 32;
        if stored == unsigned {
            return Verdict::Valid;
        }
        // Historic writers summed signed bytes, each byte from 128 up counting 256 less.
        let high = |bytes: &[u8]| bytes.iter().filter(|byte| **byte >= 0x80).count() as u64;
        let excess = 256 * (high(self.0) - high(field));
        if unsigned.checked_sub(excess) == Some(stored) { Verdict::Valid } else { Verdict::Mismatch }
    }

    pub(super) fn kind(&self) -> HeaderKind {
        use HeaderKind::Member;
        match self.0[156] {
            b'0' | b'7' => Member(MemberKind::File),
            // Before there was a type for directories a trailing slash marked them.
            0 if until_nul(&self.fields().as_old().name).ends_with(b"/") => Member(MemberKind::Directory),
            0 => Member(MemberKind::File),
            b'1' | b'2' => Member(MemberKind::Link),
            b'3' | b'4' | b'6' => Member(MemberKind::Device),
            b'5' => Member(MemberKind::Directory),
            b'S' => HeaderKind::Sparse,
            b'x' | b'X' => HeaderKind::PaxLocal,
            b'g' => HeaderKind::PaxGlobal,
            b'L' => HeaderKind::LongName,
            b'K' => HeaderKind::LongLink,
            _ => Member(MemberKind::Other),
        }
    }

    /// The size field, or `None` if it is not a number that fits.
    pub(super) fn size(&self) -> Option<u64> {
        number(&self.fields().as_old().size)
    }

    /// The name, joined with the prefix of a ustar header.
    pub(super) fn path(&self) -> Cow<'_, [u8]> {
        // Where the prefix would begin: without one the name is all.
        if self.0[345] == 0 { Cow::Borrowed(until_nul(&self.0[..100])) } else { self.fields().path_bytes() }
    }

    fn fields(&self) -> &Header {
        Header::from_byte_slice(self.0)
    }
}

impl MemberKind {
    /// Whether a body follows the header. For the others the size field has no meaning on tape, whatever it says.
    pub(super) fn has_body(self) -> bool {
        matches!(self, MemberKind::File | MemberKind::Other)
    }
}

/// The number of bytes that `size` bytes occupy, or `None` beyond 64 bits.
pub(super) fn padded(size: u64) -> Option<u64> {
    size.checked_next_multiple_of(BLOCK as u64)
}

/// The part before the first NUL.
pub(super) fn until_nul(field: &[u8]) -> &[u8] {
    memchr::memchr(0, field).and_then(|end| field.get(..end)).unwrap_or(field)
}

/// The sum of all bytes of a block: this is most of the work of walking an archive. By runs of so many bytes compilers
/// make the fewest instructions of it.
pub(super) fn block_sum(block: &[u8; BLOCK]) -> u32 {
    let (runs, _) = block.as_chunks::<64>();
    runs.iter().map(|run| sum(run)).sum()
}

fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().map(|byte| u32::from(*byte)).sum()
}

/// Reads a numeric field: octal text (an empty one is 0), or base-256 if the top bit is set.
fn number(field: &[u8]) -> Option<u64> {
    short_number(field).or_else(|| any_number(field))
}

/// Reads a number as nearly all writers fill the field: with six or seven octal digits, zeros before them, and a NUL or
/// space behind them.
fn short_number(field: &[u8]) -> Option<u64> {
    const ZEROS: u64 = u64::from_ne_bytes([b'0'; 8]);
    const DIGIT: u64 = u64::from_ne_bytes([7; 8]);
    let (zeros, digits) = field.split_last_chunk::<8>()?;
    let word = u64::from_be_bytes(*digits);
    let end = match word & 0xffff {
        ..=0xff => 16,
        end if matches!(end & 0xff, 0 | 0x20) => 8,
        _ => return None,
    };
    // Eight digits, of which the first ones are zeros; then pairs of them, and pairs of those.
    let digits = (word >> end | ZEROS << (64 - end)) ^ ZEROS;
    if digits & !DIGIT != 0 || zeros.iter().any(|byte| *byte != b'0') {
        return None;
    }
    let pairs = (digits | digits >> 5) & 0x003f_003f_003f_003f;
    let fours = (pairs | pairs >> 10) & 0x0000_0fff_0000_0fff;
    Some((fours | fours >> 20) & 0x00ff_ffff)
}

fn any_number(field: &[u8]) -> Option<u64> {
    match field.split_first() {
        Some((first, rest)) if first & 0x80 != 0 => {
            // The next bit is the sign, and nothing here may be negative.
            let head = u64::from(first & 0x7f);
            if head & 0x40 != 0 {
                return None;
            }
            rest.iter().try_fold(head, |value, byte| Some(value.checked_mul(256)? | u64::from(*byte)))
        }
        _ => {
            // Nearly all writers fill the field with digits up to a NUL or space. Twenty-one of them fit in 64 bits.
            let digits = field.iter().take(21).take_while(|byte| matches!(byte, b'0'..=b'7'));
            let (count, value) =
                digits.fold((0, 0), |(count, value), byte| (count + 1, value << 3 | u64::from(byte & 7)));
            match field.get(count..) {
                Some([] | [0, ..] | [b' ']) => Some(value),
                _ => padded_number(field),
            }
        }
    }
}

/// Octal text with blanks around it.
fn padded_number(field: &[u8]) -> Option<u64> {
    until_nul(field).trim_ascii().iter().try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'7' => Some(value.checked_mul(8)? | u64::from(byte - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is said of these bytes with this checksum.
    fn sealed(mut bytes: [u8; BLOCK], total: u64) -> Verdict {
        bytes[CHECKSUM].copy_from_slice(format!("{total:06o}\0 ").as_bytes());
        HeaderBlock(&bytes).verify()
    }

    #[test]
    fn numbers_are_octal_or_base_256() {
        assert_eq!(number(b"00000000034\0"), Some(28));
        assert_eq!(number(b"     34 \0\0\0\0"), Some(28));
        assert_eq!(number(b"777777777777"), Some(0o777_777_777_777));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x02\0\0\0\0"), Some(8 << 30));
        assert_eq!(number(b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"), Some(u64::MAX));
    }

    proptest! {
        #[test]
        fn a_short_number_is_the_number(
            field in prop::collection::vec(prop_oneof![6 => b'0'..=b'9', 4 => Just(b'0'), 1 => Just(0), 1 => Just(b' '), 1 => any::<u8>()], 0..16),
            end in prop_oneof![Just(""), Just("\0"), Just(" "), Just("\0 "), Just(" \0"), Just("\0\0"), Just("\0x")],
        ) {
            let field = [&field, end.as_bytes()].concat();
            if let Some(number) = short_number(&field) {
                prop_assert_eq!(Some(number), any_number(&field));
            }
        }
    }

    #[test]
    fn usual_numbers_are_short() {
        assert_eq!(short_number(b"00000000460\0"), Some(0o460));
        assert_eq!(short_number(b"00007654321 "), Some(0o7_654_321));
        assert_eq!(short_number(b"016067\0 "), Some(0o16067));
        assert_eq!(short_number(b"7777777\0"), Some(0o7_777_777));
        assert_eq!(short_number(b"00010000000\0"), None);
        assert_eq!(number(b"00010000000\0"), Some(0o10_000_000));
    }

    #[test]
    fn an_empty_number_is_zero() {
        assert_eq!(number(b"\0\0\0\0"), Some(0));
        assert_eq!(number(b"    "), Some(0));
    }

    #[test]
    fn numbers_that_do_not_fit_or_are_negative_are_refused() {
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
        assert_eq!(number(b"\x80\0\0\x01\0\0\0\0\0\0\0\0"), None);
        assert_eq!(number(b"0000000008\0"), None);
        assert_eq!(number(b"-1\0"), None);
        assert_eq!(number(b"12 34\0"), None);
    }

    #[test]
    fn the_sum_of_a_block_is_the_sum_of_its_bytes() {
        assert_eq!(block_sum(&[0xff; BLOCK]), 0xff * 512);
        let bytes = std::array::from_fn(|i| (i * i % 251) as u8);
        assert_eq!(block_sum(&bytes), sum(&bytes));
    }

    #[test]
    fn both_checksums_are_valid_and_no_other() {
        let mut bytes = [0; BLOCK];
        bytes[..3].copy_from_slice(b"\xc3\xa9a");
        let unsigned = 8 * 32 + 0xc3 + 0xa9 + 0x61;
        assert_eq!(sealed(bytes, unsigned), Verdict::Valid);
        assert_eq!(sealed(bytes, unsigned - 512), Verdict::Valid);
        assert_eq!(sealed(bytes, unsigned - 256), Verdict::Mismatch);
        assert_eq!(sealed(bytes, unsigned + 1), Verdict::Mismatch);
        assert_eq!(HeaderBlock(&bytes).verify(), Verdict::Mismatch);
        assert_eq!(HeaderBlock(&[0; BLOCK]).verify(), Verdict::Zero);
    }

    #[test]
    fn an_old_directory_is_known_by_its_slash() {
        let mut bytes = [0; BLOCK];
        bytes[..4].copy_from_slice(b"dir/");
        assert_eq!(HeaderBlock(&bytes).kind(), HeaderKind::Member(MemberKind::Directory));
        bytes[156] = b'0';
        assert_eq!(HeaderBlock(&bytes).kind(), HeaderKind::Member(MemberKind::File));
    }
}
