//! The SQLite index: the suite, and what is peculiar to a file.
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
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use atdata_core::schema::{Field, Primitive, SampleSchema};
use atdata_core::{Error, ErrorKind, IfExists, Index, IndexEntry, IndexExt, Label, Map, NewDataset, Value};
use atdata_local::{LocalIndex, LocalIndexOptions};
use atdata_testkit::index::IndexHarness;
use atdata_testkit::process::Running;
use atdata_testkit::suite::block_on;
use futures::{FutureExt, StreamExt, TryStreamExt};
use rusqlite::Connection;
use tempfile::TempDir;

struct InFile {
    directory: TempDir,
    index: LocalIndex,
}

impl InFile {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let index = LocalIndex::open(directory.path().join("index.db")).await.unwrap();
        Self { directory, index }
    }

    /// The file as another program has it open.
    fn other(&self) -> Connection {
        Connection::open(self.directory.path().join("index.db")).unwrap()
    }
}

#[async_trait]
impl IndexHarness for InFile {
    fn index(&self) -> Arc<dyn Index> {
        Arc::new(self.index.clone())
    }
    async fn reopen(&self) -> Arc<dyn Index> {
        Arc::new(LocalIndex::open(self.index.path()).await.unwrap())
    }
}

struct InMemory(LocalIndex);

#[async_trait]
impl IndexHarness for InMemory {
    fn index(&self) -> Arc<dyn Index> {
        Arc::new(self.0.clone())
    }
    async fn reopen(&self) -> Arc<dyn Index> {
        Arc::new(self.0.clone())
    }
}

mod in_a_file {
    atdata_testkit::index_suite!(async || Some(super::InFile::new().await));
}

mod in_memory {
    use atdata_core::schema::Profile;
    use atdata_local::LocalIndexOptions;
    atdata_testkit::index_suite!(async || {
        let options = LocalIndexOptions::default().with_profile(Profile::Latest);
        Some(super::InMemory(options.in_memory().unwrap()))
    });
}

fn new(name: &str, urls: &[&str]) -> NewDataset {
    NewDataset::new(name, "atdata://local/schema/A@1.0.0", urls.iter().map(|url| (*url).to_owned()).collect())
}

fn marked(new: NewDataset, mark: &str) -> NewDataset {
    new.with_metadata([("mark", mark)].into_iter().collect())
}

fn mark(entry: &Arc<dyn IndexEntry>) -> &str {
    entry.metadata().and_then(|map| map.get("mark")).and_then(Value::as_str).unwrap_or("none")
}

async fn listed(index: &LocalIndex, prefix: &str) -> Vec<(String, String)> {
    let entries: Vec<_> = index.list_datasets(prefix).try_collect().await.unwrap();
    entries.iter().map(|entry| (entry.name().to_owned(), entry.data_urls().join(" "))).collect()
}

/// What Python 0.7 does when a dataset is inserted, statement by statement.
fn python_inserts(connection: &Connection, name: &str, version: &str, url: &str, mark: &str) -> String {
    let schema_ref = "atdata://local/schema/A@1.0.0";
    let cid = atdata_core::cid::entry_cid(schema_ref, &[url]).unwrap().to_string();
    let urls = atdata_core::msgpack::to_bytes(&Value::List(vec![Value::from(url)])).unwrap();
    let metadata: Map = [("mark", mark)].into_iter().collect();
    let metadata = atdata_core::msgpack::to_bytes(&Value::Map(metadata)).unwrap();
    let sql = "INSERT OR REPLACE INTO dataset_entries (cid, name, schema_ref, data_urls, metadata, legacy_uuid) \
               VALUES (?, ?, ?, ?, ?, ?)";
    let none = None::<String>;
    connection
        .execute(sql, rusqlite::params![cid, name, schema_ref, &urls[..], &metadata[..], none])
        .unwrap();
    let sql = "INSERT OR REPLACE INTO labels (name, cid, version, description) VALUES (?, ?, ?, ?)";
    connection.execute(sql, rusqlite::params![name, cid, version, none]).unwrap();
    cid
}

/// The entry that Python 0.7 finds for a name: of its latest label.
fn python_finds(connection: &Connection, name: &str) -> String {
    let sql = "SELECT cid FROM labels WHERE name = ? ORDER BY created_at DESC, rowid DESC LIMIT 1";
    let cid: String = connection.query_row(sql, [name], |row| row.get(0)).unwrap();
    let sql = "SELECT name, schema_ref, data_urls, metadata, legacy_uuid FROM dataset_entries WHERE cid = ?";
    let urls: Vec<u8> = connection.query_row(sql, [cid], |row| row.get(2)).unwrap();
    atdata_core::msgpack::from_bytes(&urls.into()).unwrap().as_list().unwrap()[0].as_str().unwrap().to_owned()
}

fn python_file() -> (TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index.db");
    fs::copy(atdata_testkit::fixtures::path("python-0.7/index.db"), &path).unwrap();
    (directory, path)
}

mod python_files {
    use atdata_testkit::tagged;
    use serde_json::Value as Json;

    use super::*;

    fn assert_is(entry: &Arc<dyn IndexEntry>, expected: &Json) {
        assert_eq!(entry.name(), expected["name"]);
        assert_eq!(entry.cid(), expected["cid"].as_str());
        assert_eq!(entry.schema_ref(), expected["schema_ref"]);
        assert_eq!(serde_json::json!(entry.data_urls()), expected["data_urls"]);
        match entry.metadata() {
            None => assert!(expected["metadata"].is_null(), "{expected}"),
            Some(metadata) => {
                tagged::compare(&Value::Map(metadata.clone()), &expected["metadata"]).unwrap();
            }
        }
    }

    #[test]
    fn every_look_up_finds_what_python_finds() {
        block_on(async {
            let (_directory, path) = python_file();
            let expected = atdata_testkit::fixtures::json("python-0.7/index.db.expected.json");
            let index = LocalIndex::open(&path).await.unwrap();

            let entries = expected["entries"].as_array().unwrap();
            for entry in entries {
                let cid = entry["cid"].as_str().unwrap();
                assert_is(&index.get_dataset(cid).await.unwrap(), entry);
            }
            let same = index.get_dataset("same-name").await.unwrap();
            assert_eq!(same.cid(), expected["by_name(same-name)"].as_str());

            for (label, found) in expected["labels"].as_object().unwrap() {
                let (name, version) = label.rsplit_once('@').unwrap();
                let version = Some(version).filter(|version| *version != "None");
                match found.as_array() {
                    Some(found) => {
                        let label = index.get_label(name, version).await.unwrap();
                        assert_eq!(label.cid, found[0]);
                        assert_eq!(label.version, found[1].as_str().unwrap_or(""));
                    }
                    None => assert!(index.get_label(name, version).await.unwrap_err().is_not_found()),
                }
            }
            let labels: Vec<Label> = index.list_labels("").try_collect().await.unwrap();
            let mut stored = expected["tables"]["labels"].as_array().unwrap().clone();
            stored.sort_by_key(|row| (row["name"].as_str().unwrap().to_owned(), row["version"].to_string()));
            assert_eq!(labels.len(), stored.len());
            for (label, row) in labels.iter().zip(&stored) {
                assert_eq!(label.name, row["name"]);
                assert_eq!(label.version, row["version"]);
                assert_eq!(label.cid, row["cid"]);
                assert_eq!(label.description.as_deref(), row["description"].as_str());
            }

            for (name, version) in expected["latest_schema"].as_object().unwrap() {
                match version.as_str() {
                    Some(version) => {
                        assert_eq!(index.get_schema(name).await.unwrap().schema.version.to_string(), version);
                    }
                    None => assert!(index.get_schema(name).await.unwrap_err().is_not_found()),
                }
            }
            let schemas: Vec<_> = index.list_schemas("").try_collect().await.unwrap();
            let stored = expected["tables"]["schemas"].as_array().unwrap();
            assert_eq!(schemas.len(), stored.len());
            for (schema, row) in schemas.iter().zip(stored) {
                assert_eq!(schema.schema.to_json().unwrap(), row["schema_json"].as_str().unwrap());
            }

            let names: BTreeSet<&str> = entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect();
            let listed: Vec<_> = index.list_datasets("").try_collect().await.unwrap();
            assert_eq!(listed.iter().map(|entry| entry.name()).collect::<Vec<_>>(), Vec::from_iter(names));
        });
    }

    #[test]
    fn a_label_with_an_odd_name_leads_to_its_entry() {
        block_on(async {
            let (_directory, path) = python_file();
            let index = LocalIndex::open(&path).await.unwrap();
            assert_eq!(index.get_dataset("é@odd@2").await.unwrap().name(), "empty-meta");
            assert_eq!(index.get_dataset("latest").await.unwrap().name(), "with-meta");
            // Its label of 1.1.0 was set last, and leads to another dataset.
            assert_eq!(index.get_dataset("mnist").await.unwrap().name(), "multi url");
            assert_eq!(index.get_dataset("mnist@1.0.0").await.unwrap().name(), "mnist");
        });
    }

    #[test]
    fn a_new_file_has_pythons_tables_to_the_letter() {
        block_on(async {
            let expected = atdata_testkit::fixtures::json("python-0.7/index.db.expected.json");
            let file = InFile::new().await;
            let other = file.other();
            let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'atdata%' ORDER BY name";
            let mut statement = other.prepare(sql).unwrap();
            let ddl: Vec<String> =
                statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
            assert_eq!(serde_json::json!(ddl), expected["ddl"]);
            let mode: String = other.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
            assert_eq!(mode, expected["journal_mode"]);
            let version: i64 = other.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
            assert_eq!(version, 0);
        });
    }

    #[test]
    fn opening_changes_nothing_that_python_wrote() {
        block_on(async {
            let (_directory, path) = python_file();
            let rows = |path: &Path| -> Vec<String> {
                let connection = Connection::open(path).unwrap();
                let mut all = Vec::new();
                for table in ["dataset_entries", "schemas", "labels", "lenses"] {
                    let mut statement = connection.prepare(&format!("SELECT rowid, * FROM {table}")).unwrap();
                    let columns = statement.column_count();
                    let mut found = statement.query([]).unwrap();
                    while let Some(row) = found.next().unwrap() {
                        all.push((0..columns).map(|i| format!("{:?} ", row.get_ref(i).unwrap())).collect());
                    }
                }
                all
            };
            let before = rows(&path);
            let index = LocalIndex::open(&path).await.unwrap();
            assert_eq!(index.count_datasets().await.unwrap(), 10);
            assert_eq!(rows(&path), before);
        });
    }
}

mod beside_python {
    use super::*;

    #[test]
    fn a_second_name_for_the_same_shards_leaves_the_first_whoever_writes() {
        block_on(async {
            for (first_is_python, second_is_python) in
                [(true, true), (true, false), (false, true), (false, false)]
            {
                let file = InFile::new().await;
                for (name, is_python) in [("a", first_is_python), ("b", second_is_python)] {
                    if is_python {
                        python_inserts(&file.other(), name, "", "/x.tar", name);
                    } else {
                        file.index.insert_dataset(marked(new(name, &["/x.tar"]), name)).await.unwrap();
                    }
                }
                for name in ["a", "b"] {
                    let entry = file.index.get_dataset(name).await.unwrap();
                    assert_eq!(
                        (entry.name(), mark(&entry)),
                        (name, name),
                        "{first_is_python} {second_is_python}"
                    );
                    assert_eq!(python_finds(&file.other(), name), "/x.tar");
                }
                assert_eq!(listed(&file.index, "").await.len(), 2);
            }
        });
    }

    #[test]
    fn what_python_wrote_last_under_a_name_is_what_the_name_says() {
        block_on(async {
            let file = InFile::new().await;
            let python = file.other();
            file.index.insert_dataset(marked(new("a", &["/x.tar"]), "ours")).await.unwrap();
            // New metadata, then another name takes the row, then takes it back with other metadata.
            python_inserts(&python, "a", "", "/x.tar", "first");
            assert_eq!(mark(&file.index.get_dataset("a").await.unwrap()), "first");
            python_inserts(&python, "b", "", "/x.tar", "b");
            assert_eq!(mark(&file.index.get_dataset("a").await.unwrap()), "first");
            python_inserts(&python, "a", "", "/x.tar", "second");
            assert_eq!(mark(&file.index.get_dataset("a").await.unwrap()), "second");
            assert_eq!(mark(&file.index.get_dataset("b").await.unwrap()), "b");
            // New shards under the same name, with and without a version.
            for (version, url) in [("", "/y.tar"), ("2.0.0", "/z.tar")] {
                python_inserts(&python, "a", version, url, url);
                assert_eq!(mark(&file.index.get_dataset("a").await.unwrap()), url);
                assert_eq!(listed(&file.index, "a").await, [("a".to_owned(), url.to_owned())]);
            }
            // And ours again.
            let replacing = marked(new("a", &["/w.tar"]), "w").with_if_exists(IfExists::Replace);
            file.index.insert_dataset(replacing).await.unwrap();
            assert_eq!(mark(&file.index.get_dataset("a").await.unwrap()), "w");
            assert_eq!(python_finds(&python, "a"), "/w.tar");
            assert_eq!(mark(&file.index.get_dataset("a@2.0.0").await.unwrap()), "/z.tar");
        });
    }

    #[test]
    fn replacing_a_shared_row_leaves_the_other_name() {
        block_on(async {
            for last in ["a", "b"] {
                let file = InFile::new().await;
                for name in ["a", "b"] {
                    file.index.insert_dataset(marked(new(name, &["/x.tar"]), name)).await.unwrap();
                }
                python_inserts(&file.other(), last, "", "/x.tar", last);
                let replacing = marked(new("b", &["/y.tar"]), "new").with_if_exists(IfExists::Replace);
                file.index.insert_dataset(replacing).await.unwrap();
                assert_eq!(mark(&file.index.get_dataset("a").await.unwrap()), "a");
                assert_eq!(mark(&file.index.get_dataset("b").await.unwrap()), "new");
                assert_eq!(python_finds(&file.other(), "a"), "/x.tar");
                assert_eq!(python_finds(&file.other(), "b"), "/y.tar");
                let kept: i64 = file
                    .other()
                    .query_row("SELECT count(*) FROM atdata_names", [], |row| row.get(0))
                    .unwrap();
                assert_eq!(kept, 0, "a is in the main table, b at /x.tar is forgotten");
            }
        });
    }

    #[test]
    fn an_entry_that_a_label_of_another_name_needs_is_not_forgotten() {
        block_on(async {
            let file = InFile::new().await;
            let old = file.index.insert_dataset(new("a", &["/x.tar"])).await.unwrap();
            file.index.set_label(&Label::new("stable", old.cid().unwrap())).await.unwrap();
            file.index.insert_dataset(new("a", &["/y.tar"]).with_if_exists(IfExists::Replace)).await.unwrap();
            assert_eq!(file.index.get_dataset("stable").await.unwrap().data_urls(), ["/x.tar"]);
            assert_eq!(listed(&file.index, "").await, [("a".to_owned(), "/y.tar".to_owned())]);
        });
    }

    #[test]
    fn the_label_set_last_is_the_latest_for_python_too() {
        block_on(async {
            let file = InFile::new().await;
            let python = file.other();
            for (name, url) in [("x", "/x.tar"), ("y", "/y.tar"), ("z", "/z.tar")] {
                file.index.insert_dataset(new(name, &[url])).await.unwrap();
            }
            let cid = async |name| file.index.get_dataset(name).await.unwrap().cid().unwrap().to_owned();
            let set = async |version: &str, name| {
                let mut label = Label::new("current", cid(name).await);
                label.version = version.to_owned();
                file.index.set_label(&label).await.unwrap();
            };
            // All within a second or two, and one row replaced.
            for (version, name, url) in
                [("1", "x", "/x.tar"), ("2", "y", "/y.tar"), ("1", "z", "/z.tar"), ("", "x", "/x.tar")]
            {
                set(version, name).await;
                assert_eq!(python_finds(&python, "current"), url);
                assert_eq!(file.index.get_dataset("current").await.unwrap().data_urls(), [url]);
            }
            // A label from a machine whose clock is ahead.
            python
                .execute("UPDATE labels SET created_at = '2999-01-01 00:00:00' WHERE version = '2'", [])
                .unwrap();
            assert_eq!(file.index.get_label("current", None).await.unwrap().version, "2");
            set("3", "z").await;
            assert_eq!(python_finds(&python, "current"), "/z.tar");
            assert_eq!(file.index.get_label("current", None).await.unwrap().version, "3");
        });
    }

    #[test]
    fn schemas_are_stored_as_python_reads_them() {
        block_on(async {
            let file = InFile::new().await;
            let schema = SampleSchema::new("S").field(Field::new("n", Primitive::Int)).with_description("é");
            file.index.publish_schema(&schema).await.unwrap();
            let sql = "SELECT schema_json FROM schemas WHERE name = 'S' AND version = '1.0.0'";
            let json: String = file.other().query_row(sql, [], |row| row.get(0)).unwrap();
            assert!(
                json.starts_with(r#"{"name": "S", "version": "1.0.0", "fields": [{"name": "n", "#),
                "{json}"
            );
            assert!(json.contains(r#""description": "\u00e9""#), "{json}");
        });
    }
}

mod damage {
    use super::*;

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
            assert_eq!(error.context_value("path"), Some(file.index.path()), "{error}");
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
}

mod at_once {
    use super::*;

    #[test]
    fn a_lock_that_is_held_too_long_is_unavailable_and_can_be_tried_again() {
        block_on(async {
            let file = InFile::new().await;
            let options = LocalIndexOptions::default().with_busy_timeout(Duration::ZERO);
            let index = options.open(file.index.path()).await.unwrap();
            let other = file.other();
            other.execute_batch("BEGIN IMMEDIATE").unwrap();
            let error = index.insert_dataset(new("a", &["a.tar"])).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            assert!(error.is_retryable());
            assert_eq!(error.context_value("path"), Some(file.index.path()));
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
            let mode =
                connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0));
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
            .map(|_| common::child("at_once::inserting_child", &path).stdout(Stdio::null()).spawn().unwrap())
            .collect();
        let mut expected = BTreeSet::new();
        for mut child in children {
            expected.extend((0..INSERTS).map(|n| format!("{}-{n:05}", child.id())));
            assert!(child.wait().unwrap().success());
        }
        block_on(async {
            let index = LocalIndex::open(&path).await.unwrap();
            let names: BTreeSet<String> =
                listed(&index, "").await.into_iter().map(|(name, _)| name).collect();
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
                let schema =
                    SampleSchema::new(format!("S{prefix}n{n}")).field(Field::new("n", Primitive::Int));
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
            let mut writer = Running::start(&mut common::child("at_once::killed_child", &path));
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
}

mod opening {
    use super::*;

    #[test]
    fn a_path_is_a_path_whatever_it_looks_like() {
        block_on(async {
            let directory = tempfile::tempdir().unwrap();
            for name in
                [":memory:", "file:x?mode=memory", "with space", "q?x=1", "it's", "new/and/deep/index.db"]
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
        let mut child = common::child("opening::reading_child", &path);
        if fs::OpenOptions::new().write(true).open(&path).is_ok() {
            // The superuser may write whatever a file's mode says.
            std::os::unix::process::CommandExt::uid(&mut child, 65534);
        }
        match child.stdout(Stdio::null()).status() {
            Ok(status) => assert!(status.success()),
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
}
