//! The files that the server consists of: what is installed for all, and what each has for itself.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

const SCRIPT: &str = include_str!("../../../pds/start.mjs");
const LOCK: &str = include_str!("../../../pds/package-lock.json");

/// Where the tasks of this workspace install it.
///
/// # Errors
/// `NotFound`: it is not there.
pub(super) fn installed() -> io::Result<PathBuf> {
    let home = std::env::home_dir().ok_or_else(|| missing("there is no home directory to look for it"))?;
    let place = home.join(".cache/atdata/tools/pds");
    // Written last, as a link to the program is.
    let is_complete = place.join("node").is_file() && place.join("installed").is_file();
    if !is_complete {
        return Err(missing("the PDS is not installed"));
    }
    if std::fs::read_to_string(place.join("package-lock.json"))? != LOCK {
        return Err(missing("another version of the PDS is installed"));
    }
    Ok(place)
}

fn missing(what: &str) -> io::Error {
    let text = format!("{what}; `cargo xtask services --install` does it");
    io::Error::new(io::ErrorKind::NotFound, text)
}

/// Prepares a directory for one server.
///
/// # Errors
/// `NotFound`: it is not installed.
pub(super) fn lay_out(directory: &Path) -> io::Result<()> {
    let place = installed()?;
    std::fs::write(directory.join("start.mjs"), SCRIPT)?;
    // Node looks for packages beside the script.
    std::os::unix::fs::symlink(place.join("node_modules"), directory.join("node_modules"))
}

/// The program that runs the server of a directory, and its arguments.
///
/// # Errors
/// `NotFound`: it is not installed.
pub(super) fn command(directory: &Path) -> io::Result<(PathBuf, Vec<OsString>)> {
    let place = installed()?;
    // What was compiled once is not compiled at every start.
    let mut cache = OsString::from("NODE_COMPILE_CACHE=");
    cache.push(place.join("compiled"));
    let arguments = vec![cache, place.join("node").into(), directory.join("start.mjs").into()];
    Ok((PathBuf::from("env"), arguments))
}
