//! The collections that records of ours are in.

use atdata_core::schema::Profile;

/// What a record describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Schema,
    Dataset,
    Label,
    Lens,
}

/// A collection, of any generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Collection {
    SampleSchema,
    OldSchema,
    Schema,
    Record,
    Entry,
    OldLabel,
    Label,
    OldLens,
    Lens,
}

const ALL: [(Collection, Kind, &str); 9] = [
    (Collection::SampleSchema, Kind::Schema, "ac.foundation.dataset.sampleSchema"),
    (Collection::OldSchema, Kind::Schema, "ac.foundation.dataset.schema"),
    (Collection::Schema, Kind::Schema, "science.alt.dataset.schema"),
    (Collection::Record, Kind::Dataset, "ac.foundation.dataset.record"),
    (Collection::Entry, Kind::Dataset, "science.alt.dataset.entry"),
    (Collection::OldLabel, Kind::Label, "ac.foundation.dataset.label"),
    (Collection::Label, Kind::Label, "science.alt.dataset.label"),
    (Collection::OldLens, Kind::Lens, "ac.foundation.dataset.lens"),
    (Collection::Lens, Kind::Lens, "science.alt.dataset.lens"),
];

impl Kind {
    pub(crate) const COUNT: usize = 4;

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// The collections that records of this kind are in, the oldest first.
    pub(crate) fn collections(self) -> impl Iterator<Item = Collection> {
        ALL.iter().filter(move |(_, kind, _)| *kind == self).map(|(collection, ..)| *collection)
    }

    /// The collection that a profile writes.
    pub(crate) fn written(self, profile: Profile) -> Collection {
        match (self, profile) {
            (Kind::Schema, Profile::Latest) => Collection::Schema,
            (Kind::Dataset, Profile::Latest) => Collection::Entry,
            (Kind::Label, Profile::Latest) => Collection::Label,
            (Kind::Lens, Profile::Latest) => Collection::Lens,
            (Kind::Schema, _) => Collection::SampleSchema,
            (Kind::Dataset, _) => Collection::Record,
            (Kind::Label, _) => Collection::OldLabel,
            (Kind::Lens, _) => Collection::OldLens,
        }
    }
}

impl Collection {
    fn entry(self) -> Option<&'static (Collection, Kind, &'static str)> {
        ALL.iter().find(|(collection, ..)| *collection == self)
    }

    pub(crate) fn nsid(self) -> &'static str {
        self.entry().map_or("", |(_, _, nsid)| nsid)
    }

    pub(crate) fn kind(self) -> Kind {
        self.entry().map_or(Kind::Dataset, |(_, kind, _)| *kind)
    }

    pub(crate) fn of_nsid(nsid: &str) -> Option<Self> {
        ALL.iter().find(|(_, _, known)| *known == nsid).map(|(collection, ..)| *collection)
    }

    /// Whether a profile's readers in Python read it.
    pub(crate) fn is_of(self, profile: Profile) -> bool {
        self.nsid().starts_with("science.") == (profile == Profile::Latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_collection_has_one_name_and_one_kind() {
        for (collection, kind, nsid) in ALL {
            assert_eq!((collection.nsid(), collection.kind()), (nsid, kind));
            assert_eq!(Collection::of_nsid(nsid), Some(collection));
            assert!(kind.collections().any(|other| other == collection) && kind.index() < Kind::COUNT);
        }
        for kind in [Kind::Schema, Kind::Dataset, Kind::Label, Kind::Lens] {
            for profile in [Profile::Seed, Profile::Latest] {
                let written = kind.written(profile);
                assert!(written.kind() == kind && written.is_of(profile), "{written:?}");
            }
        }
    }
}
