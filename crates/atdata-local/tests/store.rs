//! The disk store: the suite, and what is peculiar to directories.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]
#![cfg(feature = "disk")]

mod common;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use atdata_core::source::{FileSource, Registry};
use atdata_core::{
    DataStore, DataStoreExt, Dataset, DictSample, ErrorKind, MissingIndex, RandomAccessOptions, Value,
    WriteOptions,
};
use atdata_local::LocalDiskStore;
use atdata_testkit::data::{noise, sample, samples, sha256, stream_of};
use atdata_testkit::process::Running;
use atdata_testkit::store::StoreHarness;
use atdata_testkit::suite::block_on;
use futures::{FutureExt, StreamExt, stream};
use tempfile::TempDir;

struct Disk {
    _directory: TempDir,
    store: LocalDiskStore,
}

impl Disk {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = LocalDiskStore::open(directory.path().join("store")).unwrap();
        Self { _directory: directory, store }
    }
}

#[async_trait]
impl StoreHarness for Disk {
    fn store(&self) -> Arc<dyn DataStore> {
        Arc::new(self.store.clone())
    }
    fn registry(&self) -> Registry {
        Registry::default()
    }
    async fn list_objects(&self) -> Option<Vec<String>> {
        wait_for_writers(self.store.root());
        Some(files(self.store.root()))
    }
}

mod suite {
    atdata_testkit::store_suite!(async || Some(super::Disk::new()));
}

/// Waits until no writer that was dropped is still clearing up: it holds its lock until then.
fn wait_for_writers(root: &Path) {
    let Ok(items) = fs::read_dir(root.join(".staging")) else { return };
    for item in items {
        if let Ok(lock) = File::open(item.unwrap().path().join("lock")) {
            lock.lock().unwrap();
        }
    }
}

/// All files under the root, sorted, but for the lock that stays.
fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let Ok(items) = fs::read_dir(&directory) else { continue };
        for path in items.map(|item| item.unwrap().path()) {
            if path.is_dir() {
                directories.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.retain(|name| name != ".staging/lock");
    found.sort();
    found
}

fn large(n: i64) -> DictSample {
    let mut sample = sample(n);
    sample.insert("raw", Value::Bytes(noise(n.unsigned_abs(), 100 << 10)));
    sample
}

#[test]
fn shards_are_named_as_python_names_them_and_hashed() {
    let disk = Disk::new();
    let options = WriteOptions::default().with_max_count(2);
    let shards = block_on(disk.store.write_samples(stream_of(samples(5)), "team/digits", &options)).unwrap();
    assert_eq!(shards.len(), 3);
    let root = disk.store.root().to_str().unwrap();
    let id = shards[0]
        .url
        .strip_prefix(&format!("{root}/team/digits/data--"))
        .unwrap()
        .split_once("--")
        .unwrap()
        .0;
    assert!(id.len() == 8 && id.bytes().all(|byte| b"0123456789abcdef".contains(&byte)), "{id}");
    for (number, shard) in shards.iter().enumerate() {
        assert_eq!(shard.url, format!("{root}/team/digits/data--{id}--{number:06}.tar"));
        let bytes = fs::read(&shard.url).unwrap();
        assert_eq!(shard.size, bytes.len() as u64);
        assert_eq!(shard.sha256.as_deref(), Some(sha256(&bytes).as_str()));
    }
    assert_eq!(shards.iter().map(|shard| shard.samples.unwrap()).collect::<Vec<_>>(), [2, 2, 1]);
}

#[test]
fn each_shard_has_its_index_beside_it_until_both_are_removed() {
    let disk = Disk::new();
    let options = WriteOptions::default().with_max_count(2);
    let shards = block_on(disk.store.write_samples(stream_of(samples(5)), "digits", &options)).unwrap();
    let urls: Vec<String> = shards.iter().map(|shard| shard.url.clone()).collect();
    let strict = RandomAccessOptions::default().with_missing(MissingIndex::Fail);
    let dataset = Dataset::<DictSample>::from_source(FileSource::new(&urls));
    let access = block_on(dataset.indexed_with(&strict)).unwrap();
    assert_eq!(access.len(), 5);
    assert_eq!(block_on(access.get(3)).unwrap(), Some(sample(3)));
    block_on(access.verify()).unwrap();

    block_on(disk.store.remove_shards(&urls)).unwrap();
    assert_eq!(files(disk.store.root()), [""; 0]);
}

#[test]
fn addresses_of_others_are_refused() {
    let disk = Disk::new();
    let own = format!("{}/a/data--01234567--000000.tar", disk.store.root().display());
    assert_eq!(disk.store.read_url(&own).unwrap(), own);
    for url in
        ["/etc/passwd", "a.tar", "s3://bucket/a.tar", &format!("{}/../a.tar", disk.store.root().display())]
    {
        assert_eq!(disk.store.read_url(url).unwrap_err().kind(), ErrorKind::Invalid, "{url}");
        let removed = block_on(disk.store.remove_shards(&[own.clone(), url.to_owned()]));
        assert_eq!(removed.unwrap_err().kind(), ErrorKind::Invalid, "{url}");
    }
}

#[test]
fn removed_shards_are_gone_and_may_be_removed_again() {
    let disk = Disk::new();
    let options = WriteOptions::default().with_max_count(1);
    let shards = block_on(disk.store.write_samples(stream_of(samples(3)), "digits", &options)).unwrap();
    let urls: Vec<String> = shards.into_iter().skip(1).map(|shard| shard.url).collect();
    block_on(disk.store.remove_shards(&urls)).unwrap();
    block_on(disk.store.remove_shards(&urls)).unwrap();
    // One shard is left, with its index.
    assert_eq!(files(disk.store.root()).len(), 2);
}

#[test]
fn a_root_whose_addresses_would_be_expanded_is_refused() {
    for root in ["/data/{a,b}", r"/data/a\b"] {
        let error = LocalDiskStore::open(root).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert_eq!(error.context_value("path"), Some(root));
    }
}

#[test]
fn a_relative_root_gives_absolute_addresses() {
    assert!(LocalDiskStore::open("some/where").unwrap().root().is_absolute());
}

#[test]
fn a_prefix_part_that_no_file_system_takes_is_refused_before_anything_is_written() {
    let disk = Disk::new();
    for prefix in ["x".repeat(256), "{".repeat(86)] {
        let written =
            block_on(disk.store.write_samples(stream_of(samples(1)), &prefix, &WriteOptions::default()));
        assert_eq!(written.unwrap_err().kind(), ErrorKind::Invalid);
    }
    assert!(files(disk.store.root()).is_empty());
}

#[cfg(unix)]
#[test]
fn a_prefix_behind_a_link_out_of_the_store_is_refused() {
    let disk = Disk::new();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::create_dir(disk.store.root()).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), disk.store.root().join("out")).unwrap();
    let written =
        block_on(disk.store.write_samples(stream_of(samples(1)), "out/digits", &WriteOptions::default()));
    assert_eq!(written.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    assert_eq!(fs::read_dir(disk.store.root().join(".staging")).unwrap().count(), 1, "only the lock");
}

#[test]
fn a_file_in_the_place_of_the_root_is_an_error_with_the_path() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("store");
    fs::write(&root, "a file").unwrap();
    let written = LocalDiskStore::open(&root).and_then(|store| {
        block_on(store.write_samples(stream_of(samples(1)), "a", &WriteOptions::default()))
    });
    let error = written.unwrap_err();
    assert!(error.context_value("path").unwrap().starts_with(root.to_str().unwrap()), "{error}");
    assert_eq!(fs::read_to_string(&root).unwrap(), "a file");
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let Some(disk) = common::SmallDisk::mount("a_full_disk_is_told_and_leaves_nothing", "1m") else { return };
    let store = LocalDiskStore::open(disk.path().join("store")).unwrap();
    let many = stream::iter((0..100).map(|n| Ok(large(n)))).boxed();
    let options = WriteOptions::default().with_max_count(3);
    let error = block_on(store.write_samples(many, "digits", &options)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("no room left"), "{error}");
    assert!(error.context_value("path").unwrap().starts_with(disk.path().to_str().unwrap()), "{error}");
    assert!(files(store.root()).is_empty());
    // What fits is written still.
    let few = block_on(store.write_samples(stream_of(samples(3)), "digits", &options)).unwrap();
    assert_eq!(few.len(), 1);
}

#[test]
fn the_store_needs_no_runtime() {
    let disk = Disk::new();
    let options = WriteOptions::default();
    let written = disk.store.write_samples(stream_of(samples(3)), "digits", &options);
    assert_eq!(futures::executor::block_on(written).unwrap().len(), 1);
}

#[test]
fn a_write_beside_an_unfinished_one_leaves_it_alone() {
    let disk = Disk::new();
    let options = WriteOptions::default().with_max_count(2);
    let (more, waiting) = futures::channel::mpsc::unbounded();
    (0..5).for_each(|n| more.unbounded_send(Ok(large(n))).unwrap());
    let mut unfinished = disk.store.write_samples(waiting.boxed(), "digits", &options);
    assert!((&mut unfinished).now_or_never().is_none());
    let other = disk.store.clone();
    let written = block_on(other.write_samples(stream_of(samples(3)), "digits", &options)).unwrap();
    assert_eq!(written.len(), 2);
    disk.store.recover().unwrap();
    drop(more);
    let shards = futures::executor::block_on(unfinished).unwrap();
    assert_eq!(shards.len(), 3);
    // Five shards, each with its index.
    assert_eq!(files(disk.store.root()).len(), 2 * 5);
}

/// How many shards a child writes each time.
const SHARDS: i64 = 4;

/// Not a test by itself: the writer that [`a_writer_killed_at_any_point_leaves_whole_datasets`] kills.
#[test]
fn writing_child() {
    let Some(root) = common::child_path() else { return };
    let store = LocalDiskStore::open(root).unwrap();
    let options = WriteOptions::default().with_max_count(1);
    for _ in 0.. {
        let watched = stream::iter(0..SHARDS).map(|n| {
            println!("step");
            Ok(sample(n))
        });
        let shards = block_on(store.write_samples(watched.boxed(), "digits", &options)).unwrap();
        println!("step wrote {}", shards[0].url);
    }
}

#[test]
fn a_writer_killed_at_any_point_leaves_whole_datasets() {
    let directory = tempfile::tempdir().unwrap();
    let mut numbers = common::Numbers::new(7);
    for round in 0..50 {
        let mut writer = Running::start(&mut common::child("writing_child", directory.path()));
        for _ in 0..=numbers.below(3 * SHARDS as u64) {
            writer.wait_for("step");
        }
        writer.kill();

        let store = LocalDiskStore::open(directory.path()).unwrap();
        let names = files(store.root());
        let mut datasets: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for name in names {
            let (dataset, _) =
                name.rsplit_once("--").unwrap_or_else(|| panic!("round {round}: {name} is left"));
            datasets.entry(dataset.to_owned()).or_default().push(store.root().join(&name));
        }
        for (dataset, files) in datasets {
            let (indexes, paths): (Vec<_>, Vec<_>) =
                files.into_iter().partition(|path| path.extension().is_some_and(|suffix| suffix == "idx"));
            assert_eq!(indexes.len(), paths.len(), "round {round}: {dataset}");
            assert_eq!(paths.len() as i64, SHARDS, "round {round}: {dataset}");
            let read = Dataset::<DictSample>::from_source(FileSource::new(paths));
            assert_eq!(block_on(read.count()).unwrap(), SHARDS as u64, "round {round}: {dataset}");
        }
        // The next round begins with an empty store.
        fs::remove_dir_all(directory.path().join("digits")).ok();
    }
}
