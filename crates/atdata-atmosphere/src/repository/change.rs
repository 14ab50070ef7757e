//! Changing a repository.

use std::time::Duration;

use atdata_core::{Error, ErrorKind, Result, ResultExt};
use atrium_api::com::atproto::repo::apply_writes::{
    self, CreateData, DeleteData, InputData, InputWritesItem, OutputResultsItem, UpdateData,
};
use serde_json::Value as Json;

use super::Repository;
use super::view::View;
use crate::Atmosphere;
use crate::records::{Collection, RecordKind};
use crate::xrpc::from_atrium;

/// The most writes that servers take at once.
pub(crate) const MAX_WRITES: usize = 200;

/// The longest request that servers take, in bytes, less what surrounds the records.
pub(crate) const MAX_BYTES: usize = 950_000;

/// How often a change is made up anew because somebody else was faster.
const ROUNDS: u32 = 60;

/// One record that is to be written or to go.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    Create { collection: Collection, rkey: String, value: Json },
    Update { collection: Collection, rkey: String, value: Json },
    Delete { collection: Collection, rkey: String },
}

/// Reads what came of a change.
pub(crate) type Outcome<T> = Box<dyn FnOnce(&View) -> Result<T> + Send>;

/// A change, all of it or nothing, and what comes of it.
pub(crate) struct Plan<T> {
    pub(crate) writes: Vec<Write>,
    /// What the change means, read from the repository after it.
    pub(crate) outcome: Outcome<T>,
}

impl<T> Plan<T> {
    pub(crate) fn new(writes: Vec<Write>, outcome: impl FnOnce(&View) -> Result<T> + Send + 'static) -> Self {
        Self { writes, outcome: Box::new(outcome) }
    }
}

impl Repository {
    /// Changes the repository of the account. `plan` sees the newest state and may be asked again, with a newer one: when
    /// somebody else changed the repository in between, or when it is not known what became of the last attempt. It
    /// must find its own work done then.
    pub(crate) async fn change<T>(
        &self,
        atmosphere: &Atmosphere,
        kinds: &[RecordKind],
        mut plan: impl FnMut(&View) -> Result<Plan<T>> + Send,
    ) -> Result<T> {
        let account = atmosphere.account()?;
        let _turn = self.writing.lock().await;
        let (mut conflicts, mut failures) = (0, 0);
        loop {
            let view = self.view(atmosphere, kinds).await?;
            let Plan { writes, outcome } = plan(&view)?;
            if writes.is_empty() {
                return outcome(&view);
            }
            let error = match apply(&account.client, &view, &writes).await {
                Ok((results, commit)) => {
                    let view = self.take_over(view, writes, results, commit).await?;
                    return outcome(&view);
                }
                Err(error) => error,
            };
            let wait = match error.kind() {
                ErrorKind::Conflict if conflicts < ROUNDS => {
                    conflicts += 1;
                    Duration::from_millis(20).saturating_mul(conflicts.min(10))
                }
                ErrorKind::Unavailable
                    if error.is_retryable() && failures + 1 < account.service.retry().attempts =>
                {
                    failures += 1;
                    let policy = account.service.retry();
                    let doubled = policy.base_delay.saturating_mul(1 << failures.min(16));
                    doubled.min(policy.max_delay).max(error.retry_after().unwrap_or_default())
                }
                _ => return Err(error),
            };
            tracing::debug!(%error, ?wait, "the change is made up again");
            // The state is asked for again in any case: nobody knows what is there.
            tokio::time::sleep(jittered(wait)).await;
        }
    }

    /// Notes a change of ours, so that it needs not be read.
    async fn take_over(
        &self,
        before: std::sync::Arc<View>,
        writes: Vec<Write>,
        cids: Vec<Option<String>>,
        commit: Option<String>,
    ) -> Result<std::sync::Arc<View>> {
        let mut state = self.state.lock().await;
        // Nobody else needs to hold it: what is not shared is changed where it is.
        *state = None;
        let mut view = std::sync::Arc::try_unwrap(before).unwrap_or_else(|shared| (*shared).clone());
        let known = cids.len() == writes.len();
        for (write, cid) in writes.into_iter().zip(cids) {
            match (write, cid) {
                (Write::Delete { collection, rkey }, _) => view.remove(collection, &rkey),
                (
                    Write::Create { collection, rkey, value } | Write::Update { collection, rkey, value },
                    Some(cid),
                ) => {
                    if let Some(row) = view.row(collection, &rkey, &cid, &value)? {
                        view.put(row);
                    }
                }
                _ => {}
            }
        }
        // A server that does not tell is asked the next time.
        view.commit = commit.filter(|_| known).unwrap_or_default();
        let view = std::sync::Arc::new(view);
        *state = Some(view.clone());
        Ok(view)
    }
}

/// A random wait around `most`, so that two that were in each other's way are not so again.
fn jittered(most: Duration) -> Duration {
    use std::hash::{BuildHasher, Hasher};
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    most.mul_f64(
        0.25 + 0.75 * f64::from(u32::try_from(random >> 32).unwrap_or_default()) / f64::from(u32::MAX),
    )
}

/// Writes all or nothing, if the repository is still at the commit of the view. Gives the records' content identifiers and
/// the new commit.
async fn apply(
    client: &crate::xrpc::Client,
    view: &View,
    writes: &[Write],
) -> Result<(Vec<Option<String>>, Option<String>)> {
    let input = input(view, writes)?;
    let asked = client.service.com.atproto.repo.apply_writes(input.into()).await;
    let answer = from_atrium(apply_writes::NSID, asked).context("account", &view.did)?.data;
    let cid_of = |result: OutputResultsItem| match result {
        OutputResultsItem::CreateResult(result) => Some(result.cid.as_ref().to_string()),
        OutputResultsItem::UpdateResult(result) => Some(result.cid.as_ref().to_string()),
        OutputResultsItem::DeleteResult(_) => None,
    };
    let results = answer.results.unwrap_or_default().into_iter().map(cid_of);
    // Nothing changed if there is no commit: the old one is still the newest.
    let commit = answer.commit.map(|commit| commit.cid.as_ref().to_string());
    Ok((results.collect(), commit.or_else(|| Some(view.commit.clone()))))
}

fn input(view: &View, writes: &[Write]) -> Result<InputData> {
    if writes.len() > MAX_WRITES {
        return Err(Error::unsupported(format!("more than {MAX_WRITES} records cannot be written at once")));
    }
    let mut bytes = 0;
    let mut items = Vec::with_capacity(writes.len());
    for write in writes {
        let (collection, rkey) = match write {
            Write::Create { collection, rkey, .. }
            | Write::Update { collection, rkey, .. }
            | Write::Delete { collection, rkey } => (*collection, rkey),
        };
        let wrong = |what: &'static str| Error::unexpected(what).with("collection", collection.nsid());
        let nsid = || collection.nsid().parse().map_err(|_| wrong("a collection is no NSID"));
        let key = || rkey.parse().map_err(|_| wrong("a record's key cannot be one"));
        let mut unknown = |value: &Json| {
            let length = serde_json::to_vec(value).map_or(usize::MAX, |text| text.len());
            bytes = usize::saturating_add(bytes, length);
            serde_json::from_value(value.clone()).map_err(|error| {
                Error::invalid("this cannot be a record")
                    .with("collection", collection.nsid())
                    .with_source(error)
            })
        };
        items.push(match write {
            Write::Create { value, .. } => InputWritesItem::Create(Box::new(
                CreateData { collection: nsid()?, rkey: Some(key()?), value: unknown(value)? }.into(),
            )),
            Write::Update { value, .. } => InputWritesItem::Update(Box::new(
                UpdateData { collection: nsid()?, rkey: key()?, value: unknown(value)? }.into(),
            )),
            Write::Delete { .. } => {
                InputWritesItem::Delete(Box::new(DeleteData { collection: nsid()?, rkey: key()? }.into()))
            }
        });
    }
    if bytes > MAX_BYTES {
        return Err(Error::unsupported(format!(
            "the records have {bytes} bytes, servers take {MAX_BYTES}: keep less metadata, or fewer addresses"
        )));
    }
    let swap = match view.commit.parse() {
        Ok(commit) => commit,
        Err(_) => {
            return Err(
                Error::corrupt("the server's commit is no content identifier").with("cid", &view.commit)
            );
        }
    };
    let repo = view.did.as_str().parse().map_err(|_| Error::unexpected("the account is no DID"))?;
    // Nobody but us knows our lexicons; servers refuse to check what they do not know.
    Ok(InputData { repo, swap_commit: Some(swap), validate: Some(false), writes: items })
}
