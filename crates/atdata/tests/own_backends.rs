//! The examples of one's own source, store and index, held against the suites; and how long they are.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub
)]
#![cfg(feature = "local")]

#[path = "../examples/own_index.rs"]
mod own_index;
#[path = "../examples/own_source.rs"]
mod own_source;
#[path = "../examples/own_store.rs"]
mod own_store;

use std::sync::Arc;

use async_trait::async_trait;
use atdata::source::Registry;
use atdata::{DataSource, DataStore, Index, MemoryIndex};
use atdata_testkit::index::{IndexHarness, IndexLimits};
use atdata_testkit::source::SourceHarness;
use atdata_testkit::store::{StoreHarness, StoreLimits};
use bytes::Bytes;
use tempfile::TempDir;

struct Listed(TempDir);

#[async_trait]
impl SourceHarness for Listed {
    async fn source(&self, shards: Vec<(String, Bytes)>) -> Arc<dyn DataSource> {
        let list = self.0.path().join("shards.txt");
        let names: Vec<&str> = shards.iter().map(|(name, _)| name.as_str()).collect();
        std::fs::write(&list, names.join("\n")).unwrap();
        for (name, bytes) in &shards {
            let path = self.0.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        Arc::new(own_source::ListedSource(list))
    }
    async fn remove(&self, name: &str) {
        std::fs::remove_file(self.0.path().join(name)).unwrap();
    }
}

mod source {
    use super::*;
    atdata_testkit::source_suite!(async || Some(Listed(TempDir::new().unwrap())));
}

struct Contents(TempDir);

#[async_trait]
impl StoreHarness for Contents {
    fn store(&self) -> Arc<dyn DataStore> {
        Arc::new(own_store::ContentStore(self.0.path().to_owned()))
    }
    fn registry(&self) -> Registry {
        Registry::default()
    }
    async fn list_objects(&self) -> Option<Vec<String>> {
        let names = std::fs::read_dir(self.0.path()).unwrap();
        Some(names.map(|item| item.unwrap().file_name().into_string().unwrap()).collect())
    }
    fn limits(&self) -> StoreLimits {
        StoreLimits { prefixes_in_urls: false, ..StoreLimits::default() }
    }
}

mod store {
    use super::*;
    atdata_testkit::store_suite!(async || Some(Contents(TempDir::new().unwrap())));
}

struct Diaries(MemoryIndex, TempDir);

impl Diaries {
    fn open(&self) -> Arc<dyn Index> {
        let diary =
            std::fs::File::options().append(true).create(true).open(self.1.path().join("diary")).unwrap();
        Arc::new(own_index::Diary(self.0.clone(), diary))
    }
}

#[async_trait]
impl IndexHarness for Diaries {
    fn index(&self) -> Arc<dyn Index> {
        self.open()
    }
    async fn reopen(&self) -> Arc<dyn Index> {
        self.open()
    }
    fn limits(&self) -> IndexLimits {
        // What it does not implement says so.
        IndexLimits { label_history: false, lenses: false, ..IndexLimits::default() }
    }
}

mod index {
    use super::*;
    atdata_testkit::index_suite!(async || Some(Diaries(MemoryIndex::new(), TempDir::new().unwrap())));
}

/// An implementation, from its type to the end of its trait, is short enough to be written for one program.
#[test]
fn each_of_them_takes_less_than_forty_lines() {
    for example in [
        include_str!("../examples/own_source.rs"),
        include_str!("../examples/own_store.rs"),
        include_str!("../examples/own_index.rs"),
    ] {
        let lines = example.lines().skip_while(|line| !line.starts_with("#[derive(Debug)]"));
        let lines =
            lines.take_while(|line| !line.starts_with("#[allow(dead_code")).filter(|line| !line.is_empty());
        let count = lines.count();
        assert!((10..40).contains(&count), "{count} lines");
    }
}
