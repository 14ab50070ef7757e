//! The real Python package, in two versions, each in a virtual environment of its own.

mod base;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use base::Base;

use crate::{flags::Flags, process, report::Tally, workspace};

pub(crate) const HELP: &str = "\
Sets up the real Python package, atdata 0.7.0b1 and 0.2.2b1, for `cargo xtask interop`

usage: cargo xtask peer

The virtual environments 07 and 02 are made in $ATDATA_PEER_DIR (default $HOME/.cache/atdata/peer), with the pins of
crates/atdata-testkit/python/requirements-*.txt; that takes seconds, and nothing is done when they are there.
A Python >= 3.12 is needed: pyenv's versions and the PATH are searched. Where there is none, as root on Debian,
ATDATA_PEER_CHROOT=1 installs Debian trixie in that directory and uses its Python (a few minutes, once).";

/// A version of the Python package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    /// 0.7.0b1: compact arrays, SQLite index.
    Latest,
    /// 0.2.2b1: `.npy` arrays.
    Seed,
}

impl Generation {
    pub(crate) const ALL: [Self; 2] = [Self::Latest, Self::Seed];

    /// The version as names of fixtures and requirements have it.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Latest => "0.7",
            Self::Seed => "0.2",
        }
    }

    fn environment(self, directory: &Path) -> PathBuf {
        directory.join(match self {
            Self::Latest => "07",
            Self::Seed => "02",
        })
    }
}

/// The environments, ready to use.
#[derive(Debug)]
pub(crate) struct Peer {
    directory: PathBuf,
    base: Base,
}

impl Peer {
    /// A command that runs one of our scripts with a version of the package.
    pub(crate) fn script(&self, generation: Generation, name: &str) -> Command {
        let mut command = self.base.command(&interpreter(&self.directory, generation));
        command.args(["-W", "ignore"]).arg(scripts().join(name)).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

pub(crate) fn main(flags: Flags) -> Result<Tally> {
    flags.finish()?;
    match set_up()? {
        Ok(peer) => {
            for generation in Generation::ALL {
                let python = interpreter(&peer.directory, generation);
                println!("Python atdata {}: {}", generation.version(), python.display());
            }
            Ok(Tally::PASSED)
        }
        Err(reason) => bail!(reason),
    }
}

/// Makes the environments if they are not there. The inner error is the reason why this machine cannot have them.
pub(crate) fn set_up() -> Result<Result<Peer, String>> {
    let directory = match std::env::var_os("ATDATA_PEER_DIR") {
        Some(directory) => std::path::absolute(directory)?,
        None => workspace::cache()?.join("peer"),
    };
    std::fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
    let Some(base) = Base::find(&directory)? else {
        return Ok(Err("no Python >= 3.12 with venv and sqlite3 (pyenv, PATH); as root on Debian, \
                       ATDATA_PEER_CHROOT=1 installs one"
            .to_owned()));
    };
    for generation in Generation::ALL {
        if !is_ready(&directory, &base, generation)? {
            make(&directory, &base, generation)
                .with_context(|| format!("cannot install Python atdata {}", generation.version()))?;
        }
    }
    Ok(Ok(Peer { directory, base }))
}

fn scripts() -> PathBuf {
    workspace::root().join("crates").join("atdata-testkit").join("python")
}

fn requirements(generation: Generation) -> PathBuf {
    scripts().join(format!("requirements-{}.txt", generation.version()))
}

fn interpreter(directory: &Path, generation: Generation) -> PathBuf {
    generation.environment(directory).join("bin").join("python")
}

/// The stamp, written last, holds the requirements that were installed.
fn is_ready(directory: &Path, base: &Base, generation: Generation) -> Result<bool> {
    let wanted = std::fs::read_to_string(requirements(generation))?;
    let stamp = std::fs::read_to_string(generation.environment(directory).join("stamp"));
    Ok(stamp.is_ok_and(|stamp| stamp == wanted)
        && process::works(base.command(&interpreter(directory, generation)).args(["-c", ""])))
}

fn make(directory: &Path, base: &Base, generation: Generation) -> Result<()> {
    let environment = generation.environment(directory);
    println!("installing Python atdata {} in {}", generation.version(), environment.display());
    let installer = directory.join("installer");
    let uv = installer.join("bin").join("uv");
    // uv resolves these pre-releases in seconds; pip alone tries old versions of boto3 for minutes.
    if !process::works(base.command(&uv).arg("--version")) {
        process::output(base.command(base.python()).args(["-m", "venv", "--clear"]).arg(&installer))?;
        process::output(base.command(&installer.join("bin").join("pip")).args(["install", "--quiet", "uv"]))?;
    }
    let mut create = base.command(&uv);
    process::output(
        create.args(["venv", "--quiet", "--clear", "--python"]).arg(base.python()).arg(&environment),
    )?;
    let mut install = base.command(&uv);
    install
        .args(["pip", "install", "--quiet", "--compile-bytecode", "--python"])
        .arg(interpreter(directory, generation));
    process::output(install.arg("--requirement").arg(requirements(generation)))?;
    std::fs::copy(requirements(generation), environment.join("stamp"))?;
    Ok(())
}
