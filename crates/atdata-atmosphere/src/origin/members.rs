//! The members of the objects that repositories consist of.

use std::collections::BTreeMap;

use atdata_core::{Error, Result};
use ipld_core::cid::Cid;
use ipld_core::ipld::Ipld;

/// A map that is taken apart member by member.
pub(super) struct Members(BTreeMap<String, Ipld>);

impl Members {
    /// # Errors
    /// `Corrupt` if it is no map.
    pub(super) fn of(ipld: Ipld) -> Result<Self> {
        match ipld {
            Ipld::Map(members) => Ok(Self(members)),
            _ => Err(Error::corrupt("it is not a map")),
        }
    }

    pub(super) fn take(&mut self, key: &str) -> Option<Ipld> {
        self.0.remove(key)
    }

    pub(super) fn link(&mut self, key: &'static str) -> Result<Cid> {
        self.optional_link(key)?.ok_or_else(|| wrong(key))
    }

    /// A link, or null.
    pub(super) fn optional_link(&mut self, key: &'static str) -> Result<Option<Cid>> {
        match self.take(key) {
            None | Some(Ipld::Null) => Ok(None),
            Some(Ipld::Link(cid)) => Ok(Some(cid)),
            Some(_) => Err(wrong(key)),
        }
    }

    pub(super) fn bytes(&mut self, key: &'static str) -> Result<Vec<u8>> {
        match self.take(key) {
            Some(Ipld::Bytes(bytes)) => Ok(bytes),
            _ => Err(wrong(key)),
        }
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>> {
        match self.take(key) {
            None => Ok(None),
            Some(Ipld::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(key)),
        }
    }

    pub(super) fn list(&mut self, key: &'static str) -> Result<Vec<Ipld>> {
        match self.take(key) {
            Some(Ipld::List(items)) => Ok(items),
            _ => Err(wrong(key)),
        }
    }

    pub(super) fn integer(&mut self, key: &'static str) -> Result<i128> {
        match self.take(key) {
            Some(Ipld::Integer(value)) => Ok(value),
            _ => Err(wrong(key)),
        }
    }

    /// What is left.
    pub(super) fn rest(self) -> Ipld {
        Ipld::Map(self.0)
    }
}

pub(super) fn wrong(key: &'static str) -> Error {
    Error::corrupt("a member is missing or of the wrong type").with("member", key)
}
