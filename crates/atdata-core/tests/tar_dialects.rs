//! Every dialect of tar is read: v7, ustar, GNU and PAX, and their mixtures.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod tar_support;

use atdata_core::tar::{Member, MemberKind, TarOptions};
use tar_support::{block, cut, header, members, pax};

/// Reads an archive of these blocks, whole and in pieces.
fn read(blocks: &[Vec<u8>]) -> Vec<Member> {
    let archive = [&blocks.concat()[..], &[0; 1024]].concat();
    let (whole, error) = members(&TarOptions::default(), [archive.clone().into()]);
    assert_eq!(error, None);
    assert_eq!(members(&TarOptions::default(), cut(&archive, &[3, 700])).0, whole);
    whole
}

fn summary(member: &Member) -> (&str, &[u8], u64) {
    (&member.name, &member.data, member.header_offset)
}

#[test]
fn v7_headers_are_read() {
    let mut old = async_tar::Header::new_old();
    old.as_old_mut().name[..3].copy_from_slice(b"a.x");
    old.set_size(2);
    // What is the prefix of a ustar header has no meaning here.
    old.as_mut_bytes()[345] = b'p';
    old.set_cksum();
    let found = read(&[old.as_bytes().to_vec(), [b"hi".as_slice(), &[0; 510]].concat()]);
    assert_eq!(summary(&found[0]), ("a.x", b"hi".as_slice(), 0));
}

#[test]
fn a_ustar_prefix_is_joined() {
    let mut header = async_tar::Header::new_ustar();
    header.as_ustar_mut().unwrap().prefix[..3].copy_from_slice(b"d/e");
    header.as_old_mut().name.fill(b'n');
    header.set_cksum();
    let found = read(&[header.as_bytes().to_vec()]);
    assert_eq!(found[0].name, format!("d/e/{}", "n".repeat(100)));
}

#[test]
fn an_empty_size_field_is_zero() {
    let mut header = async_tar::Header::new_ustar();
    header.as_old_mut().name[..1].copy_from_slice(b"a");
    header.set_cksum();
    let found = read(&[header.as_bytes().to_vec(), block(b'0', b"b", b"")]);
    assert_eq!((found.len(), found[0].size()), (2, 0));
}

#[test]
fn a_base_256_size_is_read() {
    let mut header = async_tar::Header::new_gnu();
    header.as_old_mut().name[..1].copy_from_slice(b"a");
    header.as_old_mut().size = *b"\x80\0\0\0\0\0\0\0\0\0\0\x03";
    header.set_cksum();
    let found = read(&[header.as_bytes().to_vec(), [b"abc".as_slice(), &[0; 509]].concat()]);
    assert_eq!(found[0].data, "abc");
}

#[test]
fn gnu_long_names_and_links_are_read() {
    let long = "n".repeat(300);
    let found = read(&[
        block(b'K', b"././@LongLink", b"target\0"),
        block(b'L', b"././@LongLink", format!("{long}\0").as_bytes()),
        block(b'0', b"short", b"one"),
        block(b'0', b"b", b"two"),
    ]);
    assert_eq!(summary(&found[0]), (long.as_str(), b"one".as_slice(), 0));
    assert_eq!(summary(&found[1]), ("b", b"two".as_slice(), 4 * 512 + 1024));
}

#[test]
fn pax_records_hold_for_one_member_and_may_contain_newlines() {
    let found = read(&[
        block(b'x', b"x", &pax(&[("comment", "a\n9 path=z\n"), ("path", "new\nline/é.x"), ("size", "3")])),
        header(b'0', b"short", 0).to_vec(),
        [b"abc".as_slice(), &[0; 509]].concat(),
        block(b'0', b"b", b"two"),
    ]);
    assert_eq!(summary(&found[0]), ("new\nline/é.x", b"abc".as_slice(), 0));
    assert_eq!(summary(&found[1]), ("b", b"two".as_slice(), 2048));
}

#[test]
fn global_records_hold_until_taken_back() {
    let found = read(&[
        block(b'g', b"g", &pax(&[("path", "global"), ("comment", "x")])),
        block(b'0', b"a", b""),
        block(b'x', b"x", &pax(&[("path", "local")])),
        block(b'0', b"b", b""),
        block(b'x', b"x", &pax(&[("path", "")])),
        block(b'0', b"c", b""),
        block(b'g', b"g", &pax(&[("path", "later")])),
        block(b'0', b"d", b""),
        block(b'g', b"g", &pax(&[("path", "")])),
        block(b'0', b"e", b""),
    ]);
    let names = found.iter().map(|member| member.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names, ["global", "local", "c", "later", "e"]);
    assert_eq!(found[0].header_offset, 1024, "a global header is no part of a member");
}

/// An archive inside an archive must not come to light because a PAX size was taken for the wrong header.
#[test]
fn a_pax_size_never_applies_to_an_extension_header() {
    let inner = [block(b'0', b"hidden.x", b"inner"), vec![0; 1024]].concat();
    let size = inner.len().to_string();
    let name = format!("{}\0", "l".repeat(120));
    for kind in *b"LKg" {
        let body = if kind == b'g' { pax(&[("comment", "c")]) } else { name.clone().into_bytes() };
        let found = read(&[
            block(b'x', b"x", &pax(&[("size", &size)])),
            block(kind, b"ext", &body),
            header(b'0', b"outer.x", 0).to_vec(),
            inner.clone(),
            block(b'0', b"last.x", b"end"),
        ]);
        assert_eq!(found.len(), 2, "{}", char::from(kind));
        assert_eq!(found[0].data, inner);
        assert_eq!(found[1].name, "last.x");
    }
}

#[test]
fn a_size_of_what_has_no_body_is_ignored() {
    for kind in *b"123456" {
        let found = read(&[header(kind, b"a", 5000).to_vec(), block(b'0', b"b", b"b")]);
        assert_eq!(found[1].data, "b");
        assert_ne!(found[0].kind, MemberKind::File);
        let pax = block(b'x', b"x", &pax(&[("size", "5000")]));
        assert_eq!(read(&[pax, header(kind, b"a", 0).to_vec(), block(b'0', b"b", b"b")]).len(), 2);
    }
}

#[test]
fn members_of_unknown_types_are_passed_over_with_their_bodies() {
    let found = read(&[block(b'V', b"label", &[1; 600]), block(b'7', b"b", b"b")]);
    assert_eq!((found[0].kind, found[0].size()), (MemberKind::Other, 600));
    assert_eq!((found[1].kind, summary(&found[1])), (MemberKind::File, ("b", b"b".as_slice(), 512 + 1024)));
}
