//! What several tests share: a server, of which each has a database, and a cluster, at which they take turns.

use std::fs::File;
use std::io;

use super::options::DATABASES;
use super::{Connection, Redis, RedisCluster, RedisOptions};
use crate::servers::given::{self, unless_missing};

/// Counts the databases that were given away, in the first one. Every user may write it.
const COUNTER: &str = "atdata:test:databases";

/// An empty database of a server, for one test.
#[derive(Debug)]
pub struct Database {
    url: String,
    // Only if tests are not given a server.
    _server: Option<Redis>,
}

impl Database {
    /// A database of the server that tests are given, or of one of its own; none, said on standard error, if Redis is
    /// not there.
    ///
    /// # Panics
    /// Redis does not answer; or it is not there, and servers are required.
    pub fn for_test(case: &str) -> Option<Self> {
        Self::of(case, given::REDIS, RedisOptions::default())
    }

    /// The same on a server with users, for [`APP`](super::APP).
    ///
    /// # Panics
    /// As [`for_test`](Self::for_test).
    pub fn with_users_for_test(case: &str) -> Option<Self> {
        Self::of(case, given::REDIS_ACL, RedisOptions::default().with_users())
    }

    fn of(case: &str, variable: &str, options: RedisOptions) -> Option<Self> {
        let (url, server) = match given::url(variable) {
            Some(url) => (url, None),
            None => {
                let server = Redis::for_test(case, options)?;
                (server.url(), Some(server))
            }
        };
        let url = fresh(&url).unwrap_or_else(|error| panic!("{variable}: no database: {error}"));
        Some(Self { url, _server: server })
    }

    /// Its address, with the user.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends a command. See [`Connection::command`].
    ///
    /// # Errors
    /// As [`Connection::command`].
    pub fn command(&self, words: &[impl AsRef<[u8]>]) -> io::Result<String> {
        Connection::open(&self.url)?.command(words)
    }
}

/// The address of a database that no other test has, empty.
fn fresh(server: &str) -> io::Result<String> {
    let server = server.trim_end_matches('/');
    let count: u32 =
        Connection::open(server)?.command(&["INCR", COUNTER])?.parse().map_err(io::Error::other)?;
    // The first one has the counter.
    let url = format!("{server}/{}", 1 + (count - 1) % (DATABASES - 1));
    let mut database = Connection::open(&url)?;
    // Not by FLUSHDB, which the user may not be allowed to.
    loop {
        let key = database.command(&["RANDOMKEY"])?;
        if key.is_empty() {
            return Ok(url);
        }
        database.command(&["DEL", &key])?;
    }
}

/// A cluster for one test at a time, empty at first.
///
/// A cluster has one database only, so that tests take turns at the one that they are given.
#[derive(Debug)]
pub struct ClusterLease {
    url: String,
    // Unlocked when it is closed, also by the end of a process that is killed.
    _turn: Option<File>,
    // Only if tests are not given a cluster.
    _cluster: Option<RedisCluster>,
}

impl ClusterLease {
    /// Waits for the cluster that tests are given, or starts one; none, said on standard error, if Redis is not there.
    ///
    /// # Panics
    /// Redis does not answer; or it is not there, and servers are required.
    pub fn for_test(case: &str) -> Option<Self> {
        let Some(url) = given::url(given::REDIS_CLUSTER) else {
            let cluster = unless_missing("Redis", case, RedisCluster::start())?;
            return Some(Self { url: cluster.url(), _turn: None, _cluster: Some(cluster) });
        };
        let turn = take_turn(&url).unwrap_or_else(|error| panic!("{}: {error}", given::REDIS_CLUSTER));
        Some(Self { url, _turn: Some(turn), _cluster: None })
    }

    /// The address.
    pub fn url(&self) -> &str {
        &self.url
    }
}

pub(super) fn take_turn(url: &str) -> io::Result<File> {
    // A key in the cluster would go with the others when it is emptied, and stay when its holder is killed.
    let address: String = url.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let turn = File::create(std::env::temp_dir().join(format!("atdata-test-{address}.lock")))?;
    turn.lock()?;
    let first = url.replacen("redis-cluster://", "redis://", 1);
    let nodes = Connection::open(&first)?.command(&["CLUSTER", "NODES"])?;
    for node in nodes.lines().filter(|line| line.contains("master")) {
        let address =
            node.split([' ', '@']).nth(1).ok_or_else(|| io::Error::other("a node without address"))?;
        Connection::open(&format!("redis://{address}"))?.command(&["FLUSHALL"])?;
    }
    Ok(turn)
}
