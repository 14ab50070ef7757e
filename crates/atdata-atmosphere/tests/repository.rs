//! Repositories as others leave them: what is peculiar to this index.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use atdata_atmosphere::records::{CodeReference, LensRecord};
use atdata_atmosphere::{Atmosphere, DatasetDetails};
use atdata_core::schema::{Field, Primitive, Profile, SampleSchema};
use atdata_core::source::Registry;
use atdata_core::{ErrorKind, IfExists, Index, IndexEntry, IndexExt, Label, NewDataset};
use atdata_testkit::servers::pds::Account;
use common::{Alice, session};
use futures::TryStreamExt;
use serde_json::{Value, json};

const SCHEMA: &str = "at://did:plc:z72i7hdynmk6r22z27h6tvur/science.alt.dataset.schema/3kplain";
const TIME: &str = "2026-11-22T07:06:38.789579+00:00";

fn alice(case: &str) -> Option<Alice> {
    Alice::for_test(case, |options| options)
}

/// Writes a record as somebody else's program would, and gives its address and CID.
fn write_as(alice: &Alice, who: &Account, collection: &str, mut record: Value) -> (String, String) {
    record["$type"] = collection.into();
    let body = json!({"repo": who.did, "collection": collection, "record": record, "validate": false});
    let asked = alice.account.xrpc().with_token(&who.access_token);
    let made =
        asked.post("com.atproto.repo.createRecord", &body).and_then(|answer| answer.success()).unwrap();
    (made["uri"].as_str().unwrap().to_owned(), made["cid"].as_str().unwrap().to_owned())
}

fn write(alice: &Alice, collection: &str, record: Value) -> (String, String) {
    write_as(alice, alice.account.account(), collection, record)
}

fn http(name: &str) -> NewDataset {
    NewDataset::new(name, SCHEMA, vec![format!("https://h.test/{name}.tar")])
}

async fn names(index: &dyn Index) -> Vec<String> {
    let entries: Vec<_> = index.list_datasets("").try_collect().await.unwrap();
    entries.iter().map(|entry| entry.name().to_owned()).collect()
}

fn digit() -> SampleSchema {
    let mut schema = SampleSchema::new("Digit");
    schema.fields = vec![Field::new("label", Primitive::Int), Field::new("text", Primitive::Str)];
    schema
}

#[tokio::test]
async fn malformed_records_are_left_out_and_noted() {
    let Some(alice) = alice("malformed_records_are_left_out_and_noted") else { return };
    let index = alice.atmosphere.index().unwrap();
    index.insert_dataset(http("good").with_version("1")).await.unwrap();
    let bad = [
        ("ac.foundation.dataset.record", json!({})),
        (
            "ac.foundation.dataset.record",
            json!({"name": 7, "schemaRef": SCHEMA, "storage": {}, "createdAt": TIME}),
        ),
        (
            "science.alt.dataset.entry",
            json!({"name": "x", "schemaRef": SCHEMA, "storage": {"$type": "y#storagePigeons"}}),
        ),
        ("science.alt.dataset.entry", json!({"name": "x", "storage": [[[[]]]]})),
        ("science.alt.dataset.label", json!({"name": ["a"], "datasetUri": "at://x"})),
        ("ac.foundation.dataset.label", json!({"name": "l"})),
        ("science.alt.dataset.schema", json!({"name": "S", "version": "1.0.0", "schema": 7})),
        ("ac.foundation.dataset.sampleSchema", json!({"fields": "none"})),
    ];
    for (collection, record) in &bad {
        write(&alice, collection, record.clone());
    }
    // A label that leads nowhere, and one that leads to no address.
    for target in ["at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/science.alt.dataset.entry/3k2222222222a", "nowhere"]
    {
        let label = json!({"name": "dangling", "datasetUri": target, "createdAt": TIME});
        write(&alice, "science.alt.dataset.label", label);
    }
    assert_eq!(names(&index).await, ["good"]);
    assert!(index.list_schemas("").try_collect::<Vec<_>>().await.unwrap().is_empty());
    let labels: Vec<Label> = index.list_labels("").try_collect().await.unwrap();
    assert_eq!(labels.iter().map(|label| label.name.as_str()).collect::<Vec<_>>(), ["good", "good"]);
    assert_eq!(index.get_dataset("good").await.unwrap().name(), "good");
    assert_eq!(index.get_dataset("dangling").await.unwrap_err().kind(), ErrorKind::NotFound);
    let (noted, count) = index.malformed().await.unwrap();
    assert_eq!((noted.len(), count), (bad.len(), bad.len() as u64), "{noted:?}");
    assert!(noted.iter().all(|record| record.uri.starts_with("at://did:plc:") && !record.reason.is_empty()));
}

#[tokio::test]
async fn records_of_every_generation_are_found_under_one_index() {
    let Some(alice) = alice("records_of_every_generation_are_found_under_one_index") else { return };
    let fields = json!([{"name": "n", "fieldType": {"$type": "ac.foundation.dataset.schemaType#primitive", "primitive": "int"}, "optional": false}]);
    let flat = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    let schemas = [
        (
            "ac.foundation.dataset.sampleSchema",
            json!({"name": "Seed", "version": "1.0.0", "fields": fields, "createdAt": TIME}),
        ),
        (
            "ac.foundation.dataset.schema",
            json!({"name": "Middle", "version": "1.0.0", "schemaType": "jsonSchema", "schema": {"schemaBody": flat}, "createdAt": TIME}),
        ),
        (
            "science.alt.dataset.schema",
            json!({"name": "Latest", "version": "1.0.0", "schemaType": "jsonSchema", "schema": flat, "createdAt": TIME}),
        ),
        (
            "science.alt.dataset.schema",
            json!({"name": "Wrapped", "version": "1.0.0", "schemaType": "jsonSchema", "schema": {"draft": "draft-07", "content": flat}, "createdAt": TIME}),
        ),
    ];
    let index = alice.atmosphere.index().unwrap();
    for (collection, record) in schemas {
        let name = record["name"].as_str().unwrap().to_owned();
        let (uri, _) = write(&alice, collection, record);
        for reference in [uri.clone(), format!("{name}@1.0.0"), format!("@{}/{name}", alice.account.handle())]
        {
            let stored = index.get_schema(&reference).await.unwrap();
            assert_eq!(stored.reference, uri, "{reference}");
            assert_eq!(stored.schema.fields, [Field::new("n", Primitive::Int)], "{reference}");
        }
    }
    let digest = "00".repeat(32);
    let checksum = json!({"algorithm": "sha256", "digest": digest});
    let none = json!({"algorithm": "none", "digest": ""});
    let datasets = [
        (
            "ac.foundation.dataset.record",
            json!({"name": "external", "storage": {"$type": "ac.foundation.dataset.storageExternal", "urls": ["https://h.test/a-{0..1}.tar"]}}),
        ),
        (
            "science.alt.dataset.entry",
            json!({"name": "http", "storage": {"$type": "science.alt.dataset.storageHttp", "shards": [{"url": "https://h.test/a.tar", "checksum": checksum}, {"url": "https://h.test/b.tar", "checksum": none}]}}),
        ),
        (
            "science.alt.dataset.entry",
            json!({"name": "s3", "storage": {"$type": "science.alt.dataset.storageS3", "bucket": "b", "shards": [{"key": "k/a.tar", "checksum": checksum}]}}),
        ),
    ];
    for (collection, mut record) in datasets {
        record["schemaRef"] = SCHEMA.into();
        record["createdAt"] = TIME.into();
        let name = record["name"].as_str().unwrap().to_owned();
        let (uri, cid) = write(&alice, collection, record);
        for reference in
            [uri.clone(), name.clone(), cid.clone(), format!("@{}/{name}", alice.account.handle())]
        {
            let entry = index.get_dataset(&reference).await.unwrap();
            assert_eq!(
                (entry.name(), entry.uri(), entry.cid()),
                (&*name, Some(&*uri), Some(&*cid)),
                "{reference}"
            );
        }
    }
    let entry = index.get_dataset("http").await.unwrap();
    assert_eq!(entry.checksum("https://h.test/a.tar"), Some(digest.as_str()));
    assert_eq!(entry.checksum("https://h.test/b.tar"), None);
    assert_eq!(index.get_dataset("s3").await.unwrap().data_urls(), ["s3://b/k/a.tar"]);
    assert_eq!(names(&index).await, ["external", "http", "s3"]);
}

#[tokio::test]
async fn a_label_may_lead_to_another_repository() {
    let Some(alice) = alice("a_label_may_lead_to_another_repository") else { return };
    let bob = alice.account.neighbour().unwrap();
    let record = json!({
        "name": "bobs", "schemaRef": SCHEMA, "createdAt": TIME,
        "storage": {"$type": "ac.foundation.dataset.storageExternal", "urls": ["https://bob.test/a.tar"]},
    });
    let (uri, cid) = write_as(&alice, &bob, "ac.foundation.dataset.record", record);
    let label = json!({"name": "best", "version": "1.0.0", "datasetUri": uri, "createdAt": TIME});
    write(&alice, "science.alt.dataset.label", label);
    let index = alice.atmosphere.index().unwrap();
    for reference in ["best", "best@1.0.0"] {
        let entry = index.get_dataset(reference).await.unwrap();
        assert_eq!((entry.name(), entry.uri()), ("bobs", Some(uri.as_str())));
        assert!(entry.is_foreign());
    }
    assert_eq!(index.get_label("best", None).await.unwrap().cid, cid);
    // The name is taken, though nothing of it is here.
    let taken = index.insert_dataset(http("best")).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AlreadyExists);
    let entry = index.insert_dataset(http("best").with_if_exists(IfExists::Replace)).await.unwrap();
    assert_eq!(index.get_dataset("best").await.unwrap().uri(), entry.uri());
    assert_eq!(index.get_dataset("best@1.0.0").await.unwrap().name(), "bobs");
}

#[tokio::test]
async fn a_schema_that_is_there_is_not_published_again() {
    let Some(alice) = alice("a_schema_that_is_there_is_not_published_again") else { return };
    for profile in [Profile::Seed, Profile::Latest] {
        let mut options = alice.options.clone();
        options.profile = profile;
        let somebody = || {
            let session = session(alice.account.url(), alice.account.account());
            Atmosphere::resume(session, options.clone(), None).unwrap().index().unwrap()
        };
        let first = somebody().publish_schema(&digit()).await.unwrap();
        assert_eq!(somebody().publish_schema(&digit()).await.unwrap(), first);
        let new = NewDataset::new(format!("{profile:?}"), digit(), vec!["https://h.test/a.tar".into()]);
        assert_eq!(somebody().insert_dataset(new).await.unwrap().schema_ref(), first);
    }
    // One in each generation, which are one for readers.
    let index = alice.atmosphere.index().unwrap();
    assert_eq!(index.list_schemas("").try_collect::<Vec<_>>().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_only_this_machine_can_read_is_not_published() {
    let Some(alice) = alice("what_only_this_machine_can_read_is_not_published") else { return };
    let index = alice.atmosphere.index().unwrap();
    for url in ["a.tar", "/data/a.tar", "file:///data/a.tar", "-", "", "pipe:cat a.tar"] {
        let new = NewDataset::new("local", SCHEMA, vec![url.to_owned()]);
        let error = index.insert_dataset(new).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{url:?}: {error}");
    }
    for url in [
        "https://alice:sesame@h.test/a.tar",
        "https://h.test/a.tar?X-Amz-Signature=sesame",
        "s3://b/k?token=sesame",
    ] {
        let new = NewDataset::new("secret", SCHEMA, vec![url.to_owned()]);
        let error = index.insert_dataset(new).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{url:?}");
        assert!(!format!("{error} {error:?}").contains("sesame"), "{error}");
    }
    assert_eq!(index.count_datasets().await.unwrap(), 0);
}

#[tokio::test]
async fn a_strangers_entry_points_at_no_file_and_no_private_server() {
    let Some(alice) = alice("a_strangers_entry_points_at_no_file_and_no_private_server") else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    std::fs::write(&path, atdata_testkit::data::shard(&atdata_testkit::data::samples(3))).unwrap();
    let path = path.to_str().unwrap();
    let entry = |name: &str, url: &str| {
        json!({
            "name": name, "schemaRef": SCHEMA, "createdAt": TIME,
            "storage": {"$type": "ac.foundation.dataset.storageExternal", "urls": [url]},
        })
    };
    let bob = alice.account.neighbour().unwrap();
    write_as(&alice, &bob, "ac.foundation.dataset.record", entry("trap", path));
    write(&alice, "ac.foundation.dataset.record", entry("own", path));
    let nobody = Atmosphere::anonymous(alice.options.clone());
    let theirs = nobody.index_of(&bob.did).await.unwrap();
    let own = alice.atmosphere.index().unwrap();
    for (index, name) in [(&theirs, "trap"), (&own, "own")] {
        let error = index.dict_dataset(name, &Registry::default()).await.map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    }
    // Unless the user says so.
    let options = alice.options.clone().with_local_files(true);
    let index = Atmosphere::anonymous(options).index_of(&bob.did).await.unwrap();
    let dataset = index.dict_dataset("trap", &Registry::default()).await.unwrap();
    assert_eq!(dataset.count().await.unwrap(), 3);
}

#[tokio::test]
async fn details_are_written_and_found() {
    let Some(alice) = alice("details_are_written_and_found") else { return };
    let index = alice.atmosphere.index().unwrap();
    let mut details = DatasetDetails::default();
    details.description = Some("Ten digits – é".into());
    details.tags = vec!["vision".into(), "digits".into()];
    details.license = Some("CC0-1.0".into());
    let entry = index.insert(http("digits"), details.clone()).await.unwrap();
    assert_eq!(entry.record.description, details.description);
    assert_eq!((&entry.record.tags, &entry.record.license), (&details.tags, &details.license));
    // The same again is no change, other words are.
    assert_eq!(index.insert(http("digits"), details.clone()).await.unwrap().uri(), entry.uri());
    details.tags.pop();
    let error = index.insert(http("digits"), details.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    details.tags = vec!["t".repeat(151)];
    let error = index.insert(http("other"), details).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("tags") && error.to_string().contains("other"), "{error}");
}

#[tokio::test]
async fn many_are_inserted_with_few_changes() {
    let Some(alice) = alice("many_are_inserted_with_few_changes") else { return };
    let index = alice.atmosphere.index().unwrap();
    let mut many: Vec<NewDataset> = (0..150)
        .map(|n| NewDataset::new(format!("{n:03}"), digit(), vec![format!("https://h.test/{n}.tar")]))
        .collect();
    // The same name once more is a change of its own.
    many.push(many[0].clone());
    let entries = index.insert_many(many.clone()).await.unwrap();
    assert_eq!(entries.len(), 151);
    assert_eq!(entries[150].uri(), entries[0].uri());
    assert_eq!(index.count_datasets().await.unwrap(), 150);
    assert_eq!(index.list_schemas("").try_collect::<Vec<_>>().await.unwrap().len(), 1);
    // Somebody who knows nothing finds all of them: more than a page.
    let other = alice.again().index().unwrap();
    assert_eq!(other.count_datasets().await.unwrap(), 150);
    assert_eq!(other.get_dataset("149").await.unwrap().uri(), entries[149].uri());
    assert_eq!(other.insert_many(many).await.unwrap().len(), 151, "again it is no change");
    assert_eq!(other.count_datasets().await.unwrap(), 150);
    // One that cannot be inserted is named; a change that it is in does not happen.
    let mixed = vec![http("new"), NewDataset::new("149", SCHEMA, vec!["https://h.test/other.tar".into()])];
    let error = index.insert_many(mixed).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("149"), "{error}");
    assert_eq!(index.get_dataset("new").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_blob_that_nobody_sent_is_said_to_be_so() {
    let Some(alice) = alice("a_blob_that_nobody_sent_is_said_to_be_so") else { return };
    let index = alice.atmosphere.index().unwrap();
    let blob = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";
    let url = format!("at://{}/blob/{blob}", alice.account.did());
    let error = index.insert_dataset(NewDataset::new("d", SCHEMA, vec![url])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains(blob), "{error}");
    // Another's blob is an address like any other.
    let url = format!("at://did:plc:z72i7hdynmk6r22z27h6tvur/blob/{blob}");
    index.insert_dataset(NewDataset::new("theirs", SCHEMA, vec![url.clone()])).await.unwrap();
    assert_eq!(index.get_dataset("theirs").await.unwrap().data_urls(), [url]);
}

#[tokio::test]
async fn references_to_other_accounts_are_looked_up_there() {
    let Some(alice) = alice("references_to_other_accounts_are_looked_up_there") else { return };
    let bob = alice.account.neighbour().unwrap();
    let bobs = Atmosphere::resume(session(alice.account.url(), &bob), alice.options.clone(), None).unwrap();
    let theirs = bobs.index().unwrap();
    let new = NewDataset::new("digits", digit(), vec!["https://h.test/a.tar".into()]).with_version("1.0.0");
    let entry = theirs.insert_dataset(new).await.unwrap();
    let index = alice.atmosphere.index().unwrap();
    for authority in [&bob.handle, &bob.did] {
        for reference in [
            format!("@{authority}/digits"),
            format!("@{authority}/digits@1.0.0"),
            format!("atdata://{authority}/dataset/digits"),
            format!("atdata://{authority}/digits"),
        ] {
            let found = index.get_dataset(&reference).await.unwrap();
            assert_eq!(found.uri(), entry.uri(), "{reference}");
        }
        for reference in
            [format!("@{authority}/Digit@1.0.0"), format!("atdata://{authority}/schema/Digit@1.0.0")]
        {
            assert_eq!(index.get_schema(&reference).await.unwrap().reference, entry.schema_ref());
        }
    }
    for reference in ["@nobody-at-all.test/digits", &format!("@{}/other", bob.handle)] {
        let error = index.get_dataset(reference).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains(reference), "{error}");
    }
    // A schema is referred to by its address, whatever reference it was found by.
    let new = NewDataset::new(
        "mine",
        format!("@{}/Digit@1.0.0", bob.handle).as_str(),
        vec!["https://h.test/b.tar".into()],
    );
    assert_eq!(index.insert_dataset(new).await.unwrap().schema_ref(), entry.schema_ref());
    let new = NewDataset::new("none", "Nowhere@1.0.0", vec!["https://h.test/b.tar".into()]);
    assert_eq!(index.insert_dataset(new).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn lenses_are_published_once_and_found() {
    let Some(alice) = alice("lenses_are_published_once_and_found") else { return };
    let mut options = alice.options.clone();
    for profile in [Profile::Seed, Profile::Latest] {
        options.profile = profile;
        let session = session(alice.account.url(), alice.account.account());
        let index = Atmosphere::resume(session, options.clone(), None).unwrap().index().unwrap();
        let code = |path: &str| CodeReference {
            repository: "https://code.example.org/lenses".into(),
            commit: "0123abcd".into(),
            path: path.into(),
            branch: None,
            language: Some("rust".into()),
        };
        let mut lens =
            LensRecord::new(format!("grey-{profile:?}"), SCHEMA, SCHEMA.replace("3kplain", "3kgrey"));
        (lens.getter, lens.putter) = (Some(code("get.rs")), Some(code("put.rs")));
        lens.description = Some("Colours to grey".into());
        let uri = index.publish_lens(&lens).await.unwrap();
        assert_eq!(index.publish_lens(&lens).await.unwrap(), uri, "it is there");
        for reference in [uri.as_str(), lens.name.as_str()] {
            let stored = index.get_lens(reference).await.unwrap();
            assert_eq!(stored.uri, uri);
            assert_eq!(LensRecord { created_at: None, ..stored.record }, lens, "{reference}");
        }
        lens.description = Some("Others".into());
        assert_ne!(index.publish_lens(&lens).await.unwrap(), uri);
        let error = index.get_lens("none").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    let index = alice.atmosphere.index().unwrap();
    let all: Vec<_> = index.list_lenses("grey-").try_collect().await.unwrap();
    assert_eq!(all.len(), 4);
    assert_eq!(index.list_lenses("grey-L").try_collect::<Vec<_>>().await.unwrap().len(), 2);
    index.remove_record(&all[0].uri).await.unwrap();
    assert_eq!(index.list_lenses("").try_collect::<Vec<_>>().await.unwrap().len(), 3);
    assert_eq!(index.remove_record(&all[0].uri).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn lenses_as_data_are_records_that_strangers_can_use() {
    use atdata_core::lens::{DataLens, LensIndexExt, LensTrust};
    let Some(alice) = alice("lenses_as_data_are_records_that_strangers_can_use") else { return };
    let mut options = alice.options.clone();
    for (profile, name) in [(Profile::Seed, "old"), (Profile::Latest, "new")] {
        options.profile = profile;
        let session = session(alice.account.url(), alice.account.account());
        let index = Atmosphere::resume(session, options.clone(), None).unwrap().index().unwrap();
        index.publish_schema(&digit()).await.unwrap();
        let view = SampleSchema::new("Ratio").field(Field::new("label", Primitive::Float));
        index.publish_schema(&view).await.unwrap();
        let lens =
            DataLens::new(name, "Digit@1.0.0", "Ratio@1.0.0").drop(["text"]).cast("label", Primitive::Float);
        let uri = index.publish_data_lens(&lens).await.unwrap();

        // As a record of code it says where it is: in itself.
        let record = index.get_lens(&uri).await.unwrap().record;
        assert_eq!(record.source_schema_version, None, "it is an address");
        match profile {
            Profile::Seed => assert_eq!((record.getter, record.putter), (None, None)),
            _ => {
                let code = record.getter.unwrap();
                assert_eq!((&code.repository, &*code.path), (&uri, "metadata/atdataLens"));
                assert_eq!((code.language.as_deref(), code.commit.len()), (Some("atdata-lens"), 40));
                assert_eq!(record.putter, Some(code));
            }
        }
        // A stranger opens it.
        let nobody = Atmosphere::anonymous(alice.options.clone());
        let stranger = nobody.index_of(&alice.account.account().did).await.unwrap();
        for reference in
            [uri.clone(), name.to_owned(), format!("@{}/{name}@1.0.0", alice.account.account().did)]
        {
            let open = stranger.open_lens(&reference).await.unwrap();
            assert_eq!((&open.reference, &open.data.steps), (&uri, &lens.steps));
        }
        let error = stranger.publish_data_lens(&lens.with_version("2.0.0")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    }
    // Code of others is code, and has the key of its record for a version.
    let code = json!({"repository": "https://r", "commit": "00", "path": "m:f"});
    let lens = json!({"name": "code", "sourceSchema": SCHEMA, "targetSchema": SCHEMA, "getterCode": code,
        "putterCode": code, "createdAt": TIME});
    let (uri, _) = write(&alice, "science.alt.dataset.lens", lens);
    // One that cannot be read is left out, and noted.
    let damaged = json!({"name": "damaged", "sourceSchema": SCHEMA, "targetSchema": SCHEMA, "createdAt": TIME,
        "metadata": {"atdataLens": {"format": 1, "steps": "none"}}});
    write(&alice, "ac.foundation.dataset.lens", damaged);
    let index: std::sync::Arc<dyn Index> = std::sync::Arc::new(alice.again().index().unwrap());
    let rkey = uri.rsplit('/').next().unwrap();
    for reference in [uri.clone(), "code".to_owned(), format!("code@{rkey}")] {
        let stored = index.get_lens(&reference).await.unwrap();
        assert_eq!((stored.record.trust(), &stored.reference), (LensTrust::Code, &uri));
        let error = index.open_lens(&reference).await.unwrap_err();
        assert!(error.message().contains("never executed"), "{error}");
    }
    let listed: Vec<_> = index.list_lenses("").try_collect().await.unwrap();
    let names: Vec<&str> = listed.iter().map(|stored| stored.record.name.as_str()).collect();
    assert_eq!(names, ["code", "new", "old"]);
}

#[tokio::test]
async fn what_is_said_of_a_dataset_changes_in_its_place() {
    let Some(alice) = alice("what_is_said_of_a_dataset_changes_in_its_place") else { return };
    // Somebody else's program has more to say.
    let record = json!({
        "name": "digits", "schemaRef": SCHEMA, "createdAt": TIME, "description": "old", "org.example.mood": "good",
        "storage": {"$type": "ac.foundation.dataset.storageExternal", "urls": ["https://h.test/a.tar"]},
    });
    let (uri, cid) = write(&alice, "ac.foundation.dataset.record", record);
    let index = alice.atmosphere.index().unwrap();
    index.set_label(&Label::new("best", &cid)).await.unwrap();
    let mut details = DatasetDetails::default();
    details.license = Some("CC0-1.0".into());
    let entry = index.update_details("digits", &details).await.unwrap();
    assert_eq!((entry.uri(), entry.data_urls()), (Some(&*uri), &["https://h.test/a.tar".to_owned()][..]));
    assert_ne!(entry.cid(), Some(&*cid));
    assert_eq!(
        (entry.record.license.as_deref(), entry.record.description.as_deref()),
        (Some("CC0-1.0"), None)
    );
    let path = format!(
        "com.atproto.repo.getRecord?repo={}&collection=ac.foundation.dataset.record&rkey={}",
        alice.account.did(),
        uri.rsplit('/').next().unwrap()
    );
    let kept = alice.account.xrpc().get(&path).and_then(|answer| answer.success()).unwrap();
    assert_eq!(kept["value"]["org.example.mood"], "good");
    assert_eq!(kept["value"].get("description"), None);
    // The label leads to what the record says now.
    assert_eq!(index.get_label("best", None).await.unwrap().cid, entry.cid().unwrap());
    let again = index.update_details(&uri, &details).await.unwrap();
    assert_eq!(again.cid(), entry.cid());
    assert_eq!(index.update_details("none", &details).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn what_is_removed_is_gone_with_its_labels() {
    let Some(alice) = alice("what_is_removed_is_gone_with_its_labels") else { return };
    let index = alice.atmosphere.index().unwrap();
    let a = index.insert_dataset(http("a").with_version("1")).await.unwrap();
    index.insert_dataset(http("b")).await.unwrap();
    index.set_label(&Label::new("best", a.cid().unwrap())).await.unwrap();
    index.remove_label("best", None).await.unwrap();
    assert_eq!(index.remove_label("best", None).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(index.get_dataset("a@1").await.unwrap().uri(), a.uri());
    index.remove_dataset("a").await.unwrap();
    assert_eq!(index.remove_dataset("a").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(names(&index).await, ["b"]);
    let labels: Vec<Label> = alice.again().index().unwrap().list_labels("").try_collect().await.unwrap();
    assert_eq!(labels.iter().map(|label| label.name.as_str()).collect::<Vec<_>>(), ["b"]);
    // Another's is not ours to remove.
    let error = index.remove_record("at://did:plc:aaaa/science.alt.dataset.entry/3k").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}
