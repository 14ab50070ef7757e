//! Files as readers: decompressed if they are compressed, and with a limit on what one item may take.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use atdata::tar::Decoder;
use atdata::{Error, Result, ResultExt};
use bytes::Bytes;

use super::MAX_ITEM;

/// The input that means standard input.
pub(super) const STDIN: &str = "-";

/// Opens a file, or standard input for `-`; gzip, bzip2, xz and zstd are recognised by content.
///
/// # Errors
/// The file cannot be opened or begins with a damaged header.
pub(super) fn open(path: &Path) -> Result<Decompressed> {
    let file: Box<dyn Read + Send> = if path == Path::new(STDIN) {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).context("path", path.display())?)
    };
    let decoder = Decoder::new(file).context("path", path.display())?;
    Ok(Decompressed { decoder, chunk: Bytes::new() })
}

/// The contents of a file.
pub(super) struct Decompressed {
    decoder: Decoder<Box<dyn Read + Send>>,
    chunk: Bytes,
}

impl Read for Decompressed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() {
            match self.decoder.next_chunk().map_err(Error::into_io)? {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
        }
        let taken = self.chunk.split_to(buffer.len().min(self.chunk.len()));
        buffer.get_mut(..taken.len()).unwrap_or_default().copy_from_slice(&taken);
        Ok(taken.len())
    }
}

/// How much has been read since the last item was complete.
#[derive(Clone, Debug, Default)]
pub(super) struct Allowance(Arc<AtomicUsize>);

impl Allowance {
    /// An item is complete; the next one may be as long again.
    pub(super) fn renew(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// A reader that fails when one item becomes too long.
pub(super) struct Limited<R> {
    inner: R,
    used: Allowance,
}

impl<R: Read> Limited<R> {
    /// Limits what is read between two renewals of the allowance.
    pub(super) fn new(inner: R, used: Allowance) -> Self {
        Self { inner, used }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if self.used.0.fetch_add(read, Ordering::Relaxed) > MAX_ITEM {
            let limit = MAX_ITEM >> 20;
            let error =
                Error::invalid(format!("a row is longer than {limit} MiB; is a quotation mark not closed?"));
            return Err(error.into_io());
        }
        Ok(read)
    }
}
