//! The record of local indexes: Python's, with a member of ours that it passes over.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::{CheckedSteps, CodeLocation, FieldMapping, LensBody, LensRecord};
use crate::lens::data::{MAX_JSON, check_format, read_steps, write_steps};
use crate::schema::exact_value::Numbers;
use crate::schema::{SchemaVersion, format_time, parse_time, to_python_json};
use crate::{Error, Result, ResultExt};

/// Our member, which says everything.
const DATA_LENS: &str = "data_lens";

impl LensRecord {
    /// Writes the record in the text form that Python stores.
    ///
    /// A data lens that only renames and leaves out is a `field_mapping` there, which Python can load and use. All others are
    /// `opaque`: Python lists them, and refuses to load them. The steps are in a member of our own, which Python passes over.
    ///
    /// # Errors
    /// `Invalid` as for [`DataLens::to_json_value`](crate::lens::DataLens::to_json_value).
    pub fn to_json(&self) -> Result<String> {
        Ok(to_python_json(&self.to_json_value()?))
    }

    /// Writes the record as JSON.
    ///
    /// # Errors
    /// As [`LensRecord::to_json`].
    pub fn to_json_value(&self) -> Result<Json> {
        let (source, view) = match &self.body {
            LensBody::Steps(steps) => (&steps.source_name, &steps.view_name),
            _ => (&self.source_schema, &self.view_schema),
        };
        let (getter, putter) = descriptors(&self.body);
        let mut record = JsonMap::new();
        record.insert("name".into(), Json::from(self.name.as_str()));
        record.insert("version".into(), Json::from(self.version.to_string()));
        record.insert("source_schema".into(), Json::from(source.as_str()));
        record.insert("view_schema".into(), Json::from(view.as_str()));
        record.insert("getter".into(), getter);
        record.insert("putter".into(), putter);
        if let Some(time) = self.created_at.and_then(format_time) {
            record.insert("created_at".into(), Json::from(time));
        }
        if let Some(description) = &self.description {
            record.insert("description".into(), Json::from(description.as_str()));
        }
        if let LensBody::Steps(steps) = &self.body {
            let own = json!({
                "format": 1,
                "source_schema": self.source_schema,
                "view_schema": self.view_schema,
                "steps": write_steps(&steps.steps, Numbers::All).context("lens", &self.name)?,
            });
            record.insert(DATA_LENS.into(), own);
        }
        Ok(Json::Object(record))
    }

    /// Reads the record of a local index from its text.
    ///
    /// # Errors
    /// `Corrupt` if it is not JSON, lacks a member or has one of the wrong type, or is longer than 1 MiB; `Unsupported` for
    /// steps of a later format.
    pub fn from_json(text: &str) -> Result<Self> {
        if text.len() > MAX_JSON {
            let message = format!("a lens record of {} bytes; at most {MAX_JSON} are read", text.len());
            return Err(Error::corrupt(message));
        }
        let json: Json = serde_json::from_str(text)
            .map_err(|error| Error::corrupt("a lens record is not JSON").with_source(error))?;
        Self::from_json_value(&json)
    }

    /// Reads the record of a local index.
    ///
    /// # Errors
    /// As [`LensRecord::from_json`].
    pub fn from_json_value(json: &Json) -> Result<Self> {
        let record = json.as_object().ok_or_else(|| Error::corrupt("a lens record is not an object"))?;
        let name = required(record, "name")?;
        let read = || {
            let (source, view) = (required(record, "source_schema")?, required(record, "view_schema")?);
            let version = text(record, "version")?.map_or_else(SchemaVersion::default, SchemaVersion::from);
            let body = read_body(record)?;
            let mut lens = Self::new(name, version, source, view, body);
            if let Some(own) = record.get(DATA_LENS) {
                lens.read_steps(own).context("member", DATA_LENS)?;
            }
            lens.description = text(record, "description")?.map(str::to_owned);
            lens.created_at = record.get("created_at").and_then(Json::as_str).and_then(parse_time);
            Ok::<_, Error>(lens)
        };
        read().context("lens", name)
    }

    /// Takes our member into account.
    fn read_steps(&mut self, own: &Json) -> Result<()> {
        let own =
            own.as_object().ok_or_else(|| Error::corrupt("a member of a lens record is not an object"))?;
        check_format(own)?;
        let corrupt = |error: Error| match error.kind() {
            crate::ErrorKind::Invalid => {
                Error::corrupt("the steps of a lens cannot be read").with_source(error)
            }
            _ => error,
        };
        let steps = read_steps(own).map_err(corrupt)?;
        let mappings = match std::mem::replace(&mut self.body, LensBody::Opaque) {
            LensBody::Mappings(mappings) => Some(mappings),
            _ => None,
        };
        let names = (required(own, "source_schema")?.to_owned(), required(own, "view_schema")?.to_owned());
        let source_name = std::mem::replace(&mut self.source_schema, names.0);
        let view_name = std::mem::replace(&mut self.view_schema, names.1);
        self.body = LensBody::Steps(CheckedSteps::stored(steps, (source_name, view_name), mappings));
        Ok(())
    }
}

/// What Python has for getter and putter.
pub(super) fn descriptors(body: &LensBody) -> (Json, Json) {
    let opaque = || json!({"kind": "opaque"});
    let code = |code: &CodeLocation| match code {
        CodeLocation::Python { module, qualname } => {
            json!({"kind": "code_reference", "module": module, "qualname": qualname})
        }
        // Python would import it.
        CodeLocation::Repository { repository, commit, path } => {
            json!({"kind": "opaque", "repository": repository, "commit": commit, "path": path})
        }
    };
    match body {
        LensBody::Mappings(mappings) | LensBody::Steps(CheckedSteps { mappings: Some(mappings), .. }) => {
            let list = |list: &mut dyn Iterator<Item = Json>| json!({"kind": "field_mapping", "mappings": list.collect::<Vec<Json>>()});
            let mapping = |source: &str, view: &str, transform: &Option<String>| json!({"source_field": source, "view_field": view, "transform": transform});
            let forward = |it: &FieldMapping| mapping(&it.source_field, &it.view_field, &it.transform);
            let backward = |it: &FieldMapping| mapping(&it.view_field, &it.source_field, &it.transform);
            (list(&mut mappings.iter().map(forward)), list(&mut mappings.iter().map(backward)))
        }
        LensBody::Code { getter, putter } => (code(getter), putter.as_ref().map_or_else(opaque, code)),
        LensBody::Steps(_) | LensBody::Opaque => (opaque(), opaque()),
    }
}

/// What Python says of the lens. Its putter follows from the getter, unless it is code.
pub(super) fn read_body(record: &JsonMap<String, Json>) -> Result<LensBody> {
    let Some(getter) = record.get("getter").and_then(Json::as_object) else { return Ok(LensBody::Opaque) };
    let read = || {
        Ok::<_, Error>(match text(getter, "kind")? {
            Some("field_mapping") => LensBody::Mappings(read_mappings(getter)?),
            Some("code_reference") | Some("opaque") | None => match read_code(getter)? {
                Some(location) => {
                    let putter = record.get("putter").and_then(Json::as_object);
                    let putter = putter.map(read_code).transpose().context("member", "putter")?.flatten();
                    LensBody::Code { getter: location, putter }
                }
                None => LensBody::Opaque,
            },
            Some(_) => LensBody::Opaque,
        })
    };
    read().context("member", "getter")
}

fn read_mappings(getter: &JsonMap<String, Json>) -> Result<Vec<FieldMapping>> {
    let wrong = || Error::corrupt("the mappings of a lens record are not a list of objects");
    let list = getter.get("mappings").and_then(Json::as_array).ok_or_else(wrong)?;
    list.iter()
        .map(|item| {
            let item = item.as_object().ok_or_else(wrong)?;
            let mut mapping =
                FieldMapping::new(required(item, "source_field")?, required(item, "view_field")?);
            mapping.transform = match item.get("transform") {
                None | Some(Json::Null) => None,
                Some(Json::String(name)) => Some(name.clone()),
                Some(other) => Some(other.to_string()),
            };
            Ok(mapping)
        })
        .collect()
}

fn read_code(descriptor: &JsonMap<String, Json>) -> Result<Option<CodeLocation>> {
    if text(descriptor, "kind")? == Some("code_reference") {
        let (module, qualname) = (required(descriptor, "module")?, required(descriptor, "qualname")?);
        return Ok(Some(CodeLocation::Python { module: module.to_owned(), qualname: qualname.to_owned() }));
    }
    let [repository, commit, path] = ["repository", "commit", "path"]
        .map(|key| descriptor.get(key).and_then(Json::as_str).map(str::to_owned));
    Ok(match (repository, commit, path) {
        (Some(repository), Some(commit), Some(path)) => {
            Some(CodeLocation::Repository { repository, commit, path })
        }
        _ => None,
    })
}

pub(super) fn text<'a>(object: &'a JsonMap<String, Json>, key: &'static str) -> Result<Option<&'a str>> {
    let value = object.get(key).filter(|value| !value.is_null());
    let wrong = || Error::corrupt("a member of a lens record is not text").with("member", key);
    value.map(|value| value.as_str().ok_or_else(wrong)).transpose()
}

pub(super) fn required<'a>(object: &'a JsonMap<String, Json>, key: &'static str) -> Result<&'a str> {
    text(object, key)?.ok_or_else(|| Error::corrupt("a lens record lacks a member").with("member", key))
}
