//! `schemas`: a page of the list.

use atdata_core::Result;
use atdata_core::schema::{Field, SampleSchema};
use futures::StreamExt;
use serde_json::{Value as Json, json};

use super::scan::{Search, limit, scan};
use crate::answer::{Answer, Document};
use crate::bounded::cut;
use crate::opened::State;
use crate::params::Params;

pub(super) const PARAMETERS: [&str; 4] = ["prefix", "search", "start", "limit"];

/// The most fields of a schema.
const FIELDS: usize = 1000;
/// The most characters of a text.
const TEXT: usize = 2000;

pub(super) async fn get(state: &State, params: &Params) -> Answer {
    let search = Search::new(params);
    let start: u64 = params.number("start")?.unwrap_or_default();
    let skipped = usize::try_from(start).unwrap_or(usize::MAX);
    let listed = state.index.list_schemas(params.text("prefix").unwrap_or_default()).skip(skipped).boxed();
    let found = scan(listed, limit(params)?, |stored| {
        let (schema, reference) = (&stored.schema, Some(stored.reference.as_str()));
        let hit = search.hits([Some(schema.name.as_str()), schema.description.as_deref(), reference]);
        hit.then(|| to_json(&stored.reference, schema))
    })
    .await?;
    let next = (!found.complete).then_some(start.saturating_add(found.scanned));
    let schemas = found.items;
    Ok(Document(json!({
        "index": state.options.label, "schemas": schemas, "scanned": found.scanned, "next": next,
    })))
}

/// A schema, for people; `record` has all of it.
pub(super) fn to_json(reference: &str, schema: &SampleSchema) -> Json {
    let fields: Vec<Json> = schema.fields.iter().take(FIELDS).map(field).collect();
    json!({
        "reference": reference,
        "name": schema.name,
        "version": schema.version.to_string(),
        "description": schema.description.as_deref().map(|text| cut(text, TEXT)),
        "fields": fields,
        "fields_total": schema.fields.len(),
    })
}

fn field(field: &Field) -> Json {
    json!({
        "name": field.name,
        "type": cut(&field.field_type.to_string(), TEXT),
        "optional": field.optional,
        "description": field.description.as_deref().map(|text| cut(text, TEXT)),
    })
}

/// The schema of a dataset as its index keeps it; null if it has no such form.
pub(super) fn record(schema: &SampleSchema) -> Json {
    let record: Result<Json> = schema.to_json_value();
    record.unwrap_or_default()
}
