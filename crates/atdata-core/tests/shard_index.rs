//! An index says what a walk of the shard says, and no bytes make reading one panic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod tar_support;

use std::path::{Path, PathBuf};

use atdata_core::shard_index::{BuildOptions, SampleLocation, ShardIndexBuilder};
use atdata_core::tar::{RawSample, TarOptions, read_tar};
use atdata_core::{
    ErrorKind, MemoryStore, PackedSample, Result, ShardBody, ShardIndex, ShardInput, WriteOptions,
};
use bytes::Bytes;
use futures::executor::block_on;
use futures::{StreamExt, stream};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tar_support::{archive, block, cut, fixtures, header, pax};

fn streamed(shard: &[u8], lengths: &[usize]) -> ShardBody {
    let chunks = cut(shard, lengths).into_iter().map(Ok);
    ShardBody::stream(Some(shard.len() as u64), stream::iter(chunks).boxed())
}

fn build(shard: &[u8]) -> Result<ShardIndex> {
    block_on(ShardIndex::build(ShardBody::resident(shard.to_vec()), &BuildOptions::default()))
}

fn part(shard: &[u8], location: &SampleLocation) -> Bytes {
    let range = location.sample.range().unwrap();
    Bytes::copy_from_slice(&shard[range.start as usize..range.end as usize])
}

fn walk(shard: &[u8]) -> Vec<RawSample> {
    read_tar(shard).collect::<Result<_>>().unwrap()
}

/// Holds every answer of an index against a walk of its shard.
fn agrees(index: &ShardIndex, shard: &[u8]) {
    let walked = walk(shard);
    assert_eq!((index.len(), index.shard_length()), (walked.len() as u64, shard.len() as u64));
    for (position, raw) in (0..).zip(&walked) {
        let location = index.get(position).unwrap();
        assert_eq!(location, SampleLocation::of(raw).unwrap());
        assert_eq!(&location.frame(part(shard, &location), &TarOptions::default()).unwrap(), raw);
        let same_key = (0..).zip(&walked).filter(|(_, other)| other.key() == raw.key()).map(|(at, _)| at);
        assert_eq!(index.find(raw.key()).unwrap(), same_key.collect::<Vec<u64>>());
    }
    assert_eq!(index.get(index.len()).unwrap_err().kind(), ErrorKind::Invalid);
}

fn python_shards() -> Vec<PathBuf> {
    fn search(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                search(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "tar") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    search(&fixtures(), &mut found);
    assert!(found.len() >= 20, "only {} fixtures", found.len());
    found
}

#[test]
fn python_s_shards_are_indexed_as_they_are() {
    for path in python_shards() {
        let shard = std::fs::read(&path).unwrap();
        let index = build(&shard).unwrap();
        agrees(&index, &shard);
        let pieces = streamed(&shard, &[700, 1, 4096]);
        assert_eq!(block_on(ShardIndex::build(pieces, &BuildOptions::default())).unwrap(), index, "{path:?}");

        let expected = std::fs::read(path.with_extension("expected.json")).unwrap();
        let expected: serde_json::Value = serde_json::from_slice(&expected).unwrap();
        let sha256: String = index.sha256().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sha256, expected["sha256"].as_str().unwrap());
        let samples = expected["samples"].as_array().unwrap();
        assert_eq!(index.len(), samples.len() as u64);
        for (position, sample) in (0..).zip(samples) {
            assert_eq!(index.find(sample["key"].as_str().unwrap()).unwrap(), [position]);
            // One fixture describes its samples' contents only.
            if path.ends_with("formats.tar") {
                continue;
            }
            let location = index.get(position).unwrap();
            let payload = location.payload.unwrap();
            assert_eq!(location.sample.offset, sample["header_offset"].as_u64().unwrap());
            assert_eq!(payload.offset, sample["data_offset"].as_u64().unwrap());
            assert_eq!(payload.length, sample["size"].as_u64().unwrap());
        }
    }
}

#[test]
fn samples_of_several_members_foreign_members_and_long_names_are_indexed() {
    let long = "d".repeat(150) + "/" + &"k".repeat(120) + ".msgpack";
    let mut shard = Vec::new();
    for (kind, name, body) in [
        (b'5', "dir/", b"".as_slice()),
        (b'0', "a.jpg", &[7; 1500]),
        (b'0', "a.msgpack", b"\x80"),
        (b'0', "README", b"skipped"),
        (b'0', "b.cls", b"1"),
        (b'0', "a.msgpack", b"\x81\xa1x\x01"),
    ] {
        shard.extend(block(kind, name.as_bytes(), body));
    }
    shard.extend(block(b'x', b"pax", &pax(&[("path", &long), ("mtime", "1.5")])));
    shard.extend(block(b'0', b"short", b"\x80"));
    shard.extend([0; 1024]);

    let index = build(&shard).unwrap();
    agrees(&index, &shard);
    assert_eq!(index.len(), 4);
    assert_eq!(index.find("a").unwrap(), [0, 2]);
    assert_eq!(index.get(1).unwrap().payload, None);
    assert_eq!(index.get(0).unwrap().sample.offset, 512);
}

#[test]
fn a_global_header_that_names_later_members_makes_an_error_and_never_another_sample() {
    let shard = |records: &[(&str, &str)], stated: u64| {
        let mut shard = block(b'g', b"pax", &pax(records));
        shard.extend(header(b'0', b"a.msgpack", stated));
        shard.extend([0x80; 512]);
        shard.extend([0; 1024]);
        shard
    };
    let harmless = shard(&[("comment", "harmless")], 512);
    agrees(&build(&harmless).unwrap(), &harmless);
    for shard in [shard(&[("path", "b.msgpack")], 512), shard(&[("size", "512")], 0)] {
        let location = build(&shard).unwrap().get(0).unwrap();
        let error = location.frame(part(&shard, &location), &TarOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn an_empty_shard_has_an_empty_index() {
    let shard = archive([]);
    let index = build(&shard).unwrap();
    assert!(index.is_empty());
    agrees(&index, &shard);
}

#[test]
fn a_compressed_shard_cannot_be_indexed() {
    for head in [b"\x1f\x8b\x08\0\0\0\0\0\0\x03".as_slice(), b"\x28\xb5\x2f\xfd\0\0\0\0\0\0"] {
        let shard = [head, &[0; 2000]].concat();
        for body in [ShardBody::resident(shard.clone()), streamed(&shard, &[3])] {
            let error = block_on(ShardIndex::build(body, &BuildOptions::default())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.message().contains("compressed"), "{error}");
        }
    }
}

#[test]
fn a_cut_shard_is_not_indexed() {
    let shard = archive([("a.msgpack", b"\x80".as_slice()), ("b.msgpack", b"\x80")]);
    for length in [0, 700, 1024, 2048] {
        assert_eq!(build(&shard[..length]).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn an_index_is_held_against_its_shard() {
    let index = build(&archive([("a.msgpack", b"\x80".as_slice())])).unwrap();
    let without_digest = BuildOptions::default().with_sha256(false);
    let verify = |index: &ShardIndex, shard: Vec<u8>| {
        block_on(index.verify(ShardBody::resident(shard), &TarOptions::default()))
    };
    let shard = archive([("a.msgpack", b"\x80".as_slice())]);
    assert_eq!(verify(&index, shard.clone()).unwrap(), <[u8; 32]>::from(Sha256::digest(&shard)));
    for other in [
        archive([("b.msgpack", b"\x80".as_slice())]),
        archive([("a.msgpack", b"\x90".as_slice())]),
        archive([("a.msgpack", b"\x80".as_slice()), ("b.msgpack", b"\x80")]),
    ] {
        let error = verify(&index, other).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains("stale") && error.message().contains("atdata index"), "{error}");
    }
    // Without a digest other contents of the same shape are not noticed.
    let index = block_on(ShardIndex::build(ShardBody::resident(shard), &without_digest)).unwrap();
    assert_eq!(index.sha256(), None);
    assert!(verify(&index, archive([("a.msgpack", b"\x90".as_slice())])).is_ok());
    assert!(verify(&index, archive([("b.msgpack", b"\x80".as_slice())])).is_err());
}

#[test]
fn the_index_that_is_written_with_a_shard_is_the_one_of_a_walk() {
    let keys = ["a", "été/1", &"k".repeat(300), "b"];
    let samples = keys.map(|key| Ok(PackedSample::new(key, vec![0xc0; key.len() * 7])));
    let options = WriteOptions::default().with_max_count(3);
    let written = block_on(async {
        let mut input = ShardInput::encode(stream::iter(samples).boxed(), &options);
        let mut written = Vec::new();
        while let Some(mut shard) = input.next_shard().await.unwrap() {
            assert_eq!(shard.index().unwrap_err().kind(), ErrorKind::Invalid);
            let mut bytes = Vec::new();
            while let Some(chunk) = shard.next_chunk().await.unwrap() {
                bytes.extend_from_slice(&chunk);
            }
            written.push((shard.index().unwrap(), bytes));
        }
        written
    });
    assert_eq!(written.iter().map(|(index, _)| index.len()).collect::<Vec<_>>(), [3, 1]);
    for (index, bytes) in written {
        agrees(&index, &bytes);
        assert_eq!(index, build(&bytes).unwrap());
    }
}

#[test]
fn a_memory_store_keeps_the_index_beside_the_shard() {
    use atdata_core::source::ShardOpener;
    use atdata_core::{DataStore, DataStoreExt, DictSample};
    block_on(async {
        let store = MemoryStore::new();
        let samples = stream::iter((0..5i64).map(|n| Ok(DictSample::from_iter([("n", n)])))).boxed();
        let shards = store.write_samples(samples, "p", &WriteOptions::default()).await.unwrap();
        let url = shards[0].url.clone();
        let index = ShardIndex::from_bytes(store.open_index(&url).await.unwrap().unwrap()).unwrap();
        assert_eq!(index.len(), 5);
        assert_eq!(store.size(&url).await.unwrap(), Some(index.shard_length()));
        assert_eq!(store.urls().len(), 1);
        store.remove_shards(std::slice::from_ref(&url)).await.unwrap();
        assert!(store.open_index(&url).await.unwrap_err().is_not_found());
    });
}

/// Names that make samples of one and of several members, equal keys, and members of no sample.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-d]{1,2}\\.(msgpack|jpg|txt|seg\\.png)",
        1 => "[a-z]{100,200}\\.msgpack",
        1 => "[é漢]{1,40}\\.msgpack",
        1 => "README|__m__/x\\.y",
    ]
}

fn members() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let data = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..40),
        1 => prop::collection::vec(any::<u8>(), 500..1100),
    ];
    prop::collection::vec((name(), data), 0..30)
}

fn shard_of(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    archive(members.iter().map(|(name, data)| (name.as_str(), data.as_slice())))
}

/// Asks everything that can be asked.
fn question(bytes: Bytes) {
    let Ok(index) = ShardIndex::from_bytes(bytes.clone()) else { return };
    for position in (0..index.len().min(100)).chain([u64::MAX]) {
        if let Ok(location) = index.get(position) {
            assert!(location.sample.range().unwrap().end <= index.shard_length());
        }
    }
    for key in ["", "a", "b", "ab"] {
        if let Ok(found) = index.find(key) {
            assert!(found.iter().all(|position| *position < index.len()));
        }
    }
    assert_eq!(index.to_bytes(), bytes);
}

/// Makes the checksums right again.
fn reseal(bytes: &mut [u8]) {
    let tables = Sha256::digest(&bytes[128..]);
    bytes[64..96].copy_from_slice(&tables);
    let header = Sha256::digest(&bytes[..96]);
    bytes[96..128].copy_from_slice(&header);
}

proptest! {
    #[test]
    fn what_is_built_stored_and_read_again_is_the_walk(members in members(), lengths in prop::collection::vec(1..3000_usize, 1..4)) {
        let shard = shard_of(&members);
        // Members with the same suffix in one sample make a shard that cannot be read at all.
        prop_assume!(read_tar(&shard[..]).all(|sample| sample.is_ok()));
        let index = block_on(ShardIndex::build(streamed(&shard, &lengths), &BuildOptions::default())).unwrap();
        prop_assert_eq!(&index, &build(&shard).unwrap());
        agrees(&ShardIndex::from_bytes(index.to_bytes()).unwrap(), &shard);

        let mut builder = ShardIndexBuilder::default();
        walk(&shard).iter().for_each(|raw| builder.push(SampleLocation::of(raw).unwrap()));
        prop_assert_eq!(builder.finish(shard.len() as u64, index.sha256().copied()).unwrap(), index);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        question([b"\x89ATDIDX\n\x01\0\0\0".as_slice(), &bytes].concat().into());
        question(bytes.into());
    }

    #[test]
    fn no_change_of_an_index_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        large in any::<prop::sample::Index>(),
        sealed in any::<bool>(),
    ) {
        let shard = archive([("a.msgpack", b"\x80".as_slice()), ("b.msgpack", b"\x80"), ("a.msgpack", b"\x81\x01\x02")]);
        let mut bytes = build(&shard).unwrap().to_bytes().to_vec();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        // Numbers close to 2^64 are where sums overflow.
        let at = large.index((bytes.len() - 16) / 8) * 8 + 16;
        bytes[at..at + 8].copy_from_slice(&(u64::MAX - 511).to_le_bytes());
        if sealed {
            reseal(&mut bytes);
        }
        question(bytes.into());
    }
}
