//! Lenses: the rows of `lenses`.

use atdata_core::lens::{LensRecord, LensRef};
use atdata_core::schema::SchemaVersion;
use atdata_core::{Error, Result, StoredLens};
use rusqlite::{Connection, OptionalExtension};

use crate::error::SqlResultExt;

pub(super) const OF_VERSION: &str = "SELECT lens_json FROM lenses WHERE name = ?1 AND version = ?2";
pub(super) const VERSIONS: &str = "SELECT version FROM lenses WHERE name = ?1";

const INSERT: &str = "INSERT INTO lenses (name, version, lens_json) VALUES (?1, ?2, ?3)";

/// Publishes a lens unless it is there. The caller holds a transaction, so that of two processes that publish one version
/// the second sees what the first has written.
pub(super) fn publish(connection: &Connection, lens: &LensRecord) -> Result<String> {
    lens.validate()?;
    let version = lens.version.to_string();
    match find(connection, &lens.name, &version)? {
        Some(stored) => stored.check_republication(lens)?,
        None => {
            let json = lens.to_json()?;
            connection.prepare_cached(INSERT).sql()?.execute([&lens.name, &version, &json]).sql()?;
        }
    }
    Ok(lens.reference().to_string())
}

/// Finds a lens by its reference.
pub(super) fn get(connection: &Connection, reference: &str) -> Result<StoredLens> {
    let missing = || Error::not_found("the index has no such lens").with("lens", reference);
    let parsed: LensRef = reference.parse()?;
    let (name, version) = parsed.in_local_index().ok_or_else(missing)?;
    let version = match version {
        Some(version) => version.clone(),
        None => versions(connection, name)?.pop().ok_or_else(missing)?,
    };
    stored(connection, name, &version)?.ok_or_else(missing)
}

/// Reads a stored lens and makes its reference. Its key says name and version.
pub(super) fn stored(
    connection: &Connection,
    name: &str,
    version: &SchemaVersion,
) -> Result<Option<StoredLens>> {
    let lens = find(connection, name, &version.to_string())?;
    Ok(lens.map(|lens| StoredLens::new(lens.reference().to_string(), lens)))
}

/// The versions of a lens, the latest last.
pub(super) fn versions(connection: &Connection, name: &str) -> Result<Vec<SchemaVersion>> {
    let mut statement = connection.prepare_cached(VERSIONS).sql()?;
    let texts = statement.query_map([name], |row| row.get::<_, String>(0)).sql()?;
    let mut versions: Vec<SchemaVersion> = texts
        .map(|text| text.map(|text| SchemaVersion::from(text.as_str())))
        .collect::<Result<_, _>>()
        .sql()?;
    versions.sort();
    Ok(versions)
}

fn find(connection: &Connection, name: &str, version: &str) -> Result<Option<LensRecord>> {
    let mut statement = connection.prepare_cached(OF_VERSION).sql()?;
    let json = statement.query_row([name, version], |row| row.get::<_, String>(0)).optional();
    let read = |json: String| {
        let mut lens = LensRecord::from_json(&json)?;
        (lens.name, lens.version) = (name.to_owned(), SchemaVersion::from(version));
        Ok(lens)
    };
    let lens = json.sql().and_then(|json| json.map(read).transpose());
    lens.map_err(|error| error.with("lens", name).with("version", version))
}
