//! On a real web server, and through what goes wrong on the way to it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod answers;
mod common;
mod faults;
mod random_access;
mod suite;
mod trust;
