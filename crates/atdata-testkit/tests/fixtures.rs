//! Every sample that the Python library wrote, read through the engine and compared value by value.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs::File;

use atdata_core::array::ArrayFormat;
use atdata_core::schema::SampleSchema;
use atdata_core::source::{FileSource, Registry};
use atdata_core::tar::read_tar;
use atdata_core::{Dataset, DictSample, Sample, Value, array, msgpack};
use atdata_testkit::data::sha256;
use atdata_testkit::fixtures;
use atdata_testkit::suite::block_on;
use atdata_testkit::tagged::{compare, compare_fields};
use futures::TryStreamExt;
use serde_json::Value as Json;

/// The names of the fields that hold arrays, according to the expected values of a sample.
fn array_fields(samples: &[Json]) -> Vec<String> {
    let fields = samples.iter().flat_map(|sample| sample["fields"].as_array().unwrap());
    let mut names: Vec<String> = fields
        .filter(|field| matches!(field[1]["t"].as_str(), Some("array" | "structured")))
        .map(|field| field[0].as_str().unwrap().to_owned())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Opens what `address` says with every array field decoded.
fn open(address: &str, samples: &[Json]) -> Dataset<DictSample> {
    let dataset = Dataset::<DictSample>::open(address, &Registry::default()).unwrap();
    array_fields(samples).iter().fold(dataset, |dataset, field| dataset.with_array(field))
}

fn assert_samples(what: &str, found: &[DictSample], expected: &[Json]) {
    assert_eq!(found.len(), expected.len(), "{what}: number of samples");
    for (found, expected) in found.iter().zip(expected) {
        if let Err(difference) = compare_fields(found, &expected["fields"]) {
            panic!("{what}: sample {}: {difference}", expected["key"]);
        }
    }
}

/// The files with one expected value for each field.
fn tars() -> Vec<(String, Json)> {
    let tars = fixtures::all(".tar").into_iter();
    let with_expected = tars.map(|tar| (tar.clone(), fixtures::json(&tar.replace(".tar", ".expected.json"))));
    with_expected.filter(|(tar, _)| !tar.ends_with("/formats.tar")).collect()
}

#[test]
fn the_fixtures_are_all_there() {
    assert_eq!(tars().len(), 22);
    let samples: usize =
        tars().iter().map(|(_, expected)| expected["samples"].as_array().unwrap().len()).sum();
    assert_eq!(samples, 279);
    for (tar, expected) in tars() {
        assert_eq!(sha256(&fixtures::bytes(&tar)), expected["sha256"].as_str().unwrap(), "{tar}");
    }
}

#[test]
fn every_value_of_every_sample_is_exact() {
    for (tar, expected) in tars() {
        let expected = expected["samples"].as_array().unwrap();
        let path = fixtures::path(&tar);
        let dataset = open(path.to_str().unwrap(), expected);
        let found: Vec<DictSample> = block_on(dataset.ordered().try_collect()).unwrap();
        assert_samples(&tar, &found, expected);
        assert_eq!(block_on(dataset.count()).unwrap(), expected.len() as u64);
    }
}

#[test]
fn files_read_in_chunks_have_the_same_values() {
    for (tar, expected) in tars() {
        let expected = expected["samples"].as_array().unwrap();
        let source = FileSource::new([fixtures::path(&tar)]).without_mapping();
        let fields = array_fields(expected);
        let dataset = Dataset::<DictSample>::from_source(source);
        let dataset = fields.iter().fold(dataset, |dataset, field| dataset.with_array(field));
        let found: Vec<DictSample> = dataset.ordered().blocking().collect::<Result<_, _>>().unwrap();
        assert_samples(&tar, &found, expected);
    }
}

#[test]
fn keys_offsets_and_payloads_are_where_python_says() {
    for (tar, expected) in tars() {
        let expected = expected["samples"].as_array().unwrap();
        let mut samples = 0;
        for (raw, expected) in read_tar(File::open(fixtures::path(&tar)).unwrap()).zip(expected) {
            let raw = raw.unwrap();
            let member = raw.members().next().unwrap();
            assert_eq!(raw.key(), expected["key"].as_str().unwrap());
            assert_eq!(format!("{}.{}", raw.key(), member.suffix), expected["member"].as_str().unwrap());
            assert_eq!(raw.header_offset, expected["header_offset"].as_u64().unwrap());
            assert_eq!(member.data_offset, expected["data_offset"].as_u64().unwrap());
            assert_eq!(member.data.len() as u64, expected["size"].as_u64().unwrap());
            assert_eq!(sha256(&member.data), expected["msgpack_sha256"].as_str().unwrap());
            samples += 1;
        }
        assert_eq!(samples, expected.len(), "{tar}");
    }
}

#[test]
fn every_sample_is_found_by_its_key() {
    for (tar, expected) in tars() {
        let expected = expected["samples"].as_array().unwrap();
        let dataset = open(fixtures::path(&tar).to_str().unwrap(), expected);
        for expected in expected.iter().step_by(7) {
            let found = block_on(dataset.get(expected["key"].as_str().unwrap())).unwrap();
            compare_fields(&found, &expected["fields"]).unwrap();
        }
    }
}

#[test]
fn payloads_packed_again_are_the_same_bytes() {
    for (tar, _) in tars() {
        for raw in read_tar(File::open(fixtures::path(&tar)).unwrap()) {
            let raw = raw.unwrap();
            let payload = raw.get("msgpack").unwrap();
            let sample = DictSample::unpack(payload, &Default::default()).unwrap();
            assert_eq!(sample.pack().unwrap(), payload, "{tar}: {}", raw.key());
            let value = msgpack::from_bytes(payload).unwrap();
            assert_eq!(msgpack::to_bytes(&value).unwrap(), payload);
        }
    }
}

/// Version 0.2 writes `.npy`, 0.7 the compact form; ours are the same bytes.
#[test]
fn arrays_encoded_again_are_the_same_bytes() {
    let mut arrays = 0;
    for (tar, expected) in tars() {
        let format = if tar.starts_with("python-0.2") { ArrayFormat::Npy } else { ArrayFormat::Compact };
        // These were not written by the library's own writer: other versions of `.npy`, other kinds.
        if tar.contains("legacy-npy") || tar.contains("formats-typed") {
            continue;
        }
        let fields = array_fields(expected["samples"].as_array().unwrap());
        for raw in read_tar(File::open(fixtures::path(&tar)).unwrap()) {
            let sample =
                DictSample::unpack(raw.unwrap().get("msgpack").unwrap(), &Default::default()).unwrap();
            for field in &fields {
                let Some(Value::Bytes(stored)) = sample.get(field) else { continue };
                let mut again = Vec::new();
                array::encode(&array::decode(stored.clone()).unwrap(), format, &mut again).unwrap();
                assert_eq!(&again, stored, "{tar}: {:?}", sample.get("name"));
                arrays += 1;
            }
        }
    }
    assert!(arrays > 100, "only {arrays} arrays");
}

#[test]
fn shards_behind_a_brace_pattern_are_one_dataset() {
    for (directory, last) in
        [("python-0.2/sharded", 2), ("python-0.7/sharded", 2), ("python-0.7/manifest-sharded", 2)]
    {
        let expected: Vec<Json> = (0..=last)
            .map(|i| fixtures::json(&format!("{directory}/data-{i:06}.expected.json")))
            .flat_map(|expected| expected["samples"].as_array().unwrap().clone())
            .collect();
        let address = fixtures::path(directory).join(format!("data-{{000000..{last:06}}}.tar"));
        let dataset = open(address.to_str().unwrap(), &expected);
        assert_eq!(block_on(dataset.shards()).unwrap().len(), 3);
        assert_samples(directory, &block_on(dataset.ordered().try_collect::<Vec<_>>()).unwrap(), &expected);
        let glob = fixtures::path(directory).join("data-*.tar");
        let dataset = open(glob.to_str().unwrap(), &expected);
        assert_samples(directory, &block_on(dataset.ordered().try_collect::<Vec<_>>()).unwrap(), &expected);
    }
}

/// The other formats are bytes to the engine; an array among them decodes.
#[test]
fn payloads_of_other_formats_are_the_bytes_python_wrote() {
    let expected = fixtures::json("python-0.7/formats.expected.json");
    let expected = expected["samples"].as_array().unwrap();
    let dataset = open(fixtures::path("python-0.7/formats.tar").to_str().unwrap(), &[]);
    let found: Vec<DictSample> = block_on(dataset.ordered().try_collect()).unwrap();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let payload = found.get("payload").and_then(Value::as_bytes).unwrap();
        assert_eq!(found.get("name").and_then(Value::as_str), expected["name"].as_str());
        assert_eq!(payload.len() as u64, expected["payload_len"].as_u64().unwrap());
        assert_eq!(sha256(payload), expected["payload_sha256"].as_str().unwrap());
        let value = Value::Bytes(payload.clone());
        compare(&value, &expected["value"])
            .unwrap_or_else(|difference| panic!("{}: {difference}", expected["name"]));
    }
}

/// A stored schema says which bytes are arrays; nobody has to name the fields.
#[test]
fn a_stored_schema_decodes_the_fields_it_calls_arrays() {
    let schema = fixtures::json("python-0.7/formats-typed.schema.json");
    let schema = SampleSchema::from_json_value(&schema).unwrap();
    let path = fixtures::path("python-0.7/formats-typed.tar");
    let dataset = Dataset::<DictSample>::open(path.to_str().unwrap(), &Registry::default())
        .unwrap()
        .with_schema(schema);
    let samples = block_on(dataset.head(2)).unwrap();
    let expected = fixtures::json("python-0.7/formats-typed.expected.json");
    assert_samples("formats-typed", &samples, expected["samples"].as_array().unwrap());
    assert!(samples[0].fields().iter().any(|(_, value)| matches!(value, Value::Array(_))));
}
