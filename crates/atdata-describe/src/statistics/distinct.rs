//! How many different values there are, in bounded memory.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::format::Distinct;

/// How many hashes are kept: the error of the estimate is one over the root of it, 1.6 percent.
const KEPT: usize = 4_096;

/// The least hashes of all values: how near to zero they are tells how many there are.
#[derive(Debug, Default)]
pub(super) struct DistinctValues {
    least: BTreeSet<u64>,
    is_full: bool,
}

impl DistinctValues {
    /// Adds a value by its bytes; `kind` tells values of different types apart.
    pub(super) fn add(&mut self, kind: u8, bytes: &[u8]) {
        let digest = Sha256::new().chain_update([kind]).chain_update(bytes).finalize();
        let hash = digest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        if self.least.len() == KEPT && self.least.last().is_some_and(|last| hash >= *last) {
            self.is_full |= !self.least.contains(&hash);
            return;
        }
        self.least.insert(hash);
        if self.least.len() > KEPT {
            self.least.pop_last();
            self.is_full = true;
        }
    }

    /// Nothing if there was no value.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    pub(super) fn finish(&self) -> Option<Distinct> {
        let last = self.least.last()?;
        let kept = self.least.len();
        if !self.is_full {
            return Some(Distinct { estimate: kept as u64, exact: true });
        }
        let share = (*last as f64 + 1.0) / 2f64.powi(64);
        Some(Distinct { estimate: ((kept - 1) as f64 / share).round() as u64, exact: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: u32) -> Distinct {
        let mut values = DistinctValues::default();
        for _ in 0..2 {
            (0..count).for_each(|i| values.add(0, &i.to_le_bytes()));
        }
        values.finish().unwrap()
    }

    #[test]
    fn few_are_counted() {
        assert_eq!(DistinctValues::default().finish(), None);
        for count in [1, 2, 4_095, 4_096] {
            assert_eq!(of(count), Distinct { estimate: u64::from(count), exact: true });
        }
    }

    #[test]
    fn many_are_estimated() {
        for count in [4_097u32, 10_000, 100_000] {
            let found = of(count);
            let error = (found.estimate as f64 / f64::from(count) - 1.0).abs();
            assert!(!found.exact && error < 0.08, "{count}: {found:?}");
        }
    }

    #[test]
    fn values_of_different_kinds_are_different() {
        let mut values = DistinctValues::default();
        values.add(0, b"1");
        values.add(1, b"1");
        assert_eq!(values.finish().unwrap().estimate, 2);
    }
}
