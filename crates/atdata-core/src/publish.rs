//! From samples to a dataset with a name, over any store and any index.

use std::sync::Arc;

use futures::stream::BoxStream;

use crate::exchange::check_store;
use crate::{
    DataStore, DataStoreExt, Error, IfExists, Index, IndexEntry, NewDataset, Packable, Result, ResultExt,
    WriteOptions,
};

/// Writes samples to a store and registers them, with their schema and checksums, under a name.
///
/// The name is looked up first, so that nothing is written for one that is taken; `describe` then completes the entry
/// (metadata, version, replacing). If the registration fails, the shards are removed again, unless the index cannot say
/// whether an entry needs them.
///
/// ```
/// use atdata_core::schema::{Field, Primitive, SampleSchema};
/// use atdata_core::{Index, MemoryIndex, MemoryStore, WriteOptions, publish};
/// # use atdata_core::msgpack::{Packer, Unpacker};
/// # struct Point { x: i64 }
/// # impl atdata_core::Packable for Point {
/// #     fn schema() -> SampleSchema { SampleSchema::new("Point").field(Field::new("x", Primitive::Int)) }
/// #     fn pack_fields(&self, packer: &mut Packer<'_>) -> atdata_core::Result<()> {
/// #         packer.map(1)?;
/// #         packer.str("x")?;
/// #         packer.int(self.x);
/// #         Ok(())
/// #     }
/// #     fn unpack_fields(_: &mut Unpacker<'_>) -> atdata_core::Result<Self> { Ok(Point { x: 0 }) }
/// # }
/// use futures::StreamExt;
///
/// # futures::executor::block_on(async {
/// let (index, store) = (MemoryIndex::new(), MemoryStore::new());
/// let points = futures::stream::iter((0..10).map(|x| Ok(Point { x }))).boxed();
/// publish(&index, &store, "points", points, &WriteOptions::default(), |new| new.with_version("1.0.0")).await?;
/// assert_eq!(index.get_dataset("points@1.0.0").await?.data_urls().len(), 1);
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if the name is taken and replacing was not asked for;
/// [`Invalid`](crate::ErrorKind::Invalid) for a store whose shards cannot be registered in the index, see
/// [`DataStore::is_local`] and [`DataStore::needs_index_of`]; what the samples, the store or the index fail with.
pub async fn publish<T: Packable>(
    index: &dyn Index,
    store: &dyn DataStore,
    name: &str,
    samples: BoxStream<'_, Result<T>>,
    options: &WriteOptions,
    describe: impl FnOnce(NewDataset) -> NewDataset + Send,
) -> Result<Arc<dyn IndexEntry>> {
    let mut new = describe(NewDataset::new(name, T::schema(), Vec::new()));
    new.validate()?;
    check_store(store, index).context("name", name)?;
    if new.if_exists == IfExists::Fail {
        ensure_free(index, &new.name).await?;
    }
    let shards = store.write_samples(samples, &prefix(&new.name), options).await.context("name", name)?;
    let urls: Vec<String> = shards.iter().map(|shard| shard.url.clone()).collect();
    new = new.with_shards(shards);
    let name = new.name.clone();
    let error = match index.insert_dataset(new).await {
        Ok(entry) => return Ok(entry),
        Err(error) => error,
    };
    // An index may have done it and then have failed to say so: what an entry needs must not be removed.
    let removed = match index.get_dataset(&name).await {
        Ok(entry) if entry.data_urls() == urls => return Ok(entry),
        Err(unsure) if !unsure.is_not_found() => Err(unsure),
        _ => store.remove_shards(&urls).await,
    };
    if let Err(left) = removed {
        tracing::warn!(%left, name, "the shards of a dataset that could not be registered remain");
    }
    Err(error)
}

/// Checks that a name is free.
///
/// # Errors
/// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if it is not; the index fails.
pub async fn ensure_free(index: &dyn Index, name: &str) -> Result<()> {
    match index.get_dataset(name).await {
        Ok(_) => Err(Error::already_exists("the index has another dataset of this name").with("name", name)),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}

/// The prefix under which the shards of a dataset are stored: its name, with what no path should have replaced.
pub fn prefix(name: &str) -> String {
    let parts: Vec<String> = name
        .split('/')
        .map(|part| {
            let clean: String = part
                .chars()
                .map(|c| if c.is_control() || ['\\', '{', '}'].contains(&c) { '_' } else { c })
                .collect();
            match clean.strip_prefix('.') {
                Some(rest) => format!("_{rest}"),
                None if clean.is_empty() => "_".to_owned(),
                None => clean,
            }
        })
        .collect();
    parts.join("/")
}
