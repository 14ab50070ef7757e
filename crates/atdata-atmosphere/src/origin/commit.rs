//! Commits: the signed roots of repositories.

use atdata_core::{Error, Result};
use ipld_core::cid::Cid;

use super::SigningKey;
use super::members::Members;
use crate::records::ipld;

/// The versions of commits whose signature is checked in the same way. Version 2 may lack the revision.
const VERSIONS: [i128; 2] = [2, 3];

/// A commit whose signature is right.
pub(super) struct Commit {
    /// The root of the tree of records.
    pub(super) data: Cid,
    /// The revision.
    pub(super) rev: Option<String>,
}

impl Commit {
    /// Reads a commit of the repository of `did` and checks its signature.
    ///
    /// # Errors
    /// `Corrupt` if it is none, is another repository's, or is not signed with `key`.
    pub(super) fn verified(block: &[u8], did: &str, key: &SigningKey) -> Result<Self> {
        let commit = ipld::decode(block)?;
        let mut members = Members::of(commit.clone())?;
        let signature = members.bytes("sig")?;
        // Signed is the commit without the signature.
        let mut unsigned = Members::of(commit)?;
        unsigned.take("sig");
        key.verify(&ipld::encode(&unsigned.rest())?, &signature)?;
        // From here on it is the owner's word; but it may be about another repository of the same owner.
        let version = members.integer("version")?;
        if !VERSIONS.contains(&version) {
            return Err(Error::corrupt(format!("commits of version {version} are not known")));
        }
        let found = members.text("did")?.unwrap_or_default();
        if found != did {
            let found = found.chars().take(100).collect::<String>();
            return Err(Error::corrupt(format!("it is a commit of the repository of {found:?}")));
        }
        let rev = members.text("rev")?;
        if rev.as_deref().map_or(version != 2, |rev| !is_tid(rev)) {
            return Err(Error::corrupt("its revision is missing or is no TID"));
        }
        members.optional_link("prev")?;
        Ok(Self { data: members.link("data")?, rev })
    }
}

/// 13 characters of an alphabet that sorts as the numbers do, the highest bit being zero.
fn is_tid(text: &str) -> bool {
    text.len() == 13
        && text.bytes().all(|byte| matches!(byte, b'2'..=b'7' | b'a'..=b'z'))
        && text.bytes().next().is_some_and(|first| matches!(first, b'2'..=b'7' | b'a'..=b'j'))
}
