//! Dataset records.

use std::collections::HashMap;

use atdata_core::schema::Profile;
use atdata_core::{CHECKSUMS_KEY, Error, Map, Result, ResultExt, Value};
use serde_json::Value as Json;
use time::OffsetDateTime;

use super::checksum::is_digest;
use super::member::{Members, Writing, check_count, check_length};
use super::{Collection, ManifestRef, RecordKind, Storage, limits, metadata};

/// A dataset: its schema and where its shards are.
///
/// ```
/// use atdata_atmosphere::records::{DatasetRecord, Storage, UrlShard};
/// use atdata_core::schema::{Profile, parse_time};
///
/// let storage = Storage::from_urls(vec![UrlShard::new("https://host/digits.tar")]);
/// let mut record = DatasetRecord::new("digits", "at://did:plc:a/ac.foundation.dataset.sampleSchema/3k", storage);
/// record.created_at = parse_time("2026-11-22T07:06:38Z");
/// for profile in [Profile::Seed, Profile::Latest] {
///     assert_eq!(DatasetRecord::from_json(&record.to_json(profile)?)?, record);
/// }
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DatasetRecord {
    /// The dataset's name.
    pub name: String,
    /// The address of its schema's record. Strangers may write any text.
    pub schema_ref: String,
    /// Where the shards are.
    pub storage: Storage,
    /// When the dataset was published; `None` if the record does not say it in a form that can be read.
    pub created_at: Option<OffsetDateTime>,
    /// What the dataset is, in words.
    pub description: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// The licence: an SPDX identifier or a URL.
    pub license: Option<String>,
    /// How large it is.
    pub size: Option<DatasetSize>,
    /// Free-form metadata, as the record has them: checksums that stand beside the shards are not among them. See
    /// [`DatasetRecord::entry_metadata`].
    pub metadata: Option<Map>,
    /// The address of the schema of `content_metadata`.
    pub metadata_schema_ref: Option<String>,
    /// Values that hold for the whole dataset.
    pub content_metadata: Option<Map>,
    /// The manifests of the shards, by position.
    pub manifests: Vec<ManifestRef>,
}

/// How large a dataset is.
///
/// ```
/// use atdata_atmosphere::records::DatasetSize;
///
/// assert_eq!(DatasetSize { samples: Some(3), ..DatasetSize::default() }.bytes, None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatasetSize {
    /// The number of samples.
    pub samples: Option<u64>,
    /// The number of bytes in all shards.
    pub bytes: Option<u64>,
    /// The number of shards.
    pub shards: Option<u64>,
}

impl DatasetRecord {
    /// A dataset of which nothing more is said. Set the time of publication before it is written.
    pub fn new(name: impl Into<String>, schema_ref: impl Into<String>, storage: Storage) -> Self {
        Self {
            name: name.into(),
            schema_ref: schema_ref.into(),
            storage,
            created_at: None,
            description: None,
            tags: Vec::new(),
            license: None,
            size: None,
            metadata: None,
            metadata_schema_ref: None,
            content_metadata: None,
            manifests: Vec::new(),
        }
    }

    /// The addresses of the shards; `did` is that of the repository that holds the record.
    pub fn data_urls(&self, did: &str) -> Vec<String> {
        self.storage.data_urls(did)
    }

    /// The metadata of the entry that this record stands for: its own, with the checksums of the shards by address
    /// under [`CHECKSUMS_KEY`]. A record that has such a table of its own keeps it as it is.
    pub fn entry_metadata(&self, did: &str) -> Option<Map> {
        if self.metadata.as_ref().is_some_and(has_table) {
            return self.metadata.clone();
        }
        let table = self.checksum_table(did);
        if table.is_empty() {
            return self.metadata.clone();
        }
        let mut metadata = self.metadata.clone().unwrap_or_default();
        metadata.insert(CHECKSUMS_KEY, table);
        Some(metadata)
    }

    /// Sets the metadata of the entry that this record is to stand for. Checksums go beside the shards, if
    /// [`DatasetRecord::entry_metadata`] then gives exactly the same metadata back, else they stay where they are.
    #[must_use]
    pub fn with_entry_metadata(mut self, did: &str, metadata: Option<Map>) -> Self {
        let table = metadata.as_ref().and_then(|metadata| metadata.get(CHECKSUMS_KEY)?.as_map().cloned());
        let Some(table) = table else {
            self.metadata = metadata;
            return self;
        };
        let digests: HashMap<&str, &str> = table
            .iter()
            .filter_map(|(url, digest)| Some((url, digest.as_str().filter(|digest| is_digest(digest))?)))
            .collect();
        let of_shards = self.data_urls(did);
        let of_shards =
            of_shards.iter().map(|url| digests.get(url.as_str()).map(|digest| (*digest).to_owned()));
        self.storage.set_sha256(of_shards.collect());
        let last = metadata.as_ref().and_then(|metadata| metadata.keys().last()) == Some(CHECKSUMS_KEY);
        if last && !table.is_empty() && self.checksum_table(did) == table {
            let mut metadata = metadata.unwrap_or_default();
            metadata.remove(CHECKSUMS_KEY);
            self.metadata = Some(metadata).filter(|metadata| !metadata.is_empty());
        } else {
            self.metadata = metadata;
        }
        self
    }

    /// The known checksums by address.
    fn checksum_table(&self, did: &str) -> Map {
        let pairs = self.data_urls(did).into_iter().zip(self.storage.sha256());
        pairs.filter_map(|(url, digest)| Some((url, digest?))).collect()
    }

    /// Reads a dataset record of any generation.
    ///
    /// # Errors
    /// `Corrupt` for a record of another kind and for members that are missing or of the wrong type, `Unsupported` for
    /// a storage that is not known.
    pub fn from_json(json: &Json) -> Result<Self> {
        let members = Members::of_record(json, RecordKind::Dataset)?;
        let name = members.required("name")?;
        let read = || {
            let storage = members.read("storage", Storage::from_json)?;
            Ok::<_, Error>(Self {
                name: name.clone(),
                schema_ref: members.required("schemaRef")?,
                storage: storage.ok_or_else(|| super::member::missing("storage"))?,
                created_at: members.created_at(),
                description: members.owned("description")?,
                tags: members.texts("tags")?,
                license: members.owned("license")?,
                size: members.read("size", DatasetSize::from_json)?,
                metadata: members.read("metadata", metadata::from_json)?.flatten(),
                metadata_schema_ref: members.owned("metadataSchemaRef")?,
                content_metadata: members.map("contentMetadata")?,
                manifests: members
                    .list("manifests")?
                    .iter()
                    .map(ManifestRef::from_json)
                    .collect::<Result<_>>()
                    .context("member", "manifests")?,
            })
        };
        read().context("dataset", &name)
    }

    /// Writes the record in the form of a profile.
    ///
    /// # Errors
    /// `Invalid`, naming the member: a time of publication that is missing, an address that is none, a text or list
    /// beyond the limit of the lexicon, content metadata that records cannot have (floats).
    pub fn to_json(&self, profile: Profile) -> Result<Json> {
        self.write(profile).context("dataset", &self.name)
    }

    fn write(&self, profile: Profile) -> Result<Json> {
        let mut record = Writing::typed(Collection::written(RecordKind::Dataset, profile));
        record.text("name", &self.name, limits::NAME)?;
        record.at_uri("schemaRef", &self.schema_ref)?;
        record.insert("storage", self.storage.to_json(profile).context("member", "storage")?);
        record.created_at(self.created_at)?;
        record.optional("description", self.description.as_deref(), limits::DESCRIPTION)?;
        check_count("tags", self.tags.len(), limits::TAGS)?;
        self.tags.iter().try_for_each(|tag| check_length("tags", tag, limits::TAG))?;
        if profile != Profile::Seed || !self.tags.is_empty() {
            record.insert("tags", self.tags.as_slice());
        }
        record.optional("license", self.license.as_deref(), limits::LICENSE)?;
        if let Some(size) = &self.size {
            record.insert("size", size.to_json()?);
        }
        if let Some(metadata) = &self.metadata {
            record.insert("metadata", metadata::to_json(metadata, profile)?);
        }
        if let Some(uri) = &self.metadata_schema_ref {
            record.at_uri("metadataSchemaRef", uri)?;
        }
        record.map("contentMetadata", self.content_metadata.as_ref())?;
        check_count("manifests", self.manifests.len(), limits::MANIFESTS)?;
        if !self.manifests.is_empty() {
            let manifests: Result<Vec<Json>> = self.manifests.iter().map(ManifestRef::to_json).collect();
            record.insert("manifests", manifests.context("member", "manifests")?);
        }
        Ok(record.finish())
    }
}

fn has_table(metadata: &Map) -> bool {
    matches!(metadata.get(CHECKSUMS_KEY), Some(Value::Map(_)))
}

impl DatasetSize {
    fn from_json(json: &Json) -> Result<Self> {
        let members = Members::of(json, "the size of a dataset")?;
        Ok(Self {
            samples: members.integer("samples")?,
            bytes: members.integer("bytes")?,
            shards: members.integer("shards")?,
        })
    }

    fn to_json(self) -> Result<Json> {
        let mut object = Writing::default();
        object.integer("samples", self.samples)?;
        object.integer("bytes", self.bytes)?;
        object.integer("shards", self.shards)?;
        Ok(object.finish())
    }
}
