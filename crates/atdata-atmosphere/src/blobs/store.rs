//! Writing shards to blobs.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::cid::{Codec, ContentId};
use atdata_core::{DataStore, Error, Result, ResultExt, ShardInput, StoredShard};
use atrium_api::com::atproto::server::describe_server;
use futures::FutureExt;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use super::BlobAddress;
use super::file::{Keeping, Kept};
use super::upload::{Observer, Sending, UploadProgress, upload};
use crate::records::{BlobRef, RecordKind};
use crate::xrpc::from_atrium;
use crate::{Atmosphere, Did};

/// The longest blob that the lexicon allows for a shard, and that servers take that do not say what they take.
const USUAL_LIMIT: u64 = 50_000_000;

/// Uploads at once, if nothing else is said.
const AT_ONCE: usize = 3;

/// Keeps shards as blobs in the repository of the account that is logged in.
///
/// A blob can be read when a record refers to it, and the server removes those that none refers to after a while (an
/// hour at least): insert the dataset right after its shards are written. A shard's length is held to what the server
/// takes, headers and padding included; each is kept in a temporary file until it has been sent.
///
/// ```no_run
/// use atdata_atmosphere::{Atmosphere, PdsBlobStore};
/// use atdata_core::{DataStoreExt, DictSample, Index, NewDataset, Result, WriteOptions};
/// use futures::stream::BoxStream;
///
/// # async fn example(atmosphere: Atmosphere, samples: BoxStream<'_, Result<DictSample>>) -> Result<()> {
/// let store = PdsBlobStore::new(&atmosphere)?;
/// let shards = store.write_samples(samples, "digits", &WriteOptions::default()).await?;
/// let new = NewDataset::from_shards("digits", "at://did:plc:abc/science.alt.dataset.schema/3k", shards);
/// atmosphere.index()?.insert_dataset(new).await?;
/// # Ok(())
/// # }
/// ```
pub struct PdsBlobStore {
    atmosphere: Atmosphere,
    did: Did,
    at_once: usize,
    limit: OnceCell<u64>,
    observer: Option<Observer>,
}

impl PdsBlobStore {
    /// The store of the account that is logged in.
    ///
    /// # Errors
    /// [`AuthFault::NoSession`](crate::AuthFault::NoSession).
    pub fn new(atmosphere: &Atmosphere) -> Result<Self> {
        let did = atmosphere.account()?.did.clone();
        Ok(Self {
            atmosphere: atmosphere.clone(),
            did,
            at_once: AT_ONCE,
            limit: OnceCell::new(),
            observer: None,
        })
    }

    /// Sets how many shards are sent at once; at least one. Default: 3.
    #[must_use]
    pub fn with_uploads_at_once(mut self, uploads: usize) -> Self {
        self.at_once = uploads.max(1);
        self
    }

    /// Tells how far uploads are, each time that some bytes of one are sent. It is called from where they are sent, and
    /// should not take long.
    #[must_use]
    pub fn with_progress(mut self, observer: impl Fn(UploadProgress) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// The longest blob that the server takes, in bytes.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub async fn limit(&self) -> Result<u64> {
        let asked = self.limit.get_or_try_init(|| async {
            let account = self.atmosphere.account()?;
            let server = &account.client.service.com.atproto.server;
            let answer = account
                .service
                .patient()
                .repeat(|| {
                    async { from_atrium(describe_server::NSID, server.describe_server().await) }.boxed()
                })
                .await
                .context("url", account.service.base())?;
            let said = answer.data.blob_upload_limit.and_then(|limit| u64::try_from(limit).ok());
            Ok(said.filter(|limit| *limit > 0).unwrap_or(USUAL_LIMIT))
        });
        asked.await.copied()
    }

    /// Whether a blob is there already: because this program sent it just now, or because a record refers to it.
    async fn is_there(&self, cid: &ContentId) -> Result<bool> {
        if self.atmosphere.inner.uploaded.recent(cid).is_some() {
            return Ok(true);
        }
        let repository = self.atmosphere.repository(&self.did);
        let view = repository.view(&self.atmosphere, &[RecordKind::Dataset]).await?;
        Ok(view.blob(cid)?.is_some())
    }
}

#[async_trait]
impl DataStore for PdsBlobStore {
    async fn write_shards(&self, input: &mut ShardInput<'_>, prefix: &str) -> Result<Vec<StoredShard>> {
        atdata_core::shard::validate_prefix(prefix)?;
        input.limit_size(self.limit().await?);
        // Uploads that are under way end with the set.
        let mut uploads: JoinSet<Result<BlobRef>> = JoinSet::new();
        let mut stored = Vec::new();
        while let Some(mut shard) = input.next_shard().await? {
            let (mut keeping, mut hasher) = (Keeping::new().await?, Sha256::new());
            while let Some(chunk) = shard.next_chunk().await? {
                hasher.update(&chunk);
                keeping.write(&chunk).await?;
            }
            let kept = keeping.finish().await?;
            let cid = ContentId::from_sha256(Codec::Raw, hasher.finalize().into());
            let number = shard.number();
            stored.push(shard.stored_as(BlobAddress::new(self.did.clone(), cid).to_string()));
            while uploads.len() >= self.at_once {
                self.one_ended(&mut uploads).await?;
            }
            if !self.is_there(&cid).await? {
                self.begin(&mut uploads, kept, cid, number);
            }
        }
        while !uploads.is_empty() {
            self.one_ended(&mut uploads).await?;
        }
        Ok(stored)
    }

    fn read_url(&self, url: &str) -> Result<String> {
        let address: BlobAddress = url.parse()?;
        match address.did == self.did {
            true => Ok(url.to_owned()),
            false => Err(Error::invalid("the blob is in another repository").with("url", url)),
        }
    }

    async fn max_shard_size(&self) -> Result<Option<u64>> {
        self.limit().await.map(Some)
    }

    fn needs_index_of(&self) -> Option<&str> {
        Some(self.did.as_str())
    }

    /// Forgets the blobs: the server removes those that no record refers to. It cannot be told to.
    async fn remove_shards(&self, urls: &[String]) -> Result<()> {
        for url in urls {
            self.read_url(url)?;
            self.atmosphere.inner.uploaded.forget(&url.parse::<BlobAddress>()?.cid);
        }
        Ok(())
    }
}

impl PdsBlobStore {
    fn begin(&self, uploads: &mut JoinSet<Result<BlobRef>>, kept: Kept, cid: ContentId, number: usize) {
        let atmosphere = self.atmosphere.clone();
        let sending = Sending { shard: number, kept, observer: self.observer.clone() };
        uploads.spawn(async move {
            tracing::debug!(%cid, bytes = sending.kept.length, "sending a shard");
            upload(&atmosphere, &sending, cid).await.context("shard", number)
        });
    }

    async fn one_ended(&self, uploads: &mut JoinSet<Result<BlobRef>>) -> Result<()> {
        if let Some(ended) = uploads.join_next().await {
            let blob =
                ended.map_err(|error| Error::unexpected("an upload did not end").with_source(error))??;
            self.atmosphere.inner.uploaded.put(blob);
        }
        Ok(())
    }
}

impl fmt::Debug for PdsBlobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PdsBlobStore").field("did", &self.did).field("limit", &self.limit.get()).finish()
    }
}
