//! Schemas.

use atdata_core::schema::{Profile, SampleSchema, SchemaRef, SchemaVersion, check_republication};
use atdata_core::{Error, Result, StoredSchema};
use bytes::Bytes;

use super::change::{Change, Stage, list};
use super::keys;
use super::server::{Command, Server, utf8};

/// Finds a schema by name and version, under the usual key or that of an old form.
pub(super) async fn find(server: &dyn Server, name: &str, version: &str) -> Result<Option<SampleSchema>> {
    if let Some(schema) = read(server, keys::schema(name, version)).await? {
        return Ok(Some(schema));
    }
    let listed = members(server, keys::SCHEMAS, &keys::pair(name, version)).await?;
    for key in listed.into_iter().filter(|it| it.version == version).filter_map(|it| it.key) {
        if let Some(schema) = read(server, key.into()).await? {
            return Ok(Some(schema));
        }
    }
    Ok(None)
}

async fn read(server: &dyn Server, key: Bytes) -> Result<Option<SampleSchema>> {
    let json = server.call(Command::new("GET", key.clone())).await?.text()?;
    let schema = json.map(|json| SampleSchema::from_json(&json)).transpose();
    schema.map_err(|error| error.with("key", key.escape_ascii()))
}

/// Adds a schema to a change, unless it is published. Returns its reference.
pub(super) async fn publish(
    server: &dyn Server,
    change: &mut Change,
    schema: &SampleSchema,
    profile: Profile,
) -> Result<String> {
    schema.validate()?;
    let version = schema.version.to_string();
    match find(server, &schema.name, &version).await? {
        Some(stored) => check_republication(&stored, schema)?,
        None => {
            let key = keys::schema(&schema.name, &version);
            let json = Bytes::from(schema.to_json()?);
            change.at(Stage::Things, key.clone()).expect_absent(key.clone()).run("SET", [key, json]);
            list(change, keys::SCHEMAS, keys::pair(&schema.name, &version), true);
        }
    }
    Ok(SchemaRef::local(&schema.name, schema.version.clone()).to_text(profile))
}

/// Finds a schema by its reference.
pub(super) async fn get(
    server: &dyn Server,
    reference: &str,
    profile: Profile,
) -> Result<Option<StoredSchema>> {
    let parsed: SchemaRef = reference.parse()?;
    let Some(name) = parsed.name() else { return Ok(None) };
    let mut candidates = match parsed.version() {
        Some(version) => vec![version.clone()],
        None => versions(server, keys::SCHEMAS, name).await?,
    };
    // One that was deleted by hand is listed still.
    while let Some(version) = candidates.pop() {
        if let Some(schema) = find(server, name, &version.to_string()).await? {
            return Ok(Some(StoredSchema::new(SchemaRef::local(name, version).to_text(profile), schema)));
        }
    }
    Ok(None)
}

/// The versions of a schema or a lens that are listed, the latest last.
pub(super) async fn versions(
    server: &dyn Server,
    list: &'static str,
    name: &str,
) -> Result<Vec<SchemaVersion>> {
    let members = members(server, list, &keys::pair(name, "")).await?;
    let mut versions: Vec<_> = members.iter().map(|it| SchemaVersion::from(&*it.version)).collect();
    versions.sort();
    versions.dedup();
    Ok(versions)
}

/// A member of the list of schemas or lenses.
#[derive(Debug, PartialEq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) version: String,
    /// The key, if it is of an old form.
    key: Option<String>,
}

impl Member {
    pub(super) fn parse(member: Bytes) -> Result<Self> {
        let text = utf8(member)?;
        let mut parts = text.splitn(3, '\0').map(str::to_owned);
        let (Some(name), Some(version)) = (parts.next(), parts.next()) else {
            return Err(
                Error::corrupt("a list of schemas or lenses is damaged").with("text", text.escape_debug())
            );
        };
        Ok(Self { name, version, key: parts.next() })
    }
}

/// The members of a list that begin so.
async fn members(server: &dyn Server, list: &'static str, prefix: &str) -> Result<Vec<Member>> {
    let range = Command::new("ZRANGEBYLEX", list).arg(format!("[{prefix}"));
    let end = [b"[", prefix.as_bytes(), b"\xff"].concat();
    let members = server.call(range.arg(end)).await?.list()?;
    let members = members.into_iter().filter_map(|member| member.bytes().transpose());
    members.map(|member| Member::parse(member?)).collect()
}
