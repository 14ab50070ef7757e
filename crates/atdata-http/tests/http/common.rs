//! A server, a proxy before it, and sources that read through it.

use std::time::Duration;

use atdata_core::remote::{ParallelReads, RemoteOptions, RetryPolicy};
use atdata_core::source::{Registry, ShardOpener};
use atdata_core::{DataSource, Result};
use atdata_http::{HttpOptions, HttpSource};
use atdata_testkit::proxy::FaultProxy;
use atdata_testkit::servers::nginx::{Nginx, url_on};
use bytes::Bytes;

/// Patience that tests have: little time, many tries.
pub(crate) fn retry() -> RetryPolicy {
    RetryPolicy {
        attempts: 6,
        base_delay: Duration::from_millis(2),
        max_delay: Duration::from_millis(10),
        max_retry_after: Duration::from_secs(2),
        read_timeout: Duration::from_millis(400),
        ..RetryPolicy::default()
    }
}

pub(crate) fn options() -> HttpOptions {
    let remote = RemoteOptions::default().with_retry(retry());
    HttpOptions::default().with_environment_proxy(false).with_remote(remote)
}

/// Two parts at a time, of so many bytes.
pub(crate) fn parts(part: u64) -> ParallelReads {
    ParallelReads { streams: 2, part }
}

pub(crate) fn parallel(reads: ParallelReads) -> HttpOptions {
    let options = options();
    let remote = options.remote.clone().with_parallel(reads);
    options.with_remote(remote)
}

/// nginx, and a proxy before it.
pub(crate) struct Behind {
    pub(crate) nginx: Nginx,
    pub(crate) proxy: FaultProxy,
}

impl Behind {
    pub(crate) fn new(case: &str) -> Option<Self> {
        let nginx = Nginx::for_test(case)?;
        let proxy = FaultProxy::start(([127, 0, 0, 1], nginx.port()).into());
        Some(Self { nginx, proxy })
    }

    /// The address of a file through the proxy.
    pub(crate) fn url(&self, name: &str) -> String {
        url_on(self.proxy.port(), name)
    }
}

pub(crate) async fn read(url: &str, options: HttpOptions) -> Result<Bytes> {
    let source = HttpSource::from_urls([url], options)?;
    let id = source.list_shards().await?.remove(0);
    source.open_shard(&id).await?.into_bytes().await
}

/// The opener of a registry for `http:`.
pub(crate) fn opener(options: HttpOptions) -> std::sync::Arc<dyn ShardOpener> {
    let mut registry = Registry::empty();
    atdata_http::register_with(&mut registry, options);
    registry.opener("http://h/").unwrap().clone()
}
