//! Checksums of shards.

use atdata_core::{Error, Result};
use serde_json::{Value as Json, json};

use super::limits;
use super::member::{Members, Writing};

/// The checksum of a shard.
///
/// ```
/// use atdata_atmosphere::records::Checksum;
///
/// let json = serde_json::json!({"algorithm": "sha256", "digest": "00ff"});
/// assert_eq!(Checksum::from_json(&json)?, Some(Checksum::sha256("00ff")));
/// let placeholder = serde_json::json!({"algorithm": "none", "digest": ""});
/// assert_eq!(Checksum::from_json(&placeholder)?, None);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// The algorithm, `sha256` for instance.
    pub algorithm: String,
    /// The value, in lower-case hex.
    pub digest: String,
}

/// The only algorithm that is checked.
const SHA256: &str = "sha256";

impl Checksum {
    /// A SHA-256, in lower-case hex.
    pub fn sha256(digest: impl Into<String>) -> Self {
        Self { algorithm: SHA256.to_owned(), digest: digest.into() }
    }

    /// The SHA-256, if it is one.
    pub fn as_sha256(&self) -> Option<&str> {
        (self.algorithm == SHA256).then_some(self.digest.as_str())
    }

    /// Reads a checksum. The placeholder that Python writes where it knows none is none.
    ///
    /// # Errors
    /// `Corrupt` if it is no object or its members are not text.
    pub fn from_json(json: &Json) -> Result<Option<Self>> {
        let members = Members::of(json, "a checksum")?;
        let (algorithm, digest) = (members.text("algorithm")?, members.text("digest")?);
        let (Some(algorithm), Some(digest)) = (algorithm, digest) else { return Ok(None) };
        if algorithm == "none" || digest.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { algorithm: algorithm.to_ascii_lowercase(), digest: digest.to_ascii_lowercase() }))
    }

    /// Writes the checksum.
    ///
    /// # Errors
    /// `Invalid` if it is longer than 128 characters or not hex, or the algorithm's name is longer than 20.
    pub fn to_json(&self) -> Result<Json> {
        if !is_digest(&self.digest) {
            return Err(Error::invalid("a checksum is not 1 to 128 digits of lower-case hex")
                .with("member", "checksum.digest"));
        }
        let mut object = Writing::default();
        object.text("algorithm", &self.algorithm, limits::ALGORITHM)?;
        object.text("digest", &self.digest, limits::DIGEST)?;
        Ok(object.finish())
    }
}

/// Whether a text can stand as a digest, and is read as it is.
pub(super) fn is_digest(text: &str) -> bool {
    (1..=limits::DIGEST).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Writes a checksum where the member is required; what stands for none is Python's.
pub(super) fn or_placeholder(checksum: Option<&Checksum>) -> Result<Json> {
    checksum.map_or_else(|| Ok(json!({"algorithm": "none", "digest": ""})), Checksum::to_json)
}
