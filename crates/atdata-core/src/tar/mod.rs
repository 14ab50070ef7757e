//! Tar shards: finding samples in chunks of bytes, and framing them.
//!
//! Nothing here reads or writes files or sockets, but for [`Decoder`] and [`read_tar`], which take a blocking reader.
//!
//! - [`TarFramer`] finds members, [`Grouper`] makes samples of them, [`SampleFramer`] does both.
//! - [`Compression`] and [`Decoder`] undo gzip, bzip2, xz and zstd.
//! - [`TarEncoder`] frames members for writing, [`ShardSplitter`] says where a shard ends, [`member_name`] checks keys.
//!
//! An archive may be hostile: nothing is allocated because a header claims it, only because data arrived, and any
//! damage is an [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) with the byte offset.

mod compress;
mod framer;
mod group;
mod header;
mod headers;
mod keys;
mod name;
mod pax;
mod queue;
mod read;
mod split;
mod writer;

pub use compress::{Compression, Decoder};
pub use framer::{Member, TarFramer, TarOptions};
pub use group::{Grouper, RawMember, RawSample, SampleFramer, split_name};
pub use header::MemberKind;
pub use keys::{SequentialKeys, member_name, validate_key};
pub use read::{TarReader, read_tar};
pub use split::{Placement, ShardLimits, ShardSplitter};
pub use writer::{END_LEN, MemberFrame, TarEncoder, framed_len};

/// The suffix of the member that holds a sample.
pub const SUFFIX: &str = "msgpack";

/// The longest member name in bytes, for reading (by default) and writing.
const MAX_NAME: usize = 4096;

/// An answer of something that is fed with chunks of input.
///
/// ```
/// use atdata_core::tar::{Step, TarFramer};
///
/// assert_eq!(TarFramer::default().next_member()?, Step::NeedInput);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// The next item.
    Item(T),
    /// More input is needed, or to be told that there is none.
    NeedInput,
    /// There are no more items, and all input was checked.
    End,
}
