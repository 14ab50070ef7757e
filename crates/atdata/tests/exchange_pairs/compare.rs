//! Whether a dataset arrived with everything that belongs to it.

use std::collections::BTreeMap;

use atdata::exchange::PROVENANCE_KEY;
use atdata::source::{Registry, UrlSource};
use atdata::{Bytes, CHECKSUMS_KEY, DataSource, Index, IndexEntry, IndexExt, Label, Map};
use atdata_testkit::data::sha256;
use futures::TryStreamExt;

use crate::samples::{Measured, dicts, samples};

/// How shards are to have come along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shards {
    /// As copies under new addresses.
    Copied,
    /// Under the addresses of the source.
    Kept,
}

/// Checks that a target has of a name what a source has: all versions with samples, schemas, labels and metadata.
pub(crate) async fn assert_same(
    source: &dyn Index,
    target: &dyn Index,
    name: &str,
    registry: &Registry,
    shards: Shards,
) {
    let (from, to) = (labels(source, name).await, labels(target, name).await);
    let versions = |labels: &BTreeMap<String, Label>| -> Vec<(String, Option<String>)> {
        labels.values().map(|label| (label.version.clone(), label.description.clone())).collect()
    };
    assert_eq!(versions(&to), versions(&from));
    let mut references = vec![name.to_owned()];
    references.extend(from.keys().map(|version| format!("{name}@{version}")));
    for reference in &references {
        let old = source.get_dataset(reference).await.unwrap();
        let new = target.get_dataset(reference).await.unwrap();
        assert_eq!((old.name(), new.name()), (name, name), "{reference}");
        assert_same_entry(source, target, &*old, &*new, registry, shards).await;
        assert_eq!(dicts(target, reference, registry).await, dicts(source, reference, registry).await);
    }
    // Labels that lead to one dataset in the source lead to one in the target.
    for one in from.values() {
        for other in from.values() {
            let same =
                |labels: &BTreeMap<String, Label>| labels[&one.version].cid == labels[&other.version].cid;
            assert_eq!(same(&to), same(&from), "{} and {}", one.version, other.version);
        }
    }
    let latest = [("", 2), ("@1.0.0", 1), ("@2.0.0", 2), ("@stable", 2), ("@first", 1)];
    for (end, version) in latest {
        let dataset = target.dataset::<Measured>(&format!("{name}{end}"), registry).await.unwrap();
        let read: Vec<Measured> = dataset.ordered().try_collect().await.unwrap();
        assert_eq!(read, samples(version), "{end}");
    }
    let listed: Vec<_> = target.list_datasets(name).try_collect().await.unwrap();
    let listed: Vec<&str> =
        listed.iter().map(|entry| entry.name()).filter(|listed| *listed == name).collect();
    assert_eq!(listed, [name]);
}

async fn labels(index: &dyn Index, name: &str) -> BTreeMap<String, Label> {
    let labels: Vec<Label> = index.list_labels(name).try_collect().await.unwrap();
    let named = labels.into_iter().filter(|label| label.name == name && !label.version.is_empty());
    named.map(|label| (label.version.clone(), label)).collect()
}

async fn assert_same_entry(
    source: &dyn Index,
    target: &dyn Index,
    old: &dyn IndexEntry,
    new: &dyn IndexEntry,
    registry: &Registry,
    shards: Shards,
) {
    // Schemas, but for when they were published.
    let mut schemas = Vec::new();
    for (index, entry) in [(source, old), (target, new)] {
        let mut schema = index.get_schema(entry.schema_ref()).await.unwrap().schema;
        schema.created_at = None;
        schemas.push(schema);
    }
    assert_eq!(schemas[0], schemas[1]);

    assert_eq!(plain(new), plain(old));
    let (before, after) = (bytes(old, registry).await, bytes(new, registry).await);
    assert_eq!(after, before);
    if shards == Shards::Kept {
        assert_eq!(new.data_urls(), old.data_urls());
    }
    for ((old_url, new_url), bytes) in old.data_urls().iter().zip(new.data_urls()).zip(&after) {
        let sum = sha256(bytes);
        assert_eq!(old.checksum(old_url), Some(&*sum));
        assert_eq!(new.checksum(new_url), Some(&*sum), "{new_url}");
    }
    let provenance = new.metadata().unwrap().get(PROVENANCE_KEY).unwrap().as_map().unwrap();
    let said = |key: &str| provenance.get(key).and_then(|value| value.as_str());
    assert_eq!((said("name"), said("cid"), said("uri")), (Some(old.name()), old.cid(), old.uri()));
    assert!(said("time").is_some_and(|time| time.ends_with('Z')));
    assert_eq!(said("content").is_some(), shards == Shards::Copied);
}

/// Metadata, but for addresses and where they come from, in some order.
fn plain(entry: &dyn IndexEntry) -> BTreeMap<String, atdata::Value> {
    let metadata: Map = entry.metadata().cloned().unwrap_or_default();
    let own = |key: &str| key != PROVENANCE_KEY && key != CHECKSUMS_KEY;
    metadata.iter().filter(|(key, _)| own(key)).map(|(key, value)| (key.to_owned(), value.clone())).collect()
}

async fn bytes(entry: &dyn IndexEntry, registry: &Registry) -> Vec<Bytes> {
    let source = UrlSource::of_entry(entry, registry).unwrap();
    let mut all = Vec::new();
    for id in source.list_shards().await.unwrap() {
        all.push(source.open_shard(&id).await.unwrap().into_bytes().await.unwrap());
    }
    all
}
