use atdata_core::tar::TarEncoder;
use atdata_core::{Dataset, DictSample, MemorySource, Sample};

/// The names of `count` shards.
pub(crate) fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("s-{number:03}.tar")).collect()
}

/// A shard of samples whose `n` are these.
pub(crate) fn shard(numbers: impl IntoIterator<Item = i64>) -> Vec<u8> {
    let (mut encoder, mut tar) = (TarEncoder::default(), Vec::new());
    for n in numbers {
        let sample = DictSample::from_iter([("n", n)]);
        tar.extend(encoder.append(&format!("{n:04}.msgpack"), sample.pack().unwrap()).unwrap().concat());
    }
    tar.extend_from_slice(&encoder.finish());
    tar
}

/// Shard `i` has `i + 1` samples.
pub(crate) fn dataset(count: usize) -> Dataset<DictSample> {
    let shards = names(count).into_iter().zip(0i64..).map(|(name, i)| (name, shard(0..=i)));
    Dataset::from_source(MemorySource::new(shards))
}

/// What counting the samples of each shard of [`dataset`] gives.
pub(crate) fn counts(count: usize) -> Vec<(String, u64)> {
    names(count).into_iter().zip(1..).collect()
}
