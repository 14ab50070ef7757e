//! The keys that sign repositories.

use std::fmt;

use atdata_core::{Error, Result};
use k256::ecdsa::signature::Verifier as _;
use serde_json::Value as Json;

/// The public key that a repository is signed with, on one of the two curves of AT Protocol.
///
/// ```
/// use atdata_atmosphere::origin::SigningKey;
///
/// let text = "did:key:zQ3shunBKsXixLxKtC5qeSG9E4J5RkGN57im31pcTzbNQnm5w";
/// assert_eq!(SigningKey::from_did_key(text)?.to_string(), text);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(Curve);

#[derive(Clone, PartialEq, Eq)]
enum Curve {
    K256(k256::ecdsa::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
}

/// The longest text that is looked at; an uncompressed key has 89 characters.
const MAX_TEXT: usize = 200;
/// The multicodec prefixes of public keys.
const K256_PREFIX: [u8; 2] = [0xe7, 0x01];
const P256_PREFIX: [u8; 2] = [0x80, 0x24];
/// The length of a signature: two numbers of 32 bytes.
const SIGNATURE: usize = 64;

impl SigningKey {
    /// Reads a `did:key`.
    ///
    /// # Errors
    /// `Invalid` if it is none, `Unsupported` for a key of another kind.
    pub fn from_did_key(text: &str) -> Result<Self> {
        let multikey = text.strip_prefix("did:key:");
        Self::from_multikey(multikey.ok_or_else(|| Error::invalid("a key does not begin with did:key:"))?)
    }

    /// Reads the text of a Multikey: base58 after a `z`, the kind of key within.
    ///
    /// # Errors
    /// As [`SigningKey::from_did_key`].
    pub fn from_multikey(text: &str) -> Result<Self> {
        let bytes = decode_base58(text)?;
        let Some((prefix, point)) = bytes.split_first_chunk::<2>() else { return Err(malformed()) };
        // Compressed, that is.
        let compressed = |key: Result<Self>| if point.len() == 33 { key } else { Err(malformed()) };
        match *prefix {
            K256_PREFIX => compressed(Self::k256(point)),
            P256_PREFIX => compressed(Self::p256(point)),
            _ => Err(Error::unsupported("a key is neither on the curve k256 nor on p256")),
        }
    }

    /// Reads a verification method of a DID document: of type `Multikey`, or of an older type, which names the curve
    /// and has the bare point.
    ///
    /// # Errors
    /// `Invalid` if there is no key or it is malformed, `Unsupported` for another type.
    ///
    /// ```
    /// use atdata_atmosphere::origin::SigningKey;
    ///
    /// let key = SigningKey::from_verification_method(&serde_json::json!({
    ///     "id": "did:plc:a#atproto", "type": "Multikey", "controller": "did:plc:a",
    ///     "publicKeyMultibase": "zQ3shunBKsXixLxKtC5qeSG9E4J5RkGN57im31pcTzbNQnm5w",
    /// }))?;
    /// assert_eq!(key.to_string(), "did:key:zQ3shunBKsXixLxKtC5qeSG9E4J5RkGN57im31pcTzbNQnm5w");
    /// # Ok::<(), atdata_core::Error>(())
    /// ```
    pub fn from_verification_method(method: &Json) -> Result<Self> {
        let text = |key: &str| method.get(key).and_then(Json::as_str);
        let key = text("publicKeyMultibase")
            .ok_or_else(|| Error::invalid("a verification method has no publicKeyMultibase"))?;
        match text("type") {
            Some("Multikey") => Self::from_multikey(key),
            Some("EcdsaSecp256k1VerificationKey2019") => Self::k256(&decode_base58(key)?),
            Some("EcdsaSecp256r1VerificationKey2019") => Self::p256(&decode_base58(key)?),
            _ => Err(Error::unsupported("a verification method is of a type that repositories do not have")),
        }
    }

    fn k256(point: &[u8]) -> Result<Self> {
        let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(point);
        key.map(|key| Self(Curve::K256(key))).map_err(|error| malformed().with_source(error))
    }

    fn p256(point: &[u8]) -> Result<Self> {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point);
        key.map(|key| Self(Curve::P256(key))).map_err(|error| malformed().with_source(error))
    }

    /// Checks a signature over the SHA-256 of `message`. Of the two numbers that are equally right, only the low one
    /// is taken: else a commit would have two CIDs.
    ///
    /// # Errors
    /// `Corrupt` if it is not this key's signature, or not in the one form.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        if signature.len() != SIGNATURE {
            let message = format!("a signature has {} bytes, not {SIGNATURE}", signature.len());
            return Err(Error::corrupt(message));
        }
        let wrong = |error| Error::corrupt("the signature is not that of the key").with_source(error);
        let high = || Error::corrupt("the signature is not in its canonical form (its S is high)");
        match &self.0 {
            Curve::K256(key) => {
                let signature = k256::ecdsa::Signature::from_slice(signature).map_err(wrong)?;
                if signature.normalize_s() != signature {
                    return Err(high());
                }
                key.verify(message, &signature).map_err(wrong)
            }
            Curve::P256(key) => {
                let signature = p256::ecdsa::Signature::from_slice(signature).map_err(wrong)?;
                if signature.normalize_s() != signature {
                    return Err(high());
                }
                key.verify(message, &signature).map_err(wrong)
            }
        }
    }

    /// The multicodec prefix and the compressed point.
    fn multicodec(&self) -> Vec<u8> {
        let (prefix, point) = match &self.0 {
            Curve::K256(key) => (K256_PREFIX, key.to_sec1_point(true).as_bytes().to_vec()),
            Curve::P256(key) => (P256_PREFIX, key.to_sec1_point(true).as_bytes().to_vec()),
        };
        [&prefix[..], &point].concat()
    }
}

fn decode_base58(text: &str) -> Result<Vec<u8>> {
    let digits = text.strip_prefix('z').filter(|_| text.len() <= MAX_TEXT).ok_or_else(malformed)?;
    bs58::decode(digits).into_vec().map_err(|error| malformed().with_source(error))
}

fn malformed() -> Error {
    Error::invalid("a public key is malformed")
}

/// As a `did:key`.
impl fmt::Display for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "did:key:z{}", bs58::encode(self.multicodec()).into_string())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64_NOPAD;

    use super::*;

    #[test]
    fn keys_and_signatures_are_those_of_the_protocol() {
        let vectors = include_str!("../../tests/data/interop/signature-fixtures.json");
        for vector in serde_json::from_str::<Vec<Json>>(vectors).unwrap() {
            let text = |key: &str| vector[key].as_str().unwrap();
            let bytes = |key: &str| BASE64_NOPAD.decode(text(key).as_bytes()).unwrap();
            let key = SigningKey::from_did_key(text("publicKeyDid")).unwrap();
            let method = serde_json::json!({
                "type": vector["didDocSuite"],
                "publicKeyMultibase": vector["publicKeyMultibase"],
            });
            assert_eq!(SigningKey::from_verification_method(&method).unwrap(), key);
            let outcome = key.verify(&bytes("messageBase64"), &bytes("signatureBase64"));
            assert_eq!(outcome.is_ok(), vector["validSignature"] == true, "{}", text("comment"));
        }
    }

    #[test]
    fn public_keys_are_written_as_the_protocol_writes_them() {
        let vectors = include_str!("../../tests/data/interop/w3c_didkey_K256.json");
        for vector in serde_json::from_str::<Vec<Json>>(vectors).unwrap() {
            let secret = vector["privateKeyBytesHex"].as_str().unwrap();
            let secret = data_encoding::HEXLOWER.decode(secret.as_bytes()).unwrap();
            let secret = k256::ecdsa::SigningKey::from_slice(&secret).unwrap();
            let key = SigningKey(Curve::K256(*secret.verifying_key()));
            assert_eq!(key.to_string(), vector["publicDidKey"].as_str().unwrap());
        }
    }
}
