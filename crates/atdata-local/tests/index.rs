//! The SQLite index: the suite.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]
#![cfg(feature = "sqlite")]

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::Index;
use atdata_core::schema::Profile;
use atdata_local::{LocalIndex, LocalIndexOptions};
use atdata_testkit::index::IndexHarness;

use common::index::InFile;

#[async_trait]
impl IndexHarness for InFile {
    fn index(&self) -> Arc<dyn Index> {
        Arc::new(self.index.clone())
    }
    async fn reopen(&self) -> Arc<dyn Index> {
        Arc::new(LocalIndex::open(self.index.address()).await.unwrap())
    }
}

struct InMemory(LocalIndex);

impl InMemory {
    fn new() -> Self {
        Self(LocalIndexOptions::default().with_profile(Profile::Latest).in_memory().unwrap())
    }
}

#[async_trait]
impl IndexHarness for InMemory {
    fn index(&self) -> Arc<dyn Index> {
        Arc::new(self.0.clone())
    }
    async fn reopen(&self) -> Arc<dyn Index> {
        Arc::new(self.0.clone())
    }
}

mod in_a_file {
    atdata_testkit::index_suite!(async || Some(super::InFile::new().await));
}

mod in_memory {
    atdata_testkit::index_suite!(async || { Some(super::InMemory::new()) });
}
