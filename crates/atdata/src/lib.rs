#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use atdata_core::*;
pub use atdata_derive::Packable;
pub use bytes::Bytes;

#[cfg(feature = "http")]
pub use atdata_http::{self as http, HttpOptions, HttpSource};

#[cfg(feature = "local")]
pub use atdata_local::LocalDiskStore;
#[cfg(any(feature = "local", feature = "redis"))]
pub use atdata_local::{self as local, LocalIndex, LocalIndexOptions};
#[cfg(feature = "redis")]
pub use atdata_local::{RedisQueue, RedisQueueOptions};

#[cfg(feature = "s3")]
pub use atdata_s3::{self as s3, S3Config, S3DataStore, S3Source};

/// A registry that knows local files and the schemes of all backends that are compiled in, with what the environment says
/// of them: `http` and `https` (feature `http`); `s3` (feature `s3`) as
/// [`S3Config::default`](https://docs.rs/atdata-s3). Nothing is contacted before a shard is opened.
///
/// ```
/// use atdata::prelude::*;
///
/// let digits = Dataset::<DictSample>::open("/data/digits-{000..009}.tar", &atdata::registry())?;
/// # Ok::<(), atdata::Error>(())
/// ```
pub fn registry() -> source::Registry {
    #[allow(unused_mut, reason = "without backends there is nothing to add")]
    let mut registry = source::Registry::default();
    #[cfg(feature = "http")]
    http::register(&mut registry);
    #[cfg(feature = "s3")]
    s3::register(&mut registry, S3Config::default());
    registry
}

/// The page of the repository, whose examples must compile.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// What most programs need: `use atdata::prelude::*;`.
pub mod prelude {
    #[cfg(feature = "local")]
    pub use crate::LocalDiskStore;
    #[cfg(any(feature = "local", feature = "redis"))]
    pub use crate::LocalIndex;
    pub use crate::{
        Collate, DataSource, DataSourceExt, DataStore, DataStoreExt, Dataset, DictSample, Index, IndexEntry,
        IndexExt, Lens, NdArray, NewDataset, Packable, ReadState, Reader, Result, Sample, TypedArray, Value,
        WriteOptions, source::Registry,
    };
    #[cfg(feature = "http")]
    pub use crate::{HttpOptions, HttpSource};
    #[cfg(feature = "s3")]
    pub use crate::{S3Config, S3DataStore, S3Source};
}
