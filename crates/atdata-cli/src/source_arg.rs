//! What a SOURCE argument means.
//!
//! In this order:
//! 1. With a scheme (`https://…`, `s3://…`, `file:…`), or beginning with `/`, `./`, `../` or `~/`: an address or a path. An S3 address
//!    that ends with `/` stands for all shards below it.
//! 2. The name of a dataset in the index. If there is a file of that name too, the dataset wins and a note says so.
//! 3. A path that exists: a directory of shards, or a shard.
//! 4. With pattern characters (`*?[{`): a pattern.
//! 5. Anything else is not found.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use atdata::schema::SampleSchema;
use atdata::source::{FileSource, UrlSource};
use atdata::url::redact;
use atdata::{DataSource, Dataset, DictSample, Error, Index, IndexEntry, Result};
#[cfg(feature = "s3")]
use atdata::{S3Config, S3Source};
use futures::TryStreamExt;

use crate::address::Backends;
use crate::closest::closest;
use crate::output::{CliResult, Hint, note};
use crate::progress::Progress;

/// How many names are looked at to find one that was mistyped.
const NAMES: usize = 100_000;

/// What a SOURCE argument turned out to be.
#[derive(Debug)]
pub(crate) struct Source {
    /// The dataset's name, or the argument.
    pub(crate) label: String,
    /// The entry, if it is a dataset.
    pub(crate) entry: Option<Arc<dyn IndexEntry>>,
    /// The schema, if it is a dataset whose schema the index has.
    pub(crate) schema: Option<SampleSchema>,
    /// The shards.
    pub(crate) shards: Arc<dyn DataSource>,
}

impl Source {
    /// The same, moving a progress bar as shards come from afar.
    pub(crate) fn watched_by(mut self, progress: &Progress) -> Self {
        self.shards = progress.watch(self.shards);
        self
    }

    /// The samples; `arrays` are fields of bytes to be decoded as arrays.
    pub(crate) fn dataset(&self, arrays: &[String]) -> Dataset<DictSample> {
        let mut dataset = Dataset::<DictSample>::from_source(self.shards.clone());
        if let Some(schema) = &self.schema {
            dataset = dataset.with_schema(schema.clone());
        }
        arrays.iter().fold(dataset, |dataset, field| dataset.with_array(field))
    }
}

/// Finds out what a SOURCE argument means and opens it.
///
/// # Errors
/// There is nothing of the kind; the index or an address cannot be opened.
pub(crate) async fn open(argument: &str, backends: &Backends) -> CliResult<Source> {
    if is_address(argument) {
        return Ok(from_address(argument, backends).await?);
    }
    let path = Path::new(argument);
    let index = backends.existing_index().await?;
    let entry = match &index {
        Some(index) => optional(index.get_dataset(argument).await)?,
        None => None,
    };
    if let (Some(index), Some(entry)) = (&index, entry) {
        if path.exists() {
            note(format_args!(
                "{argument} is a dataset and a path; the dataset is meant, ./{argument} is the path"
            ));
        }
        return Ok(from_entry(&**index, entry, backends).await?);
    }
    if path.exists() || argument.contains(['*', '?', '[', '{']) {
        return Ok(from_address(argument, backends).await?);
    }
    not_found(argument, index.as_deref(), backends).await
}

async fn from_entry(index: &dyn Index, entry: Arc<dyn IndexEntry>, backends: &Backends) -> Result<Source> {
    let schema = optional(index.decode_schema(entry.schema_ref()).await)?;
    if schema.is_none() {
        tracing::info!(
            schema = entry.schema_ref(),
            "the index does not have the schema; samples are read unchecked"
        );
    }
    let shards = UrlSource::from_urls(entry.data_urls(), &backends.registry()?)
        .map_err(|error| error.with("name", entry.name()))?;
    Ok(Source { label: entry.name().to_owned(), entry: Some(entry), schema, shards: Arc::new(shards) })
}

async fn from_address(argument: &str, backends: &Backends) -> Result<Source> {
    let path = match argument.strip_prefix("~/") {
        Some(inside) => std::env::home_dir().unwrap_or_default().join(inside),
        None => PathBuf::from(argument),
    };
    #[cfg(feature = "s3")]
    if let Some((bucket, prefix)) = s3_prefix(argument) {
        let source = S3Source::from_prefix(S3Config::default(), bucket, prefix).await?;
        if source.list_shards().await?.is_empty() {
            return Err(Error::not_found("there are no .tar objects below this prefix").with("url", argument));
        }
        return Ok(Source { label: redact(argument), entry: None, schema: None, shards: Arc::new(source) });
    }
    let shards: Arc<dyn DataSource> = if path.is_dir() {
        let source = FileSource::directory(&path)?;
        if source.list_shards().await?.is_empty() {
            return Err(Error::not_found("the directory has no .tar files").with("path", path.display()));
        }
        Arc::new(source)
    } else if argument.starts_with("~/") {
        Arc::new(UrlSource::new(&path.to_string_lossy(), &backends.registry()?)?)
    } else {
        Arc::new(UrlSource::new(argument, &backends.registry()?)?)
    };
    Ok(Source { label: redact(argument), entry: None, schema: None, shards })
}

/// Bucket and prefix of `s3://BUCKET/` and `s3://BUCKET/PREFIX/`, which stand for all shards below them.
#[cfg(feature = "s3")]
fn s3_prefix(argument: &str) -> Option<(&str, &str)> {
    let inside = argument.strip_prefix("s3://").filter(|inside| inside.ends_with('/'))?;
    inside.split_once('/')
}

/// Whether an argument can be nothing but an address or a path.
pub(crate) fn is_address(argument: &str) -> bool {
    let own_reference = argument.starts_with("atdata://") || argument.starts_with('@');
    let path = ["/", "./", "../", "~/", "file:", "pipe:"].iter().any(|start| argument.starts_with(start));
    !own_reference
        && (path || argument == "-" || argument == "." || argument == ".." || argument.contains("://"))
}

async fn not_found<T>(wanted: &str, index: Option<&dyn Index>, backends: &Backends) -> CliResult<T> {
    let error = Error::not_found("no dataset of this name, and no such file").with("name", wanted);
    let address = backends.index_address()?;
    let Some(index) = index else {
        return Err(error).hint(|| format!("there is no index at {address} yet; `atdata import` makes one"));
    };
    let suggestion = suggestion(wanted, names(index).await?);
    Err(error.with("index", address))
        .hint(|| suggestion.unwrap_or_else(|| "`atdata ls` lists the datasets".to_owned()))
}

/// "Did you mean …?", if a name is close enough.
pub(crate) fn suggestion(wanted: &str, names: Vec<String>) -> Option<String> {
    let close = closest(wanted, names);
    (!close.is_empty()).then(|| format!("did you mean {}?", close.join(" or ")))
}

async fn names(index: &dyn Index) -> Result<Vec<String>> {
    use futures::StreamExt;
    index.list_datasets("").take(NAMES).map_ok(|entry| entry.name().to_owned()).try_collect().await
}

/// `None` in place of not found.
pub(crate) fn optional<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_told_apart() {
        for address in ["/a", "./a", "../a", "~/a", "file:a", "s3://b/k-{0..1}.tar", "-", "."] {
            assert!(is_address(address), "{address}");
        }
        for name in ["a", "team/a", "a.tar", "a-{0..1}.tar", "@alice.test/a", "atdata://local/dataset/a"] {
            assert!(!is_address(name), "{name}");
        }
    }
}
