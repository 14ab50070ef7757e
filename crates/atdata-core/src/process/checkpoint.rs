//! What is finished, in files.
//!
//! The checkpoint is Python's: UTF-8, one finished shard a line, appended as each ends. Results are in a file beside it,
//! which Python does not know: one JSON object a line, with the number of the shard's line in the checkpoint. It counts
//! only where that line is there, so that a result which was written before a crash, or is of an earlier run whose
//! checkpoint Python has removed, is not taken for one.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::log::{Log, sync_directory};
use crate::{Error, Result};

/// What is added to the name of the checkpoint for that of the results.
const RESULTS: &str = ".results";

/// Where Python divides a text into lines.
const LINE_BREAKS: [char; 10] =
    ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

/// The two files, while one process works with them.
#[derive(Debug)]
pub(super) struct Checkpoint {
    /// Made when the first shard is finished, as Python does.
    finished: Option<Log>,
    finished_path: PathBuf,
    results: Log,
    /// The number of lines of the checkpoint.
    lines: u64,
}

/// A line of the results.
#[derive(Deserialize)]
struct Entry {
    line: u64,
    shard: String,
    result: Value,
}

impl Checkpoint {
    /// Opens the files, and gives the shards that are finished, with their results.
    pub(super) fn open(path: &Path, shards: &[String]) -> Result<(Self, HashMap<String, Option<String>>)> {
        if let Some(shard) = shards.iter().find(|shard| shard.contains(LINE_BREAKS)) {
            let message = "a checkpoint cannot name this shard: it has a line break";
            return Err(Error::unsupported(message).with("shard", shard.escape_debug()));
        }
        let mut results_path = path.as_os_str().to_owned();
        results_path.push(RESULTS);
        // Two processes would do the same shards.
        let mut results = Log::lock(results_path.into(), "another process works with this checkpoint", path)?;
        let entries = results.read()?;
        let mut finished = match Log::open(path.to_owned(), false) {
            Ok(log) => Some(log),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        let lines = finished.as_mut().map_or(Ok(String::new()), Log::read)?;
        // Python on Windows ends lines with two characters.
        let lines: Vec<&str> = lines.lines().collect();
        let known: HashSet<&str> = shards.iter().map(String::as_str).collect();
        if let Some(other) = lines.iter().find(|line| !line.is_empty() && !known.contains(**line)) {
            let message = "the checkpoint is of another dataset: it has a shard that this one does not have";
            return Err(Error::invalid(message).with("shard", other).with("path", path.display()));
        }
        let mut done: HashMap<String, Option<String>> =
            lines.iter().filter(|line| !line.is_empty()).map(|line| ((*line).to_owned(), None)).collect();
        if done.is_empty() {
            results.cut(0)?;
        } else {
            for (number, entry) in entries.lines().enumerate() {
                let entry: Entry = serde_json::from_str(entry).map_err(|error| {
                    let text = format!("line {} is damaged", number + 1);
                    Error::corrupt(text).with("path", results.path().display()).with_source(error)
                })?;
                let line = usize::try_from(entry.line).ok().and_then(|line| lines.get(line));
                if line.is_some_and(|line| *line == entry.shard) {
                    done.insert(entry.shard, Some(entry.result.to_string()));
                }
            }
        }
        let lines = lines.len() as u64;
        Ok((Self { finished, finished_path: path.to_owned(), results, lines }, done))
    }

    /// Adds a finished shard. When this returns it survives a power cut.
    pub(super) fn append(&mut self, shard: &str, result: &str) -> Result<()> {
        let name = Value::from(shard);
        // First the result: what the checkpoint names must have one.
        let entry = format!("{{\"line\":{},\"shard\":{name},\"result\":{result}}}\n", self.lines);
        self.results.append(&entry)?;
        let finished = match &mut self.finished {
            Some(log) => log,
            None => {
                let log = Log::open(self.finished_path.clone(), true)?;
                sync_directory(&self.finished_path)?;
                self.finished.insert(log)
            }
        };
        finished.append(&format!("{shard}\n"))?;
        self.lines += 1;
        Ok(())
    }

    /// Removes both files: everything is done.
    pub(super) fn remove(self) -> Result<()> {
        // Without the checkpoint results count no longer. They go when this is dropped.
        match std::fs::remove_file(&self.finished_path) {
            Err(error) if error.kind() != Io::NotFound => {
                Err(Error::from_io(error).with("path", self.finished_path.display()))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Checkpoint {
    fn drop(&mut self) {
        // Results alone are worth nothing. The file is there only because it is locked.
        if !self.finished_path.exists() {
            let _ = std::fs::remove_file(self.results.path());
        }
    }
}
