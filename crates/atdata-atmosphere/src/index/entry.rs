//! A dataset's record as an entry of an index.

use atdata_core::{IndexEntry, Map, Result, ResultExt};

use crate::Did;
use crate::records::{Collection, DatasetRecord};
use crate::repository::{Row, View};

/// A dataset of a repository.
///
/// ```
/// use atdata_core::IndexEntry;
///
/// fn show(entry: &atdata_atmosphere::AtmosphereEntry) -> String {
///     let about = entry.record.description.as_deref().unwrap_or("no description");
///     format!("{} ({about}), {} shards", entry.name(), entry.data_urls().len())
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AtmosphereEntry {
    /// Everything that the record says.
    pub record: DatasetRecord,
    /// Whose repository it is in.
    pub did: Did,
    /// The collection that it is in, which tells the generation that wrote it.
    pub collection: Collection,
    uri: String,
    cid: String,
    data_urls: Vec<String>,
    metadata: Option<Map>,
    foreign: bool,
}

impl AtmosphereEntry {
    pub(super) fn new(
        did: &Did,
        collection: Collection,
        uri: String,
        cid: String,
        record: DatasetRecord,
    ) -> Self {
        let (data_urls, metadata) = (record.data_urls(did.as_str()), record.entry_metadata(did.as_str()));
        Self { record, did: did.clone(), collection, uri, cid, data_urls, metadata, foreign: true }
    }

    pub(super) fn of_row(view: &View, row: &Row) -> Result<Self> {
        let uri = view.uri(row).to_string();
        let record = DatasetRecord::from_json(&view.value(row)?).context("url", &uri)?;
        Ok(Self::new(&view.did, row.collection, uri, row.cid().to_string(), record))
    }

    pub(super) fn with_foreign(mut self, foreign: bool) -> Self {
        self.foreign = foreign;
        self
    }
}

impl IndexEntry for AtmosphereEntry {
    fn name(&self) -> &str {
        &self.record.name
    }

    fn schema_ref(&self) -> &str {
        &self.record.schema_ref
    }

    fn data_urls(&self) -> &[String] {
        &self.data_urls
    }

    fn metadata(&self) -> Option<&Map> {
        self.metadata.as_ref()
    }

    fn cid(&self) -> Option<&str> {
        Some(&self.cid)
    }

    fn uri(&self) -> Option<&str> {
        Some(&self.uri)
    }

    fn is_foreign(&self) -> bool {
        self.foreign
    }
}
