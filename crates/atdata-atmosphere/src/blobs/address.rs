//! Addresses of blobs: `at://{did}/blob/{cid}`, as Python `atdata` writes them. They are no addresses of records.

use atdata_core::cid::ContentId;
use atdata_core::url::AtUri;
use atdata_core::{Error, Result};

use crate::Did;

/// What stands where a record's address has its collection.
const BLOB: &str = "blob";

/// A blob in a repository.
///
/// ```
/// use atdata_atmosphere::BlobAddress;
///
/// let text = "at://did:plc:abc/blob/bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";
/// let address: BlobAddress = text.parse()?;
/// assert_eq!(address.did.as_str(), "did:plc:abc");
/// assert_eq!(address.to_string(), text);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobAddress {
    /// Whose repository it is in.
    pub did: Did,
    /// The content identifier of its bytes.
    pub cid: ContentId,
}

impl BlobAddress {
    /// Joins the two.
    pub fn new(did: Did, cid: ContentId) -> Self {
        Self { did, cid }
    }
}

impl std::str::FromStr for BlobAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |what: &'static str| Error::invalid(what).with("url", text);
        let uri: AtUri = text.parse().map_err(|_| wrong("a blob's address is at://DID/blob/CID"))?;
        if uri.collection != BLOB {
            return Err(wrong("this is a record's address, and not a blob's (at://DID/blob/CID)"));
        }
        let did = uri.authority.parse().map_err(|_| wrong("a blob's address begins with a DID"))?;
        let cid: ContentId = uri.rkey.parse().map_err(|_| wrong("a blob's address ends with its CID"))?;
        match cid.sha256() {
            Some(_) => Ok(Self { did, cid }),
            None => {
                Err(Error::unsupported("the CID holds no SHA-256: nothing could be checked")
                    .with("url", text))
            }
        }
    }
}

impl std::fmt::Display for BlobAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at://{}/{BLOB}/{}", self.did, self.cid)
    }
}
