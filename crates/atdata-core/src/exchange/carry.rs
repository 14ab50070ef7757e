//! One entry: compared, checked, copied, inserted.

use std::sync::Arc;

use super::journal::{self, Journal};
use super::plan::Plan;
use super::shards::{Moved, Mover};
use super::{Event, ExchangeOptions, Existing, Outcome, guard, provenance};
use crate::schema::{SampleSchema, check_republication, diff};
use crate::{
    CHECKSUMS_KEY, Error, ErrorKind, IfExists, Index, IndexEntry, NewDataset, Result, ResultExt, SchemaSpec,
    StoredShard, Value,
};

/// What an exchange works with.
pub(super) struct Job<'j> {
    pub(super) source: &'j dyn Index,
    pub(super) target: &'j dyn Index,
    pub(super) options: &'j ExchangeOptions<'j>,
    pub(super) journal: Option<Journal>,
}

/// Where an entry goes.
pub(super) struct Place<'p> {
    pub(super) name: &'p str,
    pub(super) version: Option<&'p str>,
    /// What is there now.
    pub(super) there: Option<Arc<dyn IndexEntry>>,
    /// What is done if that is another dataset.
    pub(super) existing: Existing,
}

/// What has become of an entry.
pub(super) struct Carried {
    pub(super) outcome: Outcome,
    pub(super) entry: Option<Arc<dyn IndexEntry>>,
    pub(super) shards: u64,
    pub(super) resumed: u64,
    pub(super) bytes: u64,
}

impl Carried {
    fn nothing(outcome: Outcome, entry: Option<Arc<dyn IndexEntry>>) -> Self {
        let shards = entry.as_ref().map_or(0, |entry| entry.data_urls().len() as u64);
        Self { outcome, entry, shards, resumed: 0, bytes: 0 }
    }
}

impl Job<'_> {
    pub(super) fn tell(&self, event: Event<'_>) {
        if let Some(observer) = &self.options.observer {
            observer(event);
        }
    }

    /// Brings an entry to its place.
    pub(super) async fn carry(&self, entry: &dyn IndexEntry, place: Place<'_>) -> Result<Carried> {
        let schema = match found(self.source.get_schema(entry.schema_ref()).await) {
            Ok(stored) => stored.map(|stored| stored.schema),
            // Other programs write references of forms that nobody knows; they are kept as they are.
            Err(error) if error.kind() == ErrorKind::Invalid => None,
            Err(error) => return Err(error),
        };
        let mut plan = match self.options.copy {
            Some(copy) => Some(Plan::new(entry, copy).await?),
            None => None,
        };
        if let Some(there) = &place.there {
            if self.is_equal(entry, schema.as_ref(), plan.as_ref(), &**there).await? {
                return Ok(Carried::nothing(Outcome::Equal, place.there));
            }
            match place.existing {
                Existing::Replace => {}
                Existing::Skip => return Ok(Carried::nothing(Outcome::Kept, place.there)),
                Existing::Fail => {
                    return Err(Error::already_exists("the target has another dataset of this name")
                        .with("name", place.name));
                }
            }
        }
        let mut new = NewDataset::new(place.name, entry.schema_ref(), Vec::new());
        // What a version is carried for is older than what the name stands for.
        new.version = place.version.map(str::to_owned);
        new.is_older = place.version.is_some();
        new.validate()?;
        // What is there is known to be another one, or will be by the time.
        new.if_exists = match place.existing {
            Existing::Replace => IfExists::Replace,
            Existing::Fail | Existing::Skip => IfExists::Fail,
        };
        if let (Some(plan), Some(copy)) = (&mut plan, self.options.copy) {
            guard::check_store(copy.store, self.target)?;
            plan.measure(copy, self.options.divide, self.options.parallel).await?;
            let (shards, bytes) = (plan.shards.len(), plan.bytes());
            self.tell(Event::Started { name: entry.name(), shards, bytes });
        } else {
            guard::check_addresses(entry, self.target)?;
            self.tell(Event::Started { name: entry.name(), shards: entry.data_urls().len(), bytes: None });
        }
        self.check_schema(entry, schema.as_ref()).await?;
        if self.options.dry_run {
            let (shards, bytes) = match &plan {
                Some(plan) => (plan.shards.len(), plan.bytes().unwrap_or_default()),
                None => (entry.data_urls().len(), 0),
            };
            let (shards, entry) = (shards as u64, place.there);
            return Ok(Carried { outcome: Outcome::Carried, entry, shards, resumed: 0, bytes });
        }
        if let Some(schema) = &schema {
            new.schema = SchemaSpec::Ref(self.target.publish_schema(schema).await?);
        }
        match (&plan, self.options.copy) {
            (Some(plan), Some(copy)) => {
                let dataset = journal::of_dataset(entry, place.name);
                // Stores with fixed names would take the shards of one version for those of another.
                let prefix = match place.version {
                    Some(version) => crate::prefix(&format!("{}@{version}", place.name)),
                    None => crate::prefix(place.name),
                };
                let mover = Mover {
                    plan,
                    copy,
                    options: self.options,
                    journal: self.journal.as_ref(),
                    dataset: &dataset,
                    name: entry.name(),
                    prefix: &prefix,
                };
                self.insert_copies(entry, new, &mover).await
            }
            _ => self.insert_addresses(entry, new).await,
        }
    }

    /// Moves the shards, then registers them.
    async fn insert_copies(
        &self,
        entry: &dyn IndexEntry,
        mut new: NewDataset,
        mover: &Mover<'_>,
    ) -> Result<Carried> {
        let Moved { shards, checksums, resumed, bytes } = mover.run().await?;
        let content = provenance::content(checksums.iter().map(Option::as_deref));
        new.metadata = self.metadata(entry, content)?;
        let count = mover.plan.shards.len() as u64;
        let (name, version) = (new.name.clone(), new.version.clone());
        let error = match self.target.insert_dataset(new.with_shards(shards.clone())).await {
            Ok(inserted) => return Ok(carried(inserted, count, resumed, bytes)),
            Err(error) => error,
        };
        // An index may have done it and then have failed to say so: what an entry needs must not be removed.
        let reference = match &version {
            Some(version) => format!("{name}@{version}"),
            None => name.clone(),
        };
        match self.target.get_dataset(&reference).await {
            Ok(there) if has_urls(&*there, &shards) => return Ok(carried(there, count, resumed, bytes)),
            Err(unsure) if !unsure.is_not_found() => {
                tracing::warn!(%unsure, name, "the shards of a dataset that may not have been registered remain");
            }
            _ => mover.discard(&shards).await,
        }
        Err(error)
    }

    /// Registers the shards where they are.
    async fn insert_addresses(&self, entry: &dyn IndexEntry, mut new: NewDataset) -> Result<Carried> {
        new.data_urls = entry.data_urls().to_vec();
        new.metadata = self.metadata(entry, None)?;
        if let Some(checksums) = checksums(entry) {
            new.metadata.get_or_insert_default().insert(CHECKSUMS_KEY, checksums.clone());
        }
        let inserted = self.target.insert_dataset(new).await?;
        let count = inserted.data_urls().len() as u64;
        Ok(carried(inserted, count, 0, 0))
    }

    fn metadata(&self, entry: &dyn IndexEntry, content: Option<String>) -> Result<Option<crate::Map>> {
        let origin = self.options.origin.as_deref();
        let said = match self.options.provenance {
            true => Some(provenance::describe(entry, origin, self.target, content)?),
            false => None,
        };
        Ok(provenance::metadata(entry, said))
    }

    /// Whether the target's entry is what carrying would make of the source's.
    async fn is_equal(
        &self,
        entry: &dyn IndexEntry,
        schema: Option<&SampleSchema>,
        plan: Option<&Plan>,
        there: &dyn IndexEntry,
    ) -> Result<bool> {
        if !provenance::same_metadata(entry, there) {
            return Ok(false);
        }
        let same_schema = match (schema, found(self.target.get_schema(there.schema_ref()).await)?) {
            (Some(schema), Some(stored)) => {
                schema.name == stored.schema.name
                    && schema.version == stored.schema.version
                    && diff(schema, &stored.schema).is_identical()
            }
            (None, _) => entry.schema_ref() == there.schema_ref(),
            (Some(_), None) => false,
        };
        let (Some(plan), Some(copy)) = (plan, self.options.copy) else {
            let same_urls = entry.data_urls() == there.data_urls();
            return Ok(same_schema && same_urls && checksums(entry) == checksums(there));
        };
        let in_store = there.data_urls().iter().all(|url| copy.store.read_url(url).is_ok());
        let content = || {
            let own = || provenance::content(there.data_urls().iter().map(|url| there.checksum(url)));
            provenance::said(there, "content").map(str::to_owned).or_else(own)
        };
        let same_content = match plan.content() {
            Some(wanted) => content() == Some(wanted),
            // Without checksums in the source, its identifier has to do.
            None => entry.cid().is_some() && entry.cid() == provenance::said(there, "cid"),
        };
        Ok(same_schema && in_store && same_content)
    }

    /// Checks that the target can have the schema.
    async fn check_schema(&self, entry: &dyn IndexEntry, schema: Option<&SampleSchema>) -> Result<()> {
        let Some(schema) = schema else {
            // Python 0.2 writes references that lead nowhere; where everybody reads they must not.
            if self.target.is_public() {
                self.target.get_schema(entry.schema_ref()).await.context("schema", entry.schema_ref())?;
            }
            return Ok(());
        };
        schema.validate()?;
        let reference = format!("{}@{}", schema.name, schema.version);
        match found(self.target.get_schema(&reference).await)? {
            Some(stored) => check_republication(&stored.schema, schema),
            None => Ok(()),
        }
    }
}

/// What is found, or that it is not.
pub(super) fn found<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn carried(entry: Arc<dyn IndexEntry>, shards: u64, resumed: u64, bytes: u64) -> Carried {
    Carried { outcome: Outcome::Carried, entry: Some(entry), shards, resumed, bytes }
}

fn checksums(entry: &dyn IndexEntry) -> Option<&Value> {
    entry.metadata()?.get(CHECKSUMS_KEY)
}

fn has_urls(entry: &dyn IndexEntry, shards: &[StoredShard]) -> bool {
    entry.data_urls().iter().eq(shards.iter().map(|shard| &shard.url))
}
