//! Runs the fuzz bodies on the stable toolchain: `cargo run --release -p atdata-testkit --bin fuzz -- --inputs 1000000`.
//!
//! Inputs are valid ones from the fixtures, changed. Each depends only on target, seed and number, so that a finding
//! can be repeated: `--target tar --seed 1 --only 12345`. `--write-seeds DIRECTORY` writes the corpus for `cargo fuzz`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod memory;
mod mutate;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use atdata_core::shard::hex;
use atdata_testkit::fuzz::{TARGETS, Target, seeds};

/// After so many findings the run ends: they are likely the same one.
const ENOUGH: usize = 20;

#[derive(Clone, Debug)]
struct Options {
    inputs: u64,
    seed: u64,
    target: Option<String>,
    only: Option<u64>,
    write_seeds: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("fuzz: {message}");
            return ExitCode::from(2);
        }
    };
    if let Some(directory) = &options.write_seeds {
        return match write_seeds(directory) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("fuzz: the seeds cannot be written: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let wanted = |target: &&Target| options.target.as_ref().is_none_or(|name| name == target.0);
    let targets: Vec<Target> = TARGETS.iter().filter(wanted).copied().collect();
    if targets.is_empty() {
        let known = TARGETS.iter().map(|target| target.0).collect::<Vec<_>>().join(", ");
        eprintln!("fuzz: there is no such target; there are {known}");
        return ExitCode::from(2);
    }
    // A panic is a finding, told below.
    std::panic::set_hook(Box::new(|_| ()));
    let (mut inputs, mut findings) = (0, 0);
    for (i, target) in targets.iter().enumerate() {
        let share = options.inputs / targets.len() as u64
            + u64::from(options.inputs % targets.len() as u64 > i as u64);
        let (ran, found) = run(*target, share, &options);
        println!("fuzz: {:<14} {ran:>9} inputs, {found} findings", target.0);
        inputs += ran;
        findings += found;
    }
    println!("fuzz: {inputs} inputs over {} targets, {findings} findings", targets.len());
    if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { inputs: 100_000, seed: 1, target: None, only: None, write_seeds: None };
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{flag} needs a value"))?;
        let number = || value.parse().map_err(|_| format!("{flag} needs a number, not {value:?}"));
        match flag.as_str() {
            "--inputs" => options.inputs = number()?,
            "--seed" => options.seed = number()?,
            "--only" => options.only = Some(number()?),
            "--target" => options.target = Some(value),
            "--write-seeds" => options.write_seeds = Some(value.into()),
            _ => return Err(format!("unknown option {flag}")),
        }
    }
    Ok(options)
}

/// Runs a target on its share of inputs, on all cores; returns how many it were and how many failed.
fn run((name, body): Target, inputs: u64, options: &Options) -> (u64, usize) {
    let corpus = seeds(name);
    let numbers = options.only.map_or(0..inputs, |only| only..only + 1);
    let (next, ran, stop) = (AtomicU64::new(numbers.start), AtomicU64::new(0), AtomicBool::new(false));
    let findings = Mutex::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        break;
                    }
                    let input = mutate::input(name, &corpus, options.seed, number);
                    memory::begin(name, options.seed, number);
                    let panic = catch_unwind(AssertUnwindSafe(|| body(&input))).err();
                    let usage = memory::end();
                    ran.fetch_add(1, Ordering::Relaxed);
                    let what = panic.map(|panic| panic_text(&*panic)).or_else(|| usage.complaint());
                    if let Some(what) = what {
                        let mut findings = findings.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        *findings += 1;
                        stop.store(*findings >= ENOUGH, Ordering::Relaxed);
                        println!("FINDING target {name} seed {} input {number}: {what}", options.seed);
                        println!("  {}", hex(&input));
                    }
                }
            });
        }
    });
    (ran.into_inner(), findings.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned())
}

fn write_seeds(directory: &std::path::Path) -> std::io::Result<()> {
    for (name, _) in TARGETS {
        let directory = directory.join(name);
        std::fs::create_dir_all(&directory)?;
        for (i, seed) in seeds(name).into_iter().enumerate() {
            std::fs::write(directory.join(format!("seed-{i:04}")), seed)?;
        }
    }
    Ok(())
}
