//! Datasets go from every index to every other, from wherever their shards are to every store, on real servers.
//!
//! `table` has every row, `kept` those that keep their addresses; `labels` is about names, `faults` about what
//! goes wrong on the way.
#![cfg(all(feature = "local", feature = "redis", feature = "http", feature = "s3", feature = "atmosphere"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod compare;
mod faults;
mod kept;
mod labels;
mod network;
mod origin;
mod places;
mod samples;
mod table;
