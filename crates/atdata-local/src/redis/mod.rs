//! An index on a Redis server, shared with Python `atdata` 0.2 and 0.7.
//!
//! # Keys
//!
//! Python's keys are the truth: entries, schemas, labels and lenses are read from them and nowhere else ([`keys`]). Python finds
//! them by looking at every key. What we add leads to them at once, and is believed only as far as they bear it out:
//!
//! | Key | Type | Content |
//! |---|---|---|
//! | `atdata:name:NAME` | hash | entries and labels of a name, as they were when we last looked ([`record::Record`]) |
//! | `atdata:entry:{LocalDatasetEntry:CID}` | hash | names and labels of an entry ([`record::References`]) |
//! | `atdata:names`, `atdata:labels`, `atdata:schemas`, `atdata:lenses` | sorted sets | for listings, in order |
//! | `atdata:index` | hash | how many keys we know of, and when all were looked at |
//!
//! # Reading
//!
//! A look-up is one script, which reads what we noted *and* Python's keys that it leads to ([`find`]). It also compares the
//! number of keys with what is known. So it is noticed at once, at any size, that Python
//!
//! - inserted an entry, a label, a schema or a lens under a new key: their number has changed, and all keys are looked at
//!   ([`survey`]), a page at a time. A look-up that has found nothing waits for that before it is answered. One that has found
//!   something (there may be a newer version), and an insertion (the name may be taken by an entry without a label), do so only
//!   if the last time is ten times as long ago as it took, so that nobody spends his time with it while Python writes;
//! - moved or deleted a label that the look-up follows, or replaced or deleted the entry that it leads to: the note
//!   and the key differ, and the note is corrected ([`names::adopt`]).
//!
//! What the number of keys does not tell is noticed when something is not found, or a listing begins, and nobody has looked
//! at all keys for a while ([`LocalIndexOptions::rescan_after`](crate::LocalIndexOptions::rescan_after)): a key that came while another
//! one went, and an entry that was given another name in its place without a label, as 0.2 does. In a cluster nobody knows the
//! number of keys, so it is time that tells there.
//!
//! # Writing
//!
//! A write reads, makes up a [`change::Change`], and applies it if nothing that it rests on has changed in the meantime;
//! otherwise it begins anew. On one server a change is one script, so it happens as a whole or not at all. Keys of
//! a cluster live on several nodes, which no script and no transaction covers: there a change is applied node by node, in an
//! order in which nothing ever leads nowhere, and the record of the name decides who was first. What a crash leaves
//! half done is completed by doing it again, and an entry that is left without its name is found as one of Python's is.
//!
//! Every write can be repeated when it is not known whether it has happened: it finds what it wants to write.

mod address;
mod change;
mod connection;
mod entries;
mod find;
mod keys;
mod labels;
mod lenses;
mod listing;
mod names;
pub(crate) mod queue;
mod record;
mod row;
mod schemas;
mod server;
mod survey;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use atdata_core::lens::{LensRecord, LensRef};
use atdata_core::schema::{Profile, SampleSchema};
use atdata_core::{
    DatasetRef, DatedLabel, Entry, Error, Index, IndexEntry, Label, NewDataset, Result, ResultExt,
    SchemaSpec, StoredLens, StoredSchema, cid,
};
use futures::future::ready;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use self::change::{Change, repeat};
use self::connection::Connection;
use self::find::Found;
use self::server::Server;
use self::survey::{Need, Surveys};

/// How many of many inserts are under way at the same time.
const INSERTS_AT_ONCE: usize = 64;

/// How many labels of a name are read at the same time.
const LABELS_AT_ONCE: usize = 64;

/// An index on a server.
#[derive(Clone)]
pub(crate) struct RedisIndex {
    server: Arc<dyn Server>,
    surveys: Arc<Surveys>,
    profile: Profile,
}

impl RedisIndex {
    pub(crate) async fn open(
        address: &str,
        profile: Profile,
        timeout: Duration,
        rescan_after: Duration,
    ) -> Result<Self> {
        let server = Connection::open(address.parse()?, timeout).await?;
        Ok(Self { server: Arc::new(server), surveys: Arc::new(Surveys::new(rescan_after)), profile })
    }

    pub(crate) fn address(&self) -> &str {
        self.server.address()
    }

    fn server(&self) -> &dyn Server {
        &*self.server
    }

    /// Inserts many datasets, several at a time, each for itself.
    pub(crate) async fn insert_many(&self, new: Vec<NewDataset>) -> Result<Vec<Arc<dyn IndexEntry>>> {
        let inserts = new.into_iter().map(|new| async move {
            let name = new.name.clone();
            self.insert_dataset(new).await.context("name", name)
        });
        stream::iter(inserts).buffered(INSERTS_AT_ONCE).try_collect().await
    }

    /// Looks at all keys if there may be some that nobody has looked at; says whether it did.
    async fn survey_if_due(&self, need: Need) -> Result<bool> {
        let state = survey::read_state(self.server()).await?;
        self.surveys.run_if_due(self.server(), &state, need).await
    }

    /// Looks a reference up, and corrects what is noted where others have written.
    async fn look_up(&self, reference: &DatasetRef, missed: Need) -> Result<Found> {
        let (mut is_surveyed, mut is_adopted) = (false, false);
        loop {
            let found = find::find(self.server(), reference).await?;
            if !is_surveyed {
                is_surveyed = true;
                let need = if found.is_empty() { missed } else { Need::Newer };
                let done = match &found.state {
                    Some(state) => self.surveys.run_if_due(self.server(), state, need).await?,
                    None => found.is_empty() && self.survey_if_due(need).await?,
                };
                if done {
                    continue;
                }
            }
            if found.name.has_changed && !is_adopted {
                is_adopted = true;
                let adopted = repeat(|| names::adopt(self.server(), &reference.name, &[])).await;
                match adopted {
                    Ok(_) => continue,
                    // Where nothing can be written what is there is served.
                    Err(error) if survey::is_refused(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            return Ok(found);
        }
    }

    async fn insert(&self, new: &NewDataset) -> Result<Option<Entry>> {
        let mut change = Change::default();
        let schema_ref = match &new.schema {
            SchemaSpec::Ref(reference) => reference.clone(),
            SchemaSpec::Schema(schema) => {
                schemas::publish(self.server(), &mut change, schema, self.profile).await?
            }
        };
        let cid = cid::entry_cid(&schema_ref, &new.data_urls)?.to_string();
        let mut entry = Entry::new(&new.name, schema_ref, new.data_urls.clone());
        entry.metadata.clone_from(&new.metadata);
        entry.cid = Some(cid.clone());
        let reference = DatasetRef { authority: None, name: new.name.clone() };
        let found = self.look_up(&reference, Need::Taken).await?.name;
        let done = entries::insert(self.server(), change, new, &entry, &cid, found).await?;
        Ok(done.map(|()| entry))
    }

    async fn latest_label(&self, name: &str) -> Result<Option<Label>> {
        let reference = DatasetRef { authority: None, name: name.to_owned() };
        self.look_up(&reference, Need::Anything).await?;
        let record = names::record(self.server(), name).await?;
        for (version, _) in record.by_age() {
            if let Some(label) = labels::read(self.server(), name, version).await? {
                return Ok(Some(label));
            }
        }
        Ok(None)
    }

    fn no_label(&self, name: &str, version: Option<&str>) -> Error {
        let error = self.missing("the index has no such label", name);
        match version {
            Some(version) => error.with("version", version),
            None => error,
        }
    }

    fn missing(&self, what: &'static str, reference: &str) -> Error {
        Error::not_found(what).with("name", reference).with("index", self.address())
    }
}

#[async_trait]
impl Index for RedisIndex {
    async fn insert_dataset(&self, new: NewDataset) -> Result<Arc<dyn IndexEntry>> {
        new.validate()?;
        let entry = repeat(|| self.insert(&new)).await?;
        Ok(Arc::new(entry))
    }

    async fn get_dataset(&self, reference: &str) -> Result<Arc<dyn IndexEntry>> {
        let missing = || self.missing("the index has no such dataset", reference);
        let parsed = DatasetRef::parse(reference)?;
        if !parsed.is_local() {
            return Err(missing());
        }
        let entry = self.look_up(&parsed, Need::Anything).await?.entry()?.ok_or_else(missing)?;
        Ok(Arc::new(entry))
    }

    fn list_datasets(&self, prefix: &str) -> BoxStream<'_, Result<Arc<dyn IndexEntry>>> {
        listing::datasets(self, prefix)
    }

    async fn publish_schema(&self, schema: &SampleSchema) -> Result<String> {
        repeat(|| async {
            let mut change = Change::default();
            let reference = schemas::publish(self.server(), &mut change, schema, self.profile).await?;
            Ok((change.is_empty() || change.apply(self.server()).await?).then_some(reference))
        })
        .await
    }

    async fn get_schema(&self, reference: &str) -> Result<StoredSchema> {
        // The latest version is one of a list, which must be complete.
        let is_exact = reference.contains('@');
        if !is_exact {
            self.survey_if_due(Need::Anything).await?;
        }
        let mut found = schemas::get(self.server(), reference, self.profile).await?;
        if found.is_none() && self.survey_if_due(Need::Anything).await? {
            found = schemas::get(self.server(), reference, self.profile).await?;
        }
        found.ok_or_else(|| Error::not_found("the index has no such schema").with("schema", reference))
    }

    fn list_schemas(&self, prefix: &str) -> BoxStream<'_, Result<StoredSchema>> {
        listing::schemas(self, prefix, self.profile)
    }

    async fn set_label(&self, label: &Label) -> Result<()> {
        label.validate()?;
        repeat(|| labels::set(self.server(), label, false)).await
    }

    async fn set_older_label(&self, label: &Label) -> Result<()> {
        label.validate()?;
        // What Python has written decides, too, what the name stands for.
        let reference = DatasetRef { authority: None, name: label.name.clone() };
        self.look_up(&reference, Need::Newer).await?;
        repeat(|| labels::set(self.server(), label, true)).await
    }

    async fn get_label(&self, name: &str, version: Option<&str>) -> Result<Label> {
        let found = match version {
            Some(version) => labels::read(self.server(), name, version).await?,
            None => self.latest_label(name).await?,
        };
        found.ok_or_else(|| self.no_label(name, version))
    }

    fn list_labels(&self, prefix: &str) -> BoxStream<'_, Result<Label>> {
        listing::labels(self, prefix)
    }

    async fn label_history(&self, name: &str) -> Result<Vec<DatedLabel>> {
        let reference = DatasetRef { authority: None, name: name.to_owned() };
        self.look_up(&reference, Need::Anything).await?;
        let record = names::record(self.server(), name).await?;
        let mut versions = Vec::new();
        for (version, _) in record.by_age() {
            versions.push((version.to_owned(), record.time(version)));
        }
        let labels = stream::iter(versions).map(|(version, time)| async move {
            let label = labels::read(self.server(), name, &version).await?;
            Ok(label.map(|label| DatedLabel::new(label, time)))
        });
        labels.buffered(LABELS_AT_ONCE).try_filter_map(|label| ready(Ok(label))).try_collect().await
    }

    async fn delete_label(&self, name: &str, version: &str) -> Result<()> {
        let attempts = AtomicUsize::new(0);
        let is_removed = repeat(|| async {
            let is_first = attempts.fetch_add(1, Ordering::Relaxed) == 0;
            let found = labels::delete(self.server(), name, version).await?;
            // The answer to the first attempt may have been lost.
            Ok(found.map(|found| found || !is_first))
        });
        match is_removed.await? {
            true => Ok(()),
            false => Err(self.no_label(name, Some(version))),
        }
    }

    async fn publish_lens(&self, lens: &LensRecord) -> Result<String> {
        lens.validate()?;
        repeat(|| async {
            let mut change = Change::default();
            let reference = lenses::publish(self.server(), &mut change, lens).await?;
            Ok((change.is_empty() || change.apply(self.server()).await?).then_some(reference))
        })
        .await
    }

    async fn get_lens(&self, reference: &str) -> Result<StoredLens> {
        let missing = || Error::not_found("the index has no such lens").with("lens", reference);
        let parsed: LensRef = reference.parse()?;
        let (_, version) = parsed.in_local_index().ok_or_else(missing)?;
        // The latest version is one of a list, which must be complete.
        if version.is_none() {
            self.survey_if_due(Need::Anything).await?;
        }
        let mut found = lenses::get(self.server(), &parsed).await?;
        if found.is_none() && self.survey_if_due(Need::Anything).await? {
            found = lenses::get(self.server(), &parsed).await?;
        }
        found.ok_or_else(missing)
    }

    fn list_lenses(&self, prefix: &str) -> BoxStream<'_, Result<StoredLens>> {
        listing::lenses(self, prefix)
    }
}

impl fmt::Debug for RedisIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisIndex")
            .field("address", &self.address())
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
