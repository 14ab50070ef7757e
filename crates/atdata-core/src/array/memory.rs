//! Memory that batch after batch is made in.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::buffer::{ALIGNMENT, Buffer, Memory};
use crate::Result;

/// Memory for the arrays of batches, used again once a batch is dropped.
///
/// Touching new pages costs more than copying into them, so a stream of batches makes each where an earlier one was.
/// How much it holds follows from how many batches the consumer keeps: nothing is allocated while a buffer that was
/// given back fits. What is still idle is freed with the last clone of this value. The pieces in which local files and remote
/// objects are read come from such memory too.
///
/// ```
/// use atdata_core::array::{BatchMemory, NdArray, stack_in};
///
/// let memory = BatchMemory::default();
/// let rows = [NdArray::from_vec(&[2], vec![1i32, 2])?, NdArray::from_vec(&[2], vec![3i32, 4])?];
/// let first = stack_in(&rows, &memory)?;
/// let place = first.data().as_ptr();
/// drop(first);
/// assert_eq!(stack_in(&rows, &memory)?.data().as_ptr(), place);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct BatchMemory {
    idle: Arc<Idle>,
}

type Idle = Mutex<Vec<Memory>>;

/// So many buffers are kept at most, should a consumer drop very many batches at once.
const MAX_IDLE: usize = 64;

impl BatchMemory {
    /// A buffer of so many bytes, which hold anything: all of them are to be written.
    pub(crate) fn buffer(&self, len: usize) -> Result<Buffer> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // A small array in a large buffer would keep memory from the array that needs it.
        let fits = |memory: &Memory| memory.len() >= len && memory.len() / 2 <= len.max(ALIGNMENT);
        let found = idle.iter().position(fits).map(|place| idle.swap_remove(place));
        if found.is_none() && !idle.is_empty() {
            // Where sizes vary, what does not fit makes room.
            idle.remove(0);
        }
        drop(idle);
        let buffer = match found {
            Some(memory) => Buffer::reused(memory, len),
            None => Buffer::try_zeroed(len)?,
        };
        Ok(buffer.returning_to(Home(Arc::downgrade(&self.idle))))
    }
}

impl fmt::Debug for BatchMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: usize = idle.iter().map(Memory::len).sum();
        f.debug_struct("BatchMemory").field("idle_buffers", &idle.len()).field("idle_bytes", &bytes).finish()
    }
}

/// Where a buffer goes when it is not needed any more, if that is still there.
#[derive(Debug, Default)]
pub(super) struct Home(Weak<Idle>);

impl Home {
    pub(super) fn take_back(&self, memory: Memory) {
        if let Some(idle) = self.0.upgrade() {
            let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < MAX_IDLE && memory.len() > 0 {
                idle.push(memory);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle(memory: &BatchMemory) -> usize {
        memory.idle.lock().unwrap().len()
    }

    #[test]
    fn buffers_come_back_and_are_used_again_where_they_fit() {
        let memory = BatchMemory::default();
        let (a, b) = (memory.buffer(1000).unwrap().freeze(), memory.buffer(1000).unwrap().freeze());
        assert_ne!(a.as_ptr(), b.as_ptr());
        let (place, slice) = (a.as_ptr(), a.slice(5..6));
        drop(a);
        assert_eq!(idle(&memory), 0, "a slice of it is in use");
        drop(slice);
        assert_eq!(idle(&memory), 1);
        let again = memory.buffer(900).unwrap().freeze();
        assert_eq!((again.as_ptr(), again.len(), idle(&memory)), (place, 900, 0));
    }

    #[test]
    fn sizes_that_vary_do_not_pile_up() {
        let memory = BatchMemory::default();
        for len in (0..100).map(|n| 16 << (n % 10)) {
            drop(memory.buffer(len).unwrap());
            assert!(idle(&memory) <= 10);
        }
    }

    #[test]
    fn a_buffer_may_outlive_its_memory() {
        let memory = BatchMemory::default();
        let buffer = memory.buffer(10).unwrap().freeze();
        drop(memory);
        assert_eq!(buffer.len(), 10);
    }
}
