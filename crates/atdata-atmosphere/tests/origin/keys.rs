//! The forms of public keys.

use atdata_atmosphere::origin::SigningKey;
use atdata_core::ErrorKind;
use serde_json::json;

use super::repository::Secret;

fn multibase(bytes: &[u8]) -> String {
    format!("z{}", bs58::encode(bytes).into_string())
}

#[test]
fn a_key_is_the_same_in_all_forms() {
    let k256 = (Secret::k256(7), "EcdsaSecp256k1VerificationKey2019", "zQ3s");
    let p256 = (Secret::p256(7), "EcdsaSecp256r1VerificationKey2019", "zDn");
    for (secret, old_type, start) in [k256, p256] {
        let key = secret.public();
        let text = key.to_string();
        let multikey = text.strip_prefix("did:key:").unwrap();
        assert!(multikey.starts_with(start), "{text}");
        assert_eq!(format!("{key:?}"), format!("SigningKey({text})"));
        assert_eq!(SigningKey::from_multikey(multikey).unwrap(), key);
        let method = |name: &str, key: &str| {
            SigningKey::from_verification_method(&json!({"type": name, "publicKeyMultibase": key}))
        };
        assert_eq!(method("Multikey", multikey).unwrap(), key);
        for compressed in [true, false] {
            assert_eq!(method(old_type, &multibase(&secret.point(compressed))).unwrap(), key);
        }
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let good = Secret::k256(7).public().to_string();
    let point = Secret::k256(7).point(false);
    let uncompressed = multibase(&[&[0xe7, 0x01], &*point].concat());
    for (text, kind) in [
        ("", ErrorKind::Invalid),
        ("did:key:", ErrorKind::Invalid),
        ("did:key:z", ErrorKind::Invalid),
        (good.trim_start_matches("did:key:"), ErrorKind::Invalid),
        (&good.replace("did:key:z", "did:key:m"), ErrorKind::Invalid),
        (&format!("{good}0"), ErrorKind::Invalid),
        // All digits mean something else then, the kind of key too.
        (&format!("{good}1"), ErrorKind::Unsupported),
        (&good[..good.len() - 1], ErrorKind::Unsupported),
        (&format!("did:key:z{}", "1".repeat(100_000)), ErrorKind::Invalid),
        (&format!("did:key:{uncompressed}"), ErrorKind::Invalid),
        (
            &format!("did:key:{}", multibase(&[&[0xe7, 0x01, 0x02][..], &[0xff; 32]].concat())),
            ErrorKind::Invalid,
        ),
        (&format!("did:key:{}", multibase(&[&[0xed, 0x01][..], &[2; 32]].concat())), ErrorKind::Unsupported),
    ] {
        let error = SigningKey::from_did_key(text).unwrap_err();
        assert_eq!(error.kind(), kind, "{text}: {error}");
    }
    for method in [
        json!(null),
        json!({"type": "Multikey"}),
        json!({"type": "Multikey", "publicKeyMultibase": 1}),
        json!({"publicKeyMultibase": "z1"}),
        json!({"type": "Ed25519VerificationKey2020", "publicKeyMultibase": "z1"}),
        json!({"type": "EcdsaSecp256r1VerificationKey2019", "publicKeyMultibase": multibase(&point)}),
    ] {
        assert!(SigningKey::from_verification_method(&method).is_err(), "{method}");
    }
}
