//! A file that lines are appended to, and that survives power cuts.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::{Error, ErrorKind, Result, ResultExt};

/// A file that lines are appended to.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    path: PathBuf,
    /// The length up to the last whole line.
    length: u64,
}

impl Log {
    pub(crate) fn open(path: PathBuf, create: bool) -> Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(create).open(&path);
        Ok(Self { file: file.context("path", path.display())?, path, length: 0 })
    }

    /// Opens the file, which is made if it is not there, for one process: the others get a
    /// [`Conflict`](ErrorKind::Conflict) that says so of `shown`.
    pub(crate) fn lock(path: PathBuf, taken: &'static str, shown: &Path) -> Result<Self> {
        loop {
            let log = Self::open(path.clone(), true)?;
            match log.file.try_lock() {
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::new(ErrorKind::Conflict, taken)
                        .with("path", shown.display())
                        .with_retryable(false));
                }
                // One that has just finished has removed it.
                Ok(()) if is_removed(&log.file) => {}
                // Some file systems have no locks.
                Err(TryLockError::Error(_)) | Ok(()) => return Ok(log),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the whole lines. What is behind the last one was not written to its end.
    pub(crate) fn read(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes).context("path", self.path.display())?;
        bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1));
        self.length = bytes.len() as u64;
        String::from_utf8(bytes)
            .map_err(|_| Error::corrupt("the file is not UTF-8").with("path", self.path.display()))
    }

    /// Adds a line, its break included. When this returns it survives a power cut.
    pub(crate) fn append(&mut self, line: &str) -> Result<()> {
        self.cut(self.length)?;
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        written.context("path", self.path.display())?;
        self.length += line.len() as u64;
        Ok(())
    }

    /// Removes what was not written to its end.
    pub(crate) fn cut(&mut self, length: u64) -> Result<()> {
        self.length = length;
        let is_longer = |file: &File| Ok::<_, std::io::Error>(file.metadata()?.len() > length);
        let cut =
            is_longer(&self.file).and_then(|longer| if longer { self.file.set_len(length) } else { Ok(()) });
        cut.context("path", self.path.display())
    }
}

/// Whether an open file has no name any longer.
#[cfg(unix)]
fn is_removed(file: &File) -> bool {
    file.metadata().is_ok_and(|file| std::os::unix::fs::MetadataExt::nlink(&file) == 0)
}

/// Elsewhere an open file cannot be removed.
#[cfg(not(unix))]
fn is_removed(_file: &File) -> bool {
    false
}

/// Waits until the name of a file is on the disk.
#[cfg(unix)]
pub(crate) fn sync_directory(path: &Path) -> Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).context("path", directory.display())
}

/// Elsewhere directories cannot be opened; the file system's own journal has to do.
#[cfg(not(unix))]
pub(crate) fn sync_directory(_path: &Path) -> Result<()> {
    Ok(())
}
