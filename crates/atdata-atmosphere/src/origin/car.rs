//! CAR files of version 1: blocks of bytes, each with its CID.

use std::collections::HashMap;

use atdata_core::{Error, Result};
use ipld_core::cid::Cid;
use ipld_core::ipld::Ipld;
use sha2::{Digest, Sha256};

use crate::records::ipld;

/// The largest CAR file that is read, in bytes.
pub const MAX_CAR: usize = 16 << 20;
/// The largest block. A record has at most 1 MiB.
const MAX_BLOCK: usize = 2 << 20;
/// The largest header; it holds little more than one CID.
const MAX_HEADER: usize = 1 << 10;
/// The most blocks: a path through a tree has a few dozen.
const MAX_BLOCKS: usize = 4096;

/// The length of the only CIDs that repositories have: version 1, SHA-256.
const CID_LENGTH: usize = 36;
const RAW: u8 = 0x55;
const DAG_CBOR: u8 = 0x71;

/// A CAR file with one root. All blocks are what their CIDs say.
pub(super) struct Car<'a> {
    root: Cid,
    blocks: HashMap<Cid, &'a [u8]>,
}

impl<'a> Car<'a> {
    /// Reads a whole file.
    ///
    /// # Errors
    /// `Corrupt` for anything else than a CAR file of version 1 with one root, and for a block that does not fit its
    /// CID.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self> {
        if bytes.len() > MAX_CAR {
            return Err(Error::corrupt(format!("it has {} bytes, at most {MAX_CAR} are read", bytes.len())));
        }
        let mut reader = Reader { bytes, at: 0 };
        let header = reader.section(MAX_HEADER)?;
        let root = read_header(header)?;
        let mut blocks = HashMap::new();
        while !reader.is_at_end() {
            let offset = reader.at;
            let section = reader.section(CID_LENGTH + MAX_BLOCK)?;
            let (cid, block) = read_block(section).map_err(|error| error.with("offset", offset))?;
            blocks.insert(cid, block);
            if blocks.len() > MAX_BLOCKS {
                return Err(Error::corrupt(format!("it has more than {MAX_BLOCKS} blocks")));
            }
        }
        Ok(Self { root, blocks })
    }

    /// The CID that the file is about.
    pub(super) fn root(&self) -> Cid {
        self.root
    }

    /// The bytes of a block of DAG-CBOR.
    ///
    /// # Errors
    /// `Corrupt` if it is not in the file, or has another codec.
    pub(super) fn block(&self, cid: &Cid) -> Result<&'a [u8]> {
        if cid.codec() != u64::from(DAG_CBOR) {
            return Err(Error::corrupt("a block of a repository is not DAG-CBOR").with("cid", cid));
        }
        let block = self.blocks.get(cid).copied();
        block.ok_or_else(|| Error::corrupt("a block is missing").with("cid", cid))
    }
}

/// The root that the header names.
fn read_header(bytes: &[u8]) -> Result<Cid> {
    let Ipld::Map(mut header) = ipld::decode(bytes)? else {
        return Err(Error::corrupt("the header is not a map"));
    };
    if header.remove("version") != Some(Ipld::Integer(1)) {
        return Err(Error::corrupt("it is not of version 1"));
    }
    match header.remove("roots") {
        Some(Ipld::List(roots)) => match roots.as_slice() {
            [Ipld::Link(root)] => Ok(*root),
            _ => Err(Error::corrupt(format!("it has {} roots, not one", roots.len()))),
        },
        _ => Err(Error::corrupt("the header names no root")),
    }
}

fn read_block(section: &[u8]) -> Result<(Cid, &[u8])> {
    let (cid, block) =
        section.split_at_checked(CID_LENGTH).ok_or_else(|| Error::corrupt("a block has no CID"))?;
    let &[1, RAW | DAG_CBOR, 0x12, 0x20, ref digest @ ..] = cid else {
        return Err(Error::corrupt("a block has a CID of a kind that repositories do not have"));
    };
    let cid = Cid::try_from(cid).map_err(|error| Error::corrupt("a block has no CID").with_source(error))?;
    if Sha256::digest(block).as_slice() != digest {
        return Err(Error::corrupt("a block is not what its CID says").with("cid", cid));
    }
    Ok((cid, block))
}

/// Sections of a length that stands before them.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn section(&mut self, max: usize) -> Result<&'a [u8]> {
        let at = self.at;
        let corrupt = |message: &'static str| Error::corrupt(message).with("offset", at);
        let length =
            self.varint().ok_or_else(|| corrupt("the length of a section is missing or malformed"))?;
        let length = usize::try_from(length).ok().filter(|length| *length > 0 && *length <= max);
        let length = length.ok_or_else(|| corrupt("a section is empty or too long"))?;
        let end = self.at.checked_add(length);
        let section = end.and_then(|end| self.bytes.get(self.at..end));
        let section = section.ok_or_else(|| corrupt("it ends within a section"))?;
        self.at += length;
        Ok(section)
    }

    /// An unsigned LEB128 in its shortest form.
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..63).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return (byte != 0 || shift == 0).then_some(value);
            }
        }
        None
    }
}
