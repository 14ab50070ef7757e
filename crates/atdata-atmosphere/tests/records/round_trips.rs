//! What is written comes back exactly, also from a server that sorts keys; and no JSON makes a reader panic.

use atdata_atmosphere::records::{
    BlobRef, BlobShard, Checksum, Collection, DatasetRecord, DatasetSize, ManifestRef, Storage, UrlShard,
    ipld,
};
use atdata_core::cid::blob_cid;
use atdata_core::schema::{Profile, parse_time};
use atdata_core::{CHECKSUMS_KEY, Map, Value};
use atdata_testkit::tagged::same_value;
use proptest::prelude::*;
use serde_json::{Map as JsonMap, Value as Json, json};

use super::{DID, PROFILES, Record, read, read_as, write};

const SCHEMA: &str = "at://did:plc:a/ac.foundation.dataset.sampleSchema/3k";

fn dataset(urls: &[&str]) -> DatasetRecord {
    let storage = Storage::from_urls(urls.iter().copied().map(UrlShard::new).collect());
    stored(storage)
}

fn stored(storage: Storage) -> DatasetRecord {
    let created_at = parse_time("2026-11-22T07:06:38.789579Z");
    DatasetRecord { created_at, ..DatasetRecord::new("digits", SCHEMA, storage) }
}

/// As servers send it: through DAG-CBOR, with the keys in other orders, and base64 without padding.
fn from_server(json: &Json) -> [Json; 2] {
    fn by_text(json: &Json) -> Json {
        match json {
            Json::Array(items) => items.iter().map(by_text).collect(),
            Json::Object(members) => {
                let mut keys: Vec<_> = members.keys().collect();
                keys.sort();
                keys.reverse();
                let value = |key: &String| match (key.as_str(), &members[key]) {
                    ("$bytes", Json::String(text)) => text.trim_end_matches('=').into(),
                    (_, value) => by_text(value),
                };
                Json::Object(keys.into_iter().map(|key| (key.clone(), value(key))).collect::<JsonMap<_, _>>())
            }
            other => other.clone(),
        }
    }
    let bytes = ipld::to_dag_cbor(json).unwrap();
    assert_eq!(atdata_core::cid::dag_cbor_cid(&bytes), ipld::record_cid(json).unwrap());
    [ipld::from_dag_cbor(&bytes).unwrap(), by_text(json)]
}

fn metadata_comes_back(record: &DatasetRecord, metadata: Option<&Map>) {
    let record = record.clone().with_entry_metadata(DID, metadata.cloned());
    for profile in PROFILES {
        let json = write(&Record::Dataset(Box::new(record.clone())), profile).unwrap();
        for json in from_server(&json) {
            let found = DatasetRecord::from_json(&json).unwrap();
            assert_eq!(found.data_urls(DID), record.data_urls(DID));
            let found = found.entry_metadata(DID);
            match (&found, metadata) {
                (None, None) => {}
                (Some(found), Some(expected)) => {
                    let keys = |map: &Map| map.keys().map(str::to_owned).collect::<Vec<_>>();
                    assert_eq!(keys(found), keys(expected));
                    let same = same_value(&Value::from(found.clone()), &Value::from(expected.clone()));
                    assert!(same.is_ok(), "{profile:?}: {}\n{json:#}", same.unwrap_err());
                }
                _ => panic!("{profile:?}: {found:?} for {metadata:?}\n{json:#}"),
            }
        }
    }
}

#[test]
fn every_kind_of_metadata_is_kept() {
    let record = dataset(&["https://host/a.tar"]);
    metadata_comes_back(&record, None);
    let map = |pairs: &[(&str, Value)]| pairs.iter().cloned().collect::<Map>();
    let text = |text: &str| Value::from(text);
    for pairs in [
        &[][..],
        &[("model", text("bert")), ("a", 1i64.into())],
        &[
            ("split", text("train")),
            ("version", text("1")),
            ("created_by", text("x")),
            ("source_uri", text("y")),
        ],
        &[("processing_steps", vec![text("a")].into()), ("z", Value::Nil), ("b", true.into())],
        &[("split", 1i64.into())],
        &[("processing_steps", text("a"))],
        &[("sourceUri", text("x")), ("custom", text("y")), ("keyOrder", text("z"))],
        &[("$type", text("x")), ("", text("y"))],
        &[("__proto__", text("x"))],
        &[("nested", map(&[("z", 1i64.into()), ("a", 2i64.into())]).into())],
        &[("one", map(&[("z", vec![Value::Nil].into())]).into())],
        &[("n", f64::NAN.into()), ("m", (-0.0).into()), ("u", u64::MAX.into()), ("i", i64::MIN.into())],
        &[("b", Value::Bytes(bytes::Bytes::from_static(&[0, 255])))],
        &[("checksums", text("not a table"))],
    ] {
        metadata_comes_back(&record, Some(&map(pairs)));
    }
}

#[test]
fn the_object_form_is_used_where_it_says_the_same() {
    let of = |key: &str, value: Value| {
        let record = dataset(&["a"]).with_entry_metadata(DID, Some(Map::from_iter([(key, value)])));
        record.to_json(Profile::Latest).unwrap()["metadata"].clone()
    };
    assert_eq!(of("model", "bert".into()), json!({"custom": {"model": "bert"}}));
    assert_eq!(of("created_by", "me".into()), json!({"createdBy": "me"}));
    assert_eq!(of("rate", 0.5.into()), json!({"$bytes": "gaRyYXRlyz/gAAAAAAAA"}));
    // Longer than it must be, for a base64 without padding: Python 0.7 does not read what a server makes of the other.
    assert_eq!(of("rates", 0.5.into()), json!({"$bytes": "3gABpXJhdGVzyz/gAAAAAAAA"}));
    let empty = dataset(&["a"]).with_entry_metadata(DID, Some(Map::new()));
    assert_eq!(empty.to_json(Profile::Latest).unwrap()["metadata"], json!({}));
    assert_eq!(empty.to_json(Profile::Seed).unwrap()["metadata"], json!({"$bytes": "gA=="}));
}

#[test]
fn checksums_stand_beside_the_shards() {
    let digest = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b";
    let table = Map::from_iter([("s3://b/1", digest), ("s3://b/2", "00ff")]);
    let metadata = Map::from_iter([("note", Value::from("kept")), (CHECKSUMS_KEY, table.into())]);
    let record = dataset(&["s3://b/1", "s3://b/2", "s3://b/3"]);
    metadata_comes_back(&record, Some(&metadata));
    let record = record.with_entry_metadata(DID, Some(metadata));
    let latest = record.to_json(Profile::Latest).unwrap();
    assert_eq!(latest["metadata"], json!({"custom": {"note": "kept"}}));
    assert_eq!(latest["storage"]["shards"][0]["checksum"], json!({"algorithm": "sha256", "digest": digest}));
    assert_eq!(latest["storage"]["shards"][2]["checksum"], json!({"algorithm": "none", "digest": ""}));
    let seed = record.to_json(Profile::Seed).unwrap();
    assert_eq!(seed["storage"]["urls"], json!(["s3://b/1", "s3://b/2", "s3://b/3"]));
    assert_eq!(seed["storage"]["checksums"][1], json!({"algorithm": "sha256", "digest": "00ff"}));
}

#[test]
fn tables_that_do_not_fit_the_shards_are_kept_as_they_are() {
    let blob = BlobRef { cid: blob_cid(b"hello"), mime_type: "application/x-tar".into(), size: Some(5) };
    let own = blob.sha256().unwrap();
    let url = blob.url(DID);
    let blobs = stored(Storage::Blobs(vec![blob.into()]));
    let urls = dataset(&["b", "a", "b", "{0..2}.tar"]);
    for (record, table) in [
        (&urls, vec![("a", "00"), ("b", "01")]),
        (&urls, vec![("b", "01"), ("a", "00")]),
        (&urls, vec![("b", "ZZ")]),
        (&urls, vec![("b", "AA")]),
        (&urls, vec![("b", "")]),
        (&urls, vec![("0.tar", "00"), ("1.tar", "01")]),
        (&urls, vec![]),
        (&blobs, vec![(&*url, &*own)]),
        (&blobs, vec![(&*url, "00")]),
        (&blobs, vec![]),
    ] {
        let table: Map = table.into_iter().collect();
        metadata_comes_back(record, Some(&Map::from_iter([(CHECKSUMS_KEY, table.clone())])));
        let first = Map::from_iter([(CHECKSUMS_KEY, Value::from(table)), ("note", 1i64.into())]);
        metadata_comes_back(record, Some(&first));
    }
}

#[test]
fn every_storage_comes_back() {
    let blob = |bytes: &[u8]| BlobRef {
        cid: blob_cid(bytes),
        mime_type: "application/x-tar".into(),
        size: Some(bytes.len() as u64),
    };
    let other = Some(Checksum { algorithm: "blake3".into(), digest: "00ff".into() });
    let blobs = vec![BlobShard::from(blob(b"a")), BlobShard { checksum: other.clone(), ..blob(b"b").into() }];
    let checked = UrlShard { url: "https://host/b.tar".into(), checksum: other };
    let mut s3 = Storage::from_urls(vec![UrlShard::new("s3://b/{0..2}"), UrlShard::new("s3://b//x?y#z")]);
    let Storage::S3(inner) = &mut s3 else { panic!("one bucket") };
    (inner.region, inner.endpoint) = (Some("r".into()), Some("http://e.test/".into()));
    let manifest = ManifestRef {
        header: BlobRef { mime_type: "application/json".into(), ..blob(b"{}") },
        samples: Some(BlobRef { mime_type: "application/octet-stream".into(), ..blob(b"p") }),
    };
    for storage in [
        Storage::from_urls(vec![]),
        Storage::from_urls(vec![UrlShard::new(""), checked, UrlShard::new("s3://b/1")]),
        Storage::from_urls(vec![UrlShard::new("s3://b/1"), UrlShard::new("s3://c/1")]),
        Storage::from_urls(vec![UrlShard::new("s3://b/")]),
        s3,
        Storage::Blobs(blobs),
        Storage::Blobs(vec![]),
    ] {
        let mut record = stored(storage);
        record.description = Some(String::new());
        record.size = Some(DatasetSize { samples: Some(1), bytes: None, shards: Some(2) });
        record.metadata_schema_ref = Some(SCHEMA.into());
        record.content_metadata = Some(Map::from_iter([("gain", 2i64)]));
        record.manifests = vec![manifest.clone()];
        let record = Record::Dataset(Box::new(record));
        for profile in PROFILES {
            for json in from_server(&write(&record, profile).unwrap()) {
                assert_eq!(read(&json).unwrap(), record, "{json:#}");
            }
        }
    }
}

#[test]
fn a_bucket_without_names_is_none() {
    let read = |bucket: &str, keys: &[&str]| {
        let shards: Vec<Json> = keys.iter().map(|key| json!({"key": key})).collect();
        Storage::from_json(&json!({"$type": "x.storageS3", "bucket": bucket, "shards": shards}))
    };
    assert!(matches!(read("b", &["k"]), Ok(Storage::S3(_))));
    assert_eq!(read("b", &[]).unwrap(), Storage::Urls(vec![]));
    for (bucket, key) in [("", "k"), ("b", ""), ("a/b", "k")] {
        assert_eq!(read(bucket, &[key]).unwrap_err().kind(), atdata_core::ErrorKind::Corrupt);
    }
}

#[test]
fn blob_references_of_all_forms_are_read() {
    let cid = blob_cid(b"hello");
    let link = json!({"$type": "blob", "ref": {"$link": cid.to_string()}, "mimeType": "application/x-tar", "size": 5});
    let text = json!({"$type": "blob", "ref": cid.to_string(), "mimeType": "application/x-tar", "size": 5});
    let old = json!({"cid": cid.to_string(), "mimeType": "application/x-tar"});
    for (json, size) in [(link, Some(5)), (text, Some(5)), (old.clone(), None)] {
        for item in [json.clone(), json!({"blob": json})] {
            let storage = json!({"$type": "x.storageBlobs", "blobs": [item]});
            let Ok(Storage::Blobs(blobs)) = Storage::from_json(&storage) else { panic!("{storage}") };
            assert_eq!((blobs[0].blob.cid, blobs[0].blob.size), (cid, size));
        }
    }
    assert_eq!(BlobRef::from_json(&old).unwrap().to_json().unwrap(), old);
    for json in [json!({}), json!({"ref": {}}), json!({"ref": "x"}), json!({"ref": 1}), json!(null)] {
        assert!(BlobRef::from_json(&json).is_err(), "{json}");
    }
}

#[test]
fn dag_cbor_and_json_are_two_forms_of_one_record() {
    let cid = blob_cid(b"hello").to_string();
    let json = json!({"aa": 1, "b": [null, true, -5, u64::MAX, "é"], "bytes": {"$bytes": "AAE="},
        "link": {"$link": cid}, "map": {"$type": "two keys", "x": {}}});
    let bytes = ipld::to_dag_cbor(&json).unwrap();
    assert_eq!(ipld::from_dag_cbor(&bytes).unwrap(), json);
    let deep = (0..80).fold(json!(0), |inner, _| json!([inner]));
    for json in [
        json!({"a": 0.5}),
        json!({"$link": "x"}),
        json!({"$link": 1}),
        json!({"$bytes": 1}),
        json!({"$bytes": "?"}),
        deep,
    ] {
        assert!(ipld::to_dag_cbor(&json).is_err(), "{json}");
    }
    let nested = [vec![0x81; 70], vec![0x00]].concat();
    let very_nested = [vec![0x81; 100_000], vec![0x00]].concat();
    for bytes in [
        &b""[..],
        b"\x18\x01",
        b"\x01\x01",
        b"\xa2\x61b\x01\x61a\x01",
        b"\xa2\x61a\x01\x61a\x01",
        b"\xfb\x3f\xe0\0\0\0\0\0\0",
        b"\xa1\x65$link\x61x",
        b"\xa1\x66$bytes\x61x",
        b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xd8\x2a\x41\x00",
        &nested,
        &very_nested,
    ] {
        assert!(ipld::from_dag_cbor(bytes).is_err(), "{bytes:02x?}");
    }
}

fn json_values() -> impl Strategy<Value = Json> {
    let text = prop_oneof![
        ".{0,6}",
        prop::sample::select(vec![
            "science.alt.dataset.storageHttp",
            "ac.foundation.dataset.storageBlobs",
            "storageS3",
            "x.storageExternal",
            "blob",
            "jsonSchema",
            "object",
            "array",
            "2026-01-01T00:00:00Z",
            "at://did:plc:a/b.c.d/e",
            "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq",
            "gaFrAQ==",
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (0..5u64).prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        text.prop_map(Json::from),
    ];
    let key = prop::sample::select(vec![
        "$type",
        "name",
        "version",
        "schemaRef",
        "storage",
        "urls",
        "url",
        "shards",
        "blobs",
        "blob",
        "ref",
        "$link",
        "$bytes",
        "checksum",
        "checksums",
        "algorithm",
        "digest",
        "bucket",
        "key",
        "region",
        "endpoint",
        "createdAt",
        "description",
        "tags",
        "license",
        "size",
        "samples",
        "bytes",
        "metadata",
        "custom",
        "keyOrder",
        "split",
        "metadataSchemaRef",
        "contentMetadata",
        "manifests",
        "header",
        "datasetUri",
        "sourceSchema",
        "targetSchema",
        "getterCode",
        "putterCode",
        "repository",
        "commit",
        "path",
        "lens",
        "lensCommit",
        "verificationMethod",
        "codeHash",
        "fields",
        "fieldType",
        "schema",
        "schemaType",
        "properties",
        "items",
        "mimeType",
        "cid",
        "propertyOrder",
        "atdataType",
        "nullable",
        "default",
        "defaultMsgpack",
        "metadataMsgpack",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 60, 12, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            3 => prop::collection::vec((key.clone(), inner), 0..12)
                .prop_map(|pairs| Json::Object(pairs.into_iter().collect())),
        ]
    })
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<u64>().prop_map(|bits| Value::from(f64::from_bits(bits))),
        ".{0,5}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..5).prop_map(|bytes| Value::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".{0,3}", inner), 0..4)
                .prop_map(|pairs| Value::Map(pairs.into_iter().collect())),
        ]
    })
}

fn metadata() -> impl Strategy<Value = Map> {
    let key = prop_oneof![
        prop::sample::select(vec![
            "split",
            "version",
            "source_uri",
            "sourceUri",
            "created_by",
            "processing_steps",
            "custom",
            "keyOrder",
            "$type",
            CHECKSUMS_KEY,
        ])
        .prop_map(str::to_owned),
        ".{0,3}",
    ];
    prop::collection::vec((key, values()), 0..6).prop_map(|pairs| pairs.into_iter().collect())
}

/// The records that Python sent.
fn sent() -> Vec<Json> {
    let mut found = Vec::new();
    for version in ["python-0.2", "python-0.7"] {
        let records = atdata_testkit::fixtures::json(&format!("{version}/atproto-records.json"));
        let published = records["published"].as_array().unwrap().iter();
        let sent = published.flat_map(|case| case["sent"].as_array().unwrap());
        found.extend(sent.map(|sent| sent["record"].clone()));
        found.extend(records["loaded"].as_array().unwrap().iter().map(|loaded| loaded["record"].clone()));
    }
    found
}

/// Puts something else in the place of one of the values within.
fn replace(json: &mut Json, at: &mut usize, with: &Json) {
    if *at == 0 {
        json.clone_from(with);
    }
    *at = at.wrapping_sub(1);
    match json {
        Json::Array(items) => items.iter_mut().for_each(|item| replace(item, at, with)),
        Json::Object(members) => members.values_mut().for_each(|member| replace(member, at, with)),
        _ => {}
    }
}

/// What can be read and then written at all is read again as the same.
fn comes_back_if_it_can(record: &Record) {
    for profile in PROFILES {
        let written = match record {
            Record::Dataset(record) => record.to_json(profile),
            Record::Lens(record) => record.to_json(profile),
            Record::Schema(record) => record.to_json(profile),
            other => write(other, profile),
        };
        let Ok(written) = written else { continue };
        assert_eq!(format!("{:?}", read(&written).unwrap()), format!("{record:?}"), "{written}");
    }
}

proptest! {
    #[test]
    fn any_metadata_comes_back(metadata in metadata()) {
        metadata_comes_back(&dataset(&["https://host/a.tar", "b"]), Some(&metadata));
    }

    #[test]
    fn any_table_of_checksums_comes_back(
        urls in prop::collection::vec("[ab]|s3://b/[cd]", 0..4),
        table in prop::collection::vec(("[ab]|s3://b/[cd]", "[0-9a-g]{0,4}"), 0..4),
    ) {
        let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
        let metadata = Map::from_iter([(CHECKSUMS_KEY, table.into_iter().collect::<Map>())]);
        metadata_comes_back(&dataset(&urls), Some(&metadata));
    }

    #[test]
    fn no_json_makes_a_reader_panic(json in json_values()) {
        for collection in Collection::ALL {
            let mut json = json.clone();
            if let Some(object) = json.as_object_mut() {
                object.remove("$type");
            }
            if let Ok(record) = read_as(collection.kind(), &json) {
                comes_back_if_it_can(&record);
            }
        }
        if let Ok(bytes) = ipld::to_dag_cbor(&json) {
            let again = ipld::from_dag_cbor(&bytes).unwrap();
            prop_assert_eq!(ipld::to_dag_cbor(&again).unwrap(), bytes);
        }
    }

    #[test]
    fn no_change_of_a_record_makes_a_reader_panic(
        record in prop::sample::select(sent()),
        changes in prop::collection::vec((0..60usize, json_values()), 1..3),
    ) {
        let mut json = record;
        for (mut at, with) in changes {
            replace(&mut json, &mut at, &with);
        }
        let Some(collection) = Collection::of(&json) else { return Ok(()) };
        if let Ok(record) = read_as(collection.kind(), &json) {
            comes_back_if_it_can(&record);
        }
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(json) = ipld::from_dag_cbor(&bytes) {
            prop_assert_eq!(ipld::to_dag_cbor(&json).unwrap(), bytes);
        }
    }
}

/// Lenses of every kind, as records: they keep to the lexicon, and come back.
#[test]
fn lenses_as_data_are_records_of_their_lexicon() {
    use atdata_atmosphere::records::LensRecord;
    use atdata_core::lens::{CodeLocation, DataLens, FieldMapping, LensBody, LensRecord as Lens};
    use atdata_core::schema::{Field, Primitive, SampleSchema, parse_time};
    use atdata_core::{Map, Value};

    let schema = |name: &str| format!("at://did:plc:a/science.alt.dataset.schema/{name}");
    let (from, to) = (schema("3ka"), schema("3kb"));
    let source = SampleSchema::new("S").field(Field::new("n", Primitive::Int));
    let view = SampleSchema::new("V")
        .field(Field::new("n", Primitive::Float))
        .field(Field::new("odd", atdata_core::schema::FieldType::Any));
    let odd = Map::from_iter([("b", Value::from(0.1)), ("$type", Value::from(u64::MAX))]);
    let data = DataLens::new("steps", from.as_str(), to.as_str()).with_description("é");
    let data = data.cast("n", Primitive::Float).constant("odd", odd);
    let repository = |path: &str| CodeLocation::Repository {
        repository: "https://code.example.org/r".into(),
        commit: "0123".into(),
        path: path.into(),
    };
    let python = CodeLocation::Python { module: "m".into(), qualname: "f".into() };
    let body = |name: &str, body| Lens::new(name, "1.2.0", from.as_str(), to.as_str(), body);
    for mut lens in [
        Lens::of(&data, &source, &view).unwrap(),
        body("mappings", LensBody::Mappings(vec![FieldMapping::new("a", "b")])),
        body("python", LensBody::Code { getter: python, putter: None }),
        body("code", LensBody::Code { getter: repository("get"), putter: Some(repository("put")) }),
        body("half", LensBody::Code { getter: repository("get"), putter: None }),
        body("opaque", LensBody::Opaque),
    ] {
        lens.created_at = parse_time("2026-11-22T07:06:38.789579Z");
        for profile in PROFILES {
            let mut record = LensRecord::of_lens(&lens, &from, &to).unwrap();
            if profile == Profile::Latest {
                let error = record.to_json(profile).err();
                assert_eq!(error.is_none(), lens.name == "code", "code is required: {error:?}");
                record
                    .refer_to_itself(&"at://did:plc:a/science.alt.dataset.lens/3kl".parse().unwrap())
                    .unwrap();
                assert_eq!(
                    record.getter.as_ref().unwrap().commit.len(),
                    if lens.name == "code" || lens.name == "half" { 4 } else { 40 }
                );
            }
            let Record::Lens(again) =
                read(&write(&Record::Lens(Box::new(record.clone())), profile).unwrap()).unwrap()
            else {
                panic!("it is a lens");
            };
            assert_eq!(*again, record);
            assert_eq!(again.to_lens("3kl").unwrap(), lens);
        }
    }
    // A record that says no version is known by its key, and code is code.
    let mut record = LensRecord::new("grey", from.as_str(), to.as_str());
    assert_eq!(record.to_lens("3kl").unwrap().version.to_string(), "3kl");
    assert_eq!(record.to_lens("3kl").unwrap().body, LensBody::Opaque);
    // What a later version says is not known; what is damaged is corrupt.
    let own = |map: Map| Some(Map::from_iter([("atdataLens", map)]));
    record.metadata = own(Map::from_iter([("format", 9i64)]));
    assert_eq!(record.to_lens("3kl").unwrap().body, LensBody::Opaque);
    record.metadata = own(Map::from_iter([("steps", 7i64)]));
    assert_eq!(record.to_lens("3kl").unwrap_err().kind(), atdata_core::ErrorKind::Corrupt);
}
