//! Values as plain JSON and back: what `cat` prints and `import` reads.
//!
//! What JSON does not have is an object with one key that begins with a dollar:
//! `{"$bytes": base64}`, `{"$float": "nan" | "inf" | "-inf"}`,
//! `{"$ndarray": {"dtype": "<f4", "shape": [2, 3], "data": base64 of the elements in C order}}`, and
//! `{"$map": {…}}` for a map that would otherwise look like one of these.

use atdata::array::{NdArray, Order};
use atdata::{Error, Map, Result, ResultExt, Value};
use bytes::Bytes;
use data_encoding::{BASE64, BASE64_NOPAD};
use serde_json::{Map as JsonMap, Value as Json, json};

/// How many keys an object may have: look-up in a [`Map`] is linear.
const MAX_KEYS: usize = 10_000;

/// Writes a value.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Bool(v) => Json::from(*v),
        Value::Int(v) => Json::from(*v),
        Value::UInt(v) => Json::from(*v),
        Value::Float(v) if v.is_finite() => Json::from(*v),
        Value::Float(v) => json!({"$float": v.to_string().to_lowercase()}),
        Value::Str(v) => Json::from(v.as_str()),
        Value::Bytes(v) => json!({"$bytes": BASE64.encode(v)}),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(map) => {
            let object: JsonMap<String, Json> =
                map.iter().map(|(key, value)| (key.to_owned(), to_json(value))).collect();
            if object.len() == 1 && object.keys().all(|key| key.starts_with('$')) {
                json!({"$map": object})
            } else {
                Json::Object(object)
            }
        }
        Value::Array(array) => {
            let array = array.to_c_order();
            let data = BASE64.encode(array.data());
            json!({"$ndarray": {"dtype": array.dtype().to_string(), "shape": array.shape(), "data": data}})
        }
    }
}

/// Reads a value.
///
/// # Errors
/// An object with a dollar key that is not one of ours or is malformed; an object with more than 10,000 keys.
pub(crate) fn from_json(json: Json) -> Result<Value> {
    Ok(match json {
        Json::Null => Value::Nil,
        Json::Bool(v) => Value::Bool(v),
        Json::Number(v) => match (v.as_i64(), v.as_u64(), v.as_f64()) {
            (Some(int), ..) => Value::Int(int),
            (None, Some(int), _) => Value::UInt(int),
            (None, None, Some(float)) => Value::Float(float),
            (None, None, None) => return Err(Error::invalid(format!("the number {v} does not fit 64 bits"))),
        },
        Json::String(v) => Value::Str(v),
        Json::Array(items) => Value::List(items.into_iter().map(from_json).collect::<Result<_>>()?),
        Json::Object(object) => object_from_json(object)?,
    })
}

/// Reads the fields of a sample: dollar keys have no meaning at this level.
///
/// # Errors
/// As [`from_json`]; it is not an object.
pub(crate) fn fields_from_json(json: Json) -> Result<Map> {
    match json {
        Json::Object(object) => map_from_json(object),
        Json::Array(_) => Err(Error::invalid("a line must be an object, not a list")),
        _ => Err(Error::invalid("a line must be an object, not a scalar")),
    }
}

fn object_from_json(mut object: JsonMap<String, Json>) -> Result<Value> {
    let marker = if object.len() == 1 {
        object.keys().next().filter(|key| key.starts_with('$')).cloned()
    } else {
        None
    };
    let Some(marker) = marker else { return map_from_json(object).map(Value::Map) };
    let inner = object.remove(&marker).unwrap_or_default();
    let wrong = |what: &str| Error::invalid(format!("{marker} holds {what}"));
    match (marker.as_str(), inner) {
        ("$bytes", Json::String(text)) => {
            base64(&text).map(Value::Bytes).ok_or_else(|| wrong("malformed base64"))
        }
        ("$float", Json::String(text)) => match text.as_str() {
            "nan" => Ok(Value::Float(f64::NAN)),
            "inf" => Ok(Value::Float(f64::INFINITY)),
            "-inf" => Ok(Value::Float(f64::NEG_INFINITY)),
            _ => Err(wrong("something other than nan, inf and -inf")),
        },
        ("$map", Json::Object(map)) => map_from_json(map).map(Value::Map),
        ("$ndarray", Json::Object(array)) => {
            array_from_json(&array).map(Value::Array).context("field", "$ndarray")
        }
        // Somebody else's dollar key.
        (_, inner) => Ok(Value::Map([(marker.clone(), from_json(inner)?)].into_iter().collect())),
    }
}

fn map_from_json(object: JsonMap<String, Json>) -> Result<Map> {
    if object.len() > MAX_KEYS {
        return Err(Error::invalid(format!(
            "an object has {} keys, at most {MAX_KEYS} are read",
            object.len()
        )));
    }
    object.into_iter().map(|(key, value)| Ok((key, from_json(value)?))).collect()
}

fn array_from_json(array: &JsonMap<String, Json>) -> Result<NdArray> {
    let member =
        |name: &str| array.get(name).ok_or_else(|| Error::invalid(format!("an array has no {name}")));
    let text =
        |name: &str| member(name)?.as_str().ok_or_else(|| Error::invalid(format!("{name} is not text")));
    let shape = member("shape")?.as_array().and_then(|dims| {
        dims.iter()
            .map(|dim| dim.as_u64().and_then(|dim| usize::try_from(dim).ok()))
            .collect::<Option<Vec<_>>>()
    });
    let shape = shape.ok_or_else(|| Error::invalid("the shape is not a list of lengths"))?;
    let data = base64(text("data")?).ok_or_else(|| Error::invalid("the data is malformed base64"))?;
    NdArray::from_bytes(text("dtype")?.parse()?, &shape, Order::C, data)
}

/// Base64 with or without padding.
fn base64(text: &str) -> Option<Bytes> {
    BASE64.decode(text.as_bytes()).or_else(|_| BASE64_NOPAD.decode(text.as_bytes())).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(value: &Value) {
        let text = to_json(value).to_string();
        let back = from_json(serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(back.to_string(), value.to_string(), "{text}");
        assert_eq!(to_json(&back).to_string(), text);
    }

    #[test]
    fn every_kind_of_value_survives() {
        let map = |pairs: &[(&str, Value)]| Value::Map(pairs.iter().cloned().collect());
        for value in [
            Value::Nil,
            Value::Int(i64::MIN),
            Value::UInt(u64::MAX),
            Value::Float(-0.0),
            Value::Float(1e300),
            Value::Float(f64::NAN),
            Value::Float(f64::NEG_INFINITY),
            Value::Str("é\n\u{1}".into()),
            Value::Bytes(Bytes::from_static(b"\x00\xff")),
            Value::List(vec![Value::Bool(true), Value::Nil]),
            map(&[("a", Value::Int(1)), ("$bytes", Value::Nil)]),
            map(&[("$bytes", Value::Str("AA==".into()))]),
            map(&[("$map", Value::Nil)]),
            Value::Array(NdArray::from_vec(&[2, 2], vec![1.5f32, f32::NAN, 0.0, -1.0]).unwrap()),
            Value::Array(NdArray::scalar(7i64)),
        ] {
            round_trip(&value);
        }
    }

    #[test]
    fn malformed_markers_are_refused() {
        for text in [
            r#"{"$bytes": "?"}"#,
            r#"{"$float": "1"}"#,
            r#"{"$ndarray": {"dtype": "<f4", "shape": [2], "data": "AA=="}}"#,
            r#"{"$ndarray": {"dtype": "|O", "shape": [], "data": ""}}"#,
            r#"{"$ndarray": {"dtype": "<f4", "shape": [-1], "data": ""}}"#,
        ] {
            assert!(from_json(serde_json::from_str(text).unwrap()).is_err(), "{text}");
        }
        let other = from_json(json!({"$ref": 1})).unwrap();
        assert_eq!(other.to_string(), r#"{"$ref": 1}"#);
    }
}
