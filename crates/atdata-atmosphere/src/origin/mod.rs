//! Proof that a record is in the repository of whom it is said to be from.
//!
//! `com.atproto.sync.getRecord` answers with a CAR file: the newest commit of the repository, signed with the key that
//! its owner's DID document names, and the path through the repository's tree of records (a Merkle search tree) from
//! the commit to the record. [`verify_record`] follows it. Whoever stands in between, the server that answers
//! included, can then neither change a record nor invent one. What it can do is show an older state of the repository:
//! [`Verified::rev`] says which it is.
//!
//! Every failure is [`Corrupt`](atdata_core::ErrorKind::Corrupt), a signature by another key too: the bytes are not
//! what they claim to be. It never means that credentials are missing.

mod ask;
mod car;
mod commit;
mod key;
mod members;
mod mst;

use atdata_core::cid::ContentId;
use atdata_core::url::AtUri;
use atdata_core::{Error, Result, ResultExt};
use ipld_core::cid::Cid;
use serde_json::Value as Json;

pub use self::car::MAX_CAR;
pub use self::key::SigningKey;

use self::car::Car;
use self::commit::Commit;
use self::mst::Proof;
use crate::records::ipld;

/// A record whose origin is proved.
///
/// ```no_run
/// use atdata_atmosphere::origin::{SigningKey, verify_record};
///
/// # fn example(car: &[u8]) -> atdata_core::Result<()> {
/// let key = SigningKey::from_did_key("did:key:zQ3shunBKsXixLxKtC5qeSG9E4J5RkGN57im31pcTzbNQnm5w")?;
/// let verified = verify_record(car, "did:plc:a", "science.alt.dataset.entry", "3k2a", &key)?;
/// println!("{} in revision {:?}: {}", verified.cid, verified.rev, verified.record);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// The CID of the record.
    pub cid: ContentId,
    /// The record, in the JSON form of the network.
    pub record: Json,
    /// The revision of the repository, a TID: later revisions are greater as text. Commits of version 2 may lack it.
    pub rev: Option<String>,
    /// The CID of the commit.
    pub commit: ContentId,
}

/// Checks that the repository of `did` holds a record under `collection` and `rkey`, and gives the record.
///
/// `car` is what `com.atproto.sync.getRecord` answered, at most [`MAX_CAR`] bytes; `key` is that of the DID document.
///
/// # Errors
/// [`NotFound`](atdata_core::ErrorKind::NotFound) if it is proved that there is no such record. `Corrupt` if nothing is
/// proved: the file is damaged or lacks a block, the commit is another repository's or signed with another key, a node
/// of the tree is not as it must be. `Invalid` if the address is none.
pub fn verify_record(
    car: &[u8],
    did: &str,
    collection: &str,
    rkey: &str,
    key: &SigningKey,
) -> Result<Verified> {
    let uri = AtUri::new(did, collection, rkey);
    verify(car, &uri, key).map_err(|error| error.with("url", &uri))
}

fn verify(car: &[u8], uri: &AtUri, key: &SigningKey) -> Result<Verified> {
    uri.validate()?;
    let car = Car::read(car).context("part", "CAR file")?;
    let root = car.root();
    let commit = Commit::verified(car.block(&root)?, &uri.authority, key).context("part", "commit")?;
    let path = format!("{}/{}", uri.collection, uri.rkey);
    let record = match mst::find(&car, &commit.data, &path).context("part", "tree of records")? {
        Proof::Included(cid) => cid,
        Proof::Excluded => return Err(Error::not_found("the repository has no such record")),
    };
    let json = ipld::from_dag_cbor(car.block(&record)?).context("part", "record")?;
    if !json.is_object() {
        return Err(Error::corrupt("a record is not an object").with("part", "record"));
    }
    Ok(Verified { cid: content_id(&record)?, record: json, rev: commit.rev, commit: content_id(&root)? })
}

/// The blocks of a repository have only the CIDs that [`ContentId`] knows.
fn content_id(cid: &Cid) -> Result<ContentId> {
    cid.to_string().parse()
}
