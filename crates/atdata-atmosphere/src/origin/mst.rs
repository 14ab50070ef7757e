//! The Merkle search tree that a repository keeps its records in.
//!
//! Each record has a layer: the number of leading zeros of its key's SHA-256, in pairs of bits. A node holds the keys of
//! one layer, in order, and between them links to nodes of the layer below. So there is only one tree for a set of
//! records, and one place in it where a key can be: if it is not there, it is nowhere.

use atdata_core::{Error, Result};
use ipld_core::cid::Cid;
use ipld_core::ipld::Ipld;
use sha2::{Digest, Sha256};

use super::car::Car;
use super::members::{Members, wrong};
use crate::records::ipld;

/// Where a key is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// In the tree, with this record.
    Included(Cid),
    /// Not in the tree.
    Excluded,
}

/// Looks for a key, from the root down; the blocks on the way must be in the file, and such as they must be.
///
/// # Errors
/// `Corrupt` if a block is missing or is not a node of such a tree.
pub(super) fn find(car: &Car<'_>, root: &Cid, key: &str) -> Result<Proof> {
    let key = key.as_bytes();
    let wanted = layer(key);
    let mut link = *root;
    // The layer that the node must have; the root's is the one of its keys.
    let mut expected: Option<u32> = None;
    // The keys that it must lie between.
    let (mut above, mut below): (Option<Vec<u8>>, Option<Vec<u8>>) = (None, None);
    loop {
        let node = Node::read(car.block(&link)?).map_err(|error| error.with("cid", link))?;
        let corrupt = |message: &'static str| Error::corrupt(message).with("cid", link);
        let found = node.layer().map_err(|error| error.with("cid", link))?;
        let here = match (expected, found) {
            (None, None) if node.left.is_none() => return Ok(Proof::Excluded),
            (None, None) => return Err(corrupt("the root of the tree has no keys")),
            (None, Some(found)) => found,
            (Some(_), None) if node.left.is_none() => return Err(corrupt("a node of the tree is empty")),
            (Some(expected), None) => expected,
            (Some(expected), Some(found)) if expected == found => found,
            (Some(_), Some(_)) => return Err(corrupt("a key of the tree is in another layer than its own")),
        };
        if here == 0 && node.has_subtrees() {
            return Err(corrupt("the lowest layer of the tree has nodes below it"));
        }
        let first = node.entries.first().map(|entry| &entry.key);
        let last = node.entries.last().map(|entry| &entry.key);
        if above.as_ref().zip(first).is_some_and(|(above, first)| first <= above)
            || below.as_ref().zip(last).is_some_and(|(below, last)| last >= below)
        {
            return Err(corrupt("the keys of the tree are not in order"));
        }
        let place = node.entries.partition_point(|entry| entry.key.as_slice() < key);
        if let Some(entry) = node.entries.get(place)
            && entry.key == key
        {
            return Ok(Proof::Included(entry.value));
        }
        // All keys of its layer are in this one node; and above the root's layer there are none.
        if here <= wanted {
            return Ok(Proof::Excluded);
        }
        let before = place.checked_sub(1).and_then(|place| node.entries.get(place));
        let next = before.map_or(node.left, |entry| entry.right);
        if let Some(entry) = before {
            above = Some(entry.key.clone());
        }
        if let Some(entry) = node.entries.get(place) {
            below = Some(entry.key.clone());
        }
        match next {
            Some(next) => link = next,
            None => return Ok(Proof::Excluded),
        }
        // Not zero, so that it ends.
        expected = Some(here - 1);
    }
}

/// The layer of a key.
fn layer(key: &[u8]) -> u32 {
    let mut zeros = 0;
    for byte in Sha256::digest(key) {
        zeros += byte.leading_zeros();
        if byte != 0 {
            break;
        }
    }
    zeros / 2
}

/// The longest key: a collection of 317 characters and a record key of 512, with room to spare.
const MAX_KEY: usize = 1024;

struct Node {
    left: Option<Cid>,
    entries: Vec<Entry>,
}

struct Entry {
    key: Vec<u8>,
    value: Cid,
    right: Option<Cid>,
}

impl Node {
    /// Reads a node; its keys are in order, each with as much in common with the one before as it says.
    fn read(block: &[u8]) -> Result<Self> {
        let mut members = Members::of(ipld::decode(block)?)?;
        let left = members.optional_link("l")?;
        let list = members.list("e")?;
        let mut entries: Vec<Entry> = Vec::with_capacity(list.len());
        for item in list {
            let entry = Entry::read(item, entries.last().map_or(&[], |entry| &entry.key))?;
            entries.push(entry);
        }
        Ok(Self { left, entries })
    }

    /// The layer of its keys; `None` if it has none.
    fn layer(&self) -> Result<Option<u32>> {
        let mut layers = self.entries.iter().map(|entry| layer(&entry.key));
        let Some(first) = layers.next() else { return Ok(None) };
        if layers.any(|layer| layer != first) {
            return Err(Error::corrupt("a node of the tree has keys of several layers"));
        }
        Ok(Some(first))
    }

    fn has_subtrees(&self) -> bool {
        self.left.is_some() || self.entries.iter().any(|entry| entry.right.is_some())
    }
}

impl Entry {
    fn read(item: Ipld, before: &[u8]) -> Result<Self> {
        let mut members = Members::of(item)?;
        let shared = usize::try_from(members.integer("p")?).map_err(|_| wrong("p"))?;
        let suffix = members.bytes("k")?;
        let prefix = before.get(..shared).ok_or_else(|| wrong("p"))?;
        if suffix.len() > MAX_KEY || shared > MAX_KEY - suffix.len() {
            return Err(Error::corrupt("a key of the tree is too long"));
        }
        let key = [prefix, &suffix].concat();
        if key.as_slice() <= before {
            return Err(Error::corrupt("the keys of the tree are not in order"));
        }
        let common = before.iter().zip(&key).take_while(|(a, b)| a == b).count();
        if common != shared {
            return Err(Error::corrupt("a key of the tree is not compressed as it must be"));
        }
        Ok(Self { key, value: members.link("v")?, right: members.optional_link("t")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_those_of_the_protocol() {
        let vectors = include_str!("../../tests/data/interop/key_heights.json");
        for vector in serde_json::from_str::<Vec<serde_json::Value>>(vectors).unwrap() {
            let key = vector["key"].as_str().unwrap();
            assert_eq!(u64::from(layer(key.as_bytes())), vector["height"].as_u64().unwrap(), "{key}");
        }
    }
}
