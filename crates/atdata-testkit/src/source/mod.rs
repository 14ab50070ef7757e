//! What every [`DataSource`] does.
//!
//! See [`index`](crate::index) for how a harness and an invocation of the suite look.

mod samples;
mod shards;

use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::DataSource;
use bytes::Bytes;

/// A kind of source to be held against the suite.
#[async_trait]
pub trait SourceHarness: Send + Sync {
    /// A source of these shards, in this order. Names are relative paths that end in `.tar`; the source's identifiers
    /// may be anything that it makes of them.
    async fn source(&self, shards: Vec<(String, Bytes)>) -> Arc<dyn DataSource>;

    /// Makes the shard of a name disappear behind the back of its source.
    async fn remove(&self, name: &str);

    /// What the source cannot do.
    fn limits(&self) -> SourceLimits {
        SourceLimits::default()
    }
}

/// What a source cannot do. The default is a source that can do everything.
///
/// ```
/// use atdata_testkit::source::SourceLimits;
///
/// assert!(!SourceLimits { shards_disappear: false, ..Default::default() }.shards_disappear);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SourceLimits {
    /// Whether a shard can be removed while a source exists.
    pub shards_disappear: bool,
    /// The largest shard that can be served, in bytes.
    pub max_shard: usize,
}

impl Default for SourceLimits {
    fn default() -> Self {
        Self { shards_disappear: true, max_shard: 64 << 20 }
    }
}

/// Makes one test of each case: see [`source`](crate::source).
///
/// The argument is called once a case and returns `Option<impl SourceHarness>`, or nothing if the server that it needs
/// is not there; the case is then skipped, and says so.
#[macro_export]
macro_rules! source_suite {
    ($make:expr) => {
        $crate::__source_cases! { @tests source, $make }
    };
}

/// The list of all cases, in one place.
#[doc(hidden)]
#[macro_export]
macro_rules! __source_cases {
    ($($head:tt)*) => { $crate::__suite! { $($head)*;
        shards:
            no_shards_are_an_empty_list
            the_list_keeps_its_order
            the_list_opens_nothing
            an_unknown_shard_is_not_found_by_its_name
            the_bytes_are_those_of_the_shard
            the_stream_of_shards_is_the_list_opened
            a_missing_shard_is_an_error_of_its_own_in_the_stream
            a_shard_is_opened_twice_at_once
            all_shards_are_open_at_once
            a_shard_without_bytes_is_empty
            a_large_shard_comes_complete
            a_body_can_be_dropped_half_way
            strange_names_are_opened
            through_an_arc_and_a_box_it_is_the_same_source;
        samples:
            samples_come_in_order
            samples_are_shuffled_the_same_way_each_time
            a_resumed_stream_is_the_rest_of_the_one_that_was_cut
            compressed_shards_are_read
            a_missing_shard_ends_the_samples_with_an_error
            a_missing_shard_can_be_left_out
            a_cut_shard_is_an_error_that_names_it;
    } };
}

__source_cases! { @table dyn SourceHarness }

fn named(shards: &[Bytes]) -> Vec<(String, Bytes)> {
    shards.iter().enumerate().map(|(i, bytes)| (format!("shard-{i:03}.tar"), bytes.clone())).collect()
}
