//! Addresses of AT Protocol records.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// The address of a record: `at://{authority}/{collection}/{rkey}`.
///
/// Parsing only splits, as Python's does; [`AtUri::validate`] says whether a server could hold such a record.
/// `at://{did}/blob/{cid}`, which the Python package writes for blobs, parses but is not a record's address.
///
/// ```
/// use atdata_core::url::AtUri;
///
/// let uri: AtUri = "at://did:plc:abc123/science.alt.dataset.schema/3k2a".parse()?;
/// assert_eq!(uri.collection, "science.alt.dataset.schema");
/// assert_eq!(uri.to_string(), "at://did:plc:abc123/science.alt.dataset.schema/3k2a");
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AtUri {
    /// The DID or handle of the repository's owner.
    pub authority: String,
    /// The collection, an NSID such as `ac.foundation.dataset.record`.
    pub collection: String,
    /// The record key: everything after the second slash.
    pub rkey: String,
}

impl AtUri {
    /// What every address begins with.
    pub const PREFIX: &'static str = "at://";

    /// Puts an address together from its parts.
    pub fn new(authority: impl Into<String>, collection: impl Into<String>, rkey: impl Into<String>) -> Self {
        Self { authority: authority.into(), collection: collection.into(), rkey: rkey.into() }
    }

    /// Checks that the parts are such that a record can exist under this address: a DID or a handle, an NSID and a
    /// legal record key.
    ///
    /// # Errors
    /// `Invalid`, naming the part that is wrong.
    pub fn validate(&self) -> Result<()> {
        let wrong =
            |part: &str| Err(Error::invalid(format!("not a legal {part} in an AT URI")).with("url", self));
        if !is_did(&self.authority) && !is_domain(&self.authority, 2) {
            return wrong("authority (a DID or a handle)");
        }
        if !is_domain(&self.collection, 3) {
            return wrong("collection (an NSID)");
        }
        if !is_record_key(&self.rkey) {
            return wrong("record key");
        }
        Ok(())
    }
}

/// `did:{method}:{id}`.
fn is_did(text: &str) -> bool {
    let mut parts = text.splitn(3, ':');
    let (scheme, method, id) = (parts.next(), parts.next(), parts.next());
    scheme == Some("did")
        && method.is_some_and(|m| !m.is_empty() && m.bytes().all(|b| b.is_ascii_lowercase()))
        && id.is_some_and(|i| {
            !i.is_empty() && i.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:%-".contains(&b))
        })
}

/// At least `min` labels of letters, digits and inner hyphens, joined by dots: handles and NSIDs.
fn is_domain(text: &str, min: usize) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 317 && text.split('.').count() >= min && text.split('.').all(is_label)
}

fn is_record_key(text: &str) -> bool {
    (1..=512).contains(&text.len())
        && text != "."
        && text != ".."
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:~-".contains(&b))
}

impl FromStr for AtUri {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some(rest) = text.strip_prefix(Self::PREFIX) else {
            return Err(Error::invalid(format!("Invalid AT URI: must start with 'at://': {text}")));
        };
        let mut parts = rest.splitn(3, '/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(authority), Some(collection), Some(rkey)) => Ok(Self::new(authority, collection, rkey)),
            _ => Err(Error::invalid(format!("Invalid AT URI: expected authority/collection/rkey: {text}"))),
        }
    }
}

impl fmt::Display for AtUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}/{}/{}", Self::PREFIX, self.authority, self.collection, self.rkey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_key_cannot_hold_an_at_sign() {
        let uri = AtUri::new("did:plc:abc", "ac.foundation.dataset.schema", "Digit@1.0.0");
        assert!(uri.validate().unwrap_err().to_string().contains("record key"));
        assert!(AtUri::new("alice.test", "ac.foundation.dataset.schema", "3kfix").validate().is_ok());
    }

    #[test]
    fn blob_addresses_are_not_record_addresses() {
        let uri: AtUri = "at://did:plc:abc/blob/bafk".parse().unwrap();
        assert!(uri.validate().unwrap_err().to_string().contains("collection"));
    }
}
