//! A queue of shards on a Redis server, for workers anywhere.
//!
//! Every step is one script, and the time of leases is the server's: how long it is since a job of the consumer group was
//! touched. No key comes or goes with a lease, because the index beside counts keys.

mod held;
mod keys;
mod options;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use atdata_core::process::{Ended, Lease, LeaseState, Progress, ShardQueue, fingerprint};
use atdata_core::{Error, Result, ResultExt};
use bytes::Bytes;

use super::connection::Connection;
use super::server::{Command, Reply, Script, Server, script};
use held::Held;
use keys::Keys;
pub use options::RedisQueueOptions;
use tokio::sync::{Mutex, oneshot};

script!(
    /// Makes the jobs.
    BEGIN = "begin.lua"
);
script!(
    /// Lends a shard.
    LEASE = "lease.lua"
);
script!(
    /// Renews a lease.
    RENEW = "renew.lua"
);
script!(
    /// Keeps a result.
    COMPLETE = "complete.lua"
);
script!(
    /// Takes a shard back.
    FAIL = "fail.lua"
);
script!(
    /// Makes jobs of the dead.
    RETRY = "retry.lua"
);
script!(
    /// Counts.
    PROGRESS = "progress.lua"
);

/// How many shards one exchange is about, where it is about many.
const PAGE: usize = 500;

/// How often it is asked whether a shard has come back, at least and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// A queue of shards on a Redis server: for workers in any number of processes on any number of machines, with the function
/// and the [`process_shards`](atdata_core::process::process_shards) of a
/// [`LocalQueue`](atdata_core::process::LocalQueue).
///
/// The workers of a run use one name for the queue. The first one fills it with the shards of its dataset; one with other
/// shards is refused. A worker that is not heard of for the time of its [lease](RedisQueueOptions::lease) loses its shards
/// to others; what it says later is not taken, so that there is exactly one result for a shard. What has failed as often
/// as [`tries`](RedisQueueOptions::tries) says is put aside, until somebody
/// [asks](atdata_core::process::ProcessOptions::retry_failed) to try it again.
///
/// Results stay on the server: who begins again under the same name gets them, and does the rest. As they survive what the
/// server survives, it should write to disk (`appendonly`). [`remove`](Self::remove) ends a run for good. The database
/// should not be that of an index. Identifiers of shards are stored as they are.
///
/// The addresses are those of `LocalIndex::redis`; `docs/processing.md` has the keys. Clones are the same worker.
///
/// ```no_run
/// use atdata_core::process::{ProcessOptions, process_shards};
/// use atdata_core::{Dataset, DictSample, Error};
/// use atdata_local::RedisQueue;
///
/// # async fn example(dataset: Dataset<DictSample>) -> Result<(), Error> {
/// let queue = RedisQueue::open("redis://127.0.0.1/1", "count-1").await?;
/// let report = process_shards(&dataset, &queue, &ProcessOptions::default(), |job| async move {
///     job.dataset().count().await
/// });
/// for (shard, count) in report.await?.into_results()? {
///     println!("{shard}: {count}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisQueue(Arc<Inner>);

struct Inner {
    server: Box<dyn Server>,
    name: String,
    keys: Keys,
    worker: Bytes,
    /// Random: the server tells by it whose questions are numbered.
    handle: Bytes,
    /// The number of the next lease that is asked for.
    question: Mutex<u64>,
    lease: Duration,
    tries: u32,
    /// The shards in the order of the dataset, once work has begun.
    shards: OnceLock<Vec<String>>,
    held: Held,
}

impl RedisQueue {
    /// Connects to a server: [`RedisQueueOptions::open`] with the defaults.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if the address or the name is malformed,
    /// [`PermissionDenied`](atdata_core::ErrorKind::PermissionDenied) if the server wants another user or password,
    /// [`Unavailable`](atdata_core::ErrorKind::Unavailable) if it does not answer.
    pub async fn open(address: &str, name: &str) -> Result<Self> {
        RedisQueueOptions::default().open(address, name).await
    }

    async fn open_with(options: &RedisQueueOptions, address: &str, name: &str) -> Result<Self> {
        let keys = Keys::new(name)?;
        let server = Connection::open(address.parse()?, options.timeout).await?;
        let handle = uuid::Uuid::new_v4().simple().to_string();
        let worker = options.worker.clone().unwrap_or_else(|| format!("{}-{handle}", std::process::id()));
        Ok(Self(Arc::new(Inner {
            server: Box::new(server),
            name: name.to_owned(),
            keys,
            worker: worker.into(),
            handle: handle.into(),
            question: Mutex::new(1),
            lease: options.lease.max(Duration::from_millis(1)),
            tries: options.tries.max(1),
            shards: OnceLock::new(),
            held: Held::default(),
        })))
    }

    /// The name of the queue.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Removes everything that the server knows of the run, results too. Workers that are still there fail.
    ///
    /// # Errors
    /// The server cannot be reached, or does not allow it.
    pub async fn remove(&self) -> Result<()> {
        let mut keys = self.0.keys.all().into_iter();
        let Some(first) = keys.next() else { return Ok(()) };
        let command = keys.fold(Command::new("UNLINK", first), Command::arg);
        self.0.named(self.0.server.call(command).await).map(drop)
    }
}

impl Inner {
    fn named<T>(&self, result: Result<T>) -> Result<T> {
        result.context("queue", &self.name)
    }

    async fn script(&self, script: &Script, arguments: Vec<Bytes>) -> Result<Reply> {
        self.named(self.server.script(script, self.keys.all(), arguments).await)
    }

    async fn number(&self, script: &Script, arguments: Vec<Bytes>) -> Result<i64> {
        Ok(self.script(script, arguments).await?.int()?.unwrap_or_default())
    }

    /// Runs a script about a lease, and ends it here, unless it is to go on.
    async fn about(&self, script: &Script, lease: &Lease, rest: Vec<Bytes>) -> Result<LeaseState> {
        let head = [Bytes::from(lease.job.clone()), text(lease.token)];
        let told = self.number(script, head.into_iter().chain(rest).collect()).await;
        Ok(if told.context("shard", &lease.shard)? == 1 { LeaseState::Held } else { LeaseState::Lost })
    }

    /// A shard; nothing if others may come back. A question whose answer was lost is asked again under its number, so that
    /// the server gives the same answer.
    async fn try_lease(&self) -> Result<Option<Option<Lease>>> {
        let mut question = self.question.lock().await;
        let time = text(self.lease.as_millis());
        loop {
            let asker = [self.worker.clone(), self.handle.clone(), text(*question)];
            let arguments = asker.into_iter().chain([time.clone(), text(self.tries)]).collect();
            match self.script(&LEASE, arguments).await? {
                // What it was answered with has ended meanwhile.
                Reply::Int(-1) => *question += 1,
                Reply::Int(left) => return Ok((left == 0).then_some(None)),
                Reply::Nil => {
                    let message =
                        "the server knows nothing of the queue: work has not begun, or it was removed";
                    return Err(Error::not_found(message).with("queue", &self.name));
                }
                reply => {
                    *question += 1;
                    let [job, shard, attempt, token] = reply.array()?;
                    let (job, shard) = (job.text()?.unwrap_or_default(), shard.text()?.unwrap_or_default());
                    let attempt = u32::try_from(attempt.int()?.unwrap_or_default()).unwrap_or(u32::MAX);
                    return Ok(Some(Some(Lease::new(shard, job, attempt, count(token)?))));
                }
            }
        }
    }

    /// Gives a shard back. If the server does not answer it goes to others by time.
    async fn return_lease(&self, lease: &Lease) {
        let rest = vec![Bytes::from(lease.shard.clone()), text(self.tries)];
        if let Err(error) = self.about(&FAIL, lease, rest).await {
            tracing::debug!(%error, "a shard was not given back");
        }
        self.held.end(lease.token);
    }

    /// What became of the shards that have failed for good.
    async fn dead(&self) -> Result<HashMap<String, Ended>> {
        let mut dead = HashMap::new();
        let mut from = "-".to_owned();
        loop {
            let range = Command::new("XRANGE", self.keys.dead.clone()).arg(from.clone()).arg("+");
            let page = self.server.call(range.arg("COUNT").arg(text(PAGE))).await?.list()?;
            let is_last = page.len() < PAGE;
            for entry in page {
                let [id, fields] = entry.array()?;
                from = format!("({}", id.text()?.unwrap_or_default());
                let mut fields: HashMap<Bytes, Bytes> = fields.fields()?.into_iter().collect();
                let mut field = |name: &'static [u8]| Reply::Bytes(fields.remove(name).unwrap_or_default());
                let attempts =
                    u32::try_from(field(b"attempts").int()?.unwrap_or_default()).unwrap_or(u32::MAX);
                let message = field(b"message").text()?.unwrap_or_default();
                dead.insert(field(b"shard").text()?.unwrap_or_default(), Ended::Failed { message, attempts });
            }
            if is_last {
                return Ok(dead);
            }
        }
    }

    async fn ended(&self) -> Result<Vec<(String, Ended)>> {
        let shards = self.shards.get().ok_or_else(|| Error::invalid("work has not begun"))?;
        let mut dead = self.dead().await?;
        let mut ended = Vec::with_capacity(shards.len());
        for page in shards.chunks(PAGE) {
            let command = Command::new("HMGET", self.keys.results.clone());
            let command = page.iter().fold(command, |command, shard| command.arg(shard.clone()));
            for (shard, result) in page.iter().zip(self.server.call(command).await?.list()?) {
                match result.text()? {
                    Some(result) => ended.push((shard.clone(), Ended::Done(Some(result)))),
                    None => ended.extend(dead.remove(shard).map(|failed| (shard.clone(), failed))),
                }
            }
        }
        Ok(ended)
    }
}

fn text(number: impl fmt::Display) -> Bytes {
    number.to_string().into()
}

/// A number that is never below zero.
fn count(reply: Reply) -> Result<u64> {
    Ok(u64::try_from(reply.int()?.unwrap_or_default()).unwrap_or_default())
}

#[async_trait]
impl ShardQueue for RedisQueue {
    async fn begin(&self, shards: &[String]) -> Result<()> {
        let head = [Bytes::from(fingerprint(shards)), text(shards.len())];
        let mut filled = 0;
        loop {
            let page = shards.get(filled..).unwrap_or_default().iter().take(PAGE).cloned().map(Bytes::from);
            let arguments = head.iter().cloned().chain([text(filled)]).chain(page).collect();
            let answer = self.0.number(&BEGIN, arguments).await?;
            // Others may be filling it at the same time.
            filled = usize::try_from(answer).map_err(|_| {
                Error::invalid("the queue works on another list of shards").with("queue", &self.0.name)
            })?;
            if filled >= shards.len() {
                // It is there if work began before, and the same.
                let _ = self.0.shards.set(shards.to_vec());
                return Ok(());
            }
        }
    }

    async fn lease(&self) -> Result<Option<Lease>> {
        let (shortest, longest) = PAUSES;
        let pause = (self.0.lease / 4).clamp(shortest, longest);
        loop {
            // In a task, so that a lease whose answer nobody waits for is given back.
            let (answer, answered) = oneshot::channel();
            let inner = self.0.clone();
            inner.held.ask();
            tokio::spawn(async move {
                let leased = inner.try_lease().await;
                let token = leased.as_ref().ok().and_then(|leased| leased.as_ref()?.as_ref());
                inner.held.answered(token.map(|lease| lease.token));
                if let Err(Ok(Some(Some(lease)))) = answer.send(leased) {
                    inner.return_lease(&lease).await;
                }
            });
            let answered = answered
                .await
                .map_err(|error| Error::unavailable("the runtime is shutting down").with_source(error))?;
            if let Some(leased) = answered? {
                return Ok(leased);
            }
            // A shard of one's own that ends is noticed at once.
            let _ = tokio::time::timeout(pause, self.0.held.changed()).await;
        }
    }

    async fn renew(&self, lease: &Lease) -> Result<LeaseState> {
        let state = self.0.about(&RENEW, lease, vec![self.0.worker.clone()]).await?;
        if state == LeaseState::Lost {
            self.0.held.end(lease.token);
        }
        Ok(state)
    }

    async fn complete(&self, lease: &Lease, result: &str) -> Result<LeaseState> {
        let rest = vec![Bytes::from(lease.shard.clone()), Bytes::copy_from_slice(result.as_bytes())];
        let state = self.0.about(&COMPLETE, lease, rest).await?;
        self.0.held.end(lease.token);
        Ok(state)
    }

    async fn fail(&self, lease: &Lease, message: &str) -> Result<LeaseState> {
        let message = Bytes::copy_from_slice(message.as_bytes());
        let rest = vec![Bytes::from(lease.shard.clone()), text(self.0.tries), message];
        let state = self.0.about(&FAIL, lease, rest).await?;
        self.0.held.end(lease.token);
        Ok(state)
    }

    fn give_back(&self, lease: &Lease) {
        // Without a runtime it goes to others by time.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return self.0.held.end(lease.token);
        };
        let (inner, lease) = (self.0.clone(), lease.clone());
        runtime.spawn(async move { inner.return_lease(&lease).await });
    }

    async fn retry_failed(&self) -> Result<u64> {
        let mut total = 0;
        loop {
            let page = self.0.number(&RETRY, vec![text(PAGE)]).await?;
            total += u64::try_from(page).unwrap_or_default();
            if page < PAGE as i64 {
                return Ok(total);
            }
        }
    }

    async fn progress(&self) -> Result<Progress> {
        let reply = self.0.script(&PROGRESS, Vec::new()).await?;
        if reply == Reply::Nil {
            return Ok(Progress::default());
        }
        let [total, done, failed, leased] = reply.array()?;
        let (total, done, failed) = (count(total)?, count(done)?, count(failed)?);
        Ok(Progress { total, done, failed, leased: count(leased)? })
    }

    async fn ended(&self) -> Result<Vec<(String, Ended)>> {
        self.0.named(self.0.ended().await)
    }

    async fn idle(&self) {
        self.0.held.none().await;
    }

    fn heartbeat(&self) -> Option<Duration> {
        Some(self.0.lease / 3)
    }
}

/// Without the shards, which may be a million.
impl fmt::Debug for RedisQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { server, name, lease, tries, .. } = &*self.0;
        f.debug_struct("RedisQueue")
            .field("server", server)
            .field("name", name)
            .field("lease", lease)
            .field("tries", tries)
            .finish_non_exhaustive()
    }
}
