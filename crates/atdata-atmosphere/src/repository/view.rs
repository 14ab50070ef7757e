//! A repository as it was at one commit.

use std::sync::Arc;

use atdata_core::cid::{Codec, ContentId};
use atdata_core::url::AtUri;
use atdata_core::{Error, Result, ResultExt};
use serde_json::Value as Json;

use super::head::head;
use super::spool::Spool;
use super::table::{Row, Table};
use crate::Did;
use crate::records::{BlobRef, Collection, DatasetRecord, RecordKind, Storage};

/// The most records that cannot be read of which is said why.
const MAX_MALFORMED: usize = 100;

/// The kinds of records.
const KINDS: usize = 5;

/// Where the table of a kind is.
const fn place(kind: RecordKind) -> usize {
    kind as usize
}

/// A record that is in none of the known forms.
///
/// ```
/// fn show(record: &atdata_atmosphere::MalformedRecord) -> String {
///     format!("{}: {}", record.uri, record.reason)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MalformedRecord {
    /// Its address.
    pub uri: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What a repository has, as far as it was asked for.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) did: Did,
    /// The content identifier of the commit.
    pub(crate) commit: String,
    tables: [Option<Arc<Table>>; KINDS],
    spool: Arc<Spool>,
    malformed: Vec<MalformedRecord>,
    malformed_count: u64,
}

impl View {
    pub(super) fn new(did: Did, commit: String) -> Self {
        let (tables, malformed) = (Default::default(), Vec::new());
        Self { did, commit, tables, spool: Arc::default(), malformed, malformed_count: 0 }
    }

    pub(super) fn has(&self, kind: RecordKind) -> bool {
        self.tables.get(place(kind)).is_some_and(Option::is_some)
    }

    pub(super) fn put_table(&mut self, kind: RecordKind, rows: Vec<Row>) {
        if let Some(place) = self.tables.get_mut(place(kind)) {
            *place = Some(Arc::new(Table::new(rows)));
        }
    }

    /// The records of a kind that was asked for.
    pub(crate) fn table(&self, kind: RecordKind) -> Result<&Arc<Table>> {
        let table = self.tables.get(place(kind)).and_then(Option::as_ref);
        table.ok_or_else(|| Error::unexpected("records were looked at that had not been read"))
    }

    /// Reads the head of a record. None, after it was noted, if it is in no form that is known.
    pub(super) fn row(
        &mut self,
        collection: Collection,
        rkey: &str,
        cid: &str,
        value: &Json,
    ) -> Result<Option<Row>> {
        let head = match head(collection, value) {
            Ok(head) => head,
            Err(error) => {
                self.note(AtUri::new(self.did.as_str(), collection.nsid(), rkey).to_string(), &error);
                return Ok(None);
            }
        };
        let digest = cid.parse().ok().filter(|cid: &ContentId| cid.codec() == Codec::DagCbor);
        let Some(digest) = digest.and_then(|cid| cid.sha256()) else {
            let error = Error::corrupt("the server calls it by what is no record's CID").with("cid", cid);
            self.note(AtUri::new(self.did.as_str(), collection.nsid(), rkey).to_string(), &error);
            return Ok(None);
        };
        let text = serde_json::to_vec(value)
            .map_err(|error| Error::unexpected("a record cannot be kept").with_source(error))?;
        Ok(Some(Row {
            name: head.name.into(),
            version: head.version.into(),
            collection,
            rkey: rkey.into(),
            digest,
            created: head.created,
            target: head.target.map(Into::into),
            span: self.spool.add(&text)?,
        }))
    }

    /// Says of a record that it cannot be read. Strangers write what they like: it is no error of ours.
    pub(super) fn note(&mut self, uri: String, error: &Error) {
        tracing::warn!(%uri, %error, "a record cannot be read, and is left out");
        self.malformed_count += 1;
        if self.malformed.len() < MAX_MALFORMED {
            self.malformed.push(MalformedRecord { uri, reason: error.to_string() });
        }
    }

    /// The first records that cannot be read, and how many there are.
    pub(crate) fn malformed(&self) -> (&[MalformedRecord], u64) {
        (&self.malformed, self.malformed_count)
    }

    /// A record.
    pub(crate) fn value(&self, row: &Row) -> Result<Json> {
        let text = self.spool.get(row.span).context("url", self.uri(row))?;
        serde_json::from_slice(&text)
            .map_err(|error| Error::unexpected("a record was kept as something else").with_source(error))
    }

    /// What the server called a blob that a dataset of this repository refers to.
    pub(crate) fn blob(&self, cid: &ContentId) -> Result<Option<BlobRef>> {
        // It stands in the record as text; only records that have it are read.
        let (wanted, table) = (cid.to_string(), self.table(RecordKind::Dataset)?);
        for row in table.from("") {
            let text = self.spool.get(row.span)?;
            if !text.windows(wanted.len()).any(|window| window == wanted.as_bytes()) {
                continue;
            }
            if let Storage::Blobs(shards) = DatasetRecord::from_json(&self.value(row)?)?.storage {
                let found =
                    shards.into_iter().find(|shard| shard.blob.cid == *cid && shard.blob.size.is_some());
                if let Some(shard) = found {
                    return Ok(Some(shard.blob));
                }
            }
        }
        Ok(None)
    }

    /// A record's address.
    pub(crate) fn uri(&self, row: &Row) -> AtUri {
        AtUri::new(self.did.as_str(), row.collection.nsid(), &*row.rkey)
    }

    /// The record at an address, if that is in this repository and of a kind that was asked for.
    pub(crate) fn at(&self, uri: &AtUri) -> Option<&Row> {
        if uri.authority != self.did.as_str() {
            return None;
        }
        let collection = Collection::from_nsid(&uri.collection)?;
        self.table(collection.kind()).ok()?.of_key(collection, &uri.rkey)
    }

    /// Takes over a change that was made.
    pub(super) fn put(&mut self, row: Row) {
        let place = self.tables.get_mut(place(row.collection.kind())).and_then(Option::as_mut);
        if let Some(table) = place {
            Arc::make_mut(table).put(row);
        }
    }

    pub(super) fn remove(&mut self, collection: Collection, rkey: &str) {
        let place = self.tables.get_mut(place(collection.kind())).and_then(Option::as_mut);
        if let Some(table) = place {
            Arc::make_mut(table).remove(collection, rkey);
        }
    }
}
