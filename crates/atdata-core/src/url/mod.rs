//! Shard addresses.
