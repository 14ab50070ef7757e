//! The thread that writes the shards of one dataset.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::thread;

use atdata_core::{Error, Result};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::staging::{self, Staging};
use crate::error::at_path;

/// What the thread is told.
pub(super) enum Message {
    /// The next bytes of the current shard.
    Chunk(Bytes),
    /// The current shard is complete, and this is its index, if it can have one.
    EndOfShard(Option<Bytes>),
    /// All shards are complete: publish them. If the channel closes without this, nothing remains of them.
    Commit,
}

/// Starts the thread. What it answers is where the shards are.
pub(super) fn start(
    root: PathBuf,
    directory: String,
    mut messages: mpsc::Receiver<Message>,
    done: oneshot::Sender<Result<Vec<PathBuf>>>,
) -> Result<()> {
    spawn(move || {
        // What others left is not this write's affair, as long as it can be written itself.
        if let Err(error) = staging::recover(&root) {
            tracing::warn!(%error, "what an earlier write left could not be cleared");
        }
        let result = stage(root, &mut messages, &done).and_then(|staging| match staging {
            Some(staging) => staging.commit(&directory),
            None => Ok(Vec::new()),
        });
        // Whoever asked may have gone.
        let _ = done.send(result);
    })
}

/// Writes all shards to a staging directory, which is removed when it is dropped. None if not all arrived, or nobody
/// waits for them any more.
fn stage(
    root: PathBuf,
    messages: &mut mpsc::Receiver<Message>,
    done: &oneshot::Sender<Result<Vec<PathBuf>>>,
) -> Result<Option<Staging>> {
    let mut staging: Option<Staging> = None;
    let mut open: Option<(PathBuf, File)> = None;
    loop {
        match messages.blocking_recv() {
            _ if done.is_closed() => return Ok(None),
            Some(Message::Chunk(chunk)) => {
                let staging = match &mut staging {
                    Some(staging) => staging,
                    none => none.insert(Staging::create(root.clone())?),
                };
                let (path, file) = match &mut open {
                    Some(open) => open,
                    none => none.insert(staging.next_shard()?),
                };
                file.write_all(&chunk).map_err(|error| at_path(error, path))?;
            }
            Some(Message::EndOfShard(index)) => {
                if let (Some((path, file)), Some(staging)) = (open.take(), &staging) {
                    file.sync_all().map_err(|error| at_path(error, &path))?;
                    if let Some(index) = index {
                        staging.write_index(&index)?;
                    }
                }
            }
            Some(Message::Commit) => return Ok(staging),
            None => return Ok(None),
        }
    }
}

/// Runs something that waits for the disk on a thread of its own.
pub(super) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (done, result) = oneshot::channel();
    spawn(move || {
        // Whoever asked may have gone.
        let _ = done.send(work());
    })?;
    result.await.map_err(|_| Error::unexpected("the thread of the store has ended"))?
}

fn spawn(work: impl FnOnce() + Send + 'static) -> Result<()> {
    thread::Builder::new().name("atdata-store".to_owned()).spawn(work).map_err(Error::from_io)?;
    Ok(())
}
