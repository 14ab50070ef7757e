//! Finds members in a stream of chunks.

use bytes::Bytes;
use smol_str::SmolStr;

use super::header::{BLOCK, HeaderBlock, HeaderKind, MemberKind, padded};
use super::headers::{Head, Headers, corrupt};
use super::name::Name;
use super::queue::ByteQueue;
use super::{MAX_NAME, Step};
use crate::{Error, Fault, Result};

/// What a [`TarFramer`] accepts.
///
/// ```
/// use atdata_core::tar::TarOptions;
///
/// let options = TarOptions { max_member: 64 << 20, ..TarOptions::default() };
/// assert!(options.require_end);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TarOptions {
    /// Whether an archive without end-of-archive marker is corrupt. Without the check a shard that was cut between
    /// two members reads as complete. Default: true. One block of zeros at the very end of the input is enough.
    pub require_end: bool,
    /// The most bytes that a member may have, and that the members of a sample may have together. What is larger can
    /// only be skipped. Default: 4 GiB.
    pub max_member: u64,
    /// The largest body of an extension header, in bytes: PAX records or a GNU long name. Default: 1 MiB.
    pub max_extension: u64,
    /// The longest member name, in bytes. Default: 4096.
    pub max_name: usize,
}

impl Default for TarOptions {
    fn default() -> Self {
        Self { require_end: true, max_member: 4 << 30, max_extension: 1 << 20, max_name: MAX_NAME }
    }
}

/// One member of a tar archive, with its data.
///
/// ```
/// use atdata_core::tar::{Step, TarEncoder, TarFramer};
///
/// let mut encoder = TarEncoder::default();
/// let mut framer = TarFramer::default();
/// for chunk in encoder.append("a.txt", b"hello".as_slice().into())? {
///     framer.push(chunk);
/// }
/// let Step::Item(member) = framer.next_member()? else { unreachable!() };
/// assert_eq!((member.name.as_str(), &member.data[..]), ("a.txt", b"hello".as_slice()));
/// assert_eq!((member.header_offset, member.data_offset), (0, 512));
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The full name, directories included, as the archive spells it.
    pub name: SmolStr,
    /// What the member is.
    pub kind: MemberKind,
    /// Where the member's first header begins, extension headers included, in bytes of the (decompressed) archive.
    pub header_offset: u64,
    /// Where the data begins, in bytes of the (decompressed) archive.
    pub data_offset: u64,
    /// The data: a slice of the pushed chunk if it lies in one, which keeps that chunk in memory.
    pub data: Bytes,
}

impl Member {
    /// The size of the data in bytes.
    pub fn size(&self) -> u64 {
        self.data.len() as u64
    }
}

/// Finds the members of a tar archive in chunks of it: no input or output, no threads, no copy where it can be
/// avoided.
///
/// Push chunks of any size and ask for members until the answer is [`Step::NeedInput`]; after the last chunk say so
/// with [`TarFramer::finish`]. How the archive is cut into chunks changes nothing but the cost: a member inside one
/// chunk is a slice of it, a member across chunks is copied once, after all of it has arrived. So a whole archive
/// pushed as one chunk (a memory map for instance) is never copied.
///
/// It reads v7, ustar, GNU and PAX archives: long names (`L`, prefix, PAX `path`), sizes as octal, base-256 or PAX
/// `size`, global PAX headers. Other PAX keys are ignored. If a member has both, a GNU long name goes before a PAX
/// `path`. Member names must be UTF-8. Sparse files are not supported.
///
/// ```
/// use atdata_core::tar::{Step, TarEncoder, TarFramer};
///
/// let mut encoder = TarEncoder::default();
/// let mut archive: Vec<u8> = encoder.append("a.txt", b"hello".as_slice().into())?.concat();
/// archive.extend_from_slice(&encoder.finish());
///
/// let mut framer = TarFramer::default();
/// let mut chunks = archive.chunks(100);
/// let mut names = Vec::new();
/// loop {
///     match framer.next_member()? {
///         Step::Item(member) => names.push(member.name),
///         Step::NeedInput => match chunks.next() {
///             Some(chunk) => framer.push(chunk.to_vec().into()),
///             None => framer.finish(),
///         },
///         Step::End => break,
///     }
/// }
/// assert_eq!(names, ["a.txt"]);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct TarFramer {
    queue: ByteQueue,
    finished: bool,
    state: State,
    headers: Headers,
}

#[derive(Debug, Default)]
pub(super) enum State {
    #[default]
    Header,
    /// The body of an extension header is to be read.
    Extension { kind: HeaderKind, header_offset: u64, size: u64 },
    /// The data of a member that is wanted is to be read.
    Body(Head),
    /// So many bytes of padding, or of a body that is not wanted, are to be dropped.
    Skip { left: u64, header_offset: u64 },
    /// The end-of-archive marker began here: only zeros may follow.
    Tail { marker: u64 },
    /// An error was reported; what follows has no meaning.
    Failed,
}

/// A member before anybody is to see it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) head: Head,
    pub(super) data: Bytes,
}

impl From<Member> for Found {
    fn from(member: Member) -> Self {
        let Member { name, kind, header_offset, data_offset, data } = member;
        let head =
            Head { name: Name::from(&*name), kind, header_offset, data_offset, size: data.len() as u64 };
        Self { head, data }
    }
}

impl TarFramer {
    /// Makes a framer at the beginning of an archive.
    pub fn new(options: TarOptions) -> Self {
        Self::starting_at(options, 0)
    }

    /// Makes a framer that begins at this offset of an archive, where the first header of a member stands. What a
    /// global PAX header said before it is not known.
    pub fn starting_at(options: TarOptions, offset: u64) -> Self {
        Self { queue: ByteQueue::at(offset), headers: Headers::new(options), ..Self::default() }
    }

    /// Adds the next chunk of the archive. Chunks of a few KiB or more keep the cost per byte low.
    pub fn push(&mut self, chunk: Bytes) {
        self.queue.push(chunk);
    }

    /// Says that the last chunk was pushed.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// The offset of the first byte that is missed, and how many bytes from there on.
    pub(crate) fn wanted(&self) -> (u64, u64) {
        let count = match &self.state {
            State::Header => BLOCK as u64,
            State::Extension { size, .. } => *size,
            State::Body(head) => head.size,
            State::Skip { .. } | State::Tail { .. } | State::Failed => 1,
        };
        (self.queue.position(), count)
    }

    /// Puts these bytes, which begin at [`wanted`](Self::wanted), in the place of what waits there.
    pub(crate) fn replace(&mut self, piece: Bytes) {
        self.queue.clear();
        self.queue.push(piece);
    }

    /// The offset of the next byte of the archive: how many were consumed, if it began at the beginning.
    pub fn position(&self) -> u64 {
        self.queue.position()
    }

    /// Finds the next regular file. Everything else is skipped.
    ///
    /// # Errors
    /// As [`TarFramer::next_member_where`].
    pub fn next_member(&mut self) -> Result<Step<Member>> {
        self.next_member_where(|kind, _| kind == MemberKind::File)
    }

    /// Finds the next member of which `wanted` says so, given its kind and name. Bodies of other members are skipped
    /// without being buffered.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) with the `offset` of what is damaged: an empty input, one that is cut
    /// anywhere, a bad checksum or size, anything but zeros after the end-of-archive marker.
    /// [`Unsupported`](crate::ErrorKind::Unsupported) for a sparse file, a name that is not UTF-8 and what exceeds a
    /// limit of [`TarOptions`]. After an error the rest of the archive cannot be read.
    pub fn next_member_where(
        &mut self,
        mut wanted: impl FnMut(MemberKind, &str) -> bool,
    ) -> Result<Step<Member>> {
        Ok(match self.find_where(&mut wanted)? {
            Step::Item(Found { head, data }) => {
                let Head { name, kind, header_offset, data_offset, .. } = head;
                let name = name.as_str().into();
                Step::Item(Member { name, kind, header_offset, data_offset, data })
            }
            Step::NeedInput => Step::NeedInput,
            Step::End => Step::End,
        })
    }

    /// As [`next_member_where`](Self::next_member_where).
    pub(super) fn find_where(
        &mut self,
        wanted: &mut impl FnMut(MemberKind, &str) -> bool,
    ) -> Result<Step<Found>> {
        let step = self.advance(wanted);
        if step.is_err() {
            self.fail();
        }
        step
    }

    /// Gives the archive up.
    pub(super) fn fail(&mut self) {
        self.state = State::Failed;
        self.queue.clear();
    }

    fn advance(&mut self, wanted: &mut impl FnMut(MemberKind, &str) -> bool) -> Result<Step<Found>> {
        let mut state = std::mem::take(&mut self.state);
        loop {
            state = match state {
                State::Header => {
                    let offset = self.queue.position();
                    if let Some(block) = self.queue.block() {
                        let next = self.headers.read(&HeaderBlock(block), offset, wanted)?;
                        self.queue.skip(BLOCK as u64);
                        next
                    } else if let Some(block) = self.queue.take(BLOCK) {
                        let block = block.first_chunk().ok_or_else(|| corrupt("a header is cut", offset))?;
                        self.headers.read(&HeaderBlock(block), offset, wanted)?
                    } else if self.finished {
                        return self.end_without_marker();
                    } else {
                        return Ok(Step::NeedInput);
                    }
                }
                State::Extension { kind, header_offset, size } => {
                    let body_offset = self.queue.position();
                    if let Some(body) = self.queue.peek(size) {
                        self.headers.extend(kind, body, body_offset)?;
                        self.queue.skip(size);
                    } else if let Some(body) = self.take(size) {
                        self.headers.extend(kind, &body, body_offset)?;
                    } else {
                        self.starved("the body of an extension header", header_offset)?;
                        self.state = State::Extension { kind, header_offset, size };
                        return Ok(Step::NeedInput);
                    }
                    State::Skip { left: padding(size), header_offset }
                }
                State::Body(head) => {
                    let Some(data) = self.take(head.size) else {
                        self.starved("the body of a member", head.header_offset)
                            .map_err(|error| error.with("member", head.name.as_str()))?;
                        self.state = State::Body(head);
                        return Ok(Step::NeedInput);
                    };
                    let (padding, header_offset) = (padding(head.size), head.header_offset);
                    let left = padding - self.queue.skip(padding);
                    self.state = if left == 0 { State::Header } else { State::Skip { left, header_offset } };
                    return Ok(Step::Item(Found { head, data }));
                }
                State::Skip { mut left, header_offset } => {
                    left -= self.queue.skip(left);
                    if left > 0 {
                        self.starved("the body or padding of a member", header_offset)?;
                        self.state = State::Skip { left, header_offset };
                        return Ok(Step::NeedInput);
                    }
                    State::Header
                }
                State::Tail { marker } => {
                    if self.queue.skip_zeros() {
                        let offset = self.queue.position();
                        return Err(corrupt(
                            if offset - marker < 2 * BLOCK as u64 {
                                "a single block of zeros stands between members"
                            } else {
                                "data follows the end-of-archive marker"
                            },
                            offset,
                        ));
                    }
                    self.state = State::Tail { marker };
                    return Ok(if self.finished { Step::End } else { Step::NeedInput });
                }
                State::Failed => {
                    return Err(Error::corrupt("the archive cannot be read after an earlier error"));
                }
            }
        }
    }

    /// Takes `size` bytes if they have arrived; more than memory can hold never have.
    fn take(&mut self, size: u64) -> Option<Bytes> {
        self.queue.take(usize::try_from(size).ok()?)
    }

    /// The error of an input that ends inside of something, unless more input may come.
    fn starved(&self, what: &str, header_offset: u64) -> Result<()> {
        if !self.finished {
            return Ok(());
        }
        let end = self.queue.position() + self.queue.len();
        Err(Error::corrupt(format!("the archive is cut inside {what}, after {end} bytes"))
            .with_fault(Fault::Truncated)
            .with("offset", header_offset))
    }

    fn end_without_marker(&self) -> Result<Step<Found>> {
        let offset = self.queue.position();
        if self.queue.len() > 0 {
            self.starved("a header", offset)?;
        }
        if let Some(extension) = self.headers.extended_from() {
            self.starved("the headers of a member", extension)?;
        }
        if offset == 0 {
            return Err(corrupt("the archive is an empty file", 0).with_fault(Fault::Truncated));
        }
        if self.headers.options().require_end {
            return Err(corrupt(
                "the end-of-archive marker is missing: the archive is cut between two members",
                offset,
            )
            .with_fault(Fault::Truncated));
        }
        Ok(Step::End)
    }
}

fn padding(size: u64) -> u64 {
    padded(size).map_or(0, |padded| padded - size)
}
