//! The records that Python wrote.

use atdata_atmosphere::records::{Checksum, Collection, DatasetRecord, Generation, RecordKind, Storage};
use atdata_core::schema::{FieldType, Profile};
use atdata_core::{CHECKSUMS_KEY, Error, ErrorKind, Map, Value};
use atdata_testkit::fixtures;
use serde_json::{Value as Json, json};

use super::{DID, Record, read, write};

const VERSIONS: [(&str, Profile); 2] = [("python-0.2", Profile::Seed), ("python-0.7", Profile::Latest)];

fn records(version: &str) -> Json {
    fixtures::json(&format!("{version}/atproto-records.json"))
}

/// The records that a case sent, the last one being what it is about.
fn sent(version: &str, case: &str) -> Vec<Json> {
    let all = records(version);
    let published = all["published"].as_array().unwrap();
    let found = published.iter().find(|found| found["case"] == case).unwrap_or_else(|| panic!("{case}"));
    found["sent"].as_array().unwrap().iter().map(|sent| sent["record"].clone()).collect()
}

fn dataset(version: &str, case: &str) -> DatasetRecord {
    DatasetRecord::from_json(sent(version, case).last().unwrap()).unwrap()
}

/// What we add to what Python writes, taken away again.
fn without_additions(mut ours: Json, pythons: &Json) -> Json {
    fn strip(ours: &mut Json, pythons: &Json) {
        match (ours, pythons) {
            (Json::Object(ours), Json::Object(pythons)) => {
                // The order of declaration, of keys, and the exact form of metadata.
                ours.retain(|key, _| {
                    pythons.contains_key(key)
                        || !["propertyOrder", "keyOrder", "metadataMsgpack"].contains(&key.as_str())
                });
                for (key, value) in ours.iter_mut() {
                    strip(value, pythons.get(key).unwrap_or(&Json::Null));
                }
                // A blob's checksum, which its CID holds.
                let none = json!({"algorithm": "none", "digest": ""});
                if ours.contains_key("blob") && pythons.get("checksum") == Some(&none) {
                    assert_eq!(ours["checksum"]["algorithm"], "sha256");
                    ours["checksum"] = none;
                }
            }
            (Json::Array(ours), Json::Array(pythons)) => {
                for (ours, pythons) in ours.iter_mut().zip(pythons) {
                    strip(ours, pythons);
                }
            }
            _ => {}
        }
    }
    strip(&mut ours, pythons);
    ours
}

#[test]
fn every_record_that_was_published_is_read_and_written_as_python_writes_it() {
    let mut compared = 0;
    for (version, profile) in VERSIONS {
        for case in records(version)["published"].as_array().unwrap() {
            for sent in case["sent"].as_array().unwrap() {
                let json = &sent["record"];
                let collection = Collection::of(json).unwrap();
                assert_eq!(collection.nsid(), sent["collection"]);
                let record = read(json).unwrap_or_else(|error| panic!("{}: {error}", case["case"]));
                let again = match write(&record, profile) {
                    Ok(again) => again,
                    Err(error) => {
                        refused(&error, case["case"].as_str().unwrap());
                        continue;
                    }
                };
                assert_eq!(read(&again).unwrap(), record, "{}", case["case"]);
                let expected = with_dtypes(json, &record, version);
                assert_eq!(without_additions(again, &expected), expected, "{}", case["case"]);
                compared += 1;
                // The other profile's form means the same.
                let other = if profile == Profile::Seed { Profile::Latest } else { Profile::Seed };
                assert_eq!(read(&write(&record, other).unwrap()).unwrap(), record, "{}", case["case"]);
            }
        }
    }
    assert_eq!(compared, 25);
}

/// What no server takes, and we do not write.
fn refused(error: &Error, case: &str) {
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let member = match case {
        // "at://x/y/z": no handle has only one label.
        "entry with dict content metadata" => "metadataSchemaRef",
        // A float.
        "entry with typed content metadata" => "contentMetadata",
        _ => panic!("{case}: {error}"),
    };
    assert_eq!(error.context_value("member"), Some(member));
}

/// The fixture itself; the schemas of both versions have the forms that we write.
fn with_dtypes(json: &Json, record: &Record, version: &str) -> Json {
    if let (Record::Schema(record), "python-0.7") = (record, version) {
        // Python 0.7 loses the dtype, so that we have none to write.
        let array = record.schema.fields.iter().find(|field| field.name == "a_arr_u8");
        assert!(array.is_none_or(|field| field.field_type == FieldType::NdArray(Default::default())));
    }
    json.clone()
}

#[test]
fn what_the_loaders_make_of_storage_is_what_we_make_of_it() {
    for (version, _) in VERSIONS {
        for loaded in records(version)["loaded"].as_array().unwrap() {
            let case = loaded["case"].as_str().unwrap();
            let record = DatasetRecord::from_json(&loaded["record"]);
            if case == "unknown" || case == "missing" {
                let error = record.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unsupported);
                assert_eq!(error.message(), loaded["get_storage_type"]["error"]["message"]);
                continue;
            }
            let record = record.unwrap();
            assert_eq!(record.name, case);
            assert!(record.created_at.is_some() && record.entry_metadata(DID).is_none_or(|m| m.len() == 1));
            match &record.storage {
                Storage::Urls(_) => assert_eq!(json!(record.data_urls(DID)), loaded["get_urls"], "{case}"),
                Storage::S3(s3) => {
                    let info = &loaded["get_s3_info"];
                    assert_eq!(json!(s3.bucket), info["bucket"]);
                    assert_eq!(
                        (json!(s3.region), json!(s3.endpoint)),
                        (info["region"].clone(), info["endpoint"].clone())
                    );
                    let urls: Vec<_> =
                        s3.shards.iter().map(|shard| format!("s3://b/{}", shard.key)).collect();
                    assert_eq!(record.data_urls(DID), urls);
                }
                Storage::Blobs(blobs) => {
                    let python = &loaded["get_blobs"][0];
                    let blob = python.get("blob").unwrap_or(python);
                    assert_eq!(&blobs[0].blob.to_json().unwrap(), blob, "{case}");
                    let cid = blob["ref"]["$link"].as_str().unwrap();
                    assert_eq!(record.data_urls(DID), [format!("at://{DID}/blob/{cid}")]);
                }
            }
        }
    }
}

#[test]
fn a_dataset_of_urls_means_what_python_meant() {
    for (version, _) in VERSIONS {
        let record = dataset(version, "entry with urls");
        assert_eq!(record.data_urls(DID), ["https://h.test/a.tar", "https://h.test/b.tar"]);
        assert_eq!(
            (record.description.as_deref(), record.license.as_deref()),
            (Some("many"), Some("Apache-2.0"))
        );
        assert_eq!(record.tags, ["t"]);
        let metadata = record.entry_metadata(DID).unwrap();
        assert_eq!(metadata.len(), 3);
        assert_eq!(metadata.get("split"), Some(&Value::from("train")));
        assert_eq!(metadata.get("model"), Some(&Value::from("bert")));
        assert_eq!(metadata.get("processing_steps"), Some(&Value::from(vec![Value::from("a")])));
    }
}

#[test]
fn a_dataset_of_blobs_has_the_checksums_of_its_cids() {
    for (version, _) in VERSIONS {
        let record = dataset(version, "entry with blobs");
        let urls = record.data_urls(DID);
        let metadata = record.entry_metadata(DID).unwrap();
        assert_eq!(metadata.get("k"), Some(&Value::Int(1)));
        let checksums = metadata.get(CHECKSUMS_KEY).and_then(Value::as_map).unwrap();
        let digest = "a2390ffe50b54e4cd84b754391f33b475fa9773887a72a3a4a8ba434164f6565";
        assert_eq!(checksums.get(&urls[0]), Some(&Value::from(digest)));
        assert_eq!(checksums.len(), 2);
    }
}

#[test]
fn checksums_of_other_algorithms_and_placeholders_are_not_taken_for_sha256() {
    let record = dataset("python-0.7", "entry with s3");
    let Storage::S3(s3) = &record.storage else { panic!("{record:?}") };
    let other = Checksum { algorithm: "blake3".into(), digest: "00ff".into() };
    assert_eq!(s3.shards[1].checksum.as_ref(), Some(&other));
    assert_eq!(
        (s3.region.as_deref(), s3.endpoint.as_deref()),
        (Some("eu-west-1"), Some("http://127.0.0.1:9000"))
    );
    let metadata = record.entry_metadata(DID).unwrap();
    let digest = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b";
    let expected = Map::from_iter([(CHECKSUMS_KEY, Map::from_iter([("s3://bucket/k/0.tar", digest)]))]);
    assert_eq!(metadata, expected);
    assert_eq!(dataset("python-0.7", "entry with s3 minimal").entry_metadata(DID), None);
}

#[test]
fn every_generation_is_told() {
    let generation = |version: &str, case: &str| {
        let collection = Collection::of(sent(version, case).last().unwrap()).unwrap();
        (collection.kind(), collection.generation())
    };
    assert_eq!(generation("python-0.2", "entry with urls"), (RecordKind::Dataset, Generation::Seed));
    assert_eq!(generation("python-0.7", "entry with urls"), (RecordKind::Dataset, Generation::Latest));
    assert_eq!(generation("python-0.7", "label"), (RecordKind::Label, Generation::Latest));
    // The same record under the name of another generation.
    for nsid in ["ac.foundation.dataset.label", "science.alt.dataset.label"] {
        let mut label = sent("python-0.7", "label").remove(0);
        label["$type"] = nsid.into();
        let Record::Label(label) = read(&label).unwrap() else { panic!("a label") };
        assert_eq!((label.name.as_str(), label.version.as_deref()), ("mnist", Some("1.0.0")));
    }
    let mut schema = sent("python-0.2", "schema every field").remove(0);
    schema["$type"] = "ac.foundation.dataset.schema".into();
    assert!(matches!(read(&schema), Ok(Record::Schema(schema)) if schema.schema.fields.len() == 14));
}

#[test]
fn a_record_of_another_kind_is_refused_and_a_view_without_a_type_is_read() {
    let mut entry = sent("python-0.7", "entry with urls").remove(0);
    assert_eq!(super::read_as(RecordKind::Label, &entry).unwrap_err().kind(), ErrorKind::Corrupt);
    entry["$type"] = "com.example.other".into();
    assert_eq!(super::read_as(RecordKind::Dataset, &entry).unwrap_err().kind(), ErrorKind::Corrupt);
    entry.as_object_mut().unwrap().remove("$type");
    assert!(super::read_as(RecordKind::Dataset, &entry).is_ok());
}
