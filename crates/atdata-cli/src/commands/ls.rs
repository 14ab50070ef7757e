//! `atdata ls`: the datasets of an index.

use futures::TryStreamExt;
use serde_json::{Value as Json, json};

use crate::address::Backends;
use crate::args::Ls;
use crate::output::table::{row, table};
use crate::output::{CliResult, Out, Status, json, note};

/// Lists datasets by name.
pub(super) async fn run(args: &Ls, backends: &Backends, out: &mut Out) -> CliResult {
    let index = backends.existing_index().await?;
    let mut entries = Vec::new();
    if let Some(index) = &index {
        entries = index.list_datasets(&args.prefix).try_collect().await?;
    }
    let (malformed, count) = malformed(backends).await?;
    if out.is_json() {
        let datasets: Vec<_> = entries.iter().map(|entry| json::entry(&**entry)).collect();
        let address = backends.index_address()?;
        out.document(&json!({"index": address, "datasets": datasets, "malformed": malformed}))?;
        return Ok(Status::Done);
    }
    if count > 0 {
        note(format_args!("{count} records cannot be read and are left out; -v says why"));
    }
    if entries.is_empty() {
        let address = backends.index_address()?;
        note(match (&index, args.prefix.as_str()) {
            (None, _) => format!("there is no index at {address} yet; `atdata import` makes one"),
            (Some(_), "") => format!("the index {address} has no datasets"),
            (Some(_), prefix) => format!("no dataset in {address} has a name that begins with {prefix:?}"),
        });
        return Ok(Status::Done);
    }
    let mut list = table(["NAME", "SAMPLES", "SHARDS", "SCHEMA"]);
    for entry in &entries {
        let samples = super::show::stored_samples(&**entry).map_or_else(|| "?".to_owned(), |n| n.to_string());
        let shards = entry.data_urls().len().to_string();
        row(&mut list, [entry.name().to_owned(), samples, shards, entry.schema_ref().to_owned()]);
    }
    out.line(list.trim_fmt())?;
    Ok(Status::Done)
}

/// The first records of a repository that cannot be read, and how many there are.
#[cfg(feature = "atmosphere")]
async fn malformed(backends: &Backends) -> CliResult<(Vec<Json>, u64)> {
    let Some(index) = backends.network_index("").await? else { return Ok((Vec::new(), 0)) };
    let (first, count) = index.malformed().await?;
    let first = first.iter().map(|record| json!({"uri": record.uri, "reason": record.reason})).collect();
    Ok((first, count))
}

#[cfg(not(feature = "atmosphere"))]
#[allow(clippy::unused_async, reason = "as with the network")]
async fn malformed(_: &Backends) -> CliResult<(Vec<Json>, u64)> {
    Ok((Vec::new(), 0))
}
