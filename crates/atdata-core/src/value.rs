//! Values without a compile-time type: what a msgpack payload or an entry's metadata holds.

use std::collections::HashMap;
use std::fmt;

use bytes::Bytes;

use crate::array::NdArray;

/// A dynamically typed value.
///
/// It is the msgpack data model of `atdata` samples (see [`crate::msgpack`]) plus [`Value::Array`], which a `bin`
/// value becomes where a schema says that it holds an array. Integers keep their sign and range: `Int` holds all that
/// fit an `i64`, `UInt` only those above `i64::MAX`. Maps keep their order.
///
/// ```
/// use atdata_core::Value;
///
/// let value = Value::from(vec![Value::from(1i64), Value::from("two")]);
/// assert_eq!(value.to_string(), r#"[1, "two"]"#);
/// ```
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    /// `nil`, Python's `None`.
    #[default]
    Nil,
    /// A boolean.
    Bool(bool),
    /// An integer in the range of `i64`.
    Int(i64),
    /// An integer above `i64::MAX`.
    UInt(u64),
    /// A 64-bit float.
    Float(f64),
    /// Text.
    Str(String),
    /// Bytes: a `bin` value, usually a slice of the shard it was read from.
    Bytes(Bytes),
    /// A list.
    List(Vec<Value>),
    /// A map with text keys, in stored order.
    Map(Map),
    /// An array, decoded from a `bin` value.
    Array(NdArray),
}

impl Value {
    /// The name of the value's type, as error messages show it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Bool(_) => "bool",
            Value::Int(_) | Value::UInt(_) => "int",
            Value::Float(_) => "float",
            Value::Str(_) => "str",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "list",
            Value::Map(_) => "map",
            Value::Array(_) => "array",
        }
    }

    /// Whether the value is `nil`.
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Nil)
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(v) = self { Some(*v) } else { None }
    }

    /// The integer, if it is one that fits an `i64`.
    pub fn as_i64(&self) -> Option<i64> {
        if let Value::Int(v) = self { Some(*v) } else { None }
    }

    /// The integer, if it is one that fits a `u64`.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Value::Int(v) => u64::try_from(*v).ok(),
            Value::UInt(v) => Some(*v),
            _ => None,
        }
    }

    /// The number as a float, if it is a float or an integer.
    #[allow(clippy::cast_precision_loss)]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Float(v) => Some(*v),
            Value::Int(v) => Some(*v as f64),
            Value::UInt(v) => Some(*v as f64),
            _ => None,
        }
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::Str(v) = self { Some(v) } else { None }
    }

    /// The bytes, if it is bytes.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        if let Value::Bytes(v) = self { Some(v) } else { None }
    }

    /// The items, if it is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Value::List(v) = self { Some(v) } else { None }
    }

    /// The map, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        if let Value::Map(v) = self { Some(v) } else { None }
    }

    /// The array, if it is one.
    pub fn as_array(&self) -> Option<&NdArray> {
        if let Value::Array(v) = self { Some(v) } else { None }
    }
}

/// A short, readable form: text is quoted, bytes and arrays are summarised.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Nil => f.write_str("nil"),
            Value::Bool(v) => write!(f, "{v}"),
            Value::Int(v) => write!(f, "{v}"),
            Value::UInt(v) => write!(f, "{v}"),
            Value::Float(v) => write!(f, "{v:?}"),
            Value::Str(v) => write!(f, "{v:?}"),
            Value::Bytes(v) => write!(f, "<{} bytes>", v.len()),
            Value::List(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Value::Map(map) => write!(f, "{map}"),
            Value::Array(array) => write!(f, "{array}"),
        }
    }
}

macro_rules! from_int {
    ($($t:ty),*) => {$(
        impl From<$t> for Value {
            fn from(v: $t) -> Self {
                Value::Int(i64::from(v))
            }
        }
    )*};
}
from_int!(i8, i16, i32, i64, u8, u16, u32);

impl From<u64> for Value {
    fn from(v: u64) -> Self {
        i64::try_from(v).map_or(Value::UInt(v), Value::Int)
    }
}
impl From<bool> for Value {
    fn from(v: bool) -> Self {
        Value::Bool(v)
    }
}
impl From<f64> for Value {
    fn from(v: f64) -> Self {
        Value::Float(v)
    }
}
impl From<f32> for Value {
    fn from(v: f32) -> Self {
        Value::Float(f64::from(v))
    }
}
impl From<&str> for Value {
    fn from(v: &str) -> Self {
        Value::Str(v.to_owned())
    }
}
impl From<String> for Value {
    fn from(v: String) -> Self {
        Value::Str(v)
    }
}
impl From<Bytes> for Value {
    fn from(v: Bytes) -> Self {
        Value::Bytes(v)
    }
}
impl From<Vec<Value>> for Value {
    fn from(v: Vec<Value>) -> Self {
        Value::List(v)
    }
}
impl From<Map> for Value {
    fn from(v: Map) -> Self {
        Value::Map(v)
    }
}
impl From<NdArray> for Value {
    fn from(v: NdArray) -> Self {
        Value::Array(v)
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(v: Option<T>) -> Self {
        v.map_or(Value::Nil, Into::into)
    }
}

/// How many entries of a map are compared one by one when it is collected.
const SCANNED: usize = 32;

/// A map from text to [`Value`] that keeps the order of its entries.
///
/// Samples have few fields, so look-up is a linear scan. Keys are unique: [`Map::insert`] replaces in place.
///
/// ```
/// use atdata_core::{Map, Value};
///
/// let mut map = Map::new();
/// map.insert("b", Value::from(1i64));
/// map.insert("a", Value::Nil);
/// assert_eq!(map.keys().collect::<Vec<_>>(), ["b", "a"]);
/// assert_eq!(map.get("b"), Some(&Value::Int(1)));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map(Vec<(String, Value)>);

impl Map {
    /// An empty map.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// An empty map with room for `capacity` entries.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// A map of pairs whose keys are known to differ.
    pub(crate) fn from_unique(pairs: Vec<(String, Value)>) -> Self {
        Self(pairs)
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// The value of a key, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// Sets the value of a key: in place if the key is there, at the end if not. Returns the value it had.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        match self.get_mut(&key) {
            Some(old) => Some(std::mem::replace(old, value)),
            None => {
                self.0.push((key, value));
                None
            }
        }
    }

    /// Takes a key out, keeping the order of the others.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.0.iter().position(|(k, _)| k == key)?;
        Some(self.0.remove(at).1)
    }

    /// Takes a key's value, leaving `nil`: faster than [`Map::remove`] where the map is thrown away afterwards.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.get_mut(key).map(std::mem::take)
    }

    /// The values in order, to change them.
    pub fn values_mut(&mut self) -> impl ExactSizeIterator<Item = &mut Value> {
        self.0.iter_mut().map(|(_, v)| v)
    }

    /// The entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v))
    }

    /// The keys in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|(k, _)| k.as_str())
    }
}

impl fmt::Display for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (key, value)) in self.iter().enumerate() {
            write!(f, "{}{key:?}: {value}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str("}")
    }
}

impl IntoIterator for Map {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(iter: I) -> Self {
        let mut map = Map::new();
        // Made once a linear scan for each key would be slow.
        let mut places: HashMap<String, usize> = HashMap::new();
        for (key, value) in iter {
            if map.len() < SCANNED {
                map.insert(key, value);
                continue;
            }
            if places.is_empty() {
                places.extend(map.0.iter().enumerate().map(|(at, (key, _))| (key.clone(), at)));
            }
            let (key, value) = (key.into(), value.into());
            match places.get(&key).and_then(|at| map.0.get_mut(*at)) {
                Some((_, old)) => *old = value,
                None => {
                    places.insert(key.clone(), map.len());
                    map.0.push((key, value));
                }
            }
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collected_map_keeps_the_first_place_and_the_last_value() {
        let keys = (0..100i64).chain([5, 70]);
        let map: Map = keys.enumerate().map(|(i, key)| (key.to_string(), i as i64)).collect();
        assert_eq!(map.len(), 100);
        assert_eq!(map.keys().nth(70), Some("70"));
        assert_eq!((map.get("5"), map.get("70")), (Some(&Value::Int(100)), Some(&Value::Int(101))));
    }
}
