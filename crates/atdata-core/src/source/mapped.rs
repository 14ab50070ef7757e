//! Memory-mapped files: the one place where the crate uses `unsafe`.
#![allow(unsafe_code)]

use std::fs::File;
use std::ops::Range;

use bytes::Bytes;
use memmap2::{Advice, MmapOptions};

use crate::{Error, Result};

/// In which order a map is going to be read, as a hint for reading ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// From its first byte to its last, soon.
    Sequential,
    Random,
}

/// Maps a part of a file for reading and returns it as [`Bytes`].
///
/// # Safety argument
/// `MmapOptions::map` is unsafe because another process may change or cut the file while it is mapped. Changed bytes
/// are no soundness problem for us: the map is only ever read as `u8`, through slices, and every parser checks what it
/// reads (a value may be read twice and differ, which parsers must and do survive: they copy lengths before using
/// them). A file that is *cut* while mapped raises SIGBUS on access. That is a crash, not undefined behaviour, and
/// documented at [`FileSource`](super::FileSource), which can read without a map instead. Our own stores never change
/// a shard in place.
pub(super) fn map(file: &File, range: Range<u64>, access: Access) -> Result<Bytes> {
    let length = usize::try_from(range.end.saturating_sub(range.start))
        .map_err(|_| Error::unsupported("the file does not fit in the address space"))?;
    // SAFETY: see above.
    let map = unsafe { MmapOptions::new().offset(range.start).len(length).map(file)? };
    // Samples are mostly larger than a page, so that the usual reading ahead is right for random access.
    let advice = if access == Access::Sequential { Advice::Sequential } else { Advice::Normal };
    // Only a hint; without it reading is slower, not wrong.
    if let Err(error) = map.advise(advice) {
        tracing::debug!(%error, "no read-ahead for a mapped shard");
    }
    Ok(Bytes::from_owner(map))
}
