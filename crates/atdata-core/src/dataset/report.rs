//! What a policy that skips has left out.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::faults::Fault;
use crate::Error;

/// How many errors are kept in words.
const KEPT: usize = 16;

/// What a stream has left out so far.
///
/// ```
/// let report = atdata_core::Report::default();
/// assert_eq!(report.skipped_samples, 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Samples that could not be decoded.
    pub skipped_samples: u64,
    /// Shards whose rest was left out.
    pub skipped_shards: u64,
    /// How many of both there were, by class of damage.
    pub faults: BTreeMap<Fault, u64>,
    /// The first errors, in words: shard, offset, key and cause.
    pub errors: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct SharedReport(Mutex<Report>);

impl SharedReport {
    pub(super) fn snapshot(&self) -> Report {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn sample(&self, error: &Error) {
        self.note(error, |report| report.skipped_samples += 1);
    }

    pub(super) fn shard(&self, error: &Error) {
        self.note(error, |report| report.skipped_shards += 1);
    }

    fn note(&self, error: &Error, count: impl FnOnce(&mut Report)) {
        tracing::warn!(%error, "skipped");
        let mut report = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        count(&mut report);
        if let Some(fault) = error.fault() {
            *report.faults.entry(fault).or_default() += 1;
        }
        if report.errors.len() < KEPT {
            report.errors.push(error.to_string());
        }
    }
}
