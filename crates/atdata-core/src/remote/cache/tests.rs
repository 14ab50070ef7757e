//! One process; several are in the testkit's tests.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use tempfile::TempDir;

use super::Cache;
use super::entry::{BLOCK, file_length};
use crate::remote::fake::{Fake, Fault};
use crate::remote::{ParallelReads, Remote, RemoteOptions};
use crate::source::{Registry, ShardOpener};
use crate::{ErrorKind, Result};

const URL: &str = "http://host.test/a.tar";
const LIMIT: u64 = 10 << 20;

fn bytes(len: usize) -> Bytes {
    (0..len).map(|i| (i * 31 % 251) as u8).collect::<Vec<_>>().into()
}

struct Setting {
    home: TempDir,
    cache: Cache,
    fake: Arc<Fake>,
    opener: Arc<dyn ShardOpener>,
}

impl Setting {
    fn new(fake: Fake) -> Self {
        Self::with(fake, LIMIT, |cache| cache)
    }

    fn with(fake: Fake, limit: u64, change: impl Fn(Cache) -> Cache) -> Self {
        let home = TempDir::new().unwrap();
        let cache = change(Cache::open(home.path(), limit).unwrap());
        let fake = Arc::new(fake);
        let opener = cache.wrap(remote(&fake));
        Self { home, cache, fake, opener }
    }

    async fn read(&self, url: &str) -> Result<Bytes> {
        self.opener.open(url).await?.into_bytes().await
    }

    /// The files of kept shards, and of those being written.
    fn files(&self) -> Vec<PathBuf> {
        let all = fs::read_dir(self.home.path().join("atdata-cache-1")).unwrap();
        all.map(|item| item.unwrap().path()).filter(|path| path.extension().is_some()).collect()
    }

    fn requests(&self) -> u64 {
        self.fake.counts().0
    }
}

fn remote(fake: &Arc<Fake>) -> Arc<dyn ShardOpener> {
    let options = RemoteOptions::default().with_parallel(ParallelReads::OFF);
    Arc::new(Remote::new(fake.clone(), options))
}

#[tokio::test]
async fn a_shard_is_moved_once_and_asked_for_each_time() {
    for len in [0, 1, BLOCK as usize, BLOCK as usize + 1, 3_000_000] {
        let setting = Setting::new(Fake::new(bytes(len), []));
        for requests in 1..4 {
            assert!(setting.read(URL).await.unwrap() == bytes(len), "{len}");
            assert_eq!((setting.requests(), setting.fake.counts().1), (requests, len as u64));
        }
        assert_eq!(setting.cache.size().unwrap(), file_length(len as u64, Some("\"1\"")));
    }
}

#[tokio::test]
async fn an_immutable_shard_is_asked_for_once() {
    for versioned in [true, false] {
        let fake = Fake { versioned, ..Fake::new(bytes(1000), []) };
        let setting = Setting::with(fake, LIMIT, Cache::assuming_immutable);
        for _ in 0..3 {
            assert!(setting.read(URL).await.unwrap() == bytes(1000));
        }
        assert_eq!(setting.requests(), 1);
    }
}

#[tokio::test]
async fn a_shard_that_changed_is_read_again() {
    let setting = Setting::new(Fake::new(bytes(1000), []));
    setting.read(URL).await.unwrap();
    {
        let mut state = setting.fake.state.lock().unwrap();
        (state.object, state.version) = (bytes(2000), 2);
    }
    for _ in 0..2 {
        assert!(setting.read(URL).await.unwrap() == bytes(2000));
    }
    assert_eq!((setting.fake.counts().1, setting.files().len()), (3000, 1));
}

#[tokio::test]
async fn what_has_no_version_or_no_length_is_not_kept() {
    for (versioned, sized) in [(false, true), (true, false)] {
        let setting = Setting::new(Fake { versioned, sized, ..Fake::new(bytes(1000), []) });
        setting.read(URL).await.unwrap();
        assert!(setting.files().is_empty());
    }
}

#[tokio::test]
async fn a_shard_beyond_the_limit_streams() {
    let setting = Setting::with(Fake::new(bytes(5000), []), 5000, |cache| cache);
    for _ in 0..2 {
        assert!(setting.read(URL).await.unwrap() == bytes(5000));
    }
    assert!(setting.files().is_empty());
}

#[tokio::test]
async fn the_least_recently_used_goes_first_and_what_is_not_ours_stays() {
    let one = file_length(5000, Some("\"1\""));
    let setting = Setting::with(Fake::new(bytes(5000), []), 3 * one + 20, |cache| cache);
    let foreign = setting.home.path().join("atdata-cache-1").join(format!("{}.shard", "a".repeat(64)));
    let notes = setting.home.path().join("atdata-cache-1/notes.txt");
    for url in ["http://h/1", "http://h/2", "http://h/3"] {
        setting.read(url).await.unwrap();
    }
    // Times as the file system has them may be coarse.
    let old = std::time::SystemTime::UNIX_EPOCH;
    for (n, path) in setting.files().iter().enumerate() {
        let file = fs::File::open(path).unwrap();
        file.set_modified(old + std::time::Duration::from_secs(n as u64)).unwrap();
    }
    setting.read("http://h/2").await.unwrap();
    fs::write(&notes, "mine").unwrap();
    fs::write(&foreign, "not a shard").unwrap();
    fs::File::open(&foreign).unwrap().set_modified(old).unwrap();
    for url in ["http://h/4", "http://h/5"] {
        setting.read(url).await.unwrap();
        assert!(setting.cache.size().unwrap() <= 3 * one + 20);
    }
    let before = setting.requests();
    setting.read("http://h/2").await.unwrap();
    assert_eq!((setting.requests(), setting.fake.counts().1), (before + 1, 25_000));
    assert!(notes.exists() && foreign.exists());
}

#[tokio::test]
async fn a_body_that_is_dropped_leaves_nothing() {
    let setting = Setting::new(Fake::new(bytes(3_000_000), []));
    let mut chunks = setting.opener.open(URL).await.unwrap().into_chunks();
    for _ in 0..2000 {
        chunks.next().await.unwrap().unwrap();
    }
    assert_eq!(setting.files().len(), 1);
    drop(chunks);
    // What is being written at this moment is finished first.
    let mut again = setting.opener.open(URL).await.unwrap().into_chunks();
    while again.next().await.is_some() {}
    drop(again);
    assert!(setting.read(URL).await.unwrap() == bytes(3_000_000));
    assert!(setting.files().iter().any(|path| path.extension().unwrap() == "shard"));
}

#[tokio::test]
async fn a_failure_half_way_is_not_kept() {
    let setting = Setting::new(Fake::new(bytes(9000), [Fault::Cut(5000), Fault::Denied]));
    assert!(setting.read(URL).await.is_err());
    assert!(setting.files().is_empty());
    assert!(setting.read(URL).await.unwrap() == bytes(9000));
}

#[tokio::test]
async fn damage_is_noticed_wherever_it_is_and_read_from_the_server() {
    let len = 3 * BLOCK as usize + 100;
    let file_len = file_length(len as u64, Some("\"1\"")) as usize;
    for place in
        [0, BLOCK as usize, len - 1, len, len + 4 * 32, len + 4 * 32 + 5, file_len - 50, file_len - 1]
    {
        let setting = Setting::new(Fake::new(bytes(len), []));
        setting.read(URL).await.unwrap();
        let path = setting.files().remove(0);
        let mut kept = fs::read(&path).unwrap();
        kept[place] ^= 1;
        fs::write(&path, &kept).unwrap();
        assert!(setting.read(URL).await.unwrap() == bytes(len), "{place}");
        assert_eq!(setting.fake.counts().1, 2 * len as u64, "{place}");
        // The damaged one is gone.
        assert!(setting.read(URL).await.unwrap() == bytes(len));
    }
    for cut in [0, 50, len, file_len - 1] {
        let setting = Setting::new(Fake::new(bytes(len), []));
        setting.read(URL).await.unwrap();
        fs::OpenOptions::new()
            .write(true)
            .open(setting.files().remove(0))
            .unwrap()
            .set_len(cut as u64)
            .unwrap();
        assert!(setting.read(URL).await.unwrap() == bytes(len), "{cut}");
    }
}

#[tokio::test]
async fn damage_is_never_mended_with_another_version() {
    let len = 2 * BLOCK as usize;
    let setting = Setting::with(Fake::new(bytes(len), []), LIMIT, Cache::assuming_immutable);
    setting.read(URL).await.unwrap();
    let path = setting.files().remove(0);
    let mut kept = fs::read(&path).unwrap();
    kept[BLOCK as usize + 5] ^= 1;
    fs::write(&path, &kept).unwrap();
    let mut changed = bytes(len).to_vec();
    changed[7] ^= 1;
    setting.fake.state.lock().unwrap().object = changed.into();
    let error = setting.read(URL).await.map(|bytes| bytes.len()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

#[tokio::test]
async fn parts_come_from_a_kept_shard() {
    let len = 3 * BLOCK as usize;
    let setting = Setting::new(Fake::new(bytes(len), []));
    let over_the_edge = BLOCK - 10..BLOCK + 10;
    let expected = bytes(len).slice(BLOCK as usize - 10..BLOCK as usize + 10);
    assert_eq!(setting.opener.read_range(URL, over_the_edge.clone()).await.unwrap(), expected);
    assert_eq!((setting.requests(), setting.files().len()), (1, 0));
    setting.read(URL).await.unwrap();
    let again = setting.cache.wrap(remote(&setting.fake));
    for _ in 0..3 {
        assert_eq!(
            again.read_range_with_size(URL, over_the_edge.clone()).await.unwrap(),
            (expected.clone(), Some(len as u64))
        );
        assert_eq!(again.size(URL).await.unwrap(), Some(len as u64));
    }
    // The other opener asked once whether the shard is still the same.
    assert_eq!(setting.requests(), 3);
    assert_eq!(again.read_range(URL, 0..len as u64 + 1).await.unwrap_err().kind(), ErrorKind::Corrupt);
    let path = setting.files().remove(0);
    let mut kept = fs::read(&path).unwrap();
    kept[BLOCK as usize] ^= 1;
    fs::write(&path, &kept).unwrap();
    assert_eq!(again.read_range(URL, over_the_edge).await.unwrap(), expected);
}

#[tokio::test]
async fn what_was_left_by_a_killed_process_is_removed() {
    let setting = Setting::new(Fake::new(bytes(1000), []));
    let left = setting.home.path().join("atdata-cache-1/12-34-5.part");
    fs::write(&left, vec![0; LIMIT as usize]).unwrap();
    setting.read(URL).await.unwrap();
    assert!(!left.exists());
    // One that is being written is not, and counts.
    let busy = fs::File::create(&left).unwrap();
    busy.lock().unwrap();
    busy.set_len(LIMIT).unwrap();
    assert!(setting.read("http://host.test/b.tar").await.unwrap() == bytes(1000));
    assert!(left.exists());
    assert!(setting.files().iter().all(|path| *path == left));
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_costs_no_reader_anything() {
    let setting = Setting::new(Fake::new(bytes(1000), []));
    fs::remove_dir_all(setting.home.path()).unwrap();
    for _ in 0..2 {
        assert!(setting.read(URL).await.unwrap() == bytes(1000));
    }
    let file = setting.home.path().join("file");
    fs::create_dir(setting.home.path()).unwrap();
    fs::write(&file, "").unwrap();
    assert!(Cache::open(&file, LIMIT).unwrap_err().context_value("path").is_some());
}

#[tokio::test]
async fn readers_at_the_same_time_get_the_same() {
    let setting = Setting::new(Fake::new(bytes(2_500_000), []));
    let readers = (0..8).map(|_| setting.read(URL).boxed());
    for read in futures::future::join_all(readers).await {
        assert!(read.unwrap() == bytes(2_500_000));
    }
    assert_eq!(setting.files().len(), 1);
}

#[tokio::test]
async fn strangers_do_not_see_what_the_user_has_read() {
    let setting = Setting::new(Fake::new(bytes(10), []));
    let mut registry = Registry::empty();
    registry.register("http", setting.opener.clone());
    assert!(registry.opener(URL).is_ok());
    // The client has nothing for strangers.
    assert!(registry.untrusted().opener(URL).is_err());
}
