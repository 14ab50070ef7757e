//! What was tampered with proves nothing.

use atdata_atmosphere::origin::{MAX_CAR, Verified, verify_record};
use atdata_core::{Error, ErrorKind, Result};
use ipld_core::cid::Cid;
use ipld_core::ipld::Ipld;
use proptest::prelude::*;

use super::repository::{
    Map, Repository, Secret, car, cid_of, encode, entry, label, layer, raw_entry, rkey, signed,
};
use super::{COLLECTION, DID};

fn secret() -> Secret {
    Secret::k256(1)
}

fn verify(car: &[u8]) -> Result<Verified> {
    verify_record(car, DID, COLLECTION, &rkey(1), &secret().public())
}

fn corrupt(car: &[u8], expected: &str) -> Error {
    let error = verify(car).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains(expected), "{error}, not {expected}");
    error
}

/// A CAR file whose commit, properly signed, has this root of its tree.
fn with_root(data: Cid, blocks: &[Vec<u8>]) -> Vec<u8> {
    let repository = Repository { data, blocks: blocks.to_vec(), records: Default::default() };
    repository.car(DID, &secret())
}

/// A CAR file whose tree is one node.
fn with_node(node: Ipld) -> Vec<u8> {
    let bytes = encode(&node);
    let (_, record) = label(1);
    with_root(cid_of(&bytes), &[bytes, encode(&record)])
}

fn node(left: Ipld, entries: Vec<Ipld>) -> Ipld {
    Ipld::Map([("l".to_owned(), left), ("e".to_owned(), Ipld::List(entries))].into())
}

#[test]
fn a_flipped_byte_anywhere_is_seen() {
    let good = Repository::of_labels(5).car(DID, &secret());
    assert!(verify(&good).is_ok());
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(verify(&bad).is_err(), "byte {at}");
    }
}

#[test]
fn a_file_that_is_cut_is_seen() {
    let good = Repository::of_labels(5).car(DID, &secret());
    let needed = (0..good.len()).filter(|length| verify(&good[..*length]).is_ok()).count();
    // Only the last block, a node of the tree, may end the file: then nothing is cut.
    assert_eq!(needed, 0);
    corrupt(&good[..good.len() - 1], "ends within a section");
    corrupt(&[], "length of a section is missing");
    corrupt(&[0], "empty or too long");
}

#[test]
fn every_block_of_the_path_is_needed_and_no_other() {
    let repository = Repository::of_labels(200);
    let commit = signed(repository.commit(DID), &secret(), true);
    let with =
        |blocks: &[Vec<u8>]| Repository { blocks: blocks.to_vec(), ..repository.clone() }.car_of(&commit);
    let mut path = repository.blocks.clone();
    for i in (0..path.len()).rev() {
        let block = path.remove(i);
        if verify(&with(&path)).is_err() {
            path.insert(i, block);
        }
    }
    // A record and, of each layer, one node.
    assert!((2..10).contains(&path.len()), "{}", path.len());
    for i in 0..path.len() {
        let mut path = path.clone();
        path.remove(i);
        corrupt(&with(&path), "a block is missing");
    }
}

#[test]
fn the_commit_of_another_is_refused() {
    let repository = Repository::of_labels(5);
    corrupt(&repository.car(DID, &Secret::k256(9)), "the signature is not that of the key");
    corrupt(&repository.car(DID, &Secret::p256(1)), "the signature is not that of the key");
    corrupt(&repository.car("did:plc:someoneelse", &secret()), "a commit of the repository of");
    let change = |key: &str, value: Option<Ipld>| {
        let mut commit = repository.commit(DID);
        match value {
            Some(value) => drop(commit.insert(key.to_owned(), value)),
            None => drop(commit.remove(key)),
        }
        repository.car_of(&signed(commit, &secret(), true))
    };
    corrupt(&change("version", Some(Ipld::Integer(4))), "version 4");
    corrupt(&change("version", None), "version");
    corrupt(&change("did", None), "a commit of the repository of");
    corrupt(&change("rev", None), "revision");
    corrupt(&change("rev", Some(Ipld::String("3n2z3fszrgk2!".into()))), "revision");
    corrupt(&change("rev", Some(Ipld::String("zzzzzzzzzzzzz".into()))), "revision");
    corrupt(&change("data", None), "data");
    corrupt(&change("prev", Some(Ipld::Integer(1))), "prev");
    // A commit that says more is signed as a whole.
    assert!(verify(&change("more", Some(Ipld::Null))).is_ok());
}

#[test]
fn signatures_have_one_form() {
    for secret in [Secret::k256(1), Secret::p256(1)] {
        let repository = Repository::of_labels(5);
        let commit = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut commit = signed(repository.commit(DID), &secret, true);
            if let Some(Ipld::Bytes(signature)) = commit.get_mut("sig") {
                change(signature);
            }
            verify_record(&repository.car_of(&commit), DID, COLLECTION, &rkey(1), &secret.public())
        };
        assert!(commit(&|_| {}).is_ok());
        let refused = |change: &dyn Fn(&mut Vec<u8>), expected: &str| {
            let error = commit(change).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.to_string().contains(expected), "{error}");
        };
        let unsigned = encode(&Ipld::Map(repository.commit(DID)));
        refused(&|signature| *signature = secret.sign(&unsigned, false), "its S is high");
        refused(&|signature| signature[0] ^= 1, "not that of the key");
        refused(&|signature| *signature = vec![0; 64], "not that of the key");
        refused(&|signature| *signature = vec![0xff; 64], "not that of the key");
        refused(&|signature| signature.truncate(63), "63 bytes");
        refused(&|signature| signature.push(0), "65 bytes");
        let none = repository.car_of(&repository.commit(DID));
        let error = verify_record(&none, DID, COLLECTION, &rkey(1), &secret.public()).unwrap_err();
        assert_eq!((error.kind(), error.context_value("member")), (ErrorKind::Corrupt, Some("sig")));
    }
}

#[test]
fn roots_other_than_one_are_refused() {
    let repository = Repository::of_labels(5);
    let commit = encode(&Ipld::Map(signed(repository.commit(DID), &secret(), true)));
    let blocks = || [commit.as_slice()].into_iter().chain(repository.blocks.iter().map(Vec::as_slice));
    let root = cid_of(&commit);
    assert!(verify(&car(&[root], blocks())).is_ok());
    corrupt(&car(&[], blocks()), "0 roots");
    corrupt(&car(&[root, root], blocks()), "2 roots");
    corrupt(&car(&[repository.data], blocks()), "sig");
    corrupt(&car(&[cid_of(b"x")], blocks()), "a block is missing");
    let raw = Cid::new_v1(0x55, *root.hash());
    corrupt(&car(&[raw], blocks()), "not DAG-CBOR");
    corrupt(&[0xff; 20], "length of a section");
    corrupt(&vec![0; MAX_CAR + 1], "at most");
    let header = |ipld: Ipld| {
        let bytes = encode(&ipld);
        [&[bytes.len() as u8], &*bytes].concat()
    };
    corrupt(&header(Ipld::Null), "not a map");
    let version_2 =
        Map::from([("version".to_owned(), Ipld::Integer(2)), ("roots".to_owned(), Ipld::Link(root))]);
    corrupt(&header(Ipld::Map(version_2)), "version 1");
}

#[test]
fn blocks_with_strange_cids_are_refused() {
    let good = Repository::of_labels(5).car(DID, &secret());
    let with = |section: &[u8]| [&*good, &[section.len() as u8], section].concat();
    let block = b"\x01";
    let cid = cid_of(block).to_bytes();
    assert!(verify(&with(&[&*cid, block].concat())).is_ok());
    for (at, byte) in [(0, 2), (0, 0x12), (1, 0x70), (2, 0x13), (3, 0x1f)] {
        let mut cid = cid.clone();
        cid[at] = byte;
        corrupt(&with(&[&*cid, block].concat()), "CID of a kind");
    }
    corrupt(&with(&[&*cid, b"\x02"].concat()), "not what its CID says");
    corrupt(&with(&cid[..10]), "no CID");
    // A length that is longer than it must be.
    corrupt(&[&*good, &[0xa5, 0x00], &*cid, block].concat(), "malformed");
}

#[test]
fn another_record_under_the_key_is_not_it() {
    let (path, record) = label(1);
    let (_, other) = label(2);
    let same_layer = |value: &Ipld| {
        let root = node(Ipld::Null, vec![entry("", &path, cid_of(&encode(value)), None)]);
        let bytes = encode(&root);
        (cid_of(&bytes), bytes)
    };
    // Signed is the tree with the one record, sent is the tree with the other.
    let (signed_root, _) = same_layer(&record);
    let (other_root, other_bytes) = same_layer(&other);
    corrupt(&with_root(signed_root, &[other_bytes.clone(), encode(&other)]), "a block is missing");
    // Signed by the owner, it would be it.
    assert!(verify(&with_root(other_root, &[other_bytes, encode(&other)])).is_ok());
}

#[test]
fn nodes_that_are_not_as_they_must_be_are_refused() {
    let (path, record) = label(1);
    let value = cid_of(&encode(&record));
    let good = || entry("", &path, value, None);
    assert!(verify(&with_node(node(Ipld::Null, vec![good()]))).is_ok());
    // Keys of the layer of the wanted one, and of others.
    let (same, others): (Vec<String>, Vec<String>) =
        (0..200).map(|i| label(i).0).partition(|other| layer(other) == layer(&path));
    let before = same.iter().filter(|other| **other < path).max();
    let after = same.iter().find(|other| **other > path).unwrap();
    let pair =
        |first: &str, second: &str| vec![entry("", first, value, None), entry(first, second, value, None)];
    assert!(verify(&with_node(node(Ipld::Null, pair(&path, after)))).is_ok());
    assert!(before.is_none_or(|before| verify(&with_node(node(Ipld::Null, pair(before, &path)))).is_ok()));
    for (entries, expected) in [
        (pair(after, &path), "not in order"),
        (vec![good(), raw_entry(path.len(), b"", value, None)], "not in order"),
        (vec![good(), raw_entry(0, after.as_bytes(), value, None)], "not compressed"),
        (vec![raw_entry(1, &path.as_bytes()[1..], value, None)], "member: p"),
        (vec![good(), raw_entry(path.len() + 1, b"x", value, None)], "member: p"),
        (vec![good(), raw_entry(usize::MAX, b"x", value, None)], "member: p"),
        (vec![raw_entry(0, b"", value, None)], "not in order"),
        (vec![raw_entry(0, &[b'x'; 2000], value, None)], "too long"),
        (pair(&path, others.iter().find(|other| **other > path).unwrap()), "several layers"),
        (vec![Ipld::Null], "not a map"),
        (vec![Ipld::Map(Map::new())], "member: p"),
    ] {
        corrupt(&with_node(node(Ipld::Null, entries)), expected);
    }
    corrupt(&with_node(Ipld::List(vec![])), "not a map");
    corrupt(&with_node(node(Ipld::Integer(1), vec![good()])), "member: l");
    corrupt(&with_node(node(Ipld::Link(value), vec![])), "no keys");
    corrupt(&with_node(node(Ipld::Null, vec![entry("", &path, cid_of(b"x"), None)])), "a block is missing");
    let raw = Cid::new_v1(0x55, *value.hash());
    corrupt(&with_node(node(Ipld::Null, vec![entry("", &path, raw, None)])), "not DAG-CBOR");
}

/// A chain of nodes, each the left of the one above, below a root with a key of a high layer.
fn chain(depth: usize, bottom: &Ipld) -> Vec<u8> {
    let (top, _) = (0..).map(label).find(|(path, _)| layer(path) == 3).unwrap();
    let mut blocks = vec![encode(bottom)];
    let mut below = cid_of(&blocks[0]);
    for _ in 0..depth {
        let bytes = encode(&node(Ipld::Link(below), vec![]));
        below = cid_of(&bytes);
        blocks.push(bytes);
    }
    let root = node(Ipld::Link(below), vec![entry("", &top, cid_of(b"x"), None)]);
    let bytes = encode(&root);
    let root = cid_of(&bytes);
    blocks.push(bytes);
    with_root(root, &blocks)
}

#[test]
fn a_tree_is_as_deep_as_its_keys_say() {
    // A key of the lowest layer, before that of the root.
    let (top, _) = (0..).map(label).find(|(path, _)| layer(path) == 3).unwrap();
    let low = (0..10_000).map(|i| format!("{COLLECTION}/2{i:04}")).find(|path| layer(path) == 0).unwrap();
    assert!(low < top);
    let ask = |car: &[u8]| {
        let key = low.split_once('/').unwrap().1;
        verify_record(car, DID, COLLECTION, key, &secret().public())
    };
    let refused = |car: &[u8], expected: &str| {
        let error = ask(car).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains(expected), "{error}, not {expected}");
    };
    let bottom = node(Ipld::Null, vec![entry("", &low, cid_of(b"x"), None)]);
    // The record itself is not in the file; but the key is found.
    refused(&chain(2, &bottom), "a block is missing");
    refused(&chain(1, &bottom), "another layer than its own");
    refused(&chain(3, &bottom), "nodes below it");
    refused(&chain(3000, &bottom), "nodes below it");
    refused(&chain(2, &node(Ipld::Null, vec![])), "empty");
    // A node whose key belongs elsewhere.
    let after = (0..10_000).map(|i| format!("{COLLECTION}/4{i:04}")).find(|path| layer(path) == 0).unwrap();
    refused(&chain(2, &node(Ipld::Null, vec![entry("", &after, cid_of(b"x"), None)])), "not in order");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_mutation_is_taken_for_the_record(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 1..6),
    ) {
        let good = Repository::of_labels(20).car(DID, &secret());
        let truth = verify(&good).unwrap();
        let mut bad = good.clone();
        for (at, byte, what) in changes {
            let at = at.index(bad.len());
            match what {
                0 => bad[at] = byte,
                1 => bad.insert(at, byte),
                2 if bad.len() > 1 => drop(bad.remove(at)),
                _ => bad.truncate(at.max(1)),
            }
        }
        match verify(&bad) {
            // Nothing was changed after all, or a second byte undid the first.
            Ok(verified) => prop_assert_eq!(verified, truth),
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Corrupt),
        }
    }

    #[test]
    fn no_tree_that_the_owner_signs_makes_it_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let repository = Repository::of_labels(3);
        // The root, with other bytes and the CID of these.
        let mut root = repository.blocks.iter().find(|block| cid_of(block) == repository.data).unwrap().clone();
        for (at, byte) in changes {
            let at = at.index(root.len());
            root[at] = byte;
        }
        let data = cid_of(&root);
        let blocks = [&repository.blocks[..], &[root]].concat();
        if let Ok(verified) = verify(&with_root(data, &blocks)) {
            prop_assert!(verified.record["name"].as_str().is_some_and(|name| name.starts_with("label")));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(verify(&bytes).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
