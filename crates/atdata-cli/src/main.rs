//! The `atdata` command; see the README of this crate.

use std::process::ExitCode;

fn main() -> ExitCode {
    atdata_cli::run(std::env::args_os())
}
