//! One file, two programs: what Python 0.7 wrote is found, and nothing is lost when both write.
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
use std::sync::Arc;

use atdata_core::schema::{Field, Primitive, SampleSchema};
use atdata_core::{IfExists, Index, IndexEntry, IndexExt, Label, Map, Value};
use atdata_local::LocalIndex;
use atdata_testkit::suite::block_on;
use atdata_testkit::tagged;
use futures::TryStreamExt;
use rusqlite::Connection;
use serde_json::Value as Json;

use common::index::{InFile, listed, mark, marked, new, python_file};

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
        let sql =
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'atdata%' ORDER BY name";
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
            let kept: i64 =
                file.other().query_row("SELECT count(*) FROM atdata_names", [], |row| row.get(0)).unwrap();
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
        assert!(json.starts_with(r#"{"name": "S", "version": "1.0.0", "fields": [{"name": "n", "#), "{json}");
        assert!(json.contains(r#""description": "\u00e9""#), "{json}");
    });
}

#[test]
fn lenses_of_python_are_listed_and_not_trusted() {
    use atdata_core::ErrorKind;
    use atdata_core::lens::{LensIndexExt, LensTrust};
    block_on(async {
        let (_directory, path) = python_file();
        let index = LocalIndex::open(&path).await.unwrap();
        let lenses: Vec<_> = index.list_lenses("").try_collect().await.unwrap();
        let listed: Vec<&str> = lenses.iter().map(|stored| stored.reference.as_str()).collect();
        assert_eq!(listed, ["atdata://local/lens/add_one@1.0.0", "atdata://local/lens/mapping@1.0.0"]);
        for stored in &lenses {
            assert_eq!(stored.record.trust(), LensTrust::Unverified);
            assert_eq!(*stored, index.get_lens(&stored.reference).await.unwrap());
            // The one adds one, and is stored as the other.
            let error = index.open_lens(&stored.reference).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
        }
        let record = lenses[0].record.clone();
        assert_eq!(record.description.as_deref(), Some("code reference"));
        index.publish_lens(&record).await.unwrap();
    });
}
