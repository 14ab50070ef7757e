//! The queue of shards on Redis: on servers that restart, in a cluster, with workers that vanish.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]
#![cfg(feature = "redis")]

mod common;
mod leases;
mod processes;
mod runs;
mod servers;
