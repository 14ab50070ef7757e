//! The real Python package, in two versions, each in a virtual environment of its own.

mod base;
mod environment;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use base::Base;
pub(crate) use environment::Environment;

use crate::{flags::Flags, report::Tally, workspace};

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

    fn environment(self, peer: &Path) -> Environment {
        let name = match self {
            Self::Latest => "07",
            Self::Seed => "02",
        };
        let requirements = scripts().join(format!("requirements-{}.txt", self.version()));
        Environment::new(peer.join(name), requirements)
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
        self.run(&self.environment(generation), &scripts().join(name))
    }

    /// The environment of a version of the package.
    pub(crate) fn environment(&self, generation: Generation) -> Environment {
        generation.environment(&self.directory)
    }

    /// A command that runs a script in an environment.
    pub(crate) fn run(&self, environment: &Environment, script: &Path) -> Command {
        let mut command = self.base.command(&environment.python());
        command.args(["-W", "ignore"]).arg(script).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// Makes another environment, if it is not there as its requirements are now.
    pub(crate) fn ensure(&self, environment: &Environment) -> Result<()> {
        environment.ensure(&self.base, &self.directory.join("installer"))
    }
}

pub(crate) fn main(flags: Flags) -> Result<Tally> {
    flags.finish()?;
    match set_up()? {
        Ok(peer) => {
            for generation in Generation::ALL {
                let python = peer.environment(generation).python();
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
    let peer = Peer { directory, base };
    for generation in Generation::ALL {
        peer.ensure(&peer.environment(generation))
            .with_context(|| format!("cannot install Python atdata {}", generation.version()))?;
    }
    Ok(Ok(peer))
}

fn scripts() -> PathBuf {
    workspace::root().join("crates").join("atdata-testkit").join("python")
}
