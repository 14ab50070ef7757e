//! In-memory implementations of the protocols: the reference that every backend is held against, and handy in tests.

mod index;
mod source;
mod store;

pub use index::MemoryIndex;
pub use source::MemorySource;
pub use store::MemoryStore;
