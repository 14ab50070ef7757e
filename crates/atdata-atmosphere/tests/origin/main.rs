//! Proof of origin: repositories that are built here, one that a real server made, and what was tampered with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod files;
mod keys;
mod proofs;
mod repository;
mod tampering;

/// The repository that most tests build.
const DID: &str = "did:plc:fixture0000000000000000";
const COLLECTION: &str = "science.alt.dataset.label";
