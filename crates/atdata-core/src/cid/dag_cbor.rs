//! DAG-CBOR: the canonical binary form that records are hashed in.

use std::cell::Cell;
use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_ipld_dagcbor::de::Deserializer;

use crate::{Error, Map, Result, Value};

/// How deep lists and maps may be nested, in either direction.
pub const MAX_DEPTH: usize = 64;

/// Encodes a serializable value as DAG-CBOR: map keys sorted by length, then bytes; shortest integers; floats always
/// 64 bits wide, negative zero as zero.
///
/// # Errors
/// `Invalid` for what DAG-CBOR does not have: NaN and infinite floats, integers beyond 64 bits, map keys that are not
/// text.
///
/// ```
/// let bytes = atdata_core::cid::to_dag_cbor(&serde_json::json!({"aa": 1, "b": 2}))?;
/// assert_eq!(bytes, b"\xa2\x61b\x02\x62aa\x01");
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub fn to_dag_cbor<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>> {
    serde_ipld_dagcbor::to_vec(value)
        .map_err(|error| Error::invalid("the value cannot be encoded as DAG-CBOR").with_source(error))
}

/// Encodes a [`Value`] as DAG-CBOR, `Bytes` as byte strings.
///
/// # Errors
/// `Invalid` for NaN and infinite floats, for arrays (encode them to bytes first) and for values nested deeper than
/// [`MAX_DEPTH`].
///
/// ```
/// let bytes = atdata_core::cid::value_to_dag_cbor(&bytes::Bytes::from_static(b"\x01").into())?;
/// assert_eq!(bytes, [0x41, 0x01]);
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub fn value_to_dag_cbor(value: &Value) -> Result<Vec<u8>> {
    check_encodable(value, 0)?;
    to_dag_cbor(&Encoded(value))
}

/// Says in words what the serializer would only report as "cannot be serialized" when it lies inside a map.
fn check_encodable(value: &Value, depth: usize) -> Result<()> {
    if depth >= MAX_DEPTH && matches!(value, Value::List(_) | Value::Map(_)) {
        return Err(Error::invalid(format!("the value is nested deeper than {MAX_DEPTH} levels")));
    }
    match value {
        Value::Float(v) if !v.is_finite() => {
            Err(Error::invalid(format!("the value cannot be encoded as DAG-CBOR: it has no {v}")))
        }
        Value::Array(_) => Err(Error::invalid("an array has no DAG-CBOR form; encode it to bytes first")),
        Value::List(items) => items.iter().try_for_each(|item| check_encodable(item, depth + 1)),
        Value::Map(map) => map.iter().try_for_each(|(_, item)| check_encodable(item, depth + 1)),
        _ => Ok(()),
    }
}

struct Encoded<'a>(&'a Value);

impl Serialize for Encoded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self.0 {
            Value::Nil => serializer.serialize_none(),
            Value::Bool(v) => serializer.serialize_bool(*v),
            Value::Int(v) => serializer.serialize_i64(*v),
            Value::UInt(v) => serializer.serialize_u64(*v),
            Value::Float(v) => serializer.serialize_f64(*v),
            Value::Str(v) => serializer.serialize_str(v),
            Value::Bytes(v) => serializer.serialize_bytes(v),
            Value::List(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| seq.serialize_element(&Encoded(item)))?;
                seq.end()
            }
            Value::Map(map) => {
                let mut entries = serializer.serialize_map(Some(map.len()))?;
                map.iter().try_for_each(|(key, item)| entries.serialize_entry(key, &Encoded(item)))?;
                entries.end()
            }
            Value::Array(_) => Err(S::Error::custom("an array has no DAG-CBOR form")),
        }
    }
}

/// Decodes one DAG-CBOR value, which must be all of `bytes`.
///
/// Decoding is strict: what is not in canonical form is refused, because it would not hash to its own CID again.
/// Memory use is a small multiple of the input's size.
///
/// # Errors
/// `Corrupt` if the bytes are not canonical DAG-CBOR, `Unsupported` for CID links, for integers below `i64::MIN` and
/// for values nested deeper than [`MAX_DEPTH`].
///
/// ```
/// use atdata_core::{Value, cid::from_dag_cbor};
///
/// assert_eq!(from_dag_cbor(&[0x82, 0x01, 0xf6])?, Value::List(vec![Value::Int(1), Value::Nil]));
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub fn from_dag_cbor(bytes: &[u8]) -> Result<Value> {
    let unsupported = Cell::new(false);
    let mut deserializer = Deserializer::from_slice(bytes);
    let decoded = Decoder { depth: 0, unsupported: &unsupported }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    let value = decoded.map_err(|error| {
        let what = if unsupported.get() {
            Error::unsupported("the DAG-CBOR value is not supported")
        } else {
            not_canonical()
        };
        what.with_source(error)
    })?;
    // The decoder takes map keys of indefinite length, which are not canonical.
    match value_to_dag_cbor(&value).is_ok_and(|canonical| canonical == bytes) {
        true => Ok(value),
        false => Err(not_canonical()),
    }
}

fn not_canonical() -> Error {
    Error::corrupt("the bytes are not canonical DAG-CBOR")
}

#[derive(Clone, Copy)]
struct Decoder<'a> {
    depth: usize,
    unsupported: &'a Cell<bool>,
}

impl Decoder<'_> {
    fn refuse<E: serde::de::Error>(self, message: &str) -> E {
        self.unsupported.set(true);
        E::custom(message)
    }

    fn deeper<E: serde::de::Error>(self) -> std::result::Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(self.refuse("it is nested too deeply"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Decoder<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Decoder<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a DAG-CBOR value")
    }

    fn visit_bool<E>(self, v: bool) -> std::result::Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> std::result::Result<Value, E> {
        Ok(Value::Int(v))
    }

    fn visit_u64<E>(self, v: u64) -> std::result::Result<Value, E> {
        Ok(Value::from(v))
    }

    fn visit_i128<E: serde::de::Error>(self, _: i128) -> std::result::Result<Value, E> {
        Err(self.refuse("an integer is below -2^63"))
    }

    fn visit_f64<E>(self, v: f64) -> std::result::Result<Value, E> {
        Ok(Value::Float(v))
    }

    fn visit_str<E>(self, v: &str) -> std::result::Result<Value, E> {
        Ok(Value::Str(v.to_owned()))
    }

    fn visit_bytes<E>(self, v: &[u8]) -> std::result::Result<Value, E> {
        Ok(Value::Bytes(Bytes::copy_from_slice(v)))
    }

    fn visit_none<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_newtype_struct<D: serde::Deserializer<'de>>(self, _: D) -> std::result::Result<Value, D::Error> {
        Err(self.refuse("it holds a CID link"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Value, A::Error> {
        let seed = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(seed)? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> std::result::Result<Value, A::Error> {
        let seed = self.deeper()?;
        let mut map: Vec<(String, Value)> = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            // Canonical order: by length, then bytes. It also rules out doubled keys.
            if let Some((last, _)) = map.last()
                && (last.len(), last.as_bytes()) >= (key.len(), key.as_bytes())
            {
                return Err(A::Error::custom("map keys are not in canonical order"));
            }
            let item = entries.next_value_seed(seed)?;
            map.push((key, item));
        }
        Ok(Value::Map(Map::from_unique(map)))
    }
}
