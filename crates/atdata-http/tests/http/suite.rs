//! The suite that every source passes: on the server itself, in small parts, behind a proxy that cuts and refuses, and
//! through a cache.

use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::DataSource;
use atdata_core::remote::Cache;
use atdata_core::source::{Registry, UrlSource};
use atdata_http::{HttpOptions, HttpSource};
use atdata_testkit::proxy::{Fault, FaultProxy};
use atdata_testkit::servers::nginx::{Nginx, url_on};
use atdata_testkit::source::SourceHarness;
use bytes::Bytes;

use crate::common::{Behind, options, parallel, parts};

struct Served {
    nginx: Nginx,
    proxy: Option<FaultProxy>,
    options: HttpOptions,
    cache: Option<(Cache, tempfile::TempDir)>,
}

#[async_trait]
impl SourceHarness for Served {
    async fn source(&self, shards: Vec<(String, Bytes)>) -> Arc<dyn DataSource> {
        let port = self.proxy.as_ref().map_or(self.nginx.port(), FaultProxy::port);
        let mut urls = Vec::new();
        for (name, bytes) in shards {
            self.nginx.put(&name, &bytes);
            urls.push(url_on(port, &name));
        }
        let Some((cache, _)) = &self.cache else {
            return Arc::new(HttpSource::from_urls(urls, self.options.clone()).unwrap());
        };
        let mut registry = Registry::empty();
        registry.register("http", cache.wrap(atdata_http::opener(self.options.clone())));
        Arc::new(UrlSource::from_urls(urls, &registry).unwrap())
    }

    async fn remove(&self, name: &str) {
        std::fs::remove_file(self.nginx.root().join(name)).unwrap();
    }
}

async fn direct() -> Option<Served> {
    let nginx = Nginx::for_test("source_suite")?;
    Some(Served { nginx, proxy: None, options: options(), cache: None })
}

mod on_nginx {
    atdata_testkit::source_suite!(super::direct);
}

async fn in_small_parts() -> Option<Served> {
    Some(Served { options: parallel(parts(10_000)), ..direct().await? })
}

mod on_nginx_in_small_parts {
    atdata_testkit::source_suite!(super::in_small_parts);
}

async fn through_faults() -> Option<Served> {
    let Behind { nginx, proxy } = Behind::new("source_suite")?;
    proxy.set(|request| match request.number % 4 {
        0 => Fault::Status { code: 503, retry_after: Some("0".to_owned()) },
        1 => Fault::CutAfter(100_000),
        2 => Fault::ResetAfter(200_000),
        _ => Fault::None,
    });
    Some(Served { nginx, proxy: Some(proxy), options: options(), cache: None })
}

mod behind_a_proxy_that_cuts_and_refuses {
    atdata_testkit::source_suite!(super::through_faults);
}

async fn cached() -> Option<Served> {
    let home = tempfile::tempdir().unwrap();
    let cache = Cache::open(home.path(), 64 << 20).unwrap();
    Some(Served { cache: Some((cache, home)), ..direct().await? })
}

mod through_a_cache {
    atdata_testkit::source_suite!(super::cached);
}
