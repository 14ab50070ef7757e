//! Memory for array elements: aligned for every element type.

use bytes::Bytes;

use super::memory::Home;
use crate::{Error, Result};

/// Zeroed bytes, aligned to 16, to be filled and then frozen into [`Bytes`].
pub(crate) struct Buffer {
    words: Vec<u128>,
    len: usize,
    home: Home,
}

impl Buffer {
    const WORD: usize = size_of::<u128>();

    /// A buffer of `len` bytes, where memory of that order is held already (an array that is being copied).
    pub(super) fn zeroed(len: usize) -> Self {
        Self { words: vec![0; Self::words(len)], len, home: Home::default() }
    }

    /// A buffer of `len` bytes, where the length is somebody's claim.
    ///
    /// # Errors
    /// `Unsupported` if there is not that much memory.
    pub(super) fn try_zeroed(len: usize) -> Result<Self> {
        match bytemuck::allocation::try_zeroed_vec(Self::words(len)) {
            Ok(words) => Ok(Self { words, len, home: Home::default() }),
            Err(()) => Err(Error::unsupported(format!("there is no memory for an array of {len} bytes"))),
        }
    }

    /// A buffer of `len` bytes in memory that was one before, with what it held.
    pub(super) fn reused(words: Vec<u128>, len: usize) -> Self {
        Self { words, len, home: Home::default() }
    }

    /// The same buffer, whose memory goes to `home` at its end.
    pub(super) fn returning_to(mut self, home: Home) -> Self {
        self.home = home;
        self
    }

    /// How many words `len` bytes take.
    pub(super) fn words(len: usize) -> usize {
        len.div_ceil(Self::WORD)
    }

    pub(crate) fn as_mut(&mut self) -> &mut [u8] {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.words);
        let len = self.len.min(bytes.len());
        bytes.split_at_mut(len).0
    }

    pub(crate) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.home.take_back(std::mem::take(&mut self.words));
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        let bytes: &[u8] = bytemuck::cast_slice(&self.words);
        bytes.get(..self.len).unwrap_or(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_aligned_and_has_its_length() {
        for len in [0, 1, 15, 16, 17, 100] {
            let mut buffer = Buffer::zeroed(len);
            buffer.as_mut().fill(7);
            let bytes = buffer.freeze();
            assert_eq!(bytes, vec![7; len]);
            assert!(len == 0 || (bytes.as_ptr() as usize).is_multiple_of(16));
        }
    }

    #[test]
    fn an_impossible_length_is_an_error() {
        assert!(Buffer::try_zeroed(isize::MAX as usize).is_err());
    }
}
