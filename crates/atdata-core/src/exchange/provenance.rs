//! Where an entry comes from, and whether two entries are of the same data.

use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::guard;
use crate::shard::hex;
use crate::{CHECKSUMS_KEY, Error, Index, IndexEntry, Map, Result, Value};

/// The metadata key under which a carried entry says where it comes from: a map of
///
/// | key | value |
/// |---|---|
/// | `name` | the name in the source |
/// | `index` | the address of the source index, without secrets; a public index is told only addresses of the network |
/// | `uri`, `cid` | address and identifier of the source's entry, where it has them |
/// | `time` | when, in RFC 3339, UTC |
/// | `content` | the SHA-256, in hex, of the SHA-256s in hex of the source's shards, each followed by a line break |
///
/// What is not known is left out. The key does not count when entries are compared.
pub const PROVENANCE_KEY: &str = "migrated_from";

/// One text for the contents of all shards, if the checksum of each is known.
pub(super) fn content<'s>(checksums: impl IntoIterator<Item = Option<&'s str>>) -> Option<String> {
    let mut hasher = Sha256::new();
    for checksum in checksums {
        hasher.update(checksum?.to_ascii_lowercase());
        hasher.update("\n");
    }
    Some(hex(&hasher.finalize()))
}

/// The metadata for the new entry, without checksums.
pub(super) fn metadata(entry: &dyn IndexEntry, provenance: Option<Map>) -> Option<Map> {
    let mut metadata = entry.metadata().cloned();
    if let Some(metadata) = &mut metadata {
        metadata.remove(CHECKSUMS_KEY);
        metadata.remove(PROVENANCE_KEY);
    }
    if let Some(provenance) = provenance {
        metadata.get_or_insert_default().insert(PROVENANCE_KEY, provenance);
    }
    metadata
}

/// What is said of an entry's origin.
pub(super) fn describe(
    entry: &dyn IndexEntry,
    origin: Option<&str>,
    target: &dyn Index,
    content: Option<String>,
) -> Result<Map> {
    let mut map = Map::default();
    map.insert("name", entry.name());
    if let Some(origin) = origin.and_then(|origin| guard::origin_for(origin, target)) {
        map.insert("index", origin);
    }
    for (key, value) in [("uri", entry.uri()), ("cid", entry.cid())] {
        if let Some(value) = value {
            map.insert(key, value);
        }
    }
    let now = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let now =
        now.format(&Rfc3339).map_err(|error| Error::unexpected("the clock is wrong").with_source(error))?;
    map.insert("time", now);
    if let Some(content) = content {
        map.insert("content", content);
    }
    Ok(map)
}

/// What an entry says of its origin under a key.
pub(super) fn said<'e>(entry: &'e dyn IndexEntry, key: &str) -> Option<&'e str> {
    entry.metadata()?.get(PROVENANCE_KEY)?.as_map()?.get(key)?.as_str()
}

/// Whether two entries say the same besides where the shards are and where they come from.
pub(super) fn same_metadata(one: &dyn IndexEntry, other: &dyn IndexEntry) -> bool {
    let plain = |entry| metadata(entry, None).filter(|metadata: &Map| !metadata.is_empty());
    let sorted = |map: Option<Map>| {
        let mut pairs: Vec<(String, Value)> = map.into_iter().flatten().collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs
    };
    sorted(plain(one)) == sorted(plain(other))
}
