//! Moving the shards of a dataset.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, stream};

use super::journal::{self, Journal};
use super::options::{Copy, Observer};
use super::plan::{Plan, PlannedShard};
use super::{Event, ExchangeOptions};
use crate::dataset::raw_samples;
use crate::{Error, Result, ShardBody, ShardCopy, ShardInput, StoredShard, WriteOptions};

/// What has been moved.
#[derive(Debug, Default)]
pub(super) struct Moved {
    pub(super) shards: Vec<StoredShard>,
    /// The checksums of the source's shards as they were read, where known.
    pub(super) checksums: Vec<Option<String>>,
    pub(super) resumed: u64,
    pub(super) bytes: u64,
}

/// One dataset whose shards are moved.
pub(super) struct Mover<'j> {
    pub(super) plan: &'j Plan,
    pub(super) copy: Copy<'j>,
    pub(super) options: &'j ExchangeOptions<'j>,
    pub(super) journal: Option<&'j Journal>,
    /// A digest of the dataset.
    pub(super) dataset: &'j str,
    /// The name of the dataset in the source, and the prefix in the store.
    pub(super) name: &'j str,
    pub(super) prefix: &'j str,
}

/// What has become of one shard.
struct Finished {
    shards: Vec<StoredShard>,
    resumed: bool,
}

/// What the shards that are on their way at the same time share.
#[derive(Clone, Default)]
struct Shared {
    stopped: Arc<AtomicBool>,
    bytes: Arc<AtomicU64>,
    first_error: Arc<Mutex<Option<Error>>>,
}

impl Shared {
    fn fail(&self, error: Error) {
        self.stopped.store(true, Ordering::Relaxed);
        self.first_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

impl Mover<'_> {
    /// Moves all shards. After a failure those that are not in a journal are removed again.
    pub(super) async fn run(&self) -> Result<Moved> {
        let shared = Shared::default();
        let finished: Vec<Option<Finished>> = stream::iter(self.plan.shards.iter().enumerate())
            .map(|(number, shard)| {
                let shared = &shared;
                async move {
                    if shared.is_stopped() {
                        return None;
                    }
                    match self.one(number, shard, shared).await {
                        Ok(finished) => Some(finished),
                        Err(error) => {
                            shared.fail(error.with("shard", &shard.id));
                            None
                        }
                    }
                }
            })
            // Nothing is dropped in the middle, so that every store can clear up after itself.
            .buffered(self.options.parallel)
            .collect()
            .await;
        let error = shared.first_error.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(error) = error {
            let moved: Vec<StoredShard> = finished
                .into_iter()
                .flatten()
                .filter(|one| !one.resumed)
                .flat_map(|one| one.shards)
                .collect();
            self.discard(&moved).await;
            return Err(error);
        }
        let mut moved = Moved { bytes: shared.bytes.load(Ordering::Relaxed), ..Moved::default() };
        for (shard, one) in self.plan.shards.iter().zip(finished.into_iter().flatten()) {
            // A shard that was divided has no checksum of the whole.
            let own = match one.shards.as_slice() {
                [copy] if !self.plan.is_too_long(shard) => copy.sha256.clone(),
                _ => None,
            };
            moved.checksums.push(own.or_else(|| shard.sha256.clone()));
            moved.resumed += u64::from(one.resumed);
            moved.shards.extend(one.shards);
        }
        Ok(moved)
    }

    /// Removes shards again, unless the journal has them.
    pub(super) async fn discard(&self, shards: &[StoredShard]) {
        let is_kept = |url: &str| self.journal.is_some() && is_journalled(url);
        let urls: Vec<String> =
            shards.iter().map(|shard| shard.url.clone()).filter(|url| !is_kept(url)).collect();
        if urls.is_empty() {
            return;
        }
        if let Err(left) = self.copy.store.remove_shards(&urls).await {
            tracing::warn!(%left, name = self.name, "shards of a dataset that could not be carried remain");
        }
    }

    async fn one(&self, number: usize, shard: &PlannedShard, shared: &Shared) -> Result<Finished> {
        let id = journal::of_shard(self.plan, self.dataset, number);
        if let Some(shards) = self.journal.and_then(|journal| journal.finished(&id))
            && self.are_there(shards).await?
        {
            self.tell(Event::Shard { name: self.name, resumed: true });
            return Ok(Finished { shards: shards.to_vec(), resumed: true });
        }
        let body = self.plan.source.open_shard(&shard.id).await?;
        let body = watched(body, shared.clone(), self.options.observer.clone());
        let sha256 = shard.sha256.clone();
        let mut input = match self.plan.limit.filter(|_| self.plan.is_too_long(shard)) {
            Some(limit) => {
                let samples = raw_samples(&shard.id, body, sha256);
                let options = WriteOptions::default().with_max_count(u64::MAX).with_max_size(limit);
                ShardInput::rewrite(samples, &options)
            }
            None => {
                let copy = ShardCopy::new(body);
                let copy = match sha256 {
                    Some(sha256) => copy.with_sha256(sha256),
                    None => copy,
                };
                ShardInput::copy(stream::iter([Ok(copy)]).boxed())
            }
        }
        .starting_at(if self.plan.is_too_long(shard) { 0 } else { number });
        // A divided shard becomes several, and the numbers behind its own are those of other shards.
        let prefix = match self.plan.is_too_long(shard) {
            true => format!("{}/{number:06}", self.prefix),
            false => self.prefix.to_owned(),
        };
        let shards = self.copy.store.write_shards(&mut input, &prefix).await?;
        if let Some(journal) = self.journal.filter(|_| shards.iter().all(|one| is_journalled(&one.url)))
            && let Err(error) = journal.append(&id, &shard.id, &shards)
        {
            let urls: Vec<String> = shards.into_iter().map(|shard| shard.url).collect();
            if let Err(left) = self.copy.store.remove_shards(&urls).await {
                tracing::warn!(%left, "a shard that could not be noted remains");
            }
            return Err(error);
        }
        self.tell(Event::Shard { name: self.name, resumed: false });
        Ok(Finished { shards, resumed: false })
    }

    /// Whether shards of the journal are in this store, and as long as they were.
    async fn are_there(&self, shards: &[StoredShard]) -> Result<bool> {
        for shard in shards {
            let Ok(url) = self.copy.store.read_url(&shard.url) else { return Ok(false) };
            let Ok(opener) = self.copy.registry.opener(&url) else { return Ok(false) };
            match opener.size(&url).await {
                Ok(size) if size.is_none_or(|size| size == shard.size) => {}
                Ok(_) => return Ok(false),
                Err(error) if error.is_not_found() => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn tell(&self, event: Event<'_>) {
        if let Some(observer) = &self.options.observer {
            observer(event);
        }
    }
}

/// Whether a journal remembers shards of such addresses. Blobs that no record refers to vanish after a while, and what
/// the server calls them only the program knows that sent them.
fn is_journalled(url: &str) -> bool {
    !url.starts_with("at://")
}

/// A shard whose bytes are counted, and which ends when another one has failed.
fn watched(body: ShardBody, shared: Shared, observer: Option<Observer>) -> ShardBody {
    let (size, version) = (body.size(), body.version().map(str::to_owned));
    let chunks = body.into_chunks().map(move |chunk| {
        if shared.is_stopped() {
            return Err(Error::unavailable("another shard has failed"));
        }
        let chunk = chunk?;
        shared.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        if let Some(observer) = &observer {
            observer(Event::Bytes(chunk.len() as u64));
        }
        Ok(chunk)
    });
    ShardBody::stream(size, chunks.boxed()).with_version(version)
}
