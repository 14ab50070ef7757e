//! `atdata show`: what is known of a dataset.

use atdata::url::redact;
use atdata::{CHECKSUMS_KEY, DataSource, IndexEntry, Value};
use serde_json::{Value as Json, json};

use crate::address::{Backends, local_path_of};
use crate::args::Show;
use crate::output::table::{row, table};
use crate::output::{CliResult, Out, Status, json, printable};
use crate::progress::Progress;
use crate::source_arg::{self, Source};
use crate::{jsonl, size};

/// The metadata key under which `import` keeps the number of samples.
pub(crate) const SAMPLES_KEY: &str = "num_samples";

/// The number of samples that the entry states.
pub(crate) fn stored_samples(entry: &dyn IndexEntry) -> Option<u64> {
    entry.metadata()?.get(SAMPLES_KEY)?.as_u64()
}

struct ShardInfo {
    url: String,
    size: Option<u64>,
    sha256: Option<String>,
}

/// Shows entry, schema and shards.
pub(super) async fn run(args: &Show, backends: &Backends, out: &mut Out) -> CliResult {
    let progress = Progress::beside(out);
    let source = source_arg::open(&args.source, backends).await?.watched_by(&progress);
    let shards = shards(&source).await?;
    let mut samples = source.entry.as_deref().and_then(stored_samples);
    if args.count {
        samples = Some(source.dataset(&[]).count().await?);
    }
    progress.finish();
    if out.is_json() {
        let shards: Vec<Json> = shards
            .iter()
            .map(|shard| json!({"url": redact(&shard.url), "size": shard.size, "sha256": shard.sha256}))
            .collect();
        out.document(&json!({
            "source": source.label,
            "entry": source.entry.as_deref().map(json::entry),
            "record": record(&source),
            "schema": source.schema.as_ref().map(json::schema).transpose()?,
            "samples": samples,
            "shards": shards,
        }))?;
    } else {
        print(&source, &shards, samples, out)?;
    }
    Ok(Status::Done)
}

async fn shards(source: &Source) -> CliResult<Vec<ShardInfo>> {
    let urls = source.shards.list_shards().await?;
    let info = |url: String| {
        // Asking a server for every size would cost a request each.
        let size = local_path_of(&url).and_then(|path| std::fs::metadata(path).ok()).map(|found| found.len());
        let sha256 = source.entry.as_deref().and_then(|entry| entry.checksum(&url)).map(str::to_owned);
        ShardInfo { url, size, sha256 }
    };
    Ok(urls.into_iter().map(info).collect())
}

/// What the record of a dataset on the network says besides.
#[cfg(feature = "atmosphere")]
fn record(source: &Source) -> Json {
    source.record.as_ref().map_or(Json::Null, |entry| {
        json!({
            "account": entry.did.as_str(),
            "collection": entry.collection.nsid(),
            "description": entry.record.description,
            "tags": entry.record.tags,
            "license": entry.record.license,
        })
    })
}

#[cfg(not(feature = "atmosphere"))]
fn record(_: &Source) -> Json {
    Json::Null
}

fn print(source: &Source, shards: &[ShardInfo], samples: Option<u64>, out: &mut Out) -> CliResult<()> {
    let mut pair = |name: &str, value: &str| out.line(format_args!("{name:<9} {}", printable(value)));
    pair("name", &source.label)?;
    if let Some(entry) = &source.entry {
        for (name, value) in
            [("cid", entry.cid()), ("uri", entry.uri()), ("schema", Some(entry.schema_ref()))]
        {
            if let Some(value) = value {
                pair(name, value)?;
            }
        }
    }
    #[cfg(feature = "atmosphere")]
    if let Some(entry) = &source.record {
        let (record, tags) = (&entry.record, entry.record.tags.join(", "));
        let tags = (!tags.is_empty()).then_some(&*tags);
        for (name, value) in
            [("about", record.description.as_deref()), ("tags", tags), ("license", record.license.as_deref())]
        {
            if let Some(value) = value {
                pair(name, value)?;
            }
        }
    }
    let samples = samples.map_or_else(|| "not counted (--count counts them)".to_owned(), |n| n.to_string());
    pair("samples", &samples)?;
    let total: u64 = shards.iter().filter_map(|shard| shard.size).sum();
    pair("shards", &format!("{}, {}", shards.len(), size::format(total)))?;
    if let Some(metadata) = source.entry.as_deref().and_then(IndexEntry::metadata) {
        for (key, value) in metadata.iter().filter(|(key, _)| ![CHECKSUMS_KEY, SAMPLES_KEY].contains(key)) {
            pair("metadata", &format!("{key} = {}", text(value)))?;
        }
    }
    match (&source.schema, &source.entry) {
        (Some(schema), _) => out.line(format_args!("\n{}", printable(&schema.to_string())))?,
        (None, Some(_)) => out.line("\nThe index does not have the schema; samples are read unchecked.")?,
        (None, None) => {}
    }
    let mut list = table(["SHARD", "SIZE", "SHA-256"]);
    for shard in shards {
        let size = shard.size.map_or_else(|| "?".to_owned(), size::format);
        let sum = shard.sha256.as_ref().map_or_else(|| "-".to_owned(), |sum| sum.chars().take(12).collect());
        row(&mut list, [redact(&shard.url), size, sum]);
    }
    out.line(format_args!("\n{}", list.trim_fmt()))
}

fn text(value: &Value) -> String {
    jsonl::to_json(value).to_string()
}
