//! What every [`Index`] does.
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use atdata_core::{Index, MemoryIndex};
//! use atdata_testkit::index::IndexHarness;
//!
//! #[derive(Debug, Default)]
//! struct Memory(MemoryIndex);
//!
//! #[async_trait]
//! impl IndexHarness for Memory {
//!     fn index(&self) -> Arc<dyn Index> {
//!         Arc::new(self.0.clone())
//!     }
//!     async fn reopen(&self) -> Arc<dyn Index> {
//!         Arc::new(self.0.clone())
//!     }
//! }
//!
//! // In `tests/memory.rs`: one `#[test]` for each case.
//! atdata_testkit::index_suite!(async || Some(Memory::default()));
//! # fn main() {}
//! ```

mod datasets;
mod labels;
mod lenses;
mod listing;
mod metadata;
mod names;
mod opening;
mod schemas;
mod writers;

use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::schema::{Field, Primitive, SampleSchema, Version};
use atdata_core::{Index, IndexEntry, NewDataset};
use futures::TryStreamExt;

/// An index to be held against the suite.
#[async_trait]
pub trait IndexHarness: Send + Sync {
    /// The index: empty at first, and nobody else's.
    fn index(&self) -> Arc<dyn Index>;

    /// A second handle onto the same data, as another process would have it. It shares no cache with the first.
    async fn reopen(&self) -> Arc<dyn Index>;

    /// What the index cannot do, or not in reasonable time.
    fn limits(&self) -> IndexLimits {
        IndexLimits::default()
    }
}

/// What an index cannot do. The default is an index that can do everything.
///
/// ```
/// use atdata_testkit::index::IndexLimits;
///
/// let limits = IndexLimits { bulk: 150, ..IndexLimits::default() };
/// assert!(limits.keeps_any_float);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct IndexLimits {
    /// How many datasets the cases for large indexes insert: beyond a page of whatever the backend lists with.
    pub bulk: usize,
    /// The longest name of a dataset or label, in bytes.
    pub max_name: usize,
    /// The largest metadata that an entry can have, in bytes.
    pub max_metadata: usize,
    /// The most addresses that an entry can have.
    pub max_urls: usize,
    /// Whether metadata keep NaN and infinite floats.
    pub keeps_any_float: bool,
    /// Whether labels can be removed, and are listed in the order in which they were set.
    pub label_history: bool,
    /// Whether lenses are kept.
    pub lenses: bool,
}

impl Default for IndexLimits {
    fn default() -> Self {
        Self {
            bulk: 2_500,
            max_name: 512,
            max_metadata: 1 << 20,
            max_urls: 10_000,
            keeps_any_float: true,
            label_history: true,
            lenses: true,
        }
    }
}

/// Makes one test of each case: see [`index`](crate::index).
///
/// The argument is called once a case and returns `Option<impl IndexHarness>`: a fresh, empty index, or nothing if the
/// server that it needs is not there; the case is then skipped, and says so.
#[macro_export]
macro_rules! index_suite {
    ($make:expr) => {
        $crate::__index_cases! { @tests index, $make }
    };
}

/// The list of all cases, in one place.
#[doc(hidden)]
#[macro_export]
macro_rules! __index_cases {
    ($($head:tt)*) => { $crate::__suite! { $($head)*;
        datasets:
            an_empty_index_lists_and_counts_nothing
            an_unknown_dataset_is_not_found_by_its_name
            an_unknown_version_is_not_found
            what_is_inserted_is_found_again
            an_entry_is_found_by_its_content_identifier
            the_content_identifier_is_that_of_schema_and_addresses
            another_handle_sees_what_was_inserted
            inserting_the_same_thing_twice_is_no_change
            another_dataset_of_the_same_name_is_refused
            metadata_alone_make_another_dataset
            replacing_moves_the_name
            replacing_keeps_what_a_versioned_label_points_to
            replacing_forgets_what_nothing_points_to
            the_same_addresses_under_two_names_stay_two_datasets
            replacing_one_of_two_names_leaves_the_other
            a_name_with_a_version_finds_that_version
            an_older_dataset_leaves_the_name_where_it_is
            an_older_dataset_takes_a_name_that_stands_for_nothing
            an_older_dataset_that_is_replaced_is_forgotten
            a_reference_with_an_authority_finds_the_local_name
            a_reference_to_another_authority_is_not_found
            the_addresses_keep_their_order
            no_addresses_at_all_are_kept_as_such
            thousands_of_addresses_are_kept
            strange_addresses_are_kept_as_they_are
            through_an_arc_and_a_box_it_is_the_same_index;
        names:
            every_allowed_name_is_found_exactly
            names_that_look_alike_are_different_names
            refused_names_leave_nothing
            names_that_read_as_references_are_refused
            a_name_that_ends_like_a_version_is_found_whole
            refused_versions_leave_nothing;
        listing:
            datasets_are_listed_by_name
            a_prefix_is_not_a_pattern
            a_replaced_dataset_is_listed_once
            a_versioned_dataset_is_listed_once
            a_large_index_is_listed_completely
            a_listing_can_be_dropped_half_way
            inserting_during_a_listing_hides_nothing
            two_listings_at_once_do_not_disturb_each_other;
        metadata:
            every_kind_of_value_is_kept
            every_float_is_kept_to_the_bit
            empty_metadata_and_none_are_different
            large_metadata_are_kept
            metadata_are_replaced_not_merged
            strange_metadata_keys_are_kept
            checksums_are_found_by_address;
        schemas:
            an_unknown_schema_is_not_found
            a_malformed_reference_is_invalid
            a_published_schema_is_found_by_its_reference
            every_form_of_reference_finds_it
            the_latest_version_is_by_number_not_by_text
            the_latest_version_does_not_depend_on_the_order_of_publication
            publishing_the_same_fields_again_is_no_change
            other_fields_under_the_same_version_are_a_conflict_that_shows_them
            every_field_type_is_kept
            descriptions_in_any_script_are_kept
            the_next_version_follows_the_latest
            the_next_version_of_the_same_fields_is_the_one_there_is
            schemas_are_listed_by_name_and_version
            schema_prefixes_are_not_patterns
            a_whole_schema_is_published_with_its_dataset
            a_conflicting_schema_inserts_nothing
            a_refused_dataset_publishes_no_schema
            decoding_gives_the_schema_as_data
            another_handle_sees_what_was_published;
        labels:
            an_unknown_label_is_not_found
            inserting_labels_the_name
            inserting_with_a_version_labels_both
            a_label_is_set_and_found
            a_label_moves
            without_a_version_the_label_set_last_counts
            a_label_to_nothing_is_refused
            a_label_of_another_name_finds_the_dataset
            labels_are_listed_by_name_and_version
            label_prefixes_are_not_patterns
            labels_of_refused_names_are_refused
            the_history_of_a_name_begins_with_what_was_set_last
            a_removed_label_is_gone_and_its_dataset_stays
            without_its_latest_label_a_name_stands_for_what_was_set_before
            without_any_label_a_name_stands_for_the_dataset_of_that_name
            removing_what_is_not_there_is_not_found
            an_older_label_leaves_the_name_where_it_is
            an_older_label_takes_a_name_that_stands_for_nothing
            another_handle_sees_labels;
        opening:
            a_dataset_is_opened_by_name_as_a_type
            a_dataset_is_opened_by_name_without_a_type
            a_type_that_does_not_fit_is_refused_with_the_difference
            a_dangling_schema_is_an_error_for_types_only
            opening_an_unknown_dataset_is_not_found;
        writers:
            distinct_names_inserted_at_once_are_all_there
            of_equal_names_inserted_at_once_exactly_one_wins
            equal_datasets_inserted_at_once_all_succeed
            replacing_at_once_ends_in_one_of_the_states
            of_different_schemas_published_at_once_exactly_one_wins
            next_versions_published_at_once_are_all_there
            labels_set_at_once_end_in_one_of_the_states;
        lenses:
            an_unknown_lens_is_not_found
            a_malformed_lens_reference_is_invalid
            a_published_lens_is_found_by_every_reference
            a_published_lens_is_opened_and_works
            every_step_is_kept
            a_lens_that_does_not_fit_its_schemas_is_not_published
            publishing_the_same_lens_again_is_no_change
            another_lens_under_the_same_version_is_a_conflict
            the_latest_lens_is_by_number
            the_next_version_of_a_lens_follows_the_latest
            lenses_are_listed_by_name_and_version
            what_is_not_known_of_a_lens_stays_so
            a_registry_is_filled_with_the_lenses_there_are
            of_different_lenses_published_at_once_exactly_one_wins;
    } };
}

__index_cases! { @table dyn IndexHarness }

/// A reference that no index has to resolve.
const SCHEMA: &str = "at://did:plc:z72i7hdynmk6r22z27h6tvur/science.alt.dataset.schema/3kplain";

fn new(name: &str, urls: &[&str]) -> NewDataset {
    NewDataset::new(name, SCHEMA, urls.iter().map(|url| (*url).to_owned()).collect())
}

fn schema(name: &str) -> SampleSchema {
    let mut schema = SampleSchema::new(name);
    schema.fields = vec![Field::new("n", Primitive::Int), Field::new("text", Primitive::Str)];
    schema
}

/// The same schema under another version.
fn at(version: [u64; 3], mut schema: SampleSchema) -> SampleSchema {
    schema.version = Version::new(version[0], version[1], version[2]).into();
    schema
}

/// The same schema with one more field.
fn with(field: Field, mut schema: SampleSchema) -> SampleSchema {
    schema.fields.push(field);
    schema
}

fn urls(entry: &Arc<dyn IndexEntry>) -> Vec<&str> {
    entry.data_urls().iter().map(String::as_str).collect()
}

async fn names(index: &dyn Index, prefix: &str) -> Vec<String> {
    let entries: Vec<_> = index.list_datasets(prefix).try_collect().await.expect("a listing");
    entries.iter().map(|entry| entry.name().to_owned()).collect()
}
