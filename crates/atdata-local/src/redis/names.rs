//! What we know of a name, and how it is corrected where others have written.

use std::collections::BTreeSet;

use atdata_core::Result;
use bytes::Bytes;

use super::change::{Change, Stage, list};
use super::keys;
use super::labels;
use super::record::{Record, RecordChange, References};
use super::row::Row;
use super::server::{Command, Reply, Server};

pub(super) async fn record(server: &dyn Server, name: &str) -> Result<Record> {
    Record::read(server.call(Command::new("HGETALL", keys::record(name))).await?)
}

/// An entry and what refers to it.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) row: Option<Row>,
    pub(super) references: References,
}

pub(super) async fn held(server: &dyn Server, cid: &str) -> Result<Held> {
    let row = server.call(Command::new("HGETALL", keys::entry(cid)));
    let references = server.call(Command::new("HGETALL", keys::references(cid)));
    let (row, references) = futures::future::join(row, references).await;
    Ok(Held { row: Row::read(row?)?, references: References::read(references?)? })
}

/// The content identifiers that labels of a name have in Python's keys.
pub(super) async fn labelled(
    server: &dyn Server,
    name: &str,
    versions: &[impl AsRef<str>],
) -> Result<Vec<Option<String>>> {
    let of = |version: &str| Command::new("HGET", keys::label(name, version)).arg("cid");
    let commands = versions.iter().map(|version| of(version.as_ref()));
    let replies = server.pipeline(commands.collect()).await;
    replies.into_iter().map(|reply| reply?.text()).collect()
}

/// Corrects what is noted of a name by what Python's keys say: of its labels that are known, of `versions`, and of its
/// entries. Says whether anything was changed; nothing is said if others were faster.
pub(super) async fn adopt(server: &dyn Server, name: &str, versions: &[String]) -> Result<Option<bool>> {
    let record = record(server, name).await?;
    let known: BTreeSet<&str> = record.labels.keys().map(String::as_str).collect();
    let mut texts: Vec<&str> =
        known.into_iter().chain(versions.iter().map(String::as_str)).chain([""]).collect();
    // The one without a version comes last: of several that are new it is the one that counts.
    texts.sort_by_key(|version| (version.is_empty(), *version));
    texts.dedup();
    let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
    let found = labelled(server, name, &texts).await?;
    let mut lost = Vec::new();
    for (cid, kept) in &record.entries {
        let row = Row::read(server.call(Command::new("HGETALL", keys::entry(cid))).await?)?;
        if row.is_none_or(|row| row.name != name && kept.is_empty()) {
            lost.push(cid.clone());
        }
    }

    let mut change = Change::default();
    let mut record = RecordChange::new(&mut change, name, record);
    let mut has_changed = false;
    for (version, found) in texts.iter().map(String::as_str).zip(found) {
        let known = record.record.label(version).map(str::to_owned);
        if known == found {
            continue;
        }
        has_changed = true;
        if let Some(cid) = known.as_deref().filter(|_| record.record.is_unfinished(version)) {
            // Nobody has changed it: whoever sets it is not done, or was interrupted.
            labels::write_key(&mut change, name, version, cid, None);
            continue;
        }
        if let Some(cid) = known {
            let references = held(server, &cid).await?.references;
            references.change(&mut change, Stage::Remains, &cid).label(name, version, false);
        }
        match found {
            Some(cid) => {
                let references = held(server, &cid).await?.references;
                references.change(&mut change, Stage::Things, &cid).label(name, version, true);
                record.adopt_label(&mut change, version, &cid);
                list(&mut change, keys::LABELS, keys::pair(name, version), true);
            }
            None => {
                record.remove_label(&mut change, version);
                list(&mut change, keys::LABELS, keys::pair(name, version), false);
            }
        }
    }
    for cid in lost {
        has_changed = true;
        let references = held(server, &cid).await?.references;
        references.change(&mut change, Stage::Remains, &cid).name(name, false);
        record.remove_entry(&mut change, &cid);
    }
    if !has_changed {
        return Ok(Some(false));
    }
    if record.record.entries.is_empty() {
        list(&mut change, keys::NAMES, name.to_owned(), false);
    }
    record.finish_labels(&mut change);
    record.finish(&mut change);
    Ok(change.apply(server).await?.then_some(true))
}

/// Notes an entry that Python has written. Says whether anything was changed, as [`adopt`] does.
pub(super) async fn adopt_entry(server: &dyn Server, cid: &str) -> Result<Option<bool>> {
    let held = held(server, cid).await?;
    let Some(row) = held.row.filter(|row| !held.references.names.contains(&row.name)) else {
        return Ok(Some(false));
    };
    let mut change = Change::default();
    expect_row(&mut change, cid, Some(&row));
    held.references.change(&mut change, Stage::Things, cid).name(&row.name, true);
    let mut record = RecordChange::new(&mut change, &row.name, record(server, &row.name).await?);
    record.set_entry(&mut change, cid, Bytes::new());
    list(&mut change, keys::NAMES, row.name, true);
    Ok(change.apply(server).await?.then_some(true))
}

/// Expects the row of an entry to have the same name as before, or not to be there.
pub(super) fn expect_row(change: &mut Change, cid: &str, row: Option<&Row>) {
    let key = keys::entry(cid);
    let name = row.map(|row| Bytes::copy_from_slice(row.name.as_bytes()));
    change.at(Stage::Things, key.clone()).expect(key, "name", name);
}

/// The reply of a command whose failure is of no consequence here: a key of Python's form that holds something else.
pub(super) fn or_nil(reply: Result<Reply>) -> Result<Reply> {
    match reply {
        Err(error) if error.context_value("code") == Some("WRONGTYPE") => Ok(Reply::Nil),
        other => other,
    }
}
