//! Builds repositories: a tree of records, a signed commit, and the CAR file of both.

use std::collections::BTreeMap;

use atdata_atmosphere::origin::SigningKey;
use ipld_core::cid::Cid;
use ipld_core::cid::multihash::Multihash;
use ipld_core::ipld::Ipld;
use k256::ecdsa::signature::Signer;
use sha2::{Digest, Sha256};

pub(crate) type Map = BTreeMap<String, Ipld>;

/// A private key on one of the two curves.
pub(crate) enum Secret {
    K256(k256::ecdsa::SigningKey),
    P256(p256::ecdsa::SigningKey),
}

impl Secret {
    pub(crate) fn k256(seed: u8) -> Self {
        Self::K256(k256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap())
    }

    pub(crate) fn p256(seed: u8) -> Self {
        Self::P256(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap())
    }

    /// The point of the public key.
    pub(crate) fn point(&self, compressed: bool) -> Vec<u8> {
        match self {
            Self::K256(key) => key.verifying_key().to_sec1_point(compressed).as_bytes().to_vec(),
            Self::P256(key) => key.verifying_key().to_sec1_point(compressed).as_bytes().to_vec(),
        }
    }

    pub(crate) fn public(&self) -> SigningKey {
        let prefix = match self {
            Self::K256(_) => [0xe7, 0x01],
            Self::P256(_) => [0x80, 0x24],
        };
        let bytes = [&prefix[..], &self.point(true)].concat();
        SigningKey::from_did_key(&format!("did:key:z{}", bs58::encode(bytes).into_string())).unwrap()
    }

    /// A signature in the form with the low S, or in the other.
    pub(crate) fn sign(&self, message: &[u8], low: bool) -> Vec<u8> {
        fn other<S: Copy, const N: usize>(bytes: &[u8], order: [u8; N], _: S) -> Vec<u8> {
            // S becomes the order minus S.
            let mut borrow = 0i16;
            let mut out = bytes.to_vec();
            for i in (0..N).rev() {
                let digit = i16::from(order[i]) - i16::from(bytes[32 + i]) - borrow;
                borrow = i16::from(digit < 0);
                out[32 + i] = digit.rem_euclid(256) as u8;
            }
            out
        }
        let k256_order = hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
        let p256_order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
        let (signature, order) = match self {
            Self::K256(key) => {
                let signature: k256::ecdsa::Signature = key.sign(message);
                (signature.normalize_s().to_bytes().to_vec(), k256_order)
            }
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                (signature.normalize_s().to_bytes().to_vec(), p256_order)
            }
        };
        if low { signature } else { other(&signature, order, ()) }
    }
}

fn hex(text: &str) -> [u8; 32] {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
}

pub(crate) fn encode(ipld: &Ipld) -> Vec<u8> {
    serde_ipld_dagcbor::to_vec(ipld).unwrap()
}

pub(crate) fn cid_of(bytes: &[u8]) -> Cid {
    Cid::new_v1(0x71, Multihash::wrap(0x12, &Sha256::digest(bytes)).unwrap())
}

fn optional(link: Option<Cid>) -> Ipld {
    link.map_or(Ipld::Null, Ipld::Link)
}

/// The layer of a key, counted bit by bit.
pub(crate) fn layer(key: &str) -> usize {
    let digest = Sha256::digest(key.as_bytes());
    let bits = digest.iter().flat_map(|byte| (0..8).rev().map(move |i| byte >> i & 1));
    bits.take_while(|bit| *bit == 0).count() / 2
}

/// A repository: its blocks, and the root of its tree.
#[derive(Clone)]
pub(crate) struct Repository {
    pub(crate) blocks: Vec<Vec<u8>>,
    pub(crate) records: BTreeMap<String, Cid>,
    pub(crate) data: Cid,
}

impl Repository {
    /// A repository of records by their paths.
    pub(crate) fn new(records: &[(String, Ipld)]) -> Self {
        let mut blocks = Vec::new();
        let mut by_path = BTreeMap::new();
        for (path, record) in records {
            let bytes = encode(record);
            by_path.insert(path.clone(), cid_of(&bytes));
            blocks.push(bytes);
        }
        let tree = Self::of_values(by_path);
        Self { blocks: [blocks, tree.blocks].concat(), ..tree }
    }

    /// A repository of which only the tree is there.
    pub(crate) fn of_values(records: BTreeMap<String, Cid>) -> Self {
        let mut blocks = Vec::new();
        let entries: Vec<(&str, Cid)> = records.iter().map(|(path, cid)| (path.as_str(), *cid)).collect();
        let top = entries.iter().map(|(path, _)| layer(path)).max().unwrap_or(0);
        let data = match node(&entries, top, &mut blocks) {
            Some(root) => root,
            None => add(&mut blocks, &[("l", Ipld::Null), ("e", Ipld::List(vec![]))]),
        };
        Self { blocks, records, data }
    }

    /// Many labels, in several layers.
    pub(crate) fn of_labels(count: usize) -> Self {
        Self::new(&(0..count).map(label).collect::<Vec<_>>())
    }

    /// A commit of version 3, without a signature.
    pub(crate) fn commit(&self, did: &str) -> Map {
        let members = [
            ("did", Ipld::String(did.to_owned())),
            ("version", Ipld::Integer(3)),
            ("data", Ipld::Link(self.data)),
            ("rev", Ipld::String("3n2z3fszrgk2q".to_owned())),
            ("prev", Ipld::Null),
        ];
        members.map(|(key, value)| (key.to_owned(), value)).into()
    }

    /// The CAR file with a signed commit and all blocks.
    pub(crate) fn car(&self, did: &str, secret: &Secret) -> Vec<u8> {
        self.car_of(&signed(self.commit(did), secret, true))
    }

    /// The CAR file with a commit and all blocks.
    pub(crate) fn car_of(&self, commit: &Map) -> Vec<u8> {
        let commit = encode(&Ipld::Map(commit.clone()));
        let blocks = [commit.as_slice()].into_iter().chain(self.blocks.iter().map(Vec::as_slice));
        car(&[cid_of(&commit)], blocks)
    }
}

/// A path and a record.
pub(crate) fn label(i: usize) -> (String, Ipld) {
    let record = Map::from([
        ("$type".to_owned(), Ipld::String("science.alt.dataset.label".to_owned())),
        ("name".to_owned(), Ipld::String(format!("label {i}"))),
    ]);
    (format!("science.alt.dataset.label/{}", rkey(i)), Ipld::Map(record))
}

pub(crate) fn rkey(i: usize) -> String {
    format!("3k{i:04}")
}

/// Adds the signature.
pub(crate) fn signed(mut commit: Map, secret: &Secret, low: bool) -> Map {
    let signature = secret.sign(&encode(&Ipld::Map(commit.clone())), low);
    commit.insert("sig".to_owned(), Ipld::Bytes(signature));
    commit
}

fn add(blocks: &mut Vec<Vec<u8>>, members: &[(&str, Ipld)]) -> Cid {
    let members: Map = members.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let bytes = encode(&Ipld::Map(members));
    let cid = cid_of(&bytes);
    blocks.push(bytes);
    cid
}

/// The node of a layer for a range of keys, and those below it.
fn node(entries: &[(&str, Cid)], at: usize, blocks: &mut Vec<Vec<u8>>) -> Option<Cid> {
    if entries.is_empty() {
        return None;
    }
    let below = |range: &[(&str, Cid)], blocks: &mut Vec<Vec<u8>>| {
        if at == 0 { None } else { node(range, at - 1, blocks) }
    };
    let own: Vec<usize> = (0..entries.len()).filter(|i| layer(entries[*i].0) == at).collect();
    let left = below(&entries[..own.first().copied().unwrap_or(entries.len())], blocks);
    let mut list = Vec::new();
    let mut before = "";
    for (i, place) in own.iter().enumerate() {
        let (key, value) = entries[*place];
        let next = own.get(i + 1).copied().unwrap_or(entries.len());
        let right = below(&entries[place + 1..next], blocks);
        list.push(entry(before, key, value, right));
        before = key;
    }
    Some(add(blocks, &[("l", optional(left)), ("e", Ipld::List(list))]))
}

/// An entry of a node, as compressed as can be.
pub(crate) fn entry(before: &str, key: &str, value: Cid, right: Option<Cid>) -> Ipld {
    let shared = before.bytes().zip(key.bytes()).take_while(|(a, b)| a == b).count();
    raw_entry(shared, &key.as_bytes()[shared..], value, right)
}

pub(crate) fn raw_entry(shared: usize, suffix: &[u8], value: Cid, right: Option<Cid>) -> Ipld {
    let members = [
        ("p", Ipld::Integer(shared as i128)),
        ("k", Ipld::Bytes(suffix.to_vec())),
        ("v", Ipld::Link(value)),
        ("t", optional(right)),
    ];
    Ipld::Map(members.map(|(key, value)| (key.to_owned(), value)).into())
}

fn section(out: &mut Vec<u8>, parts: &[&[u8]]) {
    let mut length: usize = parts.iter().map(|part| part.len()).sum();
    while length >= 0x80 {
        out.push(length as u8 & 0x7f | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    parts.iter().for_each(|part| out.extend(*part));
}

/// A CAR file.
pub(crate) fn car<'a>(roots: &[Cid], blocks: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let header = Map::from([
        ("version".to_owned(), Ipld::Integer(1)),
        ("roots".to_owned(), Ipld::List(roots.iter().copied().map(Ipld::Link).collect())),
    ]);
    let mut out = Vec::new();
    section(&mut out, &[&encode(&Ipld::Map(header))]);
    for block in blocks {
        section(&mut out, &[&cid_of(block).to_bytes(), block]);
    }
    out
}
