//! The shards that an interrupted copy has finished.
//!
//! One JSON object a line. The first says which exchange it is of; each of the others names a shard of the source and
//! those that it has become in the target's store. A line that was not written to its end does not count. The source's
//! addresses are said without their secrets, and told apart by a digest of the whole.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind as Io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::plan::Plan;
use crate::process::log::{Log, sync_directory};
use crate::shard::hex;
use crate::url::redact;
use crate::{Error, IndexEntry, Result, ResultExt, StoredShard};

#[derive(Serialize, Deserialize)]
struct Header {
    journal: String,
    version: u32,
    /// A digest of what is carried from where to where.
    exchange: String,
}

/// A finished shard.
#[derive(Serialize, Deserialize)]
struct Line {
    /// A digest of the dataset and of the shard's address and checksum.
    id: String,
    source: String,
    shards: Vec<Stored>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    url: String,
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    samples: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

const JOURNAL: &str = "atdata exchange";

/// The journal, while one process works with it.
#[derive(Debug)]
pub(super) struct Journal {
    log: Mutex<Log>,
    finished: HashMap<String, Vec<StoredShard>>,
}

impl Journal {
    /// Opens or begins the journal of an exchange.
    ///
    /// # Errors
    /// It is that of another exchange, or of no exchange; another process has it.
    pub(super) fn open(path: &Path, exchange: &str) -> Result<Self> {
        let mut log = Log::lock(path.to_owned(), "another process works with this journal", path)?;
        let text = log.read()?;
        let mut lines = text.lines();
        let Some(first) = lines.next() else {
            let header = Header { journal: JOURNAL.to_owned(), version: 1, exchange: exchange.to_owned() };
            log.append(&line(&header)?)?;
            sync_directory(path)?;
            return Ok(Self { log: Mutex::new(log), finished: HashMap::new() });
        };
        let header: Header = serde_json::from_str(first)
            .map_err(|error| Error::invalid("the file is no journal of an exchange").with_source(error))
            .context("path", path.display())?;
        if header.journal != JOURNAL || header.version != 1 {
            return Err(
                Error::invalid("the file is no journal that is understood here").with("path", path.display())
            );
        }
        if header.exchange != exchange {
            return Err(Error::invalid(
                "the journal is of another exchange: give this one another path, or remove the file, which leaves the shards that it names where they are",
            )
            .with("path", path.display()));
        }
        let mut finished = HashMap::new();
        for (number, text) in lines.enumerate() {
            let line: Line = serde_json::from_str(text).map_err(|error| {
                Error::corrupt(format!("line {} of the journal is damaged", number + 2))
                    .with("path", path.display())
                    .with_source(error)
            })?;
            finished.insert(line.id, line.shards.into_iter().map(Into::into).collect());
        }
        Ok(Self { log: Mutex::new(log), finished })
    }

    /// What a shard has become, if it was finished before this journal was opened.
    pub(super) fn finished(&self, id: &str) -> Option<&[StoredShard]> {
        self.finished.get(id).map(Vec::as_slice)
    }

    /// Notes a finished shard. When this returns it survives a power cut.
    pub(super) fn append(&self, id: &str, source: &str, shards: &[StoredShard]) -> Result<()> {
        let shards = shards.iter().map(Stored::from).collect();
        let text = line(&Line { id: id.to_owned(), source: redact(source), shards })?;
        self.log.lock().unwrap_or_else(PoisonError::into_inner).append(&text)
    }

    /// Everything is done.
    pub(super) fn remove(self) -> Result<()> {
        let log = self.log.into_inner().unwrap_or_else(PoisonError::into_inner);
        match fs::remove_file(log.path()) {
            Err(error) if error.kind() != Io::NotFound => {
                Err(Error::from_io(error).with("path", log.path().display()))
            }
            _ => Ok(()),
        }
    }
}

fn line(value: &impl Serialize) -> Result<String> {
    let mut text = serde_json::to_string(value)
        .map_err(|error| Error::unexpected("a line of the journal cannot be made").with_source(error))?;
    text.push('\n');
    Ok(text)
}

/// Texts that differ if one of the parts does.
pub(super) fn digest<'p>(parts: impl IntoIterator<Item = &'p str>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hex(&hasher.finalize())
}

/// Which dataset is carried, by what is in its entry.
pub(super) fn of_dataset(entry: &dyn IndexEntry, new_name: &str) -> String {
    let fixed = [entry.name(), new_name, entry.schema_ref(), entry.cid().unwrap_or_default()];
    digest(fixed.into_iter().chain(entry.data_urls().iter().map(String::as_str)))
}

/// Which shard is carried: of which dataset, from where, with which checksum.
pub(super) fn of_shard(plan: &Plan, dataset: &str, number: usize) -> String {
    let shard = plan.shards.get(number);
    let (id, sum) = shard.map_or(("", ""), |shard| (&*shard.id, shard.sha256.as_deref().unwrap_or("")));
    let size = shard.and_then(|shard| shard.size).map_or(String::new(), |size| size.to_string());
    digest([dataset, &number.to_string(), id, sum, &size])
}

impl From<Stored> for StoredShard {
    fn from(stored: Stored) -> Self {
        let mut shard = StoredShard::new(stored.url, stored.size);
        shard.samples = stored.samples;
        shard.sha256 = stored.sha256;
        shard
    }
}

impl From<&StoredShard> for Stored {
    fn from(shard: &StoredShard) -> Self {
        Self {
            url: shard.url.clone(),
            size: shard.size,
            samples: shard.samples,
            sha256: shard.sha256.clone(),
        }
    }
}
