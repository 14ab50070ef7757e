//! JSON in place of values: defaults and metadata.

use bytes::Bytes;
use serde_json::{Number, Value as Json, json};

use crate::{Error, Map, Result, Value};

/// How deep JSON may be nested; `serde_json` itself stops at 128.
const MAX_DEPTH: usize = 64;
/// The key that marks bytes, as in ATProto records.
const BYTES: &str = "$bytes";

/// Writes a value as JSON; bytes become `{"$bytes": "<base64>"}`.
///
/// # Errors
/// `Invalid` for what JSON does not have: arrays, NaN and infinite floats; for a map whose only key is `$bytes`; and
/// for values nested deeper than 64 levels.
///
/// ```
/// use atdata_core::{Value, schema::value_to_json};
///
/// let json = value_to_json(&Value::from(bytes::Bytes::from_static(b"ab")))?;
/// assert_eq!(json, serde_json::json!({"$bytes": "YWI="}));
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub fn value_to_json(value: &Value) -> Result<Json> {
    to_json(value, 0)
}

fn to_json(value: &Value, depth: usize) -> Result<Json> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    Ok(match value {
        Value::Nil => Json::Null,
        Value::Bool(v) => Json::Bool(*v),
        Value::Int(v) => Json::from(*v),
        Value::UInt(v) => Json::from(*v),
        Value::Float(v) => Number::from_f64(*v)
            .map(Json::Number)
            .ok_or_else(|| Error::invalid(format!("JSON has no number {v}")))?,
        Value::Str(v) => Json::String(v.clone()),
        Value::Bytes(v) => json!({ BYTES: encode_base64(v) }),
        Value::List(items) => {
            Json::Array(items.iter().map(|item| to_json(item, depth + 1)).collect::<Result<_>>()?)
        }
        Value::Map(map) if map.len() == 1 && map.get(BYTES).is_some() => {
            return Err(Error::invalid("a map with the only key \"$bytes\" would be read back as bytes"));
        }
        Value::Map(map) => Json::Object(
            map.iter()
                .map(|(key, item)| Ok((key.to_owned(), to_json(item, depth + 1)?)))
                .collect::<Result<_>>()?,
        ),
        Value::Array(_) => return Err(Error::invalid("an array cannot be written as JSON")),
    })
}

/// Reads a value from JSON, the reverse of [`value_to_json`]. The padding of base64 may be missing.
///
/// # Errors
/// `Invalid` for base64 that is malformed and for JSON nested deeper than 64 levels.
///
/// ```
/// use atdata_core::{Value, schema::json_to_value};
///
/// assert_eq!(json_to_value(&serde_json::json!([1, 1.0]))?, Value::List(vec![Value::Int(1), Value::Float(1.0)]));
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub fn json_to_value(json: &Json) -> Result<Value> {
    from_json(json, 0)
}

fn from_json(json: &Json, depth: usize) -> Result<Value> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    Ok(match json {
        Json::Null => Value::Nil,
        Json::Bool(v) => Value::Bool(*v),
        Json::Number(v) => match (v.as_i64(), v.as_u64()) {
            (Some(int), _) => Value::Int(int),
            (None, Some(int)) => Value::UInt(int),
            (None, None) => Value::Float(v.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(v) => Value::Str(v.clone()),
        Json::Array(items) => {
            Value::List(items.iter().map(|item| from_json(item, depth + 1)).collect::<Result<_>>()?)
        }
        Json::Object(entries) => match entries.get(BYTES) {
            Some(Json::String(text)) if entries.len() == 1 => Value::Bytes(decode_base64(text)?),
            _ => Value::Map(Map::from_unique(
                entries
                    .iter()
                    .map(|(key, item)| Ok((key.clone(), from_json(item, depth + 1)?)))
                    .collect::<Result<_>>()?,
            )),
        },
    })
}

fn too_deep() -> Error {
    Error::invalid(format!("the value is nested deeper than {MAX_DEPTH} levels"))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encode_base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, i| bits << 8 | u32::from(chunk.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let digit = ALPHABET.get((bits >> (18 - 6 * i) & 63) as usize).filter(|_| i <= chunk.len());
            out.push(digit.map_or('=', |digit| char::from(*digit)));
        }
    }
    out
}

fn decode_base64(text: &str) -> Result<Bytes> {
    let wrong = || Error::invalid("malformed base64");
    let digits = text.trim_end_matches('=').as_bytes();
    if digits.len() % 4 == 1 {
        return Err(wrong());
    }
    let mut out = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for chunk in digits.chunks(4) {
        let mut bits = 0u32;
        for i in 0..4 {
            let digit = match chunk.get(i) {
                Some(digit) => ALPHABET.iter().position(|known| known == digit).ok_or_else(wrong)?,
                None => 0,
            };
            bits = bits << 6 | digit as u32;
        }
        let [_, decoded @ ..] = bits.to_be_bytes();
        out.extend(decoded.iter().take(chunk.len() - 1));
    }
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_has_the_known_forms() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(encode_base64(bytes.as_bytes()), text);
            assert_eq!(decode_base64(text).unwrap(), bytes);
            assert_eq!(decode_base64(text.trim_end_matches('=')).unwrap(), bytes);
        }
        for text in ["Z", "Zg==Zg==", "Z*==", "é"] {
            assert!(decode_base64(text).is_err(), "{text}");
        }
    }
}
