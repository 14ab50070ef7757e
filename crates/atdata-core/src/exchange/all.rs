//! Everything that an index has.

use std::sync::Arc;

use futures::TryStreamExt;

use super::carry::{Job, found};
use super::dataset::open_journal;
use super::labels::{self, Age};
use super::{Event, ExchangeOptions, ExchangeReport, Existing, Migrated, Versions, journal};
use crate::schema::{SampleSchema, check_republication};
use crate::{Error, Index, IndexEntry, Label, Result};

/// Carries everything: all datasets with all versions, all schemas, all labels. What the target has and is equal is left
/// as it is, so that a backup can be repeated.
///
/// What cannot be carried does not stop the rest; it is in the [report](ExchangeReport).
///
/// ```
/// use atdata_core::exchange::{ExchangeOptions, backup_all};
/// use atdata_core::{Index, MemoryIndex, NewDataset};
///
/// # futures::executor::block_on(async {
/// let (team, backup) = (MemoryIndex::new(), MemoryIndex::new());
/// team.insert_dataset(NewDataset::new("digits", "Digit@1.0.0", vec!["s3://b/a.tar".into()])).await?;
/// let report = backup_all(&team, &backup, &ExchangeOptions::keep_addresses()).await?;
/// assert_eq!((report.carried, report.equal), (1, 0));
/// assert!(report.ok().is_ok());
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// The source cannot be listed; the journal cannot be used; options that make sense for one dataset only.
pub async fn backup_all(
    source: &dyn Index,
    target: &dyn Index,
    options: &ExchangeOptions<'_>,
) -> Result<ExchangeReport> {
    everything("backup", source, target, options, options.existing()).await
}

/// Makes the target have what the source has: what is missing is carried, what has changed is replaced, what is equal is
/// left. What only the target has stays.
///
/// As [`backup_all`], but for names that stand for other datasets, which are replaced unless something else is
/// [asked for](ExchangeOptions::with_existing).
///
/// ```
/// use atdata_core::exchange::{ExchangeOptions, sync};
/// use atdata_core::{IfExists, Index, MemoryIndex, NewDataset};
///
/// # futures::executor::block_on(async {
/// let (team, mirror) = (MemoryIndex::new(), MemoryIndex::new());
/// let digits = NewDataset::new("digits", "Digit@1.0.0", vec!["s3://b/a.tar".into()]);
/// team.insert_dataset(digits.clone()).await?;
/// sync(&team, &mirror, &ExchangeOptions::keep_addresses()).await?.ok()?;
///
/// let mut newer = digits.with_if_exists(IfExists::Replace);
/// newer.data_urls.push("s3://b/b.tar".into());
/// team.insert_dataset(newer).await?;
/// assert_eq!(sync(&team, &mirror, &ExchangeOptions::keep_addresses()).await?.carried, 1);
/// assert_eq!(sync(&team, &mirror, &ExchangeOptions::keep_addresses()).await?.equal, 1);
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// As [`backup_all`].
pub async fn sync(
    source: &dyn Index,
    target: &dyn Index,
    options: &ExchangeOptions<'_>,
) -> Result<ExchangeReport> {
    everything("sync", source, target, options, options.existing.unwrap_or(Existing::Replace)).await
}

async fn everything(
    what: &str,
    source: &dyn Index,
    target: &dyn Index,
    options: &ExchangeOptions<'_>,
    existing: Existing,
) -> Result<ExchangeReport> {
    if options.name.is_some() {
        return Err(Error::invalid("a new name can be given to one dataset only"));
    }
    let exchange = journal::digest([what, options.origin.as_deref().unwrap_or_default()]);
    let job = Job { source, target, options, journal: open_journal(options, &exchange)? };
    let mut report = ExchangeReport::default();
    let versions = options.versions.unwrap_or(Versions::All);
    let mut datasets = source.list_datasets("");
    while let Some(entry) = datasets.try_next().await? {
        match job.listed(&entry, existing, versions).await {
            Ok(migrated) => report.add(&migrated),
            Err(error) => job.failed(&mut report, entry.name(), error.with("name", entry.name())),
        }
    }
    drop(datasets);
    job.schemas(&mut report).await?;
    job.aliases(&mut report).await?;
    if let Some(journal) = job.journal.filter(|_| report.failed.is_empty()) {
        journal.remove()?;
    }
    Ok(report)
}

impl Job<'_> {
    async fn listed(
        &self,
        entry: &Arc<dyn IndexEntry>,
        existing: Existing,
        versions: Versions,
    ) -> Result<Migrated> {
        // A name may stand for a dataset of another name; one of its own is listed nevertheless.
        let stands_for = found(self.source.get_dataset(entry.name()).await)?;
        let is_latest = stands_for.is_none_or(|latest| latest.name() == entry.name());
        self.dataset(entry, entry.name(), existing, versions, is_latest).await
    }

    fn failed(&self, report: &mut ExchangeReport, name: &str, error: Error) {
        self.tell(Event::Failed { name, error: &error });
        report.fail(name, error);
    }

    /// Publishes the schemas that no dataset has brought along.
    async fn schemas(&self, report: &mut ExchangeReport) -> Result<()> {
        let mut schemas = self.source.list_schemas("");
        while let Some(stored) = schemas.try_next().await? {
            match self.schema(&stored.schema).await {
                Ok(published) => report.schemas += u64::from(published),
                Err(error) => self.failed(report, &stored.schema.name, error),
            }
        }
        Ok(())
    }

    async fn schema(&self, schema: &SampleSchema) -> Result<bool> {
        let reference = format!("{}@{}", schema.name, schema.version);
        if let Some(there) = found(self.target.get_schema(&reference).await)? {
            return check_republication(&there.schema, schema).map(|()| false);
        }
        if !self.options.dry_run {
            self.target.publish_schema(schema).await?;
        }
        Ok(true)
    }

    /// Sets the labels that lead to datasets of other names.
    async fn aliases(&self, report: &mut ExchangeReport) -> Result<()> {
        let mut all = self.source.list_labels("");
        let mut named: Vec<Label> = Vec::new();
        while let Some(label) = all.try_next().await? {
            if named.first().is_some_and(|first| first.name != label.name) {
                self.aliases_of(std::mem::take(&mut named), report).await;
            }
            named.push(label);
        }
        self.aliases_of(named, report).await;
        Ok(())
    }

    /// Sets those labels of a name that lead to datasets of other names, first the one that says what the name stands for.
    async fn aliases_of(&self, mut labels: Vec<Label>, report: &mut ExchangeReport) {
        let Some(name) = labels.first().map(|label| label.name.clone()) else { return };
        let last = match found(self.source.get_label(&name, None).await) {
            Ok(last) => last,
            Err(error) => return self.failed(report, &name, error.with("name", &name)),
        };
        let is_last = |label: &Label| last.as_ref().is_some_and(|last| last.version == label.version);
        labels.sort_by_key(|label| !is_last(label));
        for label in labels {
            let age = if is_last(&label) { Age::Latest } else { Age::Older };
            match self.alias(&label, age).await {
                Ok(set) => report.labels += u64::from(set),
                Err(error) => self.failed(report, &label.name, error.with("name", &label.name)),
            }
        }
    }

    async fn alias(&self, label: &Label, age: Age) -> Result<bool> {
        let Some(entry) = labels::entry_of(self.source, label).await? else { return Ok(false) };
        if entry.name() == label.name {
            return Ok(false);
        }
        let Some(there) = labels::own_entry(self.target, entry.name()).await? else { return Ok(false) };
        let Some(cid) = self.counterpart(label, &*entry, &*there).await? else { return Ok(false) };
        let (new, dry_run) = (labels::relabelled(label, &label.name, &cid), self.options.dry_run);
        let set = labels::set(self.target, &new, age, dry_run).await?;
        if set || age == Age::Older {
            return Ok(set);
        }
        // It leads where it should; another one may have been set after it.
        let last = found(self.target.get_label(&new.name, None).await)?;
        let is_last = last.is_some_and(|last| last.version == new.version);
        if !is_last && !dry_run {
            self.target.set_label(&new).await?;
        }
        Ok(!is_last)
    }

    /// The identifier in the target of what a label leads to: what its name stands for, or one of its versions.
    async fn counterpart(
        &self,
        label: &Label,
        entry: &dyn IndexEntry,
        there: &dyn IndexEntry,
    ) -> Result<Option<String>> {
        let latest = labels::own_entry(self.source, entry.name()).await?;
        if latest.is_some_and(|latest| latest.cid() == Some(&label.cid)) {
            return Ok(there.cid().map(str::to_owned));
        }
        for version in labels::versions_of(self.source, entry.name()).await? {
            if version.cid == label.cid {
                let found = found(self.target.get_label(entry.name(), Some(&version.version)).await)?;
                return Ok(found.map(|label| label.cid));
            }
        }
        Ok(None)
    }
}
