//! What every [`DataStore`] does.
//!
//! See [`index`](crate::index) for how a harness and an invocation of the suite look.

mod contents;
mod failures;
mod prefixes;
mod writers;

use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::source::{Registry, UrlSource};
use atdata_core::{
    DataSource, DataStore, DataStoreExt, Dataset, DictSample, Result, StoredShard, WriteOptions,
};
use bytes::Bytes;
use futures::TryStreamExt;

use crate::data::stream_of;

/// A store to be held against the suite.
#[async_trait]
pub trait StoreHarness: Send + Sync {
    /// The store: empty at first, and nobody else's.
    fn store(&self) -> Arc<dyn DataStore>;

    /// What reads the addresses that the store returns.
    fn registry(&self) -> Registry;

    /// The names of all objects that are there, temporary and unfinished ones included; nothing if that cannot be
    /// seen. Called after a failure it may wait until the store has cleaned up.
    async fn list_objects(&self) -> Option<Vec<String>>;

    /// What the store cannot do.
    fn limits(&self) -> StoreLimits {
        StoreLimits::default()
    }
}

/// What a store cannot do. The default is a store that can do everything.
///
/// ```
/// use atdata_testkit::store::StoreLimits;
///
/// let limits = StoreLimits { max_object: 50 << 20, ..StoreLimits::default() };
/// assert!(limits.prefixes_in_urls);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StoreLimits {
    /// The largest shard that the store takes, in bytes.
    pub max_object: u64,
    /// How many shards the case for many shards writes.
    pub many: i64,
    /// Whether a shard's address shows the prefix it was written under.
    pub prefixes_in_urls: bool,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { max_object: u64::MAX, many: 200, prefixes_in_urls: true }
    }
}

/// Makes one test of each case: see [`store`](crate::store).
///
/// The argument is called once a case and returns `Option<impl StoreHarness>`: a fresh, empty store, or nothing if the
/// server that it needs is not there; the case is then skipped, and says so.
#[macro_export]
macro_rules! store_suite {
    ($make:expr) => {
        $crate::__store_cases! { @tests store, $make }
    };
}

/// The list of all cases, in one place.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_cases {
    ($($head:tt)*) => { $crate::__suite! { $($head)*;
        contents:
            what_is_written_is_read_again
            sizes_and_checksums_are_true
            the_most_samples_in_a_shard_are_respected
            the_most_bytes_in_a_shard_file_are_respected
            a_sample_larger_than_a_shard_gets_one_of_its_own
            shards_are_returned_in_order
            the_same_samples_give_the_same_bytes
            many_shards_are_written
            large_payloads_are_kept
            arrays_are_read_again_as_arrays
            every_address_can_be_read_by_itself
            an_address_of_another_store_is_refused
            through_an_arc_and_a_box_it_is_the_same_store;
        failures:
            no_samples_are_refused_and_leave_nothing
            an_error_at_the_first_sample_leaves_nothing
            an_error_in_a_later_shard_leaves_nothing
            a_writer_that_is_dropped_leaves_nothing
            a_failure_leaves_what_was_there_before
            after_a_failure_the_same_prefix_can_be_written;
        prefixes:
            nested_prefixes_are_kept
            prefixes_in_any_script_are_kept
            bad_prefixes_are_refused_and_leave_nothing
            a_prefix_that_begins_another_disturbs_nothing
            a_second_dataset_of_the_same_prefix_leaves_the_first;
        writers:
            two_writers_of_one_prefix_are_both_intact
            eight_writers_at_once_are_all_intact;
    } };
}

__store_cases! { @table dyn StoreHarness }

async fn write(
    store: &dyn DataStore,
    samples: Vec<DictSample>,
    prefix: &str,
    options: &WriteOptions,
) -> Vec<StoredShard> {
    store.write_samples(stream_of(samples), prefix, options).await.expect("a successful write")
}

/// At most `count` samples a shard.
fn by_count(count: u64) -> WriteOptions {
    WriteOptions::default().with_max_count(count)
}

/// The bytes of a shard, read by its address.
async fn fetch(harness: &dyn StoreHarness, shard: &StoredShard) -> Result<Bytes> {
    let url = harness.store().read_url(&shard.url)?;
    let source = UrlSource::from_urls([&url], &harness.registry())?;
    let ids = source.list_shards().await?;
    assert_eq!(ids.len(), 1, "an address of a store stands for one shard");
    source.open_shard(&ids[0]).await?.into_bytes().await
}

/// The samples in shards, read by their addresses.
async fn read(harness: &dyn StoreHarness, shards: &[StoredShard]) -> Vec<DictSample> {
    let store = harness.store();
    let urls: Vec<String> =
        shards.iter().map(|shard| store.read_url(&shard.url).expect("an own address")).collect();
    let source = UrlSource::from_urls(urls, &harness.registry()).expect("a readable address");
    Dataset::<DictSample>::from_source(source).ordered().try_collect().await.expect("readable samples")
}

async fn objects(harness: &dyn StoreHarness) -> Vec<String> {
    let mut objects = harness.list_objects().await.unwrap_or_default();
    objects.sort_unstable();
    objects
}
