//! Programs from the registry that steps need: found, or built once into the cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{process, workspace};

/// A program, and the version that is installed where there is none.
pub(crate) struct Tool {
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    /// Further arguments of `cargo install`.
    pub(crate) arguments: &'static [&'static str],
}

impl Tool {
    /// Its path; nothing, with the reason printed, if it is not here and cannot be built. Building takes minutes, once.
    pub(crate) fn find_or_install(&self) -> Result<Option<PathBuf>> {
        let tools = workspace::cache()?.join("tools");
        let ours = tools.join("bin").join(self.package);
        for program in [ours.as_path(), Path::new(self.package)] {
            if process::works(Command::new(program).arg("--version")) {
                return Ok(Some(program.to_owned()));
            }
        }
        println!("installing {} {} in {}", self.package, self.version, tools.display());
        let mut install = process::cargo(&["install", self.package, "--locked", "--quiet"]);
        install.args(["--version", self.version]).args(self.arguments).arg("--root").arg(&tools);
        // Its build output does not belong among ours.
        if let Err(error) = process::run(install.env_remove("CARGO_TARGET_DIR")) {
            println!("{error:#}");
            return Ok(None);
        }
        Ok(Some(ours))
    }
}
