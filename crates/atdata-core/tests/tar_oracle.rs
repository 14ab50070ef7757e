//! `async-tar` is the oracle: what it reads we read, what we write it reads, and no bytes make us panic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod tar_support;

use std::path::PathBuf;

use async_tar::{Archive, Builder, EntryType, Header};
use atdata_core::tar::{END_LEN, Member, MemberKind, TarOptions, framed_len};
use bytes::Bytes;
use futures::StreamExt;
use proptest::prelude::*;
use tar_support::{archive, block, cut, members, pax, python_shard, samples};
use tokio::io::AsyncReadExt;

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Name, whether it is a regular file, and data of every entry, as the oracle sees them.
type Entry = (Vec<u8>, bool, Vec<u8>);

fn oracle(archive: &[u8]) -> Vec<Entry> {
    block_on(async {
        let mut found = Vec::new();
        let mut entries = Archive::new(archive).entries().unwrap();
        while let Some(entry) = entries.next().await {
            let mut entry = entry.unwrap();
            let kind = entry.header().entry_type();
            if kind.is_pax_global_extensions() {
                continue;
            }
            let name = entry.path_bytes().into_owned();
            let mut data = Vec::new();
            entry.read_to_end(&mut data).await.unwrap();
            found.push((name, matches!(kind, EntryType::Regular | EntryType::Continuous), data));
        }
        found
    })
}

fn entries(members: Vec<Member>) -> Vec<Entry> {
    let entry = |member: Member| {
        (member.name.as_bytes().to_vec(), member.kind == MemberKind::File, member.data.to_vec())
    };
    members.into_iter().map(entry).collect()
}

fn ours(archive: &[u8]) -> Vec<Entry> {
    let (found, error) = members(&TarOptions::default(), [Bytes::copy_from_slice(archive)]);
    assert_eq!(error, None);
    entries(found)
}

fn component() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9_-]{1,12}",
        2 => "[a-z]{1,6}\\.[a-zA-Z.]{1,8}",
        1 => "[a-z]{90,170}",
        1 => "[éü漢🎈a-z ]{1,60}",
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop::collection::vec(component(), 1..5).prop_map(|components| components.join("/"))
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        (0_usize..2000, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
        (510_usize..515, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
    ]
}

/// What one step of the oracle's writer adds.
#[derive(Clone, Debug)]
enum Part {
    Gnu(String, Vec<u8>),
    Ustar(String, Vec<u8>),
    Directory(String),
    Symlink(String, String),
    /// PAX records and the header's own, shorter name.
    Pax {
        path: Option<String>,
        sized: bool,
        comment: String,
        short: String,
        data: Vec<u8>,
    },
    Global(String),
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        4 => (name(), data()).prop_map(|(name, data)| Part::Gnu(name, data)),
        2 => ("[a-z]{1,20}(/[a-z][a-z.]{0,39}){0,3}", data()).prop_map(|(name, data)| Part::Ustar(name, data)),
        1 => name().prop_map(Part::Directory),
        1 => (name(), name()).prop_map(|(name, target)| Part::Symlink(name, target)),
        4 => (prop::option::of(name()), any::<bool>(), "[a-zé=0-9 ]{0,200}", "[a-z][a-z.]{0,49}", data())
            .prop_map(|(path, sized, comment, short, data)| Part::Pax { path, sized, comment, short, data }),
        1 => "[a-z]{0,30}".prop_map(Part::Global),
    ]
}

fn header(mut header: Header, kind: EntryType, size: usize) -> Header {
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn build(parts: &[Part]) -> Vec<u8> {
    block_on(async {
        let mut builder = Builder::new(Vec::new());
        for part in parts {
            match part {
                Part::Gnu(name, data) => {
                    let mut header = header(Header::new_gnu(), EntryType::Regular, data.len());
                    builder.append_data(&mut header, name, &data[..]).await.unwrap();
                }
                Part::Ustar(name, data) => {
                    let mut header = header(Header::new_ustar(), EntryType::Regular, data.len());
                    header.set_path(name).unwrap();
                    header.set_cksum();
                    builder.append(&header, &data[..]).await.unwrap();
                }
                Part::Directory(name) => {
                    let mut header = header(Header::new_gnu(), EntryType::Directory, 0);
                    builder.append_data(&mut header, name, &[][..]).await.unwrap();
                }
                Part::Symlink(name, target) => {
                    // The long link first, as a GNU writer would do.
                    let mut long = header(Header::new_gnu(), EntryType::GNULongLink, target.len() + 1);
                    long.set_cksum();
                    builder.append(&long, format!("{target}\0").as_bytes()).await.unwrap();
                    let mut header = header(Header::new_gnu(), EntryType::Symlink, 0);
                    builder.append_data(&mut header, name, &[][..]).await.unwrap();
                }
                Part::Pax { path, sized, comment, short, data } => {
                    let size = data.len().to_string();
                    let mut records = vec![("comment", comment.as_str()), ("mtime", "1795333839.4914765")];
                    records.extend(path.as_ref().map(|path| ("path", path.as_str())));
                    records.extend(sized.then_some(("size", size.as_str())));
                    let body = pax(&records);
                    let mut extension = header(Header::new_ustar(), EntryType::XHeader, body.len());
                    extension.set_cksum();
                    builder.append(&extension, &body[..]).await.unwrap();
                    let mut header = header(Header::new_ustar(), EntryType::Regular, data.len());
                    header.set_path(short).unwrap();
                    header.set_cksum();
                    builder.append(&header, &data[..]).await.unwrap();
                }
                Part::Global(comment) => {
                    let body = pax(&[("comment", comment)]);
                    let mut extension = header(Header::new_ustar(), EntryType::XGlobalHeader, body.len());
                    extension.set_cksum();
                    builder.append(&extension, &body[..]).await.unwrap();
                }
            }
        }
        builder.into_inner().await.unwrap()
    })
}

proptest! {
    #[test]
    fn we_read_what_the_oracle_writes_as_it_does(parts in prop::collection::vec(part(), 0..8)) {
        let archive = build(&parts);
        prop_assert_eq!(ours(&archive), oracle(&archive));
    }

    #[test]
    fn the_oracle_reads_what_we_write(files in prop::collection::vec((name(), data()), 0..8)) {
        let archive = archive(files.iter().map(|(name, data)| (name.as_str(), &data[..])));
        let expected = files.iter().map(|(name, data)| (name.clone().into_bytes(), true, data.clone()));
        let expected = expected.collect::<Vec<_>>();
        prop_assert_eq!(&oracle(&archive), &expected);
        prop_assert_eq!(ours(&archive), expected);
        let length = files.iter().map(|(name, data)| framed_len(name, data.len() as u64).unwrap()).sum::<u64>();
        prop_assert_eq!(length + END_LEN, archive.len() as u64);
    }

    #[test]
    fn chunks_change_nothing(
        parts in prop::collection::vec(part(), 0..6),
        lengths in prop::collection::vec(1_usize..3000, 1..6),
    ) {
        let archive = build(&parts);
        let whole = members(&TarOptions::default(), [Bytes::copy_from_slice(&archive)]);
        prop_assert_eq!(members(&TarOptions::default(), cut(&archive, &lengths)), whole);
        let whole = samples([Bytes::copy_from_slice(&archive)]);
        prop_assert_eq!(samples(cut(&archive, &lengths)), whole);
    }

    #[test]
    fn changed_bytes_never_panic_and_never_yield_more_than_there_is(
        parts in prop::collection::vec(part(), 1..6),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..8),
        end in any::<prop::sample::Index>(),
        lengths in prop::collection::vec(1_usize..3000, 1..4),
    ) {
        let mut archive = build(&parts);
        for (index, byte, seal) in changes {
            let at = index.index(archive.len());
            archive[at] = byte;
            // A right checksum lets the change through to the code behind it.
            if let Some(block) = archive.get_mut(at / 512 * 512..at / 512 * 512 + 512).filter(|_| seal) {
                let mut header = Header::from_byte_slice(block).clone();
                header.set_cksum();
                block.copy_from_slice(header.as_bytes());
            }
        }
        archive.truncate(end.index(archive.len()) + 1);
        let whole = members(&TarOptions::default(), [Bytes::copy_from_slice(&archive)]);
        let size = whole.0.iter().map(|member| member.data.len() + 512).sum::<usize>();
        prop_assert!(size <= archive.len());
        prop_assert_eq!(members(&TarOptions::default(), cut(&archive, &lengths)), whole);
        samples(cut(&archive, &lengths));
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..4096),
        kind in prop::sample::select(&b"0xgLKS5\0"[..]),
    ) {
        prop_assert!(members(&TarOptions::default(), [Bytes::copy_from_slice(&bytes)]).1.is_some());
        // The same as the body of every kind of header.
        let framed = [block(kind, b"a.x", &bytes), block(b'0', b"b.x", b"b"), vec![0; 1024]].concat();
        members(&TarOptions::default(), [Bytes::from(framed)]);
        atdata_core::tar::read_tar(&bytes[..]).for_each(drop);
    }
}

#[test]
fn python_shards_are_read_as_the_oracle_does() {
    let shard = python_shard();
    assert_eq!(ours(&shard), oracle(&shard));
    assert_eq!(
        PathBuf::from(String::from_utf8(ours(&shard)[0].0.clone()).unwrap()).extension().unwrap(),
        "msgpack"
    );
}
