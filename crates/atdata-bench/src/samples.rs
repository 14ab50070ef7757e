//! The three kinds of samples.

use atdata::array::Element;
use atdata::{Collate, Packable, TypedArray};
use bytes::Bytes;

use crate::digest::{Digest, Touch};

/// Which data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Rows of some 300 bytes.
    Small,
    /// Images of 147 KiB.
    Medium,
    /// Volumes of 4 MiB.
    Large,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// As it is in names of files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }
}

/// A sample type that can be written and looked at.
pub(crate) trait Workload: Packable + Collate + Clone + Sync {
    const KIND: Kind;
    /// The length of the array of one sample, in bytes.
    const ARRAY: usize;

    /// The type of the array's elements.
    type Item: Element + bytemuck::Pod;
    /// The array's shape.
    const SHAPE: &'static [usize];

    /// The sample with this number.
    fn new(number: u64, array: TypedArray<Self::Item>) -> Self;

    /// The bytes of the array.
    fn array(&self) -> &Bytes;

    /// Looks at a sample.
    fn see(&self, digest: &mut Digest, touch: Touch);

    /// Looks at a batch.
    fn see_batch(batch: &Self::Batch, digest: &mut Digest, touch: Touch);
}

/// The labels of small samples, of different lengths.
const LABELS: [&str; 10] =
    ["cat", "lion", "panda", "walrus", "leopard", "antelope", "albatross", "chimpanzee", "grasshopper", "ox"];

/// A row with a short vector.
#[derive(Packable, Clone)]
pub(crate) struct Small {
    id: i64,
    label: String,
    score: f64,
    x: TypedArray<f32>,
}

/// An image.
#[derive(Packable, Clone)]
pub(crate) struct Medium {
    image: TypedArray<u8>,
    label: i64,
}

/// A volume. Its number is its first element.
#[derive(Packable, Clone)]
pub(crate) struct Large {
    volume: TypedArray<f32>,
}

/// What the fields of a small sample add to the digest. Scores are halves of whole numbers.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn small_fields(label: &str, score: f64) -> u64 {
    (label.len() as u64).wrapping_add((score * 2.0) as u64)
}

impl Workload for Small {
    const KIND: Kind = Kind::Small;
    const ARRAY: usize = 64 * 4;
    type Item = f32;
    const SHAPE: &'static [usize] = &[64];

    #[allow(clippy::cast_possible_wrap, clippy::cast_precision_loss)]
    fn new(number: u64, x: TypedArray<f32>) -> Self {
        let label = LABELS.iter().cycle().nth((number % 10) as usize).copied().unwrap_or_default();
        Self { id: number as i64, label: label.to_owned(), score: number as f64 / 2.0, x }
    }

    fn array(&self) -> &Bytes {
        self.x.as_inner().data()
    }

    fn see(&self, digest: &mut Digest, touch: Touch) {
        let fields = small_fields(&self.label, self.score);
        digest.sample(self.id.cast_unsigned(), fields, self.x.as_inner().data(), touch);
    }

    fn see_batch(batch: &SmallBatch, digest: &mut Digest, touch: Touch) {
        batch.id.iter().for_each(|id| digest.number(id.cast_unsigned()));
        let fields = batch.label.iter().zip(&batch.score).map(|(label, score)| small_fields(label, *score));
        digest.fields(fields.fold(0, u64::wrapping_add));
        digest.arrays(batch.x.as_inner().data(), Self::ARRAY, touch);
    }
}

impl Workload for Medium {
    const KIND: Kind = Kind::Medium;
    const ARRAY: usize = 224 * 224 * 3;
    type Item = u8;
    const SHAPE: &'static [usize] = &[224, 224, 3];

    #[allow(clippy::cast_possible_wrap)]
    fn new(number: u64, image: TypedArray<u8>) -> Self {
        Self { image, label: number as i64 }
    }

    fn array(&self) -> &Bytes {
        self.image.as_inner().data()
    }

    fn see(&self, digest: &mut Digest, touch: Touch) {
        digest.sample(self.label.cast_unsigned(), 0, self.image.as_inner().data(), touch);
    }

    fn see_batch(batch: &MediumBatch, digest: &mut Digest, touch: Touch) {
        batch.label.iter().for_each(|label| digest.number(label.cast_unsigned()));
        digest.arrays(batch.image.as_inner().data(), Self::ARRAY, touch);
    }
}

impl Workload for Large {
    const KIND: Kind = Kind::Large;
    const ARRAY: usize = 128 * 128 * 64 * 4;
    type Item = f32;
    const SHAPE: &'static [usize] = &[128, 128, 64];

    fn new(_: u64, volume: TypedArray<f32>) -> Self {
        Self { volume }
    }

    fn array(&self) -> &Bytes {
        self.volume.as_inner().data()
    }

    fn see(&self, digest: &mut Digest, touch: Touch) {
        let data = self.volume.as_inner().data();
        digest.sample(first_element(data), 0, data, touch);
    }

    fn see_batch(batch: &LargeBatch, digest: &mut Digest, touch: Touch) {
        let data: &Bytes = batch.volume.as_inner().data();
        data.chunks_exact(Self::ARRAY).for_each(|volume| digest.number(first_element(volume)));
        digest.arrays(data, Self::ARRAY, touch);
    }
}

/// The first `f32`, which is a whole number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn first_element(data: &[u8]) -> u64 {
    data.first_chunk::<4>().map_or(0, |bytes| f32::from_le_bytes(*bytes) as u64)
}
