//! What has happened.

use std::sync::Arc;

use crate::{Error, ErrorKind, IndexEntry, Result};

/// What has become of a dataset.
///
/// ```
/// assert!(atdata_core::exchange::Outcome::Equal.is_skipped());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The target has it now; in a dry run, it would have it.
    Carried,
    /// The target had an equal one.
    Equal,
    /// The target has another dataset of the name, which stays.
    Kept,
}

impl Outcome {
    /// Whether nothing was done.
    pub fn is_skipped(self) -> bool {
        self != Outcome::Carried
    }

    /// In a word: `carried`, `equal`, `kept`.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Carried => "carried",
            Outcome::Equal => "equal",
            Outcome::Kept => "kept",
        }
    }
}

/// What has become of one dataset, in numbers.
///
/// ```
/// use atdata_core::exchange::{ExchangeOptions, Outcome, migrate_dataset};
/// use atdata_core::{Index, MemoryIndex, NewDataset};
///
/// # futures::executor::block_on(async {
/// let (laptop, team) = (MemoryIndex::new(), MemoryIndex::new());
/// laptop.insert_dataset(NewDataset::new("digits", "Digit@1.0.0", vec!["s3://b/a.tar".into()])).await?;
/// let migrated = migrate_dataset("digits", &laptop, &team, &ExchangeOptions::keep_addresses()).await?;
/// assert_eq!((migrated.outcome, migrated.shards), (Outcome::Carried, 1));
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Migrated {
    /// The name in the target.
    pub name: String,
    /// What was done.
    pub outcome: Outcome,
    /// The target's entry; none in a dry run in which there was none.
    pub entry: Option<Arc<dyn IndexEntry>>,
    /// The number of the dataset's shards in the source, all its versions that were carried together.
    pub shards: u64,
    /// How many of them were not moved because the journal had them.
    pub resumed: u64,
    /// The bytes that were moved; in a dry run, those that would be, as far as they are known.
    pub bytes: u64,
    /// How many labels with a version were set.
    pub labels: u64,
}

/// What has become of all datasets. Those that went well are counted; an [observer](super::ExchangeOptions::with_observer)
/// learns of each.
///
/// ```
/// let report = atdata_core::exchange::ExchangeReport::default();
/// assert!(report.ok().is_ok());
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ExchangeReport {
    /// How many datasets were carried.
    pub carried: u64,
    /// How many were there and equal.
    pub equal: u64,
    /// How many were there, were others, and stayed.
    pub kept: u64,
    /// What failed.
    pub failed: Vec<ExchangeFailure>,
    /// How many schemas were published that no dataset needed before.
    pub schemas: u64,
    /// How many labels were set.
    pub labels: u64,
    /// The bytes that were moved.
    pub bytes: u64,
}

/// One dataset, schema or label that could not be carried.
///
/// ```
/// fn show(failure: &atdata_core::exchange::ExchangeFailure) -> String {
///     format!("{}: {}", failure.name, failure.error)
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct ExchangeFailure {
    /// Its name in the source.
    pub name: String,
    /// Why.
    pub error: Error,
}

impl ExchangeReport {
    pub(super) fn add(&mut self, migrated: &Migrated) {
        match migrated.outcome {
            Outcome::Carried => self.carried += 1,
            Outcome::Equal => self.equal += 1,
            Outcome::Kept => self.kept += 1,
        }
        self.labels += migrated.labels;
        self.bytes += migrated.bytes;
    }

    pub(super) fn fail(&mut self, name: &str, error: Error) {
        self.failed.push(ExchangeFailure { name: name.to_owned(), error });
    }

    /// Fails if anything did.
    ///
    /// # Errors
    /// One error of the first failure's kind, which names it, with the number of all.
    pub fn ok(&self) -> Result<()> {
        let Some(first) = self.failed.first() else { return Ok(()) };
        let count = self.failed.len();
        let kind = match self.failed.iter().all(|failure| failure.error.kind() == first.error.kind()) {
            true => first.error.kind(),
            false => ErrorKind::Unexpected,
        };
        let message = format!("{count} could not be carried; the first: {}", first.error);
        Err(Error::new(kind, message).with("name", &first.name).with_retryable(false))
    }
}

/// Something that has happened, for an [observer](super::ExchangeOptions::with_observer).
///
/// ```
/// use atdata_core::exchange::{Event, ExchangeOptions};
///
/// let options = ExchangeOptions::keep_addresses().with_observer(|event| {
///     if let Event::Ended { name, .. } = event {
///         println!("{name} is there");
///     }
/// });
/// assert!(!options.copies());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// A dataset is about to be copied, or would be in a dry run.
    #[non_exhaustive]
    Started {
        /// Its name in the source.
        name: &'e str,
        /// The number of its shards.
        shards: usize,
        /// Their length, where known of all.
        bytes: Option<u64>,
    },
    /// So many bytes have been read from the source.
    Bytes(u64),
    /// A shard is in the target's store.
    #[non_exhaustive]
    Shard {
        /// The name of its dataset in the source.
        name: &'e str,
        /// Whether it was there already, as the journal knew.
        resumed: bool,
    },
    /// A dataset has been dealt with.
    #[non_exhaustive]
    Ended {
        /// Its name in the source.
        name: &'e str,
        /// What has become of it.
        migrated: &'e Migrated,
    },
    /// A dataset, schema or label of a backup or sync could not be carried; the others go on.
    #[non_exhaustive]
    Failed {
        /// Its name in the source.
        name: &'e str,
        /// Why.
        error: &'e Error,
    },
}
