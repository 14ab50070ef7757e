//! Samples together with where they lie.

use std::sync::Arc;

use super::Dataset;

/// A sample with its key and its shard.
///
/// ```
/// use atdata_core::{DataStoreExt, Dataset, DictSample, MemoryStore, WriteOptions};
/// # use atdata_core::source::{Registry, UrlSource};
/// use futures::StreamExt;
///
/// # futures::executor::block_on(async {
/// # let store = MemoryStore::new();
/// # let samples = futures::stream::iter((0..2i64).map(|i| Ok(DictSample::from_iter([("n", i)])))).boxed();
/// # let shards = store.write_samples(samples, "numbers", &WriteOptions::default()).await?;
/// # let mut registry = Registry::default();
/// # registry.register("mem", std::sync::Arc::new(store));
/// # let source = UrlSource::from_urls(shards.into_iter().map(|shard| shard.url), &registry)?;
/// let dataset = Dataset::<DictSample>::from_source(source).keyed();
/// let first = &dataset.head(1).await?[0];
/// assert_eq!((first.key.as_str(), first.sample.get("n")), ("000000000000", Some(&0i64.into())));
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Keyed<T> {
    /// The key: the member's name up to the first dot of its last part.
    pub key: String,
    /// The identifier of the shard, as [`DataSource::list_shards`](crate::DataSource::list_shards) gives it.
    pub shard: Arc<str>,
    /// The sample.
    pub sample: T,
}

impl<T: Send + 'static> Dataset<T> {
    /// Each sample with its key and shard. Filters and maps that are there stay before it.
    #[must_use]
    pub fn keyed(&self) -> Dataset<Keyed<T>> {
        let stage = self.stage.clone();
        let mut dataset = self.with_stage(Arc::new(move |framed, options| {
            let keyed =
                |sample| Keyed { key: framed.raw.key().to_owned(), shard: framed.shard.clone(), sample };
            Ok(stage(framed, options)?.map(keyed))
        }));
        dataset.plain = self.plain;
        dataset
    }
}
