//! Tar shards.
