//! The JSON form of schemas: records of local indexes, and the field types of ATProto records of the older generations.
//!
//! A field type is `{"$type": "{prefix}#{kind}", …}`. Readers look only at the kind; the prefix is `local` in local
//! records and a lexicon's name in ATProto records.

use serde_json::{Map as JsonMap, Value as Json};

use super::exact_value::{self, Numbers};
use super::model::{MAX_DEPTH, too_deep};
use super::python_json::to_python_json;
use super::timestamp::{format_time, parse_time};
use super::{ArrayType, Field, FieldType, Primitive, SampleSchema, SchemaVersion};
use crate::{Error, Result, ResultExt, Value};

/// The prefix of `$type` in local records.
pub const LOCAL_PREFIX: &str = "local";

/// The highest format of schema records that is understood.
const MAX_FORMAT: u64 = 1;

impl SampleSchema {
    /// Reads a local schema record from its text.
    ///
    /// # Errors
    /// `Corrupt` if the text is not JSON or lacks a member, `Unsupported` for field types that are not known and for
    /// record formats above 1.
    ///
    /// ```
    /// use atdata_core::schema::SampleSchema;
    ///
    /// let text = r#"{"name": "S", "version": "1.0.0", "fields": [{"name": "n", "optional": false,
    ///     "fieldType": {"$type": "local#primitive", "primitive": "int"}}]}"#;
    /// assert_eq!(SampleSchema::from_json(text)?.fields[0].to_string(), "n: int");
    /// # Ok::<(), atdata_core::Error>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self> {
        let json: Json = serde_json::from_str(text)
            .map_err(|error| Error::corrupt("a schema record is not JSON").with_source(error))?;
        Self::from_json_value(&json)
    }

    /// Reads a local schema record, or any record with a list of `fields`.
    ///
    /// # Errors
    /// As [`SampleSchema::from_json`].
    pub fn from_json_value(json: &Json) -> Result<Self> {
        let record = as_object(json, "a schema record")?;
        let mut schema = read_head(record)?;
        schema.fields = match member(record, "fields") {
            None => Vec::new(),
            Some(fields) => read_fields(fields, 0).context("schema", &schema.name)?,
        };
        Ok(schema)
    }

    /// Writes the local schema record in the text form that Python stores.
    ///
    /// # Errors
    /// As [`SampleSchema::to_json_value`].
    ///
    /// ```
    /// use atdata_core::schema::{Field, Primitive, SampleSchema};
    ///
    /// let schema = SampleSchema::new("S").field(Field::new("n", Primitive::Int));
    /// assert_eq!(
    ///     schema.to_json()?,
    ///     r#"{"name": "S", "version": "1.0.0", "fields": [{"name": "n", "fieldType": {"$type": "local#primitive", "primitive": "int"}, "optional": false}], "description": null}"#
    /// );
    /// # Ok::<(), atdata_core::Error>(())
    /// ```
    pub fn to_json(&self) -> Result<String> {
        Ok(to_python_json(&self.to_json_value()?))
    }

    /// Writes the local schema record. `description` and `default` of fields, `metadata` and our own field types are
    /// written where they are set; Python ignores the former and cannot decode the latter.
    ///
    /// # Errors
    /// `Invalid` if a default or the metadata has no JSON form (arrays, NaN) or types are nested deeper than 32 levels.
    pub fn to_json_value(&self) -> Result<Json> {
        let mut record = JsonMap::new();
        record.insert("name".into(), Json::from(self.name.as_str()));
        record.insert("version".into(), Json::from(self.version.to_string()));
        let fields = write_fields(&self.fields, Form::LOCAL, 0).context("schema", &self.name)?;
        record.insert("fields".into(), fields);
        record.insert("description".into(), self.description.as_deref().map_or(Json::Null, Json::from));
        if let Some(time) = self.created_at.and_then(format_time) {
            record.insert("createdAt".into(), Json::from(time));
        }
        if let Some(metadata) = &self.metadata {
            let metadata = Value::Map(metadata.clone());
            exact_value::write(&mut record, "metadata", &metadata, Numbers::All)
                .context("schema", &self.name)?;
        }
        Ok(Json::Object(record))
    }
}

impl FieldType {
    /// Reads a field type.
    ///
    /// # Errors
    /// `Unsupported` for a kind or primitive that is not known, `Corrupt` for members of the wrong type and for
    /// nesting deeper than 32 levels.
    ///
    /// ```
    /// use atdata_core::schema::FieldType;
    ///
    /// let json = serde_json::json!({"$type": "ac.foundation.dataset.schemaType#ndarray", "dtype": "uint8"});
    /// assert_eq!(FieldType::from_json_value(&json)?, FieldType::ndarray("uint8"));
    /// # Ok::<(), atdata_core::Error>(())
    /// ```
    pub fn from_json_value(json: &Json) -> Result<Self> {
        read_type(json, 0)
    }

    /// Writes a field type; `prefix` is [`LOCAL_PREFIX`] or the name of a lexicon.
    ///
    /// # Errors
    /// As [`SampleSchema::to_json_value`].
    pub fn to_json_value(&self, prefix: &str) -> Result<Json> {
        write_type(self, Form { prefix, numbers: Numbers::All }, 0)
    }
}

/// What differs between local records and those of the network.
#[derive(Clone, Copy)]
pub(super) struct Form<'a> {
    /// What `$type` begins with.
    pub(super) prefix: &'a str,
    /// The numbers that defaults may have in JSON.
    pub(super) numbers: Numbers,
}

impl Form<'static> {
    const LOCAL: Self = Self { prefix: LOCAL_PREFIX, numbers: Numbers::All };
}

/// Everything but the fields, for records of every form.
pub(super) fn read_head(record: &JsonMap<String, Json>) -> Result<SampleSchema> {
    let name = text(record, "name")?.ok_or_else(|| Error::corrupt("a schema record has no name"))?;
    let read = || {
        check_format(record)?;
        let metadata = match exact_value::read(record, "metadata")? {
            Some(Value::Map(metadata)) => Some(metadata),
            _ => None,
        };
        let created_at = member(record, "createdAt").and_then(Json::as_str).and_then(parse_time);
        Ok::<_, Error>(SampleSchema {
            name: name.to_owned(),
            version: text(record, "version")?.map_or_else(SchemaVersion::default, SchemaVersion::from),
            fields: Vec::new(),
            description: text(record, "description")?.map(str::to_owned),
            created_at,
            metadata,
        })
    };
    read().context("schema", name)
}

fn check_format(record: &JsonMap<String, Json>) -> Result<()> {
    let Some(format) =
        member(record, "atdataSchemaVersion").or_else(|| member(record, "$atdataSchemaVersion"))
    else {
        return Ok(());
    };
    if format.as_f64().is_some_and(|format| format <= MAX_FORMAT as f64) {
        return Ok(());
    }
    Err(Error::unsupported(format!(
        "Unsupported schema record version: {format}; versions up to {MAX_FORMAT} can be read, a newer atdata may read this one"
    )))
}

fn read_fields(json: &Json, depth: usize) -> Result<Vec<Field>> {
    let fields = json.as_array().ok_or_else(|| Error::corrupt("the fields of a schema are not a list"))?;
    fields.iter().map(|field| read_field(field, depth)).collect()
}

fn read_field(json: &Json, depth: usize) -> Result<Field> {
    let field = as_object(json, "a field")?;
    let name = text(field, "name")?.ok_or_else(|| Error::corrupt("a field has no name"))?;
    let read = || {
        let field_type = member(field, "fieldType").ok_or_else(|| Error::corrupt("a field has no type"))?;
        Ok(Field {
            name: name.to_owned(),
            field_type: read_type(field_type, depth)?,
            optional: match member(field, "optional") {
                None => false,
                Some(Json::Bool(optional)) => *optional,
                Some(other) => return Err(wrong_type("optional", "a boolean", other)),
            },
            description: text(field, "description")?.map(str::to_owned),
            // Here, null is a value: the default may be nil.
            default: exact_value::read(field, "default")?,
        })
    };
    read().context("field", name)
}

fn read_type(json: &Json, depth: usize) -> Result<FieldType> {
    if depth > MAX_DEPTH {
        return Err(Error::corrupt(too_deep().message().to_owned()));
    }
    let object = as_object(json, "a field type")?;
    let full = text(object, "$type")?.unwrap_or_default();
    let kind = match full.rsplit_once('#') {
        Some((_, kind)) => kind,
        None => text(object, "kind")?.unwrap_or("primitive"),
    };
    let inner = |key: &str| match member(object, key) {
        Some(inner) => read_type(inner, depth + 1),
        None => Ok(FieldType::Any),
    };
    Ok(match kind {
        "primitive" => {
            let name = text(object, "primitive")?
                .ok_or_else(|| Error::corrupt("a primitive field type has no name"))?;
            let unknown = || Error::unsupported(format!("Unknown primitive type: {name}"));
            FieldType::Primitive(Primitive::from_name(name).ok_or_else(unknown)?)
        }
        "ndarray" => FieldType::NdArray(read_array(object)?),
        "structured" => FieldType::Structured(read_array(object)?),
        "array" => FieldType::Array(Box::new(inner("items")?)),
        "ref" => FieldType::Ref(
            text(object, "ref")?
                .ok_or_else(|| Error::corrupt("a schema reference in a field type is missing"))?
                .to_owned(),
        ),
        "sparse" => FieldType::Sparse,
        "arrow_tensor" => FieldType::ArrowTensor,
        "safetensors" => FieldType::Safetensors,
        "dataframe" => FieldType::DataFrame,
        "map" => FieldType::Map(Box::new(inner("values")?)),
        "nullable" => FieldType::Nullable(Box::new(inner("items")?)),
        "any" => FieldType::Any,
        "object" => FieldType::Object(match member(object, "fields") {
            Some(fields) => read_fields(fields, depth + 1)?,
            None => Vec::new(),
        }),
        _ => return Err(Error::unsupported(format!("Unknown field type kind: {kind}"))),
    })
}

/// `dtype`, `shape` and `dimensionNames`, of field types and of JSON Schema properties alike.
pub(super) fn read_array(object: &JsonMap<String, Json>) -> Result<ArrayType> {
    let list = |key: &'static str| match member(object, key) {
        None => Ok(None),
        Some(Json::Array(items)) => Ok(Some(items)),
        Some(other) => Err(wrong_type(key, "a list", other)),
    };
    let shape = list("shape")?.map(|items| {
        let length = |item: &Json| match item {
            Json::Null => Ok(None),
            item => item.as_u64().map(Some).ok_or_else(|| wrong_type("shape", "a list of lengths", item)),
        };
        items.iter().map(length).collect::<Result<Vec<_>>>()
    });
    let dimension_names = list("dimensionNames")?.map(|items| {
        let name = |item: &Json| {
            item.as_str()
                .map(str::to_owned)
                .ok_or_else(|| wrong_type("dimensionNames", "a list of names", item))
        };
        items.iter().map(name).collect::<Result<Vec<_>>>()
    });
    Ok(ArrayType {
        dtype: text(object, "dtype")?.map(str::to_owned),
        shape: shape.transpose()?,
        dimension_names: dimension_names.transpose()?,
    })
}

pub(super) fn write_fields(fields: &[Field], form: Form<'_>, depth: usize) -> Result<Json> {
    fields.iter().map(|field| write_field(field, form, depth).context("field", &field.name)).collect()
}

fn write_field(field: &Field, form: Form<'_>, depth: usize) -> Result<Json> {
    let mut object = JsonMap::new();
    object.insert("name".into(), Json::from(field.name.as_str()));
    object.insert("fieldType".into(), write_type(&field.field_type, form, depth)?);
    object.insert("optional".into(), Json::from(field.optional));
    if let Some(description) = &field.description {
        object.insert("description".into(), Json::from(description.as_str()));
    }
    if let Some(default) = &field.default {
        exact_value::write(&mut object, "default", default, form.numbers)?;
    }
    Ok(Json::Object(object))
}

fn write_type(field_type: &FieldType, form: Form<'_>, depth: usize) -> Result<Json> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    let mut object = JsonMap::new();
    let mut kind = |kind: &str| object.insert("$type".into(), Json::from(format!("{}#{kind}", form.prefix)));
    match field_type {
        FieldType::Primitive(primitive) => {
            kind("primitive");
            object.insert("primitive".into(), Json::from(primitive.name()));
        }
        FieldType::NdArray(array) => {
            kind("ndarray");
            write_array(array, &mut object);
        }
        FieldType::Structured(array) => {
            kind("structured");
            write_array(array, &mut object);
        }
        FieldType::Array(items) => {
            kind("array");
            // Without `items` it is a plain list, which Python decodes.
            if **items != FieldType::Any {
                object.insert("items".into(), write_type(items, form, depth + 1)?);
            }
        }
        FieldType::Ref(target) => {
            kind("ref");
            object.insert("ref".into(), Json::from(target.as_str()));
        }
        FieldType::Sparse => drop(kind("sparse")),
        FieldType::ArrowTensor => drop(kind("arrow_tensor")),
        FieldType::Safetensors => drop(kind("safetensors")),
        FieldType::DataFrame => drop(kind("dataframe")),
        FieldType::Any => drop(kind("any")),
        FieldType::Map(values) => {
            kind("map");
            object.insert("values".into(), write_type(values, form, depth + 1)?);
        }
        FieldType::Nullable(inner) => {
            kind("nullable");
            object.insert("items".into(), write_type(inner, form, depth + 1)?);
        }
        FieldType::Object(fields) => {
            kind("object");
            object.insert("fields".into(), write_fields(fields, form, depth + 1)?);
        }
    }
    Ok(Json::Object(object))
}

pub(super) fn write_array(array: &ArrayType, object: &mut JsonMap<String, Json>) {
    if let Some(dtype) = &array.dtype {
        object.insert("dtype".into(), Json::from(dtype.as_str()));
    }
    if let Some(shape) = &array.shape {
        object.insert("shape".into(), shape.iter().copied().map(Json::from).collect());
    }
    if let Some(names) = &array.dimension_names {
        object.insert("dimensionNames".into(), Json::from(names.as_slice()));
    }
}

pub(super) fn as_object<'a>(json: &'a Json, what: &str) -> Result<&'a JsonMap<String, Json>> {
    json.as_object().ok_or_else(|| Error::corrupt(format!("{what} is not a JSON object")))
}

/// A member that is there and not null.
pub(super) fn member<'a>(object: &'a JsonMap<String, Json>, key: &str) -> Option<&'a Json> {
    object.get(key).filter(|value| !value.is_null())
}

pub(super) fn text<'a>(object: &'a JsonMap<String, Json>, key: &'static str) -> Result<Option<&'a str>> {
    let wrong = |value| wrong_type(key, "text", value);
    member(object, key).map(|value| value.as_str().ok_or_else(|| wrong(value))).transpose()
}

fn wrong_type(key: &str, expected: &str, found: &Json) -> Error {
    let found = match found {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    };
    Error::corrupt(format!("the member {key:?} of a schema should be {expected} but is or holds {found}"))
}
