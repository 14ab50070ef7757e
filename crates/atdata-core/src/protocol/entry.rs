//! The `IndexEntry` protocol and its plain implementation.

use std::fmt;
use std::sync::Arc;

use crate::{Map, Value};

/// The metadata key under which checksums are kept: `{url: SHA-256 in lower-case hex}`.
///
/// Reserved by Python `atdata` 0.7 for the same purpose.
pub const CHECKSUMS_KEY: &str = "checksums";

/// What an index knows of one dataset.
///
/// ```
/// use atdata_core::{Entry, IndexEntry};
///
/// let entry = Entry::new("digits", "atdata://local/sampleSchema/Digit@1.0.0", vec!["digits.tar".into()]);
/// let entry: &dyn IndexEntry = &entry;
/// assert_eq!(entry.name(), "digits");
/// assert!(entry.checksum("digits.tar").is_none());
/// ```
pub trait IndexEntry: fmt::Debug + Send + Sync + 'static {
    /// The dataset's name.
    fn name(&self) -> &str;

    /// The reference of its schema, in any form of [`SchemaRef`](crate::schema::SchemaRef).
    fn schema_ref(&self) -> &str;

    /// The addresses of its shards, in order. One may be a brace pattern that stands for several.
    fn data_urls(&self) -> &[String];

    /// Free-form metadata.
    fn metadata(&self) -> Option<&Map>;

    /// The content identifier of the entry, where the index has one.
    fn cid(&self) -> Option<&str> {
        None
    }

    /// The address of the entry's record, where it has one.
    fn uri(&self) -> Option<&str> {
        None
    }

    /// Whether the addresses are a stranger's word. Such an entry is opened with
    /// [`Registry::untrusted`](crate::source::Registry::untrusted): no files of this machine, no addresses of the private
    /// network. Not if nothing else is implemented.
    fn is_foreign(&self) -> bool {
        false
    }

    /// The SHA-256 of a shard, if the metadata has it.
    fn checksum(&self, url: &str) -> Option<&str> {
        self.metadata()?.get(CHECKSUMS_KEY)?.as_map()?.get(url)?.as_str()
    }
}

impl<T: IndexEntry + ?Sized> IndexEntry for Arc<T> {
    fn name(&self) -> &str {
        (**self).name()
    }
    fn schema_ref(&self) -> &str {
        (**self).schema_ref()
    }
    fn data_urls(&self) -> &[String] {
        (**self).data_urls()
    }
    fn metadata(&self) -> Option<&Map> {
        (**self).metadata()
    }
    fn cid(&self) -> Option<&str> {
        (**self).cid()
    }
    fn uri(&self) -> Option<&str> {
        (**self).uri()
    }
    fn is_foreign(&self) -> bool {
        (**self).is_foreign()
    }
}

/// An entry as plain data; what the embedded index, Redis and the in-memory index return.
///
/// ```
/// use atdata_core::Entry;
///
/// let entry = Entry::new("digits", "Digit@1.0.0", vec!["a.tar".into(), "b.tar".into()]);
/// assert_eq!(entry.data_urls.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The dataset's name.
    pub name: String,
    /// The reference of its schema.
    pub schema_ref: String,
    /// The addresses of its shards.
    pub data_urls: Vec<String>,
    /// Free-form metadata.
    pub metadata: Option<Map>,
    /// The content identifier.
    pub cid: Option<String>,
    /// The identifier that very old Python versions gave; only ever read.
    pub legacy_uuid: Option<String>,
}

impl Entry {
    /// An entry without metadata or identifier.
    pub fn new(name: impl Into<String>, schema_ref: impl Into<String>, data_urls: Vec<String>) -> Self {
        Self {
            name: name.into(),
            schema_ref: schema_ref.into(),
            data_urls,
            metadata: None,
            cid: None,
            legacy_uuid: None,
        }
    }
}

impl IndexEntry for Entry {
    fn name(&self) -> &str {
        &self.name
    }
    fn schema_ref(&self) -> &str {
        &self.schema_ref
    }
    fn data_urls(&self) -> &[String] {
        &self.data_urls
    }
    fn metadata(&self) -> Option<&Map> {
        self.metadata.as_ref()
    }
    fn cid(&self) -> Option<&str> {
        self.cid.as_deref()
    }
}

/// Adds checksums to an entry's metadata, keeping what is there.
pub(crate) fn with_checksums(metadata: Option<Map>, checksums: Vec<(String, String)>) -> Option<Map> {
    if checksums.is_empty() {
        return metadata;
    }
    let mut metadata = metadata.unwrap_or_default();
    let mut table = metadata.get(CHECKSUMS_KEY).and_then(Value::as_map).cloned().unwrap_or_default();
    for (url, digest) in checksums {
        table.insert(url, digest);
    }
    metadata.insert(CHECKSUMS_KEY, table);
    Some(metadata)
}
