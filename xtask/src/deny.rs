//! `cargo deny`: licences, bans and sources, and advisories where a database is at hand.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{process, report::Outcome, tools::Tool, workspace};

const CARGO_DENY: Tool = Tool { package: "cargo-deny", version: "0.20.2", arguments: &[] };

/// Checks the dependency tree against `deny.toml`, without the network once all packages of the lock file are here.
pub(crate) fn check() -> Result<Outcome> {
    let Some(program) = CARGO_DENY.find_or_install()? else {
        return Ok(Outcome::Skipped("cargo-deny is not here and cannot be installed".to_owned()));
    };
    // Building downloads only the packages of this platform, and the tree is that of all.
    if let Err(error) = process::run(&mut process::cargo(&["fetch", "--locked", "--quiet"])) {
        println!("{error:#}");
    }
    let mut command = Command::new(program);
    command.current_dir(workspace::root()).args(["--offline", "check", "--hide-inclusion-graph"]);
    if has_advisories() {
        command.arg("advisories");
    } else {
        println!("no advisory database on this machine: advisories are not checked");
    }
    process::run(command.args(["bans", "licenses", "sources"]))?;
    Ok(Outcome::Passed)
}

/// Whether cargo-deny fetched an advisory database earlier.
fn has_advisories() -> bool {
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")));
    cargo_home
        .and_then(|home| std::fs::read_dir(home.join("advisory-dbs")).ok())
        .is_some_and(|mut databases| databases.next().is_some())
}
