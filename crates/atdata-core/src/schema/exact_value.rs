//! Free values as members of a record, such that they come back exactly: defaults and metadata.
//!
//! Records of the network have no floats, and no integers beyond ±2⁵³; servers keep maps but not the order of their
//! keys. A value that would not survive this goes as msgpack into a member of its own, `{key}Msgpack`, which Python
//! ignores, and is also there in plain JSON if that lacks nothing but the order.

use serde_json::{Map as JsonMap, Value as Json};

use super::json_value::{json_to_value, value_to_json};
use crate::{Error, Result, Value, msgpack};

/// The integers that every JSON reader keeps: those that a 64-bit float holds exactly.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Which values may stand in JSON as they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// All: nobody but us rewrites the JSON.
    All,
    /// Those that the data model of AT Protocol has.
    Network,
}

/// Writes a value under `key`, under the key for msgpack, or under both.
///
/// # Errors
/// `Invalid` if the value has no JSON form at all (NaN, arrays).
pub(crate) fn write(
    object: &mut JsonMap<String, Json>,
    key: &str,
    value: &Value,
    numbers: Numbers,
) -> Result<()> {
    // It bounds the nesting, too.
    let json = value_to_json(value)?;
    let plain = numbers == Numbers::All || is_record_value(value);
    if plain {
        object.insert(key.to_owned(), json);
    }
    if !plain || (numbers == Numbers::Network && !keeps_its_order(value)) {
        let packed = Value::Bytes(msgpack::to_bytes(value)?);
        object.insert(packed_key(key), value_to_json(&packed)?);
    }
    Ok(())
}

/// Reads what [`write`] wrote. An absent member and a default of nil are different.
///
/// # Errors
/// `Corrupt` for msgpack that is none or holds what JSON cannot have, `Invalid` as for any JSON value.
pub(crate) fn read(object: &JsonMap<String, Json>, key: &str) -> Result<Option<Value>> {
    let Some(packed) = object.get(&packed_key(key)) else {
        return object.get(key).map(json_to_value).transpose();
    };
    let Value::Bytes(packed) = json_to_value(packed)? else {
        return Err(Error::corrupt(format!("the member {:?} is not bytes", packed_key(key))));
    };
    let value = msgpack::from_bytes(&packed)?;
    // What was read can be written again.
    value_to_json(&value)
        .map_err(|error| Error::corrupt("a value is none that records have").with_source(error))?;
    Ok(Some(value))
}

fn packed_key(key: &str) -> String {
    format!("{key}Msgpack")
}

/// Whether records of the network can hold a value in plain JSON: no floats, no integers beyond ±2⁵³, no map with a key
/// that is none of [`is_record_key`]. See also [`keeps_its_order`].
///
/// ```
/// use atdata_core::{Value, schema::is_record_value};
///
/// assert!(is_record_value(&Value::from(vec![Value::from(1i64), Value::from("two")])));
/// assert!(!is_record_value(&Value::from(0.5)));
/// ```
pub fn is_record_value(value: &Value) -> bool {
    match value {
        Value::Nil | Value::Bool(_) | Value::Str(_) | Value::Bytes(_) => true,
        Value::Int(v) => v.unsigned_abs() <= MAX_SAFE_INTEGER,
        Value::UInt(_) | Value::Float(_) | Value::Array(_) => false,
        Value::List(items) => items.iter().all(is_record_value),
        Value::Map(map) => map.iter().all(|(key, item)| is_record_key(key) && is_record_value(item)),
    }
}

/// Whether an object of a record can have a key: not one with a meaning in the data model (`$type`, `$link`, …), nor
/// `__proto__`, which the reference server refuses.
///
/// ```
/// assert!(atdata_core::schema::is_record_key("type"));
/// assert!(!atdata_core::schema::is_record_key("$type"));
/// ```
pub fn is_record_key(key: &str) -> bool {
    !key.starts_with('$') && key != "__proto__"
}

/// Whether a value has no map of several keys: servers of the network sort them, each in its own way.
///
/// ```
/// use atdata_core::{Map, Value, schema::keeps_its_order};
///
/// assert!(keeps_its_order(&Value::from(Map::from_iter([("one", 1i64)]))));
/// assert!(!keeps_its_order(&Value::from(Map::from_iter([("one", 1i64), ("two", 2)]))));
/// ```
pub fn keeps_its_order(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().all(keeps_its_order),
        Value::Map(map) => map.len() < 2 && map.iter().all(|(_, item)| keeps_its_order(item)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_network_does_not_have_is_packed_and_comes_back() {
        let map = |pairs: &[(&str, i64)]| Value::Map(pairs.iter().copied().collect());
        for (value, plain) in [
            (Value::Nil, true),
            (Value::from("text"), true),
            (Value::from(bytes::Bytes::from_static(b"\x00")), true),
            (Value::from(1i64 << 52), true),
            (Value::from(1i64 << 53), false),
            (Value::from(i64::MIN), false),
            (Value::from(u64::MAX), false),
            (Value::from(0.5), false),
            (Value::from(vec![Value::from(1i64), Value::from(1.0)]), false),
            (map(&[("one", 1)]), true),
            (map(&[("two", 1), ("keys", 2)]), true),
            (map(&[("$type", 1)]), false),
            (map(&[("__proto__", 1)]), false),
        ] {
            let mut object = JsonMap::new();
            write(&mut object, "default", &value, Numbers::Network).unwrap();
            assert_eq!(object.contains_key("default"), plain, "{value}");
            let packed = !plain || !keeps_its_order(&value);
            assert_eq!(object.contains_key("defaultMsgpack"), packed, "{value}");
            assert_eq!(read(&object, "default").unwrap(), Some(value));
        }
    }

    #[test]
    fn what_no_record_can_hold_is_refused_in_both_directions() {
        let mut object = JsonMap::new();
        assert!(write(&mut object, "default", &Value::from(f64::NAN), Numbers::Network).is_err());
        for packed in ["AQI=", "y3/4AAAAAAAA", "wQ=="] {
            let object = serde_json::json!({"defaultMsgpack": {"$bytes": packed}});
            let error = read(object.as_object().unwrap(), "default").unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Corrupt, "{packed}");
        }
        assert_eq!(read(&JsonMap::new(), "default").unwrap(), None);
    }
}
