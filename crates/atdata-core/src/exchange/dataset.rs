//! One dataset with its versions and labels.

use std::sync::Arc;

use super::carry::{Carried, Job, Place, found};
use super::journal::{self, Journal};
use super::{Event, ExchangeOptions, Existing, Migrated, Outcome, Versions, labels};
use crate::{IfExists, Index, IndexEntry, Label, NewDataset, Result, ResultExt};

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
    let migrated = job.dataset(&entry, new_name, options.existing(), versions).await.context("name", name)?;
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
    /// Carries what a name stands for; if they are wanted, first the other datasets that its versions lead to, because a
    /// name stands for what was labelled last.
    pub(super) async fn dataset(
        &self,
        entry: &Arc<dyn IndexEntry>,
        name: &str,
        existing: Existing,
        versions: Versions,
    ) -> Result<Migrated> {
        let dry_run = self.options.dry_run;
        let before = found(self.target.get_dataset(name).await)?;
        let all = match entry.cid() {
            Some(_) => labels::versions_of(self.source, entry.name()).await?,
            None => Vec::new(),
        };
        let (own, others): (Vec<Label>, Vec<Label>) =
            all.into_iter().partition(|label| Some(&*label.cid) == entry.cid());
        let mut done = Migrated {
            name: name.to_owned(),
            outcome: Outcome::Equal,
            entry: None,
            shards: 0,
            resumed: 0,
            bytes: 0,
            labels: 0,
        };
        let others = if versions == Versions::All { others } else { Vec::new() };
        if !others.is_empty() && existing != Existing::Replace {
            // Whether the name may be taken is known before anything moves.
            self.check_taken(&**entry, name, existing, before.clone()).await?;
        }
        let mut older = false;
        for label in &others {
            older |= self.older(&**entry, label, name, existing, &mut done).await?;
        }
        let carried = self.latest(&**entry, name, existing, before, older).await?;
        let outcome = carried.outcome;
        count(&mut done, &carried);
        done.entry = carried.entry;
        done.outcome = if older && outcome == Outcome::Equal { Outcome::Carried } else { outcome };
        if outcome != Outcome::Kept {
            let cid = done.entry.as_ref().and_then(|entry| entry.cid()).map(str::to_owned);
            for label in &own {
                // In a dry run there may be no entry yet.
                let label = labels::relabelled(label, name, cid.as_deref().unwrap_or_default());
                done.labels += u64::from(labels::set(self.target, &label, dry_run).await?);
            }
            if let (Some(cid), false) = (&cid, dry_run) {
                labels::settle(self.target, name, cid).await?;
            }
        }
        self.tell(Event::Ended { name: entry.name(), migrated: &done });
        Ok(done)
    }

    /// Fails if the name stands for another dataset and must not be replaced.
    async fn check_taken(
        &self,
        entry: &dyn IndexEntry,
        name: &str,
        existing: Existing,
        there: Option<Arc<dyn IndexEntry>>,
    ) -> Result<()> {
        if there.is_none() || existing == Existing::Skip {
            return Ok(());
        }
        let options = ExchangeOptions { dry_run: true, observer: None, ..self.options.clone() };
        let check = Job { source: self.source, target: self.target, options: &options, journal: None };
        check.carry(entry, Place { name, version: None, there, existing }).await.map(|_| ())
    }

    /// Carries another dataset of the name, that a version leads to. Says whether the name was moved for it.
    async fn older(
        &self,
        latest: &dyn IndexEntry,
        label: &Label,
        name: &str,
        existing: Existing,
        done: &mut Migrated,
    ) -> Result<bool> {
        let Some(entry) = labels::entry_of(self.source, label).await? else { return Ok(false) };
        if entry.name() != latest.name() {
            // A label on another name's dataset; that goes along under its own name, if at all.
            return Ok(false);
        }
        let reference = format!("{name}@{}", label.version);
        let labelled = found(self.target.get_label(name, Some(&label.version)).await)?;
        let there = match labelled {
            Some(_) => found(self.target.get_dataset(&reference).await)?,
            None => None,
        };
        let replaces = if there.is_none() { Existing::Replace } else { existing };
        let place = Place { name, version: Some(&label.version), there, existing: replaces };
        let carried = self.carry(&*entry, place).await.context("version", &label.version)?;
        count(done, &carried);
        let moved = carried.outcome == Outcome::Carried;
        done.labels += u64::from(moved);
        if let Some(cid) = carried.entry.as_ref().and_then(|entry| entry.cid())
            && carried.outcome != Outcome::Kept
        {
            let new = labels::relabelled(label, name, cid);
            let set = labels::set(self.target, &new, self.options.dry_run).await?;
            done.labels += u64::from(set && !moved);
            return Ok(moved || set);
        }
        Ok(moved)
    }

    /// Carries what the name stands for.
    async fn latest(
        &self,
        entry: &dyn IndexEntry,
        name: &str,
        existing: Existing,
        before: Option<Arc<dyn IndexEntry>>,
        older: bool,
    ) -> Result<Carried> {
        if !older || self.options.dry_run {
            return self.carry(entry, Place { name, version: None, there: before, existing }).await;
        }
        // The name stands for an older version at the moment.
        let place = Place { name, version: None, there: before.clone(), existing };
        let options = ExchangeOptions { dry_run: true, observer: None, ..self.options.clone() };
        let check = Job { source: self.source, target: self.target, options: &options, journal: None };
        let outcome = match before.is_some() {
            true => check.carry(entry, place).await?.outcome,
            false => Outcome::Carried,
        };
        if let (Some(before), true) = (&before, outcome.is_skipped()) {
            let mut again = NewDataset::new(name, before.schema_ref(), before.data_urls().to_vec());
            again.metadata = before.metadata().cloned();
            again.if_exists = IfExists::Replace;
            match self.target.insert_dataset(again).await {
                Ok(entry) => {
                    let shards = entry.data_urls().len() as u64;
                    return Ok(Carried { outcome, entry: Some(entry), shards, resumed: 0, bytes: 0 });
                }
                // Its shards may have gone with its record.
                Err(error) if !error.is_retryable() && outcome == Outcome::Equal => {}
                Err(error) => return Err(error),
            }
        }
        let there = found(self.target.get_dataset(name).await)?;
        self.carry(entry, Place { name, version: None, there, existing: Existing::Replace }).await
    }
}

fn count(done: &mut Migrated, carried: &Carried) {
    done.shards += carried.shards;
    done.resumed += carried.resumed;
    done.bytes += carried.bytes;
}
