//! Croissant: the description of a dataset that catalogues read.
//!
//! The format is version 1.1 of <https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html>.

use atdata_core::schema::{Field, FieldType, Primitive, SampleSchema};
use serde_json::{Map, Value as Json, json};
use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;
use time::format_description::well_known::iso8601::{Config, EncodedConfig, FormattedComponents};

use crate::statistics::{ArrayShape, FieldStatistics, Kind, Statistics};

/// The version of the format, as documents state it.
const CONFORMS_TO: &str = "http://mlcommons.org/croissant/1.1";
/// Shards of gzip and others are tars, too.
const TAR: &str = "application/x-tar";
const MSGPACK: &str = "application/x-msgpack";
const DATE: EncodedConfig = Config::DEFAULT.set_formatted_components(FormattedComponents::Date).encode();

/// A shard, as a catalogue needs it.
///
/// ```
/// let shard = atdata_describe::CroissantShard::new("https://host/digits-000000.tar").with_sha256("00".repeat(32));
/// assert!(shard.size.is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CroissantShard {
    /// Where it is.
    pub url: String,
    /// Its length in bytes.
    pub size: Option<u64>,
    /// The SHA-256 of its bytes, in lower-case hex.
    pub sha256: Option<String>,
}

impl CroissantShard {
    /// A shard of which nothing else is known.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), size: None, sha256: None }
    }

    /// Sets the length in bytes.
    #[must_use]
    pub fn with_size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// Sets the checksum.
    #[must_use]
    pub fn with_sha256(mut self, sha256: impl Into<String>) -> Self {
        self.sha256 = Some(sha256.into());
        self
    }
}

/// What is said of a dataset besides its schema and its shards.
///
/// ```
/// use atdata_describe::Description;
///
/// let mut description = Description::new("digits");
/// description.license = Some("CC-BY-4.0".into());
/// assert_eq!(description.name, "digits");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Description {
    /// The name.
    pub name: String,
    /// What it is, in words.
    pub description: Option<String>,
    /// The licence: an SPDX identifier or an address.
    pub license: Option<String>,
    /// Where it is published.
    pub url: Option<String>,
    /// The version.
    pub version: Option<String>,
    /// Keywords.
    pub keywords: Vec<String>,
    /// Who made it.
    pub creator: Option<String>,
    /// How it is to be cited.
    pub citation: Option<String>,
    /// When it was published.
    pub published: Option<OffsetDateTime>,
}

impl Description {
    /// A name alone.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// Describes a dataset as a Croissant document (JSON-LD): its shards as files, the samples in them as a set of files, and one record set
/// whose fields are those of the schema. With statistics, bytes that are images are said to be.
///
/// Croissant does not know msgpack: readers of the document learn the fields and their types, and load the files with a library that
/// does.
///
/// ```
/// use atdata_core::schema::{Field, Primitive, SampleSchema};
/// use atdata_describe::{CroissantShard, Description, croissant};
///
/// let schema = SampleSchema::new("Digit").field(Field::new("label", Primitive::Int));
/// let document = croissant(&Description::new("digits"), &schema, &[CroissantShard::new("digits.tar")], None);
/// assert_eq!(document["recordSet"][0]["field"][0]["dataType"], "sc:Integer");
/// ```
pub fn croissant(
    description: &Description,
    schema: &SampleSchema,
    shards: &[CroissantShard],
    statistics: Option<&Statistics>,
) -> Json {
    let mut document = Map::new();
    let mut set = |key: &str, value: Json| {
        if !value.is_null() {
            document.insert(key.to_owned(), value);
        }
    };
    set("@context", context());
    set("@type", "sc:Dataset".into());
    set("name", description.name.clone().into());
    let words = description.description.clone().or_else(|| schema.description.clone());
    set("description", words.unwrap_or_else(|| format!("Samples of {}.", schema.name)).into());
    set("conformsTo", CONFORMS_TO.into());
    set("license", description.license.clone().into());
    set("url", description.url.clone().into());
    set("version", description.version.clone().into());
    set("citeAs", description.citation.clone().into());
    let creator = description.creator.as_ref().map(|name| json!({"@type": "sc:Person", "name": name}));
    set("creator", creator.into());
    let keywords = &description.keywords;
    set("keywords", if keywords.is_empty() { Json::Null } else { keywords.clone().into() });
    let date = description.published.and_then(|time| time.format(&Iso8601::<DATE>).ok());
    set("datePublished", date.into());
    set("distribution", distribution(shards));
    set("recordSet", json!([record_set(schema, statistics)]));
    Json::Object(document)
}

fn distribution(shards: &[CroissantShard]) -> Json {
    let mut all = Vec::new();
    for (i, shard) in shards.iter().enumerate() {
        let name = shard.url.rsplit(['/', '\\']).next().unwrap_or_default();
        let mut file = json!({
            "@type": "cr:FileObject",
            "@id": shard_id(i),
            "name": name,
            "contentUrl": shard.url,
            "encodingFormat": TAR,
        });
        if let Some(file) = file.as_object_mut() {
            if let Some(size) = shard.size {
                file.insert("contentSize".to_owned(), format!("{size} B").into());
            }
            if let Some(sha256) = &shard.sha256 {
                file.insert("sha256".to_owned(), sha256.clone().into());
            }
        }
        all.push(file);
    }
    let within: Vec<Json> = (0..shards.len()).map(|i| json!({"@id": shard_id(i)})).collect();
    all.push(json!({
        "@type": "cr:FileSet",
        "@id": "sample-files",
        "name": "sample-files",
        "description": "One file for each sample: a msgpack map of its fields.",
        "containedIn": within,
        "encodingFormat": MSGPACK,
        "includes": "*.msgpack",
    }));
    all.into()
}

fn shard_id(i: usize) -> String {
    format!("shard-{i:06}")
}

fn record_set(schema: &SampleSchema, statistics: Option<&Statistics>) -> Json {
    let fields: Vec<Json> = schema.fields.iter().map(|field| describe(field, statistics)).collect();
    json!({
        "@type": "cr:RecordSet",
        "@id": "samples",
        "name": "samples",
        "description": format!("The samples, of the type {} {}.", schema.name, schema.version),
        "field": fields,
    })
}

fn describe(field: &Field, statistics: Option<&Statistics>) -> Json {
    let id = format!("samples/{}", field.name);
    let mut described = json!({
        "@type": "cr:Field",
        "@id": id,
        "name": id,
        "description": words(field, statistics),
        "source": {
            "fileSet": {"@id": "sample-files"},
            "extract": {"jsonPath": format!("$.{}", field.name)},
        },
    });
    if let Some(described) = described.as_object_mut() {
        described.extend(type_of(&field.field_type, statistics.and_then(|all| all.field(&field.name))));
    }
    described
}

fn words(field: &Field, statistics: Option<&Statistics>) -> String {
    let mut text = field.description.clone().unwrap_or_else(|| field.to_string());
    let numbers =
        statistics.and_then(|all| all.field(&field.name)).filter(|found| found.kind == Kind::Number);
    if let Some(numbers) = numbers.and_then(|found| found.numbers.as_ref()) {
        text.push_str(&format!(" (from {} to {})", numbers.min, numbers.max));
    }
    text
}

/// Whether the bytes of a field are images, as far as anybody has looked.
fn is_image(found: &FieldStatistics) -> bool {
    let is_image = |name: &String| matches!(&**name, "png" | "jpeg" | "gif" | "webp" | "tiff");
    !found.formats.is_empty() && found.formats.keys().all(is_image)
}

/// The dtype and shape that all arrays of a field have.
fn only_shape(found: Option<&FieldStatistics>) -> Option<&ArrayShape> {
    match found.map(|found| &*found.shapes) {
        Some([only]) => Some(only),
        _ => None,
    }
}

fn type_of(field_type: &FieldType, found: Option<&FieldStatistics>) -> Map<String, Json> {
    let mut members = Map::new();
    let data_type = match field_type {
        FieldType::Primitive(Primitive::Bytes) if found.is_some_and(is_image) => "sc:ImageObject",
        FieldType::Primitive(primitive) => primitive_type(*primitive),
        FieldType::NdArray(array) | FieldType::Structured(array) => {
            members.insert("isArray".to_owned(), true.into());
            let only = only_shape(found);
            let stated = array.shape.as_ref().map(|shape| {
                shape.iter().map(|dim| dim.map_or_else(|| "-1".to_owned(), |dim| dim.to_string())).collect()
            });
            let seen = only.map(|only| only.shape.iter().map(u64::to_string).collect());
            // Of any number of dimensions: one of any length is the nearest that can be said.
            let shape = stated.or(seen).unwrap_or_else(|| vec!["-1".to_owned()]);
            members.insert("arrayShape".to_owned(), shape.join(",").into());
            // What was seen is true; a stated dtype may be Python's guess.
            element_type(only.map(|only| &*only.dtype).or(array.dtype.as_deref()))
        }
        FieldType::Array(items) => {
            members.insert("isArray".to_owned(), true.into());
            members.insert("arrayShape".to_owned(), "-1".into());
            match &**items {
                FieldType::Primitive(primitive) => primitive_type(*primitive),
                _ => "sc:Text",
            }
        }
        FieldType::Nullable(inner) => return type_of(inner, found),
        _ => "sc:Text",
    };
    members.insert("dataType".to_owned(), data_type.into());
    members
}

fn primitive_type(primitive: Primitive) -> &'static str {
    match primitive {
        Primitive::Int => "sc:Integer",
        Primitive::Float => "sc:Float",
        Primitive::Bool => "sc:Boolean",
        _ => "sc:Text",
    }
}

fn element_type(dtype: Option<&str>) -> &'static str {
    match dtype {
        Some("bool") => "sc:Boolean",
        Some("int8") => "cr:Int8",
        Some("int16") => "cr:Int16",
        Some("int32") => "cr:Int32",
        Some("int64") => "cr:Int64",
        Some("uint8") => "cr:UInt8",
        Some("uint16") => "cr:UInt16",
        Some("uint32") => "cr:UInt32",
        Some("uint64") => "cr:UInt64",
        Some("float16") => "cr:Float16",
        Some("float32") => "cr:Float32",
        Some("float64") => "cr:Float64",
        _ => "sc:Float",
    }
}

/// The context that the specification gives.
fn context() -> Json {
    json!({
        "@language": "en",
        "@vocab": "https://schema.org/",
        "arrayShape": "cr:arrayShape",
        "citeAs": "cr:citeAs",
        "column": "cr:column",
        "conformsTo": "dct:conformsTo",
        "containedIn": "cr:containedIn",
        "cr": "http://mlcommons.org/croissant/",
        "data": {"@id": "cr:data", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        "dct": "http://purl.org/dc/terms/",
        "equivalentProperty": "cr:equivalentProperty",
        "examples": {"@id": "cr:examples", "@type": "@json"},
        "extract": "cr:extract",
        "field": "cr:field",
        "fileObject": "cr:fileObject",
        "fileProperty": "cr:fileProperty",
        "fileSet": "cr:fileSet",
        "format": "cr:format",
        "includes": "cr:includes",
        "isArray": "cr:isArray",
        "isLiveDataset": "cr:isLiveDataset",
        "jsonPath": "cr:jsonPath",
        "key": "cr:key",
        "md5": "cr:md5",
        "parentField": "cr:parentField",
        "path": "cr:path",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "recordSet": "cr:recordSet",
        "references": "cr:references",
        "regex": "cr:regex",
        "repeated": "cr:repeated",
        "replace": "cr:replace",
        "samplingRate": "cr:samplingRate",
        "sc": "https://schema.org/",
        "separator": "cr:separator",
        "source": "cr:source",
        "subField": "cr:subField",
        "transform": "cr:transform",
    })
}

#[cfg(test)]
mod tests {
    use atdata_core::DictSample;
    use time::macros::datetime;

    use super::*;
    use crate::Collector;

    fn document() -> Json {
        let mut description = Description::new("digits");
        description.license = Some("CC0-1.0".into());
        description.published = Some(datetime!(2026-11-24 12:00 UTC));
        let schema = SampleSchema::new("Digit")
            .field(Field::new("label", Primitive::Int))
            .field(Field::new("image", FieldType::ndarray("uint8")))
            .field(Field::new("words", FieldType::list(Primitive::Str)))
            .field(Field::new("scan", Primitive::Bytes));
        let mut collector = Collector::new(Some(&schema));
        let png = atdata_core::Value::Bytes(b"\x89PNG\r\n\x1a\n".to_vec().into());
        collector.add(&DictSample::from_iter([("label", 3i64.into()), ("scan", png)]));
        let shards = [CroissantShard::new("s3://b/digits-000000.tar").with_size(7).with_sha256("ab")];
        croissant(&description, &schema, &shards, Some(&collector.finish()))
    }

    #[test]
    fn fields_have_types_and_say_where_they_are() {
        let document = document();
        let fields = document["recordSet"][0]["field"].as_array().unwrap();
        let types: Vec<_> = fields.iter().map(|field| field["dataType"].as_str().unwrap()).collect();
        assert_eq!(types, ["sc:Integer", "cr:UInt8", "sc:Text", "sc:ImageObject"]);
        assert_eq!(fields[1]["isArray"], true);
        assert_eq!(fields[0]["source"]["extract"]["jsonPath"], "$.label");
        assert!(fields[0]["description"].as_str().unwrap().contains("from 3 to 3"));
    }

    #[test]
    fn shards_are_files_and_samples_are_files_in_them() {
        let document = document();
        let files = document["distribution"].as_array().unwrap();
        assert_eq!(
            (&files[0]["name"], &files[0]["contentSize"]),
            (&json!("digits-000000.tar"), &json!("7 B"))
        );
        assert_eq!(files[1]["containedIn"][0]["@id"], files[0]["@id"]);
        assert_eq!(document["datePublished"], "2026-11-24");
        assert!(document.get("url").is_none());
    }
}
