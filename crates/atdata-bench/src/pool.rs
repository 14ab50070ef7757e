//! The arrays that samples are made of, and the positions of random access: written once, in files that Python
//! reads too.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use atdata::TypedArray;

use crate::digest::{Digest, Touch};
use crate::plan::{Plan, Scale, Spec};
use crate::samples::{Kind, Large, Medium, Small, Workload};

/// Writes arrays, positions and the plan.
pub(crate) fn make(data: &Path, scale: Scale) -> Result<()> {
    let plan = Plan::new(scale);
    std::fs::create_dir_all(data.join("pool"))?;
    for kind in Kind::ALL {
        let spec = plan.of(kind);
        let mut numbers = Random(spec.samples);
        let positions: Vec<u64> = (0..spec.positions).map(|_| numbers.below(spec.samples)).collect();
        std::fs::write(path(data, kind, "positions"), bytemuck::cast_slice::<u64, u8>(&positions))?;
    }
    write_arrays::<Small>(data, plan, |numbers, _, _| numbers.fraction())?;
    write_arrays::<Medium>(data, plan, |numbers, _, _| numbers.next().to_le_bytes()[0])?;
    // The number of a large sample, which has no other field, is its first element.
    #[allow(clippy::cast_precision_loss)]
    write_arrays::<Large>(
        data,
        plan,
        |numbers, array, element| {
            if element == 0 { array as f32 } else { numbers.fraction() }
        },
    )?;
    plan.write(data)
}

fn write_arrays<T: Workload>(
    data: &Path,
    plan: Plan,
    item: impl Fn(&mut Random, u64, usize) -> T::Item,
) -> Result<()> {
    let mut numbers = Random(T::ARRAY as u64);
    let elements = T::ARRAY / size_of::<T::Item>();
    let all: Vec<T::Item> = (0..plan.of(T::KIND).arrays)
        .flat_map(|array| (0..elements).map(move |element| (array, element)))
        .map(|(array, element)| item(&mut numbers, array, element))
        .collect();
    std::fs::write(path(data, T::KIND, "arrays"), bytemuck::cast_slice::<T::Item, u8>(&all))?;
    Ok(())
}

/// The arrays of a data set.
pub(crate) fn arrays<T: Workload>(data: &Path, spec: Spec) -> Result<Vec<TypedArray<T::Item>>> {
    let bytes = read(&path(data, T::KIND, "arrays"))?;
    let arrays: Vec<_> = bytes
        .chunks_exact(T::ARRAY)
        .map(|array| Ok(TypedArray::from_vec(T::SHAPE, bytemuck::pod_collect_to_vec(array))?))
        .collect::<Result<_>>()?;
    ensure!(arrays.len() as u64 == spec.arrays, "{} arrays in place of {}", arrays.len(), spec.arrays);
    Ok(arrays)
}

/// The positions that random access asks for.
pub(crate) fn positions(data: &Path, kind: Kind) -> Result<Vec<u64>> {
    Ok(bytemuck::pod_collect_to_vec(&read(&path(data, kind, "positions"))?))
}

/// The digest of the samples at these positions, from what was written and without reading a shard.
pub(crate) fn expect(data: &Path, kind: Kind, spec: Spec, positions: &[u64], touch: Touch) -> Result<Digest> {
    match kind {
        Kind::Small => expect_of::<Small>(data, spec, positions, touch),
        Kind::Medium => expect_of::<Medium>(data, spec, positions, touch),
        Kind::Large => expect_of::<Large>(data, spec, positions, touch),
    }
}

fn expect_of<T: Workload>(data: &Path, spec: Spec, positions: &[u64], touch: Touch) -> Result<Digest> {
    let arrays = arrays::<T>(data, spec)?;
    let mut digest = Digest::default();
    for position in positions {
        sample::<T>(*position, &arrays)?.see(&mut digest, touch);
    }
    Ok(digest)
}

/// The sample at a position.
pub(crate) fn sample<T: Workload>(position: u64, arrays: &[TypedArray<T::Item>]) -> Result<T> {
    let array = arrays.get(usize::try_from(position)? % arrays.len().max(1)).context("no arrays")?;
    Ok(T::new(position, array.clone()))
}

fn path(data: &Path, kind: Kind, what: &str) -> PathBuf {
    data.join("pool").join(format!("{}-{what}.bin", kind.name()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    #[allow(clippy::cast_possible_truncation)]
    fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// From 0 to 1, without 1.
    #[allow(clippy::cast_precision_loss)]
    fn fraction(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }
}
