//! `process_shards`: the worker, the local queue and its checkpoint.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod checkpoint;
mod common;
mod kills;
mod queue;
mod worker;
