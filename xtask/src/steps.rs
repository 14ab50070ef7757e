//! `test-all`: every check, in order, with one summary.

use std::{
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anyhow::{Result, bail};

use crate::{
    api, book, deny, fixtures,
    flags::{Flags, check_names},
    interop, package, process,
    report::{Outcome, Tally, conclude, libtest_summary, nextest_summary},
    services, tidy,
};

pub(crate) const HELP: &str = "\
Runs everything a contributor and CI need

usage: cargo xtask test-all [--only STEP[,STEP]] [--skip STEP[,STEP]] [--list]

Runs all steps whatever becomes of the others, repeats at the end what failed or was skipped, and ends with the line
`N passed, N failed, N skipped`: the cases of the test runners and of interop, and one for each other step. What was
skipped is not passed. The exit status is 1 if anything failed. CARGO_TARGET_DIR is respected.

  --only STEP   run only these steps
  --skip STEP   leave these steps out (they are not counted)
  --list        print the steps

Rust, a C compiler and, for the servers that tests talk to, what `cargo xtask services --help` lists are needed; as root on
Debian the latter are installed. cargo-nextest, cargo-deny, mdbook and svgbob_cli (the last three are installed in
$HOME/.cache/atdata/tools if missing) and a Python >= 3.12 (see `cargo xtask peer --help`) are used where they are.";

/// Random inputs for each fuzz body: some minutes of work at most.
const FUZZ_INPUTS: &str = "1000000";

struct Step {
    name: &'static str,
    about: &'static str,
    run: fn() -> Result<Outcome>,
}

const STEPS: [Step; 15] = [
    Step { name: "fmt", about: "formatting", run: fmt },
    Step { name: "tidy", about: "house rules: dependencies, manifests, sources", run: tidy::step },
    Step { name: "clippy", about: "lints, warnings denied", run: clippy },
    Step {
        name: "services",
        about: "real servers: installs what is missing, starts them once",
        run: services::step,
    },
    Step { name: "test", about: "unit and integration tests", run: test },
    Step { name: "doctest", about: "examples in the documentation", run: doctest },
    Step { name: "doc", about: "documentation, warnings denied", run: doc },
    Step { name: "book", about: "the pages of docs/: links, pictures, and the book", run: book::step },
    Step { name: "api", about: "public items, as they are written down", run: api::step },
    Step { name: "package", about: "packages as the registry would get them", run: package::step },
    Step { name: "quickstart", about: "the quickstart example, optimised", run: quickstart },
    Step { name: "fuzz", about: "a bounded number of hostile inputs for each parser", run: fuzz },
    Step { name: "fixtures", about: "checksums of the files that Python wrote", run: fixtures_unchanged },
    Step { name: "interop", about: "exchange with the real Python package", run: interop::step },
    Step { name: "deny", about: "licences, bans and sources of the dependencies", run: deny::check },
];

pub(crate) fn main(mut flags: Flags) -> Result<Tally> {
    let only = flags.list("--only")?;
    let skip = flags.list("--skip")?;
    let list = flags.switch("--list");
    flags.finish()?;
    let names = STEPS.iter().map(|step| step.name);
    check_names("--only", &only, names.clone())?;
    check_names("--skip", &skip, names)?;
    if list {
        for step in &STEPS {
            println!("{:11} {}", step.name, step.about);
        }
        return Ok(Tally::default());
    }
    let chosen =
        |name: &str| (only.is_empty() || only.iter().any(|n| n == name)) && !skip.iter().any(|n| n == name);
    let mut total = Tally::default();
    let mut lines = Vec::new();
    for step in STEPS.iter().filter(|step| chosen(step.name)) {
        println!("\n=== {}: {}", step.name, step.about);
        let start = Instant::now();
        let (tally, line) = conclude(step.name, (step.run)(), start.elapsed());
        total += tally;
        lines.push(line);
    }
    println!("\n=== summary");
    for line in &lines {
        println!("{line}");
    }
    println!("{total}");
    Ok(total)
}

fn fmt() -> Result<Outcome> {
    with_component("fmt", &["fmt", "--all", "--check"])
}

fn clippy() -> Result<Outcome> {
    with_component("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

/// Runs a subcommand that is an optional component of the toolchain.
fn with_component(name: &str, arguments: &[&str]) -> Result<Outcome> {
    if !process::works(&mut process::cargo(&[name, "--version"])) {
        return Ok(Outcome::Skipped(format!("cargo {name} is not installed: rustup component add {name}")));
    }
    process::run(&mut process::cargo(arguments))?;
    Ok(Outcome::Passed)
}

fn test() -> Result<Outcome> {
    let servers = services::for_tests()?;
    if process::works(&mut process::cargo(&["nextest", "--version"])) {
        let mut command = process::cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]);
        servers.give_to(&mut command);
        return counted(command, nextest_summary);
    }
    println!("cargo-nextest is not installed: using cargo test");
    let arguments = ["test", "--workspace", "--lib", "--bins", "--tests", "--examples", "--no-fail-fast"];
    let mut command = process::cargo(&arguments);
    servers.give_to(&mut command);
    counted(command, libtest_summary)
}

fn doctest() -> Result<Outcome> {
    counted(process::cargo(&["test", "--workspace", "--doc", "--no-fail-fast"]), libtest_summary)
}

/// Runs tests, showing their output as it comes, and adds up the counts in their summaries.
fn counted(mut command: Command, summary: fn(&str) -> Option<Tally>) -> Result<Outcome> {
    let sum = Arc::new(Mutex::new(Tally::default()));
    let adding = Arc::clone(&sum);
    let good = process::stream(&mut command, move |line| {
        if let Some(tally) = summary(line) {
            *adding.lock().unwrap_or_else(PoisonError::into_inner) += tally;
        }
    })?;
    let mut tally = *sum.lock().unwrap_or_else(PoisonError::into_inner);
    if !good && tally.failed == 0 {
        // It did not build, or was ended from outside.
        tally += Tally::FAILED;
    }
    if good && tally == Tally::default() {
        bail!("{} ran no test", process::shown(&command));
    }
    Ok(Outcome::Counted(tally))
}

fn doc() -> Result<Outcome> {
    process::run(process::cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Outcome::Passed)
}

fn quickstart() -> Result<Outcome> {
    process::run(&mut process::cargo(&["run", "--release", "--example", "quickstart"]))?;
    Ok(Outcome::Passed)
}

fn fuzz() -> Result<Outcome> {
    let arguments =
        ["run", "--release", "--package", "atdata-testkit", "--bin", "fuzz", "--", "--inputs", FUZZ_INPUTS];
    process::run(&mut process::cargo(&arguments))?;
    Ok(Outcome::Passed)
}

fn fixtures_unchanged() -> Result<Outcome> {
    fixtures::check()?;
    Ok(Outcome::Passed)
}
