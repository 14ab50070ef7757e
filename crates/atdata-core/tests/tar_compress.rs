//! Compressed shards are recognised by content, decoded to the last member, and their damage is noticed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(all(feature = "gzip", feature = "bzip2", feature = "xz", feature = "zstd"))]

mod tar_support;

use std::io::{Read, Write};

use atdata_core::tar::{Compression, Decoder, RawSample, read_tar};
use atdata_core::{Error, ErrorKind};
use tar_support::python_shard;

const ALL: [Compression; 4] = [Compression::Gzip, Compression::Bzip2, Compression::Xz, Compression::Zstd];

fn compress(compression: Compression, data: &[u8]) -> Vec<u8> {
    match compression {
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        }
        other => panic!("{other}"),
    }
}

fn read(shard: &[u8]) -> Result<Vec<RawSample>, Error> {
    read_tar(shard).collect()
}

#[track_caller]
fn assert_corrupt(shard: &[u8], message: &str) {
    let error = read(shard).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.message().contains(message), "{error}");
    assert!(error.context_value("offset").unwrap().parse::<usize>().is_ok(), "{error}");
}

#[test]
fn every_compression_is_recognised_and_undone() {
    let shard = python_shard();
    let expected = read(&shard).unwrap();
    assert_eq!(expected.len(), 59);
    for compression in ALL {
        let packed = compress(compression, &shard);
        assert_eq!(Compression::detect(&packed[..Compression::DETECT_LEN]), Some(compression));
        assert_eq!(read(&packed).unwrap(), expected, "{compression}");
    }
}

#[test]
fn all_members_of_a_compressed_shard_are_decoded() {
    let shard = python_shard();
    let (head, tail) = shard.split_at(70_001);
    for compression in ALL {
        let packed =
            [compress(compression, head), compress(compression, b""), compress(compression, tail)].concat();
        assert_eq!(read(&packed).unwrap(), read(&shard).unwrap(), "{compression}");
    }
}

#[test]
fn a_compressed_empty_file_is_corrupt() {
    for compression in ALL {
        let packed = compress(compression, b"");
        assert_eq!(Compression::detect(&packed), Some(compression));
        assert_corrupt(&packed, "empty file");
    }
}

#[test]
fn a_cut_at_any_place_is_corrupt() {
    let shard = python_shard();
    for compression in ALL {
        let packed = compress(compression, &shard);
        let places = [packed.len() - 1, packed.len() - 5, packed.len() - 9, packed.len() / 2, 40, 15];
        for place in places {
            assert_corrupt(&packed[..place], &format!("the {compression} data is cut"));
        }
    }
}

#[test]
fn a_cut_in_the_second_member_is_corrupt() {
    let shard = python_shard();
    let (head, tail) = shard.split_at(shard.len() / 2);
    for compression in ALL {
        let mut packed = compress(compression, head);
        let boundary = packed.len();
        packed.extend(compress(compression, tail));
        assert_corrupt(&packed[..packed.len() - 1], &format!("the {compression} data is cut"));
        assert_corrupt(&packed[..boundary + 3], &format!("the {compression} data is cut"));
        // Without the second member the archive itself is incomplete.
        assert_corrupt(&packed[..boundary], "the archive is cut");
    }
}

#[test]
fn a_bad_check_sum_is_corrupt() {
    let shard = python_shard();
    // Where the sum over the content is, from the end.
    for (compression, at) in [(Compression::Gzip, 8), (Compression::Zstd, 1)] {
        let mut packed = compress(compression, &shard);
        let place = packed.len() - at;
        packed[place] ^= 1;
        assert_corrupt(&packed, &format!("the {compression} data is damaged"));
    }
    for compression in ALL {
        let mut packed = compress(compression, &shard);
        let place = packed.len() / 2;
        packed[place] ^= 0x10;
        assert_corrupt(&packed, "");
    }
}

#[test]
fn garbage_after_the_compressed_data_is_corrupt() {
    for compression in ALL {
        let mut packed = compress(compression, &python_shard());
        let end = packed.len();
        packed.extend_from_slice(b"garbage that is no member");
        assert_corrupt(&packed, &format!("the {compression} data is damaged"));
        let error = read(&packed).unwrap_err();
        let offset = error.context_value("offset").unwrap().parse::<usize>().unwrap();
        assert!((end..=packed.len()).contains(&offset), "{error}");
    }
}

#[test]
fn what_was_decoded_before_the_damage_comes_out_first() {
    let mut packed = compress(Compression::Gzip, &python_shard());
    let last = packed.len() - 1;
    packed[last] ^= 1;
    let results = read_tar(&packed[..]).collect::<Vec<_>>();
    // The last sample is known to be complete only at the end of the archive.
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 58);
    assert!(results.last().unwrap().is_err());
}

#[test]
fn a_decoder_is_a_reader_too() {
    let shard = python_shard();
    for compression in ALL {
        let mut decoder = Decoder::new(std::io::Cursor::new(compress(compression, &shard))).unwrap();
        assert_eq!(decoder.compression(), Some(compression));
        let mut output = Vec::new();
        decoder.read_to_end(&mut output).unwrap();
        assert!(output == shard);
        assert_eq!(decoder.next_chunk().unwrap(), None);
    }
}

#[test]
fn data_that_takes_too_much_memory_is_unsupported() {
    let mut zstd = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    zstd.window_log(30).unwrap();
    zstd.write_all(&python_shard()).unwrap();
    let zstd = zstd.finish().unwrap();

    // An encoder with such a dictionary would take gigabytes, so only the size in the block header is changed.
    let mut xz = compress(Compression::Xz, &python_shard());
    let block = &mut xz[12..];
    let length = (usize::from(block[0]) + 1) * 4;
    let size = block[..length].windows(2).position(|pair| pair == [0x21, 0x01]).unwrap() + 2;
    block[size] = 38;
    let crc = crc32(&block[..length - 4]).to_le_bytes();
    block[length - 4..length].copy_from_slice(&crc);

    for packed in [zstd, xz] {
        let error = read(&packed).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.message().contains("128 MiB"), "{error}");
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[test]
fn a_bomb_costs_no_memory() {
    // 64 MiB of zeros are an archive of nothing; the chunks come one by one.
    let packed = compress(Compression::Zstd, &vec![0; 64 << 20]);
    assert!(packed.len() < 64 << 10);
    assert_eq!(read(&packed).unwrap(), []);
}
