//! `atdata ls`: the datasets of an index.

use futures::TryStreamExt;
use serde_json::json;

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
    if out.is_json() {
        let datasets: Vec<_> = entries.iter().map(|entry| json::entry(&**entry)).collect();
        out.document(&json!({"index": backends.index_address()?, "datasets": datasets}))?;
        return Ok(Status::Done);
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
