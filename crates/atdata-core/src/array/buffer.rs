//! Memory for array elements: aligned for every element type.

use bytes::Bytes;
use memmap2::MmapMut;

use super::memory::Home;
use crate::{Error, Result};

/// From this size on memory is taken from the system in large pages, where it has them: touching new memory for the first
/// time costs more than filling it, and most of that by the page.
const LARGE: usize = 2 << 20;

/// What memory is aligned to, in bytes, and a multiple of which it has.
pub(super) const ALIGNMENT: usize = size_of::<u128>();

/// Memory for elements of every type.
#[derive(Debug)]
pub(super) enum Memory {
    Words(Vec<u128>),
    Map(MmapMut),
}

impl Memory {
    /// Zeros.
    ///
    /// # Errors
    /// `Unsupported` if there is not that much memory.
    fn try_zeroed(len: usize) -> Result<Self> {
        let none = || Error::unsupported(format!("there is no memory for an array of {len} bytes"));
        if len < LARGE {
            return bytemuck::allocation::try_zeroed_vec(len.div_ceil(ALIGNMENT))
                .map(Self::Words)
                .map_err(|()| none());
        }
        let map = MmapMut::map_anon(len).map_err(|error| none().with_source(error))?;
        // Only a hint; without it memory is slower, not other.
        #[cfg(target_os = "linux")]
        if let Err(error) = map.advise(memmap2::Advice::HugePage) {
            tracing::debug!(%error, "no large pages");
        }
        Ok(Self::Map(map))
    }

    /// How many bytes it has.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Words(words) => size_of_val(words.as_slice()),
            Self::Map(map) => map.len(),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Words(words) => bytemuck::cast_slice(words),
            Self::Map(map) => map,
        }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Words(words) => bytemuck::cast_slice_mut(words),
            Self::Map(map) => map,
        }
    }
}

/// Bytes, aligned to 16, to be filled and then frozen into [`Bytes`].
pub(crate) struct Buffer {
    /// None when it has gone home.
    memory: Option<Memory>,
    len: usize,
    home: Home,
}

impl Buffer {
    /// A buffer of `len` zeros, where memory of that order is held already (an array that is being copied).
    pub(super) fn zeroed(len: usize) -> Self {
        let memory = Memory::Words(vec![0; len.div_ceil(ALIGNMENT)]);
        Self { memory: Some(memory), len, home: Home::default() }
    }

    /// A buffer of `len` zeros, where the length is somebody's claim.
    ///
    /// # Errors
    /// `Unsupported` if there is not that much memory.
    pub(super) fn try_zeroed(len: usize) -> Result<Self> {
        Ok(Self::reused(Memory::try_zeroed(len)?, len))
    }

    /// A buffer of `len` bytes in memory that was one before, with what it held.
    pub(super) fn reused(memory: Memory, len: usize) -> Self {
        Self { memory: Some(memory), len, home: Home::default() }
    }

    /// The same buffer, whose memory goes to `home` at its end.
    pub(super) fn returning_to(mut self, home: Home) -> Self {
        self.home = home;
        self
    }

    pub(crate) fn as_mut(&mut self) -> &mut [u8] {
        let bytes = self.memory.as_mut().map(Memory::bytes_mut).unwrap_or_default();
        let len = self.len.min(bytes.len());
        bytes.split_at_mut(len).0
    }

    pub(crate) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(memory) = self.memory.take() {
            self.home.take_back(memory);
        }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        let bytes = self.memory.as_ref().map(Memory::bytes).unwrap_or_default();
        bytes.get(..self.len).unwrap_or(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_aligned_and_has_its_length() {
        for len in [0, 1, 15, 16, 17, 100, LARGE - 1, LARGE, LARGE + 1] {
            let mut buffer = Buffer::try_zeroed(len).unwrap();
            assert!(buffer.as_mut().iter().all(|byte| *byte == 0));
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
