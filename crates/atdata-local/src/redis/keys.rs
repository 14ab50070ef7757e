//! The names of keys.
//!
//! Keys of Python begin with [`ENTRY`], [`LABEL`], [`SCHEMA`] and [`LENS`]; ours with `atdata:`, which Python does not look at.

use bytes::Bytes;

/// Hash: an entry, by its content identifier.
pub(super) const ENTRY: &str = "LocalDatasetEntry:";
/// Hash: a label, by name and version.
pub(super) const LABEL: &str = "Label:";
/// String: the JSON of a schema, by name and version.
pub(super) const SCHEMA: &str = "LocalSchema:";
/// String: the JSON of a lens, by name and version.
pub(super) const LENS: &str = "LocalLens:";
/// A pattern that all keys of Python match, and none of ours.
pub(super) const PYTHON: &str = "L*";

/// Sorted set: the names of datasets.
pub(super) const NAMES: &str = "atdata:names";
/// Sorted set: names and versions of labels, see [`pair`].
pub(super) const LABELS: &str = "atdata:labels";
/// Sorted set: names and versions of schemas, see [`pair`]; behind another zero byte the key, where it is of an old form.
pub(super) const SCHEMAS: &str = "atdata:schemas";
/// Sorted set: names and versions of lenses, see [`pair`].
pub(super) const LENSES: &str = "atdata:lenses";
/// Hash: `keys`, how many keys the database has as far as we know; `scanned`, when all were looked at; `surveys`, how often.
pub(super) const STATE: &str = "atdata:index";

pub(super) fn entry(cid: &str) -> Bytes {
    format!("{ENTRY}{cid}").into()
}

pub(super) fn label(name: &str, version: &str) -> Bytes {
    format!("{LABEL}{name}@{version}").into()
}

pub(super) fn schema(name: &str, version: &str) -> Bytes {
    format!("{SCHEMA}{name}@{version}").into()
}

pub(super) fn lens(name: &str, version: &str) -> Bytes {
    format!("{LENS}{name}@{version}").into()
}

/// Hash: what is known of a name, see [`Record`](super::record::Record).
pub(super) fn record(name: &str) -> Bytes {
    format!("atdata:name:{name}").into()
}

/// Hash: what refers to an entry, see [`References`](super::record::References). In a cluster it is where the entry is.
pub(super) fn references(cid: &str) -> Bytes {
    format!("atdata:entry:{{{ENTRY}{cid}}}").into()
}

/// Two texts in one that sorts as they do: names have no control characters.
pub(super) fn pair(name: &str, version: &str) -> String {
    format!("{name}\0{version}")
}

/// The version of a label's key, where the hash does not say: behind the last `@`.
pub(super) fn label_of(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix(LABEL)?.rsplit_once('@')
}

/// Name and version of a schema's key. Old keys have the module before the name.
pub(super) fn schema_of(key: &str) -> Option<(&str, &str)> {
    let (name, version) = key.strip_prefix(SCHEMA)?.rsplit_once('@')?;
    Some((name.rsplit_once('.').map_or(name, |(_, last)| last), version))
}

/// Name and version of a lens's key.
pub(super) fn lens_of(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix(LENS)?.rsplit_once('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_apart_as_python_does() {
        assert_eq!(label_of("Label:a@b@1"), Some(("a@b", "1")));
        assert_eq!(label_of("Label:a@"), Some(("a", "")));
        assert_eq!(label_of("Label:a"), None);
        assert_eq!(schema_of("LocalSchema:pkg.mod.A@1.0.0"), Some(("A", "1.0.0")));
        assert_eq!(schema_of("LocalSchema:A"), None);
        assert_eq!(lens_of("LocalLens:a.b@c@1.0.0"), Some(("a.b@c", "1.0.0")));
    }

    #[test]
    fn references_are_where_their_entry_is() {
        let key = String::from_utf8(references("bafy").to_vec()).unwrap();
        let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).unwrap().0;
        assert_eq!(tag.as_bytes(), &entry("bafy")[..]);
    }
}
