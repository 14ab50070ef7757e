//! Shards from a server.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::body::{Body, Object};
use super::client::{ByteRange, ObjectClient, ObjectInfo};
use super::parallel::{ParallelReads, rest_in_parts};
use super::patience::patiently;
use super::retry::{Budget, Retries, RetryPolicy};
use crate::shard_index::{index_address, read_sidecar};
use crate::source::ShardOpener;
use crate::{Error, ErrorKind, Result, ResultExt, ShardBody};

/// How [`Remote`] reads.
///
/// ```
/// use atdata_core::remote::{ParallelReads, RemoteOptions};
///
/// let options = RemoteOptions::default().with_parallel(ParallelReads::OFF).with_max_size(8 << 30);
/// assert_eq!(options.retry.attempts, 8);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteOptions {
    /// When a failed request is repeated.
    pub retry: RetryPolicy,
    /// How large objects are read.
    pub parallel: ParallelReads,
    /// The longest shard that is opened, in bytes. Default: no limit; a shard is never held whole.
    pub max_size: u64,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self { retry: RetryPolicy::default(), parallel: ParallelReads::default(), max_size: u64::MAX }
    }
}

impl RemoteOptions {
    /// Sets when a failed request is repeated.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Sets how large objects are read.
    #[must_use]
    pub fn with_parallel(mut self, parallel: ParallelReads) -> Self {
        self.parallel = parallel;
        self
    }

    /// Sets the longest shard that is opened, in bytes.
    #[must_use]
    pub fn with_max_size(mut self, bytes: u64) -> Self {
        self.max_size = bytes;
        self
    }
}

/// Opens the shards that an [`ObjectClient`] can ask for. See [the module](super) for what it adds.
///
/// It needs a tokio runtime with time. All shards that are opened through it, and through its clones, share
/// [`RetryPolicy::per_run`].
///
/// ```
/// use std::sync::Arc;
/// use atdata_core::remote::{ObjectClient, Remote, RemoteOptions};
/// use atdata_core::source::Registry;
///
/// fn register(registry: &mut Registry, client: Arc<dyn ObjectClient>) {
///     let remote = Remote::new(client, RemoteOptions::default());
///     registry.register("gopher", Arc::new(remote));
/// }
/// ```
#[derive(Clone)]
pub struct Remote {
    client: Arc<dyn ObjectClient>,
    options: RemoteOptions,
    retry: Arc<RetryPolicy>,
    run: Arc<Budget>,
}

impl Remote {
    /// Asks through this client.
    pub fn new(client: Arc<dyn ObjectClient>, options: RemoteOptions) -> Self {
        let run = Budget::new(options.retry.per_run);
        Self { client, retry: Arc::new(options.retry.clone()), options, run }
    }

    fn object(&self, url: &str) -> Object {
        Object { client: self.client.clone(), url: url.into() }
    }

    fn retries(&self) -> Retries {
        Retries::new(self.retry.clone(), self.run.clone())
    }

    async fn head(&self, url: &str) -> Result<ObjectInfo> {
        let mut retries = self.retries();
        loop {
            let answer = patiently(self.retry.read_timeout, self.client.head(url)).await;
            match answer.and_then(|answer| answer) {
                Ok(info) => return Ok(info),
                Err(error) => retries.after(error, 0, 0).await.context("url", url)?,
            }
        }
    }

    /// The whole object.
    async fn whole(&self, url: &str, parallel: ParallelReads) -> Result<ShardBody> {
        let object = self.object(url);
        let mut body = self.first(&object, parallel).await?;
        let info = body.info();
        if let Some(size) = info.size
            && size > self.options.max_size
        {
            let limit = self.options.max_size;
            return Err(Error::unsupported(format!("the shard has {size} bytes, the limit is {limit}"))
                .with("url", url));
        }
        let version = info.validator.as_ref().map(|validator| validator.as_str().to_owned());
        let is_whole = !body.is_part() || info.size.is_some_and(|size| size <= parallel.part);
        let chunks = match info.size {
            _ if is_whole => body.whole().into_stream(),
            Some(size) if info.validator.is_some() => rest_in_parts(body, object, size, parallel),
            // Parts that nothing holds together.
            _ => {
                body = Body::open(object, ByteRange::from(0), self.retries()).await?;
                return Ok(ShardBody::stream(body.info().size, body.into_stream()));
            }
        };
        Ok(ShardBody::stream(info.size, chunks).with_version(version))
    }

    async fn first(&self, object: &Object, parallel: ParallelReads) -> Result<Body> {
        if let Some(part) = parallel.first() {
            match Body::open_first(object.clone(), part, self.retries()).await {
                // No part begins in an object without bytes.
                Err(error) if error.kind() == ErrorKind::Corrupt => {}
                opened => return opened,
            }
        }
        Body::open(object.clone(), ByteRange::from(0), self.retries()).await
    }
}

#[async_trait]
impl ShardOpener for Remote {
    async fn open(&self, url: &str) -> Result<ShardBody> {
        self.whole(url, self.options.parallel).await
    }

    async fn size(&self, url: &str) -> Result<Option<u64>> {
        Ok(self.head(url).await?.size)
    }

    async fn read_range(&self, url: &str, range: Range<u64>) -> Result<Bytes> {
        Ok(self.read_range_with_size(url, range).await?.0)
    }

    fn range_tells_size(&self, _url: &str) -> bool {
        true
    }

    async fn read_range_with_size(&self, url: &str, range: Range<u64>) -> Result<(Bytes, Option<u64>)> {
        if range.start >= range.end {
            return match range.start == range.end {
                true => Ok((Bytes::new(), None)),
                false => Err(Error::invalid("a range ends before it begins").with("offset", range.start)),
            };
        }
        let wanted = ByteRange { start: range.start, end: Some(range.end) };
        let body = Body::open(self.object(url), wanted, self.retries()).await?;
        let size = body.info().size;
        let mut parts = body.collect().await?;
        if parts.len() <= 1 {
            return Ok((parts.pop().unwrap_or_default(), size));
        }
        // What arrived is copied; nothing is allocated for what was only promised.
        let mut all = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
        parts.iter().for_each(|part| all.extend_from_slice(part));
        Ok((all.freeze(), size))
    }

    async fn open_index(&self, url: &str) -> Result<Option<Bytes>> {
        let beside = index_address(url);
        match read_sidecar(self.whole(&beside, ParallelReads::OFF).await).await {
            // Servers that do not tell strangers what there is answer so for what is not there.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                tracing::debug!(%error, "no access to the index of a shard");
                Ok(None)
            }
            read => read.context("url", beside),
        }
    }

    async fn version(&self, url: &str) -> Result<Option<String>> {
        Ok(self.head(url).await?.validator.map(|validator| validator.as_str().to_owned()))
    }

    fn untrusted(&self) -> Option<Arc<dyn ShardOpener>> {
        let client = self.client.untrusted()?;
        Some(Arc::new(Self { client, ..self.clone() }))
    }
}

/// Without the client, which knows secrets.
impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("options", &self.options).finish_non_exhaustive()
    }
}
