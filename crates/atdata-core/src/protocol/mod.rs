//! The four protocols that make the parts interchangeable.
//!
//! | Protocol | Says |
//! |---|---|
//! | [`IndexEntry`] | what is known of one dataset: name, schema reference, shard URLs, metadata |
//! | [`Index`] | where datasets, schemas, labels and lenses are registered |
//! | [`DataStore`] | where shards are written |
//! | [`DataSource`] | where shards are read |
//!
//! All are object-safe, `Send + Sync`, and implemented for `Arc<dyn …>`. They have few required methods; what can be
//! derived is in [`IndexExt`], [`DataStoreExt`] and [`DataSourceExt`]. They are called once a shard or an index
//! operation, never once a sample.

mod entry;
mod index;
mod reference;
mod source;
mod store;

pub use entry::{CHECKSUMS_KEY, Entry, IndexEntry};
pub(crate) use index::validate_version;
pub use index::{
    DatedLabel, IfExists, Index, IndexExt, Label, NewDataset, SchemaSpec, StoredLens, StoredSchema,
};
pub use reference::DatasetRef;
pub(crate) use source::slice;
pub use source::{DataSource, DataSourceExt, ShardBody, ShardStream};
pub use store::{DataStore, DataStoreExt, StoredShard, WriteOptions};
