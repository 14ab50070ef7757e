//! Where things are if nothing else is said.

use std::path::PathBuf;

use atdata_core::{Error, Result};

/// A path under `~/.atdata`, the directory that Python uses too.
pub(crate) fn in_home(name: &str) -> Result<PathBuf> {
    match std::env::home_dir() {
        Some(home) if !home.as_os_str().is_empty() => Ok(home.join(".atdata").join(name)),
        _ => Err(Error::not_found("there is no home directory: set HOME, or say where the file is")),
    }
}
