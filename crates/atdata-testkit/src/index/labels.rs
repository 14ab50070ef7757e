//! Labels.

use atdata_core::{ErrorKind, Index, Label};
use futures::TryStreamExt;

use super::{IndexHarness, new, urls};
use crate::suite::refused;

async fn listed(index: &dyn Index, prefix: &str) -> Vec<(String, String)> {
    let labels: Vec<Label> = index.list_labels(prefix).try_collect().await.expect("a listing");
    labels.into_iter().map(|label| (label.name, label.version)).collect()
}

async fn insert(index: &dyn Index, name: &str, url: &str) -> String {
    index
        .insert_dataset(new(name, &[url]))
        .await
        .unwrap()
        .cid()
        .expect("an index gives identifiers")
        .to_owned()
}

pub(crate) async fn an_unknown_label_is_not_found(harness: &dyn IndexHarness) {
    let index = harness.index();
    refused(index.get_label("nowhere", None).await, ErrorKind::NotFound, "nowhere");
    insert(&*index, "digits", "a.tar").await;
    refused(index.get_label("digits", Some("9.9.9")).await, ErrorKind::NotFound, "9.9.9");
}

pub(crate) async fn inserting_labels_the_name(harness: &dyn IndexHarness) {
    let index = harness.index();
    let cid = insert(&*index, "digits", "a.tar").await;
    let label = index.get_label("digits", None).await.unwrap();
    assert_eq!((label.name.as_str(), label.version.as_str(), &label.cid), ("digits", "", &cid));
    assert_eq!(listed(&*index, "").await, [("digits".to_owned(), String::new())]);
}

pub(crate) async fn inserting_with_a_version_labels_both(harness: &dyn IndexHarness) {
    let index = harness.index();
    let entry = index.insert_dataset(new("digits", &["a.tar"]).with_version("1.0.0")).await.unwrap();
    for version in [None, Some("1.0.0")] {
        assert_eq!(
            index.get_label("digits", version).await.unwrap().cid,
            entry.cid().unwrap(),
            "{version:?}"
        );
    }
    assert_eq!(index.get_label("digits", Some("1.0.0")).await.unwrap().version, "1.0.0");
    let both = ["", "1.0.0"].map(|version| ("digits".to_owned(), version.to_owned()));
    assert_eq!(listed(&*index, "").await, both);
}

pub(crate) async fn a_label_is_set_and_found(harness: &dyn IndexHarness) {
    let index = harness.index();
    let cid = insert(&*index, "digits", "a.tar").await;
    let label = Label::new("digits", &cid).with_version("gold").with_description("the one in the paper – é");
    index.set_label(&label).await.unwrap();
    assert_eq!(index.get_label("digits", Some("gold")).await.unwrap(), label);
    assert_eq!(urls(&index.get_dataset("digits@gold").await.unwrap()), ["a.tar"]);
    let plain = Label::new("digits", &cid).with_version("plain");
    index.set_label(&plain).await.unwrap();
    assert_eq!(index.get_label("digits", Some("plain")).await.unwrap().description, None);
}

pub(crate) async fn a_label_moves(harness: &dyn IndexHarness) {
    let index = harness.index();
    let a = insert(&*index, "a", "a.tar").await;
    let b = insert(&*index, "b", "b.tar").await;
    for cid in [&a, &b, &a] {
        let label = Label::new("best", cid).with_version("1");
        index.set_label(&label).await.unwrap();
        assert_eq!(index.get_label("best", Some("1")).await.unwrap().cid, *cid);
    }
    let best: Vec<_> = listed(&*index, "best").await;
    assert_eq!(best, [("best".to_owned(), "1".to_owned())]);
}

pub(crate) async fn without_a_version_the_label_set_last_counts(harness: &dyn IndexHarness) {
    let index = harness.index();
    let a = insert(&*index, "a", "a.tar").await;
    let b = insert(&*index, "b", "b.tar").await;
    // Neither the order of versions nor that of identifiers decides.
    for (version, cid) in [("2.0.0", &a), ("1.0.0", &b), ("10.0.0", &a), ("3.0.0", &b), ("2.0.0", &a)] {
        index.set_label(&Label::new("best", cid).with_version(version)).await.unwrap();
        let latest = index.get_label("best", None).await.unwrap();
        assert_eq!((latest.version.as_str(), &latest.cid), (version, cid));
        let latest = harness.reopen().await.get_label("best", None).await.unwrap();
        assert_eq!((latest.version.as_str(), &latest.cid), (version, cid));
    }
}

pub(crate) async fn a_label_to_nothing_is_refused(harness: &dyn IndexHarness) {
    let index = harness.index();
    let nothing = "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua";
    insert(&*index, "digits", "a.tar").await;
    refused(index.set_label(&Label::new("digits", nothing)).await, ErrorKind::NotFound, nothing);
    assert_ne!(index.get_label("digits", None).await.unwrap().cid, nothing);
}

pub(crate) async fn a_label_of_another_name_finds_the_dataset(harness: &dyn IndexHarness) {
    let index = harness.index();
    let cid = insert(&*index, "digits-2024", "a.tar").await;
    index.set_label(&Label::new("digits", &cid)).await.unwrap();
    index.set_label(&Label::new("digits", &cid).with_version("2024")).await.unwrap();
    for reference in ["digits", "digits@2024", "digits-2024"] {
        assert_eq!(urls(&index.get_dataset(reference).await.unwrap()), ["a.tar"], "{reference}");
    }
}

pub(crate) async fn labels_are_listed_by_name_and_version(harness: &dyn IndexHarness) {
    let index = harness.index();
    let cid = insert(&*index, "digits", "a.tar").await;
    for (name, version) in [("b", "2"), ("b", "1"), ("a b", "1"), ("a", "2"), ("a", "1"), ("a/x", "1")] {
        index.set_label(&Label::new(name, &cid).with_version(version)).await.unwrap();
    }
    let expected =
        [("a", "1"), ("a", "2"), ("a b", "1"), ("a/x", "1"), ("b", "1"), ("b", "2"), ("digits", "")];
    let expected = expected.map(|(name, version)| (name.to_owned(), version.to_owned()));
    assert_eq!(listed(&*index, "").await, expected);
    assert_eq!(listed(&*index, "a").await, expected[..4]);
}

pub(crate) async fn label_prefixes_are_not_patterns(harness: &dyn IndexHarness) {
    let index = harness.index();
    let cid = insert(&*index, "digits", "a.tar").await;
    for name in ["*x", "%x", "_x", "[a]x", "ax", r"\x"] {
        index.set_label(&Label::new(name, &cid).with_version("1")).await.unwrap();
    }
    for prefix in ["*", "%", "_", "[a]", r"\"] {
        assert_eq!(listed(&*index, prefix).await, [(format!("{prefix}x"), "1".to_owned())], "{prefix:?}");
    }
}

pub(crate) async fn labels_of_refused_names_are_refused(harness: &dyn IndexHarness) {
    let index = harness.index();
    let cid = insert(&*index, "digits", "a.tar").await;
    for name in ["", "a\nb", "@x/y", &"n".repeat(harness.limits().max_name + 1)] {
        let error = index.set_label(&Label::new(name, &cid)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{name:?}: {error}");
    }
    assert_eq!(listed(&*index, "").await.len(), 1);
}

pub(crate) async fn an_older_label_leaves_the_name_where_it_is(harness: &dyn IndexHarness) {
    let index = harness.index();
    let (a, b) = (insert(&*index, "a", "a.tar").await, insert(&*index, "b", "b.tar").await);
    index.set_label(&Label::new("best", &b).with_version("2").with_description("the new one")).await.unwrap();
    let older = |version, cid| Label::new("best", cid).with_version(version).with_description("not any more");
    for (version, cid) in [("1", &a), ("0", &b), ("1", &b), ("1", &a)] {
        index.set_older_label(&older(version, cid)).await.unwrap();
        for handle in [index.clone(), harness.reopen().await] {
            let latest = handle.get_label("best", None).await.unwrap();
            assert_eq!((latest.version.as_str(), &latest.cid), ("2", &b));
            assert_eq!(latest.description.as_deref(), Some("the new one"));
            assert_eq!(handle.get_label("best", Some(version)).await.unwrap(), older(version, cid));
            assert_eq!(urls(&handle.get_dataset("best").await.unwrap()), ["b.tar"]);
        }
    }
    // The very label by which the name stands for something.
    index.set_older_label(&older("2", &b)).await.unwrap();
    assert_eq!(index.get_label("best", None).await.unwrap(), older("2", &b));
    index.set_older_label(&older("2", &a)).await.unwrap();
    for handle in [index.clone(), harness.reopen().await] {
        assert_eq!(handle.get_label("best", None).await.unwrap().cid, b);
        assert_eq!(urls(&handle.get_dataset("best@2").await.unwrap()), ["a.tar"]);
    }
    // By the one without a version the name stands for what it stands for now.
    refused(index.set_older_label(&Label::new("best", &a)).await, ErrorKind::Invalid, "best");
    index.set_label(&older("4", &b)).await.unwrap();
    index.set_older_label(&Label::new("best", &a)).await.unwrap();
    assert_eq!(index.get_label("best", None).await.unwrap(), older("4", &b));
    assert_eq!(index.get_label("best", Some("")).await.unwrap().cid, a);
    let nothing = "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua";
    refused(index.set_older_label(&older("3", &nothing.to_owned())).await, ErrorKind::NotFound, nothing);
    assert_eq!(index.get_label("best", None).await.unwrap().cid, b);
}

pub(crate) async fn an_older_label_takes_a_name_that_stands_for_nothing(harness: &dyn IndexHarness) {
    let index = harness.index();
    let a = insert(&*index, "a", "a.tar").await;
    index.set_older_label(&Label::new("best", &a).with_version("1")).await.unwrap();
    assert_eq!(urls(&index.get_dataset("best").await.unwrap()), ["a.tar"]);
}

pub(crate) async fn another_handle_sees_labels(harness: &dyn IndexHarness) {
    let index = harness.index();
    let before = harness.reopen().await;
    let cid = insert(&*index, "digits", "a.tar").await;
    index.set_label(&Label::new("best", &cid)).await.unwrap();
    for handle in [before, harness.reopen().await] {
        assert_eq!(handle.get_label("best", None).await.unwrap().cid, cid);
        assert_eq!(urls(&handle.get_dataset("best").await.unwrap()), ["a.tar"]);
    }
}
