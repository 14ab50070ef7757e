#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "atmosphere")]
mod at;

pub use atdata_core::*;
pub use atdata_derive::Packable;
pub use bytes::Bytes;

#[cfg(feature = "atmosphere")]
pub use atdata_atmosphere::{
    self as atmosphere, Atmosphere, AtmosphereIndex, AtmosphereOptions, BlobSource, Credentials, PdsBlobStore,
};

#[cfg(feature = "describe")]
pub use atdata_describe as describe;

#[cfg(feature = "http")]
pub use atdata_http::{self as http, HttpSource};

#[cfg(all(feature = "atmosphere", not(feature = "http")))]
pub use atdata_atmosphere::HttpOptions;
#[cfg(feature = "http")]
pub use atdata_http::HttpOptions;

#[cfg(feature = "local")]
pub use atdata_local::LocalDiskStore;
#[cfg(any(feature = "local", feature = "redis"))]
pub use atdata_local::{self as local, LocalIndex, LocalIndexOptions};
#[cfg(feature = "redis")]
pub use atdata_local::{RedisQueue, RedisQueueOptions};

#[cfg(feature = "s3")]
pub use atdata_s3::{self as s3, S3Config, S3DataStore, S3Source};

#[cfg(feature = "serve")]
pub use atdata_serve as serve;

/// A registry that knows local files and the schemes of all backends that are compiled in, with what the environment says
/// of them: `http` and `https` (feature `http`); `s3` (feature `s3`) as
/// [`S3Config::default`](https://docs.rs/atdata-s3); `at` (feature `atmosphere`) for blobs of the AT Protocol, as nobody
/// reads them and as [`AtmosphereOptions::from_env`](https://docs.rs/atdata-atmosphere) says. Nothing is contacted before a
/// shard is opened.
///
/// ```
/// use atdata::prelude::*;
///
/// let digits = Dataset::<DictSample>::open("/data/digits-{000..009}.tar", &atdata::registry())?;
/// # Ok::<(), atdata::Error>(())
/// ```
///
/// With an account, or with servers that the program knows, register the scheme `at` anew: the last registration holds.
///
#[cfg_attr(feature = "atmosphere", doc = "```")]
#[cfg_attr(not(feature = "atmosphere"), doc = "```ignore")]
/// use atdata::{Atmosphere, AtmosphereOptions};
///
/// let atmosphere = Atmosphere::anonymous(AtmosphereOptions::default().with_pds("https://pds.example.org")?);
/// let mut registry = atdata::registry();
/// atdata::atmosphere::register(&mut registry, &atmosphere);
/// # Ok::<(), atdata::Error>(())
/// ```
pub fn registry() -> source::Registry {
    #[allow(unused_mut, reason = "without backends there is nothing to add")]
    let mut registry = source::Registry::default();
    #[cfg(feature = "atmosphere")]
    at::register(&mut registry);
    #[cfg(feature = "http")]
    http::register(&mut registry);
    #[cfg(feature = "s3")]
    s3::register(&mut registry, S3Config::default());
    registry
}

#[cfg(all(
    doctest,
    feature = "atmosphere",
    feature = "http",
    feature = "local",
    feature = "redis",
    feature = "s3"
))]
mod pages;

/// What most programs need: `use atdata::prelude::*;`.
pub mod prelude {
    #[cfg(any(feature = "http", feature = "atmosphere"))]
    pub use crate::HttpOptions;
    #[cfg(feature = "http")]
    pub use crate::HttpSource;
    #[cfg(feature = "local")]
    pub use crate::LocalDiskStore;
    #[cfg(any(feature = "local", feature = "redis"))]
    pub use crate::LocalIndex;
    #[cfg(feature = "atmosphere")]
    pub use crate::{Atmosphere, AtmosphereIndex, AtmosphereOptions, BlobSource, Credentials, PdsBlobStore};
    pub use crate::{
        Collate, DataSource, DataSourceExt, DataStore, DataStoreExt, Dataset, DictSample, Index, IndexEntry,
        IndexExt, Lens, NdArray, NewDataset, Packable, ReadState, Reader, Result, Sample, TypedArray, Value,
        WriteOptions, source::Registry,
    };
    #[cfg(feature = "s3")]
    pub use crate::{S3Config, S3DataStore, S3Source};
}
