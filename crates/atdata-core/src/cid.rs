//! Content identifiers: names that are computed from content.
//!
//! Entries and records are named by the CID of their DAG-CBOR form (codec `0x71`, text `bafyrei…`), blobs by the CID
//! of their bytes (codec `0x55`, text `bafkrei…`). Both are CIDv1 with SHA-256, written in base32. The same bytes
//! have *different* texts under the two codecs: compare with [`ContentId::same_digest`] where the codec is in doubt.

mod dag_cbor;

use std::fmt;
use std::str::FromStr;

use cid::Cid;
use cid::multihash::Multihash;
use serde::Serialize;
use sha2::{Digest, Sha256};

pub use self::dag_cbor::{MAX_DEPTH, from_dag_cbor, to_dag_cbor, value_to_dag_cbor};
use crate::{Error, Result, Value};

const SHA2_256: u64 = 0x12;
/// Longest text that is looked at; a CIDv1 with SHA-256 has 59 characters in base32.
const MAX_TEXT: usize = 256;

/// What the hashed bytes of a CID are.
///
/// ```
/// use atdata_core::cid::{Codec, blob_cid};
///
/// assert_eq!(blob_cid(b"hello").codec(), Codec::Raw);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// Bytes without further meaning, `0x55`: blobs.
    Raw,
    /// DAG-CBOR, `0x71`: records and entries.
    DagCbor,
    /// Any other multicodec code.
    Other(u64),
}

impl Codec {
    /// The multicodec code.
    pub const fn code(self) -> u64 {
        match self {
            Codec::Raw => 0x55,
            Codec::DagCbor => 0x71,
            Codec::Other(code) => code,
        }
    }

    const fn from_code(code: u64) -> Self {
        match code {
            0x55 => Codec::Raw,
            0x71 => Codec::DagCbor,
            other => Codec::Other(other),
        }
    }
}

/// A content identifier (CID).
///
/// It is parsed from text in any multibase and printed in the canonical one (base32 for CIDv1).
///
/// ```
/// use atdata_core::cid::{ContentId, blob_cid};
///
/// let cid: ContentId = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq".parse()?;
/// assert_eq!(cid, blob_cid(b"hello"));
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId(Cid);

impl ContentId {
    /// The CID of content whose SHA-256 is known already.
    pub fn from_sha256(codec: Codec, digest: [u8; 32]) -> Self {
        // `wrap` fails only for digests above 64 bytes.
        let hash = Multihash::wrap(SHA2_256, &digest).unwrap_or_default();
        Self(Cid::new_v1(codec.code(), hash))
    }

    /// What the hashed bytes are.
    pub fn codec(&self) -> Codec {
        Codec::from_code(self.0.codec())
    }

    /// The SHA-256 of the content, if that is the CID's hash function.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        let hash = self.0.hash();
        if hash.code() == SHA2_256 { hash.digest().try_into().ok() } else { None }
    }

    /// Whether both name the same bytes, whatever codec they are labelled with.
    pub fn same_digest(&self, other: &Self) -> bool {
        self.0.hash() == other.0.hash()
    }

    /// Checks that `digest` is the SHA-256 that this CID names.
    ///
    /// # Errors
    /// `Corrupt` if it is not, `Unsupported` if the CID uses another hash function.
    pub fn verify_sha256(&self, digest: [u8; 32]) -> Result<()> {
        let Some(expected) = self.sha256() else {
            return Err(Error::unsupported(format!("{self} does not use SHA-256 and cannot be checked")));
        };
        if expected == digest {
            return Ok(());
        }
        let found = Self::from_sha256(self.codec(), digest);
        Err(Error::corrupt(format!("the content is not what its CID says: expected {self}, found {found}")))
    }
}

impl FromStr for ContentId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid =
            || Error::invalid(format!("not a CID: {:?}", text.chars().take(80).collect::<String>()));
        // The parser below would look for a CID inside a path.
        if text.len() > MAX_TEXT || text.contains("/ipfs/") {
            return Err(invalid());
        }
        Cid::from_str(text).map(Self).map_err(|error| invalid().with_source(error))
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentId({self})")
    }
}

/// Computes a CID from content that arrives in pieces.
///
/// ```
/// use atdata_core::cid::{Codec, ContentHasher, blob_cid};
///
/// let mut hasher = ContentHasher::new();
/// hasher.update(b"hel");
/// hasher.update(b"lo");
/// assert_eq!(hasher.finish(Codec::Raw), blob_cid(b"hello"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ContentHasher(Sha256);

impl ContentHasher {
    /// A hasher that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The CID of all bytes added.
    pub fn finish(self, codec: Codec) -> ContentId {
        ContentId::from_sha256(codec, self.0.finalize().into())
    }
}

fn hash(codec: Codec, bytes: &[u8]) -> ContentId {
    ContentId::from_sha256(codec, Sha256::digest(bytes).into())
}

/// The CID of a blob: codec `raw` over the bytes.
///
/// ```
/// let cid = atdata_core::cid::blob_cid(b"hello");
/// assert_eq!(cid.to_string(), "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq");
/// ```
pub fn blob_cid(bytes: &[u8]) -> ContentId {
    hash(Codec::Raw, bytes)
}

/// The CID of bytes that are DAG-CBOR already. Python's `generate_cid_from_bytes` gives this label to any bytes.
///
/// ```
/// let cid = atdata_core::cid::dag_cbor_cid(&[0xa0]);
/// assert_eq!(cid.to_string(), "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua");
/// ```
pub fn dag_cbor_cid(bytes: &[u8]) -> ContentId {
    hash(Codec::DagCbor, bytes)
}

/// The CID of the DAG-CBOR form of a serializable value.
///
/// # Errors
/// `Invalid` for what DAG-CBOR does not have: NaN and infinite floats, integers beyond 64 bits, map keys that are not
/// text.
///
/// ```
/// let cid = atdata_core::cid::cid_of(&serde_json::json!({}))?;
/// assert_eq!(cid.to_string(), "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua");
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub fn cid_of<T: Serialize + ?Sized>(value: &T) -> Result<ContentId> {
    Ok(dag_cbor_cid(&to_dag_cbor(value)?))
}

/// The CID of the DAG-CBOR form of a [`Value`].
///
/// # Errors
/// As [`value_to_dag_cbor`].
///
/// ```
/// use atdata_core::{Map, Value, cid};
///
/// let cid = cid::cid_of_value(&Value::Map(Map::new()))?;
/// assert_eq!(cid, cid::cid_of(&serde_json::json!({}))?);
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub fn cid_of_value(value: &Value) -> Result<ContentId> {
    Ok(dag_cbor_cid(&value_to_dag_cbor(value)?))
}

/// The CID of an index entry: that of exactly `{"schema_ref": …, "data_urls": […]}`.
///
/// The texts are taken as written (braces are not expanded) and the order of the URLs matters. Name, metadata and
/// the shards' content have no part in it.
///
/// # Errors
/// `Invalid` if memory for the encoded form cannot be had.
///
/// ```
/// let cid = atdata_core::cid::entry_cid("a", &[] as &[&str])?;
/// assert_eq!(cid.to_string(), "bafyreicntlh3urzu73bedyttmfroth66ctngdsigyalavi2hslaaiduebm");
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub fn entry_cid<S: AsRef<str>>(schema_ref: &str, data_urls: &[S]) -> Result<ContentId> {
    #[derive(Serialize)]
    struct Entry<'a> {
        schema_ref: &'a str,
        data_urls: Vec<&'a str>,
    }
    cid_of(&Entry { schema_ref, data_urls: data_urls.iter().map(AsRef::as_ref).collect() })
}

/// Checks that `bytes` are the content that `cid` names; for blobs and for encoded records alike.
///
/// # Errors
/// As [`ContentId::verify_sha256`].
///
/// ```
/// use atdata_core::cid::{blob_cid, verify};
///
/// let cid = blob_cid(b"hello");
/// assert!(verify(&cid, b"hello").is_ok());
/// assert!(verify(&cid, b"jello").is_err());
/// ```
pub fn verify(cid: &ContentId, bytes: &[u8]) -> Result<()> {
    cid.verify_sha256(Sha256::digest(bytes).into())
}
