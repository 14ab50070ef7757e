//! Values as JSON of a bounded size.
//!
//! Plain values are as `atdata cat` writes them. What is too large, and what JSON does not have, is an object with one
//! key that begins with a dollar:
//!
//! | | |
//! |---|---|
//! | `{"$text": {"start", "length"}}` | the beginning of a long text, and how many characters it has |
//! | `{"$bytes": {"length", "kind", "start"}}` | bytes: what they are, if that is known, and the first ones in hex |
//! | `{"$ndarray": {"dtype", "shape", "nbytes", "preview", …}}` | an array |
//! | `{"$list": {"items", "length"}}` | the beginning of a long list |
//! | `{"$map": {"entries", "length"}}` | the beginning of a large map, or one with such a key of its own |
//! | `{"$int": "…"}` | an integer that JavaScript cannot keep |
//! | `{"$float": "nan"}` | also `inf`, `-inf` |
//! | `{"$cut": true}` | there was no more room |

use atdata_core::url::redact;
use atdata_core::{Map, NdArray, Value};
use serde_json::{Map as JsonMap, Value as Json, json};

use crate::kind;
use crate::numbers::Summary;

/// The largest integer up to which a double keeps all.
const EXACT: u64 = (1 << 53) - 1;
/// The most characters of a name that stay.
const NAME: usize = 200;
/// How many bytes are shown in hex.
const BYTES: usize = 32;

/// How much of a value is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Characters of a text.
    text: usize,
    /// Items of a list or a map.
    items: usize,
    /// Elements of an array that are written, and that are looked at.
    elements: (usize, usize),
    depth: usize,
    /// Values and characters of all.
    room: usize,
}

impl Limits {
    /// For a row of a table.
    pub(crate) const ROW: Self =
        Self { text: 200, items: 12, elements: (8, 1 << 12), depth: 4, room: 16 << 10 };
    /// For one sample alone.
    pub(crate) const DETAIL: Self =
        Self { text: 100_000, items: 500, elements: (100, 1 << 20), depth: 16, room: 1 << 20 };
    /// For metadata.
    pub(crate) const METADATA: Self =
        Self { text: 10_000, items: 200, elements: (8, 1 << 12), depth: 8, room: 256 << 10 };
}

/// The fields of a sample, each under its name.
pub(crate) fn fields(fields: &Map, limits: Limits) -> Json {
    Json::Object(Writer { limits, room: limits.room, redacting: false }.entries(fields, usize::MAX, 0))
}

/// Metadata, whose addresses lose their secrets.
pub(crate) fn metadata(metadata: &Map, limits: Limits) -> Json {
    Json::Object(Writer { limits, room: limits.room, redacting: true }.entries(metadata, usize::MAX, 0))
}

/// The beginning of a text.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

struct Writer {
    limits: Limits,
    room: usize,
    redacting: bool,
}

impl Writer {
    fn value(&mut self, value: &Value, depth: usize) -> Json {
        if !self.take(1) || depth > self.limits.depth {
            return json!({"$cut": true});
        }
        match value {
            Value::Nil => Json::Null,
            Value::Bool(v) => Json::from(*v),
            Value::Int(v) if v.unsigned_abs() > EXACT => json!({"$int": v.to_string()}),
            Value::Int(v) => Json::from(*v),
            Value::UInt(v) if *v > EXACT => json!({"$int": v.to_string()}),
            Value::UInt(v) => Json::from(*v),
            Value::Float(v) if v.is_finite() => Json::from(*v),
            Value::Float(v) => json!({"$float": v.to_string().to_lowercase()}),
            Value::Str(text) => self.text(text),
            Value::Bytes(bytes) => match kind::of(bytes) {
                Some("npy") => match atdata_core::array::decode(bytes.clone()) {
                    Ok(array) => self.array(&array),
                    Err(_) => self.bytes(bytes),
                },
                _ => self.bytes(bytes),
            },
            Value::List(items) => {
                let most = self.limits.items;
                let first: Vec<Json> =
                    items.iter().take(most).map(|item| self.value(item, depth + 1)).collect();
                if items.len() > most {
                    json!({"$list": {"items": first, "length": items.len()}})
                } else {
                    Json::Array(first)
                }
            }
            Value::Map(map) => {
                let most = self.limits.items;
                let entries = self.entries(map, most, depth + 1);
                let looks_marked = entries.len() == 1 && entries.keys().all(|key| key.starts_with('$'));
                if map.len() > most || looks_marked {
                    json!({"$map": {"entries": entries, "length": map.len()}})
                } else {
                    Json::Object(entries)
                }
            }
            Value::Array(array) => self.array(array),
        }
    }

    fn entries(&mut self, map: &Map, most: usize, depth: usize) -> JsonMap<String, Json> {
        let mut entries = JsonMap::new();
        for (i, (name, value)) in map.iter().take(most).enumerate() {
            let name = self.name(name, i);
            if !self.take(name.len() + 1) {
                entries.insert("…".to_owned(), json!({"$cut": true}));
                break;
            }
            let value = self.value(value, depth);
            entries.insert(name, value);
        }
        entries
    }

    /// A name, shortened so that it stays different from others.
    fn name(&self, name: &str, i: usize) -> String {
        let name = self.redacted(name);
        match name.char_indices().nth(NAME) {
            Some((end, _)) => {
                let length = name.chars().count();
                format!("{}… ({length} characters, entry {i})", name.get(..end).unwrap_or_default())
            }
            None => name.into_owned(),
        }
    }

    fn text(&mut self, text: &str) -> Json {
        let text = self.redacted(text);
        let most = self.limits.text.min(self.room);
        match text.char_indices().nth(most) {
            Some((end, _)) => {
                self.take(end);
                let length = text.chars().count();
                json!({"$text": {"start": text.get(..end).unwrap_or_default(), "length": length}})
            }
            None => {
                self.take(text.len());
                Json::from(text.into_owned())
            }
        }
    }

    #[allow(clippy::unused_self, reason = "as the others")]
    fn bytes(&mut self, bytes: &[u8]) -> Json {
        let start = atdata_core::shard::hex(bytes.get(..BYTES).unwrap_or(bytes));
        json!({"$bytes": {"length": bytes.len(), "kind": kind::of(bytes), "start": start}})
    }

    fn array(&mut self, array: &NdArray) -> Json {
        let (written, seen) = self.limits.elements;
        // An element may itself be long: a text, a record.
        let preview = cut(&array.preview(written), 20 * written.max(10));
        let dtype = cut(&array.dtype().to_string(), NAME);
        self.take(preview.len() + dtype.len());
        let mut members = JsonMap::new();
        for (name, member) in [
            ("dtype", Json::from(dtype)),
            ("shape", Json::from(array.shape())),
            ("nbytes", Json::from(array.nbytes())),
            ("preview", Json::from(preview)),
        ] {
            members.insert(name.to_owned(), member);
        }
        if let Some(Summary { min, max, mean, not_finite, exact }) = Summary::of(array, seen) {
            members.extend([
                ("min".to_owned(), min.into()),
                ("max".to_owned(), max.into()),
                ("mean".to_owned(), mean.into()),
                ("not_finite".to_owned(), not_finite.into()),
                ("exact".to_owned(), exact.into()),
            ]);
        }
        json!({"$ndarray": members})
    }

    fn redacted<'a>(&self, text: &'a str) -> std::borrow::Cow<'a, str> {
        if self.redacting && text.contains("://") { redact(text).into() } else { text.into() }
    }

    /// Whether there is room for so much; it is taken.
    fn take(&mut self, amount: usize) -> bool {
        let enough = self.room > 0;
        self.room = self.room.saturating_sub(amount);
        enough
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn written(value: impl Into<Value>) -> Json {
        let map: Map = [("v", value.into())].into_iter().collect();
        fields(&map, Limits::ROW).get_mut("v").unwrap().take()
    }

    #[test]
    fn small_values_are_as_they_are() {
        let list = Value::List(vec![1i64.into(), "a".into(), Value::Nil]);
        assert_eq!(written(list), json!([1, "a", null]));
        assert_eq!(written(1.5), json!(1.5));
        let map: Map = [("a", Value::from(true))].into_iter().collect();
        assert_eq!(written(Value::Map(map)), json!({"a": true}));
    }

    #[test]
    fn what_javascript_or_json_does_not_have_is_marked() {
        assert_eq!(written(i64::MIN), json!({"$int": "-9223372036854775808"}));
        assert_eq!(written(Value::UInt(u64::MAX)), json!({"$int": "18446744073709551615"}));
        assert_eq!(written(9_007_199_254_740_991i64), json!(9_007_199_254_740_991i64));
        assert_eq!(written(f64::NEG_INFINITY), json!({"$float": "-inf"}));
        let map: Map = [("$cut", Value::Nil)].into_iter().collect();
        assert_eq!(written(Value::Map(map)), json!({"$map": {"entries": {"$cut": null}, "length": 1}}));
    }

    #[test]
    fn large_values_are_cut_and_say_so() {
        let text = written("é".repeat(300));
        assert_eq!(text["$text"]["length"], 300);
        assert_eq!(text["$text"]["start"].as_str().unwrap().chars().count(), 200);
        assert_eq!(written(Value::List(vec![Value::Nil; 13]))["$list"]["length"], 13);
        let map: Map = (0..20).map(|i| (format!("k{i}"), Value::Nil)).collect();
        assert_eq!(written(Value::Map(map))["$map"]["entries"].as_object().unwrap().len(), 12);
        let bytes = written(Value::Bytes(Bytes::from_static(b"\x89PNG\r\n\x1a\nrest")));
        assert_eq!(
            (bytes["$bytes"]["length"].as_u64(), bytes["$bytes"]["kind"].as_str()),
            (Some(12), Some("png"))
        );
        let mut nested = Value::Nil;
        for _ in 0..100 {
            nested = Value::List(vec![nested]);
        }
        assert!(written(nested).to_string().contains("$cut"));
    }

    #[test]
    fn all_of_it_together_is_bounded() {
        let text = Value::from("x".repeat(200));
        let map: Map = (0..100_000).map(|i| (format!("{}{i}", "k".repeat(300)), text.clone())).collect();
        let json = fields(&map, Limits::ROW);
        assert!(json.to_string().len() < 64 << 10);
        assert_eq!(json["…"]["$cut"], true);
    }

    #[test]
    fn arrays_are_summed_up() {
        let array = NdArray::from_vec(&[2, 8], (0..16i32).collect()).unwrap();
        let json = written(Value::Array(array.clone()));
        assert_eq!(json["$ndarray"]["shape"], json!([2, 8]));
        assert_eq!(json["$ndarray"]["preview"], "[0, 1, 2, 3, 4, 5, 6, 7, …]");
        assert_eq!(
            (json["$ndarray"]["max"].as_f64(), json["$ndarray"]["exact"].as_bool()),
            (Some(15.0), Some(true))
        );
        let mut npy = Vec::new();
        atdata_core::array::encode(&array, atdata_core::array::ArrayFormat::Npy, &mut npy).unwrap();
        assert_eq!(written(Value::Bytes(npy.into())), json);
        let hostile = Value::Bytes(Bytes::from_static(b"\x93NUMPY\x01\0\xff\xff"));
        assert_eq!(written(hostile)["$bytes"]["kind"], "npy");
    }

    #[test]
    fn addresses_in_metadata_lose_their_secrets() {
        let map: Map =
            [("https://u:hunter2@h/a", Value::from("s3://b/k?token=hunter2"))].into_iter().collect();
        assert!(!metadata(&map, Limits::METADATA).to_string().contains("hunter2"));
    }
}
