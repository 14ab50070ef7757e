//! Shards that Python wrote are read to the byte, however they arrive.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod tar_support;

use std::path::{Path, PathBuf};

use atdata_core::tar::{TarEncoder, TarOptions, read_tar, split_name};
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tar_support::{cut, fixtures, members, python_shard, samples};

fn shards() -> Vec<(PathBuf, Value)> {
    fn walk(directory: &Path, found: &mut Vec<(PathBuf, Value)>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "tar") {
                let expected = std::fs::read(path.with_extension("expected.json")).unwrap();
                found.push((path, serde_json::from_slice(&expected).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&fixtures(), &mut found);
    assert!(found.len() >= 20, "only {} fixtures", found.len());
    found
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_fixture_is_read_as_python_wrote_it() {
    for (path, expected) in shards() {
        let shard = Bytes::from(std::fs::read(&path).unwrap());
        assert_eq!(hex(Sha256::digest(&shard)), expected["sha256"].as_str().unwrap(), "{path:?}");
        let (found, error) = members(&TarOptions::default(), [shard.clone()]);
        assert_eq!(error, None, "{path:?}");
        let expected = expected["samples"].as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{path:?}");
        for (member, expected) in found.iter().zip(expected) {
            assert_eq!(split_name(&member.name).unwrap().0, expected["key"].as_str().unwrap());
            // One fixture describes its samples' contents only.
            if path.ends_with("formats.tar") {
                continue;
            }
            let offset = |key| expected[key].as_u64().unwrap();
            assert_eq!(member.name, expected["member"].as_str().unwrap());
            assert_eq!(member.header_offset, offset("header_offset"));
            assert_eq!(member.data_offset, offset("data_offset"));
            assert_eq!(member.size(), offset("size"));
            assert_eq!(hex(Sha256::digest(&member.data)), expected["msgpack_sha256"].as_str().unwrap());
            // Zero copy: the data is a part of the shard.
            assert_eq!(member.data.as_ptr(), shard[offset("data_offset") as usize..].as_ptr());
        }
        let (samples, error) = samples([shard]);
        assert_eq!((samples.len(), error), (expected.len(), None));
        for (sample, member) in samples.iter().zip(&found) {
            assert_eq!(sample.get("msgpack"), Some(&member.data));
            assert_eq!((sample.header_offset, sample.members().count()), (member.header_offset, 1));
        }
    }
}

#[test]
fn the_count_of_every_fixture_is_right() {
    for (path, expected) in shards() {
        let samples = read_tar(std::fs::File::open(&path).unwrap());
        let listed = expected["samples"].as_array().unwrap().len() as u64;
        let count = expected["count"].as_u64().unwrap_or(listed);
        assert_eq!(samples.map(Result::unwrap).count() as u64, count, "{path:?}");
    }
}

#[test]
fn chunks_change_nothing() {
    for (path, _) in shards() {
        let shard = std::fs::read(&path).unwrap();
        let whole = members(&TarOptions::default(), [shard.clone().into()]);
        for lengths in [&[1][..], &[512], &[511, 1, 513], &[7, 1536, 100_000]] {
            let pieces = members(&TarOptions::default(), cut(&shard, lengths));
            assert!(pieces == whole, "{path:?} {lengths:?}");
        }
    }
}

#[test]
fn our_member_header_is_the_one_that_python_writes() {
    let shard = python_shard();
    // The first member's own header follows its PAX header and has a modification time.
    let python = &shard[1024..1536];
    let mtime = std::str::from_utf8(&python[136..147]).unwrap();
    let mut encoder = TarEncoder::with_mtime(u32::from_str_radix(mtime, 8).unwrap());
    let name = "68ffa25c-e649-11f1-8000-000000000000.msgpack";
    let [header, _, padding] = encoder.append(name, shard[1536..1536 + 92].to_vec().into()).unwrap();
    assert_eq!(header, python);
    assert_eq!(padding, shard[1536 + 92..2048]);
}
