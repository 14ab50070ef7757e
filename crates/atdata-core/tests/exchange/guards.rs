use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::exchange::{ExchangeOptions, Existing, Outcome, PROVENANCE_KEY, migrate_dataset};
use atdata_core::schema::{Field, Primitive, SampleSchema};
use atdata_core::{
    DataStore, ErrorKind, Index, IndexEntry, IndexExt, Label, MemoryIndex, NewDataset, Result, StoredSchema,
};
use futures::stream::BoxStream;

use crate::support::{Side, numbers, schema};

/// An index that everybody reads.
#[derive(Debug, Default)]
struct Public(MemoryIndex);

#[async_trait]
impl Index for Public {
    async fn insert_dataset(&self, new: NewDataset) -> Result<Arc<dyn IndexEntry>> {
        self.0.insert_dataset(new).await
    }
    async fn get_dataset(&self, reference: &str) -> Result<Arc<dyn IndexEntry>> {
        self.0.get_dataset(reference).await
    }
    fn list_datasets(&self, prefix: &str) -> BoxStream<'_, Result<Arc<dyn IndexEntry>>> {
        self.0.list_datasets(prefix)
    }
    async fn publish_schema(&self, schema: &SampleSchema) -> Result<String> {
        self.0.publish_schema(schema).await
    }
    async fn get_schema(&self, reference: &str) -> Result<StoredSchema> {
        self.0.get_schema(reference).await
    }
    fn list_schemas(&self, prefix: &str) -> BoxStream<'_, Result<StoredSchema>> {
        self.0.list_schemas(prefix)
    }
    async fn set_label(&self, label: &Label) -> Result<()> {
        self.0.set_label(label).await
    }
    async fn get_label(&self, name: &str, version: Option<&str>) -> Result<Label> {
        self.0.get_label(name, version).await
    }
    fn list_labels(&self, prefix: &str) -> BoxStream<'_, Result<Label>> {
        self.0.list_labels(prefix)
    }
    fn is_public(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn what_is_not_for_everybody_is_not_said_in_a_public_index() {
    for url in [
        "/data/ann/a.tar",
        "file:///data/ann/a.tar",
        "https://ann:hunter2@h.test/a.tar",
        "https://h.test/a.tar?X-Amz-Signature=hunter2",
    ] {
        let (from, to) = (Side::new(), Arc::new(Public::default()));
        from.index.insert_dataset(NewDataset::new("a", schema(), vec![url.into()])).await.unwrap();
        let options = ExchangeOptions::keep_addresses();
        let error = migrate_dataset("a", &from.index, &to, &options).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Invalid && error.message().contains("copied"), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(to.get_schema("Number@1.0.0").await.unwrap_err().is_not_found());
        // A private index may have them.
        migrate_dataset("a", &from.index, &Side::new().index, &options).await.unwrap();
    }
}

#[tokio::test]
async fn a_public_index_is_not_told_where_a_private_one_is() {
    for (origin, said) in [("sqlite:/data/ann/index.db", None), ("at://did:plc:a", Some("at://did:plc:a"))] {
        let (from, to) = (Side::new(), Public::default());
        from.publish("a", 0..3).await;
        let store = Side::new().store;
        let options = ExchangeOptions::copy_to(&store, &from.registry).with_origin(origin);
        let entry = migrate_dataset("a", &from.index, &to, &options).await.unwrap().entry.unwrap();
        let provenance = entry.metadata().unwrap().get(PROVENANCE_KEY).unwrap().as_map().unwrap();
        assert_eq!(provenance.get("index").and_then(|value| value.as_str()), said);
    }
}

#[tokio::test]
async fn names_that_are_taken() {
    let (from, to) = (Side::new(), Side::new());
    from.publish("a", 0..3).await;
    to.publish("a", 50..60).await;
    let options = ExchangeOptions::copy_to(&to.store, &from.registry);
    let error = migrate_dataset("a", &from.index, &to.index, &options).await.unwrap_err();
    assert_eq!((error.kind(), to.store.urls().len()), (ErrorKind::AlreadyExists, 1));

    let skip = options.clone().with_existing(Existing::Skip);
    let kept = migrate_dataset("a", &from.index, &to.index, &skip).await.unwrap();
    assert_eq!((kept.outcome, to.store.urls().len()), (Outcome::Kept, 1));
    assert_eq!(numbers(&to.index, "a", &to.registry).await[0], 50);

    let replace = options.with_existing(Existing::Replace);
    migrate_dataset("a", &from.index, &to.index, &replace).await.unwrap();
    assert_eq!(numbers(&to.index, "a", &to.registry).await, [0, 1, 2]);
    assert_eq!(to.index.count_datasets().await.unwrap(), 1);
}

#[tokio::test]
async fn another_schema_of_the_name_is_a_conflict_before_anything_moves() {
    let (from, to) = (Side::new(), Side::new());
    from.publish("a", 0..3).await;
    let other = SampleSchema::new("Number").field(Field::new("n", Primitive::Str));
    to.index.publish_schema(&other).await.unwrap();
    let options = ExchangeOptions::copy_to(&to.store, &from.registry);
    let error = migrate_dataset("a", &from.index, &to.index, &options).await.unwrap_err();
    assert_eq!((error.kind(), to.store.urls().len()), (ErrorKind::Conflict, 0), "{error}");
}

#[tokio::test]
async fn a_dry_run_checks_and_writes_nothing() {
    let (from, to) = (Side::new(), Side::new());
    from.publish_as("a", 0..30, Some("1.0.0")).await;
    let journal = tempfile::tempdir().unwrap();
    let journal = journal.path().join("journal");
    let options =
        ExchangeOptions::copy_to(&to.store, &from.registry).with_dry_run(true).with_journal(&journal);
    let planned = migrate_dataset("a", &from.index, &to.index, &options).await.unwrap();
    assert_eq!((planned.outcome, planned.shards, planned.labels), (Outcome::Carried, 3, 1));
    assert!(planned.bytes > 30 * 1024 && planned.entry.is_none() && !journal.exists());
    assert_eq!(to.index.count_datasets().await.unwrap(), 0);
    assert!(to.index.get_schema("Number").await.unwrap_err().is_not_found());
    assert_eq!(to.store.urls(), [""; 0]);
    from.store.remove_shards(&from.store.urls()).await.unwrap();
    assert!(migrate_dataset("a", &from.index, &to.index, &options).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn references_to_schemas_that_are_nowhere_are_kept() {
    for reference in ["atdata://local/sampleSchema/Nowhere@1.0.0", "no reference/at all"] {
        let (from, to) = (Side::new(), Side::new());
        let new = NewDataset::new("a", reference, vec!["s3://b/a.tar".into()]);
        from.index.insert_dataset(new).await.unwrap();
        let options = ExchangeOptions::keep_addresses();
        let done = migrate_dataset("a", &from.index, &to.index, &options).await.unwrap();
        assert_eq!(done.entry.unwrap().schema_ref(), reference);
        assert!(migrate_dataset("a", &from.index, &Public::default(), &options).await.is_err());
    }
}
