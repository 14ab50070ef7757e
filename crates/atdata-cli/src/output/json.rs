//! The JSON shapes that commands share; the README documents them.

use atdata::schema::SampleSchema;
use atdata::url::redact;
use atdata::{IndexEntry, Map, Result, Value};
use serde_json::{Value as Json, json};

use crate::jsonl;

/// An entry: `{"name", "cid", "uri", "schema_ref", "data_urls", "metadata"}`; what there is not is null.
pub(crate) fn entry(entry: &dyn IndexEntry) -> Json {
    json!({
        "name": entry.name(),
        "cid": entry.cid(),
        "uri": entry.uri(),
        "schema_ref": entry.schema_ref(),
        "data_urls": entry.data_urls().iter().map(|url| redact(url)).collect::<Vec<_>>(),
        "metadata": entry.metadata().map_or(Json::Null, map),
    })
}

/// A schema: the record of a local index.
pub(crate) fn schema(schema: &SampleSchema) -> Result<Json> {
    schema.to_json_value()
}

/// A map, its values as `jsonl` writes them.
pub(crate) fn map(map: &Map) -> Json {
    jsonl::to_json(&Value::Map(map.clone()))
}
