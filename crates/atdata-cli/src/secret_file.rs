//! Files that hold secrets.

use std::path::Path;

#[cfg(unix)]
use crate::output::note;

/// Says so if others on this machine can read the file.
#[cfg(unix)]
pub(crate) fn warn_of_readers(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).map_or(0, |found| found.permissions().mode());
    if mode & 0o077 != 0 {
        note(format_args!("others may read {}; `chmod 600` keeps it to you", path.display()));
    }
}

/// Nobody can tell here who may read a file.
#[cfg(not(unix))]
pub(crate) fn warn_of_readers(_path: &Path) {}
