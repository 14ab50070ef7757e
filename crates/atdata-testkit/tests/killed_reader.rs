//! `kill -9` of a process that reads a dataset and stores its state: it goes on as if nothing had happened.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use atdata_core::source::{Registry, UrlSource};
use atdata_core::tar::TarEncoder;
use atdata_core::{Dataset, DictSample, ReadState, Reader, Result, Sample, Value};
use serde_json::json;

/// Says to the child in which directory it works, and in which order.
const CHILD: &str = "ATDATA_TEST_KILLED_READER";

const SHARDS: i64 = 7;
const IN_SHARD: i64 = 60;
/// How many samples are read from one stored state to the next.
const STEP: usize = 6;

fn write_shards(directory: &Path) {
    for shard in 0..SHARDS {
        let mut encoder = TarEncoder::default();
        let mut tar = Vec::new();
        for n in shard * IN_SHARD..(shard + 1) * IN_SHARD {
            let payload = DictSample::from_iter([("n", Value::from(n))]).pack().unwrap();
            tar.extend(encoder.append(&format!("k{n}.msgpack"), payload).unwrap().concat());
        }
        tar.extend_from_slice(&encoder.finish());
        fs::write(directory.join(format!("data-{shard}.tar")), tar).unwrap();
    }
}

fn reader(directory: &Path, order: &str) -> Reader<DictSample> {
    let address = directory.join(format!("data-{{0..{}}}.tar", SHARDS - 1));
    let source = UrlSource::new(address.to_str().unwrap(), &Registry::default()).unwrap();
    let reader = Dataset::from_source(source).reader().epoch(2);
    match order {
        "stored" => reader,
        "indexed" => reader.indexed(),
        "shuffled" => reader.shuffled_with_buffer(5, 50),
        "indexed-shuffled" => reader.indexed().shuffled_with_buffer(5, 50),
        "globally" => reader.shuffled_globally(5),
        other => panic!("{other}"),
    }
}

fn number(sample: &DictSample) -> i64 {
    sample.get("n").and_then(Value::as_i64).unwrap()
}

/// What the child has read, and its last stored state.
struct Files {
    log: PathBuf,
    checkpoint: PathBuf,
}

impl Files {
    fn new(directory: &Path, order: &str) -> Self {
        Self {
            log: directory.join(format!("{order}.log")),
            checkpoint: directory.join(format!("{order}.json")),
        }
    }

    /// The state, and how long the log was when it was stored.
    fn load(&self) -> Option<(ReadState, u64)> {
        let text = fs::read(&self.checkpoint).ok()?;
        let stored: serde_json::Value = serde_json::from_slice(&text).unwrap();
        Some((serde_json::from_value(stored["state"].clone()).unwrap(), stored["log"].as_u64().unwrap()))
    }

    fn store(&self, state: &ReadState, log: u64) {
        let staged = self.checkpoint.with_extension("staged");
        fs::write(&staged, json!({ "state": state, "log": log }).to_string()).unwrap();
        fs::rename(&staged, &self.checkpoint).unwrap();
    }
}

/// Not a test by itself: the reader that the test kills. For each byte of its input it makes a step: it reads samples,
/// writes them to its log, stores its state and prints a line.
#[test]
fn reading_child() {
    let Some(arguments) = std::env::var_os(CHILD) else { return };
    let arguments = arguments.into_string().unwrap();
    let (order, directory) = arguments.split_once(' ').unwrap();
    let (directory, files) = (Path::new(directory), Files::new(Path::new(directory), order));
    let reader = reader(directory, order);
    let (mut samples, len) = match files.load() {
        Some((state, len)) => (reader.resume(&state).unwrap().blocking(), len),
        None => (reader.samples().blocking(), 0),
    };
    let mut log = OpenOptions::new().create(true).append(true).open(&files.log).unwrap();
    // What was read after the state was stored comes again.
    log.set_len(len).unwrap();
    let mut input = std::io::stdin().lock();
    loop {
        input.read_exact(&mut [0]).unwrap();
        let taken: Vec<DictSample> = samples.by_ref().take(STEP).collect::<Result<_>>().unwrap();
        for sample in &taken {
            log.write_all(&number(sample).to_le_bytes()).unwrap();
        }
        files.store(&samples.state(), log.metadata().unwrap().len());
        println!("step");
        if taken.len() < STEP {
            return;
        }
    }
}

/// Numbers that differ from order to order, but not from run to run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Starts the child, lets it make up to so many steps, and kills it after it has told of some of them, wherever it is
/// then. Returns whether it came to its end before.
fn run_and_kill(arguments: &str, steps: u64, told: u64) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "reading_child", "--nocapture"])
        .env(CHILD, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // It may have ended before it takes all.
    let _ = input.write_all(&vec![0; usize::try_from(steps).unwrap()]);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let seen = lines.filter(|line| line.as_ref().is_ok_and(|line| line.contains("step")));
    let seen = seen.take(usize::try_from(told).unwrap()).count() as u64;
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(status.success() || status.signal() == Some(9), "{status:?}");
    assert!(seen == told || status.success(), "it told of {seen} steps, not {told}, and failed");
    status.success()
}

#[test]
fn a_killed_reader_goes_on_where_its_last_state_was() {
    let directory = tempfile::tempdir().unwrap();
    write_shards(directory.path());
    for (seed, order) in ["stored", "indexed", "shuffled", "indexed-shuffled", "globally"].iter().enumerate()
    {
        let whole = reader(directory.path(), order).samples().blocking();
        let whole: Vec<i64> = whole.map(|sample| number(&sample.unwrap())).collect();
        let mut numbers = Numbers(seed as u64);
        let arguments = format!("{order} {}", directory.path().to_str().unwrap());
        let mut kills = 0;
        loop {
            // More steps than are waited for, so that it is at work when it is killed.
            let told = numbers.below(9) + 1;
            if run_and_kill(&arguments, told + numbers.below(4), told) {
                break;
            }
            kills += 1;
        }
        assert!(kills >= 4, "{order}: killed {kills} times only");
        let log = fs::read(Files::new(directory.path(), order).log).unwrap();
        let read: Vec<i64> = log.chunks(8).map(|n| i64::from_le_bytes(n.try_into().unwrap())).collect();
        assert_eq!(read, whole, "{order}");
        let mut sorted = whole;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..SHARDS * IN_SHARD).collect::<Vec<_>>());
    }
}
