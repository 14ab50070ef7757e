//! Several datasets as one stream.

mod batches;
mod picks;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::{Stream, StreamExt};
use serde::{Deserialize, Serialize};

pub use batches::MixedBatches;
use picks::{Draw, MixPlan, Picker, Picks};

use super::blocking::Blocking;
use super::reader::Reader;
use super::samples::Samples;
use super::state::ReadState;
use crate::array::BatchMemory;
use crate::{Collate, Error, Result};

/// The version of the order that a [`MixState`] states; `docs/order.md` describes it.
const VERSION: u32 = 1;

/// Several datasets of one type, mixed to one: one after the other, in turn, or at random by weight.
///
/// Which dataset the next sample comes from is a pure function of what is set here and of where the datasets end, so a
/// mix is the same on every machine, and can be resumed and split like a dataset. A dataset that ends is left out from
/// there on, unless [`until_first_end`](Self::until_first_end) says that the mix ends with it.
///
/// ```
/// # use atdata_core::{DictSample, MemorySource, Sample, Value};
/// # use atdata_core::tar::TarEncoder;
/// use atdata_core::{Dataset, Mix};
/// use futures::TryStreamExt;
///
/// # fn dataset(numbers: std::ops::Range<i64>) -> atdata_core::Result<Dataset<i64>> {
/// #     let (mut encoder, mut tar) = (TarEncoder::default(), Vec::new());
/// #     for n in numbers {
/// #         let payload = DictSample::from_iter([("n", n)]).pack()?;
/// #         tar.extend(encoder.append(&format!("{n}.msgpack"), payload)?.concat());
/// #     }
/// #     tar.extend_from_slice(&encoder.finish());
/// #     let dataset = Dataset::<DictSample>::from_source(MemorySource::new([("a.tar".to_owned(), tar)]));
/// #     Ok(dataset.map(|sample| sample.get("n").and_then(Value::as_i64).unwrap_or_default()))
/// # }
/// # futures::executor::block_on(async {
/// let (tens, ones) = (dataset(10..14)?, dataset(0..2)?);
/// let mix = Mix::round_robin([tens.reader(), ones.reader()]);
/// assert_eq!(mix.samples().try_collect::<Vec<_>>().await?, [10, 0, 11, 1, 12, 13]);
///
/// let mut weighted = Mix::weighted([(tens.reader().shuffled(7), 3), (ones.reader(), 1)], 42)?.samples();
/// assert!(weighted.try_next().await?.is_some());
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
pub struct Mix<T> {
    parts: Vec<Reader<T>>,
    plan: MixPlan,
}

impl<T> Clone for Mix<T> {
    fn clone(&self) -> Self {
        Self { parts: self.parts.clone(), plan: self.plan.clone() }
    }
}

impl<T> fmt::Debug for Mix<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mix").field("parts", &self.parts).field("plan", &self.plan).finish()
    }
}

impl<T: Send + 'static> Mix<T> {
    fn new(parts: impl IntoIterator<Item = Reader<T>>, draw: Draw) -> Self {
        let plan = MixPlan { draw, epoch: 0, rank: 0, world_size: 1, until_first_end: false };
        Self { parts: parts.into_iter().collect(), plan }
    }

    /// One after the other.
    pub fn concatenated(parts: impl IntoIterator<Item = Reader<T>>) -> Self {
        Self::new(parts, Draw::Concatenated)
    }

    /// One sample of each in turn.
    pub fn round_robin(parts: impl IntoIterator<Item = Reader<T>>) -> Self {
        Self::new(parts, Draw::RoundRobin)
    }

    /// Each next sample from one of them at random, as often as its weight says.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for a weight of zero.
    pub fn weighted(parts: impl IntoIterator<Item = (Reader<T>, u32)>, seed: u64) -> Result<Self> {
        let (parts, weights): (Vec<_>, Vec<u32>) = parts.into_iter().unzip();
        if let Some(place) = weights.iter().position(|weight| *weight == 0) {
            return Err(Error::invalid(format!(
                "the weight of part {place} is zero: leave it out, or give it one"
            )));
        }
        Ok(Self::new(parts, Draw::Weighted { seed, weights }))
    }

    /// Ends the mix where the first of its parts ends.
    #[must_use]
    pub fn until_first_end(mut self) -> Self {
        self.plan.until_first_end = true;
        self
    }

    /// Sets the epoch, of the mix and of all its parts.
    #[must_use]
    pub fn epoch(mut self, epoch: u64) -> Self {
        self.plan.epoch = epoch;
        self.parts = self.parts.into_iter().map(|part| part.epoch(epoch)).collect();
        self
    }

    /// Reads the part of one of several ranks: every dataset is split, see [`Reader::split`].
    ///
    /// # Errors
    /// As [`Reader::split`].
    pub fn split(mut self, rank: u32, world_size: u32) -> Result<Self> {
        self.parts =
            self.parts.into_iter().map(|part| part.split(rank, world_size)).collect::<Result<_>>()?;
        (self.plan.rank, self.plan.world_size) = (rank, world_size);
        Ok(self)
    }

    /// The samples, from the beginning.
    pub fn samples(&self) -> Mixed<Samples<T>> {
        Mixed::new(
            self.parts.iter().map(Reader::samples).collect(),
            Picker::new(self.plan.clone(), self.parts.len()),
        )
    }

    /// The samples behind a state, exactly those that the stream it is of would have yielded.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid), with the difference, if the state is one of another mix, or one of its
    /// parts is; see [`Reader::resume`].
    pub fn resume(&self, state: &MixState) -> Result<Mixed<Samples<T>>> {
        let refuse = |why: String| Err(Error::invalid(format!("the state is not one of this mix: {why}")));
        if state.version != VERSION {
            return refuse(format!("version {}, not {VERSION}", state.version));
        }
        if state.plan != self.plan {
            return refuse("its order, weights, seed, epoch or split are others".to_owned());
        }
        let (found, expected) = (state.parts.len(), self.parts.len());
        if found != expected || state.picks.ended.len() != expected || state.picks.turn >= expected.max(1) {
            return refuse(format!("{found} parts, not {expected}"));
        }
        let resumed = self
            .parts
            .iter()
            .zip(&state.parts)
            .enumerate()
            .map(|(place, (part, state))| part.resume(state).map_err(|error| error.with("part", place)));
        let picker =
            Picker { plan: self.plan.clone(), next: state.picks.clone(), taken: state.picks.clone() };
        Ok(Mixed::new(resumed.collect::<Result<_>>()?, picker))
    }
}

/// Where a mix is: after the last sample, or batch, that was taken from it. Made to be stored, like a [`ReadState`], of
/// which it has one for each part.
///
/// ```
/// use atdata_core::{Mix, MixState};
/// use futures::TryStreamExt;
///
/// # async fn example(mix: Mix<i64>) -> Result<(), Box<dyn std::error::Error>> {
/// let mut samples = mix.samples();
/// samples.try_next().await?;
/// let stored = serde_json::to_string(&samples.state())?;
///
/// let state: MixState = serde_json::from_str(&stored)?;
/// assert_eq!(mix.resume(&state)?.try_next().await?, samples.try_next().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MixState {
    version: u32,
    #[serde(flatten)]
    plan: MixPlan,
    picks: Picks,
    parts: Vec<ReadState>,
}

/// The samples of a [`Mix`]: a [`Stream`], and through [`blocking`](Mixed::blocking) a plain iterator.
///
/// ```
/// use atdata_core::Mix;
///
/// # fn example(mix: Mix<i64>) -> atdata_core::Result<()> {
/// for batch in mix.samples().blocking().batched(32) {
///     println!("{:?}", batch?);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Mixed<P> {
    parts: Vec<P>,
    picker: Picker,
    /// The part that the next sample comes from, once it is decided.
    chosen: Option<usize>,
    done: bool,
}

impl<P> Mixed<P> {
    fn new(parts: Vec<P>, picker: Picker) -> Self {
        Self { parts, picker, chosen: None, done: false }
    }

    /// What became of the chosen part's next item; `None` if another part is to be asked.
    fn settle<T>(&mut self, place: usize, item: Option<Result<T>>) -> Option<Option<Result<T>>> {
        self.chosen = None;
        match item {
            Some(Ok(sample)) => {
                self.picker.take();
                Some(Some(Ok(sample)))
            }
            Some(Err(error)) => {
                self.done = true;
                Some(Some(Err(error.with("part", place))))
            }
            None if self.picker.ended(place) => None,
            None => {
                self.done = true;
                Some(None)
            }
        }
    }

    fn choose(&mut self) -> Option<usize> {
        if self.done {
            return None;
        }
        self.chosen = self.chosen.or_else(|| self.picker.pick());
        self.chosen
    }

    fn state_of(&self, parts: Vec<ReadState>) -> MixState {
        MixState { version: VERSION, plan: self.picker.plan.clone(), picks: self.picker.taken.clone(), parts }
    }

    /// Batches of `n` samples, at least one; the last may be shorter. A batch may have samples of several parts.
    pub fn batched<T: Collate>(self, n: usize) -> MixedBatches<P, T> {
        let size = n.max(1);
        MixedBatches {
            mixed: self,
            size,
            pending: Vec::new(),
            boundary: None,
            failed: None,
            memory: BatchMemory::default(),
        }
    }
}

impl<T: Send + 'static> Mixed<Samples<T>> {
    /// Where this stream is: behind the last sample that was taken from it.
    pub fn state(&self) -> MixState {
        self.state_of(self.parts.iter().map(Samples::state).collect())
    }

    /// A plain iterator, for code without a runtime. Each part has a thread of its own from its first sample on.
    pub fn blocking(self) -> Mixed<MixedPart<T>> {
        let parts = self.parts.into_iter().map(|part| MixedPart(Progress::Waiting(Some(part)))).collect();
        Mixed { parts, picker: self.picker, chosen: self.chosen, done: self.done }
    }
}

impl<T: Send + 'static> Stream for Mixed<Samples<T>> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while let Some(place) = self.choose() {
            let Some(part) = self.parts.get_mut(place) else { break };
            let item = ready!(part.poll_next_unpin(cx));
            if let Some(settled) = self.settle(place, item) {
                return Poll::Ready(settled);
            }
        }
        Poll::Ready(None)
    }
}

impl<P> Unpin for Mixed<P> {}

impl<P> fmt::Debug for Mixed<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mixed")
            .field("parts", &self.parts.len())
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

/// A part of a mix that is read as a plain iterator.
///
/// ```
/// use atdata_core::{Mix, MixedPart, Mixed};
///
/// fn iterator(mix: &Mix<i64>) -> Mixed<MixedPart<i64>> {
///     mix.samples().blocking()
/// }
/// ```
pub struct MixedPart<T>(Progress<T>);

enum Progress<T> {
    /// Nothing was read; always there but for the moment in which it begins.
    Waiting(Option<Samples<T>>),
    Running(Blocking<T>),
}

impl<T: Send + 'static> MixedPart<T> {
    fn state(&self) -> Option<ReadState> {
        match &self.0 {
            Progress::Waiting(samples) => samples.as_ref().map(Samples::state),
            Progress::Running(samples) => Some(samples.state()),
        }
    }

    fn next(&mut self) -> Option<Result<T>> {
        if let Progress::Waiting(samples) = &mut self.0 {
            self.0 = Progress::Running(samples.take()?.blocking());
        }
        match &mut self.0 {
            Progress::Running(samples) => samples.next(),
            Progress::Waiting(_) => None,
        }
    }
}

impl<T> fmt::Debug for MixedPart<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MixedPart").field("running", &matches!(self.0, Progress::Running(_))).finish()
    }
}

impl<T: Send + 'static> Mixed<MixedPart<T>> {
    /// Where this iterator is: behind the last sample that was taken from it.
    pub fn state(&self) -> MixState {
        self.state_of(self.parts.iter().filter_map(MixedPart::state).collect())
    }
}

impl<T: Send + 'static> Iterator for Mixed<MixedPart<T>> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        while let Some(place) = self.choose() {
            let item = self.parts.get_mut(place)?.next();
            if let Some(settled) = self.settle(place, item) {
                return settled;
            }
        }
        None
    }
}
