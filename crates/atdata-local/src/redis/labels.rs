//! Labels.

use std::collections::{BTreeMap, BTreeSet};

use atdata_core::{Error, Label, Result};
use bytes::Bytes;

use super::change::{Change, Stage, list};
use super::keys;
use super::names::{expect_row, held, record};
use super::record::{RecordChange, References};
use super::server::{Command, Reply, Server, utf8};

/// Adds a label to a change; `references` are those of the entry that it points to.
pub(super) async fn write(
    server: &dyn Server,
    change: &mut Change,
    record: &mut RecordChange,
    references: &References,
    label: &Label,
) -> Result<()> {
    let (name, version, cid) = (label.name.as_str(), label.version.as_str(), label.cid.as_str());
    if let Some(before) = record.record.label(version).filter(|before| *before != cid).map(str::to_owned) {
        let held = held(server, &before).await?;
        held.references.change(change, Stage::Remains, &before).label(name, version, false);
    }
    references.change(change, Stage::Things, cid).label(name, version, true);
    record.set_label(change, version, cid);
    write_key(change, name, version, cid, label.description.as_deref());
    Ok(())
}

/// Adds a label to a change, and the name goes on standing for what it stands for.
pub(super) async fn write_older(
    server: &dyn Server,
    change: &mut Change,
    record: &mut RecordChange,
    references: &References,
    label: &Label,
) -> Result<()> {
    let (name, version, cid) = (label.name.as_str(), label.version.as_str(), label.cid.as_str());
    let kept = match record.record.standing(name) {
        Some(latest) => label.kept_by(latest)?,
        None => None,
    };
    let Some(kept) = kept else { return write(server, change, record, references, label).await };
    let mut moved = BTreeMap::<String, Vec<(&str, bool)>>::new();
    moved.entry(cid.to_owned()).or_default().push((version, true));
    if let Some(before) = record.record.label(version).filter(|before| *before != cid) {
        moved.entry(before.to_owned()).or_default().push((version, false));
    }
    // Another label than the latest may be what has to say from now on what the name stands for.
    let is_set = record.record.latest.as_deref() == Some(&*kept.version)
        && record.record.label(&kept.version) == Some(&*kept.cid);
    if !is_set {
        moved.entry(kept.cid.clone()).or_default().push((&kept.version, true));
        if let Some(before) = record.record.label(&kept.version).filter(|before| *before != kept.cid) {
            moved.entry(before.to_owned()).or_default().push((&kept.version, false));
        }
    }
    // Of each entry at once: in a cluster a second step would find that the first has changed something.
    for (moved, labels) in moved {
        let held = if moved == cid { None } else { Some(held(server, &moved).await?.references) };
        let stage = if labels.iter().any(|(_, is_there)| *is_there) { Stage::Things } else { Stage::Remains };
        let mut references = held.as_ref().unwrap_or(references).change(change, stage, &moved);
        for (version, is_there) in labels {
            references.label(name, version, is_there);
        }
    }
    record.set_older_label(change, version, cid);
    write_key(change, name, version, cid, label.description.as_deref());
    if !is_set {
        record.set_label(change, &kept.version, &kept.cid);
        write_key(change, name, &kept.version, &kept.cid, kept.description.as_deref());
    }
    Ok(())
}

/// Writes a label where Python looks for it, and lists it.
pub(super) fn write_key(
    change: &mut Change,
    name: &str,
    version: &str,
    cid: &str,
    description: Option<&str>,
) {
    let key = keys::label(name, version);
    let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let mut fields = vec![key.clone()];
    for (field, value) in [("cid", cid), ("name", name), ("version", version)] {
        fields.extend([text(field), text(value)]);
    }
    if let Some(description) = description {
        fields.extend([text("description"), text(description)]);
    }
    change.at(Stage::Ways, key.clone()).delete(&key).run("HSET", fields);
    list(change, keys::LABELS, keys::pair(name, version), true);
}

/// Sets a label; nothing is said if others were faster. If it is an older one, the name goes on standing for what it
/// stands for.
pub(super) async fn set(server: &dyn Server, label: &Label, is_older: bool) -> Result<Option<()>> {
    let (held, record) = futures::try_join!(held(server, &label.cid), record(server, &label.name))?;
    if held.row.is_none() {
        return Err(Error::not_found("the index has no entry of this identifier").with("cid", &label.cid));
    }
    let mut change = Change::default();
    expect_row(&mut change, &label.cid, held.row.as_ref());
    let mut record = RecordChange::new(&mut change, &label.name, record);
    match is_older {
        false => write(server, &mut change, &mut record, &held.references, label).await?,
        true => write_older(server, &mut change, &mut record, &held.references, label).await?,
    }
    Ok(change.apply(server).await?.then_some(()))
}

/// Removes a label; nothing is said if others were faster. Says whether there was one.
pub(super) async fn delete(server: &dyn Server, name: &str, version: &str) -> Result<Option<bool>> {
    let (found, record) = futures::try_join!(read(server, name, version), record(server, name))?;
    if found.is_none() && record.label(version).is_none() {
        return Ok(Some(false));
    }
    let mut change = Change::default();
    let noted = record.label(version).map(str::to_owned);
    for cid in noted.iter().chain(found.iter().map(|label| &label.cid)).collect::<BTreeSet<_>>() {
        let references = held(server, cid).await?.references;
        references.change(&mut change, Stage::Remains, cid).label(name, version, false);
    }
    let mut record = RecordChange::new(&mut change, name, record);
    record.remove_label(&mut change, version);
    let key = keys::label(name, version);
    change.at(Stage::Ways, key.clone()).delete(&key);
    list(&mut change, keys::LABELS, keys::pair(name, version), false);
    record.finish(&mut change);
    Ok(change.apply(server).await?.then_some(found.is_some()))
}

/// Reads the label of a name and version.
pub(super) async fn read(server: &dyn Server, name: &str, version: &str) -> Result<Option<Label>> {
    let reply = server.call(Command::new("HGETALL", keys::label(name, version))).await?;
    let found = parse(reply).map_err(|error| error.with("name", name).with("version", version))?;
    // Name and version are joined in the key by a character that both may have.
    Ok(found
        .filter(|found| {
            found.name.as_deref().is_none_or(|it| it == name)
                && found.version.as_deref().is_none_or(|it| it == version)
        })
        .map(|found| {
            let label = Label::new(name, found.cid).with_version(version);
            match found.description {
                Some(description) => label.with_description(description),
                None => label,
            }
        }))
}

struct Fields {
    cid: String,
    name: Option<String>,
    version: Option<String>,
    description: Option<String>,
}

fn parse(reply: Reply) -> Result<Option<Fields>> {
    let (mut cid, mut name, mut version, mut description) = (None, None, None, None);
    for (field, value) in reply.fields()? {
        let value = utf8(value)?;
        match &field[..] {
            b"cid" => cid = Some(value),
            b"name" => name = Some(value),
            b"version" => version = Some(value),
            b"description" => description = Some(value),
            _ => {}
        }
    }
    Ok(cid.map(|cid| Fields { cid, name, version, description }))
}
