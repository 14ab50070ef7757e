//! A change while it is made up: records to be written on top of a state of the repository.

use std::collections::HashMap;

use atdata_core::schema::{Profile, SampleSchema};
use atdata_core::url::AtUri;
use atdata_core::{Error, Label, Result};
use serde_json::Value as Json;
use time::OffsetDateTime;

use super::find::{Found, by_name, label};
use super::schemas::published;
use crate::records::{Collection, DatasetRecord, LabelRecord, LensRecord, RecordKind, SchemaRecord};
use crate::repository::{MAX_BYTES, MAX_WRITES, Row, View, Write, microseconds};
use crate::tid::TidClock;

pub(super) struct Draft<'a> {
    view: &'a View,
    profile: Profile,
    tids: &'a TidClock,
    now: OffsetDateTime,
    writes: Vec<Write>,
    /// Schemas that this change publishes, by name and version.
    schemas: HashMap<(String, String), Pending>,
    bytes: usize,
}

/// A schema that a change publishes.
struct Pending {
    schema: SampleSchema,
    reference: String,
    /// Its place among the writes.
    write: usize,
}

/// A state of a draft that can be gone back to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    writes: usize,
    bytes: usize,
}

impl<'a> Draft<'a> {
    pub(super) fn new(view: &'a View, profile: Profile, tids: &'a TidClock) -> Self {
        let now = OffsetDateTime::now_utc();
        // Microseconds are what records have, and what is compared.
        let now = now.replace_microsecond(now.microsecond()).unwrap_or(now);
        Self { view, profile, tids, now, writes: Vec::new(), schemas: HashMap::new(), bytes: 0 }
    }

    /// Whether servers would take it at once.
    pub(super) fn fits(&self) -> bool {
        self.writes.len() <= MAX_WRITES && self.bytes <= MAX_BYTES
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { writes: self.writes.len(), bytes: self.bytes }
    }

    /// Takes back what was added since.
    pub(super) fn go_back(&mut self, mark: Mark) {
        self.writes.truncate(mark.writes);
        self.schemas.retain(|_, pending| pending.write < mark.writes);
        self.bytes = mark.bytes;
    }

    fn create_record(&mut self, collection: Collection, rkey: String, value: Json) {
        self.bytes += length(&value);
        self.writes.push(Write::Create { collection, rkey, value });
    }

    pub(super) fn finish(self) -> Vec<Write> {
        self.writes
    }

    fn collection(&self, kind: RecordKind) -> Result<Collection> {
        Collection::from_nsid(Collection::written(kind, self.profile))
            .ok_or_else(|| Error::unexpected("a collection is written that is not read"))
    }

    /// A new record's key, and its address.
    fn address(&self, collection: Collection) -> (String, AtUri) {
        let rkey = self.tids.next();
        let uri = AtUri::new(self.view.did.as_str(), collection.nsid(), &*rkey);
        (rkey, uri)
    }

    /// Publishes a schema unless it is there, and gives its address.
    pub(super) fn publish(&mut self, schema: &SampleSchema) -> Result<String> {
        if let Some(reference) = published(self.view, self.profile, schema)? {
            return Ok(reference);
        }
        let key = (schema.name.clone(), schema.version.to_string());
        if let Some(pending) = self.schemas.get(&key) {
            atdata_core::schema::check_republication(&pending.schema, schema)?;
            return Ok(pending.reference.clone());
        }
        let collection = self.collection(RecordKind::Schema)?;
        let mut schema = schema.clone();
        schema.created_at = Some(self.now);
        let value = SchemaRecord { schema: schema.clone() }.to_json(self.profile)?;
        let (rkey, uri) = self.address(collection);
        let (write, reference) = (self.writes.len(), uri.to_string());
        self.create_record(collection, rkey, value);
        self.schemas.insert(key, Pending { schema, reference: reference.clone(), write });
        Ok(reference)
    }

    /// Writes a dataset, and gives its address.
    pub(super) fn create(&mut self, mut record: DatasetRecord) -> Result<AtUri> {
        let collection = self.collection(RecordKind::Dataset)?;
        record.created_at = Some(self.now);
        let value = record.to_json(self.profile)?;
        let (rkey, uri) = self.address(collection);
        self.create_record(collection, rkey, value);
        Ok(uri)
    }

    /// Writes a lens, and gives its address.
    pub(super) fn create_lens(&mut self, mut record: LensRecord) -> Result<AtUri> {
        let collection = self.collection(RecordKind::Lens)?;
        record.created_at = record.created_at.or(Some(self.now));
        let (rkey, uri) = self.address(collection);
        if self.profile == Profile::Latest {
            record.refer_to_itself(&uri)?;
        }
        let value = record.to_json(self.profile)?;
        self.create_record(collection, rkey, value);
        Ok(uri)
    }

    /// Sets a label, later than all others of its name.
    pub(super) fn set_label(
        &mut self,
        name: &str,
        version: &str,
        target: &AtUri,
        description: Option<&str>,
    ) -> Result<()> {
        let created = self.later_than_all(name)?;
        self.put_label(name, version, &target.to_string(), description, created)
    }

    /// Sets a label, and the name goes on standing for what it stands for, if it stands for anything.
    pub(super) fn set_older_label(
        &mut self,
        name: &str,
        version: &str,
        target: &AtUri,
        description: Option<&str>,
    ) -> Result<()> {
        let created = self.later_than_all(name)?;
        let target = target.to_string();
        let stands_for = match by_name(self.view, name)? {
            Some(Found::Here(row)) => Some(self.view.uri(row).to_string()),
            Some(Found::Elsewhere(uri)) => Some(uri.to_string()),
            None => None,
        };
        let latest =
            label(self.view, name, None)?.filter(|latest| latest.target.as_deref() == stands_for.as_deref());
        let kept = match (stands_for, latest) {
            (None, _) => None,
            (Some(stands_for), Some(latest)) if *latest.version == *version => {
                // The same rule as everywhere; identifiers are addresses here.
                let latest = Label::new(name, stands_for).with_version(version);
                let kept = Label::new(name, &target).with_version(version).kept_by(latest)?;
                kept.map(|kept| (kept.version, kept.cid, None))
            }
            (Some(stands_for), Some(latest)) => {
                let record = LabelRecord::from_json(&self.view.value(latest)?)?;
                Some((latest.version.to_string(), stands_for, record.description))
            }
            (Some(stands_for), None) => Some((String::new(), stands_for, None)),
        };
        self.put_label(name, version, &target, description, created)?;
        match kept {
            // Both are one change.
            Some((version, target, description)) => {
                self.put_label(name, &version, &target, description.as_deref(), created.saturating_add(1))
            }
            None => Ok(()),
        }
    }

    /// The time of a label that is to count, in microseconds. Clocks differ; the order in which labels were set must not.
    fn later_than_all(&self, name: &str) -> Result<i64> {
        let latest = label(self.view, name, None)?.map_or(i64::MIN, |row| row.created);
        Ok(microseconds(self.now).max(latest.saturating_add(1)))
    }

    fn put_label(
        &mut self,
        name: &str,
        version: &str,
        target: &str,
        description: Option<&str>,
        created: i64,
    ) -> Result<()> {
        let collection = self.collection(RecordKind::Label)?;
        let created = OffsetDateTime::from_unix_timestamp_nanos(i128::from(created) * 1000);
        let mut record = LabelRecord::new(name, target);
        record.version = Some(version.to_owned()).filter(|version| !version.is_empty());
        record.description = description.map(str::to_owned);
        record.created_at = Some(created.unwrap_or(self.now));
        let value = record.to_json(self.profile)?;
        self.bytes += length(&value);
        let old = label(self.view, name, Some(version))?.filter(|row| row.collection == collection);
        let write = match old {
            Some(row) => Write::Update { collection, rkey: row.rkey.to_string(), value },
            None => Write::Create { collection, rkey: self.tids.next(), value },
        };
        self.writes.push(write);
        Ok(())
    }

    /// Removes a dataset's record if no label leads to it, but for those that this change moves.
    pub(super) fn forget_unlabelled(&mut self, row: &Row) -> Result<()> {
        let uri = self.view.uri(row).to_string();
        // What this change says of a label, if it says anything.
        let mut written = Vec::new();
        for write in &self.writes {
            if let Write::Create { collection, rkey, value } | Write::Update { collection, rkey, value } =
                write
                && collection.kind() == RecordKind::Label
            {
                written.push((*collection, &**rkey, LabelRecord::from_json(value)?.dataset_uri));
            }
        }
        let rewritten = |label: &Row| {
            written
                .iter()
                .any(|(collection, rkey, _)| *collection == label.collection && **rkey == *label.rkey)
        };
        let mut labels = self.view.table(RecordKind::Label)?.from("");
        let needed = written.iter().any(|(_, _, target)| *target == uri)
            || labels.any(|label| label.target.as_deref() == Some(&uri) && !rewritten(label));
        if !needed {
            self.writes.push(Write::Delete { collection: row.collection, rkey: row.rkey.to_string() });
        }
        Ok(())
    }
}

/// The bytes that a record takes in a request.
fn length(value: &Json) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |text| text.len())
}
