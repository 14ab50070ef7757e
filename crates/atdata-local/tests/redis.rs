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
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use atdata_core::Index;
use atdata_local::LocalIndex;
use atdata_testkit::index::IndexHarness;
use atdata_testkit::proxy::{Line, LineProxy};
use atdata_testkit::servers::redis::{ClusterLease, Database, Redis, RedisOptions};

/// An index, and what keeps its server.
struct OnServer<S> {
    index: LocalIndex,
    url: String,
    server: S,
}

impl<S> OnServer<S> {
    async fn new(server: S, url: &str) -> Self {
        Self { index: connect(url).await, url: url.to_owned(), server }
    }
}

#[async_trait]
impl<S: Send + Sync> IndexHarness for OnServer<S> {
    fn index(&self) -> Arc<dyn Index> {
        Arc::new(self.index.clone())
    }
    async fn reopen(&self) -> Arc<dyn Index> {
        Arc::new(connect(&self.url).await)
    }
}

/// Connects, again if the server is not there at the moment.
async fn connect(url: &str) -> LocalIndex {
    loop {
        match LocalIndex::redis(url).await {
            Err(error) if error.is_retryable() => tokio::task::yield_now().await,
            done => return done.unwrap(),
        }
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

/// An index whose server loses the connection again and again after it has done what it was asked to do.
async fn with_lost_answers() -> Option<OnServer<(LineProxy, Database)>> {
    let database = Database::for_test("redis with lost answers")?;
    let (address, number) = database.url().trim_start_matches("redis://").split_once('/').unwrap();
    let proxy = LineProxy::start(address.parse().unwrap());
    let url = format!("redis://127.0.0.1:{}/{number}", proxy.port());
    let index = OnServer::new((proxy, database), &url).await;
    index.server.0.set(Line::CutEach(40));
    Some(index)
}

/// An index whose server is killed and started again, as long as this lives.
struct Restarts {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

async fn through_restarts() -> Option<OnServer<Restarts>> {
    let mut redis = Redis::for_test("redis through restarts", RedisOptions::default().durable())?;
    let url = redis.url();
    let (stop, stopped) = channel();
    let thread = std::thread::spawn(move || {
        // As long as nobody says stop.
        while stopped.recv_timeout(Duration::from_millis(150)) == Err(RecvTimeoutError::Timeout) {
            redis.kill();
            redis.restart().unwrap();
        }
    });
    Some(OnServer::new(Restarts { stop: Some(stop), thread: Some(thread) }, &url).await)
}

impl Drop for Restarts {
    fn drop(&mut self) {
        drop(self.stop.take());
        let thread = self.thread.take().unwrap();
        assert!(thread.join().is_ok() || std::thread::panicking(), "the server did not start again");
    }
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

mod where_answers_are_lost {
    use super::*;
    atdata_testkit::index_suite!(async || with_lost_answers().await);
}

mod where_the_server_restarts {
    use super::*;
    atdata_testkit::index_suite!(async || through_restarts().await);
}
