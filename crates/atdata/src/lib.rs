#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use atdata_core::*;
pub use atdata_derive::Packable;
pub use bytes::Bytes;

#[cfg(feature = "local")]
pub use atdata_local::{self as local, LocalDiskStore, LocalIndex};

/// The page of the repository, whose examples must compile.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// What most programs need: `use atdata::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Collate, DataSource, DataSourceExt, DataStore, DataStoreExt, Dataset, DictSample, Index, IndexEntry,
        IndexExt, Lens, NdArray, NewDataset, Packable, ReadState, Reader, Result, Sample, TypedArray, Value,
        WriteOptions, source::Registry,
    };
    #[cfg(feature = "local")]
    pub use crate::{LocalDiskStore, LocalIndex};
}
