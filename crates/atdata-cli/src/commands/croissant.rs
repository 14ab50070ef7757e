//! `atdata croissant`: a dataset's description for catalogues.

use atdata::describe::{CroissantShard, Description, croissant};
use atdata::shard::hex;
use atdata::{DataSource, Error, IndexEntry, Result, Value};
use futures::TryStreamExt;
use sha2::{Digest, Sha256};

use crate::address::Backends;
use crate::args::Croissant;
use crate::output::{CliResult, Hint, Out, Status};
use crate::progress::Progress;
use crate::source_arg::{self, Source};
use crate::statistics;

/// Prints a Croissant document, or writes it to a file.
pub(super) async fn run(args: &Croissant, backends: &Backends, out: &mut Out) -> CliResult {
    let progress = Progress::beside(out);
    let source = source_arg::open(&args.source, backends).await?.watched_by(&progress);
    let schema = source.schema.as_ref().ok_or_else(|| {
        Error::invalid("a description needs a schema, and there is none").with("source", &source.label)
    });
    let schema = schema.hint(|| "`atdata import` gives shards a schema and a name".to_owned())?;
    let mut shards = Vec::new();
    for url in source.shards.list_shards().await? {
        shards.push(shard(&source, url).await?);
    }
    progress.finish();
    let entry = source.entry.as_deref();
    let content = statistics::content(&*source.shards, entry).await?;
    let statistics = statistics::load(&statistics::places(entry, &content), &content).map(|(_, found)| found);
    let document = croissant(&description(args, &source), schema, &shards, statistics.as_ref());
    match &args.output {
        Some(path) => {
            statistics::write(path, &document).map_err(|error| error.with("path", path.display()))?
        }
        None => out.document(&document)?,
    }
    Ok(Status::Done)
}

/// A shard with its checksum: the one that the entry has, or that of its bytes.
async fn shard(source: &Source, url: String) -> Result<CroissantShard> {
    let known = source.entry.as_deref().and_then(|entry| entry.checksum(&url)).map(str::to_owned);
    let (sha256, size) = match known {
        Some(sha256) => (sha256, source.shards.shard_size(&url).await?),
        None => {
            let mut chunks = source.shards.open_shard(&url).await?.into_chunks();
            let (mut hasher, mut size) = (Sha256::new(), 0);
            while let Some(chunk) = chunks.try_next().await? {
                hasher.update(&chunk);
                size += chunk.len() as u64;
            }
            (hex(&hasher.finalize()), Some(size))
        }
    };
    let shard = CroissantShard::new(atdata::url::redact(&url)).with_sha256(sha256);
    Ok(match size {
        Some(size) => shard.with_size(size),
        None => shard,
    })
}

/// What the command line says, what the record says on the network, and what the metadata say, in this order.
fn description(args: &Croissant, source: &Source) -> Description {
    let metadata = source.entry.as_deref().and_then(IndexEntry::metadata);
    let stated = |key: &str| metadata.and_then(|map| map.get(key)).and_then(Value::as_str).map(str::to_owned);
    let mut all = Description::new(&source.label);
    #[cfg(feature = "atmosphere")]
    if let Some(entry) = &source.record {
        all.description.clone_from(&entry.record.description);
        all.license.clone_from(&entry.record.license);
        all.keywords.clone_from(&entry.record.tags);
        all.published = entry.record.created_at;
        all.url = entry.uri().map(str::to_owned);
    }
    all.description = args.description.clone().or(all.description).or_else(|| stated("description"));
    all.license = args.license.clone().or(all.license).or_else(|| stated("license"));
    all.url = args.url.clone().or(all.url).or_else(|| stated("url"));
    all.creator = args.creator.clone().or_else(|| stated("creator"));
    all.citation = args.citation.clone().or_else(|| stated("citation"));
    all.published = args.published.or(all.published);
    all.version = args.release.clone().or_else(|| stated("version"));
    all
}
