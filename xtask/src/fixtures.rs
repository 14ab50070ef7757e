//! The files that the Python package wrote, `crates/atdata-testkit/fixtures`.

use std::{path::PathBuf, process::Command};

use anyhow::{Result, bail};

use crate::{flags::Flags, process, report::Tally, workspace};

pub(crate) const HELP: &str = "\
Checks the fixture files that the Python package wrote

usage: cargo xtask fixtures --check

Compares the files of crates/atdata-testkit/fixtures with SHA256SUMS there, and reports files that it does not list.
The files cannot be made again here: the script that wrote them is not part of the project, and keys and times in
them differ from run to run. `cargo xtask interop` writes fresh ones with the same package.";

pub(crate) fn main(mut flags: Flags) -> Result<Tally> {
    let check = flags.switch("--check");
    flags.finish()?;
    if !check {
        bail!("--check is the only thing that can be done with the fixtures; --help tells why");
    }
    let files = self::check()?;
    println!("{files} fixture files are as the Python package wrote them");
    Ok(Tally::PASSED)
}

/// The directory of the fixtures.
pub(crate) fn directory() -> PathBuf {
    workspace::root().join("crates").join("atdata-testkit").join("fixtures")
}

/// Checks all files, and gives their number.
pub(crate) fn check() -> Result<usize> {
    let directory = directory();
    let sums = std::fs::read_to_string(directory.join("SHA256SUMS"))?;
    process::output(
        Command::new("sha256sum")
            .args(["--check", "--quiet", "--strict", "SHA256SUMS"])
            .current_dir(&directory),
    )?;
    let listed: Vec<&str> =
        sums.lines().filter_map(|line| line.split_once("  ")).map(|(_, path)| path).collect();
    for path in workspace::files(&directory)? {
        let name = path.strip_prefix(&directory)?.to_string_lossy().into_owned();
        if name != "SHA256SUMS" && !listed.contains(&name.as_str()) {
            bail!("{name} is not in SHA256SUMS: add its line, or remove the file");
        }
    }
    Ok(listed.len())
}
