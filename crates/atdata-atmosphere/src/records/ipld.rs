//! The two forms of a record: JSON, in which servers send it, and DAG-CBOR, in which it is stored, signed and hashed.
//!
//! JSON stands for links as `{"$link": "<cid>"}` and for bytes as `{"$bytes": "<base64>"}`. There are no floats.

use std::collections::BTreeMap;

use atdata_core::cid::{ContentId, dag_cbor_cid};
use atdata_core::schema::{json_to_value, value_to_json};
use atdata_core::{Error, Result, Value};
use ipld_core::cid::Cid;
use ipld_core::ipld::Ipld;
use serde_json::{Map as JsonMap, Value as Json, json};

/// How deep lists and maps may be nested, in either direction.
pub const MAX_DEPTH: usize = 64;

const LINK: &str = "$link";
const BYTES: &str = "$bytes";

/// The CID that a record has in a repository.
///
/// # Errors
/// As [`to_dag_cbor`], and if it is no object.
///
/// ```
/// use atdata_atmosphere::records::ipld::record_cid;
///
/// let cid = record_cid(&serde_json::json!({}))?;
/// assert_eq!(cid.to_string(), "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua");
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub fn record_cid(record: &Json) -> Result<ContentId> {
    if !record.is_object() {
        return Err(Error::invalid("a record is an object"));
    }
    Ok(dag_cbor_cid(&to_dag_cbor(record)?))
}

/// Encodes a record, or a part of one, as DAG-CBOR.
///
/// # Errors
/// `Invalid` for what records do not have: floats, integers beyond 64 bits, links and bytes that are malformed, values
/// nested deeper than [`MAX_DEPTH`].
///
/// ```
/// use atdata_atmosphere::records::ipld::to_dag_cbor;
///
/// assert_eq!(to_dag_cbor(&serde_json::json!({"b": {"$bytes": "AAE"}, "a": null}))?, b"\xa2\x61a\xf6\x61b\x42\x00\x01");
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub fn to_dag_cbor(record: &Json) -> Result<Vec<u8>> {
    encode(&to_ipld(record, 0)?)
}

/// Decodes a record, or a part of one, from DAG-CBOR.
///
/// # Errors
/// `Corrupt` if the bytes are not canonical DAG-CBOR or hold what records do not have: floats, integers beyond 64 bits,
/// values nested deeper than [`MAX_DEPTH`], a map that JSON would take for a link or for bytes.
///
/// ```
/// use atdata_atmosphere::records::ipld::from_dag_cbor;
///
/// assert_eq!(from_dag_cbor(b"\xa1\x61b\x42\x00\x01")?, serde_json::json!({"b": {"$bytes": "AAE="}}));
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub fn from_dag_cbor(bytes: &[u8]) -> Result<Json> {
    from_ipld(&decode(bytes)?)
}

pub(crate) fn encode(ipld: &Ipld) -> Result<Vec<u8>> {
    serde_ipld_dagcbor::to_vec(ipld)
        .map_err(|error| Error::invalid("the record cannot be encoded as DAG-CBOR").with_source(error))
}

/// Decodes canonical DAG-CBOR. The decoder bounds the nesting, and allocates no more than there are bytes for.
pub(crate) fn decode(bytes: &[u8]) -> Result<Ipld> {
    let corrupt = || Error::corrupt("the bytes are not canonical DAG-CBOR");
    let ipld: Ipld = serde_ipld_dagcbor::from_slice(bytes).map_err(|error| corrupt().with_source(error))?;
    // Any other encoding of the same would have another hash.
    if encode(&ipld).map_err(|error| corrupt().with_source(error))? != bytes {
        return Err(corrupt());
    }
    Ok(ipld)
}

fn to_ipld(json: &Json, depth: usize) -> Result<Ipld> {
    if depth > MAX_DEPTH {
        return Err(Error::invalid(format!("a record is nested deeper than {MAX_DEPTH} levels")));
    }
    Ok(match json {
        Json::Null => Ipld::Null,
        Json::Bool(value) => Ipld::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Ipld::Integer(value.into()),
            (None, Some(value)) => Ipld::Integer(value.into()),
            (None, None) => {
                return Err(Error::invalid(format!("records have no floats, and no integer like {number}")));
            }
        },
        Json::String(text) => Ipld::String(text.clone()),
        Json::Array(items) => {
            Ipld::List(items.iter().map(|item| to_ipld(item, depth + 1)).collect::<Result<_>>()?)
        }
        Json::Object(members) => match (members.get(LINK), members.get(BYTES)) {
            (Some(_), _) | (_, Some(_)) if members.len() > 1 => {
                return Err(Error::invalid("a link or bytes in a record have other members beside them"));
            }
            (Some(link), _) => Ipld::Link(parse_link(link)?),
            (_, Some(_)) => match json_to_value(json)? {
                Value::Bytes(bytes) => Ipld::Bytes(bytes.into()),
                _ => return Err(Error::invalid("the value of $bytes in a record is not text")),
            },
            (None, None) => Ipld::Map(
                members
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), to_ipld(value, depth + 1)?)))
                    .collect::<Result<BTreeMap<_, _>>>()?,
            ),
        },
    })
}

fn parse_link(link: &Json) -> Result<Cid> {
    let malformed = || Error::invalid("the value of $link in a record is not a CID");
    let text = link.as_str().ok_or_else(malformed)?;
    // Bounds the text, and refuses paths.
    text.parse::<ContentId>().map_err(|error| malformed().with_source(error))?;
    text.parse().map_err(|error: ipld_core::cid::Error| malformed().with_source(error))
}

pub(crate) fn from_ipld(ipld: &Ipld) -> Result<Json> {
    to_json(ipld, 0)
}

fn to_json(ipld: &Ipld, depth: usize) -> Result<Json> {
    if depth > MAX_DEPTH {
        return Err(Error::corrupt(format!("a record is nested deeper than {MAX_DEPTH} levels")));
    }
    Ok(match ipld {
        Ipld::Null => Json::Null,
        Ipld::Bool(value) => Json::Bool(*value),
        Ipld::Integer(value) => match (i64::try_from(*value), u64::try_from(*value)) {
            (Ok(value), _) => value.into(),
            (Err(_), Ok(value)) => value.into(),
            (Err(_), Err(_)) => return Err(Error::corrupt("a record has an integer beyond 64 bits")),
        },
        Ipld::Float(_) => return Err(Error::corrupt("a record has a float")),
        Ipld::String(text) => text.as_str().into(),
        Ipld::Bytes(bytes) => value_to_json(&Value::Bytes(bytes.clone().into()))?,
        Ipld::Link(cid) => json!({ LINK: cid.to_string() }),
        Ipld::List(items) => {
            Json::Array(items.iter().map(|item| to_json(item, depth + 1)).collect::<Result<_>>()?)
        }
        Ipld::Map(entries) => {
            if entries.contains_key(LINK) || entries.contains_key(BYTES) {
                return Err(Error::corrupt("a record has a map that looks like a link or like bytes"));
            }
            let mut members = JsonMap::new();
            for (key, value) in entries {
                members.insert(key.clone(), to_json(value, depth + 1)?);
            }
            Json::Object(members)
        }
    })
}
