//! Conformance suites, fixtures and fuzz bodies of `atdata`.
//!
//! - [`index`], [`store`], [`source`]: what every backend has to do, as named cases. A backend writes a harness and
//!   calls [`index_suite!`], [`store_suite!`] or [`source_suite!`] in an integration test; each case becomes a test.
//! - [`tagged`]: values as the fixtures' JSON files spell them, and [`fixtures`]: where those files are.
//! - [`fuzz`]: one function for each parser, which holds its answers on any bytes against each other.
//! - [`lens_laws`]: whether a lens keeps what it promises.
//! - [`data`]: samples for tests. [`process`]: programs that are killed half-way. [`servers`]: real servers.
//! - [`proxy`]: what goes wrong between a client and a server. [`transfer`]: for examples that measure.
//!
//! Everything here runs inside tests, where a panic is how a failure is told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_errors_doc
)]

pub mod data;
pub mod fixtures;
pub mod fuzz;
pub mod index;
pub mod lens_laws;
pub mod process;
pub mod proxy;
pub mod servers;
pub mod source;
pub mod store;
pub mod suite;
pub mod tagged;
pub mod transfer;
