//! Making the objects of a write visible together, or taking them away.

use std::sync::Arc;
use std::time::Duration;

use atdata_core::{Error, ErrorKind, Result};
use aws_sdk_s3::Client;
use bytes::Bytes;
use futures::stream::{self, FuturesUnordered, StreamExt};

use super::object::{Object, delete, head, put_new};
use super::{INDEX_TYPE, SHARD_TYPE, unfinished};
use crate::address::Address;

/// How many small requests are made at once.
pub(super) const REQUESTS: usize = 8;

/// Longer than a small request needs to take effect.
const CLAIM_SETTLES: Duration = Duration::from_millis(500);

/// What may be under the names of a write already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Nothing: they are made of a random number.
    Fresh,
    /// Perhaps something, which must stay.
    Guarded,
    /// Perhaps something, which is replaced.
    Replaced,
}

/// All objects of one write.
///
/// Where names are guarded, the index of the first shard is kept back until everything has been uploaded, and is then put
/// under the condition that there is none. Of two writers, the one whose condition holds has the names. (Completing an
/// upload under a condition would be simpler, but fewer servers can do that.)
#[derive(Debug)]
pub(super) struct Publication {
    names: Names,
    write_id: String,
    /// What all names begin with.
    stem: Address,
    shards: Vec<Arc<Object>>,
    indexes: Vec<Arc<Object>>,
    claim: Option<Claim>,
}

#[derive(Debug)]
struct Claim {
    address: Address,
    index: Bytes,
}

impl Publication {
    pub(super) fn new(names: Names, write_id: String, stem: Address) -> Self {
        Self { names, write_id, stem, shards: Vec::new(), indexes: Vec::new(), claim: None }
    }

    pub(super) fn add_shard(&mut self, address: Address) -> Arc<Object> {
        let object = Arc::new(Object::new(address, SHARD_TYPE, self.write_id.clone()));
        self.shards.push(object.clone());
        object
    }

    /// Adds the index of a shard; nothing if it is kept back, and not uploaded yet.
    pub(super) fn add_index(&mut self, address: Address, index: &Bytes) -> Option<Arc<Object>> {
        if self.names == Names::Guarded && self.claim.is_none() {
            self.claim = Some(Claim { address, index: index.clone() });
            return None;
        }
        let object = Arc::new(Object::new(address, INDEX_TYPE, self.write_id.clone()));
        self.indexes.push(object.clone());
        Some(object)
    }

    /// Makes all objects visible; if that fails, takes them away.
    pub(super) async fn publish(self, client: &Client) -> Result<()> {
        let published = self.try_publish(client).await;
        match &published {
            Ok(()) => self.sweep(client).await,
            Err(_) => self.discard(client).await,
        }
        published
    }

    async fn try_publish(&self, client: &Client) -> Result<()> {
        if let Some(claim) = &self.claim {
            self.claim_names(client, claim).await?;
        }
        // A reader that finds a shard finds its index.
        each(self.indexes.clone(), |index| async move { index.complete(client).await }).await?;
        each(self.shards.clone(), |shard| async move { shard.complete(client).await }).await
    }

    /// Makes sure that nobody has the names, and that this write is the only one to take them.
    async fn claim_names(&self, client: &Client, claim: &Claim) -> Result<()> {
        expect_none(client, &claim.address).await?;
        put_new(client, &claim.address, claim.index.clone(), &self.write_id).await?;
        // Servers that look and then write, and those that do not look at all, put the claims of two writers on top of
        // each other. The last one counts, once no other can be on its way.
        tokio::time::sleep(CLAIM_SETTLES).await;
        if !self.is_claimed(client, claim).await? {
            let text = "somebody else is writing under the same names at the same time";
            return Err(Error::conflict(text).with("url", &claim.address));
        }
        let addresses: Vec<Address> = self.objects().map(|object| object.address.clone()).collect();
        each(addresses, |address| async move { expect_none(client, &address).await }).await
    }

    async fn is_claimed(&self, client: &Client, claim: &Claim) -> Result<bool> {
        let found = head(client, &claim.address).await?;
        Ok(found.is_some_and(|found| found.write_id.as_deref() == Some(&self.write_id)))
    }

    /// Takes all objects away as far as they are this write's; what was replaced cannot be brought back and stays
    /// replaced. What fails is logged: the caller has an error already, or has gone.
    pub(super) async fn discard(&self, client: &Client) {
        let keep_visible = self.names == Names::Replaced;
        let objects: Vec<Arc<Object>> = self.objects().cloned().collect();
        let discarding = stream::iter(objects).for_each_concurrent(REQUESTS, |object| async move {
            if let Err(error) = object.discard(client, keep_visible).await {
                tracing::warn!(%error, "an unfinished upload could not be taken away");
            }
        });
        discarding.await;
        if let Some(claim) = &self.claim
            && let Err(error) = self.give_up_claim(client, claim).await
        {
            tracing::warn!(%error, "an index without its shard could not be taken away");
        }
        self.sweep(client).await;
    }

    /// Aborts uploads that were begun in answers that got lost. Under names that others may write too they are left: whose
    /// they are cannot be told.
    async fn sweep(&self, client: &Client) {
        if self.names != Names::Fresh || !self.objects().any(|object| object.may_have_lost_upload()) {
            return;
        }
        let Address { bucket, key } = &self.stem;
        if let Err(error) = unfinished::abort(client, bucket, Some(key), Duration::ZERO).await {
            tracing::warn!(%error, "there may be an unfinished upload without parts");
        }
    }

    async fn give_up_claim(&self, client: &Client, claim: &Claim) -> Result<()> {
        if self.is_claimed(client, claim).await? { delete(client, &claim.address).await } else { Ok(()) }
    }

    fn objects(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.shards.iter().chain(&self.indexes)
    }
}

/// Fails if there is an object.
pub(super) async fn expect_none(client: &Client, address: &Address) -> Result<()> {
    match head(client, address).await? {
        None => Ok(()),
        Some(_) => {
            let text = "there is a shard of this name, and replacing it was not asked for";
            Err(Error::new(ErrorKind::AlreadyExists, text).with("url", address))
        }
    }
}

/// Does something with all, several at once. After a failure nothing more is begun, but what has begun is not cut off:
/// whether it had happened would not be known.
async fn each<T, F: Future<Output = Result<()>>>(
    items: impl IntoIterator<Item = T>,
    mut work: impl FnMut(T) -> F,
) -> Result<()> {
    let mut items = items.into_iter();
    let mut running = FuturesUnordered::new();
    let mut result = Ok(());
    loop {
        while result.is_ok() && running.len() < REQUESTS {
            match items.next() {
                Some(item) => running.push(work(item)),
                None => break,
            }
        }
        match running.next().await {
            Some(done) => result = result.and(done),
            None => return result,
        }
    }
}
