//! Where a stream is, so that another one can go on from there.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::order::{Order, Plan, VERSION};
use super::report::SharedReport;
use crate::shard::hex;
use crate::{Error, Result};

/// Where a stream of samples is: after the last sample, or batch, that was taken from it.
///
/// It is small, whatever the size of the shuffle buffer, and made to be stored, as JSON or otherwise, beside the
/// checkpoint of a training. [`Reader::resume`](super::Reader::resume) goes on from it: no sample is lost or comes
/// twice, in the order of the stream that was not interrupted, whatever the parallelism or the size of batches.
///
/// A state knows the shards, the order, the epoch and the split; it is refused where they are others. It does not know
/// filters, maps and options, nor the contents of shards: those must be the same ones. The format is described in
/// `docs/order.md`.
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
}

impl ReadState {
    /// The epoch that the stream is in.
    pub fn epoch(&self) -> u64 {
        self.plan.epoch
    }

    /// Where to go on under `plan`.
    pub(super) fn position_in(&self, plan: &Plan) -> Result<Position> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, of_state: String, here: String| {
            if of_state != here {
                differences.push(format!("{what} {of_state}, not {here}"));
            }
        };
        compare("version", self.version.to_string(), VERSION.to_string());
        match (self.plan.order, plan.order) {
            (Order::Shuffled { seed: a, buffer: m }, Order::Shuffled { seed: b, buffer: n }) => {
                compare("seed", a.to_string(), b.to_string());
                compare("buffer", m.to_string(), n.to_string());
            }
            (a, b) => compare("order", a.name().to_owned(), b.name().to_owned()),
        }
        compare("epoch", self.plan.epoch.to_string(), plan.epoch.to_string());
        compare("split", self.plan.split_text(), plan.split_text());
        if !differences.is_empty() {
            return Err(does_not_fit(&differences.join("; ")));
        }
        let begun = self.shards.is_some() || self.position == Position::default();
        if !begun || (plan.is_shuffled() && self.position.shard != 0) {
            return Err(does_not_fit("its position is not one of its order"));
        }
        Ok(self.position)
    }
}

impl Order {
    fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Shuffled { .. } => "shuffled",
        }
    }
}

impl Plan {
    fn split_text(&self) -> String {
        format!("rank {} of {}", self.rank, self.world_size)
    }
}

fn does_not_fit(difference: &str) -> Error {
    Error::invalid(format!("the state is not one of this stream: {difference}"))
}

/// A place between two samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// How many shards of this rank are behind, in the order they are read; always 0 where samples are shuffled.
    pub(super) shard: u64,
    /// How many stored samples are behind: of the shard, or where samples are shuffled, of all those that left the
    /// buffer. Samples that were skipped or that a filter dropped count.
    pub(super) sample: u64,
}

/// What a list of shards is recognised by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ShardList {
    count: u64,
    sha256: String,
}

impl ShardList {
    fn of(shards: &[String]) -> Self {
        let mut hasher = Sha256::new();
        for shard in shards {
            hasher.update((shard.len() as u64).to_le_bytes());
            hasher.update(shard);
        }
        Self { count: shards.len() as u64, sha256: hex(&hasher.finalize()) }
    }
}

/// What the parts of a running stream have in common.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) plan: Plan,
    pub(super) report: SharedReport,
    shards: OnceLock<ShardList>,
}

impl Run {
    pub(super) fn new(plan: Plan) -> Self {
        Self { plan, report: SharedReport::default(), shards: OnceLock::new() }
    }

    /// A stream that goes on from a state.
    pub(super) fn resumed(plan: Plan, state: &ReadState) -> Self {
        Self { shards: state.shards.clone().map(OnceLock::from).unwrap_or_default(), ..Self::new(plan) }
    }

    /// Notes the shards that there are. They must be those of the state, if there was one.
    pub(super) fn found(&self, shards: &[String]) -> Result<()> {
        let found = ShardList::of(shards);
        let expected = self.shards.get_or_init(|| found.clone());
        if expected.count != found.count {
            return Err(does_not_fit(&format!("{} shards, not {}", expected.count, found.count)));
        }
        if *expected != found {
            return Err(does_not_fit("as many shards, but other ones or in another order"));
        }
        Ok(())
    }

    pub(super) fn state(&self, position: Position) -> ReadState {
        ReadState { version: VERSION, plan: self.plan, shards: self.shards.get().cloned(), position }
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
