//! Looking at all keys, for what Python has written.

use std::time::{Duration, Instant};

use atdata_core::{Error, ErrorKind, Result};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::Mutex;
use tracing::{debug, warn};

use super::change::repeat;
use super::find::State;
use super::keys;
use super::names::{adopt, adopt_entry, or_nil};
use super::server::{Command, Reply, ScanCursor, Server, script};

script!(
    /// Reads the [`State`].
    STATE = "state.lua"
);
script!(BEGIN = "begin.lua");
script!(FINISH = "finish.lua");
script!(ADOPT = "adopt.lua");

/// After a survey nobody who can do without one asks for the next for so many times its duration, so that writers in Python
/// do not make every call of ours look at all keys.
const REST: u32 = 10;

/// Why all keys may have to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Something was found, and something newer may be there.
    Newer,
    /// Something was not found, and will be if it is there; or a listing begins.
    Anything,
    /// A name is about to be taken, which may be taken already.
    Taken,
}

/// How many keys of a cluster are looked at together.
const AT_ONCE: usize = 32;

/// When all keys are looked at, and that it is done once at a time.
#[derive(Debug)]
pub(super) struct Surveys {
    /// How old a survey may be to be relied on when something is not found.
    pub(super) every: Duration,
    rest_until: Mutex<Option<Instant>>,
}

impl Surveys {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, rest_until: Mutex::new(None) }
    }

    fn is_due(&self, state: &State, need: Need) -> bool {
        let is_old = |age: i64| u64::try_from(age).unwrap_or_default() >= self.every.as_secs();
        state.unknown != Some(0) || (need != Need::Newer && state.age.is_none_or(is_old))
    }

    /// Looks at all keys if there may be some that nobody has looked at: their number tells. If something was missed, the
    /// last survey has to be recent besides. Says whether it was done.
    pub(super) async fn run_if_due(&self, server: &dyn Server, state: &State, need: Need) -> Result<bool> {
        if !self.is_due(state, need) {
            return Ok(false);
        }
        let may_rest = need != Need::Anything && state.age.is_some();
        let Some(mut rest_until) =
            (if may_rest { self.rest_until.try_lock().ok() } else { Some(self.rest_until.lock().await) })
        else {
            return Ok(false);
        };
        if may_rest && rest_until.is_some_and(|until| Instant::now() < until) {
            return Ok(false);
        }
        // Somebody else may have done it while we waited.
        if !self.is_due(&read_state(server).await?, need) {
            return Ok(true);
        }
        let started = Instant::now();
        match run(server).await {
            Ok(adopted) => {
                debug!(
                    adopted,
                    seconds = started.elapsed().as_secs_f64(),
                    "all keys of the index were looked at"
                );
                *rest_until = Some(Instant::now() + started.elapsed() * REST);
                Ok(true)
            }
            // What others have noted can be read.
            Err(error) if is_refused(&error) => {
                warn!(%error, "what Python has written lately may be missing: no note can be taken of it");
                *rest_until = Some(Instant::now() + self.every);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether the server lets us read and not write: the user may not, it is a replica, or it is full.
pub(super) fn is_refused(error: &Error) -> bool {
    error.kind() == ErrorKind::PermissionDenied
        || matches!(error.context_value("code"), Some("READONLY" | "OOM" | "MISCONF"))
}

/// Reads the number of keys, and what is known of them.
pub(super) async fn read_state(server: &dyn Server) -> Result<State> {
    let state = State::read(server.script(&STATE, vec![state_key()], Vec::new()).await?.array()?)?;
    // Keys of a cluster are on several nodes; their number is of no use.
    Ok(if server.is_cluster() { State { unknown: Some(0), ..state } } else { state })
}

fn state_key() -> Bytes {
    Bytes::from_static(keys::STATE.as_bytes())
}

/// Looks at all keys, and says how many others have written.
async fn run(server: &dyn Server) -> Result<u64> {
    let begun = server.script(&BEGIN, vec![state_key()], Vec::new()).await?.array()?;
    let [_, _, _, surveys, now] = &begun;
    let (surveys, now) = (surveys.clone().int()?.unwrap_or_default(), now.clone().int()?.unwrap_or_default());
    let unknown = State::read(begun)?.unknown.unwrap_or_default();
    let mut adopted = 0;
    let mut cursor = Some(ScanCursor::default());
    while let Some(at) = cursor {
        let (page, next) = server.scan(&at, keys::PYTHON).await?;
        cursor = next;
        let is = |key: &Bytes, prefix: &str| key.starts_with(prefix.as_bytes());
        let (schemas, page): (Vec<Bytes>, Vec<Bytes>) =
            page.into_iter().partition(|key| is(key, keys::SCHEMA));
        let (lenses, mut others): (Vec<Bytes>, Vec<Bytes>) =
            page.into_iter().partition(|key| is(key, keys::LENS));
        others.retain(|key| is(key, keys::ENTRY) || is(key, keys::LABEL));
        adopted += adopt_listed(server, keys::SCHEMAS, schemas.iter().filter_map(schema_member)).await?;
        adopted += adopt_listed(server, keys::LENSES, lenses.iter().filter_map(lens_member)).await?;
        if others.is_empty() {
            continue;
        }
        adopted += if server.is_cluster() {
            let work = others.into_iter().map(|key| adopt_key(server, key));
            let counts: Vec<u64> = stream::iter(work).buffer_unordered(AT_ONCE).try_collect().await?;
            counts.into_iter().sum()
        } else {
            let arguments = [Bytes::from(surveys.to_string())].into_iter().chain(others).collect();
            let adopted = server.script(&ADOPT, vec![state_key()], arguments).await?;
            adopted.int()?.and_then(|n| u64::try_from(n).ok()).unwrap_or_default()
        };
    }
    let arguments = [surveys, unknown, now].map(|number| Bytes::from(number.to_string()));
    server.script(&FINISH, vec![state_key()], arguments.into()).await?;
    Ok(adopted)
}

/// Notes a key of a cluster, if that is new.
async fn adopt_key(server: &dyn Server, key: Bytes) -> Result<u64> {
    let Ok(text) = std::str::from_utf8(&key) else { return Ok(0) };
    let done = if let Some(cid) = text.strip_prefix(keys::ENTRY) {
        repeat(|| adopt_entry(server, cid)).await
    } else {
        let label = Command::new("HMGET", key.clone()).arg("cid").arg("name").arg("version");
        let reply = or_nil(server.call(label).await)?;
        if reply == Reply::Nil {
            return Ok(0);
        }
        let [cid, name, version] = reply.array()?;
        let (cid, name, version) = (cid.text()?, name.text()?, version.text()?);
        let parsed = keys::label_of(text).map(|(name, version)| (name.to_owned(), version.to_owned()));
        let (Some(cid), Some((name, version))) = (cid, name.zip(version).or(parsed)) else { return Ok(0) };
        let noted = Command::new("HGET", keys::record(&name)).arg(format!("@{version}"));
        if server.call(noted).await?.text()? == Some(cid) {
            return Ok(0);
        }
        repeat(|| adopt(server, &name, std::slice::from_ref(&version))).await
    };
    match done {
        Ok(changed) => Ok(changed.into()),
        // It is somebody else's, or damaged; whoever looks it up by its identifier is told.
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            warn!(%error, key = text, "a key of the index is passed over");
            Ok(0)
        }
        Err(error) => Err(error),
    }
}

/// Notes schemas or lenses in their list, if they are new.
async fn adopt_listed(
    server: &dyn Server,
    list: &'static str,
    members: impl Iterator<Item = Bytes>,
) -> Result<u64> {
    let members: Vec<Bytes> = members.collect();
    if members.is_empty() {
        return Ok(0);
    }
    let scores = members.iter().fold(Command::new("ZMSCORE", list), |it, m| it.arg(m.clone()));
    let scores = server.call(scores).await?.list()?;
    let new: Vec<Bytes> =
        members.into_iter().zip(scores).filter(|(_, score)| *score == Reply::Nil).map(|(m, _)| m).collect();
    let mut change = super::change::Change::default();
    for member in &new {
        super::change::list(&mut change, list, member.clone(), true);
    }
    if !new.is_empty() {
        change.apply(server).await?;
    }
    Ok(new.len() as u64)
}

/// How a schema's key is listed. Old forms say their key.
fn schema_member(key: &Bytes) -> Option<Bytes> {
    let text = std::str::from_utf8(key).ok()?;
    let (name, version) = keys::schema_of(text)?;
    let pair = keys::pair(name, version);
    Some(if keys::schema(name, version) == *key { pair } else { format!("{pair}\0{text}") }.into())
}

/// How a lens's key is listed.
fn lens_member(key: &Bytes) -> Option<Bytes> {
    let (name, version) = keys::lens_of(std::str::from_utf8(key).ok()?)?;
    Some(keys::pair(name, version).into())
}
