//! Labels: the rows of `labels`.

use atdata_core::schema::parse_time;
use atdata_core::{DatedLabel, Entry, Error, Label, Result};
use rusqlite::{Connection, OptionalExtension, Row, params};
use time::OffsetDateTime;

use super::entries;
use crate::error::SqlResultExt;

/// The labels of a name, the latest by Python's rule first.
pub(super) const BY_AGE: &str = "SELECT name, version, cid, description FROM labels WHERE name = ?1 \
     ORDER BY created_at DESC, rowid DESC";

/// The label of a name and version.
pub(super) const OF_VERSION: &str =
    "SELECT name, version, cid, description FROM labels WHERE name = ?1 AND version = ?2";

/// Sets a label. It is the latest of its name for Python too: a new row has the highest rowid, and its time is not
/// before that of any other, even if the clock was set back.
const SET: &str = "INSERT OR REPLACE INTO labels (name, version, cid, description, created_at) VALUES (?1, ?2, ?3, ?4, \
     max(datetime('now'), ifnull((SELECT max(created_at) FROM labels WHERE name = ?1), '')))";

/// The same with the times at which they were set.
pub(super) const HISTORY: &str = "SELECT name, version, cid, description, created_at FROM labels WHERE name = ?1 \
     ORDER BY created_at DESC, rowid DESC";

const DELETE: &str = "DELETE FROM labels WHERE name = ?1 AND version = ?2";

pub(super) const POINTS: &str = "SELECT EXISTS (SELECT 1 FROM labels WHERE cid = ?1)";
pub(super) const POINTS_BY_NAME: &str = "SELECT EXISTS (SELECT 1 FROM labels WHERE cid = ?1 AND name = ?2)";

pub(super) fn latest(connection: &Connection, name: &str) -> Result<Option<Label>> {
    connection.prepare_cached(BY_AGE).sql()?.query_row([name], read).optional().sql()
}

/// Finds a label; the empty version is that of the name alone.
pub(super) fn find(connection: &Connection, name: &str, version: &str) -> Result<Option<Label>> {
    connection.prepare_cached(OF_VERSION).sql()?.query_row([name, version], read).optional().sql()
}

/// Finds a label; without a version the latest of the name.
pub(super) fn get(connection: &Connection, name: &str, version: Option<&str>) -> Result<Label> {
    let found = match version {
        Some(version) => find(connection, name, version)?,
        None => latest(connection, name)?,
    };
    found.ok_or_else(|| missing(name, version))
}

fn missing(name: &str, version: Option<&str>) -> Error {
    let error = Error::not_found("the index has no such label").with("name", name);
    match version {
        Some(version) => error.with("version", version),
        None => error,
    }
}

/// The labels of a name, the one set last first.
pub(super) fn history(connection: &Connection, name: &str) -> Result<Vec<DatedLabel>> {
    let mut statement = connection.prepare_cached(HISTORY).sql()?;
    let dated =
        statement.query_map([name], |row| Ok((read(row)?, row.get::<_, Option<String>>(4)?))).sql()?;
    dated
        .map(|row| {
            let (label, time) = row.sql()?;
            Ok(DatedLabel::new(label, time.as_deref().and_then(timestamp)))
        })
        .collect()
}

/// A time as SQLite's `datetime` writes it, which is UTC.
fn timestamp(text: &str) -> Option<OffsetDateTime> {
    let (date, time) = text.split_once(' ')?;
    parse_time(&format!("{date}T{time}Z"))
}

/// Removes a label.
pub(super) fn delete(connection: &Connection, name: &str, version: &str) -> Result<()> {
    match connection.prepare_cached(DELETE).sql()?.execute([name, version]).sql()? {
        0 => Err(missing(name, Some(version))),
        _ => Ok(()),
    }
}

pub(super) fn set(connection: &Connection, label: &Label) -> Result<()> {
    let mut statement = connection.prepare_cached(SET).sql()?;
    statement.execute(params![label.name, label.version, label.cid, label.description]).sql()?;
    Ok(())
}

/// Sets a label; if there is a `latest`, the name goes on standing for what that leads to.
pub(super) fn set_before(connection: &Connection, label: &Label, latest: Option<Label>) -> Result<()> {
    let latest = match latest {
        Some(latest) => label.kept_by(latest)?,
        None => None,
    };
    set(connection, label)?;
    match latest {
        Some(latest) => set(connection, &latest),
        None => Ok(()),
    }
}

/// The label by which a name stands for an entry; for one of Python's without a label, the one that it would have.
pub(super) fn standing(connection: &Connection, name: &str, entry: &Entry) -> Result<Label> {
    let cid = entry.cid.as_deref().unwrap_or_default();
    let found = latest(connection, name)?.filter(|label| label.cid == cid);
    Ok(found.unwrap_or_else(|| Label::new(name, cid)))
}

/// Sets a label if there is an entry to point to.
pub(super) fn set_checked(connection: &Connection, label: &Label) -> Result<()> {
    check_target(connection, label)?;
    set(connection, label)
}

/// The same, and the name goes on standing for what it stands for.
pub(super) fn set_older_checked(connection: &Connection, label: &Label) -> Result<()> {
    check_target(connection, label)?;
    let latest = match entries::by_name(connection, &label.name)? {
        Some(entry) => Some(standing(connection, &label.name, &entry)?),
        None => None,
    };
    set_before(connection, label, latest)
}

fn check_target(connection: &Connection, label: &Label) -> Result<()> {
    match entries::any(connection, &label.cid)? {
        Some(_) => Ok(()),
        None => Err(Error::not_found("the index has no entry of this identifier").with("cid", &label.cid)),
    }
}

/// Whether a label points to a content identifier: one of this name, or any.
pub(super) fn points(connection: &Connection, name: Option<&str>, cid: &str) -> Result<bool> {
    let found = match name {
        Some(name) => {
            connection.prepare_cached(POINTS_BY_NAME).sql()?.query_row([cid, name], |row| row.get(0))
        }
        None => connection.prepare_cached(POINTS).sql()?.query_row([cid], |row| row.get(0)),
    };
    found.sql()
}

/// Reads a row of name, version, content identifier and description.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Label> {
    let mut label = Label::new(row.get::<_, String>(0)?, row.get::<_, String>(2)?);
    label.version = row.get(1)?;
    label.description = row.get(3)?;
    Ok(label)
}
