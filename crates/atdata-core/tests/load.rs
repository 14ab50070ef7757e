//! Datasets by path or name, in splits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::sync::Arc;

use atdata_core::schema::{Field, Primitive, SampleSchema};
use atdata_core::source::Registry;
use atdata_core::{
    DataStoreExt, DictSample, ErrorKind, Federation, Index, MemoryIndex, MemoryStore, NewDataset, Value,
    WriteOptions, load_dataset,
};
use futures::executor::block_on;
use futures::{StreamExt, TryStreamExt};

fn directory(names: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in names {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, []).unwrap();
    }
    directory
}

fn splits(path: &str) -> Vec<(String, Vec<String>)> {
    block_on(async {
        let mut found = Vec::new();
        for (split, dataset) in load_dataset(path, &Registry::default()).splits().await.unwrap() {
            let shards = dataset.shards().await.unwrap();
            let name = |shard: &String| Path::new(shard).file_name().unwrap().to_str().unwrap().to_owned();
            found.push((split, shards.iter().map(name).collect()));
        }
        found
    })
}

fn expected(splits: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let owned = |shards: &[&str]| shards.iter().map(|shard| (*shard).to_owned()).collect();
    splits.iter().map(|(split, shards)| ((*split).to_owned(), owned(shards))).collect()
}

#[test]
fn directories_globs_and_braces_are_split_by_name() {
    let files = ["a-test-0.tar", "a-train-0.tar", "a-train-1.tar", "b.tar", "note.txt", "val/a.tar"];
    let directory = directory(&files);
    let root = directory.path().to_str().unwrap();
    let all =
        expected(&[("test", &["a-test-0.tar"]), ("train", &["a-train-0.tar", "a-train-1.tar", "b.tar"])]);
    assert_eq!(splits(root), all);
    assert_eq!(splits(&format!("{root}/*.tar")), all);
    assert_eq!(splits(&format!("{root}/val")), expected(&[("validation", &["a.tar"])]));
    assert_eq!(splits(&format!("{root}/val/a.tar")), expected(&[("validation", &["a.tar"])]));
    let braces = format!("{root}/a-{{train,test}}-{{0..1}}.tar");
    let both =
        [("train", &["a-train-0.tar", "a-train-1.tar"][..]), ("test", &["a-test-0.tar", "a-test-1.tar"])];
    assert_eq!(splits(&braces), expected(&both));
}

#[test]
fn data_files_say_the_splits_themselves() {
    let directory = directory(&["x-test-0.tar", "y.tar", "z.tar"]);
    let root = directory.path().to_str().unwrap();
    let files = [
        ("train", format!("{root}/x-*.tar")),
        ("held-out", format!("{root}/y.tar")),
        ("train", format!("{root}/z.tar")),
    ];
    block_on(async {
        let registry = Registry::default();
        let load = load_dataset("whatever", &registry).with_data_files(files);
        let splits = load.splits().await.unwrap();
        assert_eq!(splits.names().collect::<Vec<_>>(), ["train", "held-out"]);
        assert_eq!(splits.split("train").unwrap().shards().await.unwrap().len(), 2);
        let error = load.split("test").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.message().contains("train, held-out"), "{error}");
    });
}

#[test]
fn what_is_not_there_is_an_error_that_says_what() {
    let empty = directory(&["note.txt"]);
    let root = empty.path().to_str().unwrap();
    let (registry, index) = (Registry::default(), MemoryIndex::new());
    block_on(async {
        for (path, with_index, kind) in [
            (root, false, ErrorKind::NotFound),
            (&*format!("{root}/*.tar"), false, ErrorKind::NotFound),
            ("@alice.test/digits", false, ErrorKind::Invalid),
            ("at://did:plc:a/c.d.e/3k", false, ErrorKind::Invalid),
            ("atdata://local/dataset/digits", true, ErrorKind::NotFound),
            ("digits", true, ErrorKind::NotFound),
            ("ftp://host/a.tar", false, ErrorKind::Unsupported),
            ("a-{0..", false, ErrorKind::Invalid),
        ] {
            let mut load = load_dataset(path, &registry);
            if with_index {
                load = load.with_index(&index);
            }
            let error = load.splits().await.unwrap_err();
            assert_eq!(error.kind(), kind, "{path}: {error}");
            assert!(format!("{error:?}").contains(path.trim_end_matches("/*.tar")), "{path}: {error:?}");
        }
    });
}

#[test]
fn names_lead_to_datasets_of_the_index() {
    let (store, index) = (MemoryStore::new(), MemoryIndex::new());
    let mut registry = Registry::default();
    registry.register("mem", Arc::new(store.clone()));
    let schema = SampleSchema::new("Digit").field(Field::new("n", Primitive::Int));
    block_on(async {
        let samples = futures::stream::iter((0..3i64).map(|i| Ok(DictSample::from_iter([("n", i)])))).boxed();
        let shards = store.write_samples(samples, "digits", &WriteOptions::default()).await.unwrap();
        let new = NewDataset::from_shards("digits", schema, shards).with_version("1.0.0");
        index.insert_dataset(new).await.unwrap();
        let index = Federation::new(MemoryIndex::new()).with_mount("team", index).unwrap();
        for path in ["team/digits", "@team/digits@1.0.0", "atdata://team/dataset/digits"] {
            let load = load_dataset(path, &registry).with_index(&index);
            let splits = load.splits().await.unwrap();
            assert_eq!(splits.names().collect::<Vec<_>>(), ["train"], "{path}");
            let train = load.split("train").await.unwrap();
            let all: Vec<_> = train.ordered().try_collect().await.unwrap();
            assert_eq!(
                all.iter().map(|sample| sample.get("n").and_then(Value::as_i64)).collect::<Vec<_>>(),
                [Some(0), Some(1), Some(2)]
            );
            assert_eq!(train.schema().map(|schema| &*schema.name), Some("Digit"));
            assert_eq!(load.split("test").await.unwrap_err().kind(), ErrorKind::NotFound);
        }
    });
}
