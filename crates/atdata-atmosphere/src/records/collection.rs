//! The collections that records are in.

use std::fmt;

use atdata_core::schema::Profile;
use serde_json::Value as Json;

/// What a record is about.
///
/// ```
/// use atdata_atmosphere::records::{Collection, RecordKind};
///
/// let nsids: Vec<_> = Collection::read(RecordKind::Dataset).map(|collection| collection.nsid()).collect();
/// assert_eq!(nsids, ["science.alt.dataset.entry", "ac.foundation.dataset.record"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// The fields of samples.
    Schema,
    /// A dataset: its schema and where its shards are.
    Dataset,
    /// A name for a dataset.
    Label,
    /// Code between two schemas.
    Lens,
    /// Somebody's word for a lens.
    LensVerification,
}

/// Which versions of Python `atdata` write a collection.
///
/// ```
/// use atdata_atmosphere::records::Generation;
///
/// assert!(Generation::Seed < Generation::Latest);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Generation {
    /// Up to 0.2; datasets and lenses up to 0.5, which cannot be told apart by their collection.
    Seed,
    /// 0.3.1 to 0.5, the collections that came with them.
    Middle,
    /// From 0.6 on.
    Latest,
}

/// A collection that is read.
///
/// ```
/// use atdata_atmosphere::records::{Collection, Generation, RecordKind};
///
/// let record = serde_json::json!({"$type": "ac.foundation.dataset.record"});
/// let collection = Collection::of(&record).unwrap();
/// assert_eq!((collection.kind(), collection.generation()), (RecordKind::Dataset, Generation::Seed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Collection {
    nsid: &'static str,
    kind: RecordKind,
    generation: Generation,
}

const fn collection(nsid: &'static str, kind: RecordKind, generation: Generation) -> Collection {
    Collection { nsid, kind, generation }
}

impl Collection {
    /// All collections that are read, the newest first.
    pub const ALL: [Collection; 10] = [
        collection("science.alt.dataset.schema", RecordKind::Schema, Generation::Latest),
        collection("science.alt.dataset.entry", RecordKind::Dataset, Generation::Latest),
        collection("science.alt.dataset.label", RecordKind::Label, Generation::Latest),
        collection("science.alt.dataset.lens", RecordKind::Lens, Generation::Latest),
        collection("science.alt.dataset.lensVerification", RecordKind::LensVerification, Generation::Latest),
        collection("ac.foundation.dataset.schema", RecordKind::Schema, Generation::Middle),
        collection("ac.foundation.dataset.label", RecordKind::Label, Generation::Middle),
        collection("ac.foundation.dataset.sampleSchema", RecordKind::Schema, Generation::Seed),
        collection("ac.foundation.dataset.record", RecordKind::Dataset, Generation::Seed),
        collection("ac.foundation.dataset.lens", RecordKind::Lens, Generation::Seed),
    ];

    /// The collections that hold records of a kind, the newest first.
    pub fn read(kind: RecordKind) -> impl Iterator<Item = Collection> {
        Self::ALL.into_iter().filter(move |collection| collection.kind == kind)
    }

    /// The NSID of the collection that a profile writes records of a kind to. Verifications exist in one namespace
    /// only.
    pub const fn written(kind: RecordKind, profile: Profile) -> &'static str {
        let seed = matches!(profile, Profile::Seed);
        match kind {
            RecordKind::Schema => profile.schema_collection(),
            RecordKind::Dataset if seed => "ac.foundation.dataset.record",
            RecordKind::Dataset => "science.alt.dataset.entry",
            RecordKind::Label if seed => "ac.foundation.dataset.label",
            RecordKind::Label => "science.alt.dataset.label",
            RecordKind::Lens if seed => "ac.foundation.dataset.lens",
            RecordKind::Lens => "science.alt.dataset.lens",
            RecordKind::LensVerification => "science.alt.dataset.lensVerification",
        }
    }

    /// The collection of an NSID, if it is read.
    pub fn from_nsid(nsid: &str) -> Option<Collection> {
        Self::ALL.into_iter().find(|collection| collection.nsid == nsid)
    }

    /// The collection that a record says it belongs to, by its `$type`.
    pub fn of(record: &Json) -> Option<Collection> {
        Self::from_nsid(record.get("$type")?.as_str()?)
    }

    /// The collection's name.
    pub const fn nsid(&self) -> &'static str {
        self.nsid
    }

    /// What its records are about.
    pub const fn kind(&self) -> RecordKind {
        self.kind
    }

    /// Who writes it.
    pub const fn generation(&self) -> Generation {
        self.generation
    }
}

impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.nsid)
    }
}

/// The namespace of the lexicons of a profile.
pub(super) const fn namespace(profile: Profile) -> &'static str {
    match profile {
        Profile::Latest => "science.alt.dataset",
        _ => "ac.foundation.dataset",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for profile in [Profile::Seed, Profile::Latest] {
            for collection in Collection::ALL {
                let written = Collection::from_nsid(Collection::written(collection.kind(), profile)).unwrap();
                assert_eq!(written.kind(), collection.kind());
                let only_one = collection.kind() == RecordKind::LensVerification;
                assert!(only_one || written.nsid().starts_with(namespace(profile)));
            }
        }
    }
}
