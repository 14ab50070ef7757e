//! Exchange with the real Python package, in both directions, as named cases.
//!
//! Rust's side is the `atdata` binary and two small binaries of `atdata-testkit`; Python's side is the scripts of
//! `crates/atdata-testkit/python`. What both read is compared as tagged JSON (see the README of the fixtures).

mod atmosphere;
mod croissant;
mod imports;
mod index;
mod lenses;
mod processing;
mod redis;
mod shards;
mod tagged;

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, anyhow};

use crate::{
    flags::{Flags, check_names},
    peer::{self, Generation, Peer},
    process,
    report::{Outcome, Tally, conclude},
    workspace,
};

pub(crate) const HELP: &str = "\
Checks exchange with the real Python package in both directions

usage: cargo xtask interop [--case NAME[,NAME]] [--list]

Makes the Python environments if needed (`cargo xtask peer --help`), builds the Rust programs, and runs the cases.
The files of a case are kept in TARGET/interop/NAME until its next run. Without a Python >= 3.12 everything counts as
one skipped case.

  --case NAME   run only these cases
  --list        print the cases

Rust's side, beside the `atdata` command (cat, croissant, import, ls, process, show, schema show, stats), is in atdata-testkit:
  write-samples OUTDIR [--array-format compact]
      writes scalars.tar, arrays.tar, optional.tar and sharded-NNNNNN.tar, like python/write_shards.py;
      the array field of the last three is `arr`
  redis-index work URL N PREFIX, redis-index dump URL
      like python/redis_work.py and python/redis_dump.py, on an index on a Redis server
  index-insert DB N PREFIX
      like python/index_insert.py: opens the SQLite index DB, prints `ready`, reads a line, inserts the datasets
      PREFIX-00000 … with the URL /data/NAME.tar each
and the example `register` of atdata publishes shards of a web server.";

struct Case {
    name: &'static str,
    /// Whether it runs Rust programs; the others check the Python side alone.
    rust: bool,
    run: fn(&Bench) -> Result<()>,
}

const CASES: [Case; 30] = [
    case("fixtures-read-by-python-0.7", false, |bench| shards::fixtures_by_python(bench, Generation::Latest)),
    case("fixtures-read-by-python-0.2", false, |bench| shards::fixtures_by_python(bench, Generation::Seed)),
    case("fixtures-0.7-read-by-rust", true, |bench| shards::fixtures_by_rust(bench, Generation::Latest)),
    case("fixtures-0.2-read-by-rust", true, |bench| shards::fixtures_by_rust(bench, Generation::Seed)),
    case("python-0.7-shards-read-by-rust", true, |bench| shards::python_to_rust(bench, Generation::Latest)),
    case("python-0.2-shards-read-by-rust", true, |bench| shards::python_to_rust(bench, Generation::Seed)),
    case("rust-shards-read-by-python-0.7", true, |bench| {
        shards::rust_to_python(bench, Generation::Latest, &[])
    }),
    case("rust-shards-read-by-python-0.2", true, |bench| {
        shards::rust_to_python(bench, Generation::Seed, &[])
    }),
    case("rust-compact-shards-read-by-python-0.7", true, |bench| {
        shards::rust_to_python(bench, Generation::Latest, &["--array-format", "compact"])
    }),
    case("jsonl-import-read-by-python", true, imports::jsonl),
    case("csv-import-read-by-python", true, imports::csv),
    case("npz-import-read-by-python", true, imports::npz),
    case("croissant-accepted-by-its-validator", true, croissant::accepted),
    case("checkpoint-from-python-finished-by-rust", true, processing::python_then_rust),
    case("checkpoint-written-in-turn", true, processing::rust_then_python_then_rust),
    case("sqlite-entries-from-python-listed-by-rust", true, index::entries_from_python),
    case("sqlite-labels-from-python-resolved-by-rust", true, index::labels_from_python),
    case("sqlite-schemas-from-python-shown-by-rust", true, index::schemas_from_python),
    case("sqlite-labels-from-rust-resolved-by-python", true, index::labels_from_rust),
    case("sqlite-written-by-both-at-once", true, index::written_by_both),
    case("redis-written-by-rust-and-python-0.7-at-once", true, |bench| {
        redis::written_by_both(bench, Generation::Latest)
    }),
    case("redis-written-by-rust-and-python-0.2-at-once", true, |bench| {
        redis::written_by_both(bench, Generation::Seed)
    }),
    case("sqlite-lenses-exchanged-with-python-0.7", true, lenses::in_sqlite),
    case("redis-lenses-exchanged-with-python-0.7", true, lenses::in_redis),
    case("pds-published-and-read-by-python-0.7", false, |bench| {
        atmosphere::published_by_python(bench, Generation::Latest)
    }),
    case("pds-published-and-read-by-python-0.2", false, |bench| {
        atmosphere::published_by_python(bench, Generation::Seed)
    }),
    case("pds-published-by-python-0.7-read-by-rust", true, |bench| {
        atmosphere::python_to_rust(bench, Generation::Latest)
    }),
    case("pds-published-by-python-0.2-read-by-rust", true, |bench| {
        atmosphere::python_to_rust(bench, Generation::Seed)
    }),
    case("pds-published-by-rust-read-by-python-0.7", true, |bench| {
        atmosphere::rust_to_python(bench, Generation::Latest)
    }),
    case("pds-published-by-rust-read-by-python-0.2", true, |bench| {
        atmosphere::rust_to_python(bench, Generation::Seed)
    }),
];

const fn case(name: &'static str, rust: bool, run: fn(&Bench) -> Result<()>) -> Case {
    Case { name, rust, run }
}

pub(crate) fn main(mut flags: Flags) -> Result<Tally> {
    let chosen = flags.list("--case")?;
    let list = flags.switch("--list");
    flags.finish()?;
    check_names("--case", &chosen, CASES.iter().map(|case| case.name))?;
    if list {
        for case in &CASES {
            println!("{}", case.name);
        }
        return Ok(Tally::default());
    }
    let tally = match run(&chosen)? {
        Outcome::Counted(tally) => tally,
        Outcome::Passed => Tally::PASSED,
        Outcome::Skipped(reason) => {
            println!("skip interop: {reason}");
            Tally::SKIPPED
        }
    };
    println!("{tally}");
    Ok(tally)
}

/// All cases, as one step.
pub(crate) fn step() -> Result<Outcome> {
    run(&[])
}

fn run(chosen: &[String]) -> Result<Outcome> {
    let peer = match peer::set_up()? {
        Ok(peer) => peer,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    let cases = CASES.iter().filter(|case| chosen.is_empty() || chosen.iter().any(|name| name == case.name));
    let target = workspace::metadata()?.target;
    let built = if cases.clone().any(|case| case.rust) { build() } else { Ok(()) };
    let mut tally = Tally::default();
    for case in cases {
        let start = Instant::now();
        let result = match &built {
            Err(error) if case.rust => Err(anyhow!("the Rust programs do not build: {error:#}")),
            _ => Bench::new(&peer, &target, case.name).and_then(|bench| (case.run)(&bench)),
        };
        tally += conclude(case.name, result.map(|()| Outcome::Passed), start.elapsed()).0;
    }
    Ok(Outcome::Counted(tally))
}

fn build() -> Result<()> {
    process::run(&mut process::cargo(&["build", "--package", "atdata-cli", "--bin", "atdata"]))?;
    let example = ["build", "--package", "atdata", "--example", "register", "--features", "atmosphere,http"];
    process::run(&mut process::cargo(&example))?;
    let testkit = ["build", "--package", "atdata-testkit"];
    let programs = ["--bin", "write-samples", "--bin", "index-insert", "--bin", "redis-index"];
    process::run(process::cargo(&testkit).args(programs))
}

/// What a case works with: a directory of its own, and the programs of both sides.
struct Bench<'a> {
    peer: &'a Peer,
    programs: PathBuf,
    directory: PathBuf,
}

impl<'a> Bench<'a> {
    fn new(peer: &'a Peer, target: &Path, name: &str) -> Result<Self> {
        let directory = target.join("interop").join(name);
        if directory.exists() {
            std::fs::remove_dir_all(&directory).with_context(|| directory.display().to_string())?;
        }
        std::fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
        Ok(Self { peer, programs: target.join("debug"), directory })
    }

    /// A file in the directory of the case.
    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A command that runs a script with a version of the Python package.
    fn python(&self, generation: Generation, script: &str) -> Command {
        let mut command = self.peer.script(generation, script);
        command.env("HOME", &self.directory).current_dir(&self.directory);
        command
    }

    /// A command that runs one of our programs, away from the user's own index and store.
    fn rust(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.env("HOME", &self.directory).current_dir(&self.directory);
        let own = ["INDEX", "STORE", "PROFILE", "HANDLE", "PASSWORD", "PDS_URL", "PLC_URL", "ALLOW_HOSTS"];
        for variable in own.map(|name| format!("ATDATA_{name}")).iter().chain([&"RUST_LOG".to_owned()]) {
            command.env_remove(variable);
        }
        command
    }

    /// What `atdata` prints.
    fn atdata(&self, arguments: &[&str]) -> Result<String> {
        process::output(self.rust("atdata").args(arguments))
    }

    /// What `atdata cat` makes of one source.
    fn cat(&self, source: impl AsRef<OsStr>, arrays: &[&str]) -> Result<String> {
        let mut command = self.rust("atdata");
        command.arg("cat").arg(source).args(["--format", "tagged"]);
        for field in arrays {
            command.args(["--array", field]);
        }
        process::output(&mut command)
    }

    /// What Python makes of some shards.
    fn read_tagged(&self, generation: Generation, shards: &[PathBuf], arrays: &[&str]) -> Result<String> {
        let mut command = self.python(generation, "read_tagged.py");
        for field in arrays {
            command.args(["--array", field]);
        }
        process::output(command.args(shards))
    }
}
