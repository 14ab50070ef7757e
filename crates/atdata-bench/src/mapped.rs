//! The bare memory map that readers are held against; nothing of `atdata` takes part in it.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::{Advice, Mmap};

/// Maps a file for reading, with the hint that it is read from first to last.
///
/// # Safety argument
/// `Mmap::map` is unsafe because the file may change while it is mapped. The files are those that the benchmark wrote
/// and keeps to itself, and they are only summed and copied as bytes.
pub(crate) fn map(path: &Path) -> io::Result<Mmap> {
    // SAFETY: see above.
    let map = unsafe { Mmap::map(&File::open(path)?)? };
    map.advise(Advice::Sequential)?;
    Ok(map)
}
