//! The Redis index: the suite, on a server for everybody, on one with users, and on a cluster.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]
#![cfg(feature = "redis")]

use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::Index;
use atdata_local::LocalIndex;
use atdata_testkit::index::IndexHarness;
use atdata_testkit::servers::redis::{ClusterLease, Database};

/// An index, and what keeps its server.
struct OnServer<S> {
    index: LocalIndex,
    url: String,
    _server: S,
}

impl<S> OnServer<S> {
    async fn new(server: S, url: &str) -> Self {
        Self { index: LocalIndex::redis(url).await.unwrap(), url: url.to_owned(), _server: server }
    }
}

#[async_trait]
impl<S: Send + Sync> IndexHarness for OnServer<S> {
    fn index(&self) -> Arc<dyn Index> {
        Arc::new(self.index.clone())
    }
    async fn reopen(&self) -> Arc<dyn Index> {
        Arc::new(LocalIndex::redis(&self.url).await.unwrap())
    }
}

async fn on_a_database(database: Option<Database>) -> Option<OnServer<Database>> {
    let database = database?;
    let url = database.url().to_owned();
    Some(OnServer::new(database, &url).await)
}

async fn in_a_cluster() -> Option<OnServer<ClusterLease>> {
    let lease = ClusterLease::for_test("redis cluster")?;
    let url = lease.url().to_owned();
    Some(OnServer::new(lease, &url).await)
}

mod for_everybody {
    use super::*;
    atdata_testkit::index_suite!(async || on_a_database(Database::for_test("redis")).await);
}

mod with_users {
    use super::*;
    atdata_testkit::index_suite!(async || on_a_database(Database::with_users_for_test("redis")).await);
}

mod on_a_cluster {
    use super::*;
    atdata_testkit::index_suite!(async || in_a_cluster().await);
}
