//! The store, on a real server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use atdata_atmosphere::{AtmosphereIndex, PdsBlobStore};
use atdata_core::source::Registry;
use atdata_core::{DataStore, Index, NewDataset, Result, ShardInput, StoredShard};
use atdata_testkit::store::{StoreHarness, StoreLimits};
use common::Alice;

/// A schema that nobody has to find.
const SCHEMA: &str = "at://did:plc:z72i7hdynmk6r22z27h6tvur/science.alt.dataset.schema/3kplain";

/// The store as it is used: a server gives blobs to readers when a record refers to them.
#[derive(Debug)]
struct Published {
    store: PdsBlobStore,
    index: AtmosphereIndex,
    datasets: AtomicU32,
}

#[async_trait]
impl DataStore for Published {
    async fn write_shards(&self, input: &mut ShardInput<'_>, prefix: &str) -> Result<Vec<StoredShard>> {
        let shards = self.store.write_shards(input, prefix).await?;
        let name = format!("{}-{prefix}", self.datasets.fetch_add(1, Ordering::Relaxed));
        let name: String = name.chars().take(40).collect();
        self.index.insert_dataset(NewDataset::from_shards(name, SCHEMA, shards.clone())).await?;
        Ok(shards)
    }

    fn read_url(&self, url: &str) -> Result<String> {
        self.store.read_url(url)
    }
}

struct OnPds {
    alice: Alice,
    store: Arc<Published>,
}

#[async_trait]
impl StoreHarness for OnPds {
    fn store(&self) -> Arc<dyn DataStore> {
        self.store.clone()
    }

    fn registry(&self) -> Registry {
        let mut registry = Registry::empty();
        atdata_atmosphere::register(&mut registry, &self.alice.atmosphere);
        registry
    }

    /// What a record refers to; nobody can see the rest, and the server removes it.
    async fn list_objects(&self) -> Option<Vec<String>> {
        let did = self.alice.account.did();
        let listed =
            self.alice.account.xrpc().get(&format!("com.atproto.sync.listBlobs?did={did}&limit=1000"));
        let listed = listed.and_then(|answer| answer.success()).expect("a list of blobs");
        let cids = listed["cids"].as_array().expect("a list");
        Some(cids.iter().filter_map(|cid| cid.as_str().map(str::to_owned)).collect())
    }

    fn limits(&self) -> StoreLimits {
        StoreLimits { max_object: 50 << 20, many: 40, prefixes_in_urls: false }
    }
}

fn harness(alice: Alice) -> OnPds {
    let store = Published {
        store: PdsBlobStore::new(&alice.atmosphere).expect("an account"),
        index: alice.atmosphere.index().expect("an account"),
        datasets: AtomicU32::new(0),
    };
    OnPds { store: Arc::new(store), alice }
}

mod on_pds {
    use super::*;

    atdata_testkit::store_suite!(async || Alice::for_test("store", |options| options).map(harness));
}

mod strict {
    use super::*;

    atdata_testkit::store_suite!(async || Alice::strict_for_test("store", |options| options).map(harness));
}

mod behind_faults {
    use super::*;

    atdata_testkit::store_suite!(
        async || Alice::behind_faults_for_test("store", |options| options).map(harness)
    );
}
