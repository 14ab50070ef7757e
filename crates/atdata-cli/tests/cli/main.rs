//! Runs of the `atdata` binary from end to end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[cfg(feature = "atmosphere")]
mod atmosphere;
mod common;
mod crash;
mod csv;
mod exchange;
mod http;
mod images;
mod index;
mod jsonl;
mod label;
mod lens;
mod manual;
mod memory;
mod numpy;
#[cfg(unix)]
mod process;
mod read;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "s3")]
mod s3;
mod schema;
#[cfg(all(feature = "atmosphere", feature = "http", feature = "redis", feature = "s3"))]
mod secrets;
#[cfg(feature = "serve")]
mod serve;
mod stats;
mod tagged;
mod verify;
mod webdataset;
