//! The tagged form of values: one JSON object a value, for comparing implementations.
//!
//! `fixtures/python-0.7/README.md` in the test kit describes it. Long text and bytes are given by their SHA-256.

mod python;

use atdata::array::{DType, NdArray, Structured};
use atdata::shard::hex;
use atdata::url::redact;
use atdata::{DictSample, Error, Keyed, Map, Result, Value, msgpack};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

/// Text of more UTF-8 bytes is given by its digest …
const LONG_TEXT: usize = 200;
/// … and this many of its first characters.
const TEXT_HEAD: usize = 24;
/// Bytes beyond this length are given by their digest alone.
const LONG_BYTES: usize = 64;
/// Lists beyond this length are given by the digest of their msgpack form …
const LONG_LIST: usize = 400;
/// … and this many of their first items.
const LIST_HEAD: usize = 8;
/// How many elements of an array are shown.
const FIRST: usize = 4;

/// One sample: `{"key", "shard", "fields": [[name, value], …]}`.
///
/// # Errors
/// A long list cannot be packed again.
pub(crate) fn sample(keyed: &Keyed<DictSample>) -> Result<Json> {
    let fields = keyed.sample.fields().iter().map(|(name, field)| Ok(json!([name, value(field)?])));
    let fields = fields.collect::<Result<Vec<_>>>()?;
    Ok(json!({"key": keyed.key, "shard": redact(&keyed.shard), "fields": fields}))
}

/// The entries of a map; unlike the names of fields, keys are values.
fn pairs(map: &Map) -> Result<Vec<Json>> {
    map.iter().map(|(key, inner)| Ok(json!([text(key), value(inner)?]))).collect()
}

fn value(value: &Value) -> Result<Json> {
    Ok(match value {
        Value::Nil => json!({"t": "nil"}),
        Value::Bool(v) => json!({"t": "bool", "v": v}),
        Value::Int(v) => json!({"t": "int", "v": v.to_string()}),
        Value::UInt(v) => json!({"t": "int", "v": v.to_string()}),
        Value::Float(v) => {
            json!({"t": "float", "v": python::float(*v), "bits": format!("{:016x}", v.to_bits())})
        }
        Value::Str(v) => text(v),
        Value::Bytes(v) => {
            if v.len() <= LONG_BYTES {
                json!({"t": "bytes", "len": v.len(), "sha256": sha256(v), "hex": hex(v)})
            } else {
                json!({"t": "bytes", "len": v.len(), "sha256": sha256(v)})
            }
        }
        Value::List(items) => list(value, items)?,
        Value::Map(map) => json!({"t": "map", "v": pairs(map)?}),
        Value::Array(v) => array(v),
    })
}

fn text(text: &str) -> Json {
    if text.len() <= LONG_TEXT {
        return json!({"t": "str", "v": text});
    }
    let head: String = text.chars().take(TEXT_HEAD).collect();
    json!({"t": "str", "utf8_len": text.len(), "sha256": sha256(text.as_bytes()), "head": head})
}

fn list(whole: &Value, items: &[Value]) -> Result<Json> {
    let tagged = |items: &[Value]| items.iter().map(value).collect::<Result<Vec<_>>>();
    if items.len() <= LONG_LIST {
        return Ok(json!({"t": "list", "v": tagged(items)?}));
    }
    let head = tagged(items.get(..LIST_HEAD).unwrap_or(items))?;
    let packed = msgpack::to_bytes(whole)
        .map_err(|error| Error::unexpected("a list cannot be packed").with_source(error))?;
    Ok(json!({"t": "list", "len": items.len(), "msgpack_sha256": sha256(&packed), "head": head}))
}

fn array(array: &NdArray) -> Json {
    if let Some(record) = array.dtype().as_structured() {
        return structured(array, record);
    }
    json!({
        "t": "array",
        "dtype": array.dtype().to_string(),
        "shape": array.shape(),
        "nbytes": array.nbytes(),
        "sha256_le_c": sha256(array.to_canonical().data()),
        "first": python::first(array, FIRST),
    })
}

fn structured(array: &NdArray, record: &Structured) -> Json {
    let mut fields = serde_json::Map::new();
    for field in record.fields() {
        // A field without bytes has no array of its own.
        if let Ok(column) = array.field(field.name()) {
            fields.insert(field.name().to_owned(), self::array(&column));
        }
    }
    json!({
        "t": "structured",
        "dtype": format!("|V{}", record.itemsize()),
        "shape": array.shape(),
        "nbytes": array.nbytes(),
        "descr": descr(record),
        "itemsize": record.itemsize(),
        "raw_sha256": sha256(array.to_c_order().data()),
        "fields": fields,
    })
}

/// numpy's description of a record: `[name, dtype]` or `[name, dtype, shape]` for each field.
fn descr(record: &Structured) -> Vec<Json> {
    let dtype = |dtype: &DType| match dtype.as_structured() {
        Some(inner) => Json::from(descr(inner)),
        None => dtype.to_string().into(),
    };
    record
        .fields()
        .iter()
        .map(|field| match field.shape() {
            [] => json!([field.name(), dtype(field.dtype())]),
            shape => json!([field.name(), dtype(field.dtype()), shape]),
        })
        .collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_given_by_digest() {
        let long = value(&Value::Str("é".repeat(150))).unwrap();
        assert_eq!((&long["utf8_len"], long["head"].as_str().unwrap().chars().count()), (&json!(300), 24));
        let bytes = value(&Value::Bytes(vec![0; 65].into())).unwrap();
        assert!(bytes.get("hex").is_none() && bytes["len"] == 65);
        let list = value(&Value::List(vec![Value::Int(1); 401])).unwrap();
        assert_eq!((&list["len"], list["head"].as_array().unwrap().len()), (&json!(401), 8));
    }

    #[test]
    fn records_show_their_fields() {
        let dtype: DType = "[('x', '<i4'), ('p', '<f4', (2,))]".parse().unwrap();
        let array = NdArray::zeros(dtype, &[3]).unwrap();
        let tagged = value(&Value::Array(array)).unwrap();
        assert_eq!(tagged["descr"], json!([["x", "<i4"], ["p", "<f4", [2]]]));
        assert_eq!((&tagged["dtype"], &tagged["fields"]["p"]["shape"]), (&json!("|V12"), &json!([3, 2])));
    }
}
