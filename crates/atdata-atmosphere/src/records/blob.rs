//! References to blobs.

use atdata_core::cid::ContentId;
use atdata_core::{Error, Result};
use serde_json::{Value as Json, json};

use super::member::{Members, Writing, missing, wrong};

/// A reference to a blob in the repository that the record is in.
///
/// A server checks it against what it stored: put the one that the upload returned into the record, unchanged.
///
/// ```
/// use atdata_atmosphere::records::BlobRef;
///
/// let json = serde_json::json!({"$type": "blob", "mimeType": "application/x-tar", "size": 5,
///     "ref": {"$link": "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"}});
/// let blob = BlobRef::from_json(&json)?;
/// assert_eq!(blob.size, Some(5));
/// assert_eq!(blob.url("did:plc:a"), "at://did:plc:a/blob/bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq");
/// assert_eq!(blob.to_json()?, json);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRef {
    /// The CID of the bytes.
    pub cid: ContentId,
    /// What the server takes the bytes for.
    pub mime_type: String,
    /// The number of bytes; references of the oldest form do not say it.
    pub size: Option<u64>,
}

impl BlobRef {
    /// Reads a reference in any of its forms: `ref` a link, `ref` a bare text, or the old `{"cid", "mimeType"}`.
    ///
    /// # Errors
    /// `Corrupt` if it is none of them or the CID is none.
    pub fn from_json(json: &Json) -> Result<Self> {
        Self::from_members(Members::of(json, "a blob reference")?)
    }

    pub(super) fn from_members(members: Members<'_>) -> Result<Self> {
        let cid = match members.get("ref") {
            Some(Json::String(text)) => text.as_str(),
            Some(link) => Members::of(link, "the link of a blob reference")?
                .text("$link")?
                .ok_or_else(|| missing("$link"))?,
            None => members.text("cid")?.ok_or_else(|| missing("ref"))?,
        };
        let cid: ContentId = cid.parse().map_err(|error: Error| wrong("ref", "a CID").with_source(error))?;
        let mime_type = members.text("mimeType")?.unwrap_or(UNKNOWN_TYPE).to_owned();
        Ok(Self { cid, mime_type, size: members.integer("size")? })
    }

    /// Writes the reference; in the oldest form if the size is not known.
    ///
    /// # Errors
    /// `Invalid` if the size is beyond 2⁵³.
    pub fn to_json(&self) -> Result<Json> {
        let Some(size) = self.size else {
            return Ok(json!({"cid": self.cid.to_string(), "mimeType": self.mime_type}));
        };
        let mut object = Writing::typed("blob");
        object.insert("ref", json!({"$link": self.cid.to_string()}));
        object.insert("mimeType", self.mime_type.as_str());
        object.integer("size", Some(size))?;
        Ok(object.finish())
    }

    /// The address of the blob, given the DID of the repository.
    pub fn url(&self, did: &str) -> String {
        format!("at://{did}/blob/{}", self.cid)
    }

    /// The SHA-256 of the bytes in hex, which the CID holds.
    pub fn sha256(&self) -> Option<String> {
        self.cid.sha256().map(|digest| data_encoding::HEXLOWER.encode(&digest))
    }
}

/// The type of bytes of which nothing is known.
const UNKNOWN_TYPE: &str = "application/octet-stream";
