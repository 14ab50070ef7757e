//! [`load_dataset`]: from a path, or a name, to the splits of a dataset.

mod dict;
mod split;

use std::path::Path;

use self::dict::no_split;
use crate::source::{FileSource, MAX_SHARDS, Registry, UrlSource, expand};
use crate::url::{AtUri, redact};
use crate::{Dataset, DictSample, Error, Index, IndexExt, Packable, Result, Sample};

pub use self::dict::DatasetDict;

/// Loads a dataset by whatever names it, in splits, in the manner of Hugging Face's function of this name.
///
/// | Path | Means |
/// |---|---|
/// | `@handle/name`, `at://…`, `atdata://…`, each with `@version` or without | a dataset of the [index](LoadDataset::with_index) |
/// | a directory | its files `*.tar`, in order |
/// | a path or an address, with braces or, on this machine, with `*`, `?`, `[…]` | the shards that it stands for |
/// | a name, if there is neither a scheme in it nor a file or directory of this name | a dataset of the index, if there is one |
///
/// Which split a shard belongs to is said by the name of its file or, if that says nothing, by those of its directories: `train`
/// or `training`, `test` or `testing`, `val`, `valid` or `validation`, and `dev` or `development`, which mean `validation`,
/// between `_`, `-`, `/` and dots. Others are of `train`. A dataset of an index is of the split `train`.
///
/// Nothing is read before a split is: only names are looked at.
///
/// ```
/// use atdata_core::load_dataset;
/// use atdata_core::source::Registry;
///
/// # futures::executor::block_on(async {
/// # let directory = tempfile::tempdir().unwrap();
/// # for name in ["digits-train-000.tar", "digits-train-001.tar", "digits-test.tar"] {
/// #     std::fs::write(directory.path().join(name), []).unwrap();
/// # }
/// # let path = directory.path().to_str().unwrap();
/// let registry = Registry::default();
/// let splits = load_dataset(path, &registry).splits().await?;
/// assert_eq!(splits.names().collect::<Vec<_>>(), ["test", "train"]);
/// assert_eq!(splits.split("train")?.shards().await?.len(), 2);
///
/// let test = load_dataset(path, &registry).split("test").await?;
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
pub fn load_dataset<'a>(path: impl Into<String>, registry: &'a Registry) -> LoadDataset<'a> {
    LoadDataset { path: path.into(), registry, index: None, files: None }
}

/// What [`load_dataset`] is to load.
///
/// ```
/// use atdata_core::source::Registry;
/// use atdata_core::{MemoryIndex, load_dataset};
///
/// let (registry, index) = (Registry::default(), MemoryIndex::new());
/// let named = load_dataset("@alice.example/digits@1.0.0", &registry).with_index(&index);
/// let files = [("train", "day-{1..9}.tar"), ("test", "day-0.tar")];
/// let mapped = load_dataset("/data", &registry).with_data_files(files);
/// ```
#[derive(Clone, Debug)]
pub struct LoadDataset<'a> {
    path: String,
    registry: &'a Registry,
    index: Option<&'a dyn Index>,
    /// Splits and addresses.
    files: Option<Vec<(String, String)>>,
}

/// What a path stands for.
enum Loaded<'a> {
    /// A dataset of an index.
    Entry(&'a dyn Index),
    /// Shards by split.
    Shards(Vec<(String, Vec<String>)>),
}

impl<'a> LoadDataset<'a> {
    /// Sets the index that knows names: a [`Federation`](crate::Federation) knows those of several.
    #[must_use]
    pub fn with_index(mut self, index: &'a dyn Index) -> Self {
        self.index = Some(index);
        self
    }

    /// Says itself which addresses belong to which split, whatever their names. The path does not matter then.
    #[must_use]
    pub fn with_data_files<S: Into<String>, A: Into<String>>(
        mut self,
        files: impl IntoIterator<Item = (S, A)>,
    ) -> Self {
        self.files = Some(files.into_iter().map(|(split, url)| (split.into(), url.into())).collect());
        self
    }

    /// All splits, without a compile-time type.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no such dataset, or there are no shards;
    /// [`Invalid`](crate::ErrorKind::Invalid) if the path names a dataset of an index and there is none; an address that the
    /// registry does not open.
    pub async fn splits(&self) -> Result<DatasetDict<DictSample>> {
        match self.find()? {
            Loaded::Entry(index) => {
                let dataset = index.dict_dataset(&self.path, self.registry).await?;
                Ok(DatasetDict::from_iter([(split::DEFAULT, dataset)]))
            }
            Loaded::Shards(splits) => self.open(splits),
        }
    }

    /// One split, without a compile-time type.
    ///
    /// # Errors
    /// As [`splits`](Self::splits); [`NotFound`](crate::ErrorKind::NotFound) if there is no such split.
    pub async fn split(&self, split: &str) -> Result<Dataset<DictSample>> {
        only(self.splits().await?, split)
    }

    /// All splits as `T`; the schema of a dataset of an index is held against it.
    ///
    /// # Errors
    /// As [`splits`](Self::splits), and [`IndexExt::dataset`].
    pub async fn splits_as<T: Packable>(&self) -> Result<DatasetDict<T>> {
        match self.find()? {
            Loaded::Entry(index) => {
                let dataset = index.dataset::<T>(&self.path, self.registry).await?;
                Ok(DatasetDict::from_iter([(split::DEFAULT, dataset)]))
            }
            Loaded::Shards(splits) => self.open(splits),
        }
    }

    /// One split as `T`.
    ///
    /// # Errors
    /// As [`splits_as`](Self::splits_as); [`NotFound`](crate::ErrorKind::NotFound) if there is no such split.
    pub async fn split_as<T: Packable>(&self, split: &str) -> Result<Dataset<T>> {
        only(self.splits_as().await?, split)
    }

    fn open<T: Sample>(&self, splits: Vec<(String, Vec<String>)>) -> Result<DatasetDict<T>> {
        let open = |(split, shards): (String, Vec<String>)| {
            Ok((split, Dataset::from_source(UrlSource::of_shards(shards, self.registry)?)))
        };
        splits.into_iter().map(open).collect()
    }

    fn find(&self) -> Result<Loaded<'a>> {
        if let Some(files) = &self.files {
            let mut splits: Vec<(String, Vec<String>)> = Vec::new();
            for (split, address) in files {
                let shards = self.expand(address)?;
                match splits.iter_mut().find(|(name, _)| name == split) {
                    Some((_, others)) => others.extend(shards),
                    None => splits.push((split.clone(), shards)),
                }
            }
            return self.some(splits);
        }
        let path = &*self.path;
        let is_blob =
            path.strip_prefix(AtUri::PREFIX).is_some_and(|rest| rest.split('/').nth(1) == Some("blob"));
        let is_reference = path.starts_with('@')
            || path.starts_with("atdata://")
            || (path.starts_with(AtUri::PREFIX) && !is_blob);
        match self.index {
            Some(index) if is_reference || is_name(path) => return Ok(Loaded::Entry(index)),
            None if is_reference => {
                return Err(
                    Error::invalid("this names a dataset of an index, and none was given").with("name", path)
                );
            }
            _ => {}
        }
        let mut splits: Vec<(String, Vec<String>)> = Vec::new();
        for shard in self.expand(path)? {
            let split = split::of_path(&shard);
            match splits.iter_mut().find(|(name, _)| name == split) {
                Some((_, shards)) => shards.push(shard),
                None => splits.push((split.to_owned(), vec![shard])),
            }
        }
        self.some(splits)
    }

    /// The shards that an address stands for.
    fn expand(&self, address: &str) -> Result<Vec<String>> {
        if Path::new(address).is_dir() {
            return Ok(FileSource::directory(address)?.shards);
        }
        expand(address, MAX_SHARDS)
    }

    fn some(&self, splits: Vec<(String, Vec<String>)>) -> Result<Loaded<'a>> {
        match splits.iter().all(|(_, shards)| shards.is_empty()) {
            true => {
                Err(Error::not_found("there are no shards at this path").with("path", redact(&self.path)))
            }
            false => Ok(Loaded::Shards(splits)),
        }
    }
}

/// Whether a text can be the name of a dataset only: it has no scheme and no pattern, and no file is called so.
fn is_name(path: &str) -> bool {
    let is_path =
        path.starts_with(['/', '.', '~']) || path.contains("://") || path.contains(['*', '?', '[', '{']);
    !is_path && !path.ends_with(".tar") && !Path::new(path).exists()
}

fn only<T>(splits: DatasetDict<T>, split: &str) -> Result<Dataset<T>> {
    let there: Vec<String> = splits.names().map(str::to_owned).collect();
    let found = splits.into_iter().find(|(name, _)| name == split).map(|(_, dataset)| dataset);
    found.ok_or_else(|| no_split(split, there.iter().map(String::as_str)))
}
