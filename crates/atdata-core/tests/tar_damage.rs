//! No damage to a shard goes unnoticed: Python's reader ends quietly at most of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod tar_support;

use atdata_core::tar::{SampleFramer, Step, TarFramer, TarOptions};
use atdata_core::{Error, ErrorKind};
use bytes::Bytes;
use tar_support::{block, cut, header, members, pax, python_shard, samples};

/// Where the second sample's PAX header, member header and data begin, and where the archive's end marker does.
const SECOND: usize = 2048;
const SECOND_MEMBER: usize = SECOND + 1024;
const SECOND_DATA: usize = SECOND + 1536;

fn end_marker(shard: &[u8]) -> usize {
    let (members, _) = members(&TarOptions::default(), [Bytes::copy_from_slice(shard)]);
    let last = members.last().unwrap();
    (last.data_offset + last.size()).next_multiple_of(512) as usize
}

/// The number of samples that were read before the damage, and the error.
fn failure(shard: Vec<u8>) -> (usize, Error) {
    let mut framer = SampleFramer::default();
    framer.push(shard.into());
    framer.finish();
    let mut count = 0;
    loop {
        match framer.next_sample() {
            Ok(Step::Item(_)) => count += 1,
            Ok(_) => panic!("the damage went unnoticed"),
            Err(error) => return (count, error),
        }
    }
}

#[track_caller]
fn assert_corrupt(shard: Vec<u8>, offset: usize, message: &str) {
    let chunks = cut(&shard, &[100]);
    let (count, error) = failure(shard.clone());
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(error.context_value("offset"), Some(offset.to_string().as_str()), "{error}");
    assert!(error.message().contains(message), "{error}");
    let (pieces, error_of_pieces) = samples(chunks);
    assert_eq!((pieces.len(), error_of_pieces), (count, Some(error.to_string())));
}

#[test]
fn an_empty_file_is_corrupt() {
    assert_corrupt(Vec::new(), 0, "empty file");
}

#[test]
fn what_is_not_a_tar_is_corrupt() {
    assert_corrupt(vec![b'x'; 2000], 0, "not a tar archive");
}

#[test]
fn a_cut_header_is_corrupt() {
    let shard = python_shard();
    assert_corrupt(shard[..SECOND + 100].to_vec(), SECOND, "cut inside a header, after 2148 bytes");
    assert_corrupt(shard[..SECOND_MEMBER + 511].to_vec(), SECOND_MEMBER, "cut inside a header");
    assert_corrupt(shard[..100].to_vec(), 0, "cut inside a header");
}

#[test]
fn a_cut_between_the_headers_of_a_member_is_corrupt() {
    let shard = python_shard();
    assert_corrupt(shard[..SECOND_MEMBER].to_vec(), SECOND, "cut inside the headers of a member");
    assert_corrupt(shard[..SECOND + 520].to_vec(), SECOND, "cut inside the body of an extension header");
}

#[test]
fn a_cut_body_is_corrupt_and_names_the_member() {
    let shard = python_shard();
    assert_corrupt(shard[..SECOND_DATA + 10].to_vec(), SECOND, "cut inside the body of a member");
    let (_, error) = failure(shard[..SECOND_DATA].to_vec());
    assert!(error.context_value("member").unwrap().ends_with(".msgpack"));
}

#[test]
fn cut_padding_is_corrupt() {
    let shard = python_shard();
    assert_corrupt(shard[..SECOND - 1].to_vec(), 0, "cut inside the body or padding");
}

#[test]
fn a_cut_at_a_member_boundary_is_corrupt() {
    let shard = python_shard();
    assert_corrupt(shard[..SECOND].to_vec(), SECOND, "end-of-archive marker is missing");
    let end = end_marker(&shard);
    assert_corrupt(shard[..end].to_vec(), end, "end-of-archive marker is missing");
}

#[test]
fn a_missing_end_can_be_accepted() {
    let options = TarOptions { require_end: false, ..TarOptions::default() };
    let (found, error) = members(&options, [python_shard()[..SECOND].to_vec().into()]);
    assert_eq!((found.len(), error), (1, None));
    let (_, error) = members(&options, [Bytes::new()]);
    assert!(error.unwrap().contains("empty file"));
}

#[test]
fn one_zero_block_is_an_end_and_so_is_any_number_of_zeros() {
    let shard = python_shard();
    let end = end_marker(&shard);
    for zeros in [512, 513, 1024, 1536, 100_000] {
        let mut archive = shard[..end].to_vec();
        archive.resize(end + zeros, 0);
        assert_eq!(samples([archive.into()]).1, None, "{zeros}");
    }
    assert_eq!(samples([vec![0; 1024].into()]), (Vec::new(), None));
}

#[test]
fn a_bad_checksum_is_corrupt() {
    for (at, position) in [(SECOND, SECOND), (SECOND_MEMBER, SECOND_MEMBER)] {
        let mut shard = python_shard();
        shard[at + 20] ^= 1;
        assert_corrupt(shard, position, "checksum is wrong");
    }
}

#[test]
fn a_bad_size_field_is_corrupt() {
    let mut shard = python_shard();
    let member = &mut shard[SECOND_MEMBER..SECOND_DATA];
    member[124..136].copy_from_slice(b"0000000009x\0");
    let mut sealed = async_tar::Header::from_byte_slice(member).clone();
    sealed.set_cksum();
    member.copy_from_slice(sealed.as_bytes());
    assert_corrupt(shard, SECOND_MEMBER, "size field");
}

#[test]
fn a_size_that_claims_more_than_there_is_is_corrupt() {
    for size in [1 << 20, 4 << 30] {
        let mut shard = header(b'0', b"a.msgpack", size).to_vec();
        shard.extend_from_slice(&python_shard());
        assert_corrupt(shard, 0, "cut inside the body of a member");
    }
}

#[test]
fn garbage_between_members_is_corrupt() {
    let mut shard = python_shard();
    shard.splice(SECOND..SECOND, [0xa5; 512]);
    assert_corrupt(shard, SECOND, "checksum is wrong");
}

#[test]
fn a_zero_block_between_members_is_corrupt() {
    let mut shard = python_shard();
    shard.splice(SECOND..SECOND, [0; 512]);
    assert_corrupt(shard, SECOND + 512, "single block of zeros");
}

#[test]
fn a_wiped_header_is_corrupt() {
    let mut shard = python_shard();
    shard[SECOND_MEMBER..SECOND_DATA].fill(0);
    assert_corrupt(shard, SECOND, "not followed by a member");
}

#[test]
fn data_after_the_end_is_corrupt() {
    let mut shard = python_shard();
    let length = shard.len();
    shard.extend_from_slice(&[0, 0, 7]);
    assert_corrupt(shard.clone(), length + 2, "data follows");
    // A second archive after the first.
    shard.truncate(length);
    shard.extend_from_slice(&python_shard());
    assert_corrupt(shard, length, "data follows");
}

#[test]
fn nothing_is_read_after_an_error() {
    let mut framer = TarFramer::default();
    framer.push(vec![b'x'; 512].into());
    framer.next_member().unwrap_err();
    framer.push(python_shard().into());
    assert_eq!(framer.next_member().unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_repeated_suffix_is_corrupt() {
    let shard = [block(b'0', b"a.msgpack", b"1"), block(b'0', b"a.MSGPACK", b"2"), vec![0; 1024]].concat();
    let (_, error) = failure(shard.clone());
    assert_eq!((error.kind(), error.context_value("key")), (ErrorKind::Corrupt, Some("a")));

    let mut framer = SampleFramer::default();
    framer.push(shard.into());
    framer.finish();
    framer.next_sample().unwrap_err();
    framer.next_sample().expect_err("what is left of the sample is not given");
}

#[track_caller]
fn assert_unsupported(archive: Vec<u8>, message: &str) {
    let (_, error) = failure(archive);
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.message().contains(message), "{error}");
    assert_eq!(error.context_value("offset"), Some("0"));
}

#[test]
fn sparse_files_are_unsupported() {
    assert_unsupported(block(b'S', b"a.msgpack", b""), "sparse");
    let records = pax(&[("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0")]);
    assert_unsupported([block(b'x', b"x", &records), block(b'0', b"a.msgpack", b"")].concat(), "sparse");
}

#[test]
fn what_exceeds_a_limit_is_unsupported_before_it_arrives() {
    assert_unsupported(header(b'0', b"a.msgpack", (4 << 30) + 1).to_vec(), "exceeds the limit");
    for kind in *b"xgLK" {
        assert_unsupported(header(kind, b"x", (1 << 20) + 1).to_vec(), "exceeds the limit");
    }
    let name = vec![b'n'; 5000];
    assert_unsupported([block(b'L', b"x", &name), block(b'0', b"a", b"")].concat(), "longer than the limit");
}

#[test]
fn large_members_that_are_not_wanted_are_skipped() {
    let options = TarOptions { max_member: 10, ..TarOptions::default() };
    let mut framer = TarFramer::new(options);
    for chunk in [block(b'0', b"README", &[1; 2000]), block(b'0', b"a.msgpack", b"data"), vec![0; 1024]] {
        framer.push(chunk.into());
    }
    let wanted = |_, name: &str| name != "README";
    let Step::Item(member) = framer.next_member_where(wanted).unwrap() else { panic!() };
    assert_eq!((member.name.as_str(), member.header_offset), ("a.msgpack", 512 + 2048));
}

#[test]
fn names_that_are_not_utf8_are_unsupported() {
    assert_unsupported(block(b'0', b"caf\xe9.msgpack", b""), "not UTF-8");
}

#[test]
fn two_extension_headers_of_a_kind_are_corrupt() {
    for (kind, body) in [(b'x', b"9 path=a\n".as_slice()), (b'L', b"a\0"), (b'K', b"a\0")] {
        let archive = [block(kind, b"x", body), block(kind, b"x", body), block(b'0', b"a.x", b"")].concat();
        assert_corrupt(archive, 1024, "two extension headers");
    }
}
