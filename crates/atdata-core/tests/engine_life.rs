//! What streams leave behind: nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(target_os = "linux")]

use std::path::Path;

use atdata_core::tar::TarEncoder;
use atdata_core::{Dataset, DictSample, ReadOptions, Sample, Value, source::FileSource};
use futures::{FutureExt, StreamExt};

/// Three shards of 40 samples; their members are large enough for several chunks.
fn shards(directory: &Path) -> Vec<std::path::PathBuf> {
    let shard = |number: i64| {
        let path = directory.join(format!("{number}.tar"));
        let (mut encoder, mut tar) = (TarEncoder::default(), Vec::new());
        for n in 0..40 {
            let n = number * 40 + n;
            let sample = DictSample::from_iter([
                ("n", Value::from(n)),
                ("filling", Value::from(bytes::Bytes::from(vec![7; 3000]))),
            ]);
            tar.extend(encoder.append(&format!("{n:04}.msgpack"), sample.pack().unwrap()).unwrap().concat());
        }
        tar.extend_from_slice(&encoder.finish());
        std::fs::write(&path, tar).unwrap();
        path
    };
    (0..3).map(shard).collect()
}

/// The names of the threads of this process that are ours.
fn our_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("atdata")).count()
}

/// Descriptors of shards.
fn open_shards() -> usize {
    let files = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let targets = files.filter_map(|file| std::fs::read_link(file.path()).ok());
    targets.filter(|target| target.to_string_lossy().contains(".tar")).count()
}

fn mapped_shards() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().filter(|line| line.contains(".tar")).count()
}

/// Waits for an event that must come, without a clock: threads end soon after their channel is closed.
fn until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..100_000_000u64 {
        if done() {
            return;
        }
        std::thread::yield_now();
    }
    panic!("{what}");
}

#[test]
fn ten_thousand_streams_begun_and_dropped_leave_no_thread_file_or_map() {
    let directory = tempfile::tempdir().unwrap();
    let paths = shards(directory.path());
    let mapped = Dataset::<DictSample>::from_source(FileSource::new(&paths));
    let read = Dataset::<DictSample>::from_source(FileSource::new(&paths).without_mapping());
    for round in 0..10_000 {
        let dataset = if round % 2 == 0 { &mapped } else { &read };
        let dataset = dataset.clone().with_options(ReadOptions::default().with_parallelism(1 + round % 3));
        match round % 5 {
            // Never polled; polled once; in the middle; batches; shuffled.
            0 => drop(dataset.ordered()),
            1 => drop(dataset.ordered().next().now_or_never()),
            2 => {
                let mut samples = dataset.ordered().blocking();
                for n in 0..round as i64 % 50 {
                    assert_eq!(samples.next().unwrap().unwrap().get("n").and_then(Value::as_i64), Some(n));
                }
            }
            3 => drop(dataset.batched(7).blocking().next()),
            _ => drop(dataset.shuffled(round as u64).blocking().next()),
        }
    }
    until("threads are left", || our_threads() == 0);
    until("files are left open", || open_shards() == 0);
    until("maps are left", || mapped_shards() == 0);
}

#[test]
fn streams_on_a_runtime_that_ends_leave_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let paths = shards(directory.path());
    for round in 0..100 {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let dataset = Dataset::<DictSample>::from_source(FileSource::new(&paths).without_mapping());
        runtime.block_on(async {
            let mut samples = dataset.shuffled(round);
            for _ in 0..round {
                samples.next().await.unwrap().unwrap();
            }
        });
    }
    until("threads are left", || our_threads() == 0);
    until("files are left open", || open_shards() == 0);
}
