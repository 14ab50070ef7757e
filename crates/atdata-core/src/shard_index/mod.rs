//! Sidecar sample indexes: where each sample of a tar shard lies, so that one can be read without the others.
//!
//! The shard itself stays as it is. Its index is a file beside it, `SHARD.tar.idx`, written with the shard
//! ([`ShardWriter::index`](crate::ShardWriter::index)) or made later by walking it ([`ShardIndex::build`]). The format
//! is described byte by byte in `docs/shard-index.md`; [`Dataset::indexed`](crate::Dataset::indexed) reads through it.
//!
//! An index is a claim about a shard. It says how long the shard is, and as a rule its SHA-256, so that one that is
//! stale is noticed; and what is read at a place it names is held against it again: the tar header, the key, the
//! payload's place.

mod build;
mod coalesce;
mod format;
mod location;
mod sidecar;

pub use build::{BuildOptions, ShardIndexBuilder};
pub(crate) use build::{Walk, stale};
pub(crate) use coalesce::{Limits, Run, coalesce};
pub use format::ShardIndex;
pub use location::{Extent, SampleLocation, key_hash};
pub use sidecar::{INDEX_SUFFIX, index_address, read_sidecar};
