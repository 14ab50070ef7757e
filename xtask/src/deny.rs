//! `cargo deny`: licences, bans and sources, and advisories where a database is at hand.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{process, report::Outcome, workspace};

/// The version that is installed where there is none. Building it takes minutes, once.
const VERSION: &str = "0.20.2";

/// Checks the dependency tree against `deny.toml`, without the network once all packages of the lock file are here.
pub(crate) fn check() -> Result<Outcome> {
    let Some(program) = find_or_install()? else {
        return Ok(Outcome::Skipped(format!("cargo-deny {VERSION} is not here and cannot be installed")));
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

fn find_or_install() -> Result<Option<PathBuf>> {
    let tools = workspace::cache()?.join("tools");
    let ours = tools.join("bin").join("cargo-deny");
    for program in [ours.as_path(), Path::new("cargo-deny")] {
        if process::works(Command::new(program).arg("--version")) {
            return Ok(Some(program.to_owned()));
        }
    }
    println!("installing cargo-deny {VERSION} in {}", tools.display());
    let mut install =
        process::cargo(&["install", "cargo-deny", "--locked", "--quiet", "--version", VERSION, "--root"]);
    // Its build output does not belong among ours.
    let installed = process::run(install.arg(&tools).env_remove("CARGO_TARGET_DIR"));
    if let Err(error) = installed {
        println!("{error:#}");
        return Ok(None);
    }
    Ok(Some(ours))
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
