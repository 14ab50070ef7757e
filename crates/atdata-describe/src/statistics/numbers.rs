//! Numbers: moments of all of them, quantiles of a sample.

use std::collections::BTreeMap;

use super::format::{Histogram, NumberStatistics};

/// How many values are kept for quantiles.
const KEPT: usize = 16_384;
/// How many intervals a histogram has at most.
const BINS: usize = 32;
const PROBABILITIES: [(&str, f64); 7] = [
    ("0.01", 0.01),
    ("0.05", 0.05),
    ("0.25", 0.25),
    ("0.5", 0.5),
    ("0.75", 0.75),
    ("0.95", 0.95),
    ("0.99", 0.99),
];

/// Collects numbers.
#[derive(Debug)]
pub(super) struct Numbers {
    moments: Moments,
    nan: u64,
    infinite: u64,
    zero: u64,
    /// A uniform sample of what was offered.
    kept: Vec<f64>,
    offered: u64,
    random: fastrand::Rng,
}

/// Number, mean and the sum of squared distances from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    pub(super) count: u64,
    pub(super) mean: f64,
    pub(super) squares: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Moments {
    pub(super) const NONE: Self =
        Self { count: 0, mean: 0.0, squares: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    /// Joins two sets of numbers (Chan, Golub, LeVeque).
    #[allow(clippy::cast_precision_loss, reason = "counts of values are far below 2^53")]
    fn join(&mut self, other: Self) {
        if other.count == 0 {
            return;
        }
        let (ours, theirs) = (self.count as f64, other.count as f64);
        let distance = other.mean - self.mean;
        self.count += other.count;
        let all = self.count as f64;
        self.mean += distance * (theirs / all);
        self.squares += other.squares + distance * distance * (ours / all * theirs);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            moments: Moments::NONE,
            nan: 0,
            infinite: 0,
            zero: 0,
            kept: Vec::new(),
            offered: 0,
            random: fastrand::Rng::with_seed(0),
        }
    }
}

impl Numbers {
    pub(super) fn add(&mut self, number: f64) {
        if number.is_nan() {
            self.nan += 1;
        } else if number.is_infinite() {
            self.infinite += 1;
        } else {
            self.zero += u64::from(number == 0.0);
            self.moments.join(Moments { count: 1, mean: number, squares: 0.0, min: number, max: number });
            self.offer(number);
        }
    }

    /// Adds many numbers of which the moments are known; [`offer`](Self::offer) some of them, too.
    pub(super) fn add_moments(&mut self, moments: Moments, nan: u64, infinite: u64, zero: u64) {
        self.moments.join(moments);
        self.nan += nan;
        self.infinite += infinite;
        self.zero += zero;
    }

    /// Lets a finite number be one of those that quantiles are made of.
    pub(super) fn offer(&mut self, number: f64) {
        self.offered += 1;
        if self.kept.len() < KEPT {
            self.kept.push(number);
            return;
        }
        let place = self.random.u64(..self.offered);
        if let Some(kept) = usize::try_from(place).ok().and_then(|place| self.kept.get_mut(place)) {
            *kept = number;
        }
    }

    /// Nothing if there was no number at all.
    pub(super) fn finish(mut self) -> Option<NumberStatistics> {
        let Moments { count, mean, squares, min, max } = self.moments;
        if count + self.nan + self.infinite == 0 {
            return None;
        }
        self.kept.sort_by(f64::total_cmp);
        let quantiles: BTreeMap<String, f64> = PROBABILITIES
            .iter()
            .filter_map(|(name, probability)| Some(((*name).to_owned(), quantile(&self.kept, *probability)?)))
            .collect();
        #[allow(clippy::cast_precision_loss, reason = "a count")]
        let variance = if count == 0 { 0.0 } else { squares / count as f64 };
        // JSON has no infinity: without a finite number there is none to show.
        let some = |number: f64| if count == 0 || !number.is_finite() { 0.0 } else { number };
        Some(NumberStatistics {
            values: count,
            min: some(min),
            max: some(max),
            mean: some(mean),
            std: some(variance.max(0.0).sqrt()),
            quantiles,
            histogram: histogram(&self.kept),
            nan: self.nan,
            infinite: self.infinite,
            zero: self.zero,
        })
    }
}

/// The quantile of sorted numbers, linear between two of them.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most 16,384"
)]
fn quantile(sorted: &[f64], probability: f64) -> Option<f64> {
    let place = probability * (sorted.len().checked_sub(1)? as f64);
    let (low, high) = (sorted.get(place.floor() as usize)?, sorted.get(place.ceil() as usize)?);
    // Not `low + (high - low) * x`, whose difference may be infinite.
    let share = place.fract();
    Some((low * (1.0 - share) + high * share).clamp(*low, *high))
}

/// Equal intervals between the least and the greatest of sorted numbers; one of each for few integers.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most 32"
)]
fn histogram(sorted: &[f64]) -> Histogram {
    let (Some(&min), Some(&max)) = (sorted.first(), sorted.last()) else {
        return Histogram { edges: Vec::new(), counts: Vec::new() };
    };
    let are_whole = sorted.iter().all(|number| number.fract() == 0.0);
    let (start, end, bins) = if are_whole && max - min < BINS as f64 {
        (min - 0.5, max + 0.5, (max - min) as usize + 1)
    } else {
        (min, max, BINS)
    };
    let edge = |i: usize| {
        let share = i as f64 / bins as f64;
        start * (1.0 - share) + end * share
    };
    let edges: Vec<f64> = (0..=bins).map(edge).collect();
    let mut counts = vec![0u64; bins];
    for number in sorted {
        // The first edge that is beyond it; the last interval has its upper edge.
        let place = edges.partition_point(|edge| edge <= number).saturating_sub(1).min(bins - 1);
        if let Some(count) = counts.get_mut(place) {
            *count += 1;
        }
    }
    Histogram { edges, counts }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(numbers: &[f64]) -> NumberStatistics {
        let mut all = Numbers::default();
        numbers.iter().for_each(|number| all.add(*number));
        all.finish().unwrap()
    }

    #[test]
    fn small_sets_are_exact() {
        let numbers = of(&[4.0, 1.0, 2.0, 3.0, f64::NAN, f64::INFINITY, 0.0]);
        assert_eq!((numbers.values, numbers.nan, numbers.infinite, numbers.zero), (5, 1, 1, 1));
        assert_eq!((numbers.min, numbers.max, numbers.mean), (0.0, 4.0, 2.0));
        assert!((numbers.std - 2.0f64.sqrt()).abs() < 1e-12);
        assert_eq!((numbers.quantiles["0.5"], numbers.quantiles["0.25"]), (2.0, 1.0));
        assert_eq!(numbers.histogram.counts, [1, 1, 1, 1, 1]);
        assert!((numbers.nan_share() - 1.0 / 7.0).abs() < 1e-12);
    }

    #[test]
    fn without_numbers_there_are_none() {
        assert_eq!(Numbers::default().finish(), None);
        let numbers = of(&[f64::NAN]);
        assert_eq!((numbers.values, numbers.nan, numbers.quantiles.len()), (0, 1, 0));
    }

    #[test]
    fn quantiles_of_many_are_near() {
        let mut all = Numbers::default();
        (0..1_000_000u32).for_each(|i| all.add(f64::from(i)));
        let all = all.finish().unwrap();
        for (probability, expected) in [("0.05", 50_000.0), ("0.5", 500_000.0), ("0.99", 990_000.0)] {
            // Five standard errors of a sample of 16,384.
            assert!((all.quantiles[probability] - expected).abs() < 20_000.0, "{:?}", all.quantiles);
        }
        assert_eq!((all.mean, all.max), (499_999.5, 999_999.0));
    }

    proptest! {
        #[test]
        fn the_document_holds_for_any_numbers(numbers in prop::collection::vec(any::<f64>(), 1..200)) {
            let found = of(&numbers);
            let finite: Vec<f64> = numbers.iter().copied().filter(|number| number.is_finite()).collect();
            prop_assert_eq!(found.values, finite.len() as u64);
            prop_assert_eq!(found.values + found.nan + found.infinite, numbers.len() as u64);
            prop_assert_eq!(found.histogram.counts.iter().sum::<u64>(), found.values);
            if !finite.is_empty() {
                prop_assert_eq!(found.min, finite.iter().copied().fold(f64::INFINITY, f64::min));
                prop_assert_eq!(found.max, finite.iter().copied().fold(f64::NEG_INFINITY, f64::max));
                let quantiles: Vec<f64> = PROBABILITIES.iter().map(|(name, _)| found.quantiles[*name]).collect();
                prop_assert!(quantiles.is_sorted(), "{:?}", quantiles);
            }
            // Everything in it can be written as JSON and read back.
            let text = serde_json::to_string(&found).unwrap();
            prop_assert_eq!(serde_json::from_str::<NumberStatistics>(&text).unwrap().values, found.values);
        }

        #[test]
        fn moments_do_not_depend_on_how_numbers_are_grouped(
            numbers in prop::collection::vec(-1e6f64..1e6, 1..100),
            cut in any::<prop::sample::Index>(),
        ) {
            let (a, b) = numbers.split_at(cut.index(numbers.len()));
            let (mut a, b) = (moments(a), moments(b));
            a.join(b);
            let all = moments(&numbers);
            prop_assert_eq!(a.count, all.count);
            prop_assert!((a.mean - all.mean).abs() <= 1e-6, "{} {}", a.mean, all.mean);
            prop_assert!((a.squares - all.squares).abs() <= 1e-6 * all.squares.max(1.0));
        }
    }

    fn moments(numbers: &[f64]) -> Moments {
        let mut all = Moments::NONE;
        for number in numbers {
            all.join(Moments { count: 1, mean: *number, squares: 0.0, min: *number, max: *number });
        }
        all
    }
}
