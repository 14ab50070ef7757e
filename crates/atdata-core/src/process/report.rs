//! What became of the shards.

use std::fmt;

use serde::de::DeserializeOwned;

use super::queue::Ended;
use crate::url::redact;
use crate::{Error, Result};

/// How many failures an error names.
const NAMED: usize = 5;

/// A shard that failed for good.
///
/// ```
/// # use atdata_core::process::ShardFailure;
/// fn show(failure: &ShardFailure) -> String {
///     format!("{} failed {} times, at last: {}", failure.shard, failure.attempts, failure.message)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShardFailure {
    /// The identifier of the shard.
    pub shard: String,
    /// What the last attempt failed on.
    pub message: String,
    /// The number of attempts.
    pub attempts: u32,
}

/// What became of all shards of a queue, in the order of the dataset.
///
/// ```
/// # use atdata_core::process::Processed;
/// fn total(report: Processed<u64>) -> Result<u64, atdata_core::Error> {
///     Ok(report.into_results()?.iter().map(|(_, count)| count).sum())
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "shards may have failed"]
pub struct Processed<R> {
    results: Vec<(String, R)>,
    without_result: Vec<String>,
    failures: Vec<ShardFailure>,
}

impl<R> Processed<R> {
    /// The results, with the shards they are of: those of earlier runs and of other workers, too.
    pub fn results(&self) -> &[(String, R)] {
        &self.results
    }

    /// The shards of which a checkpoint says that they are finished, but whose result nobody has kept: Python's checkpoints
    /// have none.
    pub fn without_result(&self) -> &[String] {
        &self.without_result
    }

    /// The shards that failed for good.
    pub fn failures(&self) -> &[ShardFailure] {
        &self.failures
    }

    /// The results, if no shard failed.
    ///
    /// # Errors
    /// The failures, with the results of the others.
    pub fn into_results(self) -> std::result::Result<Vec<(String, R)>, PartialFailure<R>> {
        if self.failures.is_empty() { Ok(self.results) } else { Err(PartialFailure(self)) }
    }
}

impl<R: DeserializeOwned> Processed<R> {
    pub(super) fn new(ended: Vec<(String, Ended)>) -> Result<Self> {
        let mut report = Self { results: Vec::new(), without_result: Vec::new(), failures: Vec::new() };
        for (shard, ended) in ended {
            match ended {
                Ended::Done(Some(text)) => {
                    let result = serde_json::from_str(&text).map_err(|error| {
                        let message = "the result that the queue has is of another type";
                        Error::invalid(message).with("shard", &shard).with_source(error)
                    })?;
                    report.results.push((shard, result));
                }
                Ended::Done(None) => report.without_result.push(shard),
                Ended::Failed { message, attempts } => {
                    report.failures.push(ShardFailure { shard, message, attempts });
                }
            }
        }
        Ok(report)
    }
}

/// Some shards failed; the others have results.
///
/// ```
/// # use atdata_core::process::Processed;
/// # fn example(report: Processed<u64>) {
/// if let Err(partial) = report.into_results() {
///     println!("{partial}");
///     assert!(!partial.report().failures().is_empty());
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct PartialFailure<R>(Processed<R>);

impl<R> PartialFailure<R> {
    /// What became of all shards.
    pub fn report(&self) -> &Processed<R> {
        &self.0
    }

    /// What became of all shards.
    pub fn into_report(self) -> Processed<R> {
        self.0
    }
}

impl<R> fmt::Display for PartialFailure<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Processed { results, without_result, failures } = &self.0;
        let total = results.len() + without_result.len() + failures.len();
        write!(f, "{} of {total} shards failed", failures.len())?;
        for failure in failures.iter().take(NAMED) {
            write!(f, "; {}: {}", redact(&failure.shard), failure.message)?;
        }
        match failures.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl<R> fmt::Debug for PartialFailure<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<R> std::error::Error for PartialFailure<R> {}

impl<R> From<PartialFailure<R>> for Error {
    fn from(partial: PartialFailure<R>) -> Self {
        Self::unexpected(partial.to_string())
    }
}
