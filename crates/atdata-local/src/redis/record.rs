//! What we keep beside Python's keys: for each name and each entry a hash.

use std::collections::{BTreeMap, BTreeSet};

use atdata_core::{Label, Result};
use bytes::Bytes;
use time::OffsetDateTime;

use super::change::{At, Change, Stage};
use super::keys;
use super::server::{Reply, utf8};

const REVISION: &str = "rev";
const LATEST: &str = "latest";
const ENTRY: &str = "entry";

/// What is known of a name: the hash [`keys::record`].
///
/// | Field | Value |
/// |---|---|
/// | `rev` | how often it was changed |
/// | `latest` | the version of the label that was set last, possibly empty |
/// | `@VERSION` | the content identifier of that label, as it was when we last looked |
/// | `#VERSION` | the revision in which the label was set |
/// | `~VERSION` | when we set the label, in microseconds since 1970; nothing is noted of labels that Python set |
/// | `!REVISION` | nothing; labels of this revision are being written, on other nodes of a cluster |
/// | `entry` | the content identifier of the entry that the name stands for where no label says it |
/// | `=CID` | for each entry of this name: what it has under this name, for the time that another name has the row; or nothing |
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) revision: Option<u64>,
    pub(super) latest: Option<String>,
    pub(super) entry: Option<String>,
    /// Content identifiers and ages of labels, by version.
    pub(super) labels: BTreeMap<String, (String, u64)>,
    /// What is kept of entries, by content identifier.
    pub(super) entries: BTreeMap<String, Bytes>,
    /// When labels were set, by version.
    times: BTreeMap<String, u64>,
    unfinished: BTreeSet<u64>,
}

impl Record {
    pub(super) fn read(reply: Reply) -> Result<Self> {
        let mut record = Self::default();
        let mut ages = BTreeMap::new();
        for (field, value) in reply.fields()? {
            let field = utf8(field)?;
            if let Some(version) = field.strip_prefix('@') {
                record.labels.insert(version.to_owned(), (utf8(value)?, 0));
            } else if let Some(version) = field.strip_prefix('#') {
                ages.insert(version.to_owned(), number(value)?);
            } else if let Some(version) = field.strip_prefix('~') {
                record.times.insert(version.to_owned(), number(value)?);
            } else if let Some(cid) = field.strip_prefix('=') {
                record.entries.insert(cid.to_owned(), value);
            } else if let Some(revision) = field.strip_prefix('!') {
                record.unfinished.extend(revision.parse::<u64>());
            } else if field == REVISION {
                record.revision = Some(number(value)?);
            } else if field == LATEST {
                record.latest = Some(utf8(value)?);
            } else if field == ENTRY {
                record.entry = Some(utf8(value)?);
            }
        }
        for (version, (_, age)) in &mut record.labels {
            *age = ages.remove(version).unwrap_or_default();
        }
        Ok(record)
    }

    pub(super) fn label(&self, version: &str) -> Option<&str> {
        self.labels.get(version).map(|(cid, _)| cid.as_str())
    }

    /// When a label was set, if we set it.
    pub(super) fn time(&self, version: &str) -> Option<OffsetDateTime> {
        let micros = self.times.get(version).copied()?;
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000).ok()
    }

    /// The label by which a name stands for an entry; for one that no label leads to, the one that it would have.
    pub(super) fn standing(&self, name: &str) -> Option<Label> {
        let labelled =
            self.by_age().first().map(|(version, cid)| Label::new(name, *cid).with_version(*version));
        labelled.or_else(|| self.entry.as_ref().map(|cid| Label::new(name, cid)))
    }

    /// Whether a label may not be where it is to be yet.
    pub(super) fn is_unfinished(&self, version: &str) -> bool {
        self.labels.get(version).is_some_and(|(_, age)| self.unfinished.contains(age))
    }

    /// Labels, the one set last first.
    pub(super) fn by_age(&self) -> Vec<(&str, &str)> {
        let mut labels: Vec<_> = self.labels.iter().collect();
        labels.sort_by_key(|(version, (_, age))| {
            (self.latest.as_ref() != Some(version), std::cmp::Reverse(*age))
        });
        labels.into_iter().map(|(version, (cid, _))| (version.as_str(), cid.as_str())).collect()
    }
}

/// A record that is changed: every step is taken in memory and in the change.
#[derive(Debug)]
pub(super) struct RecordChange {
    pub(super) record: Record,
    stage: Stage,
    key: Bytes,
    next: u64,
}

impl RecordChange {
    /// Begins to change a record, which must not have changed since it was read.
    pub(super) fn new(change: &mut Change, name: &str, record: Record) -> Self {
        Self::at_stage(change, Stage::Names, name, record)
    }

    /// The same for what has to be kept before anything else is done.
    pub(super) fn before(change: &mut Change, name: &str, record: Record) -> Self {
        Self::at_stage(change, Stage::Kept, name, record)
    }

    fn at_stage(change: &mut Change, stage: Stage, name: &str, record: Record) -> Self {
        let key = keys::record(name);
        let next = record.revision.unwrap_or_default() + 1;
        let found = record.revision.map(|revision| revision.to_string().into());
        change.at(stage, key.clone()).expect(key.clone(), REVISION, found).set(
            &key,
            REVISION,
            next.to_string(),
        );
        Self { record, stage, key, next }
    }

    fn at<'a>(&self, change: &'a mut Change) -> At<'a> {
        change.at(self.stage, self.key.clone())
    }

    /// Sets a label, which is the latest from now on.
    pub(super) fn set_label(&mut self, change: &mut Change, version: &str, cid: &str) {
        self.note_label(change, version, cid);
        self.set_time(change, version);
        self.set_latest(change, version);
    }

    /// Sets a label; which one is the latest stays as it is.
    pub(super) fn set_older_label(&mut self, change: &mut Change, version: &str, cid: &str) {
        self.note_label(change, version, cid);
        self.set_time(change, version);
    }

    /// Takes over a label that somebody else has set, nobody knows when; it is the latest from now on.
    pub(super) fn adopt_label(&mut self, change: &mut Change, version: &str, cid: &str) {
        self.note_label(change, version, cid);
        self.set_latest(change, version);
    }

    fn set_time(&self, change: &mut Change, version: &str) {
        let micros = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1000;
        self.at(change).set(&self.key, format!("~{version}"), micros.to_string());
    }

    fn note_label(&mut self, change: &mut Change, version: &str, cid: &str) {
        let age = self.next.to_string();
        self.at(change)
            .set(&self.key, format!("@{version}"), cid.to_owned())
            .set(&self.key, format!("#{version}"), age)
            .unset(&self.key, format!("~{version}"))
            .set(&self.key, format!("!{}", self.next), Bytes::new());
        change.at(Stage::Done, self.key.clone()).unset(&self.key, format!("!{}", self.next));
        self.record.labels.insert(version.to_owned(), (cid.to_owned(), self.next));
    }

    /// Makes a label the latest.
    pub(super) fn set_latest(&mut self, change: &mut Change, version: &str) {
        self.at(change).set(&self.key, LATEST, version.to_owned());
        self.record.latest = Some(version.to_owned());
    }

    pub(super) fn remove_label(&mut self, change: &mut Change, version: &str) {
        self.record.labels.remove(version);
        for mark in ['@', '#', '~'] {
            self.at(change).unset(&self.key, format!("{mark}{version}"));
        }
        if self.record.latest.as_deref() == Some(version) {
            self.record.latest = None;
            self.record.latest = self.record.by_age().first().map(|(version, _)| (*version).to_owned());
            match &self.record.latest {
                Some(latest) => self.at(change).set(&self.key, LATEST, latest.clone()),
                None => self.at(change).unset(&self.key, LATEST),
            };
        }
    }

    /// Notes that an entry goes by this name, and what it has under it; nothing if the row itself is about to say so.
    pub(super) fn set_entry(&mut self, change: &mut Change, cid: &str, kept: Bytes) {
        self.at(change).set(&self.key, format!("={cid}"), kept.clone());
        self.record.entries.insert(cid.to_owned(), kept);
        if self.record.entry.is_none() {
            self.prefer(change, cid);
        }
    }

    /// Lets the name stand for an entry where no label says what it stands for.
    pub(super) fn prefer(&mut self, change: &mut Change, cid: &str) {
        if self.record.entry.as_deref() != Some(cid) {
            self.at(change).set(&self.key, ENTRY, cid.to_owned());
            self.record.entry = Some(cid.to_owned());
        }
    }

    pub(super) fn remove_entry(&mut self, change: &mut Change, cid: &str) {
        self.at(change).unset(&self.key, format!("={cid}"));
        self.record.entries.remove(cid);
        if self.record.entry.as_deref() == Some(cid) {
            self.record.entry = self.record.entries.keys().next().cloned();
            match &self.record.entry {
                Some(next) => self.at(change).set(&self.key, ENTRY, next.clone()),
                None => self.at(change).unset(&self.key, ENTRY),
            };
        }
    }

    /// Notes that the labels of all revisions have been written.
    pub(super) fn finish_labels(&self, change: &mut Change) {
        for revision in &self.record.unfinished {
            change.at(Stage::Done, self.key.clone()).unset(&self.key, format!("!{revision}"));
        }
    }

    /// Removes the record if it says nothing any more.
    pub(super) fn finish(self, change: &mut Change) {
        if self.record.entries.is_empty() && self.record.labels.is_empty() {
            self.at(change).delete(&self.key);
        }
    }
}

/// What refers to an entry: the hash [`keys::references`].
///
/// | Field | Value |
/// |---|---|
/// | `rev` | how often it was changed |
/// | `=NAME` | nothing; the entry goes by this name |
/// | `@VERSION` NUL `NAME` | nothing; this label points to the entry |
#[derive(Debug, Default)]
pub(super) struct References {
    revision: Option<u64>,
    pub(super) names: BTreeSet<String>,
    /// Names and versions.
    pub(super) labels: BTreeSet<(String, String)>,
}

impl References {
    pub(super) fn read(reply: Reply) -> Result<Self> {
        let mut references = Self::default();
        for (field, value) in reply.fields()? {
            let field = utf8(field)?;
            if let Some(name) = field.strip_prefix('=') {
                references.names.insert(name.to_owned());
            } else if let Some((version, name)) = field.strip_prefix('@').and_then(|it| it.split_once('\0')) {
                references.labels.insert((name.to_owned(), version.to_owned()));
            } else if field == REVISION {
                references.revision = Some(number(value)?);
            }
        }
        Ok(references)
    }

    /// Begins to change what refers to an entry, which must not have changed since this was read.
    pub(super) fn change<'a>(&self, change: &'a mut Change, stage: Stage, cid: &str) -> ReferencesChange<'a> {
        let key = keys::references(cid);
        let next = self.revision.unwrap_or_default() + 1;
        let found = self.revision.map(|revision| revision.to_string().into());
        let mut at = change.at(stage, keys::entry(cid));
        at.expect(key.clone(), REVISION, found).set(&key, REVISION, next.to_string());
        ReferencesChange { at, key }
    }
}

/// What refers to an entry, while it is changed.
pub(super) struct ReferencesChange<'a> {
    pub(super) at: At<'a>,
    key: Bytes,
}

impl ReferencesChange<'_> {
    pub(super) fn name(&mut self, name: &str, is_there: bool) -> &mut Self {
        self.field(format!("={name}"), is_there)
    }

    pub(super) fn label(&mut self, name: &str, version: &str, is_there: bool) -> &mut Self {
        self.field(format!("@{version}\0{name}"), is_there)
    }

    fn field(&mut self, field: String, is_there: bool) -> &mut Self {
        if is_there {
            self.at.set(&self.key, field, Bytes::new());
        } else {
            self.at.unset(&self.key, field);
        }
        self
    }

    /// Removes the entry itself, and all of this.
    pub(super) fn delete(&mut self, cid: &str) {
        self.at.delete(&keys::entry(cid)).delete(&self.key);
    }
}

fn number(value: Bytes) -> Result<u64> {
    Ok(Reply::Bytes(value).int()?.and_then(|number| u64::try_from(number).ok()).unwrap_or_default())
}
