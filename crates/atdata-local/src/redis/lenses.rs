//! Lenses.

use atdata_core::lens::{LensRecord, LensRef};
use atdata_core::schema::SchemaVersion;
use atdata_core::{Result, StoredLens};
use bytes::Bytes;

use super::change::{Change, Stage, list};
use super::keys;
use super::schemas::versions;
use super::server::{Command, Server};

/// Finds a lens by name and version. Its key says them.
pub(super) async fn find(
    server: &dyn Server,
    name: &str,
    version: &SchemaVersion,
) -> Result<Option<StoredLens>> {
    let key = keys::lens(name, &version.to_string());
    let json = server.call(Command::new("GET", key.clone())).await?.text()?;
    let read = |json: String| {
        let mut lens = LensRecord::from_json(&json)?;
        (lens.name, lens.version) = (name.to_owned(), version.clone());
        Ok(StoredLens::new(lens.reference().to_string(), lens))
    };
    let lens: Result<_> = json.map(read).transpose();
    lens.map_err(|error| error.with("key", key.escape_ascii()))
}

/// Adds a lens to a change, unless it is published. Returns its reference.
pub(super) async fn publish(server: &dyn Server, change: &mut Change, lens: &LensRecord) -> Result<String> {
    match find(server, &lens.name, &lens.version).await? {
        Some(stored) => stored.record.check_republication(lens)?,
        None => {
            let version = lens.version.to_string();
            let key = keys::lens(&lens.name, &version);
            let json = Bytes::from(lens.to_json()?);
            change.at(Stage::Things, key.clone()).expect_absent(key.clone()).run("SET", [key, json]);
            list(change, keys::LENSES, keys::pair(&lens.name, &version), true);
        }
    }
    Ok(lens.reference().to_string())
}

/// Finds a lens by its reference.
pub(super) async fn get(server: &dyn Server, reference: &LensRef) -> Result<Option<StoredLens>> {
    let Some((name, version)) = reference.in_local_index() else { return Ok(None) };
    let mut candidates = match version {
        Some(version) => vec![version.clone()],
        None => versions(server, keys::LENSES, name).await?,
    };
    // One that was deleted by hand is listed still.
    while let Some(version) = candidates.pop() {
        if let Some(stored) = find(server, name, &version).await? {
            return Ok(Some(stored));
        }
    }
    Ok(None)
}
