//! Reading through the public interface of `atdata`.

use std::hint::black_box;

use anyhow::{Context, Result};
use atdata::source::FileSource;
use atdata::{Dataset, RandomAccess, ReadOptions};
use futures::TryStreamExt;
use futures::executor::block_on;

use crate::digest::Touch;
use crate::measured::Measured;
use crate::plan::Job;
use crate::pool;
use crate::samples::Workload;

const BATCH: usize = 32;
const SEED: u64 = 42;
/// What the shuffle buffer holds at most, if nothing else is said.
const SHUFFLE_BYTES: u64 = 256 << 20;

fn dataset<T: Workload>(job: &Job) -> Result<Dataset<T>> {
    Ok(Dataset::from_source(FileSource::new(job.shards(T::KIND)?)))
}

fn whole_dataset<T: Workload>(job: &Job) -> Result<Dataset<T>> {
    Ok(Dataset::from_source(FileSource::new(job.all_shards(T::KIND)?)))
}

/// The bytes that a stream may hold, if nothing else is said.
fn read_ahead() -> u64 {
    ReadOptions::default().read_ahead
}

pub(super) fn ordered<T: Workload>(job: &Job, measured: &mut Measured) -> Result<()> {
    measured.configured = read_ahead();
    for sample in dataset::<T>(job)?.ordered().blocking() {
        sample?.see(&mut measured.digest, Touch::All);
    }
    Ok(())
}

/// Looks for the mean and the variance of the array's bytes while they are decoded: work that is worth a second core.
pub(super) fn ordered_prepared<T: Workload>(job: &Job, measured: &mut Measured) -> Result<()> {
    measured.configured = read_ahead();
    let prepared = |sample: &T| {
        let values = sample.array().iter().map(|byte| f32::from(*byte) / 255.0);
        let sums = values.fold((0.0, 0.0), |(sum, squares), value| (sum + value, squares + value * value));
        black_box(sums).0 >= 0.0
    };
    for sample in dataset::<T>(job)?.filter(prepared).ordered().blocking() {
        sample?.see(&mut measured.digest, Touch::All);
    }
    Ok(())
}

pub(super) fn ordered_async<T: Workload>(job: &Job, measured: &mut Measured) -> Result<()> {
    let mut samples = dataset::<T>(job)?.ordered();
    block_on(async {
        while let Some(sample) = samples.try_next().await? {
            sample.see(&mut measured.digest, Touch::All);
        }
        Ok(())
    })
}

pub(super) fn batched<T: Workload>(job: &Job, measured: &mut Measured) -> Result<()> {
    batches::<T>(job, measured, Touch::All)
}

pub(super) fn batched_edges<T: Workload>(job: &Job, measured: &mut Measured) -> Result<()> {
    batches::<T>(job, measured, Touch::Edges)
}

fn batches<T: Workload>(job: &Job, measured: &mut Measured, touch: Touch) -> Result<()> {
    // One batch that is being made, and one that is being used.
    measured.configured = read_ahead() + 2 * (BATCH * T::ARRAY) as u64;
    for batch in dataset::<T>(job)?.batched(BATCH).blocking() {
        T::see_batch(&batch?, &mut measured.digest, touch);
    }
    Ok(())
}

pub(super) fn shuffled<T: Workload>(job: &Job, measured: &mut Measured) -> Result<()> {
    measured.configured = read_ahead() + SHUFFLE_BYTES;
    for sample in dataset::<T>(job)?.reader().shuffled(SEED).shuffle_bytes(SHUFFLE_BYTES).samples().blocking()
    {
        sample?.see(&mut measured.digest, Touch::All);
    }
    Ok(())
}

pub(super) fn first<T: Workload>(job: &Job, measured: &mut Measured) -> Result<()> {
    let mut samples = whole_dataset::<T>(job)?.ordered().blocking();
    samples.next().context("there is no sample")??.see(&mut measured.digest, Touch::All);
    measured.answered();
    Ok(())
}

/// Keys are those of our writer: the position, in twelve digits.
pub(super) fn random_keys<T: Workload>(job: &Job, measured: &mut Measured) -> Result<()> {
    let (access, positions) = random::<T>(job, measured)?;
    for position in positions {
        let sample = block_on(access.get_key(&format!("{position:012}")))?;
        sample.see(&mut measured.digest, Touch::All);
    }
    Ok(())
}

pub(super) fn random_positions<T: Workload>(job: &Job, measured: &mut Measured) -> Result<()> {
    let (access, positions) = random::<T>(job, measured)?;
    for position in positions {
        let sample = block_on(access.get(position))?.context("nothing there")?;
        sample.see(&mut measured.digest, Touch::All);
    }
    Ok(())
}

fn random<T: Workload>(job: &Job, measured: &mut Measured) -> Result<(RandomAccess<T>, Vec<u64>)> {
    let mut positions = pool::positions(&job.data, T::KIND)?;
    positions.truncate(usize::try_from(job.samples)?);
    let access = block_on(whole_dataset::<T>(job)?.indexed())?;
    measured.prepared();
    Ok((access, positions))
}
