use std::cmp::Reverse;
use std::collections::{BTreeMap, btree_map};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use time::OffsetDateTime;

use crate::lens::{LensRecord, LensRef};
use crate::schema::{Profile, SampleSchema, SchemaRef};
use crate::{
    DatasetRef, DatedLabel, Entry, Error, IfExists, Index, IndexEntry, Label, NewDataset, Result, ResultExt,
    SchemaSpec, StoredLens, StoredSchema, cid,
};

/// An index in memory: the reference for the meaning of every operation. Clones share their contents.
///
/// ```
/// use atdata_core::{Index, Label, MemoryIndex, NewDataset};
///
/// # futures::executor::block_on(async {
/// let index = MemoryIndex::new();
/// let new = NewDataset::new("digits", "Digit@1.0.0", vec!["a.tar".into()]).with_version("1.0.0");
/// let entry = index.insert_dataset(new).await?;
/// let same = index.get_dataset("digits@1.0.0").await?;
/// assert_eq!(entry.cid(), same.cid());
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryIndex {
    profile: Profile,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// By content identifier and name: the same shards may be registered under several names.
    entries: BTreeMap<(String, String), Arc<Entry>>,
    /// By name and version, with the number of the change that set it.
    labels: BTreeMap<(String, String), (u64, DatedLabel)>,
    /// By name and version as text.
    schemas: BTreeMap<(String, String), SampleSchema>,
    changes: u64,
    /// By name and version as text.
    lenses: BTreeMap<(String, String), LensRecord>,
}

impl MemoryIndex {
    /// An empty index that writes references of the default profile.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the form of the references that it returns.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Checks come before the first change of every operation: a panic leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reference(&self, schema: &SampleSchema) -> String {
        SchemaRef::local(&schema.name, schema.version.clone()).to_text(self.profile)
    }
}

impl State {
    fn entry(&self, cid: &str, name: &str) -> Option<Arc<Entry>> {
        if let Some(entry) = self.entries.get(&(cid.to_owned(), name.to_owned())) {
            return Some(entry.clone());
        }
        let from = (cid.to_owned(), String::new());
        self.entries
            .range(from..)
            .next()
            .filter(|((found, _), _)| found == cid)
            .map(|(_, entry)| entry.clone())
    }

    fn label(&self, name: &str, version: Option<&str>) -> Option<&Label> {
        match version {
            Some(version) => {
                self.labels.get(&(name.to_owned(), version.to_owned())).map(|(_, dated)| &dated.label)
            }
            None => self.labels_of(name).max_by_key(|(change, _)| *change).map(|(_, dated)| &dated.label),
        }
    }

    /// The labels of a name by version, with the numbers of the changes that set them.
    fn labels_of<'a, 'n>(
        &'a self,
        name: &'n str,
    ) -> impl Iterator<Item = &'a (u64, DatedLabel)> + use<'a, 'n> {
        let labels = self.labels.range((name.to_owned(), String::new())..);
        labels.take_while(move |((found, _), _)| found == name).map(|(_, label)| label)
    }

    /// What the latest label of a name leads to or, if it has none, an entry of the name.
    fn by_name(&self, name: &str) -> Option<Arc<Entry>> {
        match self.label(name, None) {
            Some(label) => self.entry(&label.cid, name),
            None => self.unlabelled(name),
        }
    }

    fn unlabelled(&self, name: &str) -> Option<Arc<Entry>> {
        self.entries.values().find(|entry| entry.name == name).cloned()
    }

    fn set_label(&mut self, label: Label) {
        self.changes += 1;
        let dated = DatedLabel::new(label, Some(OffsetDateTime::now_utc()));
        self.labels.insert((dated.label.name.clone(), dated.label.version.clone()), (self.changes, dated));
    }

    fn check_target(&self, label: &Label) -> Result<()> {
        match self.entry(&label.cid, "") {
            Some(_) => Ok(()),
            None => {
                Err(Error::not_found("the index has no entry of this identifier").with("cid", &label.cid))
            }
        }
    }

    /// Sets a label, and the name goes on standing for what it stands for.
    fn set_older_label(&mut self, label: Label) -> Result<()> {
        let latest = match self.label(&label.name, None) {
            Some(latest) => label.kept_by(latest.clone())?,
            None => None,
        };
        self.set_label(label);
        if let Some(latest) = latest {
            self.set_label(latest);
        }
        Ok(())
    }

    /// What a version of a name leads to.
    fn by_version(&self, name: &str, version: &str) -> Option<Arc<Entry>> {
        self.entry(&self.label(name, Some(version))?.cid, name)
    }

    /// The entry that a listing shows for a name: that of the label set last that leads to an entry of this very name,
    /// or any of the name if no label does. Another name's entry is listed under its own name, whatever labels say.
    fn listed(&self, name: &str) -> Option<Arc<Entry>> {
        let labelled = self.labels_of(name).filter_map(|(change, dated)| {
            Some((*change, self.entries.get(&(dated.label.cid.clone(), name.to_owned()))?))
        });
        let latest = labelled.max_by_key(|(change, _)| *change).map(|(_, entry)| entry.clone());
        latest.or_else(|| self.unlabelled(name))
    }

    /// Forgets an entry that no label needs any more: one of its name, or one of another name that leads to nothing else.
    fn forget_unlabelled(&mut self, cid: &str, name: &str) {
        let from = (cid.to_owned(), String::new());
        let is_last = self.entries.range(from..).take_while(|((found, _), _)| found == cid).nth(1).is_none();
        let mut labels = self.labels.values().map(|(_, dated)| &dated.label).filter(|label| label.cid == cid);
        if !labels.any(|label| is_last || label.name == name) {
            self.entries.remove(&(cid.to_owned(), name.to_owned()));
        }
    }

    fn check_schema(&self, schema: &SampleSchema) -> Result<()> {
        schema.validate()?;
        match self.schemas.get(&(schema.name.clone(), schema.version.to_string())) {
            Some(stored) => crate::schema::check_republication(stored, schema),
            None => Ok(()),
        }
    }

    fn publish(&mut self, schema: &SampleSchema) {
        self.schemas
            .entry((schema.name.clone(), schema.version.to_string()))
            .or_insert_with(|| schema.clone());
    }
}

fn no_label(name: &str, version: Option<&str>) -> Error {
    let error = Error::not_found("the index has no such label").with("name", name);
    match version {
        Some(version) => error.with("version", version),
        None => error,
    }
}

#[async_trait]
impl Index for MemoryIndex {
    async fn insert_dataset(&self, new: NewDataset) -> Result<Arc<dyn IndexEntry>> {
        new.validate()?;
        let mut state = self.state();
        let schema_ref = match &new.schema {
            SchemaSpec::Ref(reference) => reference.clone(),
            SchemaSpec::Schema(schema) => {
                state.check_schema(schema).context("name", &new.name)?;
                self.reference(schema)
            }
        };
        let cid = cid::entry_cid(&schema_ref, &new.data_urls)?.to_string();
        let mut entry = Entry::new(&new.name, schema_ref, new.data_urls);
        entry.metadata = new.metadata;
        entry.cid = Some(cid.clone());
        let entry = Arc::new(entry);

        let mut old = state.by_name(&new.name);
        let is_older = new.is_older && old.is_some();
        if is_older {
            old = new.version.as_ref().and_then(|version| state.by_version(&new.name, version));
        }
        let is_same = old.as_ref().is_some_and(|old| **old == *entry);
        if old.is_some() && !is_same && new.if_exists == IfExists::Fail {
            return Err(
                Error::already_exists("the index has another dataset of this name").with("name", &new.name)
            );
        }
        if let SchemaSpec::Schema(schema) = &new.schema {
            state.publish(schema);
        }
        state.entries.insert((cid.clone(), new.name.clone()), entry.clone());
        let plain = (!is_older).then(String::new);
        for version in new.version.into_iter().chain(plain) {
            // Inserting the same thing again is no change: labels that are right keep their descriptions.
            let is_set = state.label(&new.name, Some(&version)).is_some_and(|label| label.cid == cid);
            let label = Label::new(&new.name, &cid).with_version(version);
            match (is_same && is_set, is_older) {
                (true, _) => {}
                (false, false) => state.set_label(label),
                // It has a version, so that this cannot fail.
                (false, true) => state.set_older_label(label)?,
            }
        }
        if let Some(old_cid) = old.and_then(|old| old.cid.clone()).filter(|old| *old != cid) {
            state.forget_unlabelled(&old_cid, &new.name);
        }
        Ok(entry)
    }

    async fn get_dataset(&self, reference: &str) -> Result<Arc<dyn IndexEntry>> {
        let missing = || Error::not_found("the index has no such dataset").with("name", reference);
        let parsed = DatasetRef::parse(reference)?;
        if !parsed.is_local() {
            return Err(missing());
        }
        let state = self.state();
        if let Some(entry) = state.by_name(&parsed.name).or_else(|| state.entry(&parsed.name, "")) {
            return Ok(entry);
        }
        let (name, version) = parsed.split_version().ok_or_else(missing)?;
        Ok(state.by_version(name, version).ok_or_else(missing)?)
    }

    fn list_datasets(&self, prefix: &str) -> BoxStream<'_, Result<Arc<dyn IndexEntry>>> {
        let state = self.state();
        let mut names: Vec<&str> = state.entries.keys().map(|(_, name)| name.as_str()).collect();
        names.retain(|name| name.starts_with(prefix));
        names.sort_unstable();
        names.dedup();
        let entries: Vec<_> = names
            .into_iter()
            .filter_map(|name| state.listed(name))
            .map(|entry| Ok(entry as Arc<dyn IndexEntry>))
            .collect();
        stream::iter(entries).boxed()
    }

    async fn publish_schema(&self, schema: &SampleSchema) -> Result<String> {
        let mut state = self.state();
        state.check_schema(schema)?;
        state.publish(schema);
        Ok(self.reference(schema))
    }

    async fn get_schema(&self, reference: &str) -> Result<StoredSchema> {
        let parsed: SchemaRef = reference.parse()?;
        let missing = || Error::not_found("the index has no such schema").with("schema", reference);
        let name = parsed.name().ok_or_else(missing)?;
        let state = self.state();
        let schema = match parsed.version() {
            Some(version) => state.schemas.get(&(name.to_owned(), version.to_string())),
            None => state
                .schemas
                .range((Bound::Included((name.to_owned(), String::new())), Bound::Unbounded))
                .take_while(|((found, _), _)| found == name)
                .map(|(_, schema)| schema)
                .max_by(|a, b| a.version.cmp(&b.version)),
        };
        let schema = schema.ok_or_else(missing)?;
        Ok(StoredSchema::new(self.reference(schema), schema.clone()))
    }

    fn list_schemas(&self, prefix: &str) -> BoxStream<'_, Result<StoredSchema>> {
        let mut schemas: Vec<StoredSchema> = self
            .state()
            .schemas
            .values()
            .filter(|schema| schema.name.starts_with(prefix))
            .map(|schema| StoredSchema::new(self.reference(schema), schema.clone()))
            .collect();
        schemas.sort_by(|a, b| (&a.schema.name, &a.schema.version).cmp(&(&b.schema.name, &b.schema.version)));
        stream::iter(schemas.into_iter().map(Ok)).boxed()
    }

    async fn set_label(&self, label: &Label) -> Result<()> {
        label.validate()?;
        let mut state = self.state();
        state.check_target(label)?;
        state.set_label(label.clone());
        Ok(())
    }

    async fn set_older_label(&self, label: &Label) -> Result<()> {
        label.validate()?;
        let mut state = self.state();
        state.check_target(label)?;
        state.set_older_label(label.clone())
    }

    async fn get_label(&self, name: &str, version: Option<&str>) -> Result<Label> {
        self.state().label(name, version).cloned().ok_or_else(|| no_label(name, version))
    }

    fn list_labels(&self, prefix: &str) -> BoxStream<'_, Result<Label>> {
        let labels: Vec<_> = self
            .state()
            .labels
            .values()
            .filter(|(_, dated)| dated.label.name.starts_with(prefix))
            .map(|(_, dated)| Ok(dated.label.clone()))
            .collect();
        stream::iter(labels).boxed()
    }

    async fn label_history(&self, name: &str) -> Result<Vec<DatedLabel>> {
        let state = self.state();
        let mut labels: Vec<_> = state.labels_of(name).collect();
        labels.sort_by_key(|(change, _)| Reverse(*change));
        Ok(labels.into_iter().map(|(_, dated)| dated.clone()).collect())
    }

    async fn delete_label(&self, name: &str, version: &str) -> Result<()> {
        match self.state().labels.remove(&(name.to_owned(), version.to_owned())) {
            Some(_) => Ok(()),
            None => Err(no_label(name, Some(version))),
        }
    }

    async fn publish_lens(&self, lens: &LensRecord) -> Result<String> {
        lens.validate()?;
        let mut state = self.state();
        match state.lenses.entry((lens.name.clone(), lens.version.to_string())) {
            btree_map::Entry::Occupied(stored) => stored.get().check_republication(lens)?,
            btree_map::Entry::Vacant(place) => {
                place.insert(lens.clone());
            }
        }
        Ok(lens.reference().to_string())
    }

    async fn get_lens(&self, reference: &str) -> Result<StoredLens> {
        let parsed: LensRef = reference.parse()?;
        let missing = || Error::not_found("the index has no such lens").with("lens", reference);
        let (name, version) = parsed.in_local_index().ok_or_else(missing)?;
        let state = self.state();
        let lens = match version {
            Some(version) => state.lenses.get(&(name.to_owned(), version.to_string())),
            None => state
                .lenses
                .range((name.to_owned(), String::new())..)
                .take_while(|((found, _), _)| found == name)
                .map(|(_, lens)| lens)
                .max_by(|a, b| a.version.cmp(&b.version)),
        };
        let lens = lens.ok_or_else(missing)?;
        Ok(StoredLens::new(lens.reference().to_string(), lens.clone()))
    }

    fn list_lenses(&self, prefix: &str) -> BoxStream<'_, Result<StoredLens>> {
        let state = self.state();
        let mut lenses: Vec<&LensRecord> =
            state.lenses.values().filter(|lens| lens.name.starts_with(prefix)).collect();
        lenses.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        let stored = |lens: &LensRecord| Ok(StoredLens::new(lens.reference().to_string(), lens.clone()));
        let lenses: Vec<_> = lenses.into_iter().map(stored).collect();
        stream::iter(lenses).boxed()
    }
}
