//! The Redis index while Python, or somebody by hand, writes to the same keys.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]
#![cfg(feature = "redis")]

use std::time::Duration;

use atdata_core::schema::{Field, Primitive, SampleSchema};
use atdata_core::{ErrorKind, IfExists, Index, IndexExt, Label, Map, NewDataset, Value};
use atdata_local::{LocalIndex, LocalIndexOptions};
use atdata_testkit::servers::redis::{ClusterLease, Connection, Database};
use atdata_testkit::suite::block_on;
use futures::TryStreamExt;

const SCHEMA: &str = "atdata://local/schema/Plain@1.0.0";

type Run<'a> = dyn Fn(&[Vec<u8>]) -> std::io::Result<String> + 'a;

/// Both generations of Python, as they write.
struct Python<'a> {
    command: Box<Run<'a>>,
}

impl Python<'_> {
    fn run(&self, words: &[&[u8]]) -> String {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.to_vec()).collect();
        (self.command)(&words).unwrap()
    }

    /// Writes an entry as 0.2 and 0.7 do; 0.2 does nothing else.
    fn entry(&self, name: &str, url: &str, metadata: Option<&[u8]>) -> String {
        let cid = atdata_core::cid::entry_cid(SCHEMA, &[url.to_owned()]).unwrap().to_string();
        let urls = [&[0x91, 0xa0 | u8::try_from(url.len()).unwrap()], url.as_bytes()].concat();
        let key = format!("LocalDatasetEntry:{cid}");
        let mut words: Vec<&[u8]> = vec![b"HSET", key.as_bytes(), b"name", name.as_bytes()];
        words.extend([&b"schema_ref"[..], SCHEMA.as_bytes(), b"data_urls", &urls, b"cid", cid.as_bytes()]);
        if let Some(metadata) = metadata {
            words.extend([&b"metadata"[..], metadata]);
        }
        self.run(&words);
        cid
    }

    fn label(&self, name: &str, version: &str, cid: &str) {
        let key = format!("Label:{name}@{version}");
        let words: [&[u8]; 8] = [
            b"HSET",
            key.as_bytes(),
            b"cid",
            cid.as_bytes(),
            b"name",
            name.as_bytes(),
            b"version",
            version.as_bytes(),
        ];
        self.run(&words);
    }

    /// Inserts a dataset as 0.7 does.
    fn insert(&self, name: &str, url: &str) -> String {
        let cid = self.entry(name, url, None);
        self.label(name, "", &cid);
        cid
    }

    fn delete(&self, key: &str) {
        self.run(&[b"DEL", key.as_bytes()]);
    }
}

/// Runs a test on one server, and on a cluster where what is expected there is the same.
fn on_a_server(test: impl AsyncFn(&LocalIndex, &Python<'_>)) {
    let Some(database) = Database::for_test("redis_python") else { return };
    let python = Python { command: Box::new(|words| database.command(words)) };
    block_on(async { test(&open(database.url()).await, &python).await });
}

fn on_both(test: impl AsyncFn(&LocalIndex, &Python<'_>)) {
    on_a_server(&test);
    let Some(lease) = ClusterLease::for_test("redis_python") else { return };
    let python = Python { command: Box::new(|words| in_cluster(lease.url(), words)) };
    block_on(async { test(&open(lease.url()).await, &python).await });
}

async fn open(url: &str) -> LocalIndex {
    // What is not found is looked for, however recent the last survey is.
    let options = LocalIndexOptions::default().with_rescan_after(Duration::ZERO);
    options.redis(url).await.unwrap()
}

/// Follows redirections, as clients of clusters do.
fn in_cluster(url: &str, words: &[Vec<u8>]) -> std::io::Result<String> {
    let mut url = url.replacen("redis-cluster://", "redis://", 1);
    loop {
        match Connection::open(&url)?.command(words) {
            Err(error) if error.to_string().starts_with("MOVED ") => {
                url = format!("redis://{}", error.to_string().rsplit(' ').next().unwrap());
            }
            done => return done,
        }
    }
}

fn new(name: &str, url: &str) -> NewDataset {
    NewDataset::new(name, SCHEMA, vec![url.to_owned()])
}

async fn url(index: &LocalIndex, reference: &str) -> String {
    index.get_dataset(reference).await.unwrap_or_else(|error| panic!("{reference}: {error}")).data_urls()[0]
        .clone()
}

async fn names(index: &LocalIndex) -> Vec<String> {
    let entries: Vec<_> = index.list_datasets("").try_collect().await.unwrap();
    entries.iter().map(|entry| entry.name().to_owned()).collect()
}

#[test]
fn what_python_inserted_before_and_after_is_found() {
    on_both(async |index, python| {
        let first = python.insert("before", "1.tar");
        python.entry("without a label", "2.tar", None);
        assert_eq!(url(index, "before").await, "1.tar");
        assert_eq!(url(index, "without a label").await, "2.tar");
        assert_eq!(url(index, &first).await, "1.tar");
        index.insert_dataset(new("ours", "3.tar")).await.unwrap();
        python.insert("after", "4.tar");
        python.entry("after, without a label", "5.tar", None);
        assert_eq!(url(index, "after, without a label").await, "5.tar");
        assert_eq!(url(index, "after").await, "4.tar");
        let expected = ["after", "after, without a label", "before", "ours", "without a label"];
        assert_eq!(names(index).await, expected);
        assert_eq!(index.count_datasets().await.unwrap(), 5);
    });
}

#[test]
fn a_new_key_is_noticed_though_the_last_survey_is_recent() {
    let Some(database) = Database::for_test("redis_python") else { return };
    block_on(async {
        let options = LocalIndexOptions::default().with_rescan_after(Duration::from_secs(1 << 40));
        let index = options.redis(database.url()).await.unwrap();
        let python = Python { command: Box::new(|words| database.command(words)) };
        index.insert_dataset(new("a", "1.tar")).await.unwrap();
        for n in 0..3 {
            let name = format!("b{n}");
            assert_eq!(index.get_dataset(&name).await.unwrap_err().kind(), ErrorKind::NotFound);
            python.entry(&name, &format!("b{n}.tar"), None);
            assert_eq!(url(&index, &name).await, format!("b{n}.tar"));
        }
        // A version of a name that is known already: the label that was set last counts.
        let cid = python.entry("a", "2.tar", None);
        python.label("a", "2", &cid);
        // Something was found, so that it may take a moment.
        while url(&index, "a").await != "2.tar" {}
        assert_eq!(url(&index, "a@2").await, "2.tar");
    });
}

#[test]
fn what_python_replaced_is_not_served() {
    on_both(async |index, python| {
        index.insert_dataset(new("a", "1.tar").with_version("1")).await.unwrap();
        python.insert("a", "2.tar");
        assert_eq!(url(index, "a").await, "2.tar");
        assert_eq!(url(index, "a@1").await, "1.tar");
        // And back, to an entry that is there already.
        python.insert("a", "1.tar");
        assert_eq!(url(index, "a").await, "1.tar");
        // Metadata that Python writes over ours.
        python.entry("a", "1.tar", Some(b"\x81\xa1n\x07"));
        let entry = index.get_dataset("a").await.unwrap();
        assert_eq!(entry.metadata(), Some(&Map::from_iter([("n", Value::from(7u64))])));
        assert_eq!(names(index).await, ["a"]);
    });
}

#[test]
fn what_was_deleted_is_not_served() {
    on_both(async |index, python| {
        let first = index.insert_dataset(new("a", "1.tar")).await.unwrap();
        let second = index.insert_dataset(new("b", "2.tar").with_version("1")).await.unwrap();
        python.delete(&format!("LocalDatasetEntry:{}", first.cid().unwrap()));
        assert_eq!(index.get_dataset("a").await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(index.get_dataset(first.cid().unwrap()).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(names(index).await, ["b"]);
        // A label that is gone leads nowhere, but the name is in the entry still.
        python.delete("Label:b@");
        assert_eq!(url(index, "b").await, "2.tar");
        assert_eq!(index.get_label("b", None).await.unwrap().version, "1");
        python.delete("Label:b@1");
        assert_eq!(url(index, "b").await, "2.tar");
        assert_eq!(index.get_label("b", None).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(index.list_labels("b").try_collect::<Vec<_>>().await.unwrap(), []);
        python.delete(&format!("LocalDatasetEntry:{}", second.cid().unwrap()));
        assert_eq!(names(index).await, [] as [&str; 0]);
        // The names are free.
        index.insert_dataset(new("a", "3.tar")).await.unwrap();
        assert_eq!(url(index, "a").await, "3.tar");
    });
}

#[test]
fn a_deleted_entry_that_comes_back_is_found() {
    on_both(async |index, python| {
        let entry = index.insert_dataset(new("a", "1.tar")).await.unwrap();
        python.delete(&format!("LocalDatasetEntry:{}", entry.cid().unwrap()));
        assert!(index.get_dataset("a").await.is_err());
        python.insert("a", "1.tar");
        assert_eq!(url(index, "a").await, "1.tar");
        assert_eq!(names(index).await, ["a"]);
    });
}

#[test]
fn a_row_that_another_name_takes_serves_that_name() {
    on_both(async |index, python| {
        index.insert_dataset(new("a", "1.tar")).await.unwrap();
        // 0.2 writes no label, and no new key.
        python.entry("b", "1.tar", None);
        assert_eq!(url(index, "b").await, "1.tar");
        // As in Python, the label of the first name leads to the entry still, which has the other name.
        assert_eq!(index.get_dataset("a").await.unwrap().name(), "b");
        assert_eq!(names(index).await, ["b"]);
    });
}

#[test]
fn python_sees_one_of_two_names_and_both_are_served() {
    on_both(async |index, python| {
        let mark = |text: &str| Map::from_iter([("mark", Value::from(text))]);
        index.insert_dataset(new("a", "1.tar").with_metadata(mark("a"))).await.unwrap();
        let entry = index.insert_dataset(new("b", "1.tar")).await.unwrap();
        let key = format!("LocalDatasetEntry:{}", entry.cid().unwrap());
        assert_eq!(python.run(&[b"HGET", key.as_bytes(), b"name"]), "b");
        // Metadata of the name that had the row before do not stay in it.
        assert_eq!(python.run(&[b"HEXISTS", key.as_bytes(), b"metadata"]), "0");
        let kept = index.get_dataset("a").await.unwrap();
        assert_eq!((kept.name(), kept.metadata()), ("a", Some(&mark("a"))));
        // The first one gets the row back when the second moves on.
        index.insert_dataset(new("b", "2.tar").with_if_exists(IfExists::Replace)).await.unwrap();
        assert_eq!(python.run(&[b"HGET", key.as_bytes(), b"name"]), "a");
        assert_eq!(names(index).await, ["a", "b"]);
        assert_eq!(index.get_dataset("a").await.unwrap().metadata(), Some(&mark("a")));
    });
}

#[test]
fn python_reads_what_is_written() {
    on_both(async |index, python| {
        let schema = SampleSchema::new("Plain").field(Field::new("n", Primitive::Int));
        index.publish_schema(&schema).await.unwrap();
        let json = python.run(&[b"GET", b"LocalSchema:Plain@1.0.0"]);
        assert_eq!(SampleSchema::from_json(&json).unwrap(), schema);
        let metadata = Map::from_iter([("n", Value::from(7u64))]);
        let new = new("a", "1.tar").with_metadata(metadata).with_version("1");
        let cid = index.insert_dataset(new).await.unwrap().cid().unwrap().to_owned();
        index
            .set_label(&Label::new("best", &cid).with_version("x").with_description("so far"))
            .await
            .unwrap();
        let entry = format!("LocalDatasetEntry:{cid}");
        for (key, field, expected) in [
            (entry.as_str(), "name", "a"),
            (&entry, "schema_ref", SCHEMA),
            (&entry, "cid", &cid),
            ("Label:a@", "cid", &cid),
            ("Label:a@", "version", ""),
            ("Label:a@1", "cid", &cid),
            ("Label:a@1", "name", "a"),
            ("Label:a@1", "version", "1"),
            ("Label:best@x", "description", "so far"),
        ] {
            assert_eq!(python.run(&[b"HGET", key.as_bytes(), field.as_bytes()]), expected, "{key} {field}");
        }
        assert_eq!(python.run(&[b"HLEN", entry.as_bytes()]), "5");
        assert_eq!(python.run(&[b"HLEN", b"Label:a@1"]), "3");
    });
}

#[test]
fn schemas_of_python_are_found_also_under_old_keys() {
    on_both(async |index, python| {
        let schema = |version: [u64; 3]| {
            let mut schema = SampleSchema::new("Plain").field(Field::new("n", Primitive::Int));
            schema.version = atdata_core::schema::Version::new(version[0], version[1], version[2]).into();
            schema
        };
        index.publish_schema(&schema([1, 9, 0])).await.unwrap();
        let json = |version| schema(version).to_json().unwrap();
        python.run(&[b"SET", b"LocalSchema:pkg.mod.Plain@1.10.0", json([1, 10, 0]).as_bytes()]);
        let found = index.get_schema("Plain").await.unwrap();
        assert_eq!(found.schema.version.to_string(), "1.10.0");
        python.run(&[b"SET", b"LocalSchema:Plain@2.0.0", json([2, 0, 0]).as_bytes()]);
        assert_eq!(index.get_schema("Plain").await.unwrap().schema.version.to_string(), "2.0.0");
        assert_eq!(index.get_schema("Plain@1.10.0").await.unwrap().schema, schema([1, 10, 0]));
        let all: Vec<_> = index.list_schemas("").try_collect().await.unwrap();
        let versions: Vec<_> = all.iter().map(|stored| stored.schema.version.to_string()).collect();
        assert_eq!(versions, ["1.9.0", "1.10.0", "2.0.0"]);
        // Other fields under a version that Python has published are a conflict.
        let other = schema([2, 0, 0]).field(Field::new("m", Primitive::Int));
        assert_eq!(index.publish_schema(&other).await.unwrap_err().kind(), ErrorKind::Conflict);
        python.delete("LocalSchema:Plain@2.0.0");
        assert_eq!(index.get_schema("Plain").await.unwrap().schema.version.to_string(), "1.10.0");
        assert_eq!(index.list_schemas("").try_collect::<Vec<_>>().await.unwrap().len(), 2);
    });
}

/// The record that 0.7 stores for any lens whose view has fields of the source.
fn python_lens(name: &str, version: &str) -> String {
    format!(
        r#"{{"name": "{name}", "version": "{version}", "source_schema": "A", "view_schema": "A", "getter": {{"kind":
        "field_mapping", "mappings": []}}, "putter": {{"kind": "opaque"}}, "created_at": "2026-11-22T07:06:38+00:00"}}"#
    )
}

#[test]
fn lenses_of_python_are_found_at_once_and_not_trusted() {
    use atdata_core::lens::{LensBody, LensRecord, LensTrust};
    on_both(async |index, python| {
        let ours = LensRecord::new("grey", "1.0.0", "A", "B", LensBody::Opaque);
        let reference = index.publish_lens(&ours).await.unwrap();
        let listed = async || -> Vec<String> {
            let listed = index.list_lenses("").map_ok(|stored| stored.reference);
            listed.try_collect().await.unwrap()
        };
        assert_eq!(listed().await, std::slice::from_ref(&reference));
        python.run(&[b"SET", b"LocalLens:grey@1.10.0", python_lens("grey", "1.10.0").as_bytes()]);
        python.run(&[b"SET", b"LocalLens:a/b@c@0.9.0", python_lens("a/b@c", "0.9.0").as_bytes()]);
        let found = index.get_lens("atdata://local/lens/a/b@c@0.9.0").await.unwrap().record;
        assert_eq!((found.name.as_str(), found.trust()), ("a/b@c", LensTrust::Unverified));
        assert_eq!(index.get_lens("grey").await.unwrap().record.trust(), LensTrust::Unverified);
        let python_key = "atdata://local/lens/grey@1.10.0".to_owned();
        assert_eq!(
            listed().await,
            ["atdata://local/lens/a/b@c@0.9.0".to_owned(), reference.clone(), python_key]
        );
        // What Python writes in the place of ours is what is there.
        python.run(&[b"SET", b"LocalLens:grey@1.0.0", python_lens("grey", "1.0.0").as_bytes()]);
        assert_eq!(index.get_lens(&reference).await.unwrap().record.trust(), LensTrust::Unverified);
        let error = index.publish_lens(&ours).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        python.run(&[b"SET", b"LocalLens:grey@1.0.0", b"damaged"]);
        let error = index.get_lens(&reference).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.context_value("key")),
            (ErrorKind::Corrupt, Some("LocalLens:grey@1.0.0"))
        );
        python.delete("LocalLens:grey@1.0.0");
        assert!(index.get_lens(&reference).await.unwrap_err().is_not_found());
    });
}

#[test]
fn keys_of_our_own_can_be_deleted() {
    on_a_server(async |index, python| {
        let schema = SampleSchema::new("Plain").field(Field::new("n", Primitive::Int));
        index.publish_schema(&schema).await.unwrap();
        index.insert_dataset(new("a", "1.tar").with_version("1")).await.unwrap();
        index.insert_dataset(new("a", "2.tar").with_if_exists(IfExists::Replace)).await.unwrap();
        index.insert_dataset(new("b", "3.tar")).await.unwrap();
        let own = python.run(&[b"KEYS", b"atdata:*"]);
        let own: Vec<&str> = own.lines().collect();
        assert!(own.contains(&"atdata:index"));
        for round in 0..2 {
            // All of them, or all but the one that counts.
            own.iter().filter(|key| round == 0 || **key != "atdata:index").for_each(|key| python.delete(key));
            assert_eq!(url(index, "a").await, "2.tar");
            assert_eq!(url(index, "a@1").await, "1.tar");
            assert_eq!(names(index).await, ["a", "b"]);
            assert_eq!(index.list_labels("").try_collect::<Vec<_>>().await.unwrap().len(), 3);
            assert_eq!(index.get_schema("Plain").await.unwrap().schema, schema);
            let error = index.insert_dataset(new("b", "4.tar")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        }
    });
}

#[test]
fn damaged_and_foreign_keys_end_nothing() {
    on_a_server(async |index, python| {
        index.insert_dataset(new("a", "1.tar")).await.unwrap();
        python.run(&[b"SET", b"LocalDatasetEntry:text", b"x"]);
        python.run(&[b"HSET", b"LocalDatasetEntry:half", b"name", b"half"]);
        python.run(&[b"SADD", b"Label:set@", b"x"]);
        python.run(&[b"HSET", b"Label:without@", b"name", b"without"]);
        python.run(&[b"SET", b"LocalSchema:Broken@1.0.0", b"{"]);
        python.run(&[b"SET", b"LocalSchema:no version", b"{"]);
        python.run(&[b"HSET", b"LocalDatasetEntry:\xff", b"name", b"\xff"]);
        assert_eq!(url(index, "a").await, "1.tar");
        let error = index.get_dataset("half").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert_eq!(index.get_dataset("text").await.unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(index.get_schema("Broken@1.0.0").await.unwrap_err().kind(), ErrorKind::Corrupt);
        let mut entries = index.list_datasets("");
        let (mut found, mut damaged) = (Vec::new(), 0);
        while let Some(entry) = futures::StreamExt::next(&mut entries).await {
            match entry {
                Ok(entry) => found.push(entry.name().to_owned()),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                    damaged += 1;
                }
            }
        }
        assert_eq!((found, damaged), (vec!["a".to_owned()], 2));
    });
}

#[test]
fn names_that_look_like_patterns_are_safe_from_python() {
    on_both(async |index, python| {
        for (n, name) in ["*", "a@b", "a@", "?", "[a]", "a:b", "{x}", "é", "a\\*"].into_iter().enumerate() {
            python.insert(name, &format!("{n}.tar"));
            assert_eq!(url(index, name).await, format!("{n}.tar"), "{name}");
        }
        assert_eq!(names(index).await.len(), 9);
    });
}
