//! `samples`: some of the samples, as JSON of a bounded size.

use std::sync::Arc;

use atdata_core::url::redact;
use atdata_core::{Dataset, DictSample, Error, ErrorKind, Keyed, RandomAccess, Result, Value};
use futures::StreamExt;
use serde_json::{Value as Json, json};

use super::{dataset, lenses};
use crate::answer::{Answer, Document, error_json};
use crate::bounded::{self, Limits};
use crate::opened::{Access, State};
use crate::params::Params;

pub(super) const PARAMETERS: [&str; 6] = ["name", "start", "count", "lens", "project", "detail"];

/// How many samples are given if nothing is said, and at most.
const COUNT: (u64, u64) = (20, 200);
/// How many samples can be seen of a dataset without an index.
pub(crate) const FROM_START: u64 = 200;
/// After how many bytes of values streaming ends.
const STREAMED: u64 = 64 << 20;

/// A sample as it is shown.
#[derive(Debug)]
struct Row {
    key: String,
    shard: Arc<str>,
    fields: Json,
    /// The bytes of its values, more or less.
    weight: u64,
}

pub(super) async fn get(state: &State, params: &Params) -> Answer {
    let start: u64 = params.number("start")?.unwrap_or_default();
    let detail = params.switch("detail")?;
    let most = if detail { 1 } else { COUNT.1 };
    let count = params.number("count")?.unwrap_or(if detail { 1 } else { COUNT.0 });
    if count > most {
        return Err(Error::invalid(format!("at most {most} samples are given at once")).into());
    }
    let limits = if detail { Limits::DETAIL } else { Limits::ROW };
    let project: Vec<&str> = params.all("project").collect();
    let lens = params.text("lens");

    let opened = state.dataset(params.required("name")?).await?;
    let view = lenses::view(state, &opened, lens).await?;
    let recipe = rows(&lenses::projected(view, lens, &project)?, limits);
    let _permit = state.may_read().await?;
    let access = state.access(&opened).await?;
    let (rows, browsable) = match access {
        Access::Indexed(indexed) => {
            let end = start.saturating_add(count).min(indexed.len());
            let rows = indexed.with_recipe(|_| Ok(recipe))?;
            (at(&rows, start.min(end)..end).await?, indexed.len())
        }
        Access::FromStart(_) => {
            let end = start.saturating_add(count).min(FROM_START);
            (streamed(&recipe, start.min(end)..end).await, FROM_START)
        }
    };
    let rows = rows.into_iter().map(|(index, row)| to_json(index, row)).collect::<Vec<_>>();
    let hint =
        matches!(access, Access::FromStart(_)).then(|| format!("atdata index {}", opened.entry.name()));
    Ok(Document(json!({
        "name": opened.entry.name(),
        "start": start,
        "samples": rows,
        "browsable": browsable,
        "access": dataset::to_json(access),
        "hint": hint,
    })))
}

/// What is shown of each sample. It is made where samples are decoded, so that only that little is held of many.
fn rows(dataset: &Dataset<DictSample>, limits: Limits) -> Dataset<Row> {
    dataset.keyed().map(move |Keyed { key, shard, sample }| {
        let weight = sample.fields().iter().map(|(name, value)| name.len() as u64 + weight(value)).sum();
        Row { key, shard, fields: bounded::fields(sample.fields(), limits), weight }
    })
}

fn weight(value: &Value) -> u64 {
    match value {
        Value::Str(text) => text.len() as u64,
        Value::Bytes(bytes) => bytes.len() as u64,
        Value::Array(array) => array.nbytes() as u64,
        Value::List(items) => items.iter().map(weight).sum(),
        Value::Map(map) => map.iter().map(|(key, value)| key.len() as u64 + weight(value)).sum(),
        _ => 8,
    }
}

/// A sample that is damaged is shown as such, among its neighbours.
type Rows = Vec<(u64, Result<Option<Row>>)>;

async fn at(rows: &RandomAccess<Row>, positions: std::ops::Range<u64>) -> Result<Rows> {
    let wanted: Vec<u64> = positions.clone().collect();
    match rows.take(&wanted).await {
        Ok(taken) => Ok(positions.zip(taken.into_iter().map(Ok)).collect()),
        Err(error) if is_damage(&error) => {
            let mut each = Vec::with_capacity(wanted.len());
            for position in positions {
                each.push((position, rows.get(position).await));
            }
            Ok(each)
        }
        Err(error) => Err(error),
    }
}

fn is_damage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Invalid | ErrorKind::Unsupported)
}

/// The samples from the beginning on, until there are enough or they become too much. A failure ends them.
async fn streamed(rows: &Dataset<Row>, positions: std::ops::Range<u64>) -> Rows {
    let mut samples = rows.take(positions.end);
    let (mut seen, mut bytes, mut found) = (0, 0u64, Vec::new());
    while let Some(row) = samples.next().await {
        let index = seen;
        seen += 1;
        match row {
            Ok(row) => {
                bytes = bytes.saturating_add(row.weight);
                if positions.contains(&index) {
                    found.push((index, Ok(Some(row))));
                }
            }
            Err(error) => {
                found.push((index.max(positions.start), Err(error)));
                break;
            }
        }
        if bytes > STREAMED && seen < positions.end {
            let what = format!("without an index no more than {} MiB are read", STREAMED >> 20);
            found.push((seen.max(positions.start), Err(Error::unsupported(what))));
            break;
        }
    }
    found
}

fn to_json(index: u64, row: Result<Option<Row>>) -> Json {
    match row {
        Ok(Some(Row { key, shard, fields, .. })) => {
            json!({"index": index, "key": key, "shard": redact(&shard), "fields": fields})
        }
        Ok(None) => json!({"index": index, "left_out": true}),
        Err(error) => json!({"index": index, "error": error_json(&error)}),
    }
}
