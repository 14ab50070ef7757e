//! Schemas: the rows of `schemas`.

use atdata_core::schema::{Profile, SampleSchema, SchemaRef, SchemaVersion, check_republication};
use atdata_core::{Error, Result, StoredSchema};
use rusqlite::{Connection, OptionalExtension};

use crate::error::SqlResultExt;

pub(super) const OF_VERSION: &str = "SELECT schema_json FROM schemas WHERE name = ?1 AND version = ?2";
pub(super) const VERSIONS: &str = "SELECT version FROM schemas WHERE name = ?1";

const INSERT: &str = "INSERT INTO schemas (name, version, schema_json) VALUES (?1, ?2, ?3)";

/// Publishes a schema unless it is there. The caller holds a transaction, so that of two processes that publish one
/// version the second sees what the first has written.
pub(super) fn publish(connection: &Connection, schema: &SampleSchema, profile: Profile) -> Result<String> {
    schema.validate()?;
    let version = schema.version.to_string();
    match find(connection, &schema.name, &version)? {
        Some(stored) => check_republication(&stored, schema)?,
        None => {
            let json = schema.to_json()?;
            connection.prepare_cached(INSERT).sql()?.execute([&schema.name, &version, &json]).sql()?;
        }
    }
    Ok(SchemaRef::local(&schema.name, schema.version.clone()).to_text(profile))
}

/// Finds a schema by its reference.
pub(super) fn get(connection: &Connection, reference: &str, profile: Profile) -> Result<StoredSchema> {
    let missing = || Error::not_found("the index has no such schema").with("schema", reference);
    let parsed: SchemaRef = reference.parse()?;
    let name = parsed.name().ok_or_else(missing)?;
    let version = match parsed.version() {
        Some(version) => version.clone(),
        None => versions(connection, name)?.pop().ok_or_else(missing)?,
    };
    stored(connection, name, version, profile)?.ok_or_else(missing)
}

/// Reads a stored schema and makes its reference.
pub(super) fn stored(
    connection: &Connection,
    name: &str,
    version: SchemaVersion,
    profile: Profile,
) -> Result<Option<StoredSchema>> {
    let schema = find(connection, name, &version.to_string())?;
    Ok(schema.map(|schema| StoredSchema::new(SchemaRef::local(name, version).to_text(profile), schema)))
}

/// The versions of a schema, the latest last.
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

fn find(connection: &Connection, name: &str, version: &str) -> Result<Option<SampleSchema>> {
    let mut statement = connection.prepare_cached(OF_VERSION).sql()?;
    let json = statement.query_row([name, version], |row| row.get::<_, String>(0)).optional();
    let schema = json.sql().and_then(|json| json.map(|json| SampleSchema::from_json(&json)).transpose());
    schema.map_err(|error| error.with("schema", name).with("version", version))
}
