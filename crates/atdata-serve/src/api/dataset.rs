//! `dataset`: what is known of one.

use std::path::PathBuf;

use atdata_core::url::{ShardUrl, redact};
use atdata_core::{CHECKSUMS_KEY, ErrorKind, Result};
use futures::TryStreamExt;
use futures::future::ready;
use serde_json::{Value as Json, json};

use super::datasets::{description, stated_samples};
use super::{labels, lenses, schemas};
use crate::answer::{Answer, Document, error_json};
use crate::bounded::{self, Limits, cut};
use crate::opened::{Access, Opened, State};
use crate::params::Params;

pub(super) const PARAMETERS: [&str; 2] = ["name", "access"];

/// The most shards that are listed.
const SHARDS: usize = 500;
/// The most labels that are listed.
const LABELS: usize = 200;

pub(super) async fn get(state: &State, params: &Params) -> Answer {
    let opened = state.dataset(params.required("name")?).await?;
    let entry = &opened.entry;
    // Opening the indexes of many shards takes its time, for which the rest need not wait.
    let access = match params.text("access") {
        Some("skip") => Json::Null,
        _ => access(state, &opened).await?,
    };
    let metadata = entry.metadata().map(|metadata| {
        let rest = metadata.iter().filter(|(key, _)| *key != CHECKSUMS_KEY);
        let rest = rest.map(|(key, value)| (key.to_owned(), value.clone())).collect();
        bounded::metadata(&rest, Limits::METADATA)
    });
    let statistics = match &state.options.statistics {
        Some(statistics) => statistics.statistics(&**entry).await.is_ok_and(|found| found.is_some()),
        None => false,
    };
    Ok(Document(json!({
        "index": state.options.label,
        "entry": {
            "name": entry.name(),
            "cid": entry.cid(),
            "uri": entry.uri(),
            "schema_ref": entry.schema_ref(),
            "description": description(&**entry).map(|text| cut(text, 10_000)),
            "metadata": metadata,
            "foreign": entry.is_foreign(),
        },
        "schema": opened.schema.as_ref().map(|schema| schemas::to_json(entry.schema_ref(), schema)),
        "record": opened.schema.as_ref().map(schemas::record),
        "samples": opened.samples().or_else(|| stated_samples(&**entry)),
        "shards": shards(&opened).await?,
        "labels": history(state, &opened).await?,
        "lenses": lenses::list(state, &opened).await?,
        "statistics": statistics,
        "access": access,
    })))
}

/// How samples can be read: `{"kind": "index"}`, or from the beginning only and why.
async fn access(state: &State, opened: &Opened) -> Result<Json> {
    let _permit = state.may_read().await?;
    Ok(match state.access(opened).await {
        Ok(access) => to_json(access),
        Err(error) => json!({"kind": "unavailable", "samples": null, "reason": error_json(&error)}),
    })
}

pub(super) fn to_json(access: &Access) -> Json {
    match access {
        Access::Indexed(indexed) => json!({"kind": "index", "samples": indexed.len(), "reason": null}),
        Access::FromStart(reason) => json!({"kind": "start", "samples": null, "reason": error_json(reason)}),
    }
}

async fn shards(opened: &Opened) -> Result<Json> {
    let urls = opened.dataset.shards().await?;
    let total = urls.len();
    let listed: Vec<(String, Option<String>)> = urls
        .into_iter()
        .take(SHARDS)
        .map(|url| {
            let sum = opened.entry.checksum(&url).map(str::to_owned);
            (url, sum)
        })
        .collect();
    let work = move || -> Vec<Json> {
        let shard = |(url, sum): (String, Option<String>)| json!({"url": redact(&url), "size": size_of_file(&url), "sha256": sum});
        listed.into_iter().map(shard).collect()
    };
    // The disk may be slow.
    let listed = tokio::task::spawn_blocking(work).await.unwrap_or_default();
    Ok(json!({"total": total, "listed": listed}))
}

/// The size of a local file; asking a server for each size would cost a request.
fn size_of_file(url: &str) -> Option<u64> {
    let path: PathBuf = ShardUrl::parse(url).ok()?.as_path()?.to_owned();
    std::fs::metadata(path).ok().map(|found| found.len())
}

/// The labels of the dataset's name, the one set last first, where the index knows the order.
async fn history(state: &State, opened: &Opened) -> Result<Vec<Json>> {
    let name = opened.entry.name();
    match state.index.label_history(name).await {
        Ok(history) => Ok(history.iter().take(LABELS).map(labels::dated).collect()),
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            let listed = state.index.list_labels(name);
            let own = listed.try_filter(|label| ready(label.name == name));
            let own = own.map_ok(|label| labels::dated(&atdata_core::DatedLabel::new(label, None)));
            let mut first = Vec::new();
            let mut own = std::pin::pin!(own);
            while let Some(label) = own.try_next().await?
                && first.len() < LABELS
            {
                first.push(label);
            }
            Ok(first)
        }
        // A reference to another's dataset may lead past its labels.
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
