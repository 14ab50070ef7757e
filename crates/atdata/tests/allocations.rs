//! How often memory is asked for while samples are read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use atdata::source::FileSource;
use atdata::tar::TarEncoder;
use atdata::{Dataset, Packable, ReadOptions, Sample, TypedArray};

struct Counting;

static CALLS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Fields that are numbers, or slices of the shard.
#[derive(Packable)]
struct Borrowed {
    id: i64,
    score: f64,
    x: TypedArray<f32>,
}

/// A shard of so many samples, with keys of 12 digits or, as Python's, of 36 characters.
fn shard(count: i64, long_keys: bool) -> Vec<u8> {
    let mut encoder = TarEncoder::default();
    let mut tar = Vec::new();
    for id in 0..count {
        let x = TypedArray::from_vec(&[8, 8], vec![0.5; 64]).unwrap();
        let payload = Borrowed { id, score: 1.0, x }.pack().unwrap();
        let key = if long_keys { format!("68ffa25c-e649-11f1-8000-{id:012}") } else { format!("{id:012}") };
        tar.extend(encoder.append(&format!("{key}.msgpack"), payload).unwrap().concat());
    }
    tar.extend_from_slice(&encoder.finish());
    tar
}

#[test]
fn a_sample_whose_fields_are_borrowed_takes_no_allocation() {
    const COUNT: i64 = 20_000;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    for long_keys in [false, true] {
        std::fs::write(&path, shard(COUNT, long_keys)).unwrap();
        for parallelism in [1, 2] {
            let options = ReadOptions::default().with_parallelism(parallelism);
            let dataset = Dataset::<Borrowed>::from_source(FileSource::new([&path])).with_options(options);
            // The whole of it is counted: what was read ahead at a point in the middle depends on the threads.
            let before = CALLS.load(Ordering::Relaxed);
            let samples = dataset.ordered().blocking().map(|sample| sample.unwrap());
            let samples = samples.map(|sample| (sample.id, sample.score, sample.x.len()));
            let (count, sum) = samples.fold((0u32, 0), |(count, sum), (id, score, len)| {
                assert!(score > 0.0 && len == 64);
                (count + 1, sum + id)
            });
            let calls = CALLS.load(Ordering::Relaxed) - before;
            assert_eq!(sum, COUNT * (COUNT - 1) / 2);
            // Chunks of samples and pieces of the shard take some, whatever is in them.
            let of_each = calls as f64 / f64::from(count);
            assert!(of_each < 0.1, "{of_each} for each, {parallelism} at once");
        }
    }
}
