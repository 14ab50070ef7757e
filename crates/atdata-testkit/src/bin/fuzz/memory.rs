//! How much memory a case takes: a global allocator that counts, thread by thread.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write;

/// The largest single allocation that a small input may cause.
const MAX_SINGLE: usize = 64 << 20;
/// The most memory that a case may hold at a time.
const MAX_LIVE: isize = 256 << 20;
/// Beyond this an allocation is refused, which ends the process: it might not fit the machine.
const REFUSED: usize = 2 << 30;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static LARGEST: Cell<usize> = const { Cell::new(0) };
    static CASE: Cell<(&'static str, u64, u64)> = const { Cell::new(("", 0, 0)) };
}

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

/// # Safety argument
/// `GlobalAlloc` is unsafe because its callers trust the memory that it returns. Every method passes its arguments
/// unchanged to [`System`] and returns what that returns, or null, which the contract allows for a failed allocation;
/// what is added around the call counts in thread-local cells. Those are `const`-initialised and have no destructor,
/// so that using them neither allocates nor unwinds, at any time in a thread's life.
// SAFETY: see above.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !counted(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !counted(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        freed(layout.size());
        // SAFETY: as above; `pointer` came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !counted(size) {
            return std::ptr::null_mut();
        }
        freed(layout.size());
        // SAFETY: as above; `pointer` came from `System`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Counts an allocation and says whether it may be made.
fn counted(size: usize) -> bool {
    LARGEST.set(LARGEST.get().max(size));
    let live = LIVE.get().saturating_add_unsigned(size);
    LIVE.set(live);
    PEAK.set(PEAK.get().max(live));
    if size > REFUSED {
        let (target, seed, number) = CASE.get();
        // The process is about to end; standard error takes the text without a buffer of its own.
        let _ = writeln!(
            std::io::stderr(),
            "FINDING target {target} seed {seed} input {number}: an allocation of {size} bytes; repeat with --only"
        );
        return false;
    }
    true
}

fn freed(size: usize) {
    LIVE.set(LIVE.get().saturating_sub_unsigned(size));
}

/// What a case took, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    largest: usize,
    peak: isize,
}

impl Usage {
    /// What is wrong with it.
    pub(crate) fn complaint(self) -> Option<String> {
        if self.largest > MAX_SINGLE {
            return Some(format!("an allocation of {} bytes", self.largest));
        }
        (self.peak > MAX_LIVE).then(|| format!("{} bytes held at a time", self.peak))
    }
}

/// Begins a case on this thread.
pub(crate) fn begin(target: &'static str, seed: u64, number: u64) {
    CASE.set((target, seed, number));
    LIVE.set(0);
    PEAK.set(0);
    LARGEST.set(0);
}

/// What was taken since [`begin`].
pub(crate) fn end() -> Usage {
    Usage { largest: LARGEST.get(), peak: PEAK.get() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_allocation_is_told_and_a_small_one_is_not() {
        begin("test", 0, 0);
        drop(std::hint::black_box(vec![1u8; 1 << 20]));
        assert_eq!(end().complaint(), None);
        drop(std::hint::black_box(Vec::<u8>::with_capacity(MAX_SINGLE + 1)));
        assert!(end().complaint().unwrap().contains("an allocation of"));
    }

    #[test]
    fn much_memory_in_small_pieces_is_told_unless_it_is_given_back() {
        begin("test", 0, 0);
        for _ in 0..10 {
            drop(std::hint::black_box(Vec::<u8>::with_capacity(MAX_SINGLE)));
        }
        assert_eq!(end().complaint(), None);
        let pieces: Vec<_> =
            (0..5).map(|_| std::hint::black_box(Vec::<u8>::with_capacity(MAX_SINGLE))).collect();
        assert!(end().complaint().unwrap().contains("held at a time"));
        drop(pieces);
    }
}
