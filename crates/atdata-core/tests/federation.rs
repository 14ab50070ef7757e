//! Several indexes under one roof.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::schema::{Field, Primitive, SampleSchema};
use atdata_core::{
    Error, ErrorKind, Federation, IfExists, Index, IndexExt, Label, MemoryIndex, Network, NewDataset, Result,
};
use futures::TryStreamExt;
use futures::executor::block_on;

#[derive(Debug)]
struct Village(MemoryIndex);

#[async_trait]
impl Network for Village {
    async fn repository(&self, account: &str) -> Result<Arc<dyn Index>> {
        match account {
            "alice.test" | "did:plc:alice" => Ok(Arc::new(self.0.clone())),
            _ => Err(Error::not_found("nobody has this name").with("account", account)),
        }
    }
}

struct World {
    local: MemoryIndex,
    team: MemoryIndex,
    alice: MemoryIndex,
    all: Federation,
}

fn world() -> World {
    let [local, team, alice] = std::array::from_fn(|_| MemoryIndex::new());
    let all = Federation::new(local.clone()).with_mount("team", team.clone()).unwrap();
    let all = all.with_network(Village(alice.clone()));
    World { local, team, alice, all }
}

fn schema(field: &str) -> SampleSchema {
    SampleSchema::new("Digit").field(Field::new(field, Primitive::Int))
}

fn new(name: &str, url: &str) -> NewDataset {
    NewDataset::new(name, schema("n"), vec![url.to_owned()])
}

async fn names(index: &dyn Index, prefix: &str) -> Vec<String> {
    let entries: Vec<_> = index.list_datasets(prefix).try_collect().await.unwrap();
    entries.iter().map(|entry| entry.name().to_owned()).collect()
}

#[test]
fn a_prefix_says_where_a_dataset_is_inserted_and_found() {
    let World { local, team, alice, all } = world();
    block_on(async {
        for (name, url) in [("digits", "l.tar"), ("team/digits", "t.tar"), ("other/digits", "o.tar")] {
            let entry = all.insert_dataset(new(name, url)).await.unwrap();
            assert_eq!(entry.name(), name);
            let found = all.get_dataset(name).await.unwrap();
            assert_eq!((found.name(), found.data_urls()), (name, &[url.to_owned()][..]));
        }
        alice.insert_dataset(new("digits", "a.tar").with_version("7")).await.unwrap();
        assert_eq!(names(&local, "").await, ["digits", "other/digits"]);
        assert_eq!(names(&team, "").await, ["digits"]);
        for reference in
            ["@alice.test/digits", "atdata://did:plc:alice/dataset/digits@7", "@did:plc:alice/digits@7"]
        {
            assert_eq!(all.get_dataset(reference).await.unwrap().data_urls(), ["a.tar"], "{reference}");
        }
        for (reference, named) in [
            ("@bob.test/digits", "bob.test"),
            ("@alice.test/letters", "letters"),
            ("team/letters", "letters"),
        ] {
            let error = all.get_dataset(reference).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(error.to_string().contains(named), "{error}");
        }
        // Names that are taken are so where they are.
        let taken = all.insert_dataset(new("team/digits", "l.tar")).await.unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AlreadyExists);
    });
}

#[test]
fn a_dataset_is_opened_with_the_schema_of_its_own_index() {
    let World { local, team, alice, all } = world();
    block_on(async {
        // The same name and version stands for other fields in each of them.
        for (index, field) in [(&local, "local"), (&team, "team"), (&alice, "alice")] {
            index
                .insert_dataset(NewDataset::new("digits", schema(field), vec!["a.tar".into()]))
                .await
                .unwrap();
        }
        for (reference, field) in [("digits", "local"), ("team/digits", "team")] {
            let entry = all.get_dataset(reference).await.unwrap();
            let stored = all.get_schema(entry.schema_ref()).await.unwrap();
            assert_eq!(stored.schema.fields[0].name, field);
            assert_eq!(stored.reference, entry.schema_ref());
        }
        for (reference, field) in [
            ("Digit", "local"),
            ("atdata://local/schema/Digit@1.0.0", "local"),
            ("atdata://team/schema/Digit@1.0.0", "team"),
            ("@team/Digit", "team"),
            ("@alice.test/Digit@1.0.0", "alice"),
            ("atdata://did:plc:alice/sampleSchema/Digit", "alice"),
        ] {
            let stored = all.get_schema(reference).await.unwrap();
            assert_eq!(stored.schema.fields[0].name, field, "{reference}");
        }
        // What a mounted index says of its schema can be given back to it, and means the same.
        let entry = all.get_dataset("team/digits").await.unwrap();
        let copy = NewDataset::new("team/copy", entry.schema_ref(), vec!["b.tar".into()]);
        assert_eq!(all.insert_dataset(copy).await.unwrap().schema_ref(), entry.schema_ref());
        assert_eq!(
            team.get_dataset("copy").await.unwrap().schema_ref(),
            team.get_dataset("digits").await.unwrap().schema_ref()
        );
    });
}

#[test]
fn everything_but_the_network_is_listed_in_one_order() {
    let World { local, team, alice, all } = world();
    block_on(async {
        for name in ["a", "t", "team", "team-x", "u", "team/hidden"] {
            local.insert_dataset(new(name, "l.tar")).await.unwrap();
        }
        for name in ["a", "b/c"] {
            team.insert_dataset(new(name, "t.tar")).await.unwrap();
        }
        alice.insert_dataset(new("z", "a.tar")).await.unwrap();
        let everything = ["a", "t", "team", "team-x", "team/a", "team/b/c", "u"];
        assert_eq!(names(&all, "").await, everything);
        assert_eq!(names(&all, "te").await, everything[2..6]);
        assert_eq!(names(&all, "team/").await, everything[4..6]);
        assert_eq!(names(&all, "team/b").await, ["team/b/c"]);
        assert_eq!(names(&all, "team-").await, ["team-x"]);
        assert_eq!(all.count_datasets().await.unwrap(), 7);
        for name in names(&all, "").await {
            assert_eq!(all.get_dataset(&name).await.unwrap().name(), name);
        }
        let schemas: Vec<_> = all.list_schemas("D").try_collect().await.unwrap();
        let references: Vec<_> = schemas.iter().map(|stored| &*stored.reference).collect();
        let expected = ["atdata://local/sampleSchema/Digit@1.0.0", "atdata://team/sampleSchema/Digit@1.0.0"];
        assert_eq!(references, expected);
    });
}

#[test]
fn labels_are_those_of_the_index_that_the_name_says() {
    let World { team, all, .. } = world();
    block_on(async {
        let entry = all.insert_dataset(new("team/digits", "1.tar").with_version("1")).await.unwrap();
        let newer = new("team/digits", "2.tar").with_version("2").with_if_exists(IfExists::Replace);
        all.insert_dataset(newer).await.unwrap();
        all.set_label(&Label::new("team/best", entry.cid().unwrap()).with_version("gold")).await.unwrap();
        assert_eq!(all.get_dataset("@team/best@gold").await.unwrap().data_urls(), ["1.tar"]);
        assert_eq!(team.get_label("best", None).await.unwrap().version, "gold");
        assert_eq!(all.get_label("team/best", None).await.unwrap().name, "team/best");

        let labels: Vec<_> = all.list_labels("team/d").try_collect().await.unwrap();
        let labels: Vec<_> = labels.iter().map(|label| (&*label.name, &*label.version)).collect();
        assert_eq!(labels, [("team/digits", ""), ("team/digits", "1"), ("team/digits", "2")]);
        let history = all.label_history("team/digits").await.unwrap();
        let history: Vec<_> =
            history.iter().map(|dated| (&*dated.label.name, &*dated.label.version)).collect();
        assert_eq!(history, [("team/digits", ""), ("team/digits", "2"), ("team/digits", "1")]);

        all.delete_label("team/best", "gold").await.unwrap();
        assert_eq!(team.get_label("best", None).await.unwrap_err().kind(), ErrorKind::NotFound);
        // Entries of other indexes cannot be labelled.
        let error = all.set_label(&Label::new("digits", entry.cid().unwrap())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn without_a_network_the_local_index_is_asked() {
    let local = MemoryIndex::new();
    let all = Federation::new(local);
    block_on(async {
        for reference in ["@alice.test/digits", "at://did:plc:a/c.d.e/3k", "atdata://alice.test/digits"] {
            assert_eq!(
                all.get_dataset(reference).await.unwrap_err().kind(),
                ErrorKind::NotFound,
                "{reference}"
            );
        }
    });
}

#[test]
fn names_under_which_nothing_could_be_found_are_refused() {
    for name in ["", "local", "a/b", "@a", "a:b", "_atmosphere", "a\n"] {
        let error = Federation::new(MemoryIndex::new()).with_mount(name, MemoryIndex::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{name:?}");
    }
    let once = Federation::new(MemoryIndex::new()).with_mount("a", MemoryIndex::new()).unwrap();
    assert_eq!(once.with_mount("a", MemoryIndex::new()).unwrap_err().kind(), ErrorKind::AlreadyExists);
}

#[test]
fn lenses_of_all_indexes_are_found_and_opened() {
    use atdata_core::lens::{DataLens, LensIndexExt};
    let World { local, team, alice, all } = world();
    let lens = |name: &str| DataLens::new(name, "Old@1.0.0", "New@1.0.0").rename("n", "count");
    block_on(async {
        let schema =
            |name: &str, field: &str| SampleSchema::new(name).field(Field::new(field, Primitive::Int));
        for index in [&local, &team, &alice] {
            index.publish_schema(&schema("Old", "n")).await.unwrap();
            index.publish_schema(&schema("New", "count")).await.unwrap();
        }
        all.publish_data_lens(&lens("b")).await.unwrap();
        team.publish_data_lens(&lens("a")).await.unwrap();
        team.publish_data_lens(&lens("b").with_version("1.0.1")).await.unwrap();
        alice.publish_data_lens(&lens("c")).await.unwrap();
        let listed: Vec<_> =
            all.list_lenses("").map_ok(|stored| stored.reference).try_collect().await.unwrap();
        let (of_team, own) =
            (["atdata://team/lens/a@1.0.0", "atdata://team/lens/b@1.0.1"], "atdata://local/lens/b@1.0.0");
        assert_eq!(listed, [of_team[0], own, of_team[1]]);
        for reference in ["b", "b@1.0.0", "local/b", own] {
            assert_eq!(all.open_lens(reference).await.unwrap().reference, own);
        }
        for reference in ["team/b", "@team/b@1.0.1", of_team[1]] {
            let open = all.open_lens(reference).await.unwrap();
            assert_eq!(open.reference, of_team[1]);
            assert_eq!(open.data.source_schema, "atdata://team/sampleSchema/Old@1.0.0");
        }
        for reference in ["@alice.test/c", "atdata://did:plc:alice/lens/c@1.0.0"] {
            assert_eq!(all.get_lens(reference).await.unwrap().record.name, "c");
        }
        for reference in ["c", "team/c", "@nobody.test/c"] {
            assert!(all.get_lens(reference).await.unwrap_err().is_not_found(), "{reference}");
        }
    });
}
