//! Where the time of a stream goes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counts what streams do, while they do it: a handle to be given to
/// [`ReadOptions::with_stats`](super::ReadOptions::with_stats) and asked from anywhere.
///
/// It costs a few readings of the clock for each chunk of samples; nothing where no handle is given. Several streams
/// may share one, and add up.
///
/// ```
/// use atdata_core::{Dataset, DictSample, ReadOptions, Stats};
/// use futures::TryStreamExt;
///
/// # async fn example(dataset: Dataset<DictSample>) -> atdata_core::Result<()> {
/// let stats = Stats::default();
/// let dataset = dataset.with_options(ReadOptions::default().with_stats(stats.clone()));
/// let mut samples = dataset.ordered();
/// while let Some(sample) = samples.try_next().await? {
///     // …
/// }
/// let snapshot = stats.snapshot();
/// println!("{snapshot}");
/// assert!(snapshot.bottleneck().is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Stats(Arc<Counters>);

#[derive(Default)]
struct Counters {
    shards: AtomicU64,
    samples: AtomicU64,
    bytes: AtomicU64,
    framed_chunks: AtomicU64,
    taken_chunks: AtomicU64,
    source: AtomicU64,
    framing: AtomicU64,
    decoding: AtomicU64,
    waiting: AtomicU64,
    consumer: AtomicU64,
}

impl Stats {
    /// What was counted so far.
    pub fn snapshot(&self) -> StatsSnapshot {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let time = |counter: &AtomicU64| Duration::from_nanos(counter.load(Ordering::Relaxed));
        let counters = &*self.0;
        // The chunks that were taken first, so that they are no more than those that were framed.
        let taken = count(&counters.taken_chunks);
        StatsSnapshot {
            shards: count(&counters.shards),
            samples: count(&counters.samples),
            bytes: count(&counters.bytes),
            chunks_ahead: count(&counters.framed_chunks).saturating_sub(taken),
            source: time(&counters.source),
            framing: time(&counters.framing),
            decoding: time(&counters.decoding),
            waiting: time(&counters.waiting),
            consumer: time(&counters.consumer),
        }
    }

    pub(super) fn shard(&self) {
        add(&self.0.shards, 1);
    }

    pub(super) fn queued(&self) {
        add(&self.0.framed_chunks, 1);
    }

    pub(super) fn framed(&self, samples: u64, bytes: u64) {
        add(&self.0.samples, samples);
        add(&self.0.bytes, bytes);
    }

    pub(super) fn taken(&self) {
        add(&self.0.taken_chunks, 1);
    }

    pub(super) fn add(&self, stage: Stage, time: Duration) {
        let counter = match stage {
            Stage::Source => &self.0.source,
            Stage::Framing => &self.0.framing,
            Stage::Decoding => &self.0.decoding,
            Stage::Waiting => &self.0.waiting,
            Stage::Consumer => &self.0.consumer,
        };
        add(counter, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }
}

fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

impl fmt::Debug for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stats").field(&self.snapshot()).finish()
    }
}

/// A stage of a stream.
///
/// ```
/// use atdata_core::Stage;
///
/// assert_eq!(Stage::Decoding.to_string(), "decoding");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The bytes of shards are on their way: disk or network.
    Source,
    /// Decompressing in place, finding samples in the bytes.
    Framing,
    /// Decoding, filters and maps, on whatever thread.
    Decoding,
    /// The consumer waits for the next chunk of samples.
    Waiting,
    /// The consumer is busy with what it got.
    Consumer,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Framing => "framing",
            Self::Decoding => "decoding",
            Self::Waiting => "waiting",
            Self::Consumer => "consumer",
        })
    }
}

/// What [`Stats`] had counted at some moment. Times are those of a clock on the wall; decoding adds up over threads.
///
/// ```
/// use std::time::Duration;
///
/// use atdata_core::{Stage, StatsSnapshot};
///
/// let mut stats = StatsSnapshot::default();
/// stats.decoding = Duration::from_secs(3);
/// stats.waiting = Duration::from_secs(2);
/// assert_eq!(stats.bottleneck(), Some(Stage::Decoding));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatsSnapshot {
    /// Shards that were opened; where samples are read through indexes, none is.
    pub shards: u64,
    /// Samples that were found in them, whatever became of these.
    pub samples: u64,
    /// The bytes of those samples, as stored.
    pub bytes: u64,
    /// How full the queue is: chunks of samples that were found and that the consumer has not got.
    pub chunks_ahead: u64,
    /// How long nothing could be done but wait for bytes.
    pub source: Duration,
    /// How long samples were looked for in the bytes.
    pub framing: Duration,
    /// How long samples were decoded, filtered and mapped; of all threads together.
    pub decoding: Duration,
    /// How long the consumer waited.
    pub waiting: Duration,
    /// How long the consumer was busy between chunks.
    pub consumer: Duration,
}

impl StatsSnapshot {
    /// The stage that the others wait for; none before anything was read.
    ///
    /// If the consumer is busy for longer than it waits, it is the consumer; else the longest of source, framing and
    /// decoding.
    pub fn bottleneck(&self) -> Option<Stage> {
        let stages =
            [(Stage::Source, self.source), (Stage::Framing, self.framing), (Stage::Decoding, self.decoding)];
        let (stage, time) = stages.into_iter().max_by_key(|(_, time)| *time)?;
        if self.consumer > self.waiting {
            return Some(Stage::Consumer);
        }
        (!time.is_zero()).then_some(stage)
    }
}

impl fmt::Display for StatsSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shards, samples, bytes, chunks_ahead, .. } = self;
        write!(f, "{samples} samples, {bytes} bytes, {shards} shards, {chunks_ahead} chunks ahead")?;
        let times = [
            (Stage::Source, self.source),
            (Stage::Framing, self.framing),
            (Stage::Decoding, self.decoding),
            (Stage::Waiting, self.waiting),
            (Stage::Consumer, self.consumer),
        ];
        times.iter().try_for_each(|(stage, time)| write!(f, ", {stage} {:.3} s", time.as_secs_f64()))
    }
}

/// Measures stretches of time, if somebody wants to know.
#[derive(Debug, Default)]
pub(super) struct Stopwatch(Option<Instant>);

impl Stopwatch {
    /// A stopwatch that runs if there is a handle.
    pub(super) fn start(stats: Option<&Stats>) -> Self {
        Self(stats.map(|_| Instant::now()))
    }

    /// Adds the time since the start, or since the last call, to a stage.
    pub(super) fn lap(&mut self, stats: Option<&Stats>, stage: Stage) {
        if let (Some(stats), Some(begun)) = (stats, self.0) {
            let now = Instant::now();
            stats.add(stage, now.duration_since(begun));
            self.0 = Some(now);
        }
    }
}
