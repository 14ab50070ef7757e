//! What we write is the same bytes for the same members, now and later.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod tar_support;

use atdata_core::tar::{
    END_LEN, SequentialKeys, ShardLimits, ShardSplitter, TarEncoder, TarOptions, framed_len, member_name,
};
use bytes::Bytes;
use tar_support::{archive, members, samples};

/// The non-zero runs of an archive, each with its offset.
fn runs(archive: &[u8]) -> Vec<(usize, String)> {
    let mut runs: Vec<(usize, String)> = Vec::new();
    for (at, byte) in archive.iter().enumerate().filter(|(_, byte)| **byte != 0) {
        match runs.last_mut() {
            Some((start, run)) if *start + run.len() == at => run.push(char::from(*byte)),
            _ => runs.push((at, char::from(*byte).to_string())),
        }
    }
    runs
}

fn golden(expected: &[(usize, &str)], archive: &[u8]) {
    let found = runs(archive);
    let found = found.iter().map(|(at, run)| (*at, run.as_str())).collect::<Vec<_>>();
    assert_eq!(found, expected);
}

#[test]
fn a_plain_member_is_one_ustar_header() {
    let archive = archive([("000000000000.msgpack", b"\x81".as_slice())]);
    assert_eq!(archive.len(), 512 + 512 + 1024);
    golden(
        &[
            (0, "000000000000.msgpack"),
            (100, "0000444"),
            (108, "0000000"),
            (116, "0000000"),
            (124, "00000000001"),
            (136, "00000000000"),
            (148, "013310"),
            (155, " 0"),
            (257, "ustar"),
            (263, "00bigdata"),
            (297, "bigdata"),
            (512, "\u{81}"),
        ],
        &archive,
    );
}

#[test]
fn a_name_that_does_not_fit_goes_to_a_pax_record() {
    let archive = archive([("é", b"".as_slice())]);
    assert_eq!(archive.len(), 3 * 512 + 1024);
    assert_eq!(&archive[..14], b"././@PaxHeader");
    assert_eq!(&archive[512..523], "11 path=é\n".as_bytes());
    assert_eq!(&archive[1024..1026], b"??");
}

#[test]
fn a_size_beyond_the_header_goes_to_a_pax_record() {
    let size = 9_000_000_000_u64;
    let frame = TarEncoder::default().begin("a.msgpack", size).unwrap();
    assert_eq!(frame.data_offset, 1536);
    assert_eq!(&frame.header[512..532], b"19 size=9000000000\n\0");
    let options = TarOptions { max_member: u64::MAX, ..TarOptions::default() };
    let (_, error) = members(&options, [frame.header]);
    assert!(error.unwrap().contains("cut inside the body of a member"), "the reader takes it for what it is");
}

#[test]
fn the_modification_time_is_written() {
    let frame = TarEncoder::with_mtime(u32::MAX).begin("a", 0).unwrap();
    assert_eq!(&frame.header[136..148], b"37777777777\0");
}

#[test]
fn offsets_are_those_that_a_reader_finds() {
    let long = format!("{}.msgpack", "k".repeat(120));
    let mut encoder = TarEncoder::default();
    let mut archive = Vec::new();
    let mut expected = Vec::new();
    for (name, size) in [("a.msgpack", 0_usize), (&long, 700), ("b.msgpack", 512)] {
        let frame = encoder.begin(name, size as u64).unwrap();
        archive.extend_from_slice(&frame.header);
        archive.resize(archive.len() + size, 1);
        archive.extend_from_slice(&frame.padding);
        expected.push((name.into(), frame.header_offset, frame.data_offset));
    }
    archive.extend_from_slice(&encoder.finish());
    let (found, error) = members(&TarOptions::default(), [archive.into()]);
    let found = found.into_iter().map(|member| (member.name, member.header_offset, member.data_offset));
    assert_eq!((found.collect::<Vec<_>>(), error), (expected, None));
}

/// Python counts payload only, so that its shards exceed the limit of the server they are made for.
#[test]
fn no_shard_file_exceeds_the_limit() {
    const MAX: u64 = 10_000;
    let limits = ShardLimits { max_size: Some(MAX), ..ShardLimits::default() };
    let mut splitter = ShardSplitter::new(limits).unwrap();
    let mut shards: Vec<(TarEncoder, Vec<u8>)> = Vec::new();
    let mut keys = SequentialKeys::default();
    for size in (0..100).map(|i| i * 37 % 3000) {
        let name = member_name(&keys.next().unwrap(), "msgpack").unwrap();
        let placement = splitter.place(framed_len(&name, size).unwrap()).unwrap();
        assert!(!placement.oversize);
        if placement.new_shard {
            shards.push(Default::default());
        }
        let (encoder, file) = shards.last_mut().unwrap();
        file.extend(encoder.append(&name, Bytes::from(vec![7; size as usize])).unwrap().concat());
    }
    let files = shards.into_iter().map(|(encoder, file)| [&file[..], &encoder.finish()].concat());
    let files = files.collect::<Vec<_>>();
    assert!(files.iter().all(|file| file.len() as u64 <= MAX));
    // And none is cut too early: with the first sample of the next shard it would be too large.
    for pair in files.windows(2) {
        let (found, _) = members(&TarOptions::default(), [Bytes::copy_from_slice(&pair[1])]);
        let first = framed_len(&found[0].name, found[0].size()).unwrap();
        assert!(pair[0].len() as u64 + first > MAX);
    }
    let read =
        files.into_iter().flat_map(|file| samples([file.into()]).0).map(|sample| sample.key().to_owned());
    assert_eq!(read.collect::<Vec<_>>(), SequentialKeys::default().take(100).collect::<Vec<_>>());
    assert_eq!(END_LEN, 1024);
}
