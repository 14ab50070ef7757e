//! The corpus: small, valid inputs, made of the fixtures.

use std::io::Write;

use atdata_core::cid::{blob_cid, value_to_dag_cbor};
use atdata_core::schema::{Field, FieldType, Primitive, Profile, SampleSchema};
use atdata_core::shard_index::{BuildOptions, ShardIndex};
use atdata_core::tar::read_tar;
use atdata_core::{Map, ShardBody, Value, msgpack};
use serde_json::Value as Json;
use time::OffsetDateTime;

use crate::data::{array_sample, samples, shard};
use crate::fixtures;

/// Inputs of at most this size are worth changing.
const LARGEST: usize = 12 << 10;

/// The seeds of a target; none for a name that is no target.
///
/// # Panics
/// The fixtures cannot be read.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut seeds = match target {
        "tar" => tars(),
        "shard_index" => indexes(),
        "decompress" => {
            tars().iter().step_by(3).flat_map(|tar| compressed(&tar[..tar.len().min(3072)])).collect()
        }
        "msgpack" => payloads(),
        "npy" => arrays().into_iter().filter(|array| array.starts_with(b"\x93")).collect(),
        "array_compact" => arrays().into_iter().filter(|array| !array.starts_with(b"\x93")).collect(),
        "brace" => texts(&["braceexpand.json", "shards-to-url.json"]),
        "reference" => texts(&["schemas.json", "at-uris.json", "redis-dump.json"]),
        "schema_json" => {
            records().iter().map(|schema| schema.to_json().expect("a schema").into_bytes()).collect()
        }
        "schema_record" => [objects("atproto-records.json"), published()].concat(),
        "lens_json" => super::lenses::seeds(),
        "cid" => cids(),
        "dag_cbor" => cbor(),
        _ => Vec::new(),
    };
    seeds.retain(|seed| seed.len() <= LARGEST);
    seeds.sort();
    seeds.dedup();
    seeds
}

/// Shards of Python's (PAX) and of ours (ustar), the larger ones without their ends.
fn tars() -> Vec<Vec<u8>> {
    let mut tars: Vec<Vec<u8>> = fixtures::all(".tar").iter().map(|name| fixtures::bytes(name)).collect();
    tars.iter_mut().for_each(|tar| tar.truncate(10 << 10));
    tars.push(shard(&samples(3)).to_vec());
    tars.push(shard(&[array_sample(1, 4), array_sample(2, 40)]).to_vec());
    tars.push(with_long_names());
    tars
}

/// The indexes of archives that are whole.
fn indexes() -> Vec<Vec<u8>> {
    let tars = tars().into_iter().map(ShardBody::resident);
    let built = tars
        .filter_map(|tar| futures::executor::block_on(ShardIndex::build(tar, &BuildOptions::default())).ok());
    built.map(|index| index.to_bytes().to_vec()).collect()
}

/// An archive with the extensions that Python does not write: long names of GNU, a global header, base-256 sizes.
fn with_long_names() -> Vec<u8> {
    fn entry(name: &[u8], kind: u8, data: &[u8], base_256: bool) -> Vec<u8> {
        let mut header = vec![0; 512];
        header[..name.len()].copy_from_slice(name);
        header[100..108].copy_from_slice(b"0000444\0");
        let size = if base_256 {
            let mut size = vec![0x80, 0, 0, 0];
            size.extend_from_slice(&(data.len() as u64).to_be_bytes());
            size
        } else {
            format!("{:011o}\0", data.len()).into_bytes()
        };
        header[124..136].copy_from_slice(&size);
        header[136..148].copy_from_slice(b"00000000000\0");
        header[156] = kind;
        header[257..265].copy_from_slice(if kind == b'L' { b"ustar  \0" } else { b"ustar\x0000" });
        checksum(&mut header);
        header.extend_from_slice(data);
        header.resize(header.len().next_multiple_of(512), 0);
        header
    }
    let long = format!("{}/0001.msgpack\0", "directory".repeat(20));
    let mut tar = entry(b"pax_global_header", b'g', b"18 comment=global\n", false);
    tar.extend(entry(b"././@LongLink", b'L', long.as_bytes(), false));
    tar.extend(entry(b"cut", b'0', b"\x80", false));
    tar.extend(entry(b"0002.msgpack", b'0', b"\x81\xa1n\x01", true));
    tar.extend(entry(b"././@PaxHeader", b'x', b"22 path=0003.msgpack\n\n", false));
    tar.extend(entry(b"x", b'0', b"\x80", false));
    tar.extend(entry(b"directory/", b'5', b"", false));
    tar.resize(tar.len() + 1024, 0);
    tar
}

/// Writes the checksum of a tar header into it.
///
/// # Panics
/// The header is shorter than 156 bytes.
pub fn checksum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().take(512).map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn compressed(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 0);
    for writer in [&mut gzip as &mut dyn Write, &mut bzip2, &mut xz] {
        writer.write_all(bytes).expect("writing to memory");
    }
    let mut twice = gzip.finish().expect("writing to memory");
    twice.extend_from_within(..);
    let zstd = zstd::stream::encode_all(bytes, 1).expect("writing to memory");
    vec![
        twice,
        bzip2.finish().expect("writing to memory"),
        xz.finish().expect("writing to memory"),
        zstd,
        bytes.into(),
    ]
}

fn payloads() -> Vec<Vec<u8>> {
    let tars = fixtures::all(".tar").into_iter().map(|name| fixtures::path(&name));
    let raw = tars.flat_map(|path| read_tar(std::fs::File::open(path).expect("a fixture")).step_by(3));
    raw.map(|sample| sample.expect("a sample").get("msgpack").expect("a payload").to_vec()).collect()
}

/// Every `bin` value in the payloads that is an array.
fn arrays() -> Vec<Vec<u8>> {
    let values = payloads().into_iter().filter_map(|payload| msgpack::from_bytes(&payload.into()).ok());
    let fields =
        values.filter_map(|value| if let Value::Map(map) = value { Some(map) } else { None }).flatten();
    let bytes = fields.filter_map(|(_, value)| value.as_bytes().cloned());
    bytes.filter(|bytes| atdata_core::array::decode(bytes.clone()).is_ok()).map(Vec::from).collect()
}

/// Every JSON file of a name, of whichever generation.
fn files(name: &str) -> Vec<Json> {
    fixtures::all(".json")
        .iter()
        .filter(|path| path.ends_with(name))
        .map(|path| fixtures::json(path))
        .collect()
}

fn walk(json: &Json, visit: &mut dyn FnMut(&Json)) {
    visit(json);
    match json {
        Json::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        Json::Object(map) => map.values().for_each(|item| walk(item, visit)),
        _ => {}
    }
}

fn texts(names: &[&str]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = vec![
        b"team/digits@1.0.0".to_vec(),
        b"https://user:secret@host:8080/a.tar?X-Amz-Signature=abc#x".to_vec(),
        b"file:///data/a%20b.tar".to_vec(),
        b"s3://bucket/{train,test}-{000..099..3}.tar".to_vec(),
        b"pipe:cat x".to_vec(),
    ];
    let mut keep = |json: &Json| {
        if let Json::String(text) = json
            && text.len() < 300
        {
            found.push(text.clone().into_bytes());
        }
    };
    names.iter().flat_map(|name| files(name)).for_each(|json| walk(&json, &mut keep));
    found
}

/// Every object in a file, small ones left out.
fn objects(name: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut keep = |json: &Json| {
        if json.as_object().is_some_and(|object| object.len() > 2) {
            found.push(json.to_string().into_bytes());
        }
    };
    files(name).iter().for_each(|json| walk(json, &mut keep));
    found
}

/// Schemas as we publish them, in both profiles.
fn published() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for mut schema in records() {
        schema.created_at = Some(OffsetDateTime::UNIX_EPOCH);
        if let Some(field) = schema.fields.first_mut() {
            field.default = Some(Value::from(0.5));
        }
        for profile in [Profile::Seed, Profile::Latest] {
            found.push(schema.to_record(profile).expect("a schema").to_string().into_bytes());
        }
    }
    found
}

/// The schemas that Python wrote, and one with the types that only we have.
fn records() -> Vec<SampleSchema> {
    let mut extended = SampleSchema::new("Extended").with_description("types beyond Python's");
    let inner = FieldType::Object(vec![
        Field::new("x", Primitive::Float),
        Field::new("y", FieldType::Any).optional(),
    ]);
    extended.fields = vec![
        Field::new("table", FieldType::map(FieldType::list(FieldType::nullable(Primitive::Int)))),
        Field::new("points", FieldType::list(inner)).with_description("in pixels"),
        Field::new("other", FieldType::Ref("atdata://local/schema/Other@1.0.0".to_owned())).optional(),
        Field::new("count", Primitive::Int).with_default(7i64),
        Field::new("mask", FieldType::Sparse),
    ];
    let mut found = vec![extended];
    let mut keep = |json: &Json| {
        if json.get("fields").is_some() {
            found.extend(SampleSchema::from_json_value(json));
        }
    };
    ["schemas.json", "formats-typed.schema.json"]
        .iter()
        .flat_map(|name| files(name))
        .for_each(|json| walk(&json, &mut keep));
    found
}

fn cids() -> Vec<Vec<u8>> {
    let mut found = vec![blob_cid(b"hello").to_string().into_bytes()];
    let mut keep = |json: &Json| {
        if let Json::String(text) = json
            && text.starts_with("baf")
        {
            found.push(text.clone().into_bytes());
        }
    };
    files("cids.json").iter().for_each(|json| walk(json, &mut keep));
    found
}

fn cbor() -> Vec<Vec<u8>> {
    let values =
        payloads().into_iter().step_by(5).filter_map(|payload| msgpack::from_bytes(&payload.into()).ok());
    let mut found: Vec<Vec<u8>> = values.filter_map(|value| value_to_dag_cbor(&value).ok()).collect();
    let entry = Map::from_iter([
        ("schema_ref", Value::from("a")),
        ("data_urls", Value::List(vec![Value::from("b")])),
    ]);
    found.push(value_to_dag_cbor(&Value::Map(entry)).expect("a value"));
    // A key of indefinite length, which is not canonical.
    found.push(vec![0xa1, 0x7f, 0xff, 0x01]);
    found
}
