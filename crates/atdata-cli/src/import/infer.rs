//! From values to a schema.

use std::collections::HashMap;

use atdata::array::DTypeKind;
use atdata::schema::{ArrayType, Field, FieldType, Primitive, SampleSchema};
use atdata::{Map, NdArray, Value};

use crate::names;

/// A map with more keys than this is not a struct.
const MAX_FIELDS: usize = 64;
/// Types nested deeper than this are `any`: schemas end at 32 levels.
const MAX_DEPTH: usize = 16;

/// What has been seen at one place.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    kind: Kind,
    nil: bool,
}

#[derive(Clone, Debug, Default)]
enum Kind {
    /// Nothing but nil.
    #[default]
    Nothing,
    Primitive(Primitive),
    /// Arrays; the dtype while all agree.
    Array(Option<String>),
    /// Arrays of records.
    Records,
    List(Box<Seen>),
    Struct(Struct),
    /// Maps with too many keys, or with keys that cannot be fields.
    Map(Box<Seen>),
    Any,
}

/// Fields by name, in the order in which they were seen first.
#[derive(Clone, Debug, Default)]
pub(super) struct Struct {
    fields: Vec<(String, Seen, u64)>,
    places: HashMap<String, usize>,
    count: u64,
}

impl Struct {
    /// Takes in a sample or map.
    pub(super) fn observe(&mut self, map: &Map) {
        self.observe_at(map, 0);
    }

    fn observe_at(&mut self, map: &Map, depth: usize) {
        self.count += 1;
        for (name, value) in map.iter() {
            let place = *self.places.entry(name.to_owned()).or_insert_with(|| {
                self.fields.push((name.to_owned(), Seen::default(), 0));
                self.fields.len() - 1
            });
            if let Some((_, seen, count)) = self.fields.get_mut(place) {
                seen.observe_at(value, depth + 1);
                *count += 1;
            }
        }
    }

    /// The names seen, in order.
    pub(super) fn names(&self) -> Vec<String> {
        self.fields.iter().map(|(name, ..)| name.clone()).collect()
    }

    /// The fields; those that were missing somewhere or nil are optional.
    pub(super) fn fields(&self) -> Vec<Field> {
        self.fields
            .iter()
            .map(|(name, seen, count)| {
                let field = Field::new(name.clone(), seen.field_type());
                let always = *count == self.count && !seen.nil && !matches!(seen.kind, Kind::Nothing);
                if always { field } else { field.optional() }
            })
            .collect()
    }

    /// Adds the fields to a schema under names that schemas allow; `renamed` gives those in the order of
    /// [`names`](Self::names).
    pub(super) fn schema(&self, mut schema: SampleSchema, renamed: &[String]) -> SampleSchema {
        for (mut field, name) in self.fields().into_iter().zip(renamed) {
            name.clone_into(&mut field.name);
            schema = schema.field(field);
        }
        schema
    }

    fn is_struct(&self) -> bool {
        self.fields.len() <= MAX_FIELDS
            && self.fields.iter().all(|(name, ..)| names::identifier(name) == *name)
    }

    /// All values in one.
    fn merged(self) -> Seen {
        self.fields.into_iter().fold(Seen::default(), |merged, (_, seen, _)| merged.merge(seen))
    }
}

impl Seen {
    /// Takes in a value.
    pub(super) fn observe(&mut self, value: &Value) {
        self.observe_at(value, 0);
    }

    fn observe_at(&mut self, value: &Value, depth: usize) {
        if value.is_nil() {
            self.nil = true;
            return;
        }
        if depth > MAX_DEPTH {
            self.kind = Kind::Any;
            return;
        }
        // Lists and maps are taken in without being built anew for each value.
        match (&mut self.kind, value) {
            (Kind::List(seen), Value::List(items)) => {
                items.iter().for_each(|item| seen.observe_at(item, depth + 1))
            }
            (Kind::Struct(seen), Value::Map(map)) => {
                seen.observe_at(map, depth);
                if !seen.is_struct() {
                    let merged = std::mem::take(seen).merged();
                    self.kind = Kind::Map(Box::new(merged));
                }
            }
            (Kind::Map(seen), Value::Map(map)) => {
                map.iter().for_each(|(_, value)| seen.observe_at(value, depth + 1))
            }
            (kind, _) => {
                let seen = std::mem::take(kind);
                self.kind = seen.merge(Kind::of(value, depth));
            }
        }
    }

    /// Whether nil was among the values.
    pub(super) fn saw_nil(&self) -> bool {
        self.nil
    }

    fn merge(self, other: Self) -> Self {
        Self { nil: self.nil || other.nil, kind: self.kind.merge(other.kind) }
    }

    /// The type that holds all that was seen, but for nil.
    pub(super) fn field_type(&self) -> FieldType {
        match &self.kind {
            Kind::Nothing | Kind::Any => FieldType::Any,
            Kind::Primitive(primitive) => (*primitive).into(),
            Kind::Array(dtype) => {
                FieldType::NdArray(ArrayType { dtype: dtype.clone(), ..ArrayType::default() })
            }
            Kind::Records => FieldType::Structured(ArrayType::default()),
            Kind::List(items) => FieldType::list(items.item_type()),
            Kind::Map(values) => FieldType::map(values.item_type()),
            Kind::Struct(fields) if fields.fields.is_empty() => FieldType::map(FieldType::Any),
            Kind::Struct(fields) => FieldType::Object(fields.fields()),
        }
    }

    fn item_type(&self) -> FieldType {
        let inner = self.field_type();
        if self.nil && inner != FieldType::Any { FieldType::nullable(inner) } else { inner }
    }
}

impl Kind {
    fn of(value: &Value, depth: usize) -> Self {
        match value {
            Value::Nil => Kind::Nothing,
            Value::Bool(_) => Kind::Primitive(Primitive::Bool),
            Value::Int(_) | Value::UInt(_) => Kind::Primitive(Primitive::Int),
            Value::Float(_) => Kind::Primitive(Primitive::Float),
            Value::Str(_) => Kind::Primitive(Primitive::Str),
            Value::Bytes(_) => Kind::Primitive(Primitive::Bytes),
            Value::Array(array) if array.dtype().as_structured().is_some() => Kind::Records,
            Value::Array(array) => Kind::Array(dtype_name(array)),
            Value::List(items) => {
                let mut seen = Seen::default();
                items.iter().for_each(|item| seen.observe_at(item, depth + 1));
                Kind::List(Box::new(seen))
            }
            Value::Map(map) => {
                let mut seen = Struct::default();
                seen.observe_at(map, depth);
                if seen.is_struct() { Kind::Struct(seen) } else { Kind::Map(Box::new(seen.merged())) }
            }
        }
    }

    fn merge(self, other: Self) -> Self {
        use Primitive::{Float, Int};
        match (self, other) {
            (Kind::Nothing, kind) | (kind, Kind::Nothing) => kind,
            (Kind::Primitive(a), Kind::Primitive(b)) if a == b => Kind::Primitive(a),
            (Kind::Primitive(Int | Float), Kind::Primitive(Int | Float)) => Kind::Primitive(Float),
            (Kind::Array(a), Kind::Array(b)) => Kind::Array(if a == b { a } else { None }),
            (Kind::Records, Kind::Records) => Kind::Records,
            (Kind::List(a), Kind::List(b)) => Kind::List(Box::new(a.merge(*b))),
            (Kind::Map(a), Kind::Map(b)) => Kind::Map(Box::new(a.merge(*b))),
            (Kind::Map(a), Kind::Struct(b)) | (Kind::Struct(b), Kind::Map(a)) => {
                Kind::Map(Box::new(a.merge(b.merged())))
            }
            (Kind::Struct(a), Kind::Struct(b)) => Kind::merge_structs(a, b),
            _ => Kind::Any,
        }
    }

    fn merge_structs(mut a: Struct, b: Struct) -> Self {
        a.count += b.count;
        for (name, seen, count) in b.fields {
            match a.places.get(&name).and_then(|place| a.fields.get_mut(*place)) {
                Some((_, old, old_count)) => {
                    *old = std::mem::take(old).merge(seen);
                    *old_count += count;
                }
                None => {
                    a.places.insert(name.clone(), a.fields.len());
                    a.fields.push((name, seen, count));
                }
            }
        }
        if a.is_struct() { Kind::Struct(a) } else { Kind::Map(Box::new(a.merged())) }
    }
}

/// numpy's name of the dtype, where schemas have one; text of any width is one type.
pub(super) fn dtype_name(array: &NdArray) -> Option<String> {
    match array.dtype().kind() {
        DTypeKind::Bytes(_) | DTypeKind::Str(_) | DTypeKind::Void(_) | DTypeKind::Structured(_) => None,
        _ => Some(array.dtype().name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jsonl;

    fn types(lines: &[&str]) -> Vec<String> {
        let mut seen = Struct::default();
        for line in lines {
            seen.observe(&jsonl::fields_from_json(serde_json::from_str(line).unwrap()).unwrap());
        }
        let names = seen.names();
        let schema = seen.schema(SampleSchema::new("S"), &names);
        schema.validate().unwrap();
        schema.fields.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn scalars_widen_and_mixtures_are_any() {
        let lines = [
            r#"{"a": 1, "b": 1, "c": "x", "d": null, "e": true}"#,
            r#"{"a": 2, "b": 1.5, "c": 1, "e": false}"#,
        ];
        assert_eq!(types(&lines), ["a: int", "b: float", "c: any", "d: any?", "e: bool"]);
    }

    #[test]
    fn missing_and_null_fields_are_optional() {
        assert_eq!(
            types(&[r#"{"a": 1, "b": "x"}"#, r#"{"a": null, "c": 2}"#]),
            ["a: int?", "b: str?", "c: int?"]
        );
    }

    #[test]
    fn lists_maps_and_structs_are_told_apart() {
        let lines = [
            r#"{"l": [1, 2.5, null], "s": {"x": 1, "y": "a"}, "m": {"a-b": 1}, "e": []}"#,
            r#"{"l": [], "s": {"x": 2}, "m": {"c": 2.5}, "e": [[]]}"#,
        ];
        assert_eq!(
            types(&lines),
            ["l: list<float?>", "s: {\n    x: int,\n    y: str?,\n}", "m: map<float>", "e: list<list<any>>"]
        );
    }

    #[test]
    fn a_map_of_many_keys_is_no_struct() {
        let object: Vec<String> = (0..100).map(|i| format!(r#""k{i}": {i}"#)).collect();
        assert_eq!(types(&[&format!(r#"{{"m": {{{}}}}}"#, object.join(", "))]), ["m: map<int>"]);
    }

    #[test]
    fn bytes_and_arrays_are_recognised() {
        let array = r#"{"$ndarray": {"dtype": "<f4", "shape": [1], "data": "AACAPw=="}}"#;
        let line = format!(r#"{{"b": {{"$bytes": "AA=="}}, "a": {array}}}"#);
        assert_eq!(types(&[&line]), ["b: bytes", "a: ndarray<float32>"]);
    }
}
