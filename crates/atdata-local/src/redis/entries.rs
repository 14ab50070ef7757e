//! Inserting datasets.

use atdata_core::{Entry, Error, IfExists, Label, NewDataset, Result};
use bytes::Bytes;

use super::change::{Change, Stage, list};
use super::find::{Named, by_version};
use super::keys;
use super::labels;
use super::names::{Held, expect_row, held, labelled, record};
use super::record::{Record, RecordChange};
use super::row::Row;
use super::server::Server;

/// Makes up the change that inserts an entry and its labels, and makes it; `change` has what else belongs to it. Nothing
/// is said if others were faster. `found` is what the name stands for.
pub(super) async fn insert(
    server: &dyn Server,
    mut change: Change,
    new: &NewDataset,
    entry: &Entry,
    cid: &str,
    found: Named,
) -> Result<Option<()>> {
    let name = entry.name.as_str();
    let row = Row::of(entry)?;
    let revision = found.revision;
    let is_older = new.is_older && found.row.is_some();
    let found = match (&new.version, is_older) {
        (Some(version), true) => by_version(server, name, version).await?,
        _ => found.row,
    };
    let is_same = match &found {
        Some(found) => found.cid.as_deref() == Some(cid) && found.says_the_same(&row)?,
        None => false,
    };
    if found.is_some() && !is_same && new.if_exists == IfExists::Fail {
        return Err(Error::already_exists("the index has another dataset of this name").with("name", name));
    }
    let plain = (!is_older).then_some("");
    let versions: Vec<&str> = new.version.as_deref().into_iter().chain(plain).collect();
    let old = found.as_ref().filter(|found| found.name == name).and_then(|found| found.cid.clone());
    let old = old.filter(|old| old != cid);
    let (record, this, labels, old_held) = futures::try_join!(
        record(server, name),
        held(server, cid),
        labelled(server, name, &versions),
        async {
            match &old {
                Some(old) => held(server, old).await.map(Some),
                None => Ok(None),
            }
        }
    )?;
    if record.revision != revision {
        return Ok(None);
    }
    let mut writer = Writer { server, change: &mut change, name };
    let is_listed = record.entries.contains_key(cid) && this.references.names.contains(name);
    let mut record = RecordChange::new(writer.change, name, record);
    expect_row(writer.change, cid, this.row.as_ref());
    this.references.change(writer.change, Stage::Things, cid);
    if !is_same {
        writer.write(&row, cid, &this).await?;
    }
    if !is_same || !is_listed {
        this.references.change(writer.change, Stage::Things, cid).name(name, true);
        record.set_entry(writer.change, cid, Bytes::new());
        list(writer.change, keys::NAMES, name.to_owned(), true);
    }
    if !is_older {
        record.prefer(writer.change, cid);
    }
    // The label of the name comes last: it is the one that counts from now on. Inserting the same thing again is no
    // change: labels that are right keep their descriptions.
    let mut is_changed = !is_same || !is_listed;
    for (version, labelled) in versions.into_iter().zip(labels) {
        if !is_same || labelled.as_deref() != Some(cid) {
            is_changed = true;
            let label = Label::new(name, cid).with_version(version);
            let (change, references) = (&mut *writer.change, &this.references);
            match is_older {
                false => labels::write(server, change, &mut record, references, &label).await?,
                true => labels::write_older(server, change, &mut record, references, &label).await?,
            }
        }
    }
    if !is_changed {
        return Ok(Some(()));
    }
    if let (Some(old), Some(held)) = (&old, &old_held) {
        writer.forget(&mut record, old, held).await?;
    }
    Ok(change.apply(server).await?.then_some(()))
}

/// Writes what is made up of one name.
struct Writer<'a> {
    server: &'a dyn Server,
    change: &'a mut Change,
    name: &'a str,
}

impl Writer<'_> {
    /// Writes a row. Another name that has it now keeps what it says.
    async fn write(&mut self, row: &Row, cid: &str, this: &Held) -> Result<()> {
        if let Some(other) = this.row.as_ref().filter(|other| other.name != self.name) {
            let record = record(self.server, &other.name).await?;
            let mut record = RecordChange::before(self.change, &other.name, record);
            record.set_entry(self.change, cid, other.keep()?);
            this.references.change(self.change, Stage::Things, cid).name(&other.name, true);
            list(self.change, keys::NAMES, other.name.clone(), true);
        }
        self.put(Stage::Things, cid, row);
        Ok(())
    }

    fn put(&mut self, stage: Stage, cid: &str, row: &Row) {
        let key = keys::entry(cid);
        // Fields that the new row does not have must not stay.
        let fields = [key.clone()].into_iter().chain(row.fields());
        self.change.at(stage, key.clone()).delete(&key).run("HSET", fields);
    }

    /// Forgets the entry that a name stood for, unless a label needs it still.
    async fn forget(&mut self, record: &mut RecordChange, old: &str, held: &Held) -> Result<()> {
        if record.record.labels.values().any(|(cid, _)| cid == old) {
            return Ok(());
        }
        let row = held.row.as_ref().filter(|row| row.name == self.name);
        record.remove_entry(self.change, old);
        let Some(row) = row else {
            held.references.change(self.change, Stage::Remains, old).name(self.name, false);
            return Ok(());
        };
        // The row is shared by all names of the identifier: the next one takes it over.
        for heir in held.references.names.iter().filter(|heir| *heir != self.name) {
            let theirs: Record = super::names::record(self.server, heir).await?;
            let Some(kept) = theirs.entries.get(old).filter(|kept| !kept.is_empty()).cloned() else {
                continue;
            };
            self.put(Stage::Remains, old, &row.under(heir, &kept)?);
            let mut theirs = RecordChange::new(self.change, heir, theirs);
            theirs.set_entry(self.change, old, Bytes::new());
            held.references.change(self.change, Stage::Remains, old).name(self.name, false);
            return Ok(());
        }
        let mut references = held.references.change(self.change, Stage::Remains, old);
        if held.references.labels.iter().any(|(name, _)| name != self.name) {
            // Others' labels point to it.
            references.name(self.name, false);
        } else {
            references.delete(old);
        }
        Ok(())
    }
}
