//! What a name stands for while it is being carried: what it stood for before, or what it stands for in the source.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use atdata_core::exchange::{ExchangeOptions, Versions, backup_all, migrate_dataset, sync};
use atdata_core::schema::SampleSchema;
use atdata_core::{IfExists, Index, IndexEntry, Label, MemoryIndex, NewDataset, Result, StoredSchema};
use futures::TryStreamExt;
use futures::executor::block_on;
use futures::stream::BoxStream;
use proptest::prelude::*;

/// Looks after every change what a name stands for.
#[derive(Clone, Debug, Default)]
struct Watched {
    inner: MemoryIndex,
    name: String,
    seen: Arc<Mutex<Vec<Option<String>>>>,
}

impl Watched {
    fn new(inner: MemoryIndex, name: &str) -> Self {
        Self { inner, name: name.to_owned(), seen: Arc::default() }
    }

    async fn look(&self) {
        let seen = stands_for(&self.inner, &self.name).await;
        self.seen.lock().unwrap().push(seen);
    }
}

/// The first address of what a name stands for.
async fn stands_for(index: &dyn Index, name: &str) -> Option<String> {
    index.get_dataset(name).await.ok().map(|entry| entry.data_urls()[0].clone())
}

#[async_trait]
impl Index for Watched {
    async fn insert_dataset(&self, new: NewDataset) -> Result<Arc<dyn IndexEntry>> {
        let inserted = self.inner.insert_dataset(new).await;
        self.look().await;
        inserted
    }
    async fn get_dataset(&self, reference: &str) -> Result<Arc<dyn IndexEntry>> {
        self.inner.get_dataset(reference).await
    }
    fn list_datasets(&self, prefix: &str) -> BoxStream<'_, Result<Arc<dyn IndexEntry>>> {
        self.inner.list_datasets(prefix)
    }
    async fn publish_schema(&self, schema: &SampleSchema) -> Result<String> {
        self.inner.publish_schema(schema).await
    }
    async fn get_schema(&self, reference: &str) -> Result<StoredSchema> {
        self.inner.get_schema(reference).await
    }
    fn list_schemas(&self, prefix: &str) -> BoxStream<'_, Result<StoredSchema>> {
        self.inner.list_schemas(prefix)
    }
    async fn set_label(&self, label: &Label) -> Result<()> {
        let set = self.inner.set_label(label).await;
        self.look().await;
        set
    }
    async fn set_older_label(&self, label: &Label) -> Result<()> {
        let set = self.inner.set_older_label(label).await;
        self.look().await;
        set
    }
    async fn get_label(&self, name: &str, version: Option<&str>) -> Result<Label> {
        self.inner.get_label(name, version).await
    }
    fn list_labels(&self, prefix: &str) -> BoxStream<'_, Result<Label>> {
        self.inner.list_labels(prefix)
    }
}

/// One step of a history: a dataset is published under a version, or a version's dataset gets another label.
#[derive(Clone, Debug)]
enum Step {
    Publish { dataset: u8, version: Option<u8> },
    Label { dataset: u8, version: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..4u8, prop::option::weighted(0.8, 0..5u8))
            .prop_map(|(dataset, version)| Step::Publish { dataset, version }),
        (0..4u8, 0..5u8).prop_map(|(dataset, version)| Step::Label { dataset, version }),
    ]
}

fn history(steps: &[Step], name: &str) -> MemoryIndex {
    let index = MemoryIndex::new();
    block_on(async {
        for step in steps {
            match step {
                Step::Publish { dataset, version } => {
                    let mut new = new(name, *dataset).with_if_exists(IfExists::Replace);
                    new.version = version.map(|version| format!("{version}.0.0"));
                    index.insert_dataset(new).await.unwrap();
                }
                Step::Label { dataset, version } => {
                    let url = new(name, *dataset).data_urls.remove(0);
                    let cid = atdata_core::cid::entry_cid("Number@1.0.0", &[url]).unwrap();
                    let label = Label::new(name, cid.to_string()).with_version(format!("{version}.0.0"));
                    // A dataset that nobody has published has no label.
                    let _ = index.set_label(&label.with_description("again")).await;
                }
            }
        }
    });
    index
}

fn new(name: &str, dataset: u8) -> NewDataset {
    NewDataset::new(name, "Number@1.0.0", vec![format!("s3://b/{dataset}.tar")])
}

/// Labels by version: where they lead, and what they say.
async fn labels(index: &dyn Index, name: &str) -> BTreeMap<String, (String, Option<String>)> {
    let labels: Vec<Label> = index.list_labels(name).try_collect().await.unwrap();
    let of_name = labels.into_iter().filter(|label| label.name == name && !label.version.is_empty());
    of_name.map(|label| (label.version, (label.cid, label.description))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_name_stands_for_the_old_or_the_new_latest_and_for_nothing_else(
        source in prop::collection::vec(step(), 1..10),
        target in prop::collection::vec(step(), 0..6),
        by_sync in any::<bool>(),
    ) {
        let (from, there) = (history(&source, "a"), history(&target, "a"));
        block_on(async {
            let Some(wanted) = stands_for(&from, "a").await else { return };
            let before = stands_for(&there, "a").await;
            let to = Watched::new(there, "a");
            let options = ExchangeOptions::keep_addresses()
                .with_existing(atdata_core::exchange::Existing::Replace)
                .with_versions(Versions::All);
            if by_sync {
                sync(&from, &to, &options).await.unwrap().ok().unwrap();
            } else {
                migrate_dataset("a", &from, &to, &options).await.unwrap();
            }
            let seen = to.seen.lock().unwrap().clone();
            let mut is_new = false;
            for seen in seen {
                is_new |= seen.as_ref() == Some(&wanted);
                assert!(seen.as_ref() == Some(&wanted) || (seen == before && !is_new), "{seen:?}");
            }
            assert_eq!(stands_for(&to, "a").await, Some(wanted));
            let (all, found) = (labels(&from, "a").await, labels(&to, "a").await);
            for (version, label) in all {
                assert_eq!(found.get(&version), Some(&label), "{version}");
            }
        });
    }

    /// A name that stands for datasets of other names.
    #[test]
    fn an_alias_stands_for_the_old_or_the_new_latest(
        set in prop::collection::vec((0..3usize, prop::option::of(0..4u8)), 1..8),
    ) {
        block_on(async {
            let from = MemoryIndex::new();
            let mut cids = Vec::new();
            for (number, name) in ["x", "y", "z"].into_iter().enumerate() {
                let entry = from.insert_dataset(new(name, number as u8)).await.unwrap();
                cids.push(entry.cid().unwrap().to_owned());
            }
            for (number, version) in &set {
                let mut label = Label::new("best", &cids[*number]);
                label.version = version.map(|version| version.to_string()).unwrap_or_default();
                from.set_label(&label).await.unwrap();
            }
            let to = Watched::new(MemoryIndex::new(), "best");
            let options = ExchangeOptions::keep_addresses();
            for _ in 0..2 {
                backup_all(&from, &to, &options).await.unwrap().ok().unwrap();
                let wanted = stands_for(&from, "best").await;
                assert_eq!(stands_for(&to, "best").await, wanted);
                assert_eq!(labels(&to, "best").await, labels(&from, "best").await);
                let seen = to.seen.lock().unwrap().clone();
                assert!(seen.iter().all(|seen| seen.is_none() || *seen == wanted), "{seen:?}");
            }
        });
    }
}
