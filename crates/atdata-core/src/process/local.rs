//! The queue of one process.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::checkpoint::Checkpoint;
use super::queue::{Ended, Lease, LeaseState, Progress, ShardQueue, fingerprint};
use crate::offload::offload;
use crate::{Error, Result};

/// A queue for the workers of one process; with a checkpoint file, if wanted, from which a later run goes on.
///
/// The checkpoint is the one of Python's `process_shards`, so that either side goes on where the other was stopped. The
/// results are in a second file, `CHECKPOINT.results`. Both are removed when all shards are finished; until then a new run
/// does the shards that are not, the failed ones among them, and gives the results of those that are.
///
/// The clones of a queue are the same queue.
///
/// ```
/// use atdata_core::process::{LocalQueue, ShardQueue};
///
/// # futures::executor::block_on(async {
/// let queue = LocalQueue::with_checkpoint("progress.txt").with_tries(3);
/// # let queue = LocalQueue::new();
/// queue.begin(&["a.tar".to_owned(), "b.tar".to_owned()]).await?;
/// assert_eq!(queue.progress().await?.pending(), 2);
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct LocalQueue {
    shared: Arc<Shared>,
    tries: u32,
}

#[derive(Debug, Default)]
struct Shared {
    checkpoint: Option<PathBuf>,
    state: Mutex<State>,
    /// Not in the state: nobody waits for the disk to learn what there is to do.
    files: Mutex<Option<Checkpoint>>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// That of the list of shards, when there is one.
    fingerprint: Option<String>,
    jobs: Vec<Job>,
    pending: VecDeque<usize>,
    /// The one of the last lease.
    token: u64,
    done: u64,
    failed: u64,
}

#[derive(Debug)]
struct Job {
    shard: String,
    attempts: u32,
    status: Status,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Status {
    Pending,
    Leased(u64),
    /// The result is on its way to the disk.
    Recording(u64),
    Ended(Ended),
}

impl LocalQueue {
    /// A queue that remembers nothing beyond its own life.
    pub fn new() -> Self {
        Self { shared: Arc::default(), tries: 1 }
    }

    /// A queue with a checkpoint file, which is read when work begins.
    pub fn with_checkpoint(path: impl Into<PathBuf>) -> Self {
        Self { shared: Arc::new(Shared { checkpoint: Some(path.into()), ..Shared::default() }), tries: 1 }
    }

    /// Sets how often a shard is tried until it has failed for good; zero counts as one, which is the default.
    #[must_use]
    pub fn with_tries(mut self, tries: u32) -> Self {
        self.tries = tries.max(1);
        self
    }
}

impl Default for LocalQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn files(&self) -> MutexGuard<'_, Option<Checkpoint>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, shards: Vec<String>) -> Result<()> {
        // Whoever begins at the same time waits until the files are read.
        let mut files = self.files();
        let list = fingerprint(&shards);
        match &self.state().fingerprint {
            Some(present) if *present == list => return Ok(()),
            Some(_) => return Err(Error::invalid("the queue works on another list of shards")),
            None => {}
        }
        let mut done = HashMap::new();
        if let Some(path) = &self.checkpoint {
            let (checkpoint, finished) = Checkpoint::open(path, &shards)?;
            *files = Some(checkpoint);
            done = finished;
        }
        let mut state = self.state();
        for (number, shard) in shards.into_iter().enumerate() {
            let status = match done.remove(&shard) {
                Some(result) => {
                    state.done += 1;
                    Status::Ended(Ended::Done(result))
                }
                None => {
                    state.pending.push_back(number);
                    Status::Pending
                }
            };
            state.jobs.push(Job { shard, attempts: 0, status });
        }
        state.fingerprint = Some(list);
        Ok(())
    }

    /// Writes down a result, and counts the shard as finished.
    fn record(&self, lease: &Lease, result: String) -> Result<()> {
        let written = match &mut *self.files() {
            Some(checkpoint) => checkpoint.append(&lease.shard, &result),
            None => Ok(()),
        };
        let mut state = self.state();
        let token = lease.token;
        if let Some(job) = state.job(lease, &Status::Recording(token)) {
            match written {
                Ok(()) => {
                    job.status = Status::Ended(Ended::Done(Some(result)));
                    state.done += 1;
                }
                // The worker has it still, and may try again or give it back.
                Err(_) => job.status = Status::Leased(token),
            }
        }
        drop(state);
        self.changed.notify_waiters();
        written
    }
}

impl State {
    /// The job of a lease, if it is in this state.
    fn job(&mut self, lease: &Lease, status: &Status) -> Option<&mut Job> {
        let number: usize = lease.job.parse().ok()?;
        self.jobs.get_mut(number).filter(|job| job.status == *status)
    }

    /// A shard, `None` if all have ended; nothing if others may come back.
    fn next(&mut self) -> Result<Option<Option<Lease>>> {
        if self.fingerprint.is_none() {
            return Err(Error::invalid("nobody has said which shards there are"));
        }
        let Some(number) = self.pending.pop_front() else {
            let ended = self.done + self.failed == self.jobs.len() as u64;
            return Ok(ended.then_some(None));
        };
        self.token += 1;
        let token = self.token;
        let lease = self.jobs.get_mut(number).map(|job| {
            job.status = Status::Leased(token);
            job.attempts += 1;
            Lease::new(job.shard.clone(), number.to_string(), job.attempts, token)
        });
        Ok(lease.map(Some))
    }
}

#[async_trait]
impl ShardQueue for LocalQueue {
    async fn begin(&self, shards: &[String]) -> Result<()> {
        let (shared, shards) = (self.shared.clone(), shards.to_vec());
        offload(move || shared.begin(shards)).await?
    }

    async fn lease(&self) -> Result<Option<Lease>> {
        loop {
            let mut changed = pin!(self.shared.changed.notified());
            // From here on no change goes unnoticed.
            changed.as_mut().enable();
            if let Some(leased) = self.shared.state().next()? {
                return Ok(leased);
            }
            changed.await;
        }
    }

    async fn renew(&self, lease: &Lease) -> Result<LeaseState> {
        let held = self.shared.state().job(lease, &Status::Leased(lease.token)).is_some();
        Ok(if held { LeaseState::Held } else { LeaseState::Lost })
    }

    async fn complete(&self, lease: &Lease, result: &str) -> Result<LeaseState> {
        {
            let mut state = self.shared.state();
            let Some(job) = state.job(lease, &Status::Leased(lease.token)) else {
                return Ok(LeaseState::Lost);
            };
            job.status = Status::Recording(lease.token);
        }
        let (shared, lease, result) = (self.shared.clone(), lease.clone(), result.to_owned());
        offload(move || shared.record(&lease, result)).await??;
        Ok(LeaseState::Held)
    }

    async fn fail(&self, lease: &Lease, message: &str) -> Result<LeaseState> {
        let mut state = self.shared.state();
        let Some(job) = state.job(lease, &Status::Leased(lease.token)) else {
            return Ok(LeaseState::Lost);
        };
        let attempts = job.attempts;
        if attempts >= self.tries {
            job.status = Status::Ended(Ended::Failed { message: message.to_owned(), attempts });
            state.failed += 1;
        } else {
            job.status = Status::Pending;
            state.pending.extend(lease.job.parse::<usize>().ok());
        }
        drop(state);
        self.shared.changed.notify_waiters();
        Ok(LeaseState::Held)
    }

    fn give_back(&self, lease: &Lease) {
        let mut state = self.shared.state();
        if let Some(job) = state.job(lease, &Status::Leased(lease.token)) {
            job.status = Status::Pending;
            // It was not tried.
            job.attempts = job.attempts.saturating_sub(1);
            if let Ok(number) = lease.job.parse() {
                state.pending.push_front(number);
            }
        }
        drop(state);
        self.shared.changed.notify_waiters();
    }

    async fn retry_failed(&self) -> Result<u64> {
        let mut state = self.shared.state();
        let State { jobs, pending, .. } = &mut *state;
        for (number, job) in jobs.iter_mut().enumerate() {
            if matches!(job.status, Status::Ended(Ended::Failed { .. })) {
                (job.status, job.attempts) = (Status::Pending, 0);
                pending.push_back(number);
            }
        }
        let count = std::mem::take(&mut state.failed);
        drop(state);
        self.shared.changed.notify_waiters();
        Ok(count)
    }

    async fn progress(&self) -> Result<Progress> {
        let state = self.shared.state();
        let (total, pending) = (state.jobs.len() as u64, state.pending.len() as u64);
        let (done, failed) = (state.done, state.failed);
        Ok(Progress { total, done, failed, leased: total - pending - done - failed })
    }

    async fn ended(&self) -> Result<Vec<(String, Ended)>> {
        let ended = |job: &Job| match &job.status {
            Status::Ended(ended) => Some((job.shard.clone(), ended.clone())),
            _ => None,
        };
        Ok(self.shared.state().jobs.iter().filter_map(ended).collect())
    }

    async fn finish(&self) -> Result<()> {
        let shared = self.shared.clone();
        offload(move || shared.files().take().map_or(Ok(()), Checkpoint::remove)).await?
    }
}
