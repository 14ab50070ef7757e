//! Values as the fixtures' JSON files spell them: `{"t": "int", "v": "7"}` and so on.
//!
//! The encoding is described in `fixtures/python-0.7/README.md`. Nothing is compared loosely: floats by their bits,
//! integers as decimal text, arrays by the SHA-256 of all elements.

use std::fmt::Write;

use atdata_core::array::{self, DType};
use atdata_core::{DictSample, NdArray, Value, msgpack};
use serde_json::Value as Json;

use crate::data::sha256;

/// What differs, and where in the value.
pub type Difference = String;

/// Compares a sample with `[[name, tagged value], …]`, order of the fields included.
///
/// # Errors
/// The first difference.
pub fn compare_fields(found: &DictSample, expected: &Json) -> Result<(), Difference> {
    let pairs = expected.as_array().ok_or("the expected fields are no list")?;
    same("names", found.fields().keys().collect::<Vec<_>>(), pairs.iter().map(name_of).collect::<Vec<_>>())?;
    for (pair, (name, value)) in pairs.iter().zip(found.fields().iter()) {
        compare(value, &pair[1]).map_err(|difference| format!("field {name}: {difference}"))?;
    }
    Ok(())
}

fn name_of(pair: &Json) -> &str {
    pair[0].as_str().unwrap_or_default()
}

/// Compares a value with its tagged form. Bytes where an array is expected are decoded first; the payloads of other
/// formats (`sparse`, `arrow_tensor`, `tensors`, `dataframe`) only have to be bytes.
///
/// ```
/// use atdata_core::Value;
/// use atdata_testkit::tagged::compare;
///
/// let expected = serde_json::json!({"t": "float", "v": "-0.0", "bits": "8000000000000000"});
/// assert!(compare(&Value::Float(-0.0), &expected).is_ok());
/// assert!(compare(&Value::Float(0.0), &expected).is_err());
/// ```
///
/// # Errors
/// The first difference.
pub fn compare(found: &Value, expected: &Json) -> Result<(), Difference> {
    let tag = expected["t"].as_str().ok_or_else(|| format!("{expected} has no tag"))?;
    match (tag, found) {
        ("nil", Value::Nil) => Ok(()),
        ("bool", Value::Bool(v)) => same("value", Some(*v), expected["v"].as_bool()),
        ("int", Value::Int(v)) => same("value", Some(v.to_string().as_str()), expected["v"].as_str()),
        ("int", Value::UInt(v)) => same("value", Some(v.to_string().as_str()), expected["v"].as_str()),
        ("float", Value::Float(v)) => {
            same("bits", Some(format!("{:016x}", v.to_bits()).as_str()), expected["bits"].as_str())
        }
        ("str", Value::Str(v)) => compare_text(v, expected),
        ("bytes", Value::Bytes(v)) => {
            same("len", Some(v.len() as u64), expected["len"].as_u64())?;
            if let Some(hex) = expected["hex"].as_str() {
                same("hex", atdata_core::shard::hex(v).as_str(), hex)?;
            }
            digest("sha256", v, expected)
        }
        ("list", Value::List(items)) => compare_list(items, expected),
        ("map", Value::Map(map)) => {
            let pairs = expected["v"].as_array().ok_or("a map has no pairs")?;
            same("length", map.len(), pairs.len())?;
            for ((key, value), pair) in map.iter().zip(pairs) {
                compare(&Value::from(key), &pair[0])?;
                compare(value, &pair[1]).map_err(|difference| format!("key {key:?}: {difference}"))?;
            }
            Ok(())
        }
        ("array" | "structured", Value::Bytes(bytes)) => {
            let array = array::decode(bytes.clone()).map_err(|error| error.to_string())?;
            compare_array(&array, expected)
        }
        ("array" | "structured", Value::Array(array)) => compare_array(array, expected),
        ("sparse" | "arrow_tensor" | "tensors" | "dataframe", Value::Bytes(bytes)) => {
            same("empty", bytes.is_empty(), false)
        }
        _ => Err(format!("expected {tag}, found {}", found.type_name())),
    }
}

fn compare_text(text: &str, expected: &Json) -> Result<(), Difference> {
    if let Some(whole) = expected["v"].as_str() {
        return same("text", text, whole);
    }
    same("utf8_len", Some(text.len() as u64), expected["utf8_len"].as_u64())?;
    let head = expected["head"].as_str().ok_or("a long text has no head")?;
    same("head", text.starts_with(head), true)?;
    digest("sha256", text.as_bytes(), expected)
}

fn compare_list(items: &[Value], expected: &Json) -> Result<(), Difference> {
    if let Some(all) = expected["v"].as_array() {
        same("length", items.len(), all.len())?;
        return compare_items(items, all);
    }
    same("len", Some(items.len() as u64), expected["len"].as_u64())?;
    let packed = msgpack::to_bytes(&Value::List(items.to_vec())).map_err(|error| error.to_string())?;
    digest("msgpack_sha256", &packed, expected)?;
    compare_items(items, expected["head"].as_array().ok_or("a long list has no head")?)
}

fn compare_items(items: &[Value], expected: &[Json]) -> Result<(), Difference> {
    for (i, (item, expected)) in items.iter().zip(expected).enumerate() {
        compare(item, expected).map_err(|difference| format!("item {i}: {difference}"))?;
    }
    Ok(())
}

/// Compares an array with `{"t": "array" | "structured", …}`.
///
/// # Errors
/// The first difference.
pub fn compare_array(found: &NdArray, expected: &Json) -> Result<(), Difference> {
    let shape: Vec<u64> = found.shape().iter().map(|n| *n as u64).collect();
    let expected_shape: Option<Vec<u64>> =
        expected["shape"].as_array().map(|shape| shape.iter().filter_map(Json::as_u64).collect());
    same("shape", Some(shape), expected_shape)?;
    same("nbytes", Some(found.nbytes() as u64), expected["nbytes"].as_u64())?;
    if expected["t"] != "structured" {
        same("dtype", Some(found.dtype().to_string().as_str()), expected["dtype"].as_str())?;
        return digest("sha256_le_c", found.to_canonical().data(), expected);
    }
    let records = found.dtype().as_structured().ok_or("expected records")?;
    same("itemsize", Some(records.itemsize() as u64), expected["itemsize"].as_u64())?;
    same("descr", &descr(found.dtype()), &expected["descr"])?;
    digest("raw_sha256", found.to_c_order().data(), expected)?;
    let fields = expected["fields"].as_object().ok_or("expected fields are no map")?;
    same("number of fields", records.fields().len(), fields.len())?;
    for (name, expected) in fields {
        let field = found.field(name).map_err(|error| error.to_string())?;
        compare_array(&field, expected).map_err(|difference| format!("record field {name}: {difference}"))?;
    }
    Ok(())
}

/// A dtype in the form of numpy's `descr`, as JSON.
fn descr(dtype: &DType) -> Json {
    let Some(records) = dtype.as_structured() else {
        return Json::from(dtype.to_string());
    };
    let fields = records.fields().iter().map(|field| {
        let mut parts = vec![Json::from(field.name()), descr(field.dtype())];
        if !field.shape().is_empty() {
            parts.push(Json::from(field.shape().to_vec()));
        }
        Json::Array(parts)
    });
    Json::Array(fields.collect())
}

fn digest(key: &str, bytes: &[u8], expected: &Json) -> Result<(), Difference> {
    same(key, Some(sha256(bytes).as_str()), expected[key].as_str())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), Difference> {
    if found == expected {
        return Ok(());
    }
    let mut text = format!("{what} is {found:?}, not {expected:?}");
    if text.len() > 500 {
        let cut = (0..=500).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(cut);
        // Writing to a `String` cannot fail.
        let _ = write!(text, " …");
    }
    Err(text)
}

/// Compares two values: floats by their bits, maps without regard to order, everything else exactly.
///
/// # Errors
/// The first difference.
pub fn same_value(found: &Value, expected: &Value) -> Result<(), Difference> {
    match (found, expected) {
        (Value::Float(a), Value::Float(b)) => same("float", a.to_bits(), b.to_bits()),
        (Value::List(a), Value::List(b)) => {
            same("length", a.len(), b.len())?;
            a.iter().zip(b).try_for_each(|(a, b)| same_value(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            let keys = |map: &atdata_core::Map| {
                let mut keys: Vec<String> = map.keys().map(str::to_owned).collect();
                keys.sort_unstable();
                keys
            };
            same("keys", keys(a), keys(b))?;
            b.iter().try_for_each(|(key, expected)| {
                same_value(a.get(key).unwrap_or(&Value::Nil), expected)
                    .map_err(|difference| format!("{key}: {difference}"))
            })
        }
        _ => same("value", found, expected),
    }
}
