//! What a SOURCE argument means.
//!
//! In this order:
//! 1. The address of a record (`at://DID/COLLECTION/RKEY`), or a name of somebody's (`@HANDLE/NAME`): a dataset on the AT
//!    Protocol, whatever the index is.
//! 2. With a scheme (`https://…`, `s3://…`, `file:…`), or beginning with `/`, `./`, `../` or `~/`: an address or a path. An S3 address
//!    that ends with `/` stands for all shards below it; `at://DID/blob/CID` is a shard.
//! 3. The name of a dataset in the index. If there is a file of that name too, the dataset wins and a note says so.
//! 4. A path that exists: a directory of shards, or a shard.
//! 5. With pattern characters (`*?[{`): a pattern.
//! 6. Anything else is not found.

use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(feature = "atmosphere")]
use atdata::atmosphere::AtmosphereEntry;
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
    /// The same with all that its record says, if it is on the network.
    #[cfg(feature = "atmosphere")]
    pub(crate) record: Option<Arc<AtmosphereEntry>>,
    /// The schema, if it is a dataset whose schema the index has.
    pub(crate) schema: Option<SampleSchema>,
    /// The shards.
    pub(crate) shards: Arc<dyn DataSource>,
}

impl Source {
    /// Shards that are no dataset of an index.
    fn of_shards(label: &str, shards: Arc<dyn DataSource>) -> Self {
        Self {
            label: label.to_owned(),
            entry: None,
            #[cfg(feature = "atmosphere")]
            record: None,
            schema: None,
            shards,
        }
    }

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
    #[cfg(feature = "atmosphere")]
    if let Some(owner) = backends.owner(argument) {
        let found = Found::of_network(argument, backends).await;
        let found = found.hint(|| format!("`atdata ls --index at://{owner}` lists what there is"))?;
        return Ok(found.open(backends).await?);
    }
    if is_address(argument) {
        return Ok(from_address(argument, backends).await?);
    }
    let path = Path::new(argument);
    let index = backends.existing_index().await?;
    let found = match &index {
        Some(index) => optional(Found::by_name(argument, index, backends).await)?,
        None => None,
    };
    if let Some(found) = found {
        if path.exists() {
            note(format_args!(
                "{argument} is a dataset and a path; the dataset is meant, ./{argument} is the path"
            ));
        }
        return Ok(found.open(backends).await?);
    }
    if path.exists() || argument.contains(['*', '?', '[', '{']) {
        return Ok(from_address(argument, backends).await?);
    }
    not_found(argument, index.as_deref(), backends).await
}

/// The index that knows a reference to a dataset or a schema: that of the account that it names, or else the one that was
/// asked for, if there is one.
///
/// # Errors
/// It cannot be opened.
#[cfg_attr(not(feature = "atmosphere"), allow(unused_variables))]
pub(crate) async fn index_of(reference: &str, backends: &Backends) -> Result<Option<Arc<dyn Index>>> {
    #[cfg(feature = "atmosphere")]
    if backends.owner(reference).is_some()
        && let Some(index) = backends.network_index(reference).await?
    {
        return Ok(Some(Arc::new(index)));
    }
    backends.existing_index().await
}

/// A dataset that an index has.
struct Found {
    index: Arc<dyn Index>,
    entry: Arc<dyn IndexEntry>,
    #[cfg(feature = "atmosphere")]
    record: Option<Arc<AtmosphereEntry>>,
}

impl Found {
    /// Looks for a dataset whose reference says whose it is.
    #[cfg(feature = "atmosphere")]
    async fn of_network(reference: &str, backends: &Backends) -> Result<Self> {
        let index = backends.network_index(reference).await?;
        let index =
            index.ok_or_else(|| Error::invalid("this is nobody's dataset").with("name", reference))?;
        let entry = Arc::new(index.find(reference).await?);
        Ok(Self { index: Arc::new(index), entry: entry.clone(), record: Some(entry) })
    }

    /// Looks for a dataset in the index that was asked for.
    #[cfg_attr(not(feature = "atmosphere"), allow(unused_variables))]
    async fn by_name(name: &str, index: &Arc<dyn Index>, backends: &Backends) -> Result<Self> {
        #[cfg(feature = "atmosphere")]
        if backends.network_index(name).await?.is_some() {
            return Self::of_network(name, backends).await;
        }
        Ok(Self {
            index: index.clone(),
            entry: index.get_dataset(name).await?,
            #[cfg(feature = "atmosphere")]
            record: None,
        })
    }

    async fn open(self, backends: &Backends) -> Result<Source> {
        let schema = optional(self.index.decode_schema(self.entry.schema_ref()).await)?;
        if schema.is_none() {
            tracing::info!(
                schema = self.entry.schema_ref(),
                "the index does not have the schema; samples are read unchecked"
            );
        }
        let shards = UrlSource::of_entry(&*self.entry, &backends.registry()?)?;
        let source = Source::of_shards(self.entry.name(), Arc::new(shards));
        Ok(Source {
            entry: Some(self.entry),
            #[cfg(feature = "atmosphere")]
            record: self.record,
            schema,
            ..source
        })
    }
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
        return Ok(Source::of_shards(&redact(argument), Arc::new(source)));
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
    Ok(Source::of_shards(&redact(argument), shards))
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
