use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use atdata_core::exchange::{ExchangeOptions, migrate_dataset};
use atdata_core::source::{Registry, ShardOpener};
use atdata_core::{DataStore, Error, ErrorKind, Result, ShardBody};

use crate::support::{Side, numbers};

/// Opens so many shards and no more, and counts.
#[derive(Debug)]
struct Failing {
    inner: Arc<dyn ShardOpener>,
    left: AtomicUsize,
}

#[async_trait]
impl ShardOpener for Failing {
    async fn open(&self, url: &str) -> Result<ShardBody> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map_err(|_| Error::unavailable("the line is dead"))?;
        self.inner.open(url).await
    }
    async fn size(&self, url: &str) -> Result<Option<u64>> {
        self.inner.size(url).await
    }
}

fn failing(side: &Side, after: usize) -> (Registry, Arc<Failing>) {
    let inner = side.registry.opener("mem://x").unwrap().clone();
    let failing = Arc::new(Failing { inner, left: AtomicUsize::new(after) });
    let mut registry = side.registry.clone();
    registry.register("mem", failing.clone());
    (registry, failing)
}

#[tokio::test]
async fn finished_shards_are_not_moved_again() {
    // One store for both, so that one scheme reads both.
    let (side, to) = (Side::new(), Side::new());
    side.publish("a", 0..50).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let (registry, _) = failing(&side, 3);
    let one = std::num::NonZeroUsize::MIN;
    let options = ExchangeOptions::copy_to(&side.store, &registry)
        .with_name("b")
        .with_journal(&path)
        .with_parallel(one);
    let error = migrate_dataset("a", &side.index, &to.index, &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!((text.lines().count(), side.store.urls().len()), (1 + 3, 5 + 3));

    // A line that was not written to its end.
    std::fs::write(&path, text + "{\"id\":\"").unwrap();
    let (registry, counter) = failing(&side, 2);
    let options = ExchangeOptions::copy_to(&side.store, &registry).with_name("b").with_journal(&path);
    let done = migrate_dataset("a", &side.index, &to.index, &options).await.unwrap();
    assert_eq!((done.resumed, counter.left.load(Ordering::SeqCst)), (3, 0));
    assert_eq!(side.store.urls().len(), 5 + 5);
    assert!(!path.exists());
    assert_eq!(numbers(&to.index, "b", &side.registry).await, (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_shard_that_has_gone_is_moved_again() {
    let (side, to) = (Side::new(), Side::new());
    side.publish("a", 0..50).await;
    let before = side.store.urls();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let (registry, _) = failing(&side, 3);
    let options = ExchangeOptions::copy_to(&side.store, &registry).with_journal(&path);
    migrate_dataset("a", &side.index, &to.index, &options).await.unwrap_err();
    let copied: Vec<String> = side.store.urls().into_iter().filter(|url| !before.contains(url)).collect();
    assert_eq!(copied.len(), 3);
    side.store.remove_shards(&copied[..1]).await.unwrap();
    let options = ExchangeOptions::copy_to(&side.store, &side.registry).with_journal(&path);
    let done = migrate_dataset("a", &side.index, &to.index, &options).await.unwrap();
    assert_eq!(done.resumed, 2);
    assert_eq!(numbers(&to.index, "a", &side.registry).await.len(), 50);
}

#[tokio::test]
async fn other_journals_are_refused_before_anything_moves() {
    let (side, to) = (Side::new(), Side::new());
    side.publish("a", 0..50).await;
    side.publish("b", 0..50).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let (registry, _) = failing(&side, 3);
    let options = ExchangeOptions::copy_to(&to.store, &registry).with_journal(&path);
    migrate_dataset("a", &side.index, &to.index, &options).await.unwrap_err();
    let copied = to.store.urls();
    let options = ExchangeOptions::copy_to(&to.store, &side.registry).with_journal(&path);
    let error = migrate_dataset("b", &side.index, &to.index, &options).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.context_value("path").is_some(), "{error}");
    std::fs::write(&path, "hello\n").unwrap();
    assert!(migrate_dataset("a", &side.index, &to.index, &options).await.is_err());
    assert_eq!(to.store.urls(), copied);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "hello\n");
}

#[tokio::test]
async fn without_a_journal_a_failure_leaves_nothing() {
    let (side, to) = (Side::new(), Side::new());
    side.publish("a", 0..50).await;
    let (registry, _) = failing(&side, 3);
    let options = ExchangeOptions::copy_to(&to.store, &registry);
    migrate_dataset("a", &side.index, &to.index, &options).await.unwrap_err();
    assert_eq!(to.store.urls(), [""; 0]);
}
