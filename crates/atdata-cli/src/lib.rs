#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! `args` says what can be typed, `commands` has one module per command, `import` reads foreign formats, `address` is
//! the only place that knows backends, `network` knows who is logged in, `source_arg` finds out what a SOURCE means, `output` prints.

mod address;
mod args;
mod closest;
mod commands;
mod draw;
#[cfg(feature = "http")]
mod http_headers;
mod import;
mod jsonl;
mod mounts;
mod names;
#[cfg(feature = "atmosphere")]
mod network;
mod output;
mod progress;
#[cfg(any(feature = "http", feature = "serve"))]
mod secret_file;
mod size;
mod source_arg;
mod statistics;
mod tagged;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind as ClapErrorKind;
use tracing_subscriber::EnvFilter;

use crate::args::Args;
use crate::output::{Failure, Out, Status};

/// How long unfinished background work may hold up the end of the process.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// Runs the command line and returns the exit code: 0 for success, 1 for failures and differences, 2 for a command line
/// that cannot be understood, 130 after Ctrl-C.
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     atdata_cli::run(std::env::args_os())
/// }
/// ```
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // Nothing can be done if even this cannot be printed.
            let _ = error.print();
            let asked_for =
                matches!(error.kind(), ClapErrorKind::DisplayHelp | ClapErrorKind::DisplayVersion);
            return ExitCode::from(if asked_for { 0 } else { 2 });
        }
    };
    start_logging(args.global.verbose);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return output::report(&Failure::from(atdata::Error::from_io(error)), args.global.json);
        }
    };
    let mut out = Out::stdout(args.global.json);
    let result = runtime.block_on(commands::run(&args, &mut out));
    let result = result.and_then(|status| out.flush().map(|()| status));
    let code = match result {
        Ok(Status::Done) => ExitCode::SUCCESS,
        Ok(Status::Differs) => ExitCode::from(1),
        Err(failure) => output::report(&failure, args.global.json),
    };
    // A thread that waits for input which never comes must not keep the process alive.
    runtime.shutdown_timeout(SHUTDOWN);
    code
}

/// Sends log lines to standard error: warnings, and more with every `-v`. `RUST_LOG` has the last word.
fn start_logging(verbose: u8) {
    let level = match verbose {
        // `verify` reports what the engine skips, and `ls` what is no record; there is no need to hear it twice.
        0 => "warn,atdata_core::dataset=error,atdata_atmosphere::repository=error",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // Somebody who calls `run` from a program of their own may have logging already.
    let _ = subscriber.try_init();
}
