//! Changes to directories that survive a power cut.

use std::fs::{self, File};
use std::io::{self, ErrorKind as Io, Write};
use std::path::{Path, PathBuf};

use atdata_core::{Error, Result};

use super::address;
use crate::error::at_path;

/// Makes a directory and those above it, and their names durable.
pub(super) fn create_all(path: &Path) -> Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|path| !path.exists()).collect();
    fs::create_dir_all(path).map_err(|error| at_path(error, path))?;
    missing.iter().filter_map(|path| path.parent()).try_for_each(sync_directory)
}

/// Makes the directory of a prefix, and each new name in it durable. A symbolic link that leads out of the root is
/// refused before anything is made behind it.
pub(super) fn create_directory(root: &Path, relative: &str) -> Result<PathBuf> {
    let mut directory = root.to_owned();
    for part in relative.split('/') {
        let parent = directory.clone();
        directory.push(part);
        if address::leads_out(root, &directory)? {
            return Err(
                Error::invalid("a symbolic link leads out of the store").with("path", directory.display())
            );
        }
        match fs::create_dir(&directory) {
            Ok(()) => sync_directory(&parent)?,
            Err(error) if error.kind() == Io::AlreadyExists => {}
            Err(error) => return Err(at_path(error, &directory)),
        }
    }
    Ok(directory)
}

/// Writes a small file such that it is either complete or not there.
pub(super) fn write_file(directory: &Path, name: &str, content: &str) -> Result<()> {
    let (unfinished, path) = (directory.join(format!("{name}.new")), directory.join(name));
    let write = || {
        let mut file = File::create(&unfinished)?;
        file.write_all(content.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)
    };
    write().map_err(|error| at_path(error, &path))?;
    sync_directory(directory)
}

/// Waits until the names in a directory are on the disk.
#[cfg(unix)]
pub(super) fn sync_directory(path: &Path) -> Result<()> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(|error| at_path(error, path))
}

/// Elsewhere directories cannot be opened; the file system's own journal has to do.
#[cfg(not(unix))]
pub(super) fn sync_directory(_path: &Path) -> Result<()> {
    Ok(())
}

/// Gives a file a second name, or a new one where the file system has no second names. Never overwrites: a file that
/// is there already is `AlreadyExists`, unless it is the same file.
pub(super) fn publish(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == Io::AlreadyExists && is_same(from, to)? => Ok(()),
        Err(error) if matches!(error.kind(), Io::Unsupported | Io::PermissionDenied) => {
            // There is no portable rename that does not overwrite. The name has random digits, so a file of this name is
            // one that was there before and not one that comes between these two calls.
            if fs::symlink_metadata(to).is_ok() {
                return Err(Io::AlreadyExists.into());
            }
            fs::rename(from, to)
        }
        // A run before this one has renamed it.
        Err(error) if error.kind() == Io::NotFound && fs::symlink_metadata(to).is_ok() => Ok(()),
        done => done,
    }
}

/// Takes back what [`publish`] did.
pub(super) fn unpublish(from: &Path, to: &Path) -> io::Result<()> {
    if fs::symlink_metadata(from).is_ok() { fs::remove_file(to) } else { fs::rename(to, from) }
}

#[cfg(unix)]
fn is_same(a: &Path, b: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (a, b) = (fs::symlink_metadata(a)?, fs::symlink_metadata(b)?);
    Ok((a.dev(), a.ino()) == (b.dev(), b.ino()))
}

/// Elsewhere files have no number to compare. The names of shards are random: the same name and content is the same.
#[cfg(not(unix))]
fn is_same(a: &Path, b: &Path) -> io::Result<bool> {
    Ok(fs::metadata(a)?.len() == fs::metadata(b)?.len() && fs::read(a)? == fs::read(b)?)
}

/// Removes a file if it is there.
pub(super) fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != Io::NotFound => Err(at_path(error, path)),
        _ => Ok(()),
    }
}
