//! A write that fails leaves nothing behind.

use atdata_core::{DataStoreExt, DictSample, Error, ErrorKind, Result, Value, WriteOptions};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};

use super::{StoreHarness, by_count, objects, read, write};
use crate::data::{noise, numbers, sample, samples};
use crate::suite::refused;

/// `good` samples of 300 KiB each, so that shards are on their way when the error comes.
fn failing_after(good: i64) -> BoxStream<'static, Result<DictSample>> {
    let samples = (0..good).map(|n| {
        let mut sample = sample(n);
        sample.insert("raw", Value::Bytes(noise(n.unsigned_abs(), 300 << 10)));
        Ok(sample)
    });
    stream::iter(samples.chain([Err(Error::unavailable("the camera is gone").with("path", "/dev/video0"))]))
        .boxed()
}

pub(crate) async fn no_samples_are_refused_and_leave_nothing(harness: &dyn StoreHarness) {
    let written =
        harness.store().write_samples::<DictSample>(stream::empty().boxed(), "none", &by_count(1)).await;
    refused(written, ErrorKind::Invalid, "no samples");
    assert_eq!(objects(harness).await, [""; 0]);
}

pub(crate) async fn an_error_at_the_first_sample_leaves_nothing(harness: &dyn StoreHarness) {
    let written = harness.store().write_samples(failing_after(0), "broken", &by_count(1)).await;
    refused(written, ErrorKind::Unavailable, "/dev/video0");
    assert_eq!(objects(harness).await, [""; 0]);
}

pub(crate) async fn an_error_in_a_later_shard_leaves_nothing(harness: &dyn StoreHarness) {
    for good in [1, 2, 4, 5] {
        let written = harness.store().write_samples(failing_after(good), "broken", &by_count(2)).await;
        refused(written, ErrorKind::Unavailable, "/dev/video0");
        assert_eq!(objects(harness).await, [""; 0], "after {good} samples");
    }
}

pub(crate) async fn a_writer_that_is_dropped_leaves_nothing(harness: &dyn StoreHarness) {
    let store = harness.store();
    let waiting = failing_after(5).take(5).chain(stream::pending()).boxed();
    let options = by_count(2);
    let mut writing = store.write_samples(waiting, "dropped", &options);
    // The fifth sample is the last that comes: from then on the writer waits for ever.
    for _ in 0..200 {
        assert!((&mut writing).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    drop(writing);
    assert_eq!(objects(harness).await, [""; 0]);
}

pub(crate) async fn a_failure_leaves_what_was_there_before(harness: &dyn StoreHarness) {
    let store = harness.store();
    let shards = write(&*store, samples(6), "digits", &by_count(2)).await;
    let before = objects(harness).await;
    let written = store.write_samples(failing_after(5), "digits", &by_count(2)).await;
    refused(written, ErrorKind::Unavailable, "/dev/video0");
    assert_eq!(objects(harness).await, before);
    assert_eq!(numbers(&read(harness, &shards).await), [0, 1, 2, 3, 4, 5]);
}

pub(crate) async fn after_a_failure_the_same_prefix_can_be_written(harness: &dyn StoreHarness) {
    let store = harness.store();
    let written = store.write_samples(failing_after(3), "digits", &by_count(2)).await;
    refused(written, ErrorKind::Unavailable, "/dev/video0");
    let shards = write(&*store, samples(3), "digits", &WriteOptions::default()).await;
    assert_eq!(numbers(&read(harness, &shards).await), [0, 1, 2]);
}
