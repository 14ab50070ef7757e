//! CAR files that are kept: such that were built here, and such that a reference PDS (0.5) answered.

use std::path::{Path, PathBuf};

use atdata_atmosphere::origin::{SigningKey, verify_record};
use atdata_atmosphere::records::{DatasetRecord, ipld};
use atdata_core::ErrorKind;
use serde_json::Value as Json;

use super::repository::{Repository, Secret, rkey};
use super::{COLLECTION, DID};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Signatures are deterministic, and so is all the rest. `UPDATE_GOLDEN=1` writes the files again.
#[test]
fn what_is_built_is_what_it_was() {
    for (name, secret, key) in [
        ("k256.car", Secret::k256(1), "did:key:zQ3shgVXZLaMzm5S5x7XzGUG6YFHFLtoEMiv9ao2Bqa7hGyg2"),
        ("p256.car", Secret::p256(2), "did:key:zDnaeWA1DFehB4iXcQeiDJzcZK3x2cYW1DdJX97edtzfPCt75"),
    ] {
        let car = Repository::of_labels(12).car(DID, &secret);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path(name), &car).unwrap();
        }
        assert_eq!(bytes(name), car, "{name}");
        let key = SigningKey::from_did_key(key).unwrap();
        assert_eq!(key, secret.public(), "{name}");
        assert!(verify_record(&car, DID, COLLECTION, &rkey(11), &key).is_ok());
    }
}

#[test]
fn a_real_server_proves_its_records() {
    let facts: Json = serde_json::from_slice(&bytes("pds.json")).unwrap();
    let text = |key: &str| facts[key].as_str().unwrap();
    let key = SigningKey::from_verification_method(&facts["method"]).unwrap();
    let verify =
        |file: &str, rkey: &str| verify_record(&bytes(file), text("did"), text("collection"), rkey, &key);
    let verified = verify("pds-record.car", text("rkey")).unwrap();
    assert_eq!(verified.cid.to_string(), text("cid"));
    assert_eq!(ipld::record_cid(&facts["record"]).unwrap(), verified.cid);
    assert_eq!(
        DatasetRecord::from_json(&verified.record).unwrap(),
        DatasetRecord::from_json(&facts["record"]).unwrap()
    );
    let absent = verify("pds-absent.car", text("absentRkey")).unwrap_err();
    assert_eq!(absent.kind(), ErrorKind::NotFound);
    // A proof of one thing proves nothing of another.
    let error = verify("pds-absent.car", text("rkey")).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Corrupt), "{error}");
    let other = Secret::k256(1).public();
    let error =
        verify_record(&bytes("pds-record.car"), text("did"), text("collection"), text("rkey"), &other)
            .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}
