//! Bringing values into the form that a schema asks for.

use std::collections::HashMap;

use atdata::array::{self, DType};
use atdata::schema::{ArrayType, Field, FieldType, Primitive, SampleSchema};
use atdata::{Map, NdArray, Result as CoreResult, Value};

use super::arrays;

/// Why a value does not fit: the kind of reason, and the words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    /// What many misfits share.
    pub(super) reason: &'static str,
    /// This one.
    pub(super) detail: String,
}

const WRONG_TYPE: &str = "a value does not fit the schema";
const MISSING: &str = "a required field is missing";
const UNKNOWN: &str = "a field that the schema does not have";

impl Misfit {
    fn wrong_type(expected: &FieldType, found: &Value) -> Self {
        let shown: String = found.to_string().chars().take(40).collect();
        Self {
            reason: WRONG_TYPE,
            detail: format!("expected {expected}, found {} {shown}", found.type_name()),
        }
    }

    fn new(detail: impl Into<String>) -> Self {
        Self { reason: WRONG_TYPE, detail: detail.into() }
    }

    fn in_field(mut self, name: &str) -> Self {
        self.detail = format!("{name}: {}", self.detail);
        self
    }
}

type Result<T> = std::result::Result<T, Misfit>;

/// A schema, prepared to be applied to many samples.
#[derive(Debug)]
pub(super) struct Conformer {
    schema: SampleSchema,
    places: HashMap<String, usize>,
}

impl Conformer {
    /// Prepares a schema.
    pub(super) fn new(schema: SampleSchema) -> Self {
        let places = schema.fields.iter().enumerate().map(|(at, field)| (field.name.clone(), at)).collect();
        Self { schema, places }
    }

    /// The fields in the schema's order and types: integers become floats, lists and bytes become arrays where the
    /// schema says so, and what may be missing is nil.
    ///
    /// # Errors
    /// A field is missing, unknown, or of another type.
    pub(super) fn conform(&self, fields: Map) -> Result<Map> {
        let mut values: Vec<Option<Value>> = vec![None; self.schema.fields.len()];
        for (name, value) in fields {
            let slot = self.places.get(&name).and_then(|at| values.get_mut(*at));
            let slot = slot.ok_or(Misfit { reason: UNKNOWN, detail: name })?;
            *slot = Some(value);
        }
        let mut out = Map::with_capacity(values.len());
        for (field, value) in self.schema.fields.iter().zip(values) {
            out.insert(
                field.name.clone(),
                conform_field(field, value).map_err(|misfit| misfit.in_field(&field.name))?,
            );
        }
        Ok(out)
    }
}

fn conform_field(field: &Field, value: Option<Value>) -> Result<Value> {
    match value {
        None | Some(Value::Nil) if field.optional => Ok(Value::Nil),
        Some(value) => conform_value(value, &field.field_type),
        None => match &field.default {
            Some(default) => Ok(default.clone()),
            None => Err(Misfit { reason: MISSING, detail: "missing".to_owned() }),
        },
    }
}

/// Brings one value into the form of a type.
pub(super) fn conform_value(value: Value, expected: &FieldType) -> Result<Value> {
    match (expected, value) {
        (FieldType::Any | FieldType::Ref(_), value) => Ok(value),
        (FieldType::Nullable(_), Value::Nil) => Ok(Value::Nil),
        (FieldType::Nullable(inner), value) => conform_value(value, inner),
        (FieldType::Primitive(primitive), value) => conform_primitive(value, *primitive, expected),
        (FieldType::NdArray(hint), value) => {
            let array = to_array(value, hint, expected)?;
            check_hint(&array, hint)?;
            Ok(Value::Array(array))
        }
        (FieldType::Structured(_), Value::Array(array)) => Ok(Value::Array(array)),
        (FieldType::Structured(_), Value::Bytes(bytes)) => decode(array::decode(bytes)),
        (FieldType::Array(inner), Value::List(items)) => {
            items.into_iter().map(|item| conform_value(item, inner)).collect::<Result<_>>().map(Value::List)
        }
        (FieldType::Map(inner), Value::Map(map)) => map
            .into_iter()
            .map(|(key, value)| {
                let value = conform_value(value, inner).map_err(|misfit| misfit.in_field(&key))?;
                Ok((key, value))
            })
            .collect::<Result<Map>>()
            .map(Value::Map),
        (FieldType::Object(fields), Value::Map(map)) => conform_struct(map, fields).map(Value::Map),
        (
            FieldType::Sparse | FieldType::ArrowTensor | FieldType::Safetensors | FieldType::DataFrame,
            value,
        ) if value.as_bytes().is_some() => Ok(value),
        (expected, value) => Err(Misfit::wrong_type(expected, &value)),
    }
}

// Beyond 2⁵³ the nearest float is what a float column means.
#[allow(clippy::cast_precision_loss)]
fn conform_primitive(value: Value, primitive: Primitive, expected: &FieldType) -> Result<Value> {
    match (primitive, value) {
        (Primitive::Float, Value::Int(v)) => Ok(Value::Float(v as f64)),
        (Primitive::Float, Value::UInt(v)) => Ok(Value::Float(v as f64)),
        (Primitive::Float, value @ Value::Float(_))
        | (Primitive::Int, value @ (Value::Int(_) | Value::UInt(_)))
        | (Primitive::Bool, value @ Value::Bool(_))
        | (Primitive::Str, value @ Value::Str(_))
        | (Primitive::Bytes, value @ Value::Bytes(_)) => Ok(value),
        (_, value) => Err(Misfit::wrong_type(expected, &value)),
    }
}

fn conform_struct(mut map: Map, fields: &[Field]) -> Result<Map> {
    let mut out = Map::with_capacity(fields.len());
    for field in fields {
        let value = map.remove(&field.name);
        out.insert(
            field.name.clone(),
            conform_field(field, value).map_err(|misfit| misfit.in_field(&field.name))?,
        );
    }
    match map.keys().next() {
        Some(unknown) => Err(Misfit { reason: UNKNOWN, detail: unknown.to_owned() }),
        None => Ok(out),
    }
}

fn to_array(value: Value, hint: &ArrayType, expected: &FieldType) -> Result<NdArray> {
    match value {
        Value::Array(array) => Ok(array),
        Value::Bytes(bytes) => array::decode(bytes).map_err(|error| Misfit::new(error.message().to_owned())),
        Value::List(items) => {
            let dtype: DType = hint
                .dtype
                .as_deref()
                .unwrap_or("float64")
                .parse()
                .map_err(|error: atdata::Error| Misfit::new(error.message().to_owned()))?;
            let (shape, values) =
                arrays::flatten(&items).map_err(|error| Misfit::new(error.message().to_owned()))?;
            arrays::from_values(&dtype, &shape, &values)
                .map_err(|error| Misfit::new(error.message().to_owned()))
        }
        other => Err(Misfit::wrong_type(expected, &other)),
    }
}

fn decode(array: CoreResult<NdArray>) -> Result<Value> {
    array.map(Value::Array).map_err(|error| Misfit::new(error.message().to_owned()))
}

fn check_hint(array: &NdArray, hint: &ArrayType) -> Result<()> {
    if let Some(dtype) = &hint.dtype
        && array.dtype().name() != *dtype
    {
        return Err(Misfit::new(format!("expected an array of {dtype}, found {array}")));
    }
    if let Some(shape) = &hint.shape {
        let fits = shape.len() == array.ndim()
            && shape.iter().zip(array.shape()).all(|(want, is)| want.is_none_or(|want| want == *is as u64));
        if !fits {
            return Err(Misfit::new(format!("expected an array {hint}, found {array}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jsonl;

    fn conform(schema: SampleSchema, line: &str) -> Result<String> {
        let fields = jsonl::fields_from_json(serde_json::from_str(line).unwrap()).unwrap();
        Conformer::new(schema).conform(fields).map(|fields| fields.to_string())
    }

    fn schema() -> SampleSchema {
        SampleSchema::new("S")
            .field(Field::new("a", Primitive::Float))
            .field(Field::new("b", Primitive::Str).optional())
    }

    #[test]
    fn fields_come_in_the_schemas_order_and_types() {
        assert_eq!(conform(schema(), r#"{"b": "x", "a": 1}"#).unwrap(), r#"{"a": 1.0, "b": "x"}"#);
        assert_eq!(conform(schema(), r#"{"a": 2.5}"#).unwrap(), r#"{"a": 2.5, "b": nil}"#);
    }

    #[test]
    fn misfits_name_the_field() {
        assert_eq!(
            conform(schema(), "{}").unwrap_err(),
            Misfit { reason: MISSING, detail: "a: missing".into() }
        );
        assert_eq!(conform(schema(), r#"{"a": 1, "z": 1}"#).unwrap_err().reason, UNKNOWN);
        let misfit = conform(schema(), r#"{"a": "x"}"#).unwrap_err();
        assert_eq!(
            (misfit.reason, misfit.detail.as_str()),
            (WRONG_TYPE, "a: expected float, found str \"x\"")
        );
        assert_eq!(conform(schema(), r#"{"a": null}"#).unwrap_err().reason, WRONG_TYPE);
    }

    #[test]
    fn lists_become_arrays_where_the_schema_says_so() {
        let array = ArrayType {
            dtype: Some("uint8".into()),
            shape: Some(vec![Some(2), None]),
            dimension_names: None,
        };
        let schema = || SampleSchema::new("S").field(Field::new("a", array.clone()));
        assert_eq!(conform(schema(), r#"{"a": [[1, 2, 3], [4, 5, 6]]}"#).unwrap(), r#"{"a": <u1 (2, 3)>}"#);
        for line in [r#"{"a": [[1], [300]]}"#, r#"{"a": [1, 2]}"#, r#"{"a": [[1], [2, 3]]}"#, r#"{"a": "x"}"#]
        {
            assert_eq!(conform(schema(), line).unwrap_err().reason, WRONG_TYPE, "{line}");
        }
    }

    #[test]
    fn nested_types_are_checked_inside() {
        let inner = FieldType::Object(vec![Field::new("x", Primitive::Int)]);
        let schema = || {
            SampleSchema::new("S")
                .field(Field::new("s", inner.clone()))
                .field(Field::new("m", FieldType::map(FieldType::list(FieldType::nullable(Primitive::Int)))))
        };
        assert!(conform(schema(), r#"{"s": {"x": 1}, "m": {"k": [1, null]}}"#).is_ok());
        assert_eq!(conform(schema(), r#"{"s": {"x": 1, "y": 2}, "m": {}}"#).unwrap_err().reason, UNKNOWN);
        assert_eq!(
            conform(schema(), r#"{"s": {"x": 1}, "m": {"k": ["a"]}}"#).unwrap_err().reason,
            WRONG_TYPE
        );
    }
}
