//! What is collected of a field.

use std::collections::BTreeMap;

use atdata_core::Value;

use super::arrays::{Shapes, add_elements};
use super::distinct::DistinctValues;
use super::format::{FieldStatistics, Kind};
use super::frequent::{Countable, Counts};
use super::numbers::Numbers;

/// How bytes begin that are of a known format.
const FORMATS: [(&str, &[u8]); 12] = [
    ("png", b"\x89PNG\r\n\x1a\n"),
    ("jpeg", b"\xff\xd8\xff"),
    ("gif", b"GIF8"),
    ("tiff", b"II*\0"),
    ("tiff", b"MM\0*"),
    ("npy", b"\x93NUMPY"),
    ("zip", b"PK\x03\x04"),
    ("gzip", b"\x1f\x8b"),
    ("pdf", b"%PDF-"),
    ("flac", b"fLaC"),
    ("ogg", b"OggS"),
    ("mp3", b"ID3"),
];

/// Collects the values of a field.
#[derive(Debug)]
pub(super) struct FieldCollector {
    name: String,
    declared: Option<String>,
    null: u64,
    kinds: BTreeMap<Kind, u64>,
    numbers: Numbers,
    lengths: Numbers,
    distinct: DistinctValues,
    counts: Counts,
    shapes: Shapes,
    formats: BTreeMap<&'static str, u64>,
}

impl FieldCollector {
    pub(super) fn new(name: &str, declared: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            declared,
            null: 0,
            kinds: BTreeMap::new(),
            numbers: Numbers::default(),
            lengths: Numbers::default(),
            distinct: DistinctValues::default(),
            counts: Counts::default(),
            shapes: Shapes::default(),
            formats: BTreeMap::new(),
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "what is beyond 2^53 is rounded, as the document says")]
    pub(super) fn add(&mut self, value: &Value) {
        let kind = match value {
            Value::Nil => {
                self.null += 1;
                return;
            }
            Value::Bool(value) => {
                self.distinct.add(0, &[u8::from(*value)]);
                self.counts.add(Countable::Bool(*value));
                Kind::Bool
            }
            Value::Int(number) => {
                self.integer(i128::from(*number));
                self.numbers.add(*number as f64);
                Kind::Number
            }
            Value::UInt(number) => {
                self.integer(i128::from(*number));
                self.numbers.add(*number as f64);
                Kind::Number
            }
            Value::Float(number) => {
                self.distinct.add(2, &number.to_bits().to_be_bytes());
                // Floats are measured, not counted.
                self.counts.give_up();
                self.numbers.add(*number);
                Kind::Number
            }
            Value::Str(text) => {
                self.distinct.add(3, text.as_bytes());
                self.counts.add(Countable::Text(text.clone()));
                self.length(text.chars().count());
                Kind::Text
            }
            Value::Bytes(bytes) => {
                *self.formats.entry(format_of(bytes)).or_default() += 1;
                self.length(bytes.len());
                Kind::Bytes
            }
            Value::List(items) => {
                items.iter().filter_map(Value::as_f64).for_each(|number| self.numbers.add(number));
                self.length(items.len());
                Kind::List
            }
            Value::Map(map) => {
                self.length(map.len());
                Kind::Map
            }
            Value::Array(array) => {
                self.shapes.add(array);
                add_elements(&mut self.numbers, array);
                Kind::Array
            }
        };
        *self.kinds.entry(kind).or_default() += 1;
    }

    fn integer(&mut self, number: i128) {
        self.distinct.add(1, &number.to_be_bytes());
        self.counts.add(Countable::Int(number));
    }

    #[allow(clippy::cast_precision_loss, reason = "a length")]
    fn length(&mut self, length: usize) {
        self.lengths.add(length as f64);
    }

    pub(super) fn finish(self, samples: u64) -> FieldStatistics {
        let count: u64 = self.kinds.values().sum();
        let mut kinds = self.kinds;
        let kind = match kinds.len() {
            0 => Kind::Null,
            1 => kinds.pop_first().map_or(Kind::Null, |(kind, _)| kind),
            _ => Kind::Mixed,
        };
        let (shapes, other_shapes) = self.shapes.finish();
        FieldStatistics {
            name: self.name,
            declared: self.declared,
            kind,
            count,
            null: self.null,
            missing: samples.saturating_sub(count + self.null),
            kinds,
            numbers: self.numbers.finish(),
            length: self.lengths.finish(),
            distinct: self.distinct.finish(),
            top: self.counts.finish(),
            shapes,
            other_shapes,
            formats: self.formats.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        }
    }
}

/// What bytes are, by how they begin.
fn format_of(bytes: &[u8]) -> &'static str {
    let is_riff = |kind: &[u8]| bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(kind);
    match FORMATS.iter().find(|(_, magic)| bytes.starts_with(magic)) {
        Some((name, _)) => name,
        None if is_riff(b"WEBP") => "webp",
        None if is_riff(b"WAVE") => "wav",
        None if bytes.get(4..8) == Some(b"ftyp") => "mp4",
        None => "other",
    }
}

#[cfg(test)]
mod tests {
    use atdata_core::{Map, NdArray};
    use bytes::Bytes;

    use super::*;

    fn of(values: Vec<Value>) -> FieldStatistics {
        let mut field = FieldCollector::new("x", None);
        values.iter().for_each(|value| field.add(value));
        field.finish(values.len() as u64 + 1)
    }

    #[test]
    fn every_kind_of_value_is_described() {
        let found = of(vec![Value::Int(3), Value::Nil, Value::Int(3), Value::UInt(u64::MAX)]);
        assert_eq!((found.kind, found.count, found.null, found.missing), (Kind::Number, 3, 1, 1));
        assert_eq!((found.top[0].count, found.distinct.unwrap().estimate), (2, 2));

        let found = of(["é", "é", "abc"].map(Value::from).to_vec());
        let length = found.length.unwrap();
        assert_eq!((found.kind, length.min, length.max), (Kind::Text, 1.0, 3.0));
        assert_eq!(found.top[0].value, "é");

        let png = Bytes::from_static(b"\x89PNG\r\n\x1a\n...");
        let found = of(vec![Value::Bytes(png), Value::Bytes(Bytes::from_static(b"RIFF....WAVE"))]);
        assert_eq!(found.formats, BTreeMap::from([("png".to_owned(), 1), ("wav".to_owned(), 1)]));

        let found = of(vec![Value::List(vec![Value::Int(1), Value::Float(2.0), Value::from("x")])]);
        assert_eq!(
            (found.kind, found.numbers.unwrap().mean, found.length.unwrap().max),
            (Kind::List, 1.5, 3.0)
        );

        let found = of(vec![Value::Array(NdArray::from_vec(&[2, 1], vec![1u8, 2]).unwrap())]);
        assert_eq!(
            (found.kind, &*found.shapes[0].dtype, &*found.shapes[0].shape),
            (Kind::Array, "uint8", &[2, 1][..])
        );
        assert_eq!(found.numbers.unwrap().max, 2.0);

        assert_eq!(of(vec![Value::Map(Map::new())]).length.unwrap().max, 0.0);
        assert_eq!(of(vec![Value::Bool(true)]).top[0].value, true);
        assert_eq!(of(vec![Value::Nil]).kind, Kind::Null);
    }

    #[test]
    fn mixed_values_are_said_to_be() {
        let found = of(vec![Value::Int(1), Value::from("a"), Value::from("b")]);
        assert_eq!(found.kind, Kind::Mixed);
        assert_eq!(found.kinds, BTreeMap::from([(Kind::Number, 1), (Kind::Text, 2)]));
    }

    #[test]
    fn floats_are_not_listed() {
        let found = of(vec![Value::Float(1.0), Value::Float(1.0)]);
        assert_eq!((found.top.len(), found.distinct.unwrap().estimate), (0, 1));
    }
}
