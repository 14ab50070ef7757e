//! Listing datasets.

use atdata_core::{IfExists, Index, IndexExt};
use futures::{StreamExt, TryStreamExt};

use super::{IndexHarness, names, new};

pub(crate) async fn datasets_are_listed_by_name(harness: &dyn IndexHarness) {
    let index = harness.index();
    for name in ["b", "a/2", "a", "B", "ä", "a/10", "a b", "aa"] {
        index.insert_dataset(new(name, &[name])).await.unwrap();
    }
    assert_eq!(names(&*index, "").await, ["B", "a", "a b", "a/10", "a/2", "aa", "b", "ä"]);
    assert_eq!(names(&*index, "a/").await, ["a/10", "a/2"]);
    assert_eq!(names(&*index, "a").await, ["a", "a b", "a/10", "a/2", "aa"]);
    assert!(names(&*index, "zz").await.is_empty());
}

pub(crate) async fn a_prefix_is_not_a_pattern(harness: &dyn IndexHarness) {
    let index = harness.index();
    let strange =
        ["*", "*x", "?", "?x", "[ab]", "[ab]x", "%", "%x", "_", "_x", r"\", r"\x", "'", "'x", "{", "{x"];
    for name in strange.iter().chain(&["a", "ax", "b", "plain"]) {
        index.insert_dataset(new(name, &[name])).await.unwrap();
    }
    for prefix in strange.iter().step_by(2) {
        assert_eq!(names(&*index, prefix).await, [(*prefix).to_owned(), format!("{prefix}x")], "{prefix:?}");
    }
    assert!(names(&*index, "A").await.is_empty(), "prefixes tell upper and lower case apart");
    assert!(names(&*index, "plain*").await.is_empty());
}

pub(crate) async fn a_replaced_dataset_is_listed_once(harness: &dyn IndexHarness) {
    let index = harness.index();
    for url in ["a.tar", "b.tar", "a.tar"] {
        index.insert_dataset(new("digits", &[url]).with_if_exists(IfExists::Replace)).await.unwrap();
    }
    let entries: Vec<_> = index.list_datasets("").try_collect().await.unwrap();
    assert_eq!(entries.iter().map(super::urls).collect::<Vec<_>>(), [["a.tar"]]);
}

pub(crate) async fn a_versioned_dataset_is_listed_once(harness: &dyn IndexHarness) {
    let index = harness.index();
    for (version, url) in [("1.0.0", "a.tar"), ("2.0.0", "b.tar"), ("3.0.0", "c.tar")] {
        let new = new("digits", &[url]).with_version(version).with_if_exists(IfExists::Replace);
        index.insert_dataset(new).await.unwrap();
    }
    let entries: Vec<_> = index.list_datasets("").try_collect().await.unwrap();
    assert_eq!(entries.iter().map(super::urls).collect::<Vec<_>>(), [["c.tar"]]);
}

pub(crate) async fn a_large_index_is_listed_completely(harness: &dyn IndexHarness) {
    let index = harness.index();
    let all: Vec<String> = (0..harness.limits().bulk).map(|i| format!("set-{i:05}")).collect();
    for name in &all {
        index.insert_dataset(new(name, &[name])).await.unwrap();
    }
    let reopened = harness.reopen().await;
    assert_eq!(names(&*reopened, "").await, all);
    assert_eq!(reopened.count_datasets().await.unwrap(), all.len() as u64);
    assert_eq!(names(&*reopened, "set-0001").await, all[10..20]);
}

pub(crate) async fn a_listing_can_be_dropped_half_way(harness: &dyn IndexHarness) {
    let index = harness.index();
    for i in 0..50 {
        index.insert_dataset(new(&format!("{i:02}"), &["a.tar"])).await.unwrap();
    }
    let mut listing = index.list_datasets("");
    assert_eq!(listing.next().await.unwrap().unwrap().name(), "00");
    drop(listing);
    index.insert_dataset(new("later", &["a.tar"])).await.unwrap();
    assert_eq!(index.count_datasets().await.unwrap(), 51);
}

pub(crate) async fn inserting_during_a_listing_hides_nothing(harness: &dyn IndexHarness) {
    let index = harness.index();
    let there: Vec<String> = (0..120).map(|i| format!("{i:03}-m")).collect();
    for name in &there {
        index.insert_dataset(new(name, &[name])).await.unwrap();
    }
    let mut listing = index.list_datasets("");
    let mut listed = Vec::new();
    while let Some(entry) = listing.next().await {
        let name = entry.unwrap().name().to_owned();
        // One before and one after every place that the listing comes by.
        if let Some(number) = name.strip_suffix("-m") {
            index.insert_dataset(new(&format!("{number}-a"), &["x.tar"])).await.unwrap();
            index.insert_dataset(new(&format!("{number}-z"), &["x.tar"])).await.unwrap();
        }
        listed.push(name);
    }
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(listed, sorted, "by name, each once");
    listed.retain(|name| name.ends_with("-m"));
    assert_eq!(listed, there);
}

pub(crate) async fn two_listings_at_once_do_not_disturb_each_other(harness: &dyn IndexHarness) {
    let index = harness.index();
    for i in 0..150 {
        index.insert_dataset(new(&format!("{i:03}"), &["a.tar"])).await.unwrap();
    }
    let pairs: Vec<_> = index.list_datasets("").zip(index.list_datasets("")).collect().await;
    assert_eq!(pairs.len(), 150);
    for (a, b) in pairs {
        assert_eq!(a.unwrap().name(), b.unwrap().name());
    }
}
