//! Several users of one file: handles, connections and processes, and processes that are killed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]
#![cfg(feature = "sqlite")]

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use atdata_core::schema::{Field, Primitive, SampleSchema};
use atdata_core::{ErrorKind, Index, IndexExt, NewDataset};
use atdata_local::{LocalIndex, LocalIndexOptions};
use atdata_testkit::process::Running;
use atdata_testkit::suite::block_on;
use futures::{FutureExt, StreamExt, TryStreamExt};
use rusqlite::Connection;

use common::index::{InFile, listed, new};

#[test]
fn a_lock_that_is_held_too_long_is_unavailable_and_can_be_tried_again() {
    block_on(async {
        let file = InFile::new().await;
        let options = LocalIndexOptions::default().with_busy_timeout(Duration::ZERO);
        let index = options.open(file.index.address()).await.unwrap();
        let other = file.other();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let error = index.insert_dataset(new("a", &["a.tar"])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.is_retryable());
        assert_eq!(error.context_value("path"), Some(file.index.address()));
        // Reading goes on meanwhile.
        assert_eq!(index.count_datasets().await.unwrap(), 0);
        other.execute_batch("COMMIT").unwrap();
        index.insert_dataset(new("a", &["a.tar"])).await.unwrap();
    });
}

#[test]
fn a_listing_that_waits_holds_nobody_up() {
    block_on(async {
        let file = InFile::new().await;
        file.index
            .insert_many((0..600).map(|n| new(&format!("{n:04}"), &["a.tar"])).collect())
            .await
            .unwrap();
        let mut listing = file.index.list_datasets("");
        listing.next().await.unwrap().unwrap();
        // The log can be emptied only while nobody reads from it.
        let busy: i64 =
            file.other().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
        assert_eq!(busy, 0);
        assert_eq!(listing.count().await, 599);
    });
}

#[test]
fn calls_whose_future_is_dropped_do_no_harm() {
    block_on(async {
        let file = InFile::new().await;
        for n in 0..50 {
            let name = format!("dropped-{n}");
            assert!(file.index.insert_dataset(new(&name, &[&name])).now_or_never().is_none());
        }
        file.index.insert_dataset(new("last", &["last.tar"])).await.unwrap();
        for (name, urls) in listed(&file.index, "dropped").await {
            assert_eq!(name, urls);
            assert!(file.index.get_label(&name, None).await.is_ok());
        }
    });
}

#[test]
fn the_last_handle_closes_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index.db");
    let index = block_on(LocalIndex::open(&path)).unwrap();
    let clone = index.clone();
    drop(index);
    block_on(clone.insert_dataset(new("a", &["a.tar"]))).unwrap();
    drop(clone);
    // Leaving the write-ahead log needs the file for oneself; it waits as long as others have it open.
    let connection = Connection::open(&path).unwrap();
    connection.busy_timeout(Duration::from_secs(30)).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    let mode = loop {
        let mode = connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) => break mode,
            Err(error) => {
                assert!(std::time::Instant::now() < deadline, "the file is still open: {error}")
            }
        }
        std::thread::yield_now();
    };
    assert_eq!(mode, "delete");
}

#[test]
fn many_are_inserted_as_a_whole_or_not_at_all() {
    block_on(async {
        let file = InFile::new().await;
        let schema = SampleSchema::new("A").field(Field::new("n", Primitive::Int));
        let many = |count: usize| -> Vec<NewDataset> {
            let one = |n| NewDataset::new(format!("{n:05}"), schema.clone(), vec![format!("{n}.tar")]);
            (0..count).map(one).collect()
        };
        let mut bad = many(100);
        bad.push(new("00007", &["another.tar"]));
        let error = file.index.insert_many(bad).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
        assert_eq!(error.context_value("name"), Some("00007"));
        assert_eq!(file.index.count_datasets().await.unwrap(), 0);
        assert!(file.index.get_schema("A").await.unwrap_err().is_not_found());

        let entries = file.index.insert_many(many(1000)).await.unwrap();
        assert_eq!(entries.len(), 1000);
        assert_eq!(entries[7].name(), "00007");
        assert_eq!(file.index.count_datasets().await.unwrap(), 1000);
        assert_eq!(file.index.insert_many(Vec::new()).await.unwrap().len(), 0);
    });
}

/// Datasets that each process inserts.
const INSERTS: usize = 1000;

/// Not a test by itself: one of the processes of [`two_processes_insert_at_the_same_time_and_lose_nothing`].
#[test]
fn inserting_child() {
    let Some(path) = common::child_path() else { return };
    let prefix = std::process::id();
    block_on(async {
        let index = LocalIndex::open(path).await.unwrap();
        for n in 0..INSERTS {
            let name = format!("{prefix}-{n:05}");
            index.insert_dataset(new(&name, &[&format!("/data/{name}.tar")])).await.unwrap();
        }
    });
}

#[test]
fn two_processes_insert_at_the_same_time_and_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index.db");
    // Neither finds the file there: they make it at the same time too.
    let children: Vec<_> = (0..2)
        .map(|_| common::child("inserting_child", &path).stdout(Stdio::null()).spawn().unwrap())
        .collect();
    let mut expected = BTreeSet::new();
    for mut child in children {
        expected.extend((0..INSERTS).map(|n| format!("{}-{n:05}", child.id())));
        assert!(child.wait().unwrap().success());
    }
    block_on(async {
        let index = LocalIndex::open(&path).await.unwrap();
        let names: BTreeSet<String> = listed(&index, "").await.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, expected);
    });
    assert_intact(&path);
}

fn assert_intact(path: &Path) {
    let connection = Connection::open(path).unwrap();
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

/// Not a test by itself: the writer that [`a_writer_killed_at_any_point_leaves_whole_entries`] kills.
#[test]
fn killed_child() {
    let Some(path) = common::child_path() else { return };
    let prefix = std::process::id();
    block_on(async {
        let index = LocalIndex::open(path).await.unwrap();
        for n in 0.. {
            let name = format!("{prefix}-{n:05}");
            let schema = SampleSchema::new(format!("S{prefix}n{n}")).field(Field::new("n", Primitive::Int));
            let urls = vec![format!("/data/{name}.tar")];
            let inserted = NewDataset::new(&name, schema, urls).with_version("1.0.0");
            index.insert_dataset(inserted).await.unwrap();
            println!("step {name}");
        }
    });
}

#[test]
fn a_writer_killed_at_any_point_leaves_whole_entries() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index.db");
    let mut numbers = common::Numbers::new(3);
    let mut expected = 0;
    for _ in 0..50 {
        let mut writer = Running::start(&mut common::child("killed_child", &path));
        let steps = numbers.below(12) + 1;
        for _ in 0..steps {
            writer.wait_for("step");
        }
        writer.kill();
        expected += steps;
    }
    assert_intact(&path);
    block_on(async {
        let index = LocalIndex::open(&path).await.unwrap();
        let entries: Vec<_> = index.list_datasets("").try_collect().await.unwrap();
        // What was reported is there; what was not may be.
        assert!(entries.len() as u64 >= expected, "{} of {expected}", entries.len());
        for entry in &entries {
            let name = entry.name();
            assert_eq!(entry.data_urls(), [format!("/data/{name}.tar")]);
            assert!(index.get_schema(entry.schema_ref()).await.is_ok(), "{name}");
            for version in [Some("1.0.0"), Some("")] {
                assert_eq!(Some(index.get_label(name, version).await.unwrap().cid.as_str()), entry.cid());
            }
        }
        let others = (index.list_labels("").count().await, index.list_schemas("").count().await);
        assert_eq!(others, (2 * entries.len(), entries.len()));
    });
}
