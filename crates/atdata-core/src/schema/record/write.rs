//! Writing schema records.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::super::exact_value::{self, Numbers};
use super::super::json::{Form, write_array, write_fields};
use super::super::model::{MAX_DEPTH, too_deep};
use super::super::timestamp::format_time;
use super::super::{Field, FieldType, Primitive, Profile, SampleSchema};
use super::{EXTENSION_KIND, NULLABLE, PROPERTY_ORDER};
use crate::{Error, Result, ResultExt, Value};

impl SampleSchema {
    /// Writes the schema record of a profile: a list of fields for [`Profile::Seed`], a flattened JSON Schema for
    /// [`Profile::Latest`]. [`SampleSchema::from_record`] gives the same schema back, also after a server has sorted
    /// the keys.
    ///
    /// What the record forms of Python do not have is put into members that Python ignores: the declaration order
    /// (`propertyOrder`), descriptions, defaults, and the kinds of our own field types. Records have no floats: a
    /// default or metadata with floats, or with integers beyond ±2⁵³, is packed as msgpack (`defaultMsgpack`).
    ///
    /// # Errors
    /// `Invalid` if the schema has no time of publication, two fields of one name, one that begins with a dollar or is
    /// `__proto__`, a default or metadata that has no
    /// JSON form, a dimension beyond 2⁵³, or types nested deeper than 32 levels.
    ///
    /// ```
    /// use atdata_core::schema::{Field, Primitive, Profile, SampleSchema, parse_time};
    ///
    /// let mut schema = SampleSchema::new("S").field(Field::new("n", Primitive::Int).with_default(0.5));
    /// schema.created_at = parse_time("2026-11-22T07:06:38Z");
    /// for profile in [Profile::Seed, Profile::Latest] {
    ///     assert_eq!(SampleSchema::from_record(&schema.to_record(profile)?)?, schema);
    /// }
    /// # Ok::<(), atdata_core::Error>(())
    /// ```
    pub fn to_record(&self, profile: Profile) -> Result<Json> {
        let write = || {
            let mut record = JsonMap::new();
            record.insert("$type".into(), profile.schema_collection().into());
            record.insert("name".into(), self.name.as_str().into());
            record.insert("version".into(), self.version.to_string().into());
            match profile {
                Profile::Seed => {
                    let form = Form { prefix: FIELD_TYPE_PREFIX, numbers: Numbers::Network };
                    record.insert("fields".into(), write_fields(&self.fields, form, 0)?);
                }
                Profile::Latest => {
                    record.insert("schemaType".into(), "jsonSchema".into());
                    record.insert("schema".into(), write_body(&self.fields)?);
                    record.insert("atdataSchemaVersion".into(), 1.into());
                }
            }
            check_dimensions(&self.fields)?;
            let created_at = self.created_at.and_then(format_time).ok_or_else(|| {
                Error::invalid("a schema record says when it was published, in the years 1 to 9999")
                    .with("member", "createdAt")
            })?;
            record.insert("createdAt".into(), created_at.into());
            if let Some(description) = &self.description {
                record.insert("description".into(), description.as_str().into());
            }
            if let Some(metadata) = &self.metadata {
                let metadata = Value::Map(metadata.clone());
                exact_value::write(&mut record, "metadata", &metadata, Numbers::Network)
                    .context("member", "metadata")?;
            }
            Ok::<_, Error>(Json::Object(record))
        };
        write().context("schema", &self.name)
    }
}

/// What the `$type` of field types begins with in records of the first generation.
const FIELD_TYPE_PREFIX: &str = "ac.foundation.dataset.schemaType";

fn write_body(fields: &[Field]) -> Result<Json> {
    let mut body = JsonMap::new();
    body.insert("$type".into(), "science.alt.dataset.schema#jsonSchemaFormat".into());
    body.insert("$schema".into(), "http://json-schema.org/draft-07/schema#".into());
    write_object(fields, &mut body, 0)?;
    let mut formats = JsonMap::new();
    collect_formats(fields, &mut formats);
    if !formats.is_empty() {
        body.insert("arrayFormatVersions".into(), Json::Object(formats));
    }
    Ok(Json::Object(body))
}

fn write_object(fields: &[Field], object: &mut JsonMap<String, Json>, depth: usize) -> Result<()> {
    object.insert("type".into(), "object".into());
    let mut properties = JsonMap::new();
    for field in fields {
        let name = field.name.as_str();
        if !exact_value::is_record_key(name) {
            return Err(
                Error::invalid("no property of a record can have the name of a field").with("field", name)
            );
        }
        let property = write_property(field, depth).context("field", name)?;
        if properties.insert(name.to_owned(), property).is_some() {
            return Err(Error::invalid("two fields have the same name").with("field", name));
        }
    }
    object.insert("properties".into(), Json::Object(properties));
    let names = |required: bool| -> Vec<&str> {
        fields.iter().filter(|field| !required || !field.optional).map(|field| field.name.as_str()).collect()
    };
    let required = names(true);
    if !required.is_empty() {
        object.insert("required".into(), json!(required));
    }
    if fields.len() > 1 {
        object.insert(PROPERTY_ORDER.into(), json!(names(false)));
    }
    Ok(())
}

fn write_property(field: &Field, depth: usize) -> Result<Json> {
    let mut property = JsonMap::new();
    write_type(&field.field_type, &mut property, depth)?;
    if let Some(description) = &field.description {
        property.insert("description".into(), description.as_str().into());
    }
    if let Some(default) = &field.default {
        exact_value::write(&mut property, "default", default, Numbers::Network)?;
    }
    Ok(Json::Object(property))
}

fn write_type(field_type: &FieldType, object: &mut JsonMap<String, Json>, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    let inner = |inner: &FieldType| {
        let mut object = JsonMap::new();
        match inner {
            // A plain type beside it, so that Python reads the items as that.
            FieldType::Nullable(value) if !matches!(**value, FieldType::Nullable(_)) => {
                write_type(value, &mut object, depth + 2)?;
                object.insert(NULLABLE.into(), true.into());
            }
            inner => write_type(inner, &mut object, depth + 1)?,
        }
        Ok::<_, Error>(Json::Object(object))
    };
    let mut kind = |kind: &str| object.insert(EXTENSION_KIND.into(), kind.into());
    match field_type {
        FieldType::Primitive(Primitive::Str) => drop(object.insert("type".into(), "string".into())),
        FieldType::Primitive(Primitive::Int) => drop(object.insert("type".into(), "integer".into())),
        FieldType::Primitive(Primitive::Float) => drop(object.insert("type".into(), "number".into())),
        FieldType::Primitive(Primitive::Bool) => drop(object.insert("type".into(), "boolean".into())),
        FieldType::Primitive(Primitive::Bytes) => {
            object.insert("type".into(), "string".into());
            object.insert("format".into(), "byte".into());
            object.insert("contentEncoding".into(), "base64".into());
        }
        FieldType::Array(items) => {
            object.insert("type".into(), "array".into());
            object.insert("items".into(), inner(items)?);
        }
        FieldType::Map(values) => {
            object.insert("type".into(), "object".into());
            object.insert("additionalProperties".into(), inner(values)?);
        }
        FieldType::Object(fields) => write_object(fields, object, depth + 1)?,
        FieldType::Any => drop(kind("any")),
        FieldType::Ref(target) => {
            kind("ref");
            object.insert("ref".into(), target.as_str().into());
        }
        FieldType::Nullable(value) => {
            kind("nullable");
            object.insert("items".into(), inner(value)?);
        }
        FieldType::NdArray(array) | FieldType::Structured(array) => {
            write_reference(field_type, object);
            write_array(array, object);
        }
        FieldType::Sparse | FieldType::ArrowTensor | FieldType::Safetensors | FieldType::DataFrame => {
            write_reference(field_type, object);
        }
    }
    Ok(())
}

/// File name and definition of the shim schema of an array format, and its name among `arrayFormatVersions`.
fn array_format(field_type: &FieldType) -> Option<(&'static str, &'static str, Option<&'static str>)> {
    Some(match field_type {
        FieldType::NdArray(_) => ("atdata-ndarray-bytes", "ndarray", Some("ndarrayBytes")),
        FieldType::Structured(_) => ("atdata-structured-bytes", "structured", Some("structuredBytes")),
        FieldType::Sparse => ("atdata-sparse-bytes", "sparse", Some("sparseBytes")),
        FieldType::ArrowTensor => ("atdata-arrow-tensor", "tensor", Some("arrowTensor")),
        FieldType::Safetensors => ("atdata-safetensors", "safetensors", Some("safetensors")),
        FieldType::DataFrame => ("atdata-dataframe", "dataframe", None),
        _ => return None,
    })
}

/// The version of all shim schemas.
const SHIM_VERSION: &str = "1.0.0";

fn write_reference(field_type: &FieldType, object: &mut JsonMap<String, Json>) {
    if let Some((file, definition, _)) = array_format(field_type) {
        let reference = format!("https://alt.science/schemas/{file}/{SHIM_VERSION}#/$defs/{definition}");
        object.insert("$ref".into(), reference.into());
    }
}

/// The array formats that fields have, however deep.
fn collect_formats(fields: &[Field], formats: &mut JsonMap<String, Json>) {
    fn collect(field_type: &FieldType, formats: &mut JsonMap<String, Json>) {
        match field_type {
            FieldType::Array(inner) | FieldType::Map(inner) | FieldType::Nullable(inner) => {
                collect(inner, formats);
            }
            FieldType::Object(fields) => collect_formats(fields, formats),
            other => {
                if let Some((_, _, Some(name))) = array_format(other) {
                    formats.insert(name.to_owned(), SHIM_VERSION.into());
                }
            }
        }
    }
    fields.iter().for_each(|field| collect(&field.field_type, formats));
}

/// Records have no integers beyond 2⁵³. The types are known not to be nested too deeply.
fn check_dimensions(fields: &[Field]) -> Result<()> {
    fn check(field_type: &FieldType) -> Result<()> {
        match field_type {
            FieldType::Array(inner) | FieldType::Map(inner) | FieldType::Nullable(inner) => check(inner),
            FieldType::Object(fields) => check_dimensions(fields),
            FieldType::NdArray(array) | FieldType::Structured(array) => {
                let lengths = array.shape.iter().flatten().flatten();
                if lengths.copied().all(|length| length < 1 << 53) {
                    return Ok(());
                }
                Err(Error::invalid("a dimension is too long for a record"))
            }
            _ => Ok(()),
        }
    }
    fields.iter().try_for_each(|field| check(&field.field_type).context("field", &field.name))
}
