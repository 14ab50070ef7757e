//! Lenses: of functions, as data, as records, and the registry of them. All are held against the laws that they promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod data;
mod datasets;
mod functions;
mod generated;
mod laws;
mod records;
mod registry;

use atdata_core::schema::{Field, SampleSchema};

fn schema(name: &str, fields: impl IntoIterator<Item = Field>) -> SampleSchema {
    fields.into_iter().fold(SampleSchema::new(name), SampleSchema::field)
}
