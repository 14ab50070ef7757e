//! What a package of the command brings along: completions for shells, and man pages.

use std::path::Path;

use atdata::ResultExt;
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

use crate::args::Args;
use crate::output::{CliResult, Out, Status};

/// Prints completions for a shell.
pub(super) fn completions(shell: Shell, out: &mut Out) -> CliResult {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "atdata", &mut script);
    if out.is_json() {
        let script = String::from_utf8_lossy(&script);
        out.document(&json!({"shell": shell.to_string(), "script": script}))?;
    } else {
        out.bytes(&script)?;
    }
    Ok(Status::Done)
}

/// Writes a man page for the command, and one for each of its commands.
pub(super) fn pages(directory: &Path, out: &mut Out) -> CliResult {
    std::fs::create_dir_all(directory).context("path", directory.display())?;
    clap_mangen::generate_to(Args::command(), directory).context("path", directory.display())?;
    let mut pages = Vec::new();
    for page in std::fs::read_dir(directory).context("path", directory.display())? {
        pages.push(page.context("path", directory.display())?.file_name().to_string_lossy().into_owned());
    }
    pages.sort();
    if out.is_json() {
        out.document(&json!({"directory": directory, "pages": pages}))?;
    }
    Ok(Status::Done)
}
