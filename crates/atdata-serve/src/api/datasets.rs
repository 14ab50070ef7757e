//! `datasets`: a page of the list.

use atdata_core::schema::SchemaRef;
use atdata_core::{IndexEntry, Value};
use futures::future::ready;
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value as Json, json};

use super::scan::{Search, limit, scan};
use crate::answer::{Answer, Document};
use crate::bounded::cut;
use crate::opened::State;
use crate::params::Params;

pub(super) const PARAMETERS: [&str; 4] = ["prefix", "search", "after", "limit"];

/// The metadata key under which importers keep the number of samples.
const SAMPLES: &str = "num_samples";
/// The most characters of a description.
const DESCRIPTION: usize = 500;

pub(super) async fn get(state: &State, params: &Params) -> Answer {
    let after = params.text("after").map(str::to_owned);
    let search = Search::new(params);
    let mut last = None;
    // What lies before the page is looked at one by one, and kept nowhere.
    let is_before = |name: &str| after.as_deref().is_some_and(|after| name <= after);
    let listed = state.index.list_datasets(params.text("prefix").unwrap_or_default());
    let listed = listed.try_filter(|entry| ready(!is_before(entry.name()))).boxed();
    let found = scan(listed, limit(params)?, |entry| {
        last = Some(entry.name().to_owned());
        let schema = schema_name(entry.schema_ref());
        let hit = search.hits([Some(entry.name()), schema.as_deref(), description(&*entry)]);
        hit.then(|| row(&*entry, schema))
    })
    .await?;
    Ok(Document(json!({
        "index": state.options.label,
        "datasets": found.items,
        "scanned": found.scanned,
        "next": last.filter(|_| !found.complete),
    })))
}

fn row(entry: &dyn IndexEntry, schema: Option<String>) -> Json {
    json!({
        "name": entry.name(),
        "cid": entry.cid(),
        "schema": schema,
        "addresses": entry.data_urls().len(),
        "samples": stated_samples(entry),
        "description": description(entry).map(|text| cut(text, DESCRIPTION)),
    })
}

/// The name of a schema, by which people know it.
fn schema_name(reference: &str) -> Option<String> {
    reference.parse::<SchemaRef>().ok()?.name().map(str::to_owned)
}

pub(super) fn description(entry: &dyn IndexEntry) -> Option<&str> {
    entry.metadata()?.get("description").and_then(Value::as_str)
}

/// The number of samples that the entry states.
pub(super) fn stated_samples(entry: &dyn IndexEntry) -> Option<u64> {
    entry.metadata()?.get(SAMPLES)?.as_u64()
}
