//! Which samples are read together.

use std::ops::Range;

use super::location::SampleLocation;

/// How far samples may be apart, and how many there may be, to be read together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The most bytes between two samples that are read and thrown away.
    pub(crate) gap: u64,
    /// The most bytes of a read of several samples; one sample is read whole whatever its size.
    pub(crate) bytes: u64,
    /// The most samples of a read: they are decoded in one piece of work.
    pub(crate) samples: usize,
}

/// Samples of one shard that one read fetches, each with whatever the caller knows it by.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run<W> {
    pub(crate) range: Range<u64>,
    pub(crate) samples: Vec<(SampleLocation, W)>,
}

/// Joins samples, sorted by their offset, to runs. The same sample may stand there several times.
pub(crate) fn coalesce<W>(
    sorted: impl IntoIterator<Item = (SampleLocation, W)>,
    limits: Limits,
) -> Vec<Run<W>> {
    let mut runs: Vec<Run<W>> = Vec::new();
    for (location, who) in sorted {
        let start = location.sample.offset;
        let end = start.saturating_add(location.sample.length);
        match runs.last_mut() {
            Some(run)
                if start >= run.range.start
                    && start.saturating_sub(run.range.end) <= limits.gap
                    && (end <= run.range.end || end - run.range.start <= limits.bytes)
                    && run.samples.len() < limits.samples =>
            {
                run.range.end = run.range.end.max(end);
                run.samples.push((location, who));
            }
            _ => runs.push(Run { range: start..end, samples: vec![(location, who)] }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard_index::Extent;

    const LIMITS: Limits = Limits { gap: 1000, bytes: 10_000, samples: 4 };

    fn ranges(samples: &[(u64, u64)]) -> Vec<(Range<u64>, usize)> {
        let location = |&(offset, length)| SampleLocation {
            sample: Extent { offset, length },
            payload: None,
            key_hash: 0,
        };
        coalesce(samples.iter().map(|sample| (location(sample), ())), LIMITS)
            .into_iter()
            .map(|run| (run.range, run.samples.len()))
            .collect()
    }

    #[test]
    fn neighbours_are_read_together_up_to_the_gap() {
        assert_eq!(ranges(&[(0, 100), (100, 100), (1200, 100)]), [(0..1300, 3)]);
        assert_eq!(ranges(&[(0, 100), (1101, 100)]), [(0..100, 1), (1101..1201, 1)]);
    }

    #[test]
    fn the_same_sample_twice_is_read_once() {
        assert_eq!(ranges(&[(0, 20_000), (0, 20_000)]), [(0..20_000, 2)]);
    }

    #[test]
    fn a_read_is_bounded_in_bytes_and_samples() {
        assert_eq!(ranges(&[(0, 6000), (6000, 4000), (10_000, 1)]), [(0..10_000, 2), (10_000..10_001, 1)]);
        assert_eq!(ranges(&[(0, 50_000), (50_000, 1)]), [(0..50_000, 1), (50_000..50_001, 1)]);
        assert_eq!(ranges(&[(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)]), [(0..4, 4), (4..5, 1)]);
    }

    #[test]
    fn an_index_out_of_order_makes_runs_of_its_own() {
        assert_eq!(ranges(&[(500, 10), (0, 10)]), [(500..510, 1), (0..10, 1)]);
        assert_eq!(ranges(&[(0, u64::MAX), (u64::MAX, u64::MAX)]).len(), 1);
        assert!(ranges(&[]).is_empty());
    }
}
