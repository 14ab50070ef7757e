//! One dataset with its versions and labels.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::carry::{Carried, Job, Place, found};
use super::journal::{self, Journal};
use super::labels::{self, Age};
use super::{Event, ExchangeOptions, Existing, Migrated, Outcome, Versions};
use crate::{Index, IndexEntry, Label, Result, ResultExt};

/// Carries one dataset from an index to another: its schema, its shards or their addresses, its metadata, and the labels
/// that lead to it. The name may be any reference that the source understands, with a version for instance.
///
/// See [the module](super) for what holds.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound) if the source does not have it;
/// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if the target has another one of the name and [`Existing::Fail`] is
/// set; [`Conflict`](crate::ErrorKind::Conflict) if it has another schema of the name and version;
/// [`Invalid`](crate::ErrorKind::Invalid) for what must not be said in a public index, a shard that is too long for the
/// store, a journal of another exchange; [`Corrupt`](crate::ErrorKind::Corrupt) with the shard if one is damaged; what the
/// backends fail with. The target then has no new entry, and no shards but those of the journal.
pub async fn migrate_dataset(
    name: &str,
    source: &dyn Index,
    target: &dyn Index,
    options: &ExchangeOptions<'_>,
) -> Result<Migrated> {
    let entry = source.get_dataset(name).await?;
    let new_name = options.name.as_deref().unwrap_or(entry.name());
    let exchange = journal::digest(["migrate", &journal::of_dataset(&*entry, new_name)]);
    let job = Job { source, target, options, journal: open_journal(options, &exchange)? };
    let versions = options.versions.unwrap_or(Versions::Latest);
    let migrated =
        job.dataset(&entry, new_name, options.existing(), versions, true).await.context("name", name)?;
    if let Some(journal) = job.journal {
        journal.remove()?;
    }
    Ok(migrated)
}

/// Opens the journal, if there is to be one.
pub(super) fn open_journal(options: &ExchangeOptions<'_>, exchange: &str) -> Result<Option<Journal>> {
    match &options.journal {
        Some(path) if options.copies() && !options.dry_run => Journal::open(path, exchange).map(Some),
        _ => Ok(None),
    }
}

impl Job<'_> {
    /// Carries what a name stands for; if they are wanted, then the other datasets that its versions lead to. The name
    /// never stands for one of those in between. `is_latest`: whether the name stands for the entry in the source, which
    /// it does not if the label set last leads to a dataset of another name.
    pub(super) async fn dataset(
        &self,
        entry: &Arc<dyn IndexEntry>,
        name: &str,
        existing: Existing,
        versions: Versions,
        is_latest: bool,
    ) -> Result<Migrated> {
        let dry_run = self.options.dry_run;
        let there = labels::own_entry(self.target, name).await?;
        let all = match entry.cid() {
            Some(_) => labels::versions_of(self.source, entry.name()).await?,
            None => Vec::new(),
        };
        let (own, others): (Vec<Label>, Vec<Label>) =
            all.into_iter().partition(|label| Some(&*label.cid) == entry.cid());
        let carried = self.carry(&**entry, Place { name, version: None, there, existing }).await?;
        let mut done = Migrated {
            name: name.to_owned(),
            outcome: carried.outcome,
            entry: carried.entry.clone(),
            shards: 0,
            resumed: 0,
            bytes: 0,
            labels: 0,
        };
        count(&mut done, &carried);
        if done.outcome != Outcome::Kept {
            let cid = done.entry.as_ref().and_then(|entry| entry.cid()).map(str::to_owned);
            for label in &own {
                // In a dry run there may be no entry yet.
                let label = labels::relabelled(label, name, cid.as_deref().unwrap_or_default());
                let age = if is_latest { Age::Latest } else { Age::Older };
                done.labels += u64::from(labels::set(self.target, &label, age, dry_run).await?);
            }
            if let (Some(cid), false, true) = (&cid, dry_run, is_latest) {
                labels::settle(self.target, name, cid).await?;
            }
        }
        if versions == Versions::All {
            // Several labels may lead to one dataset, which is one in the target, too.
            let mut by_dataset = BTreeMap::<&str, Vec<&Label>>::new();
            for label in &others {
                by_dataset.entry(&label.cid).or_default().push(label);
            }
            for labels in by_dataset.values() {
                self.older(&**entry, labels, name, existing, &mut done).await?;
            }
        }
        self.tell(Event::Ended { name: entry.name(), migrated: &done });
        Ok(done)
    }

    /// Carries another dataset of the name, that some versions lead to.
    async fn older(
        &self,
        latest: &dyn IndexEntry,
        labels: &[&Label],
        name: &str,
        existing: Existing,
        done: &mut Migrated,
    ) -> Result<()> {
        let Some(first) = labels.first() else { return Ok(()) };
        let Some(entry) = labels::entry_of(self.source, first).await? else { return Ok(()) };
        if entry.name() != latest.name() {
            // Labels on another name's dataset; that goes along under its own name, if at all.
            return Ok(());
        }
        // The one of them that the target has, or else any.
        let (mut version, mut there) = (first.version.as_str(), None);
        for label in labels {
            if let Some(found) = found(self.target.get_label(name, Some(&label.version)).await)? {
                version = &label.version;
                there = labels::entry_of(self.target, &found).await?;
                break;
            }
        }
        let place = Place { name, version: Some(version), there, existing };
        let carried = self.carry(&*entry, place).await.context("version", version)?;
        count(done, &carried);
        let is_new = carried.outcome == Outcome::Carried;
        if done.outcome == Outcome::Equal && is_new {
            done.outcome = Outcome::Carried;
        }
        done.labels += u64::from(is_new);
        if carried.outcome == Outcome::Kept {
            return Ok(());
        }
        let cid = carried.entry.as_ref().and_then(|entry| entry.cid()).unwrap_or_default();
        for label in labels {
            let new = labels::relabelled(label, name, cid);
            let set = labels::set(self.target, &new, Age::Older, self.options.dry_run).await?;
            // One of them was set with the dataset.
            done.labels += u64::from(set && !(is_new && label.version == version));
        }
        Ok(())
    }
}

fn count(done: &mut Migrated, carried: &Carried) {
    done.shards += carried.shards;
    done.resumed += carried.resumed;
    done.bytes += carried.bytes;
}
