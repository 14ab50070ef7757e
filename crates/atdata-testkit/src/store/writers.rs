//! Several writers at once.

use futures::future::join_all;

use super::{StoreHarness, by_count, read, write};
use crate::data::{numbers, sample};

async fn at_once(harness: &dyn StoreHarness, writers: i64, prefix: fn(i64) -> String) {
    let store = harness.store();
    let writing = (0..writers).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let samples = (0..30).map(|n| sample(writer * 100 + n)).collect();
            write(&*store, samples, &prefix(writer), &by_count(4)).await
        })
    });
    for (writer, shards) in (0..).zip(join_all(writing).await) {
        let found = numbers(&read(harness, &shards.expect("a writer that does not panic")).await);
        assert_eq!(found, (0..30).map(|n| writer * 100 + n).collect::<Vec<i64>>());
    }
}

pub(crate) async fn two_writers_of_one_prefix_are_both_intact(harness: &dyn StoreHarness) {
    at_once(harness, 2, |_| "shared".to_owned()).await;
}

pub(crate) async fn eight_writers_at_once_are_all_intact(harness: &dyn StoreHarness) {
    at_once(harness, 8, |writer| format!("own/{}", writer / 2)).await;
}
