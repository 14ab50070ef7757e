//! From index to index: what holds whatever the backends are.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod copies;
mod everything;
mod guards;
mod journal;
mod latest;
mod support;
mod versions;
