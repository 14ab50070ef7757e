//! Indexes in files of their own.
#![allow(dead_code)]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use atdata_core::{Index, IndexEntry, NewDataset, Value};
use atdata_local::LocalIndex;
use futures::TryStreamExt;
use rusqlite::Connection;
use tempfile::TempDir;

pub(crate) struct InFile {
    pub(crate) directory: TempDir,
    pub(crate) index: LocalIndex,
}

impl InFile {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let index = LocalIndex::open(directory.path().join("index.db")).await.unwrap();
        Self { directory, index }
    }

    /// The file as another program has it open.
    pub(crate) fn other(&self) -> Connection {
        Connection::open(self.directory.path().join("index.db")).unwrap()
    }
}

pub(crate) fn new(name: &str, urls: &[&str]) -> NewDataset {
    NewDataset::new(name, "atdata://local/schema/A@1.0.0", urls.iter().map(|url| (*url).to_owned()).collect())
}

pub(crate) fn marked(new: NewDataset, mark: &str) -> NewDataset {
    new.with_metadata([("mark", mark)].into_iter().collect())
}

pub(crate) fn mark(entry: &Arc<dyn IndexEntry>) -> &str {
    entry.metadata().and_then(|map| map.get("mark")).and_then(Value::as_str).unwrap_or("none")
}

pub(crate) async fn listed(index: &LocalIndex, prefix: &str) -> Vec<(String, String)> {
    let entries: Vec<_> = index.list_datasets(prefix).try_collect().await.unwrap();
    entries.iter().map(|entry| (entry.name().to_owned(), entry.data_urls().join(" "))).collect()
}

pub(crate) fn python_file() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index.db");
    fs::copy(atdata_testkit::fixtures::path("python-0.7/index.db"), &path).unwrap();
    (directory, path)
}
