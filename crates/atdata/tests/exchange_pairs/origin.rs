//! Where the shards of a source are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use atdata::source::{Registry, ShardOpener};
use atdata::{
    Bytes, Error, Index, LocalDiskStore, MemoryStore, PdsBlobStore, Result, ShardBody, StoredShard,
};
use atdata_testkit::servers::nginx::Nginx;

use crate::network::Someone;
use crate::places::{Place, S3, registry};
use crate::samples;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    File,
    Http,
    S3,
    Blob,
    Custom,
}

pub(crate) const ORIGINS: [Origin; 5] =
    [Origin::File, Origin::Http, Origin::S3, Origin::Blob, Origin::Custom];

/// A user's own way to keep shards, under the scheme `shelf`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf(Arc<Mutex<HashMap<String, Bytes>>>);

#[async_trait]
impl ShardOpener for Shelf {
    async fn open(&self, url: &str) -> Result<ShardBody> {
        let found = self.0.lock().unwrap().get(url).cloned();
        found
            .map(ShardBody::resident)
            .ok_or_else(|| Error::not_found("the shelf is empty here").with("url", url))
    }
}

/// What reads the shards of a source, and what they are on.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) registry: Registry,
    pub(crate) nginx: Nginx,
    shelf: Shelf,
    /// Whose records keep the blobs that no index of the source refers to.
    keeper: Someone,
    s3: S3,
}

impl Sources {
    /// None if a server is not there.
    pub(crate) fn new(s3: S3, case: &str) -> Option<Self> {
        let (nginx, server) = (Nginx::for_test(case)?, s3.server(case)?);
        let (shelf, keeper) = (Shelf::default(), Someone::new(case, false)?);
        let mut registry = registry(Some(&server), Some(&keeper));
        registry.register("shelf", Arc::new(shelf.clone()));
        Some(Self { registry, nginx, shelf, keeper, s3 })
    }

    /// Publishes both versions in an index, with shards in a certain place.
    pub(crate) async fn publish(&self, place: &Place, origin: Origin, name: &str) {
        let mut both = Vec::new();
        for version in [1, 2] {
            both.push(self.shards(place, origin, name, version).await);
        }
        let both: [Vec<StoredShard>; 2] = both.try_into().unwrap();
        samples::register(&*place.index, name, both).await;
    }

    async fn shards(&self, place: &Place, origin: Origin, name: &str, version: usize) -> Vec<StoredShard> {
        match origin {
            Origin::File => {
                let store = LocalDiskStore::open(place.path().join("source")).unwrap();
                samples::write(&store, name, version).await
            }
            Origin::S3 => samples::write(&self.s3.store("source").unwrap(), name, version).await,
            Origin::Blob => match &place.someone {
                Some(owner) => {
                    samples::write(&PdsBlobStore::new(&owner.atmosphere).unwrap(), name, version).await
                }
                None => {
                    let store = PdsBlobStore::new(&self.keeper.atmosphere).unwrap();
                    let shards = samples::write(&store, name, version).await;
                    let kept = samples::new(&format!("{name}-{version}"), version, shards.clone());
                    self.keeper.atmosphere.index().unwrap().insert_dataset(kept).await.unwrap();
                    shards
                }
            },
            Origin::Http | Origin::Custom => {
                let memory = MemoryStore::new();
                let shards = samples::write(&memory, name, version).await;
                let mut moved = Vec::new();
                for (number, mut shard) in shards.into_iter().enumerate() {
                    let bytes = memory.open(&shard.url).await.unwrap().into_bytes().await.unwrap();
                    let path = format!("{name}/{version}-{number}.tar");
                    shard.url = match origin {
                        Origin::Http => {
                            self.nginx.put(&path, &bytes);
                            self.nginx.url(&path)
                        }
                        _ => {
                            let url = format!("shelf://{path}");
                            self.shelf.0.lock().unwrap().insert(url.clone(), bytes);
                            url
                        }
                    };
                    moved.push(shard);
                }
                moved
            }
        }
    }
}
