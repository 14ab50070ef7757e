//! Entries: the rows of `dataset_entries`, and of `atdata_names` where another name took the row.

use std::sync::Arc;

use atdata_core::{Entry, Error, IfExists, Label, NewDataset, Result, cid};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::labels;
use crate::error::SqlResultExt;
use crate::packed;

/// An entry by content identifier and name, from the main table.
pub(super) const MAIN_ENTRY: &str = "SELECT cid, name, schema_ref, data_urls, metadata, legacy_uuid \
     FROM dataset_entries WHERE cid = ?1 AND name = ?2";

/// The same from the table of names that lost their row to another name.
pub(super) const KEPT_ENTRY: &str = "SELECT e.cid, n.name, e.schema_ref, e.data_urls, n.metadata, n.legacy_uuid \
     FROM atdata_names n JOIN dataset_entries e ON e.cid = n.cid WHERE n.cid = ?1 AND n.name = ?2";

/// An entry by content identifier, under whatever name wrote it last.
pub(super) const ANY_ENTRY: &str =
    "SELECT cid, name, schema_ref, data_urls, metadata, legacy_uuid FROM dataset_entries WHERE cid = ?1";

/// The entry that Python finds for a name without a label: any row, which is in effect the first.
pub(super) const MAIN_CID_OF_NAME: &str =
    "SELECT cid FROM dataset_entries WHERE name = ?1 ORDER BY rowid LIMIT 1";
pub(super) const KEPT_CID_OF_NAME: &str =
    "SELECT cid FROM atdata_names WHERE name = ?1 ORDER BY rowid LIMIT 1";

/// Whether a name is in use at all, in one statement: most names that are inserted are not.
pub(super) const IS_USED: &str = "SELECT EXISTS (SELECT 1 FROM labels WHERE name = ?1) \
     OR EXISTS (SELECT 1 FROM dataset_entries WHERE name = ?1) OR EXISTS (SELECT 1 FROM atdata_names WHERE name = ?1)";

const INSERT: &str = "INSERT OR REPLACE INTO dataset_entries (cid, name, schema_ref, data_urls, metadata) \
     VALUES (?1, ?2, ?3, ?4, ?5)";

/// Finds the entry of a content identifier under a name.
pub(super) fn named(connection: &Connection, cid: &str, name: &str) -> Result<Option<Entry>> {
    for sql in [MAIN_ENTRY, KEPT_ENTRY] {
        let mut statement = connection.prepare_cached(sql).sql()?;
        if let Some(row) = statement.query([cid, name]).sql()?.next().sql()? {
            return entry(row).map(Some);
        }
    }
    Ok(None)
}

/// Finds the entry of a content identifier, under whatever name.
pub(super) fn any(connection: &Connection, cid: &str) -> Result<Option<Entry>> {
    let mut statement = connection.prepare_cached(ANY_ENTRY).sql()?;
    statement.query([cid]).sql()?.next().sql()?.map(entry).transpose()
}

/// Finds what a label points to: the entry under the label's own name, or under any.
pub(super) fn labelled(connection: &Connection, label: &Label) -> Result<Option<Entry>> {
    match named(connection, &label.cid, &label.name)? {
        Some(entry) => Ok(Some(entry)),
        None => any(connection, &label.cid),
    }
}

/// Finds the entry that a name stands for: by its latest label or, as Python does for a name without one, by the
/// name in the entry.
pub(super) fn by_name(connection: &Connection, name: &str) -> Result<Option<Entry>> {
    if let Some(label) = labels::latest(connection, name)?
        && let Some(entry) = labelled(connection, &label)?
    {
        return Ok(Some(entry));
    }
    unlabelled(connection, name)
}

/// Finds what a version of a name leads to.
fn by_version(connection: &Connection, name: &str, version: &str) -> Result<Option<Entry>> {
    match labels::find(connection, name, version)? {
        Some(label) => labelled(connection, &label),
        None => Ok(None),
    }
}

/// The entry that a listing shows for a name: that of the latest label that leads to an entry of this very name,
/// or any of the name if no label does. Another name's entry is listed under its own name, whatever labels say.
pub(super) fn listed(connection: &Connection, name: &str) -> Result<Option<Entry>> {
    let mut statement = connection.prepare_cached(labels::BY_AGE).sql()?;
    let mut labels = statement.query([name]).sql()?;
    while let Some(label) = labels.next().sql()? {
        let label = labels::read(label).sql()?;
        if let Some(entry) = named(connection, &label.cid, name)? {
            return Ok(Some(entry));
        }
    }
    unlabelled(connection, name)
}

fn unlabelled(connection: &Connection, name: &str) -> Result<Option<Entry>> {
    for sql in [MAIN_CID_OF_NAME, KEPT_CID_OF_NAME] {
        let cid: Option<String> =
            connection.prepare_cached(sql).sql()?.query_row([name], |row| row.get(0)).optional().sql()?;
        if let Some(cid) = cid {
            return named(connection, &cid, name);
        }
    }
    Ok(None)
}

/// Inserts an entry and its labels; `schema_ref` has been resolved. The caller holds a transaction.
pub(super) fn insert(connection: &Connection, new: NewDataset, schema_ref: String) -> Result<Arc<Entry>> {
    let cid = cid::entry_cid(&schema_ref, &new.data_urls)?.to_string();
    let mut entry = Entry::new(new.name, schema_ref, new.data_urls);
    entry.metadata = new.metadata;
    entry.cid = Some(cid.clone());

    let is_used: bool =
        connection.prepare_cached(IS_USED).sql()?.query_row([&entry.name], |row| row.get(0)).sql()?;
    let mut old = if is_used { by_name(connection, &entry.name)? } else { None };
    // What the name goes on standing for.
    let latest = match &old {
        Some(old) if new.is_older => Some(labels::standing(connection, &entry.name, old)?),
        _ => None,
    };
    if latest.is_some() {
        old = by_version(connection, &entry.name, new.version.as_deref().unwrap_or_default())?;
    }
    let is_same = match &old {
        Some(old) => are_equal(old, &entry)?,
        None => false,
    };
    if old.is_some() && !is_same && new.if_exists == IfExists::Fail {
        return Err(
            Error::already_exists("the index has another dataset of this name").with("name", &entry.name)
        );
    }
    if !is_same {
        write(connection, &entry, &cid)?;
    }
    // The label of the name comes last: it is the one that counts from now on. Inserting the same thing again is no
    // change: labels that are right keep their descriptions.
    let plain = latest.is_none().then_some("");
    for version in new.version.as_deref().into_iter().chain(plain) {
        let is_right = |label: Label| label.cid == cid;
        if !(is_same && labels::find(connection, &entry.name, version)?.is_some_and(is_right)) {
            let label = Label::new(&entry.name, &cid).with_version(version);
            labels::set_before(connection, &label, latest.clone())?;
        }
    }
    if let Some(old_cid) = old.filter(|old| old.name == entry.name).and_then(|old| old.cid)
        && old_cid != cid
    {
        forget(connection, &old_cid, &entry.name)?;
    }
    Ok(Arc::new(entry))
}

fn write(connection: &Connection, entry: &Entry, cid: &str) -> Result<()> {
    let urls = packed::pack_urls(&entry.data_urls)?;
    let metadata = entry.metadata.as_ref().map(packed::pack_metadata).transpose()?;
    let mut statement = connection.prepare_cached(INSERT).sql()?;
    statement.execute(params![cid, entry.name, entry.schema_ref, &urls[..], metadata.as_deref()]).sql()?;
    Ok(())
}

/// Whether two entries say the same. Metadata count as equal if they are stored as the same bytes: NaN is not equal
/// to itself, and an array comes back as bytes.
fn are_equal(old: &Entry, new: &Entry) -> Result<bool> {
    if (&old.name, &old.cid, &old.schema_ref, &old.data_urls)
        != (&new.name, &new.cid, &new.schema_ref, &new.data_urls)
    {
        return Ok(false);
    }
    match (&old.metadata, &new.metadata) {
        (Some(old), Some(new)) => {
            Ok(old == new || packed::pack_metadata(old)? == packed::pack_metadata(new)?)
        }
        (old, new) => Ok(old.is_none() && new.is_none()),
    }
}

/// Forgets the entry of a name that stands for another one now, unless a label needs it still.
fn forget(connection: &Connection, cid: &str, name: &str) -> Result<()> {
    if labels::points(connection, Some(name), cid)? {
        return Ok(());
    }
    let kept = "DELETE FROM atdata_names WHERE cid = ?1 AND name = ?2";
    if connection.prepare_cached(kept).sql()?.execute([cid, name]).sql()? > 0 {
        return Ok(());
    }
    // The row of the main table is shared by all names of the identifier: the next one takes it over.
    let heir = "SELECT name FROM atdata_names WHERE cid = ?1 ORDER BY name LIMIT 1";
    let heir: Option<String> =
        connection.prepare_cached(heir).sql()?.query_row([cid], |row| row.get(0)).optional().sql()?;
    if let Some(heir) = heir {
        let take_over = "UPDATE dataset_entries SET (name, metadata, legacy_uuid, created_at) = \
             (SELECT name, metadata, legacy_uuid, created_at FROM atdata_names WHERE cid = ?1 AND name = ?2) \
             WHERE cid = ?1";
        connection.prepare_cached(take_over).sql()?.execute([cid, heir.as_str()]).sql()?;
        connection.prepare_cached(kept).sql()?.execute([cid, heir.as_str()]).sql()?;
    } else if !labels::points(connection, None, cid)? {
        connection
            .prepare_cached("DELETE FROM dataset_entries WHERE cid = ?1")
            .sql()?
            .execute([cid])
            .sql()?;
    }
    Ok(())
}

/// Reads a row of the six columns that the queries above select.
fn entry(row: &Row<'_>) -> Result<Entry> {
    let cid: String = row.get(0).sql()?;
    let name: String = row.get(1).sql()?;
    read(row, &cid, &name).map_err(|error| error.with("name", &name).with("cid", &cid))
}

fn read(row: &Row<'_>, cid: &str, name: &str) -> Result<Entry> {
    let mut entry = Entry::new(
        name,
        row.get::<_, String>(2).sql()?,
        packed::urls(&row.get::<_, Vec<u8>>(3).sql()?.into())?,
    );
    let metadata = row.get::<_, Option<Vec<u8>>>(4).sql()?.map(Bytes::from);
    entry.metadata = metadata.as_ref().map(packed::metadata).transpose()?.flatten();
    entry.cid = Some(cid.to_owned());
    entry.legacy_uuid = row.get(5).sql()?;
    Ok(entry)
}
