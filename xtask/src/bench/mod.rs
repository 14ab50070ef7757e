//! Measuring against other libraries and against what the machine can do, on the same bytes.
//!
//! The measured programs are `crates/atdata-bench` and its Python scripts; each run is a process of its own, pinned, that
//! prints one line of JSON. Here they are installed, run in turns, checked, and written down.

mod cases;
mod document;
mod index;
mod instructions;
mod machine;
mod network;
mod peers;
pub(crate) mod readme;
mod results;
mod runner;
mod setup;
mod targets;

use std::path::PathBuf;

use anyhow::{Result, bail};
use cases::Case;
use results::{Measurement, Results};
use runner::Runner;
use setup::Setup;

use crate::{flags::Flags, report::Tally, workspace};

pub(crate) const HELP: &str = "\
Measures against other libraries and the machine's limits, and writes docs/benchmarks.md

usage: cargo xtask bench [--quick] [--only PART[,PART]] [--rounds N] [--out DIR] [--list]
       cargo xtask bench --instructions
       cargo xtask bench --readme
       cargo xtask bench --network [--rounds N]
       cargo xtask bench index

Makes the data (some 14 GB, once), installs the Python libraries where they install (7 GB, because PyTorch is among
them; once), both in $HOME/.cache/atdata/bench, and runs every case once a round, in turns. Each run is a process of
its own, pinned to one core (a few also to two), with its files in the page cache. What a run has read is checked, so
that no program is fast because it is wrong. Linux only; it needs `taskset`, and a machine that does nothing else.

  --quick         a tenth of the data, one round: to see that everything runs
  --only PART     only cases whose names contain one of the parts, such as small/ordered or lance
  --rounds N      how often each case runs (default 5)
  --out DIR       where measured programs write (default /dev/shm, which is memory, if it is there)
  --list          print the names of the cases: WORKLOAD/WAY/PROGRAM/DATA/CORES
  --network       measure transfers of 1 GiB with real servers (see `cargo xtask services --help`) beside curl and, if it
                  is there, the AWS CLI
  index           measure indexes of up to a million entries, in SQLite and on a Redis server, beside the Python package
  --instructions  count instructions per sample with callgrind (installed with apt-get) in place of measuring time
  --readme        measure nothing, but copy the targets of docs/benchmarks.md to README.md

With --quick or --only the tables go to TARGET/bench.md, so that docs/benchmarks.md stays whole.";

struct Options {
    quick: bool,
    only: Vec<String>,
    rounds: usize,
    out: Option<PathBuf>,
    list: bool,
}

pub(crate) fn main(mut flags: Flags) -> Result<Tally> {
    let count_instructions = flags.switch("--instructions");
    let network = flags.switch("--network");
    if flags.switch("index") {
        flags.finish()?;
        return index::main();
    }
    let quick = flags.switch("--quick");
    if flags.switch("--readme") {
        flags.finish()?;
        readme::write()?;
        return Ok(Tally::PASSED);
    }
    let options = Options {
        quick,
        only: flags.list("--only")?,
        rounds: flags.number("--rounds")?.unwrap_or(if quick { 1 } else { 5 }).max(1),
        out: flags.value("--out")?.map(PathBuf::from),
        list: flags.switch("--list"),
    };
    flags.finish()?;
    if network {
        return network::main(options.rounds);
    }
    if count_instructions {
        let setup = Setup::for_instructions()?;
        document::write_instructions(&instructions::count(&setup)?)?;
        return Ok(Tally::PASSED);
    }
    let setup = Setup::prepare(options.quick)?;
    let cases: Vec<Case> = cases::all(&setup)?.into_iter().filter(|case| options.chooses(case)).collect();
    if options.list {
        cases.iter().for_each(|case| println!("{}", case.name()));
        return Ok(Tally::default());
    }
    if cases.is_empty() {
        bail!("no case has a name with {}; --list prints them", options.only.join(" or "));
    }
    measure(&setup, cases, &options)
}

impl Options {
    fn chooses(&self, case: &Case) -> bool {
        let name = case.name();
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part))
    }
}

/// Runs all cases, round after round, each round from another one on. After each round what there is so far is written.
fn measure(setup: &Setup, cases: Vec<Case>, options: &Options) -> Result<Tally> {
    let machine = machine::describe();
    let part = options.quick || !options.only.is_empty();
    let to = if part { Some(workspace::metadata()?.target.join("bench.md")) } else { None };
    let mut runner = Runner::new(setup, options.out.as_deref())?;
    let mut results = Results(cases.into_iter().map(Measurement::new).collect());
    for round in 0..options.rounds {
        println!("=== round {} of {}", round + 1, options.rounds);
        let turn = round * results.0.len() / options.rounds;
        results.0.rotate_left(turn);
        results.0.iter_mut().for_each(|measurement| run(&mut runner, measurement));
        results.0.rotate_right(turn);
        let path = document::write_measured(setup, &results, &machine, round + 1, to.clone())?;
        println!("{}", path.display());
    }
    if !part {
        readme::write()?;
    }
    Ok(tally(&results))
}

/// Runs a case once more, unless it has failed before.
fn run(runner: &mut Runner<'_>, measurement: &mut Measurement) {
    if measurement.failure.is_some() {
        return;
    }
    let name = measurement.case.name();
    match runner.run(&measurement.case) {
        Ok(run) => {
            println!("{name:50} {:10.4} s", run.seconds);
            measurement.runs.push(run);
        }
        Err(error) => {
            println!("{name:50} FAIL {error:#}");
            measurement.failure = Some(format!("{error:#}"));
        }
    }
}

/// Ours must run; what another library cannot do is written down and fails nothing.
fn tally(results: &Results) -> Tally {
    let mut tally = Tally::default();
    for measurement in &results.0 {
        tally += match (&measurement.failure, measurement.case.is_ours()) {
            (None, _) => Tally::PASSED,
            (Some(_), true) => Tally::FAILED,
            (Some(_), false) => Tally::SKIPPED,
        };
    }
    println!("{tally}");
    tally
}
