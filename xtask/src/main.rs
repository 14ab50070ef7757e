//! Tasks of the workspace: `cargo xtask COMMAND`.

// A task runner talks to its user on the standard streams.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod api;
mod bench;
mod book;
mod deny;
mod features;
mod fixtures;
mod flags;
mod interop;
mod package;
mod peer;
mod process;
mod release;
mod report;
mod services;
mod steps;
mod tidy;
mod tools;
mod workspace;

use std::process::ExitCode;

use flags::Flags;
use report::Tally;

const HELP: &str = "\
Tasks of the workspace

usage: cargo xtask COMMAND [OPTIONS]

commands:
  test-all   everything a contributor and CI need, with a summary at the end
  book       the pages of docs/ as a book, with its links and pictures checked
  api        the public items of the published crates, against docs/api
  package    the published crates, packed as the registry would get them
  release    the command as a static binary, with completions and man pages
  features   what each feature of the facade costs to build
  tidy       house rules that the compiler does not check
  interop    both directions of exchange with the real Python package
  peer       set up the Python package that interop uses
  services   start real servers for the tests
  bench      measure against other libraries and the machine's limits; writes docs/benchmarks.md
  fixtures   check the files that the Python package wrote

`cargo xtask COMMAND --help` tells more.";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = if arguments.is_empty() { "--help".to_owned() } else { arguments.remove(0) };
    let flags = Flags::new(arguments);
    let (help, run): (&str, fn(Flags) -> anyhow::Result<Tally>) = match command.as_str() {
        "test-all" => (steps::HELP, steps::main),
        "book" => (book::HELP, book::main),
        "api" => (api::HELP, api::main),
        "package" => (package::HELP, package::main),
        "release" => (release::HELP, release::main),
        "features" => (features::HELP, features::main),
        "tidy" => (tidy::HELP, tidy::main),
        "interop" => (interop::HELP, interop::main),
        "peer" => (peer::HELP, peer::main),
        "services" => (services::HELP, services::main),
        "bench" => (bench::HELP, bench::main),
        "fixtures" => (fixtures::HELP, fixtures::main),
        "help" | "-h" | "--help" => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprintln!("xtask: there is no command {other:?}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    if flags.asks_for_help() {
        println!("{help}");
        return ExitCode::SUCCESS;
    }
    match run(flags) {
        Ok(tally) if tally.failed == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask {command}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
