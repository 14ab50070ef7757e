//! Samples for tests.

use atdata_core::{DictSample, NdArray, PackedSample, Result, Sample, Value};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use sha2::{Digest, Sha256};

/// Sample number `n`: a number, text and some bytes that differ from sample to sample.
///
/// ```
/// assert_eq!(atdata_testkit::data::sample(3).get("n").and_then(|n| n.as_i64()), Some(3));
/// ```
pub fn sample(n: i64) -> DictSample {
    DictSample::from_iter([
        ("n", Value::from(n)),
        ("text", Value::from(format!("sample {n} – μ"))),
        ("raw", Value::Bytes(noise(n.unsigned_abs(), 40))),
    ])
}

/// Samples `0..count`.
pub fn samples(count: i64) -> Vec<DictSample> {
    (0..count).map(sample).collect()
}

/// A sample with an array of `rows` rows of three `f32`, all made of `n`.
///
/// # Panics
/// Never, for sizes that fit in memory.
pub fn array_sample(n: i64, rows: usize) -> DictSample {
    #[allow(clippy::cast_precision_loss)]
    let elements: Vec<f32> = (0..rows * 3).map(|i| n as f32 + i as f32 / 4.0).collect();
    let array = NdArray::from_vec(&[rows, 3], elements).expect("rows × 3 elements");
    DictSample::from_iter([("n", Value::from(n)), ("x", Value::Array(array))])
}

/// Samples as a stream that does not fail.
pub fn stream_of(samples: Vec<DictSample>) -> BoxStream<'static, Result<DictSample>> {
    stream::iter(samples.into_iter().map(Ok)).boxed()
}

/// `samples`, packed under keys that count up from zero.
///
/// # Panics
/// A sample cannot be packed.
pub fn packed(samples: &[DictSample]) -> Vec<PackedSample> {
    let pack = |(i, sample): (usize, &DictSample)| {
        PackedSample::new(format!("{i:012}"), sample.pack().expect("a sample that can be packed"))
    };
    samples.iter().enumerate().map(pack).collect()
}

/// The bytes of one shard with `samples`, as any store of ours writes it.
pub fn shard(samples: &[DictSample]) -> Bytes {
    let stream = stream::iter(packed(samples).into_iter().map(Ok)).boxed();
    let options = atdata_core::WriteOptions::default().with_max_count(u64::MAX).with_max_size(u64::MAX);
    let mut input = atdata_core::ShardInput::encode(stream, &options);
    futures::executor::block_on(async {
        let mut bytes = Vec::new();
        let mut shard = input.next_shard().await.expect("samples").expect("a first shard");
        while let Some(chunk) = shard.next_chunk().await.expect("a chunk") {
            bytes.extend_from_slice(&chunk);
        }
        bytes.into()
    })
}

/// `len` bytes that look random and depend on `seed` only, so that nothing compresses or deduplicates them.
pub fn noise(seed: u64, len: usize) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect::<Vec<u8>>()
        .into()
}

/// The SHA-256 of bytes in lower-case hex.
///
/// ```
/// assert!(atdata_testkit::data::sha256(b"").starts_with("e3b0c44298fc1c14"));
/// ```
pub fn sha256(bytes: &[u8]) -> String {
    atdata_core::shard::hex(&Sha256::digest(bytes))
}

/// The numbers (field `n`) of samples.
///
/// # Panics
/// A sample has no number.
pub fn numbers(samples: &[DictSample]) -> Vec<i64> {
    samples.iter().map(|sample| sample.get("n").and_then(Value::as_i64).expect("a number")).collect()
}
