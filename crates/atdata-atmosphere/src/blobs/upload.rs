//! Sending blobs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use atdata_core::cid::ContentId;
use atdata_core::remote::RetryPolicy;
use atdata_core::{Error, Result, ResultExt};
use atdata_transport::HttpRequest;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt};
use serde_json::Value as Json;

use super::file::Kept;
use crate::Atmosphere;
use crate::records::BlobRef;
use crate::xrpc::Auth;

/// What shards are sent as. Servers look at the bytes and may call them something else.
const TAR: &str = "application/x-tar";

/// For how long a blob that no record refers to is believed to be there, so that it needs not be sent again. Servers keep
/// them for an hour at least.
const KEPT: Duration = Duration::from_secs(30 * 60);

/// For how long it is remembered what the server called a blob. Writing a large dataset takes its time; whether the server
/// still has all of it is for the server to say when the record is written.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);

/// The longest answer to an upload.
const MAX_ANSWER: usize = 1 << 20;

/// The blobs that this program has sent, as the server described them: records have to refer to them in just these words.
#[derive(Debug, Default)]
pub(crate) struct Uploaded {
    known: Mutex<HashMap<ContentId, (BlobRef, Instant)>>,
}

impl Uploaded {
    /// What the server called a blob when it was sent.
    pub(crate) fn get(&self, cid: &ContentId) -> Option<BlobRef> {
        self.sent_within(cid, REMEMBERED)
    }

    /// The same, if the server still has the blob.
    pub(super) fn recent(&self, cid: &ContentId) -> Option<BlobRef> {
        self.sent_within(cid, KEPT)
    }

    fn sent_within(&self, cid: &ContentId, time: Duration) -> Option<BlobRef> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(cid).filter(|(_, sent)| sent.elapsed() < time).map(|(blob, _)| blob.clone())
    }

    pub(super) fn put(&self, blob: BlobRef) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (_, sent)| sent.elapsed() < REMEMBERED);
        known.insert(blob.cid, (blob, Instant::now()));
    }

    pub(super) fn forget(&self, cid: &ContentId) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(cid);
    }
}

/// How far the upload of a shard is.
///
/// ```
/// use atdata_atmosphere::{PdsBlobStore, UploadProgress};
///
/// fn watched(store: PdsBlobStore) -> PdsBlobStore {
///     store.with_progress(|UploadProgress { shard, sent, size, .. }| println!("shard {shard}: {sent} of {size} bytes"))
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadProgress {
    /// The number of the shard in its dataset, from 0.
    pub shard: usize,
    /// Bytes that were given to the network. It begins anew if the upload does.
    pub sent: u64,
    /// Bytes of the shard.
    pub size: u64,
}

/// Who is told how far uploads are.
pub(super) type Observer = Arc<dyn Fn(UploadProgress) + Send + Sync>;

/// One shard on its way.
pub(super) struct Sending {
    pub(super) shard: usize,
    pub(super) kept: Kept,
    pub(super) observer: Option<Observer>,
}

impl Sending {
    /// The bytes from the first one on, told to the observer as they are taken.
    fn read(&self) -> BoxStream<'static, Result<Bytes>> {
        let Some(observer) = self.observer.clone() else { return self.kept.read() };
        let mut progress = UploadProgress { shard: self.shard, sent: 0, size: self.kept.length };
        let counted = self.kept.read().inspect_ok(move |chunk| {
            progress.sent += chunk.len() as u64;
            observer(progress);
        });
        counted.boxed()
    }
}

/// Sends a blob, again if need be, and gives what the server calls it.
pub(super) async fn upload(atmosphere: &Atmosphere, sending: &Sending, cid: ContentId) -> Result<BlobRef> {
    let service = atmosphere.account()?.service.clone();
    let url = service.address("com.atproto.repo.uploadBlob", &[]);
    let length = sending.kept.length;
    let patience = patience(service.retry().read_timeout, length);
    let read_timeout = patience.saturating_add(service.retry().max_retry_after);
    let policy = RetryPolicy { read_timeout, ..service.retry().clone() };
    let sent = policy.repeat(|| {
        async {
            let request = || Ok(HttpRequest::post(&url).with_stream(TAR, length, sending.read()));
            let answer = service.call(&request, Auth::Fresh, patience).await?;
            let body = answer.into_bytes(MAX_ANSWER).await?;
            let json: Json = serde_json::from_slice(&body).map_err(|error| {
                Error::corrupt("the server's answer to an upload is no JSON").with_source(error)
            })?;
            let blob = json.get("blob").ok_or_else(|| Error::corrupt("the server's answer names no blob"))?;
            BlobRef::from_json(blob)
        }
        .boxed()
    });
    let blob = sent.await.context("blob", cid).context("url", &url)?;
    if !blob.cid.same_digest(&cid) || blob.size.is_some_and(|size| size != length) {
        return Err(Error::corrupt(format!(
            "the server received other bytes than were sent: it calls them {} ({} bytes)",
            blob.cid,
            blob.size.unwrap_or_default()
        ))
        .with("blob", cid)
        .with("url", url));
    }
    Ok(blob)
}

/// How long an upload may take: as long as a server may think, and as long as a line of a megabit in a second takes.
fn patience(thinking: Duration, length: u64) -> Duration {
    thinking.saturating_add(Duration::from_secs(1 + length / 125_000))
}
