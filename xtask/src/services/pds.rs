//! Installing the Personal Data Server, a program for Node.js with its packages.
//!
//! What is installed: `package-lock.json` as it was then, `node_modules`, `node`, a link to the program that runs it,
//! and `installed`, written last, with that program's version: packages are compiled for it.

use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{process, workspace};

/// The least version of Node.js that runs it.
const NODE_VERSION: u32 = 22;

/// Where its files come from.
fn origin() -> PathBuf {
    workspace::root().join("crates").join("atdata-testkit").join("pds")
}

fn place() -> Result<PathBuf> {
    Ok(workspace::cache()?.join("tools").join("pds"))
}

/// Whether this version is installed, and runs.
pub(super) fn is_installed() -> Result<bool> {
    let place = place()?;
    let read = |path: PathBuf| std::fs::read_to_string(path).ok();
    let is_current = read(place.join("package-lock.json")) == read(origin().join("package-lock.json"));
    let version = read(place.join("installed"));
    Ok(is_current && version.is_some() && version == version_of(&place.join("node")))
}

/// Installs it anew, with programs that have to be there: npm, python3, make, g++.
pub(super) fn install() -> Result<()> {
    let place = place()?;
    let tools = place.parent().context("a directory without parent")?;
    std::fs::create_dir_all(tools)?;
    // Whoever else installs it at this moment does it for us. The lock goes with the file.
    let turn = File::create(tools.join("pds.lock"))?;
    turn.lock()?;
    if is_installed()? {
        return Ok(());
    }
    println!("installing the PDS in {}", place.display());
    if place.exists() {
        std::fs::remove_dir_all(&place)?;
    }
    std::fs::create_dir_all(&place)?;
    let node = match installed_node() {
        Some(node) => node,
        None => fetched_node(&place.join("node-runtime"))?,
    };
    copy_packages(&origin(), &place)?;
    let mut npm = npm(&place);
    // Its own directory first: npm is run by the same program that will run the server.
    let directory = node.parent().context("Node.js in no directory")?;
    let search = std::env::var_os("PATH").unwrap_or_default();
    let search = std::iter::once(directory.to_owned()).chain(std::env::split_paths(&search));
    npm.env("PATH", std::env::join_paths(search)?);
    // SQLite is compiled, quickly rather than fast, and with the headers beside the program if they are there.
    npm.env("JOBS", "max").env("CFLAGS", "-O1").env("CXXFLAGS", "-O1");
    if let Some(root) = directory.parent().filter(|root| root.join("include/node/node_version.h").is_file()) {
        npm.env("npm_config_nodedir", root);
    }
    process::run(&mut npm)?;
    symlink(&node, place.join("node"))?;
    let version = version_of(&node).with_context(|| format!("{} does not run", node.display()))?;
    std::fs::write(place.join("installed"), version)?;
    Ok(())
}

/// The Node.js of this machine, if it is new enough.
fn installed_node() -> Option<PathBuf> {
    let path = process::output(Command::new("node").args(["-p", "process.execPath"])).ok()?;
    let path = PathBuf::from(path.trim());
    let version = version_of(&path)?;
    let major: u32 = version.trim_start_matches('v').split('.').next()?.parse().ok()?;
    (major >= NODE_VERSION).then_some(path)
}

/// A Node.js from the registry of packages.
fn fetched_node(directory: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(directory)?;
    copy_packages(&origin().join("node-runtime"), directory)?;
    process::run(npm(directory).arg("--include=optional"))?;
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => bail!("Node.js {NODE_VERSION} for {other} has to be installed by hand"),
    };
    Ok(directory.join(format!("node_modules/node-linux-{architecture}/bin/node")))
}

fn copy_packages(from: &Path, to: &Path) -> Result<()> {
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(from.join(name), to.join(name))
            .with_context(|| format!("{name} of {}", from.display()))?;
    }
    Ok(())
}

/// Installs exactly the packages of the lock file.
fn npm(directory: &Path) -> Command {
    let mut command = Command::new("npm");
    command.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(directory);
    command
}

fn version_of(node: &Path) -> Option<String> {
    process::output(Command::new(node).arg("--version")).ok()
}
