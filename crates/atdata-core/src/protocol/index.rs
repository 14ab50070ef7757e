//! The `Index` protocol.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use time::OffsetDateTime;

use super::entry::with_checksums;
use super::{IndexEntry, StoredShard};
use crate::dataset::Dataset;
use crate::lens::LensRecord;
use crate::schema::SampleSchema;
use crate::source::Registry;
use crate::{DictSample, Error, Map, Packable, Result, ResultExt};

/// What an index does when a name is taken already.
///
/// ```
/// assert_eq!(atdata_core::IfExists::default(), atdata_core::IfExists::Fail);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfExists {
    /// Refuse with [`AlreadyExists`](crate::ErrorKind::AlreadyExists), unless the entry there is equal: inserting
    /// the same thing twice is safe.
    #[default]
    Fail,
    /// The name stands for the new entry from now on. The old one stays reachable through labels with a version that
    /// point to it, and is forgotten otherwise.
    Replace,
}

/// The schema of a dataset that is inserted.
///
/// ```
/// use atdata_core::SchemaSpec;
///
/// let spec = SchemaSpec::from("atdata://local/schema/Digit@1.0.0");
/// assert!(matches!(spec, SchemaSpec::Ref(_)));
/// ```
#[derive(Clone, Debug)]
pub enum SchemaSpec {
    /// A whole schema: published along with the dataset if the index does not have it.
    Schema(Box<SampleSchema>),
    /// A reference, taken as it is.
    Ref(String),
}

impl From<SampleSchema> for SchemaSpec {
    fn from(schema: SampleSchema) -> Self {
        SchemaSpec::Schema(Box::new(schema))
    }
}

impl From<&str> for SchemaSpec {
    fn from(reference: &str) -> Self {
        SchemaSpec::Ref(reference.to_owned())
    }
}

/// A dataset to be inserted into an index.
///
/// ```
/// use atdata_core::{IfExists, NewDataset};
///
/// let new = NewDataset::new("digits", "Digit@1.0.0", vec!["file:///data/digits.tar".into()])
///     .with_version("1.0.0")
///     .with_if_exists(IfExists::Replace);
/// assert_eq!(new.name, "digits");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewDataset {
    /// The name: any text without control characters, up to 512 bytes, that does not begin like a reference (`@`,
    /// `local/`, `atdata://`, `at://`).
    pub name: String,
    /// The schema.
    pub schema: SchemaSpec,
    /// The addresses of the shards, in order.
    pub data_urls: Vec<String>,
    /// Free-form metadata.
    pub metadata: Option<Map>,
    /// A version to label the dataset with, besides the name itself.
    pub version: Option<String>,
    /// What to do when the name is taken.
    pub if_exists: IfExists,
    /// Whether it is an older dataset of its name: if the name stands for a dataset already, it goes on standing for that
    /// one, at every moment, and the version alone leads to this one. `if_exists` is then about the version.
    pub is_older: bool,
}

impl NewDataset {
    /// A dataset without metadata, which must not exist yet.
    pub fn new(name: impl Into<String>, schema: impl Into<SchemaSpec>, data_urls: Vec<String>) -> Self {
        Self {
            name: name.into(),
            schema: schema.into(),
            data_urls,
            metadata: None,
            version: None,
            if_exists: IfExists::default(),
            is_older: false,
        }
    }

    /// A dataset over shards that a [`DataStore`](super::DataStore) has just written; their checksums go into the
    /// metadata.
    pub fn from_shards(
        name: impl Into<String>,
        schema: impl Into<SchemaSpec>,
        shards: Vec<StoredShard>,
    ) -> Self {
        Self::new(name, schema, Vec::new()).with_shards(shards)
    }

    /// Sets the shards, and their checksums in the metadata.
    #[must_use]
    pub fn with_shards(mut self, shards: Vec<StoredShard>) -> Self {
        self.data_urls = shards.iter().map(|shard| shard.url.clone()).collect();
        let checksums = shards.into_iter().filter_map(|shard| Some((shard.url, shard.sha256?))).collect();
        self.metadata = with_checksums(self.metadata, checksums);
        self
    }

    /// Sets the metadata; checksums that are there already are kept.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Map) -> Self {
        let checksums = self.metadata.as_mut().and_then(|old| old.remove(super::CHECKSUMS_KEY));
        let mut metadata = metadata;
        if let Some(checksums) = checksums {
            metadata.insert(super::CHECKSUMS_KEY, checksums);
        }
        self.metadata = Some(metadata);
        self
    }

    /// Sets the version to label the dataset with.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Sets what to do when the name is taken.
    #[must_use]
    pub fn with_if_exists(mut self, if_exists: IfExists) -> Self {
        self.if_exists = if_exists;
        self
    }

    /// Makes it an [older](Self::is_older) dataset of its name, which needs a version.
    ///
    /// ```
    /// use atdata_core::{Index, MemoryIndex, NewDataset};
    ///
    /// # futures::executor::block_on(async {
    /// let index = MemoryIndex::new();
    /// index.insert_dataset(NewDataset::new("digits", "Digit@1.0.0", vec!["new.tar".into()])).await?;
    /// let old = NewDataset::new("digits", "Digit@1.0.0", vec!["old.tar".into()]).with_version("1.0.0");
    /// index.insert_dataset(old.as_older()).await?;
    /// assert_eq!(index.get_dataset("digits").await?.data_urls(), ["new.tar"]);
    /// assert_eq!(index.get_dataset("digits@1.0.0").await?.data_urls(), ["old.tar"]);
    /// # Ok::<(), atdata_core::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn as_older(mut self) -> Self {
        self.is_older = true;
        self
    }

    /// Checks name and version.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): a name that is empty, too long, has a control character or begins like a
    /// reference; a version that is not 1 to 64 letters, digits and `. - _ +`; an older dataset without a version.
    pub fn validate(&self) -> Result<()> {
        validate_name(&self.name)?;
        match &self.version {
            Some(version) => validate_version(version),
            None if self.is_older => Err(needs_version(&self.name)),
            None => Ok(()),
        }
    }
}

fn needs_version(name: &str) -> Error {
    Error::invalid("what is older than the dataset that a name stands for needs a version").with("name", name)
}

/// The longest name of a dataset or label, in bytes.
const MAX_NAME: usize = 512;

/// How references begin that are more than a name; see [`DatasetRef`](super::DatasetRef).
const REFERENCES: [&str; 4] = ["@", "local/", "atdata://", "at://"];

/// Checks the name of a dataset or label: not empty, at most 512 bytes, no control characters, and not the beginning of
/// a reference, by which it could never be found.
pub(crate) fn validate_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::invalid("a dataset needs a name"));
    }
    if name.len() > MAX_NAME {
        return Err(Error::invalid(format!(
            "the name has {} bytes, at most {MAX_NAME} are allowed",
            name.len()
        )));
    }
    if name.chars().any(char::is_control) {
        return Err(Error::invalid("a name has no control characters").with("name", name.escape_debug()));
    }
    if let Some(start) = REFERENCES.iter().find(|start| name.starts_with(**start)) {
        return Err(Error::invalid(format!("a name does not begin with {start:?}, as references do"))
            .with("name", name));
    }
    Ok(())
}

pub(crate) fn validate_version(version: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    if version.is_empty() || version.len() > 64 || !version.chars().all(allowed) {
        return Err(
            Error::invalid("a version is 1 to 64 letters, digits and . - _ +").with("version", version)
        );
    }
    Ok(())
}

/// A name, possibly with a version, that points to an entry by its content identifier.
///
/// ```
/// let label = atdata_core::Label::new("digits", "bafy…").with_version("1.0.0");
/// label.validate()?;
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Label {
    /// The name.
    pub name: String,
    /// The version; empty for the label that stands for the name alone.
    pub version: String,
    /// The content identifier of the entry.
    pub cid: String,
    /// What the label means, in words.
    pub description: Option<String>,
}

impl Label {
    /// A label without a version.
    pub fn new(name: impl Into<String>, cid: impl Into<String>) -> Self {
        Self { name: name.into(), version: String::new(), cid: cid.into(), description: None }
    }

    /// Sets the version.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets the description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Checks name and version.
    ///
    /// # Errors
    /// As [`NewDataset::validate`].
    pub fn validate(&self) -> Result<()> {
        validate_name(&self.name)?;
        if self.version.is_empty() { Ok(()) } else { validate_version(&self.version) }
    }

    /// The label that has to be set again, or anew, if `self` is set as an [older](Index::set_older_label) one, so that
    /// the name goes on standing for what `latest` leads to, the label of the name that was set last.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if `self` has no version, and it is such a label by which the name stands
    /// for something else.
    pub fn kept_by(&self, latest: Label) -> Result<Option<Label>> {
        match (latest.version == self.version, latest.cid == self.cid) {
            (false, _) => Ok(Some(latest)),
            (true, true) => Ok(None),
            (true, false) if self.version.is_empty() => Err(needs_version(&self.name)),
            (true, false) => Ok(Some(Self::new(latest.name, latest.cid))),
        }
    }
}

/// A label, and when it was set.
///
/// ```
/// use atdata_core::{DatedLabel, Label};
///
/// let dated = DatedLabel::new(Label::new("digits", "bafy…"), None);
/// assert_eq!(dated.label.name, "digits");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatedLabel {
    /// The label as it is now.
    pub label: Label,
    /// When it was set, by the clock of whoever set it; nothing where that is not known.
    pub set_at: Option<OffsetDateTime>,
}

impl DatedLabel {
    /// Joins the two.
    pub fn new(label: Label, set_at: Option<OffsetDateTime>) -> Self {
        Self { label, set_at }
    }
}

/// A schema and the reference under which an index keeps it.
///
/// ```
/// use atdata_core::StoredSchema;
/// use atdata_core::schema::SampleSchema;
///
/// let stored = StoredSchema::new("atdata://local/schema/Digit@1.0.0", SampleSchema::new("Digit"));
/// assert_eq!(stored.schema.name, "Digit");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StoredSchema {
    /// The reference, in the index's own form.
    pub reference: String,
    /// The schema.
    pub schema: SampleSchema,
}

impl StoredSchema {
    /// Joins the two.
    pub fn new(reference: impl Into<String>, schema: SampleSchema) -> Self {
        Self { reference: reference.into(), schema }
    }
}

/// A lens and the reference under which an index keeps it.
///
/// ```
/// use atdata_core::lens::{LensBody, LensRecord};
/// use atdata_core::StoredLens;
///
/// let record = LensRecord::new("grey", "1.0.0", "Colour", "Grey", LensBody::Opaque);
/// assert_eq!(StoredLens::new("atdata://local/lens/grey@1.0.0", record).record.name, "grey");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StoredLens {
    /// The reference, in the index's own form.
    pub reference: String,
    /// What the index has of the lens.
    pub record: LensRecord,
}

impl StoredLens {
    /// Joins the two.
    pub fn new(reference: impl Into<String>, record: LensRecord) -> Self {
        Self { reference: reference.into(), record }
    }
}

/// Where datasets, schemas, labels and lenses are registered.
///
/// A name stands for one dataset at a time. Two names may hold the same shards. Look-ups by name, by label and by
/// content identifier cost the same at any size of the index.
///
/// ```
/// use atdata_core::{Index, MemoryIndex, NewDataset};
/// use futures::{StreamExt, TryStreamExt};
///
/// async fn names(index: &dyn Index) -> atdata_core::Result<Vec<String>> {
///     index.list_datasets("").map(|entry| Ok(entry?.name().to_owned())).try_collect().await
/// }
///
/// # futures::executor::block_on(async {
/// let index = MemoryIndex::new();
/// index.insert_dataset(NewDataset::new("digits", "Digit@1.0.0", vec!["a.tar".into()])).await?;
/// assert_eq!(names(&index).await?, ["digits"]);
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[async_trait]
pub trait Index: fmt::Debug + Send + Sync + 'static {
    /// Registers a dataset: its schema if that is given whole and absent, the entry, the label of its name and, if
    /// there is one, that of its version; all of them or nothing.
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if the name stands for another dataset and
    /// [`IfExists::Fail`] is set; [`Conflict`](crate::ErrorKind::Conflict) if the schema's version is published with
    /// other fields; [`Invalid`](crate::ErrorKind::Invalid) for a bad name.
    async fn insert_dataset(&self, new: NewDataset) -> Result<Arc<dyn IndexEntry>>;

    /// Finds a dataset by name, `name@version`, content identifier, or a reference of [`DatasetRef`](super::DatasetRef).
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    async fn get_dataset(&self, reference: &str) -> Result<Arc<dyn IndexEntry>>;

    /// All datasets whose name begins with `prefix`, by name, each once. Memory stays bounded whatever their number;
    /// an entry that is there from the beginning of the listing to its end is listed.
    fn list_datasets(&self, prefix: &str) -> BoxStream<'_, Result<Arc<dyn IndexEntry>>>;

    /// Publishes a schema under its own version and returns its reference. Publishing the same fields again is no
    /// change.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) if the version is published with other fields, whose difference the
    /// message shows; [`Invalid`](crate::ErrorKind::Invalid) if the schema is malformed.
    async fn publish_schema(&self, schema: &SampleSchema) -> Result<String>;

    /// Finds a schema by a reference of any form; without a version it is the latest.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound), or [`Invalid`](crate::ErrorKind::Invalid) for a malformed reference.
    async fn get_schema(&self, reference: &str) -> Result<StoredSchema>;

    /// All schemas whose name begins with `prefix`, by name and version.
    fn list_schemas(&self, prefix: &str) -> BoxStream<'_, Result<StoredSchema>>;

    /// Sets a label, replacing the one of the same name and version.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if no entry has the label's identifier.
    async fn set_label(&self, label: &Label) -> Result<()>;

    /// Sets a label as [`set_label`](Self::set_label) does, but the name goes on standing for what it stands for, if it
    /// stands for anything. If nothing else is implemented, the label that was set last is set again after it, and the
    /// name stands for something else for a moment.
    ///
    /// # Errors
    /// As [`set_label`](Self::set_label); [`Invalid`](crate::ErrorKind::Invalid) for a label without a version, if it is
    /// that one by which the name stands for something else.
    async fn set_older_label(&self, label: &Label) -> Result<()> {
        let latest = match self.get_label(&label.name, None).await {
            Ok(latest) => label.kept_by(latest)?,
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        self.set_label(label).await?;
        match latest {
            Some(latest) => self.set_label(&latest).await,
            None => Ok(()),
        }
    }

    /// Finds a label. Without a version it is the one set last, whatever its version.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    async fn get_label(&self, name: &str, version: Option<&str>) -> Result<Label>;

    /// All labels whose name begins with `prefix`, by name and version.
    fn list_labels(&self, prefix: &str) -> BoxStream<'_, Result<Label>>;

    /// The labels of exactly this name as they are now, the one set last first: the first is what the name stands for. Empty
    /// if the name has no label.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if nothing else is implemented.
    async fn label_history(&self, name: &str) -> Result<Vec<DatedLabel>> {
        Err(Error::unsupported("this index does not know in which order labels were set").with("name", name))
    }

    /// Removes a label; the empty version is that of the name alone. The name then stands for what was labelled last before,
    /// or if no label of the name is left for a dataset of this very name. The entry that the label led to stays, and is
    /// found by its content identifier.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no such label;
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if nothing else is implemented.
    async fn delete_label(&self, name: &str, version: &str) -> Result<()> {
        Err(Error::unsupported("this index cannot remove labels").with("name", name).with("version", version))
    }

    /// Whether everybody can read what is registered, so that nothing may be said in it that is for its owner only:
    /// paths of this machine, addresses with credentials. Not if nothing else is implemented.
    fn is_public(&self) -> bool {
        false
    }

    /// The account whose index it is, where indexes belong to accounts: a store may keep shards only for entries of
    /// [one of them](crate::DataStore::needs_index_of). None if nothing else is implemented.
    fn owner(&self) -> Option<&str> {
        None
    }

    /// The schema of a dataset, as data: Rust cannot make a type at run time. With it a
    /// [`Dataset<DictSample>`](crate::Dataset) is read checked; `atdata schema codegen` prints the struct.
    ///
    /// # Errors
    /// As [`Index::get_schema`].
    async fn decode_schema(&self, reference: &str) -> Result<SampleSchema> {
        Ok(self.get_schema(reference).await?.schema)
    }

    /// Publishes a lens under its own version and returns its reference. Publishing the same lens again is no change. For a
    /// [`DataLens`](crate::lens::DataLens) there is
    /// [`publish_data_lens`](crate::lens::LensIndexExt::publish_data_lens).
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) if the version is published as another lens;
    /// [`Invalid`](crate::ErrorKind::Invalid) for a bad name or version; [`Unsupported`](crate::ErrorKind::Unsupported)
    /// if the index keeps no lenses, as one does that implements nothing else.
    async fn publish_lens(&self, lens: &LensRecord) -> Result<String> {
        Err(no_lenses().with("lens", &lens.name))
    }

    /// Finds a lens by a reference of any form; without a version it is the latest.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound), or [`Invalid`](crate::ErrorKind::Invalid) for a malformed reference;
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if the index keeps no lenses.
    async fn get_lens(&self, reference: &str) -> Result<StoredLens> {
        Err(no_lenses().with("lens", reference))
    }

    /// All lenses whose name begins with `prefix`, by name and version. An index that keeps none says so by an error.
    fn list_lenses(&self, prefix: &str) -> BoxStream<'_, Result<StoredLens>> {
        let _ = prefix;
        stream::iter([Err(no_lenses())]).boxed()
    }
}

fn no_lenses() -> Error {
    Error::unsupported("this index keeps no lenses")
}

macro_rules! forward_index {
    ($($pointer:ident),*) => {$(
        #[async_trait]
        impl<T: Index + ?Sized> Index for $pointer<T> {
            async fn insert_dataset(&self, new: NewDataset) -> Result<Arc<dyn IndexEntry>> {
                (**self).insert_dataset(new).await
            }
            async fn get_dataset(&self, reference: &str) -> Result<Arc<dyn IndexEntry>> {
                (**self).get_dataset(reference).await
            }
            fn list_datasets(&self, prefix: &str) -> BoxStream<'_, Result<Arc<dyn IndexEntry>>> {
                (**self).list_datasets(prefix)
            }
            async fn publish_schema(&self, schema: &SampleSchema) -> Result<String> {
                (**self).publish_schema(schema).await
            }
            async fn get_schema(&self, reference: &str) -> Result<StoredSchema> {
                (**self).get_schema(reference).await
            }
            fn list_schemas(&self, prefix: &str) -> BoxStream<'_, Result<StoredSchema>> {
                (**self).list_schemas(prefix)
            }
            async fn set_label(&self, label: &Label) -> Result<()> {
                (**self).set_label(label).await
            }
            async fn set_older_label(&self, label: &Label) -> Result<()> {
                (**self).set_older_label(label).await
            }
            async fn get_label(&self, name: &str, version: Option<&str>) -> Result<Label> {
                (**self).get_label(name, version).await
            }
            fn list_labels(&self, prefix: &str) -> BoxStream<'_, Result<Label>> {
                (**self).list_labels(prefix)
            }
            async fn label_history(&self, name: &str) -> Result<Vec<DatedLabel>> {
                (**self).label_history(name).await
            }
            async fn delete_label(&self, name: &str, version: &str) -> Result<()> {
                (**self).delete_label(name, version).await
            }
            fn is_public(&self) -> bool {
                (**self).is_public()
            }
            fn owner(&self) -> Option<&str> {
                (**self).owner()
            }
            async fn decode_schema(&self, reference: &str) -> Result<SampleSchema> {
                (**self).decode_schema(reference).await
            }
            async fn publish_lens(&self, lens: &LensRecord) -> Result<String> {
                (**self).publish_lens(lens).await
            }
            async fn get_lens(&self, reference: &str) -> Result<StoredLens> {
                (**self).get_lens(reference).await
            }
            fn list_lenses(&self, prefix: &str) -> BoxStream<'_, Result<StoredLens>> {
                (**self).list_lenses(prefix)
            }
        }
    )*};
}
forward_index!(Arc, Box);

/// What follows from the methods of every [`Index`].
#[async_trait]
pub trait IndexExt: Index {
    /// Opens a dataset by name as `T`, after checking that `T` can read it.
    ///
    /// # Errors
    /// The dataset or its schema is not found; [`Invalid`](crate::ErrorKind::Invalid) with the difference if the
    /// schema and `T` do not fit; a shard address that `registry` cannot open.
    async fn dataset<T: Packable>(&self, name: &str, registry: &Registry) -> Result<Dataset<T>> {
        let entry = self.get_dataset(name).await?;
        let stored = self.get_schema(entry.schema_ref()).await.context("name", name)?;
        Dataset::from_entry(&*entry, &stored.schema, registry)
    }

    /// Opens a dataset by name without a compile-time type, checked against its stored schema. If the index does not
    /// have that schema (Python 0.2 writes references that dangle), samples are read unchecked.
    ///
    /// # Errors
    /// As [`IndexExt::dataset`], but for the schema.
    async fn dict_dataset(&self, name: &str, registry: &Registry) -> Result<Dataset<DictSample>> {
        let entry = self.get_dataset(name).await?;
        match self.get_schema(entry.schema_ref()).await {
            Ok(stored) => Dataset::from_entry_dict(&*entry, Some(stored.schema), registry),
            Err(error) if error.is_not_found() => Dataset::from_entry_dict(&*entry, None, registry),
            Err(error) => Err(error.with("name", name)),
        }
    }

    /// Publishes a schema under the patch version that follows the latest one of its name, or under the reference of
    /// a version that has the same fields already.
    ///
    /// # Errors
    /// As [`Index::publish_schema`]; [`Conflict`](crate::ErrorKind::Conflict) if others publish faster.
    async fn publish_next_schema(&self, schema: &SampleSchema) -> Result<String> {
        for _ in 0..16 {
            let latest = match self.get_schema(&schema.name).await {
                Ok(stored) => Some(stored),
                Err(error) if error.is_not_found() => None,
                Err(error) => return Err(error),
            };
            let mut next = schema.clone();
            if let Some(stored) = latest {
                if crate::schema::diff(&stored.schema, schema).is_identical() {
                    return Ok(stored.reference);
                }
                let Some(version) = stored.schema.version.release() else {
                    return Err(Error::invalid(
                        "the latest version is not three numbers: say which comes next",
                    )
                    .with("schema", stored.reference));
                };
                next.version = version.next_patch().into();
            }
            match self.publish_schema(&next).await {
                Err(error) if error.kind() == crate::ErrorKind::Conflict => {}
                done => return done,
            }
        }
        Err(Error::conflict("others keep publishing versions of this schema").with("schema", &schema.name))
    }

    /// Counts the datasets.
    ///
    /// # Errors
    /// The listing fails.
    async fn count_datasets(&self) -> Result<u64> {
        let mut entries = self.list_datasets("");
        let mut count = 0;
        while let Some(entry) = entries.next().await {
            entry?;
            count += 1;
        }
        Ok(count)
    }
}

impl<T: Index + ?Sized> IndexExt for T {}
