//! The names that shards are written under.

use atdata_core::{DataStoreExt, ErrorKind, WriteOptions};

use super::{StoreHarness, by_count, objects, read, write};
use crate::data::{numbers, samples, stream_of};

pub(crate) async fn nested_prefixes_are_kept(harness: &dyn StoreHarness) {
    let shards = write(&*harness.store(), samples(4), "team/digits/2024-01", &by_count(2)).await;
    if harness.limits().prefixes_in_urls {
        for shard in &shards {
            assert!(shard.url.contains("team/digits/2024-01"), "{}", shard.url);
        }
    }
    assert_eq!(numbers(&read(harness, &shards).await), [0, 1, 2, 3]);
}

pub(crate) async fn prefixes_in_any_script_are_kept(harness: &dyn StoreHarness) {
    let strange = [
        "with space",
        "été",
        "数据集/训练",
        "🦀",
        "100%",
        "a+b&c=d",
        "star*?",
        "[set]",
        "#hash",
        "it's",
        "quo\"te",
        "semi;colon",
        "co:lon",
        "a@b",
        "%20",
        "q?x=1",
        "~tilde",
        "$HOME",
    ];
    for prefix in strange {
        let shards = write(&*harness.store(), samples(3), prefix, &by_count(2)).await;
        assert_eq!(numbers(&read(harness, &shards).await), [0, 1, 2], "{prefix:?}");
    }
}

pub(crate) async fn bad_prefixes_are_refused_and_leave_nothing(harness: &dyn StoreHarness) {
    let too_long = "x".repeat(513);
    let bad = [
        "",
        "/",
        "/absolute",
        "../up",
        "a/../b",
        "..",
        ".",
        "a//b",
        "a/",
        ".hidden",
        "a\nb",
        "a\0b",
        r"a\b",
        "a{1,2}",
        "a{0..3}",
        &too_long,
    ];
    for prefix in bad {
        let written =
            harness.store().write_samples(stream_of(samples(1)), prefix, &WriteOptions::default()).await;
        let error = written.expect_err(prefix);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{prefix:?}: {error}");
    }
    assert_eq!(objects(harness).await, [""; 0]);
}

pub(crate) async fn a_prefix_that_begins_another_disturbs_nothing(harness: &dyn StoreHarness) {
    let store = harness.store();
    let mut all = Vec::new();
    for (n, prefix) in (1..).zip(["a", "ab", "a/b", "a/b/c"]) {
        all.push((n, write(&*store, samples(n), prefix, &by_count(1)).await));
    }
    for (n, shards) in all {
        assert_eq!(numbers(&read(harness, &shards).await), (0..n).collect::<Vec<_>>());
    }
}

pub(crate) async fn a_second_dataset_of_the_same_prefix_leaves_the_first(harness: &dyn StoreHarness) {
    let store = harness.store();
    let first = write(&*store, samples(5), "digits", &by_count(2)).await;
    let second = write(&*store, samples(9).split_off(5), "digits", &by_count(2)).await;
    assert_eq!(numbers(&read(harness, &first).await), [0, 1, 2, 3, 4]);
    assert_eq!(numbers(&read(harness, &second).await), [5, 6, 7, 8]);
}
