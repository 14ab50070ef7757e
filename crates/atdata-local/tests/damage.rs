//! Files that cannot be opened, read or written, and paths that look odd.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]
#![cfg(feature = "sqlite")]

mod common;

use std::fs;

use atdata_core::schema::{Field, Primitive, SampleSchema};
use atdata_core::{Error, ErrorKind, Index, IndexExt};
use atdata_local::LocalIndex;
use atdata_testkit::suite::block_on;
use futures::StreamExt;

use common::index::{InFile, listed, marked, new, python_file};

#[test]
fn what_is_no_database_is_corrupt_with_its_path() {
    block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("index.db");
        fs::write(&path, "no database at all ".repeat(500)).unwrap();
        let error = LocalIndex::open(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert_eq!(error.context_value("path"), path.to_str());
    });
}

#[test]
fn a_damaged_file_is_corrupt_with_its_path() {
    block_on(async {
        let (_directory, path) = python_file();
        // All pages but the first, which has the tables' definitions.
        let mut bytes = fs::read(&path).unwrap();
        bytes[4096..].fill(0xa5);
        fs::write(&path, bytes).unwrap();
        let result = match LocalIndex::open(&path).await {
            Ok(index) => index.get_dataset("mnist").await.map(|_| ()),
            Err(error) => Err(error),
        };
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert_eq!(error.context_value("path"), path.to_str());
    });
}

#[test]
fn a_directory_is_refused_with_its_path() {
    block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let error = LocalIndex::open(directory.path()).await.unwrap_err();
        assert_eq!(error.context_value("path"), directory.path().to_str(), "{error}");
    });
}

#[test]
fn a_damaged_entry_is_named_and_the_listing_goes_on() {
    block_on(async {
        let file = InFile::new().await;
        for name in ["a", "b", "c", "d"] {
            file.index.insert_dataset(marked(new(name, &[name]), name)).await.unwrap();
        }
        let other = file.other();
        other.execute("UPDATE dataset_entries SET metadata = x'81' WHERE name = 'b'", []).unwrap();
        other.execute("UPDATE dataset_entries SET data_urls = x'9101' WHERE name = 'c'", []).unwrap();
        let items: Vec<_> = file.index.list_datasets("").collect().await;
        assert_eq!(items.len(), 4);
        assert_eq!(items[0].as_ref().unwrap().name(), "a");
        assert_eq!(items[3].as_ref().unwrap().name(), "d");
        for (item, name) in [(&items[1], "b"), (&items[2], "c")] {
            let error = item.as_ref().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert_eq!(error.context_value("name"), Some(name));
        }
        let error = file.index.get_dataset("b").await.unwrap_err();
        assert_eq!(error.context_value("path"), Some(file.index.address()), "{error}");
    });
}

#[test]
fn a_damaged_schema_is_named_and_the_listing_goes_on() {
    block_on(async {
        let file = InFile::new().await;
        for name in ["A", "B", "C"] {
            let schema = SampleSchema::new(name).field(Field::new("n", Primitive::Int));
            file.index.publish_schema(&schema).await.unwrap();
        }
        file.other().execute("UPDATE schemas SET schema_json = '{' WHERE name = 'B'", []).unwrap();
        let items: Vec<_> = file.index.list_schemas("").collect().await;
        assert_eq!(items.len(), 3);
        let is_named = |error: &Error| {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert_eq!(
                (error.context_value("schema"), error.context_value("version")),
                (Some("B"), Some("1.0.0"))
            );
        };
        is_named(items[1].as_ref().unwrap_err());
        is_named(&file.index.get_schema("B").await.unwrap_err());
        assert_eq!(items[2].as_ref().unwrap().schema.name, "C");
    });
}

#[test]
fn a_full_disk_is_told_and_what_was_there_stays() {
    let case = "a_full_disk_is_told_and_what_was_there_stays";
    let Some(disk) = common::SmallDisk::mount(case, "1m") else { return };
    block_on(async {
        let index = LocalIndex::open(disk.path().join("index.db")).await.unwrap();
        index.insert_dataset(new("first", &["a.tar"])).await.unwrap();
        let large = marked(new("second", &["b.tar"]), &"x".repeat(2 << 20));
        let error = index.insert_dataset(large).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains("no room left"), "{error}");
        assert_eq!(listed(&index, "").await, [("first".to_owned(), "a.tar".to_owned())]);
        index.insert_dataset(new("third", &["c.tar"])).await.unwrap();
    });
}

#[test]
fn a_path_is_a_path_whatever_it_looks_like() {
    block_on(async {
        let directory = tempfile::tempdir().unwrap();
        for name in [":memory:", "file:x?mode=memory", "with space", "q?x=1", "it's", "new/and/deep/index.db"]
        {
            let path = directory.path().join(name);
            let index = LocalIndex::open(&path).await.unwrap();
            index.insert_dataset(new("a", &["a.tar"])).await.unwrap();
            assert!(path.is_file(), "{name}");
        }
        assert_eq!(LocalIndex::open("").await.unwrap_err().kind(), ErrorKind::Invalid);
    });
}

#[cfg(unix)]
#[test]
fn a_file_that_can_only_be_read_is_read_and_refuses_changes() {
    use std::os::unix::fs::PermissionsExt;
    let (directory, path) = python_file();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let mut child = common::child("reading_child", &path);
    if fs::OpenOptions::new().write(true).open(&path).is_ok() {
        // The superuser may write whatever a file's mode says.
        std::os::unix::process::CommandExt::uid(&mut child, 65534);
    }
    match child.output() {
        Ok(output) => {
            let report = String::from_utf8_lossy(&output.stdout);
            assert!(report.contains("1 passed"), "{report}{}", String::from_utf8_lossy(&output.stderr));
        }
        Err(error) => atdata_testkit::suite::skip("a_file_that_can_only_be_read", &error.to_string()),
    }
}

/// Not a test by itself: [`a_file_that_can_only_be_read_is_read_and_refuses_changes`].
#[test]
fn reading_child() {
    let Some(path) = common::child_path() else { return };
    block_on(async {
        let index = LocalIndex::open(&path).await.unwrap();
        assert_eq!(index.get_dataset("with-meta").await.unwrap().name(), "with-meta");
        assert_eq!(index.count_datasets().await.unwrap(), 10);
        let error = index.insert_dataset(new("a", &["a.tar"])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert_eq!(error.context_value("path"), path.to_str());
    });
}
