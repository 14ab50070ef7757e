//! Numbers of runs, and what is made of them.

use super::cases::{Case, Workload};

/// One run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) seconds: f64,
    /// Seconds of processor time, of all threads.
    pub(super) processor: f64,
    /// Seconds before that which are not counted.
    pub(super) opening: f64,
    /// Bytes of memory that it was told to keep to.
    pub(super) configured: f64,
    /// The most resident memory, in bytes, pages of mapped files included.
    pub(super) peak_resident: f64,
    /// The most anonymous memory that was seen, in bytes.
    pub(super) peak_anonymous: f64,
}

/// Which time of a run.
pub(super) type Clock = fn(&Run) -> f64;

/// Time as it passes.
pub(super) const WALL: Clock = |run| run.seconds;
/// Processor time: on one core that nobody shares it is the same, and what others do does not change it.
pub(super) const PROCESSOR: Clock = |run| run.processor;

/// The runs of a case, one a round.
#[derive(Debug)]
pub(super) struct Measurement {
    pub(super) case: Case,
    pub(super) runs: Vec<Run>,
    pub(super) failure: Option<String>,
}

impl Measurement {
    pub(super) fn new(case: Case) -> Self {
        Self { case, runs: Vec::new(), failure: None }
    }

    /// Median and range of a number of the runs.
    pub(super) fn spread(&self, number: impl Fn(&Run) -> f64) -> Option<Spread> {
        Spread::of(self.runs.iter().map(number))
    }

    /// Samples a second, by one of the clocks.
    pub(super) fn rate(&self, clock: Clock) -> Option<Spread> {
        self.spread(|run| self.samples() / clock(run))
    }

    /// Round by round, how many times as fast as another one, by one of the clocks.
    pub(super) fn times(&self, other: &Self, clock: Clock) -> Option<Spread> {
        let rounds = self.runs.iter().zip(&other.runs);
        Spread::of(rounds.map(|(a, b)| self.samples() / clock(a) / (other.samples() / clock(b))))
    }

    #[allow(clippy::cast_precision_loss)]
    fn samples(&self) -> f64 {
        self.case.samples as f64
    }
}

/// Everything that was measured.
#[derive(Debug)]
pub(super) struct Results(pub(super) Vec<Measurement>);

impl Results {
    /// What was measured of a case, if it was.
    pub(super) fn find(
        &self,
        workload: Workload,
        way: &str,
        program: &str,
        data: &str,
        cores: usize,
    ) -> Option<&Measurement> {
        self.0.iter().find(|measurement| {
            let case = &measurement.case;
            (case.workload, case.way.as_str(), case.program, case.data, case.cores)
                == (workload, way, program, data, cores)
                && !measurement.runs.is_empty()
        })
    }

    /// What ended with results.
    pub(super) fn done(&self) -> impl Iterator<Item = &Measurement> {
        self.0.iter().filter(|measurement| !measurement.runs.is_empty())
    }
}

/// Median and range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Spread {
    pub(super) fn of(numbers: impl Iterator<Item = f64>) -> Option<Self> {
        let mut numbers: Vec<f64> = numbers.collect();
        numbers.sort_by(f64::total_cmp);
        let middle = numbers.get(numbers.len() / 2).copied()?;
        let before = numbers.get((numbers.len() - 1) / 2).copied()?;
        let (least, most) = (numbers.first().copied()?, numbers.last().copied()?);
        Some(Self { median: f64::midpoint(before, middle), least, most })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        let of = |numbers: &[f64]| Spread::of(numbers.iter().copied());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, least: 1.0, most: 3.0 }));
        assert_eq!(of(&[4.0, 1.0]), Some(Spread { median: 2.5, least: 1.0, most: 4.0 }));
    }
}
