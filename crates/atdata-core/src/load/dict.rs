//! Datasets by split.

use std::fmt;

use crate::{Dataset, Error, Result};

/// The splits of a dataset, in the order in which they were found.
///
/// ```
/// use atdata_core::source::FileSource;
/// use atdata_core::{Dataset, DatasetDict, DictSample};
///
/// let open = |path: &str| Dataset::<DictSample>::from_source(FileSource::new([path]));
/// let splits = DatasetDict::from_iter([("train", open("train.tar")), ("test", open("test.tar"))]);
/// assert_eq!(splits.names().collect::<Vec<_>>(), ["train", "test"]);
/// assert!(splits.split("validation").unwrap_err().is_not_found());
/// ```
#[derive(Clone)]
pub struct DatasetDict<T> {
    splits: Vec<(String, Dataset<T>)>,
}

impl<T> DatasetDict<T> {
    /// The dataset of a split.
    pub fn get(&self, split: &str) -> Option<&Dataset<T>> {
        self.splits.iter().find(|(name, _)| name == split).map(|(_, dataset)| dataset)
    }

    /// The dataset of a split.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound), naming the splits that there are.
    pub fn split(&self, split: &str) -> Result<&Dataset<T>> {
        self.get(split).ok_or_else(|| no_split(split, self.names()))
    }

    /// The names of the splits.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.splits.iter().map(|(name, _)| name.as_str())
    }

    /// The splits and their datasets.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Dataset<T>)> {
        self.splits.iter().map(|(name, dataset)| (name.as_str(), dataset))
    }

    /// How many splits there are.
    pub fn len(&self) -> usize {
        self.splits.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.splits.is_empty()
    }
}

pub(super) fn no_split<'a>(split: &str, there: impl Iterator<Item = &'a str>) -> Error {
    let there = there.collect::<Vec<_>>().join(", ");
    Error::not_found(format!("there is no such split; there are {there}")).with("split", split)
}

impl<S: Into<String>, T> FromIterator<(S, Dataset<T>)> for DatasetDict<T> {
    /// Of several datasets of one split the last one counts.
    fn from_iter<I: IntoIterator<Item = (S, Dataset<T>)>>(splits: I) -> Self {
        let mut all: Vec<(String, Dataset<T>)> = Vec::new();
        for (name, dataset) in splits {
            let name = name.into();
            match all.iter_mut().find(|(other, _)| *other == name) {
                Some((_, place)) => *place = dataset,
                None => all.push((name, dataset)),
            }
        }
        Self { splits: all }
    }
}

impl<T> IntoIterator for DatasetDict<T> {
    type Item = (String, Dataset<T>);
    type IntoIter = std::vec::IntoIter<(String, Dataset<T>)>;

    fn into_iter(self) -> Self::IntoIter {
        self.splits.into_iter()
    }
}

impl<T> fmt::Debug for DatasetDict<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
