//! Inserting and finding.

use std::sync::Arc;

use atdata_core::{ErrorKind, IfExists, Index, IndexEntry, IndexExt, Map, Value};

use super::{IndexHarness, SCHEMA, names, new, urls};
use crate::suite::{refused, skip};

pub(crate) async fn an_empty_index_lists_and_counts_nothing(harness: &dyn IndexHarness) {
    let index = harness.index();
    assert!(names(&*index, "").await.is_empty());
    assert_eq!(index.count_datasets().await.unwrap(), 0);
}

pub(crate) async fn an_unknown_dataset_is_not_found_by_its_name(harness: &dyn IndexHarness) {
    let index = harness.index();
    refused(index.get_dataset("nowhere").await, ErrorKind::NotFound, "nowhere");
    index.insert_dataset(new("somewhere", &["a.tar"])).await.unwrap();
    refused(index.get_dataset("nowhere").await, ErrorKind::NotFound, "nowhere");
    refused(index.get_dataset("somewher").await, ErrorKind::NotFound, "somewher");
}

pub(crate) async fn an_unknown_version_is_not_found(harness: &dyn IndexHarness) {
    let index = harness.index();
    index.insert_dataset(new("digits", &["a.tar"]).with_version("1.0.0")).await.unwrap();
    refused(index.get_dataset("digits@2.0.0").await, ErrorKind::NotFound, "digits@2.0.0");
}

pub(crate) async fn what_is_inserted_is_found_again(harness: &dyn IndexHarness) {
    let index = harness.index();
    let metadata = Map::from_iter([("license", "CC0")]);
    let inserted =
        index.insert_dataset(new("digits", &["a.tar", "b.tar"]).with_metadata(metadata)).await.unwrap();
    let found = index.get_dataset("digits").await.unwrap();
    for entry in [inserted, found] {
        assert_eq!((entry.name(), entry.schema_ref()), ("digits", SCHEMA));
        assert_eq!(urls(&entry), ["a.tar", "b.tar"]);
        assert_eq!(entry.metadata().unwrap().get("license").and_then(Value::as_str), Some("CC0"));
    }
    assert_eq!(index.count_datasets().await.unwrap(), 1);
}

pub(crate) async fn an_entry_is_found_by_its_content_identifier(harness: &dyn IndexHarness) {
    let index = harness.index();
    let inserted = index.insert_dataset(new("digits", &["a.tar"])).await.unwrap();
    let cid = inserted.cid().expect("an index gives identifiers");
    assert_eq!(index.get_dataset(cid).await.unwrap().name(), "digits");
}

/// Two indexes that hold the same dataset agree on its identifier; where entries are records of another form, it is
/// the record's.
pub(crate) async fn the_content_identifier_is_that_of_schema_and_addresses(harness: &dyn IndexHarness) {
    let index = harness.index();
    let a = index.insert_dataset(new("a", &["x.tar"])).await.unwrap();
    let other = index.insert_dataset(new("b", &["y.tar"])).await.unwrap();
    assert_ne!(a.cid(), other.cid());
    if a.uri().is_none() {
        let expected = atdata_core::cid::entry_cid(SCHEMA, &["x.tar"]).unwrap().to_string();
        assert_eq!(a.cid(), Some(expected.as_str()));
    }
}

pub(crate) async fn another_handle_sees_what_was_inserted(harness: &dyn IndexHarness) {
    let index = harness.index();
    let before = harness.reopen().await;
    index.insert_dataset(new("digits", &["a.tar"])).await.unwrap();
    for handle in [before, harness.reopen().await] {
        assert_eq!(urls(&handle.get_dataset("digits").await.unwrap()), ["a.tar"]);
        assert_eq!(names(&*handle, "").await, ["digits"]);
    }
}

pub(crate) async fn inserting_the_same_thing_twice_is_no_change(harness: &dyn IndexHarness) {
    let index = harness.index();
    let first = index.insert_dataset(new("digits", &["a.tar"])).await.unwrap();
    let second = index.insert_dataset(new("digits", &["a.tar"])).await.unwrap();
    assert_eq!(first.cid(), second.cid());
    assert_eq!(names(&*index, "").await, ["digits"]);
}

pub(crate) async fn another_dataset_of_the_same_name_is_refused(harness: &dyn IndexHarness) {
    let index = harness.index();
    index.insert_dataset(new("digits", &["a.tar"])).await.unwrap();
    let second = index.insert_dataset(new("digits", &["b.tar"])).await;
    refused(second, ErrorKind::AlreadyExists, "digits");
    assert_eq!(urls(&index.get_dataset("digits").await.unwrap()), ["a.tar"]);
}

pub(crate) async fn metadata_alone_make_another_dataset(harness: &dyn IndexHarness) {
    let index = harness.index();
    index.insert_dataset(new("digits", &["a.tar"])).await.unwrap();
    let second = new("digits", &["a.tar"]).with_metadata(Map::from_iter([("k", 1i64)]));
    refused(index.insert_dataset(second).await, ErrorKind::AlreadyExists, "digits");
    assert!(index.get_dataset("digits").await.unwrap().metadata().is_none());
}

pub(crate) async fn replacing_moves_the_name(harness: &dyn IndexHarness) {
    let index = harness.index();
    index.insert_dataset(new("digits", &["a.tar"])).await.unwrap();
    let second = new("digits", &["b.tar"]).with_if_exists(IfExists::Replace);
    index.insert_dataset(second).await.unwrap();
    assert_eq!(urls(&index.get_dataset("digits").await.unwrap()), ["b.tar"]);
    assert_eq!(index.count_datasets().await.unwrap(), 1);
}

pub(crate) async fn replacing_keeps_what_a_versioned_label_points_to(harness: &dyn IndexHarness) {
    let index = harness.index();
    let old = index.insert_dataset(new("digits", &["a.tar"]).with_version("1.0.0")).await.unwrap();
    let second = new("digits", &["b.tar"]).with_version("2.0.0").with_if_exists(IfExists::Replace);
    index.insert_dataset(second).await.unwrap();
    for (reference, expected) in [
        ("digits", "b.tar"),
        ("digits@2.0.0", "b.tar"),
        ("digits@1.0.0", "a.tar"),
        (old.cid().unwrap(), "a.tar"),
    ] {
        assert_eq!(urls(&index.get_dataset(reference).await.unwrap()), [expected], "{reference}");
    }
}

pub(crate) async fn replacing_forgets_what_nothing_points_to(harness: &dyn IndexHarness) {
    let index = harness.index();
    let old = index.insert_dataset(new("digits", &["a.tar"])).await.unwrap();
    let second = new("digits", &["b.tar"]).with_if_exists(IfExists::Replace);
    index.insert_dataset(second).await.unwrap();
    let cid = old.cid().unwrap();
    refused(index.get_dataset(cid).await, ErrorKind::NotFound, cid);
}

pub(crate) async fn the_same_addresses_under_two_names_stay_two_datasets(harness: &dyn IndexHarness) {
    let index = harness.index();
    for (name, note) in [("first", "one"), ("second", "two")] {
        let new = new(name, &["a.tar"]).with_metadata(Map::from_iter([("note", note)]));
        index.insert_dataset(new).await.unwrap();
    }
    for (name, note) in [("first", "one"), ("second", "two")] {
        let entry = index.get_dataset(name).await.unwrap();
        assert_eq!(entry.name(), name);
        assert_eq!(entry.metadata().unwrap().get("note").and_then(Value::as_str), Some(note));
    }
    assert_eq!(names(&*index, "").await, ["first", "second"]);
}

pub(crate) async fn replacing_one_of_two_names_leaves_the_other(harness: &dyn IndexHarness) {
    let index = harness.index();
    index.insert_dataset(new("first", &["a.tar"])).await.unwrap();
    index.insert_dataset(new("second", &["a.tar"])).await.unwrap();
    index.insert_dataset(new("first", &["b.tar"]).with_if_exists(IfExists::Replace)).await.unwrap();
    assert_eq!(urls(&index.get_dataset("first").await.unwrap()), ["b.tar"]);
    assert_eq!(urls(&index.get_dataset("second").await.unwrap()), ["a.tar"]);
    assert_eq!(names(&*index, "").await, ["first", "second"]);
}

pub(crate) async fn a_name_with_a_version_finds_that_version(harness: &dyn IndexHarness) {
    let index = harness.index();
    for (version, url) in [("1.0.0", "a.tar"), ("1.1.0", "b.tar"), ("2.0.0-rc.1+x", "c.tar")] {
        let new = new("digits", &[url]).with_version(version).with_if_exists(IfExists::Replace);
        index.insert_dataset(new).await.unwrap();
    }
    for (version, url) in [("1.0.0", "a.tar"), ("1.1.0", "b.tar"), ("2.0.0-rc.1+x", "c.tar")] {
        assert_eq!(urls(&index.get_dataset(&format!("digits@{version}")).await.unwrap()), [url]);
    }
}

pub(crate) async fn an_older_dataset_leaves_the_name_where_it_is(harness: &dyn IndexHarness) {
    let index = harness.index();
    index.insert_dataset(new("digits", &["c.tar"]).with_version("3.0.0")).await.unwrap();
    for (version, url) in [("1.0.0", "a.tar"), ("2.0.0", "b.tar")] {
        let older = || new("digits", &[url]).with_version(version).as_older();
        index.insert_dataset(older()).await.unwrap();
        // Again it is no change.
        index.insert_dataset(older()).await.unwrap();
        for handle in [index.clone(), harness.reopen().await] {
            assert_eq!(urls(&handle.get_dataset("digits").await.unwrap()), ["c.tar"]);
            assert_eq!(urls(&handle.get_dataset(&format!("digits@{version}")).await.unwrap()), [url]);
            assert_eq!(urls(&handle.get_dataset("digits@3.0.0").await.unwrap()), ["c.tar"]);
            assert_eq!(index.count_datasets().await.unwrap(), 1);
        }
    }
    let taken = new("digits", &["x.tar"]).with_version("2.0.0").as_older();
    refused(index.insert_dataset(taken).await, ErrorKind::AlreadyExists, "digits");
    refused(index.insert_dataset(new("digits", &["x.tar"]).as_older()).await, ErrorKind::Invalid, "digits");
    assert_eq!(urls(&index.get_dataset("digits@2.0.0").await.unwrap()), ["b.tar"]);
    let listed = super::names(&*index, "").await;
    assert_eq!(listed, ["digits"]);
}

pub(crate) async fn an_older_dataset_takes_a_name_that_stands_for_nothing(harness: &dyn IndexHarness) {
    let index = harness.index();
    index.insert_dataset(new("digits", &["a.tar"]).with_version("1.0.0").as_older()).await.unwrap();
    for reference in ["digits", "digits@1.0.0"] {
        assert_eq!(urls(&index.get_dataset(reference).await.unwrap()), ["a.tar"]);
    }
}

pub(crate) async fn an_older_dataset_that_is_replaced_is_forgotten(harness: &dyn IndexHarness) {
    let index = harness.index();
    let latest = index.insert_dataset(new("digits", &["b.tar"]).with_version("2.0.0")).await.unwrap();
    let old = index.insert_dataset(new("digits", &["a.tar"]).with_version("1.0.0").as_older()).await.unwrap();
    let replaced = |version| {
        new("digits", &["c.tar"]).with_version(version).as_older().with_if_exists(IfExists::Replace)
    };
    index.insert_dataset(replaced("1.0.0")).await.unwrap();
    refused(index.get_dataset(old.cid().unwrap()).await, ErrorKind::NotFound, old.cid().unwrap());
    assert_eq!(urls(&index.get_dataset("digits@1.0.0").await.unwrap()), ["c.tar"]);
    // The version that the name stands for: the name keeps what it stands for.
    index.insert_dataset(replaced("2.0.0")).await.unwrap();
    for handle in [index.clone(), harness.reopen().await] {
        assert_eq!(urls(&handle.get_dataset("digits").await.unwrap()), ["b.tar"]);
        assert_eq!(urls(&handle.get_dataset("digits@2.0.0").await.unwrap()), ["c.tar"]);
        assert_eq!(urls(&handle.get_dataset(latest.cid().unwrap()).await.unwrap()), ["b.tar"]);
    }
}

pub(crate) async fn a_reference_with_an_authority_finds_the_local_name(harness: &dyn IndexHarness) {
    let index = harness.index();
    index.insert_dataset(new("digits", &["a.tar"]).with_version("1.0.0")).await.unwrap();
    for reference in ["local/digits", "atdata://local/dataset/digits", "atdata://local/dataset/digits@1.0.0"]
    {
        assert_eq!(urls(&index.get_dataset(reference).await.unwrap()), ["a.tar"], "{reference}");
    }
}

pub(crate) async fn a_reference_to_another_authority_is_not_found(harness: &dyn IndexHarness) {
    let index = harness.index();
    let entry = index.insert_dataset(new("digits", &["a.tar"])).await.unwrap();
    if entry.uri().is_some() {
        return skip("a_reference_to_another_authority_is_not_found", "the index resolves other authorities");
    }
    let reference = "@alice.example/digits";
    refused(index.get_dataset(reference).await, ErrorKind::NotFound, reference);
}

pub(crate) async fn the_addresses_keep_their_order(harness: &dyn IndexHarness) {
    let index = harness.index();
    let order = ["c.tar", "a.tar", "b.tar", "a.tar"];
    index.insert_dataset(new("digits", &order)).await.unwrap();
    assert_eq!(urls(&index.get_dataset("digits").await.unwrap()), order);
}

pub(crate) async fn no_addresses_at_all_are_kept_as_such(harness: &dyn IndexHarness) {
    let index = harness.index();
    if harness.limits().max_urls == 0 {
        return skip("no_addresses_at_all_are_kept_as_such", "entries need addresses");
    }
    index.insert_dataset(new("nothing", &[])).await.unwrap();
    assert!(urls(&index.get_dataset("nothing").await.unwrap()).is_empty());
}

pub(crate) async fn thousands_of_addresses_are_kept(harness: &dyn IndexHarness) {
    let index = harness.index();
    let many: Vec<String> =
        (0..harness.limits().max_urls).map(|i| format!("s3://bucket/{i:06}.tar")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    index.insert_dataset(new("many", &many)).await.unwrap();
    assert_eq!(urls(&harness.reopen().await.get_dataset("many").await.unwrap()), many);
}

pub(crate) async fn strange_addresses_are_kept_as_they_are(harness: &dyn IndexHarness) {
    let index = harness.index();
    let strange = [
        "https://host/a.tar?x=1&y=%20#part",
        "/with space/ünïcode/🦀.tar",
        "s3://bucket/{000..010}.tar",
        r#"C:\data\a'b\"c.tar"#,
        "",
    ];
    index.insert_dataset(new("strange", &strange)).await.unwrap();
    assert_eq!(urls(&index.get_dataset("strange").await.unwrap()), strange);
}

pub(crate) async fn through_an_arc_and_a_box_it_is_the_same_index(harness: &dyn IndexHarness) {
    async fn insert_and_find<T: Index>(index: T, name: &str) -> Arc<dyn IndexEntry> {
        index.insert_dataset(new(name, &["a.tar"])).await.unwrap();
        assert_eq!(index.get_label(name, None).await.unwrap().name, name);
        assert_eq!(names(&index, name).await, [name]);
        index.get_dataset(name).await.unwrap()
    }
    let index: Arc<dyn Index> = harness.index();
    let boxed: Box<dyn Index> = Box::new(index.clone());
    insert_and_find(index.clone(), "arc").await;
    insert_and_find(boxed, "box").await;
    assert_eq!(index.count_datasets().await.unwrap(), 2);
}
