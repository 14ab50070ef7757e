//! Labels.

use atdata_core::{ErrorKind, IfExists, Index, Label};
use futures::TryStreamExt;

use super::{IndexHarness, names, new, urls};
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

pub(crate) async fn the_history_of_a_name_begins_with_what_was_set_last(harness: &dyn IndexHarness) {
    if !harness.limits().label_history {
        return;
    }
    let index = harness.index();
    assert_eq!(index.label_history("best").await.unwrap(), []);
    let a = insert(&*index, "a", "a.tar").await;
    let b = insert(&*index, "b", "b.tar").await;
    // The last one is set again, and so is the youngest, with another description.
    for (version, cid) in [("2", &a), ("1", &b), ("10", &a), ("", &b), ("2", &b)] {
        let label = Label::new("best", cid).with_version(version).with_description(format!("{version}: why"));
        index.set_label(&label).await.unwrap();
    }
    index.set_label(&Label::new("best of all", &a)).await.unwrap();
    let expected = [("2", &b), ("", &b), ("10", &a), ("1", &b)];
    for index in [index, harness.reopen().await] {
        let history = index.label_history("best").await.unwrap();
        let found: Vec<_> = history.iter().map(|dated| (&*dated.label.version, &dated.label.cid)).collect();
        assert_eq!(found, expected);
        for dated in &history {
            assert_eq!(dated.label.name, "best");
            assert_eq!(dated.label.description, Some(format!("{}: why", dated.label.version)));
        }
        let times: Vec<_> = history.iter().map(|dated| dated.set_at.expect("we have set it")).collect();
        assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    }
}

pub(crate) async fn a_removed_label_is_gone_and_its_dataset_stays(harness: &dyn IndexHarness) {
    if !harness.limits().label_history {
        return;
    }
    let index = harness.index();
    let cid = insert(&*index, "digits", "a.tar").await;
    for version in ["1", "2"] {
        index.set_label(&Label::new("best", &cid).with_version(version)).await.unwrap();
    }
    let other = harness.reopen().await;
    other.delete_label("best", "2").await.unwrap();
    for index in [index, other, harness.reopen().await] {
        refused(index.get_label("best", Some("2")).await, ErrorKind::NotFound, "2");
        refused(index.get_dataset("best@2").await, ErrorKind::NotFound, "best@2");
        assert_eq!(listed(&*index, "best").await, [("best".to_owned(), "1".to_owned())]);
        assert_eq!(index.label_history("best").await.unwrap().len(), 1);
        for reference in ["best", "best@1", "digits", &cid] {
            assert_eq!(urls(&index.get_dataset(reference).await.unwrap()), ["a.tar"], "{reference}");
        }
        assert_eq!(names(&*index, "").await, ["digits"]);
    }
}

pub(crate) async fn without_its_latest_label_a_name_stands_for_what_was_set_before(
    harness: &dyn IndexHarness,
) {
    if !harness.limits().label_history {
        return;
    }
    let index = harness.index();
    let (mut cids, versions) = (Vec::new(), ["3", "1", "2"]);
    for (i, version) in versions.into_iter().enumerate() {
        let new = new("digits", &[&*format!("{i}.tar")]).with_version(version);
        let entry = index.insert_dataset(new.with_if_exists(IfExists::Replace)).await.unwrap();
        cids.push(entry.cid().unwrap().to_owned());
    }
    for (removed, expected) in [("", "2.tar"), ("2", "1.tar"), ("1", "0.tar")] {
        index.delete_label("digits", removed).await.unwrap();
        for index in [index.clone(), harness.reopen().await] {
            assert_eq!(urls(&index.get_dataset("digits").await.unwrap()), [expected], "{removed:?}");
            assert_eq!(names(&*index, "").await, ["digits"]);
        }
    }
    // What no label leads to is found by its identifier.
    for (i, cid) in cids.iter().enumerate() {
        assert_eq!(urls(&index.get_dataset(cid).await.unwrap()), [format!("{i}.tar")]);
    }
    // And can be labelled again.
    index.set_label(&Label::new("digits", &cids[2]).with_version("2")).await.unwrap();
    assert_eq!(urls(&index.get_dataset("digits").await.unwrap()), ["2.tar"]);
}

pub(crate) async fn without_any_label_a_name_stands_for_the_dataset_of_that_name(harness: &dyn IndexHarness) {
    if !harness.limits().label_history {
        return;
    }
    let index = harness.index();
    insert(&*index, "digits", "a.tar").await;
    index.delete_label("digits", "").await.unwrap();
    for index in [index.clone(), harness.reopen().await] {
        assert_eq!(urls(&index.get_dataset("digits").await.unwrap()), ["a.tar"]);
        assert_eq!(names(&*index, "").await, ["digits"]);
        refused(index.get_label("digits", None).await, ErrorKind::NotFound, "digits");
    }
    // The name is taken still.
    refused(index.insert_dataset(new("digits", &["b.tar"])).await, ErrorKind::AlreadyExists, "digits");
    insert(&*index, "digits", "a.tar").await;
    assert_eq!(listed(&*index, "").await, [("digits".to_owned(), String::new())]);
}

pub(crate) async fn removing_what_is_not_there_is_not_found(harness: &dyn IndexHarness) {
    if !harness.limits().label_history {
        return;
    }
    let index = harness.index();
    let cid = insert(&*index, "digits", "a.tar").await;
    index.set_label(&Label::new("best", &cid).with_version("1")).await.unwrap();
    for (name, version) in [("best", ""), ("best", "2"), ("bes", "1"), ("nowhere", ""), ("*", "1")] {
        refused(index.delete_label(name, version).await, ErrorKind::NotFound, name);
    }
    index.delete_label("best", "1").await.unwrap();
    refused(index.delete_label("best", "1").await, ErrorKind::NotFound, "best");
    refused(index.get_dataset("best").await, ErrorKind::NotFound, "best");
}
