//! The sample without a compile-time type.

use bytes::Bytes;

use crate::array::{self, ArrayFormat};
use crate::msgpack::{Packer, UnpackOptions, UnpackPolicy, Unpacker};
use crate::schema::{Field, FieldType, SampleSchema};
use crate::{Error, Map, Result, ResultExt, Value};

use super::Sample;

/// A sample without a compile-time type: its fields in stored order.
///
/// Read without a schema, every `bin` value stays [`Value::Bytes`], as in Python: nothing in the payload says which
/// bytes are arrays. Read with one ([`UnpackOptions::schema`]), array fields become [`Value::Array`] and the fields
/// are checked against it.
///
/// ```
/// use atdata_core::{DictSample, Value};
///
/// let mut sample = DictSample::new();
/// sample.insert("label", 7i64);
/// assert_eq!(sample.get("label").and_then(Value::as_i64), Some(7));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DictSample(Map);

impl DictSample {
    /// A sample without fields.
    pub const fn new() -> Self {
        Self(Map::new())
    }

    /// The value of a field.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// Sets a field; see [`Map::insert`].
    pub fn insert(&mut self, field: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(field, value)
    }

    /// The fields, as a map.
    pub fn fields(&self) -> &Map {
        &self.0
    }

    /// The fields, to change them.
    pub fn fields_mut(&mut self) -> &mut Map {
        &mut self.0
    }

    /// Takes the fields out.
    pub fn into_fields(self) -> Map {
        self.0
    }

    /// Decodes a field of bytes as an array, where no schema said that it is one. `nil` stays `nil`.
    ///
    /// # Errors
    /// There is no such field, or it holds no array.
    pub fn decode_array(&mut self, field: &str) -> Result<()> {
        let value = self
            .0
            .get_mut(field)
            .ok_or_else(|| Error::invalid("the sample has no such field").with("field", field))?;
        if value.is_nil() {
            return Ok(());
        }
        convert(value, &FieldType::NdArray(Default::default())).context("field", field)
    }
}

impl From<Map> for DictSample {
    fn from(fields: Map) -> Self {
        Self(fields)
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for DictSample {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(iter: I) -> Self {
        Self(iter.into_iter().collect())
    }
}

impl Sample for DictSample {
    fn static_schema() -> Option<SampleSchema> {
        None
    }

    fn pack_into(&self, out: &mut Vec<u8>, arrays: ArrayFormat) -> Result<()> {
        Packer::new(out).with_array_format(arrays).fields(&self.0)
    }

    fn unpack(payload: &Bytes, options: &UnpackOptions) -> Result<Self> {
        let mut unpacker = Unpacker::with_options(payload, options);
        let mut fields = match &options.fields {
            Some(wanted) => unpacker.fields_where(|name| wanted.iter().any(|wanted| wanted == name))?,
            None => unpacker.fields()?,
        };
        unpacker.finish()?;
        if let Some(schema) = &options.schema {
            check(&mut fields, schema, options.policy).context("schema", &schema.name)?;
        }
        Ok(Self(fields))
    }
}

/// Holds the fields against the schema and decodes what it says is an array.
pub(crate) fn check(fields: &mut Map, schema: &SampleSchema, policy: UnpackPolicy) -> Result<()> {
    for field in &schema.fields {
        match fields.get_mut(&field.name) {
            Some(Value::Nil) if field.optional => {}
            Some(value) => convert(value, &field.field_type).context("field", &field.name)?,
            None => {
                if let Some(mut value) = absent(field, policy)? {
                    if !(field.optional && value.is_nil()) {
                        // The default of an array field is stated as bytes.
                        convert(&mut value, &field.field_type).context("field", &field.name)?;
                    }
                    fields.insert(field.name.clone(), value);
                }
            }
        }
    }
    if policy == UnpackPolicy::Strict && fields.len() > schema.fields.len() {
        let unknown = fields.keys().find(|name| schema.get(name).is_none()).unwrap_or_default();
        return Err(
            Error::invalid("the sample has a field that the schema does not have").with("field", unknown)
        );
    }
    Ok(())
}

fn absent(field: &Field, policy: UnpackPolicy) -> Result<Option<Value>> {
    if let Some(default) = &field.default {
        return Ok(Some(default.clone()));
    }
    // A stored schema does not tell a default of `None` from none (Python's do not carry defaults), so an optional
    // field may be missing under both policies.
    if field.optional {
        return Ok((policy == UnpackPolicy::Lenient).then_some(Value::Nil));
    }
    Err(Error::invalid("the sample lacks a field that the schema requires").with("field", &field.name))
}

/// Checks a value against a type, and turns bytes into arrays where the type says so.
pub(crate) fn convert(value: &mut Value, field_type: &FieldType) -> Result<()> {
    use crate::schema::Primitive;
    let fits = match (field_type, &mut *value) {
        (FieldType::NdArray(_) | FieldType::Structured(_), Value::Bytes(bytes)) => {
            *value = Value::Array(array::decode(bytes.clone())?);
            true
        }
        (FieldType::NdArray(_) | FieldType::Structured(_), Value::Array(_)) | (FieldType::Any, _) => true,
        (FieldType::Array(item), Value::List(items)) => {
            items.iter_mut().try_for_each(|value| convert(value, item))?;
            true
        }
        (FieldType::Map(item), Value::Map(map)) => {
            map.values_mut().try_for_each(|value| convert(value, item))?;
            true
        }
        (FieldType::Object(fields), Value::Map(map)) => {
            for field in fields {
                if let Some(value) = map.get_mut(&field.name)
                    && !(field.optional && value.is_nil())
                {
                    convert(value, &field.field_type).context("field", &field.name)?;
                }
            }
            true
        }
        (FieldType::Nullable(inner), value) => {
            if !value.is_nil() {
                convert(value, inner)?;
            }
            true
        }
        (FieldType::Primitive(primitive), value) => matches!(
            (primitive, value),
            (Primitive::Str, Value::Str(_))
                | (Primitive::Int, Value::Int(_) | Value::UInt(_))
                | (Primitive::Float, Value::Float(_) | Value::Int(_) | Value::UInt(_))
                | (Primitive::Bool, Value::Bool(_))
                | (Primitive::Bytes, Value::Bytes(_))
        ),
        (
            FieldType::Sparse | FieldType::ArrowTensor | FieldType::Safetensors | FieldType::DataFrame,
            Value::Bytes(_),
        )
        | (FieldType::Ref(_), _) => true,
        _ => false,
    };
    if fits { Ok(()) } else { Err(super::mismatch(&field_type.to_string(), value.type_name())) }
}
