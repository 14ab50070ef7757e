//! Opening datasets by name, with the samples in local files.

use atdata_core::msgpack::{Packer, Unpacker};
use atdata_core::schema::{Field, FieldType, Primitive, SampleSchema};
use atdata_core::source::Registry;
use atdata_core::{ErrorKind, FieldReader, Index, IndexExt, NewDataset, Packable, Result};
use futures::TryStreamExt;
use tempfile::TempDir;

use super::{IndexHarness, schema};
use crate::data::{numbers, samples, shard};
use crate::suite::refused;

/// As `#[derive(Packable)]` would write it, with the fields of [`crate::data::sample`].
#[derive(Debug, PartialEq)]
struct Numbered {
    n: i64,
    text: String,
}

/// The same, but with text for a number.
#[derive(Debug, PartialEq)]
struct Named(Numbered);

impl Packable for Numbered {
    fn schema() -> SampleSchema {
        schema("Numbered")
    }
    fn pack_fields(&self, packer: &mut Packer<'_>) -> Result<()> {
        packer.map(2)?;
        packer.str("n")?;
        packer.int(self.n);
        packer.str("text")?;
        packer.str(&self.text)
    }
    fn unpack_fields(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        let (mut n, mut text) = (None, None);
        let mut fields = FieldReader::new("Numbered", unpacker)?;
        while let Some(name) = fields.next_name()? {
            match name {
                "n" => n = Some(fields.read("n")?),
                "text" => text = Some(fields.read("text")?),
                other => fields.unknown(other)?,
            }
        }
        Ok(Self { n: fields.required("n", n)?, text: fields.required("text", text)? })
    }
}

impl Packable for Named {
    fn schema() -> SampleSchema {
        let mut schema = schema("Named");
        schema.fields = vec![Field::new("n", Primitive::Str), Field::new("name", Primitive::Str)];
        schema
    }
    fn pack_fields(&self, packer: &mut Packer<'_>) -> Result<()> {
        self.0.pack_fields(packer)
    }
    fn unpack_fields(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        Numbered::unpack_fields(unpacker).map(Self)
    }
}

/// The schema of [`crate::data::sample`], which has one field more than `Numbered`.
fn stored_schema() -> SampleSchema {
    let mut stored = schema("Stored");
    stored.fields.push(Field::new("raw", FieldType::Primitive(Primitive::Bytes)));
    stored
}

async fn insert(index: &dyn Index, directory: &TempDir, schema: impl Into<atdata_core::SchemaSpec>) {
    let path = directory.path().join("a.tar");
    std::fs::write(&path, shard(&samples(5))).unwrap();
    let path = path.to_str().expect("a temporary path is text").to_owned();
    index.insert_dataset(NewDataset::new("digits", schema, vec![path])).await.unwrap();
}

pub(crate) async fn a_dataset_is_opened_by_name_as_a_type(harness: &dyn IndexHarness) {
    let (index, directory) = (harness.index(), TempDir::new().unwrap());
    insert(&*index, &directory, stored_schema()).await;
    let dataset = index.dataset::<Numbered>("digits", &Registry::default()).await.unwrap();
    assert_eq!(dataset.name(), Some("digits"));
    let samples: Vec<Numbered> = dataset.ordered().try_collect().await.unwrap();
    assert_eq!(samples.iter().map(|sample| sample.n).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!(samples[3].text, "sample 3 – μ");
}

pub(crate) async fn a_dataset_is_opened_by_name_without_a_type(harness: &dyn IndexHarness) {
    let (index, directory) = (harness.index(), TempDir::new().unwrap());
    insert(&*index, &directory, stored_schema()).await;
    let dataset = index.dict_dataset("digits", &Registry::default()).await.unwrap();
    assert_eq!(dataset.schema().map(|schema| schema.name.as_str()), Some("Stored"));
    assert_eq!(numbers(&dataset.head(9).await.unwrap()), [0, 1, 2, 3, 4]);
}

pub(crate) async fn a_type_that_does_not_fit_is_refused_with_the_difference(harness: &dyn IndexHarness) {
    let (index, directory) = (harness.index(), TempDir::new().unwrap());
    insert(&*index, &directory, stored_schema()).await;
    let opened = index.dataset::<Named>("digits", &Registry::default()).await;
    let text = refused(opened, ErrorKind::Invalid, "digits").to_string();
    for part in ["Named", "name", "str", "int"] {
        assert!(text.contains(part), "the difference does not show {part:?}: {text}");
    }
}

pub(crate) async fn a_dangling_schema_is_an_error_for_types_only(harness: &dyn IndexHarness) {
    let (index, directory) = (harness.index(), TempDir::new().unwrap());
    insert(&*index, &directory, "at://did:plc:z72i7hdynmk6r22z27h6tvur/science.alt.dataset.schema/3kgone")
        .await;
    refused(index.dataset::<Numbered>("digits", &Registry::default()).await, ErrorKind::NotFound, "3kgone");
    let dataset = index.dict_dataset("digits", &Registry::default()).await.unwrap();
    assert!(dataset.schema().is_none());
    assert_eq!(dataset.count().await.unwrap(), 5);
}

pub(crate) async fn opening_an_unknown_dataset_is_not_found(harness: &dyn IndexHarness) {
    let index = harness.index();
    refused(index.dict_dataset("nowhere", &Registry::default()).await, ErrorKind::NotFound, "nowhere");
    refused(index.dataset::<Numbered>("nowhere", &Registry::default()).await, ErrorKind::NotFound, "nowhere");
}
