//! A cache that several processes use, of which some are killed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::remote::Cache;
use atdata_core::source::ShardOpener;
use atdata_core::{Result, ShardBody};
use atdata_testkit::data::noise;
use atdata_testkit::process::Running;
use atdata_testkit::suite::block_on;
use bytes::Bytes;
use futures::{StreamExt, stream};

/// Where the cache is, for the processes that are started.
const DIRECTORY: &str = "ATDATA_TEST_CACHE";
const SHARD: usize = 700_000;
/// Room for five shards and a half.
const LIMIT: u64 = 5 * SHARD as u64 + SHARD as u64 / 2;

/// Shards that are made of their address.
#[derive(Debug)]
struct Made;

fn content(url: &str) -> Bytes {
    noise(url.bytes().map(u64::from).sum(), SHARD)
}

#[async_trait]
impl ShardOpener for Made {
    async fn open(&self, url: &str) -> Result<ShardBody> {
        let chunks: Vec<_> =
            content(url).chunks(50_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        let body = ShardBody::stream(Some(SHARD as u64), stream::iter(chunks).boxed());
        Ok(body.with_version(self.version(url).await?))
    }

    async fn version(&self, _url: &str) -> Result<Option<String>> {
        Ok(Some("1".to_owned()))
    }
}

fn cache(directory: &Path) -> Cache {
    Cache::open(directory, LIMIT).unwrap()
}

/// Starts this program again, to do what the test of a name does where there is a directory.
fn start(test: &str, directory: &Path) -> Running {
    let mut command = Command::new(std::env::current_exe().unwrap());
    Running::start(command.args([test, "--exact", "--nocapture"]).env(DIRECTORY, directory))
}

fn given() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}

fn parts(directory: &Path) -> usize {
    let files = std::fs::read_dir(directory.join("atdata-cache-1")).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|e| e == "part")).count()
}

#[test]
fn a_process_that_is_killed_half_way_leaves_a_usable_cache() {
    if let Some(directory) = given() {
        return block_on(async {
            let opener = cache(&directory).wrap(Arc::new(Made));
            let mut chunks = opener.open("half").await.unwrap().into_chunks();
            for _ in 0..10 {
                chunks.next().await.unwrap().unwrap();
            }
            println!("half way");
            std::future::pending::<()>().await;
        });
    }
    let home = tempfile::tempdir().unwrap();
    let mut process = start("a_process_that_is_killed_half_way_leaves_a_usable_cache", home.path());
    process.wait_for("half way");
    assert_eq!(parts(home.path()), 1);
    process.kill();
    block_on(async {
        let opener = cache(home.path()).wrap(Arc::new(Made));
        assert_eq!(parts(home.path()), 1);
        for _ in 0..2 {
            assert!(opener.open("half").await.unwrap().into_bytes().await.unwrap() == content("half"));
        }
    });
    assert_eq!(parts(home.path()), 0);
}

#[test]
fn processes_share_a_cache_and_may_be_killed_at_any_moment() {
    if let Some(directory) = given() {
        return block_on(async {
            let opener = cache(&directory).wrap(Arc::new(Made));
            for n in 0u64.. {
                let url = format!("shard-{}", (n * 7 + u64::from(std::process::id())) % 11);
                let read = opener.open(&url).await.unwrap().into_bytes().await.unwrap();
                assert!(read == content(&url), "{url}");
                println!("read {n}");
            }
        });
    }
    let home = tempfile::tempdir().unwrap();
    let mine = home.path().join("atdata-cache-1").join("mine.tar");
    let cache = cache(home.path());
    std::fs::write(&mine, "mine").unwrap();
    for round in 0..4 {
        let mut processes: Vec<Running> = (0..3)
            .map(|_| start("processes_share_a_cache_and_may_be_killed_at_any_moment", home.path()))
            .collect();
        for (n, process) in processes.iter_mut().enumerate() {
            process.wait_for(&format!("read {}", 5 + 3 * n + round));
            assert!(cache.size().unwrap() <= LIMIT);
        }
        processes.into_iter().for_each(Running::kill);
    }
    block_on(async {
        let opener = cache.wrap(Arc::new(Made));
        for n in 0..11 {
            let url = format!("shard-{n}");
            assert!(opener.open(&url).await.unwrap().into_bytes().await.unwrap() == content(&url));
        }
    });
    assert_eq!(parts(home.path()), 0);
    assert!(cache.size().unwrap() <= LIMIT && mine.exists());
}
