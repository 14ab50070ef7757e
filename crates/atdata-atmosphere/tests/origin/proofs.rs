//! What is in a repository is proved, and what is not is proved to be absent.

use std::collections::BTreeSet;
use std::path::Path;

use atdata_atmosphere::origin::verify_record;
use atdata_core::ErrorKind;
use ipld_core::ipld::Ipld;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::repository::{Repository, Secret, layer, rkey, signed};
use super::{COLLECTION, DID};

#[test]
fn every_record_is_proved_on_both_curves() {
    for secret in [Secret::k256(1), Secret::p256(2)] {
        let repository = Repository::of_labels(200);
        let layers: Vec<usize> = repository.records.keys().map(|path| layer(path)).collect();
        assert!(layers.iter().max().is_some_and(|top| *top >= 3), "the tree has several layers");
        let car = repository.car(DID, &secret);
        for i in 0..200 {
            let verified = verify_record(&car, DID, COLLECTION, &rkey(i), &secret.public()).unwrap();
            assert_eq!(verified.record, json!({"$type": COLLECTION, "name": format!("label {i}")}));
            let cid = repository.records[&format!("{COLLECTION}/{}", rkey(i))];
            assert_eq!(verified.cid.to_string(), cid.to_string());
            assert_eq!(verified.rev.as_deref(), Some("3n2z3fszrgk2q"));
        }
    }
}

#[test]
fn what_is_not_there_is_proved_to_be_absent() {
    let secret = Secret::k256(1);
    for count in [0, 1, 2, 50] {
        let car = Repository::of_labels(count).car(DID, &secret);
        for i in count..count + 50 {
            let error = verify_record(&car, DID, COLLECTION, &rkey(i), &secret.public()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            assert!(error.context_value("url").is_some_and(|url| url.ends_with(&rkey(i))));
        }
        let error = verify_record(&car, DID, "a.b.c", "3k0000", &secret.public()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}

#[test]
fn commits_of_version_2_are_read_and_may_lack_the_revision() {
    let secret = Secret::k256(1);
    let repository = Repository::of_labels(3);
    let mut commit = repository.commit(DID);
    commit.insert("version".to_owned(), Ipld::Integer(2));
    let verify = |commit| {
        let car = repository.car_of(&signed(commit, &secret, true));
        verify_record(&car, DID, COLLECTION, &rkey(1), &secret.public())
    };
    assert!(verify(commit.clone()).unwrap().rev.is_some());
    commit.remove("rev");
    assert_eq!(verify(commit.clone()).unwrap().rev, None);
    commit.insert("version".to_owned(), Ipld::Integer(3));
    assert_eq!(verify(commit.clone()).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn an_address_that_is_none_is_invalid() {
    let secret = Secret::k256(1);
    let car = Repository::of_labels(3).car(DID, &secret);
    for (did, collection, key) in [("x", COLLECTION, "3k"), (DID, "blob", "3k"), (DID, COLLECTION, "a/b")] {
        let error = verify_record(&car, did, collection, key, &secret.public()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_set_of_records_is_told_from_its_complement(
        present in prop::collection::btree_set("[a-c]\\.[a-c]\\.[a-c]/[0-9]{1,2}", 0..60),
        asked in prop::collection::vec("[a-c]\\.[a-c]\\.[a-c]/[0-9]{1,2}", 1..60),
    ) {
        let secret = Secret::k256(3);
        let records: Vec<_> = present.iter().map(|path| (path.clone(), Ipld::Map(Default::default()))).collect();
        let car = Repository::new(&records).car(DID, &secret);
        for path in present.iter().chain(&asked) {
            let (collection, rkey) = path.split_once('/').unwrap();
            let outcome = verify_record(&car, DID, collection, rkey, &secret.public());
            if present.contains(path) {
                prop_assert!(outcome.is_ok());
            } else {
                prop_assert_eq!(outcome.unwrap_err().kind(), ErrorKind::NotFound);
            }
        }
    }
}

/// The trees that these tests build are those of the protocol.
#[test]
fn trees_have_the_roots_of_the_protocol() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/interop/commit-proof-fixtures.json");
    let vectors: Vec<Json> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(vectors.len() > 4);
    for vector in vectors {
        let list = |key: &str| -> BTreeSet<String> {
            vector[key].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let leaf = vector["leafValue"].as_str().unwrap().parse().unwrap();
        let before = list("keys");
        let after: BTreeSet<_> = &(&before | &list("adds")) - &list("dels");
        for (keys, root) in [(before, "rootBeforeCommit"), (after, "rootAfterCommit")] {
            let tree = Repository::of_values(keys.into_iter().map(|key| (key, leaf)).collect());
            assert_eq!(tree.data.to_string(), vector[root].as_str().unwrap(), "{}", vector["comment"]);
        }
    }
}
