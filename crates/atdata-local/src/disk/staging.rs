//! Staging directories: where shards are until all are complete, and how they get to their names.
//!
//! | Under `.staging` | |
//! |---|---|
//! | `lock` | held for a moment by whoever makes a staging directory or looks for abandoned ones |
//! | `{id}/lock` | held by the writer as long as it lives |
//! | `{id}/000000.tar` … | the shards, each durable before the journal is written |
//! | `{id}/000000.tar.idx` … | the index of each, which goes where its shard goes |
//! | `{id}/commit` | the journal; once it is there the shards are to be published |

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind as Io, Write};
use std::path::{Path, PathBuf};

use atdata_core::shard_index::INDEX_SUFFIX;
use atdata_core::{Error, Result, shard};
use uuid::Uuid;

use super::{Recovered, address, durable};
use crate::error::at_path;

const STAGING: &str = ".staging";
const LOCK: &str = "lock";
const JOURNAL: &str = "commit";

/// The first line of a journal.
const JOURNAL_TITLE: &str = "atdata commit 1";

/// A staging directory of this process. It is removed, with what is in it, when it is dropped.
#[derive(Debug)]
pub(super) struct Staging {
    root: PathBuf,
    directory: PathBuf,
    shards: usize,
    /// Released when the directory has gone.
    _lock: File,
}

impl Staging {
    pub(super) fn create(root: PathBuf) -> Result<Self> {
        let all = root.join(STAGING);
        durable::create_all(&all)?;
        let _making = lock_all(&all)?;
        let directory = all.join(Uuid::new_v4().simple().to_string());
        fs::create_dir(&directory).map_err(|error| at_path(error, &directory))?;
        // The journal is of use only if it is found again.
        durable::sync_directory(&all)?;
        let path = directory.join(LOCK);
        let lock = File::create_new(&path).and_then(|file| file.lock().map(|()| file));
        match lock {
            Ok(lock) => Ok(Self { root, directory, shards: 0, _lock: lock }),
            Err(error) => {
                // Without its lock it would count as abandoned anyway.
                let _ = fs::remove_dir_all(&directory);
                Err(at_path(error, &path))
            }
        }
    }

    /// Makes the file of the next shard.
    pub(super) fn next_shard(&mut self) -> Result<(PathBuf, File)> {
        let path = staged(&self.directory, self.shards);
        let file = File::create_new(&path).map_err(|error| at_path(error, &path))?;
        self.shards += 1;
        Ok((path, file))
    }

    /// Writes the index of the shard that was made last.
    pub(super) fn write_index(&self, index: &[u8]) -> Result<()> {
        let path = index_of(&staged(&self.directory, self.shards.saturating_sub(1)));
        let write = || {
            let mut file = File::create_new(&path)?;
            file.write_all(index)?;
            file.sync_all()
        };
        write().map_err(|error| at_path(error, &path))
    }

    /// Publishes the shards in the directory of that name and returns their paths.
    pub(super) fn commit(self, directory: &str) -> Result<Vec<PathBuf>> {
        let target = durable::create_directory(&self.root, directory)?;
        let journal = Journal { directory: directory.to_owned(), id: new_id(&target), shards: self.shards };
        journal.write(&self.directory)?;
        publish(&self.directory, &target, journal)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.directory) {
            tracing::warn!(%error, "a staging directory could not be removed");
        }
    }
}

/// What is to become of the shards in a staging directory.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Journal {
    /// Where they go, relative to the root.
    directory: String,
    /// The eight hex digits in their names.
    id: String,
    shards: usize,
}

impl Journal {
    fn write(&self, staging: &Path) -> Result<()> {
        let text = format!("{JOURNAL_TITLE}\n{}\n{}\n{}\n", self.directory, self.id, self.shards);
        durable::write_file(staging, JOURNAL, &text)
    }

    /// Reads the journal; none if the shards are not complete.
    fn read(staging: &Path) -> Result<Option<Self>> {
        let path = staging.join(JOURNAL);
        match fs::read_to_string(&path) {
            Ok(text) => match Self::parse(&text) {
                Some(journal) => Ok(Some(journal)),
                None => Err(Error::corrupt(
                    "the journal of a write is not one of ours; look at it and remove its directory",
                )
                .with("path", path.display())),
            },
            Err(error) if error.kind() == Io::NotFound => Ok(None),
            Err(error) => Err(at_path(error, &path)),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let [title, directory, id, shards] =
            text.strip_suffix('\n')?.split('\n').collect::<Vec<_>>().try_into().ok()?;
        let is_id = id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_directory = shard::validate_prefix(directory).is_ok();
        (title == JOURNAL_TITLE && is_id && is_directory).then_some(())?;
        Some(Self { directory: directory.to_owned(), id: id.to_owned(), shards: shards.parse().ok()? })
    }

    fn target(&self, directory: &Path, number: usize) -> PathBuf {
        directory.join(format!("data--{}--{number:06}.tar", self.id))
    }
}

/// Gives the shards of a staging directory their names. It can be interrupted and run again at any point. If it fails,
/// none of them is left under its name.
fn publish(staging: &Path, target: &Path, mut journal: Journal) -> Result<Vec<PathBuf>> {
    loop {
        let paths: Vec<PathBuf> = (0..journal.shards).map(|number| journal.target(target, number)).collect();
        let moves = moves(staging, &paths);
        let Err((done, error)) = publish_all(&moves) else {
            durable::sync_directory(target)?;
            return Ok(paths);
        };
        for (staged, path) in moves.iter().take(done) {
            durable::unpublish(staged, path).map_err(|error| at_path(error, path))?;
        }
        if error.kind() != Io::AlreadyExists {
            return Err(at_path(error, target));
        }
        // Somebody else's shard has one of the names: take other digits.
        journal.id = new_id(target);
        journal.write(staging)?;
    }
}

/// What goes where: before each shard its index, so that whoever sees the shard finds it.
fn moves(staging: &Path, paths: &[PathBuf]) -> Vec<(PathBuf, PathBuf)> {
    let mut moves = Vec::with_capacity(paths.len() * 2);
    for (number, path) in paths.iter().enumerate() {
        let staged = staged(staging, number);
        let index = index_of(&staged);
        if fs::symlink_metadata(&index).is_ok() {
            moves.push((index, index_of(path)));
        }
        moves.push((staged, path.clone()));
    }
    moves
}

/// Publishes one after the other. An error comes with the number of those before it.
fn publish_all(moves: &[(PathBuf, PathBuf)]) -> Result<(), (usize, std::io::Error)> {
    for (number, (staged, path)) in moves.iter().enumerate() {
        durable::publish(staged, path).map_err(|error| (number, error))?;
    }
    Ok(())
}

/// Eight hex digits that no dataset in the directory has.
fn new_id(target: &Path) -> String {
    loop {
        let id: String = Uuid::new_v4().simple().to_string().chars().take(8).collect();
        if fs::symlink_metadata(target.join(format!("data--{id}--000000.tar"))).is_err() {
            return id;
        }
    }
}

fn staged(staging: &Path, number: usize) -> PathBuf {
    staging.join(format!("{number:06}.tar"))
}

/// Where the index of a shard is.
pub(super) fn index_of(shard: &Path) -> PathBuf {
    let mut path = shard.as_os_str().to_owned();
    path.push(INDEX_SUFFIX);
    path.into()
}

/// Removes a staging directory. The journal goes first: without it nothing of the rest would be published. The lock
/// goes last. Somebody else may come to the same end at the same time.
fn remove(directory: &Path) -> Result<()> {
    let remove = || {
        let journal = directory.join(JOURNAL);
        if fs::symlink_metadata(&journal).is_ok() {
            durable::remove_file(&journal)?;
            durable::sync_directory(directory)?;
        }
        let lock = directory.join(LOCK);
        for item in fs::read_dir(directory).map_err(|error| at_path(error, directory))? {
            let path = item.map_err(|error| at_path(error, directory))?.path();
            if path != lock {
                durable::remove_file(&path)?;
            }
        }
        durable::remove_file(&lock)?;
        fs::remove_dir(directory).map_err(|error| at_path(error, directory))
    };
    remove().or_else(|error: Error| if error.is_not_found() { Ok(()) } else { Err(error) })
}

/// Takes the lock under which staging directories are made and looked for, so that none is seen before its own lock
/// is held.
fn lock_all(all: &Path) -> Result<File> {
    let path = all.join(LOCK);
    let lock = File::options().create(true).truncate(false).write(true).open(&path);
    lock.and_then(|file| file.lock().map(|()| file)).map_err(|error| at_path(error, &path))
}

/// Publishes or removes what writers have abandoned.
pub(super) fn recover(root: &Path) -> Result<Recovered> {
    let all = root.join(STAGING);
    let mut recovered = Recovered::default();
    match fs::symlink_metadata(&all) {
        Ok(_) => {}
        Err(error) if error.kind() == Io::NotFound => return Ok(recovered),
        Err(error) => return Err(at_path(error, &all)),
    }
    let _looking = lock_all(&all)?;
    let mut failed = None;
    for item in fs::read_dir(&all).map_err(|error| at_path(error, &all))? {
        let item = item.map_err(|error| at_path(error, &all))?;
        let is_ours = item.file_name().to_str().is_some_and(|name| Uuid::try_parse(name).is_ok())
            && item.file_type().is_ok_and(|kind| kind.is_dir());
        if is_ours && let Err(error) = recover_one(root, &item.path(), &mut recovered) {
            failed.get_or_insert(error);
        }
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(recovered),
    }
}

fn recover_one(root: &Path, directory: &Path, recovered: &mut Recovered) -> Result<()> {
    let path = directory.join(LOCK);
    let _lock = match File::options().write(true).open(&path) {
        Ok(lock) => match lock.try_lock() {
            Ok(()) => Some(lock),
            // Its writer is alive.
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(at_path(error, &path)),
        },
        // Its writer ended while it was making or removing the directory.
        Err(error) if error.kind() == Io::NotFound => None,
        Err(error) => return Err(at_path(error, &path)),
    };
    match Journal::read(directory)? {
        Some(journal) => {
            let target = durable::create_directory(root, &journal.directory)?;
            for path in publish(directory, &target, journal)? {
                recovered.published.push(address::of_path(&path)?);
            }
        }
        None => recovered.removed += 1,
    }
    remove(directory)
}

#[cfg(test)]
#[path = "staging_tests.rs"]
mod tests;
