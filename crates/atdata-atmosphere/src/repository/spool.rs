//! The texts of records, in memory while they are few and in a temporary file when they are many.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

use atdata_core::{Error, Result};

/// Bytes that are kept in memory.
const IN_MEMORY: usize = 4 << 20;

/// A text's place in a [`Spool`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    offset: u64,
    length: u32,
}

/// Texts that are only ever added.
#[derive(Debug, Default)]
pub(super) struct Spool {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    memory: Vec<u8>,
    /// What did not fit: a file without a name, which goes when this does.
    file: Option<(File, u64)>,
}

impl Spool {
    /// Adds a text.
    pub(super) fn add(&self, text: &[u8]) -> Result<Span> {
        let length = u32::try_from(text.len()).map_err(|_| Error::corrupt("a record is too long"))?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.file.is_none() && held.memory.len() + text.len() <= IN_MEMORY {
            let offset = held.memory.len() as u64;
            held.memory.extend_from_slice(text);
            return Ok(Span { offset, length });
        }
        let start = held.memory.len() as u64;
        let (file, end) = match &mut held.file {
            Some(file) => file,
            none => none.insert((tempfile::tempfile().map_err(Error::from_io)?, 0)),
        };
        let offset = start + *end;
        file.seek(SeekFrom::Start(*end)).and_then(|_| file.write_all(text)).map_err(Error::from_io)?;
        *end += u64::from(length);
        Ok(Span { offset, length })
    }

    /// A text that was added.
    pub(super) fn get(&self, span: Span) -> Result<Vec<u8>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let start = held.memory.len() as u64;
        let lost = || Error::unexpected("a record's text is not where it was put");
        if span.offset < start {
            let first = usize::try_from(span.offset).map_err(|_| lost())?;
            let text = held.memory.get(first..).and_then(|rest| rest.get(..span.length as usize));
            return text.map(<[u8]>::to_vec).ok_or_else(lost);
        }
        let (file, _) = held.file.as_mut().ok_or_else(lost)?;
        let mut text = vec![0; span.length as usize];
        file.seek(SeekFrom::Start(span.offset - start))
            .and_then(|_| file.read_exact(&mut text))
            .map_err(Error::from_io)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_from_memory_and_from_the_file() {
        let spool = Spool::default();
        let text = |i: usize| format!("{i}").repeat(1 + i * 37 % 5000).into_bytes();
        let spans: Vec<Span> = (0..3000).map(|i| spool.add(&text(i)).unwrap()).collect();
        assert!(spool.held.lock().unwrap().file.is_some());
        for (i, span) in spans.iter().enumerate().rev() {
            assert_eq!(spool.get(*span).unwrap(), text(i));
        }
        assert!(spool.held.lock().unwrap().memory.len() <= IN_MEMORY);
    }
}
