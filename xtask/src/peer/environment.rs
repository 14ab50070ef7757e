//! A virtual environment with pinned packages.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::base::Base;
use crate::process;

/// A virtual environment: where it is, and the file with its pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Environment {
    directory: PathBuf,
    requirements: PathBuf,
}

impl Environment {
    pub(crate) fn new(directory: PathBuf, requirements: PathBuf) -> Self {
        Self { directory, requirements }
    }

    /// Its interpreter.
    pub(crate) fn python(&self) -> PathBuf {
        self.directory.join("bin").join("python")
    }

    /// Makes it, with the uv in `installer`, unless it is there.
    pub(super) fn ensure(&self, base: &Base, installer: &Path) -> Result<()> {
        if self.is_ready(base)? { Ok(()) } else { self.make(base, installer) }
    }

    /// The stamp, written last, holds the requirements that were installed.
    fn is_ready(&self, base: &Base) -> Result<bool> {
        let wanted = std::fs::read_to_string(&self.requirements)?;
        let stamp = std::fs::read_to_string(self.directory.join("stamp"));
        Ok(stamp.is_ok_and(|stamp| stamp == wanted)
            && process::works(base.command(&self.python()).args(["-c", ""])))
    }

    fn make(&self, base: &Base, installer: &Path) -> Result<()> {
        println!("installing {} in {}", self.requirements.display(), self.directory.display());
        let uv = installer.join("bin").join("uv");
        // uv resolves these pre-releases in seconds; pip alone tries old versions of boto3 for minutes.
        if !process::works(base.command(&uv).arg("--version")) {
            process::output(base.command(base.python()).args(["-m", "venv", "--clear"]).arg(installer))?;
            process::output(
                base.command(&installer.join("bin").join("pip")).args(["install", "--quiet", "uv"]),
            )?;
        }
        let mut create = base.command(&uv);
        process::output(
            create.args(["venv", "--quiet", "--clear", "--python"]).arg(base.python()).arg(&self.directory),
        )?;
        let mut install = base.command(&uv);
        install.args(["pip", "install", "--quiet", "--compile-bytecode", "--python"]).arg(self.python());
        process::output(install.arg("--requirement").arg(&self.requirements))?;
        std::fs::copy(&self.requirements, self.directory.join("stamp"))?;
        Ok(())
    }
}
