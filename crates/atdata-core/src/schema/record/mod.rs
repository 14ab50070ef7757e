//! Schema records of every generation, as they are found in ATProto repositories.
//!
//! | Generation | Form |
//! |---|---|
//! | `ac.foundation.dataset.sampleSchema` and `.schema` of the first kind | a list of `fields`, as in local records |
//! | `ac.foundation.dataset.schema`, `science.alt.dataset.schema` | JSON Schema in `schema` itself, in `schema.schemaBody` or in `schema.content` |
//!
//! JSON Schema records list their properties in an order that servers do not keep, and those of the Python package say
//! nothing about the dtypes and shapes of arrays. Ours also say, in keys that Python ignores, what it has no form for:
//!
//! | Key | Where | Meaning |
//! |---|---|---|
//! | `propertyOrder` | beside `properties` | the names of the fields in the order of their declaration |
//! | `atdataType` | in a property | `any`, `ref` (target in `ref`) or `nullable` (type in `items`) |
//! | `nullable` | in `items` and `additionalProperties` | an item may be nil |
//! | `defaultMsgpack`, `metadataMsgpack` | for `default` and `metadata` | values with floats, large integers or ordered maps |

mod write;

use std::collections::{HashMap, HashSet};

use serde_json::{Map as JsonMap, Value as Json};

use super::exact_value;
use super::json::{as_object, member, read_array, read_head, text};
use super::model::{MAX_DEPTH, too_deep};
use super::{ArrayType, Field, FieldType, Primitive, SampleSchema};
use crate::{Error, Result, ResultExt};

/// Lists the names of an object's properties in the order of their declaration.
const PROPERTY_ORDER: &str = "propertyOrder";
/// Names a field type that JSON Schema does not have.
const EXTENSION_KIND: &str = "atdataType";
/// Says that an item may be nil.
const NULLABLE: &str = "nullable";

impl SampleSchema {
    /// Reads a schema record of any generation; local records too.
    ///
    /// Of the dtypes in records that Python wrote, `float32` and the signed integers are not reliable; see
    /// [`SampleSchema::without_uncertain_dtypes`].
    ///
    /// # Errors
    /// `Unsupported` for a record format above 1, a schema language other than JSON Schema and unknown field types,
    /// `Corrupt` for a record in none of the forms.
    ///
    /// ```
    /// use atdata_core::schema::SampleSchema;
    ///
    /// let record = serde_json::json!({
    ///     "$type": "science.alt.dataset.schema", "name": "S", "version": "1.0.0", "schemaType": "jsonSchema",
    ///     "schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    /// });
    /// assert_eq!(SampleSchema::from_record(&record)?.fields[0].to_string(), "n: int");
    /// # Ok::<(), atdata_core::Error>(())
    /// ```
    pub fn from_record(record: &Json) -> Result<Self> {
        let object = as_object(record, "a schema record")?;
        let Some(body) = member(object, "schema") else {
            if member(object, "fields").is_none() {
                return Err(Error::corrupt("a schema record has neither fields nor a JSON Schema"));
            }
            return Self::from_json_value(record);
        };
        let mut schema = read_head(object)?;
        schema.fields = read_body(object, body).context("schema", &schema.name)?;
        check_nesting(&schema.fields, 0).context("schema", &schema.name)?;
        Ok(schema)
    }
}

/// `nullable` adds levels that reading does not count.
fn check_nesting(fields: &[Field], depth: usize) -> Result<()> {
    fn check(field_type: &FieldType, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::corrupt(too_deep().message().to_owned()));
        }
        match field_type {
            FieldType::Array(inner) | FieldType::Map(inner) | FieldType::Nullable(inner) => {
                check(inner, depth + 1)
            }
            FieldType::Object(fields) => check_nesting(fields, depth + 1),
            _ => Ok(()),
        }
    }
    fields.iter().try_for_each(|field| check(&field.field_type, depth).context("field", &field.name))
}

fn read_body(record: &JsonMap<String, Json>, body: &Json) -> Result<Vec<Field>> {
    if let Some(language) = text(record, "schemaType")?.filter(|language| *language != "jsonSchema") {
        return Err(Error::unsupported(format!(
            "schemas of type {language:?} cannot be read, only jsonSchema"
        )));
    }
    let outer = as_object(body, "the JSON Schema of a record")?;
    let inner = match member(outer, "schemaBody").or_else(|| member(outer, "content")) {
        Some(inner) => as_object(inner, "the JSON Schema of a record")?,
        None => outer,
    };
    if member(inner, "properties").is_none() {
        return Err(Error::corrupt("the JSON Schema of a record has no properties"));
    }
    read_properties(inner, 0)
}

fn read_properties(schema: &JsonMap<String, Json>, depth: usize) -> Result<Vec<Field>> {
    let Some(properties) = member(schema, "properties") else { return Ok(Vec::new()) };
    let properties = as_object(properties, "the list of properties")?;
    let required: HashSet<&str> = member(schema, "required")
        .and_then(Json::as_array)
        .map(|names| names.iter().filter_map(Json::as_str).collect())
        .unwrap_or_default();
    let read = |name: &String, property: &Json| {
        let property = as_object(property, "a property")?;
        let (field_type, nullable) = read_property(property, depth)?;
        Ok::<_, Error>(Field {
            name: name.clone(),
            field_type,
            optional: nullable || !required.contains(name.as_str()),
            description: text(property, "description")?.map(str::to_owned),
            default: exact_value::read(property, "default")?,
        })
    };
    let mut fields: Vec<Field> = properties
        .iter()
        .map(|(name, property)| read(name, property).context("field", name))
        .collect::<Result<_>>()?;
    if let Some(order) = member(schema, PROPERTY_ORDER).and_then(Json::as_array) {
        let rank: HashMap<&str, usize> =
            order.iter().enumerate().filter_map(|(rank, name)| Some((name.as_str()?, rank))).collect();
        // Stable: what is not listed stays in the order of the record, at the end.
        fields.sort_by_key(|field| rank.get(field.name.as_str()).copied().unwrap_or(usize::MAX));
    }
    Ok(fields)
}

/// The type of a property, and whether it says itself that it may be null.
fn read_property(property: &JsonMap<String, Json>, depth: usize) -> Result<(FieldType, bool)> {
    if depth > MAX_DEPTH {
        return Err(Error::corrupt(too_deep().message().to_owned()));
    }
    let nullable = member(property, NULLABLE) == Some(&Json::Bool(true));
    if let Some(kind) = text(property, EXTENSION_KIND)? {
        return Ok((read_extension(kind, property, depth)?, nullable));
    }
    if let Some(field_type) = member(property, "$ref").and_then(Json::as_str).and_then(referred_format) {
        return Ok((with_array(field_type, property)?, nullable));
    }
    let (json_type, nullable) = match member(property, "type") {
        Some(Json::String(name)) => (name.as_str(), nullable),
        Some(Json::Array(names)) => {
            let names: Vec<&str> = names.iter().filter_map(Json::as_str).collect();
            let name = names.iter().find(|name| **name != "null");
            (name.copied().unwrap_or_default(), nullable || names.contains(&"null"))
        }
        _ => ("", nullable),
    };
    let is = |key: &str, value: &str| member(property, key).and_then(Json::as_str) == Some(value);
    let inner = |json: &Json| read_inner(json, depth);
    let field_type = match json_type {
        "string" if is("format", "byte") || is("contentEncoding", "base64") => Primitive::Bytes.into(),
        "integer" => Primitive::Int.into(),
        "number" => Primitive::Float.into(),
        "boolean" => Primitive::Bool.into(),
        "array" => match member(property, "items") {
            Some(items) => FieldType::list(inner(items)?),
            None => FieldType::list(Primitive::Str),
        },
        // Python never wrote objects; these are the forms of our own maps and nested structs.
        "object" if member(property, "properties").is_some() => {
            FieldType::Object(read_properties(property, depth + 1)?)
        }
        "object" => match member(property, "additionalProperties") {
            Some(values @ Json::Object(_)) => FieldType::map(inner(values)?),
            _ => FieldType::map(FieldType::Any),
        },
        // Python reads everything else as text, too.
        _ => Primitive::Str.into(),
    };
    Ok((field_type, nullable))
}

/// The type of the items of a list or the values of a map.
fn read_inner(json: &Json, depth: usize) -> Result<FieldType> {
    let (inner, nullable) = read_property(as_object(json, "a JSON Schema")?, depth + 1)?;
    Ok(if nullable { FieldType::nullable(inner) } else { inner })
}

/// A type of our own that JSON Schema does not have.
fn read_extension(kind: &str, property: &JsonMap<String, Json>, depth: usize) -> Result<FieldType> {
    Ok(match kind {
        "any" => FieldType::Any,
        "ref" => {
            let target = text(property, "ref")?;
            let missing = || Error::corrupt("a schema reference in a property is missing");
            FieldType::Ref(target.ok_or_else(missing)?.to_owned())
        }
        "nullable" => FieldType::nullable(match member(property, "items") {
            Some(items) => read_inner(items, depth)?,
            None => FieldType::Any,
        }),
        _ => return Err(Error::unsupported(format!("Unknown field type kind: {kind}"))),
    })
}

/// The array format that a `$ref` names; the order decides, "safetensors" contains "tensor".
fn referred_format(reference: &str) -> Option<FieldType> {
    let reference = reference.to_ascii_lowercase();
    let names = |part: &str| reference.contains(part);
    Some(if names("ndarray") {
        FieldType::NdArray(ArrayType::default())
    } else if names("sparse") {
        FieldType::Sparse
    } else if names("structured") {
        FieldType::Structured(ArrayType::default())
    } else if names("safetensors") {
        FieldType::Safetensors
    } else if names("arrow") || names("tensor") {
        FieldType::ArrowTensor
    } else if names("dataframe") {
        FieldType::DataFrame
    } else {
        return None;
    })
}

fn with_array(field_type: FieldType, property: &JsonMap<String, Json>) -> Result<FieldType> {
    Ok(match field_type {
        FieldType::NdArray(_) => FieldType::NdArray(read_array(property)?),
        FieldType::Structured(_) => FieldType::Structured(read_array(property)?),
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(schema: Json) -> Result<SampleSchema> {
        SampleSchema::from_record(&json!({"name": "S", "version": "1.0.0", "schema": schema}))
    }

    #[test]
    fn the_three_places_of_the_json_schema_are_equal() {
        let body = json!({"properties": {"a": {"type": "number"}}, "required": ["a"]});
        let flat = read(body.clone()).unwrap();
        assert_eq!(flat.fields, [Field::new("a", Primitive::Float)]);
        assert_eq!(flat, read(json!({"schemaBody": body})).unwrap());
        assert_eq!(flat, read(json!({"draft": "draft-07", "content": body})).unwrap());
    }

    #[test]
    fn an_envelope_without_properties_is_not_an_empty_type() {
        assert_eq!(read(json!({"type": "object"})).unwrap_err().kind(), crate::ErrorKind::Corrupt);
    }

    #[test]
    fn a_record_that_is_no_schema_is_not_an_empty_type() {
        let entry = json!({"$type": "ac.foundation.dataset.record", "name": "S", "schemaRef": "at://a/b/c"});
        assert_eq!(SampleSchema::from_record(&entry).unwrap_err().kind(), crate::ErrorKind::Corrupt);
    }

    #[test]
    fn newer_record_formats_are_unsupported_under_both_names() {
        for key in ["atdataSchemaVersion", "$atdataSchemaVersion"] {
            let record = |format: u64| json!({"name": "S", "version": "1.0.0", "fields": [], key: format});
            assert!(SampleSchema::from_record(&record(1)).is_ok());
            let error = SampleSchema::from_record(&record(2)).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Unsupported);
        }
    }

    #[test]
    fn references_are_matched_by_their_text_in_order() {
        let fields = read(json!({"properties": {
            "a": {"$ref": "https://x/atdata-NDArray-bytes/1.1.0", "dtype": "uint8", "shape": [null, 3], "dimensionNames": ["n", "c"]},
            "b": {"$ref": "https://x/atdata-safetensors/1.0.0"},
            "c": {"$ref": "https://x/atdata-arrow-tensor/1.0.0"},
            "d": {"$ref": "#/somewhere/else"},
            "e": {"type": ["integer", "null"]},
            "f": {"type": "array"},
            "g": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": ["string", "null"]}}},
            "h": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]},
        }, "required": ["a", "b", "c", "d", "e", "f", "g", "h"]}))
        .unwrap()
        .fields;
        let shown: Vec<_> = fields.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "a: ndarray<uint8, (n, c 3)>",
                "b: safetensors",
                "c: arrow_tensor",
                "d: str",
                "e: int?",
                "f: list<str>",
                "g: map<list<str?>>",
                "h: {\n    x: float,\n}",
            ]
        );
    }
}
