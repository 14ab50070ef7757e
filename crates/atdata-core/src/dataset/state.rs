//! Where a stream is, so that another one can go on from there.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::order::{Lengths, Order, Plan, Split, Unit};
use super::report::SharedReport;
use super::sequence::{Earlier, MAX_EARLIER, read_before};
use crate::shard::hex;
use crate::{Error, Result};

/// Where a stream of samples is: after the last sample, or batch, that was taken from it.
///
/// It is small, whatever the size of the shuffle buffer, and made to be stored, as JSON or otherwise, beside the
/// checkpoint of a training. [`Reader::resume`](super::Reader::resume) goes on from it: no sample is lost or comes
/// twice, in the order of the stream that was not interrupted, whatever the parallelism or the size of batches.
///
/// A state knows the shards, the order, the epoch and the split; it is refused where they are others. Where samples are
/// read through indexes it also knows how many each shard has, and the split may be another one: see
/// [`Reader::resume`](super::Reader::resume). It does not know filters, maps and options, nor the contents of shards:
/// those must be the same ones. The format is described in `docs/order.md`.
///
/// ```
/// use atdata_core::{Dataset, DictSample, ReadState};
/// use futures::TryStreamExt;
///
/// # async fn example(dataset: Dataset<DictSample>) -> Result<(), Box<dyn std::error::Error>> {
/// let reader = dataset.reader().shuffled(42);
/// let mut samples = reader.samples();
/// samples.try_next().await?;
/// let stored: String = serde_json::to_string(&samples.state())?;
///
/// let state: ReadState = serde_json::from_str(&stored)?;
/// let mut rest = reader.epoch(state.epoch()).resume(&state)?;
/// assert_eq!(rest.try_next().await?, samples.try_next().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadState {
    version: u32,
    #[serde(flatten)]
    plan: Plan,
    /// Not known before a stream has begun.
    shards: Option<ShardList>,
    position: Position,
    /// The splits of this epoch before the one of the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<Earlier>,
}

impl ReadState {
    /// The epoch that the stream is in.
    pub fn epoch(&self) -> u64 {
        self.plan.epoch
    }

    /// A run that goes on from here under `plan`, and where it begins.
    pub(super) fn resumed(&self, plan: Plan) -> Result<(Run, Position)> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, of_state: String, here: String| {
            if of_state != here {
                differences.push(format!("{what} {of_state}, not {here}"));
            }
        };
        compare("version", self.version.to_string(), plan.version().to_string());
        match (self.plan.order, plan.order) {
            (
                Order::Shuffled { seed: a, buffer: m, bytes: x },
                Order::Shuffled { seed: b, buffer: n, bytes: y },
            ) => {
                compare("seed", a.to_string(), b.to_string());
                compare("buffer", m.to_string(), n.to_string());
                compare("bytes of the buffer", x.to_string(), y.to_string());
            }
            (Order::Permuted { seed: a }, Order::Permuted { seed: b }) => {
                compare("seed", a.to_string(), b.to_string());
            }
            (a, b) => compare("order", a.name().to_owned(), b.name().to_owned()),
        }
        compare("epoch", self.plan.epoch.to_string(), plan.epoch.to_string());
        compare("split by", self.plan.by.name().to_owned(), plan.by.name().to_owned());
        compare("lengths", self.plan.lengths.name().to_owned(), plan.lengths.name().to_owned());
        // In an exact split all parts are at the same place, so that the state of one is that of all.
        let same_split = match plan.by {
            Unit::Shards => self.plan.split == plan.split,
            Unit::Samples => {
                let sizes = |split: Split| (split.world_size, split.workers);
                sizes(self.plan.split) == sizes(plan.split)
            }
        };
        let is_buffered = matches!(plan.order, Order::Shuffled { .. });
        if !same_split && (plan.by == Unit::Shards || is_buffered) {
            compare("split", self.plan.split.text(), plan.split.text());
        }
        if !differences.is_empty() {
            return Err(does_not_fit(&differences.join("; ")));
        }
        let begun =
            self.shards.is_some() || (self.position == Position::default() && self.earlier.is_empty());
        let one_list = plan.is_shuffled() || plan.by == Unit::Samples;
        if !begun || (one_list && self.position.shard != 0) {
            return Err(does_not_fit("its position is not one of its order"));
        }
        let (mut earlier, mut position) = (self.earlier.clone(), self.position);
        if !same_split && position != Position::default() {
            let Split { world_size, workers, .. } = self.plan.split;
            earlier.push(Earlier { world_size, workers, sample: position.sample });
            position = Position::default();
            if let (Order::Permuted { .. }, Some(total)) = (plan.order, self.samples()) {
                // What was read of a permutation is a beginning of it, however it was split.
                let sample = read_before(&plan, total, &earlier)?;
                earlier = vec![Earlier { world_size: 1, workers: 1, sample }];
            }
        }
        if earlier.len() > MAX_EARLIER {
            return Err(does_not_fit(&format!(
                "the split has changed more than {MAX_EARLIER} times in this epoch"
            )));
        }
        let shards = self.shards.clone().map(OnceLock::from).unwrap_or_default();
        Ok((Run { shards, earlier, ..Run::new(plan) }, position))
    }

    fn samples(&self) -> Option<u64> {
        self.shards.as_ref()?.samples
    }
}

impl Order {
    fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Shuffled { .. } => "shuffled",
            Self::Permuted { .. } => "permuted",
        }
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Shards => "shards",
            Self::Samples => "samples",
        }
    }
}

impl Lengths {
    fn name(self) -> &'static str {
        match self {
            Self::Uneven => "uneven",
            Self::Drop => "drop",
            Self::Pad => "pad",
        }
    }
}

impl Split {
    fn text(&self) -> String {
        let Self { rank, world_size, worker, workers } = self;
        match workers {
            1 => format!("rank {rank} of {world_size}"),
            _ => format!("rank {rank} of {world_size}, worker {worker} of {workers}"),
        }
    }
}

pub(super) fn does_not_fit(difference: &str) -> Error {
    Error::invalid(format!("the state is not one of this stream: {difference}"))
}

/// A place between two samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// How many shards of this rank are behind, in the order they are read; always 0 where samples are shuffled or
    /// read through indexes.
    pub(super) shard: u64,
    /// How many stored samples are behind: of the shard, or else of all that this part reads. Samples that were
    /// skipped or that a filter dropped count.
    pub(super) sample: u64,
}

/// What a list of shards is recognised by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ShardList {
    count: u64,
    /// The number of samples, where the order depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    samples: Option<u64>,
    sha256: String,
}

impl ShardList {
    /// The list of these names, each with its number of samples or none with it.
    fn of<'a>(shards: impl IntoIterator<Item = (&'a str, Option<u64>)>) -> Self {
        let mut hasher = Sha256::new();
        let (mut count, mut samples) = (0, None);
        for (shard, counted) in shards {
            count += 1;
            hasher.update((shard.len() as u64).to_le_bytes());
            hasher.update(shard);
            if let Some(number) = counted {
                hasher.update(number.to_le_bytes());
                samples = Some(samples.unwrap_or(0u64).saturating_add(number));
            }
        }
        Self { count, samples, sha256: hex(&hasher.finalize()) }
    }
}

/// What the parts of a running stream have in common.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) plan: Plan,
    pub(super) report: SharedReport,
    shards: OnceLock<ShardList>,
    /// The splits of this epoch before the one of the plan.
    pub(super) earlier: Vec<Earlier>,
}

impl Run {
    pub(super) fn new(plan: Plan) -> Self {
        Self { plan, report: SharedReport::default(), shards: OnceLock::new(), earlier: Vec::new() }
    }

    /// Notes the shards that there are. They must be those of the state, if there was one.
    pub(super) fn found<'a>(&self, shards: impl IntoIterator<Item = (&'a str, Option<u64>)>) -> Result<()> {
        let found = ShardList::of(shards);
        let expected = self.shards.get_or_init(|| found.clone());
        if expected.count != found.count {
            return Err(does_not_fit(&format!("{} shards, not {}", expected.count, found.count)));
        }
        if let (Some(expected), Some(found)) = (expected.samples, found.samples)
            && expected != found
        {
            return Err(does_not_fit(&format!("{expected} samples, not {found}")));
        }
        if *expected != found {
            return Err(does_not_fit("as many shards, but other ones or in another order"));
        }
        Ok(())
    }

    pub(super) fn state(&self, position: Position) -> ReadState {
        ReadState {
            version: self.plan.version(),
            plan: self.plan,
            shards: self.shards.get().cloned(),
            position,
            earlier: self.earlier.clone(),
        }
    }
}

/// What is wrong if a shard, or a shuffled stream, ends before a position in it.
pub(super) fn beyond_the_end(expected: u64, found: u64) -> Error {
    does_not_fit(&format!("{expected} samples behind it, but only {found} are there"))
}

/// What is wrong if a position is behind the last shard.
pub(super) fn beyond_the_shards(shard: u64, count: usize) -> Error {
    does_not_fit(&format!("it is in shard {shard} of a rank that has {count}"))
}
