//! Redis: one server, one that another follows, a cluster.
//!
//! A test that does something to a server starts its own ([`Redis::for_test`]); one that only keeps data in it takes a
//! [`Database`] of the server that tests are given, or a turn at the cluster ([`ClusterLease`]).

mod client;
mod cluster;
mod options;
mod sentinel;
mod shared;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::daemon::{Daemon, free_port, program};
use super::given::unless_missing;

pub use client::Connection;
pub use cluster::RedisCluster;
pub use options::{APP, CERTIFICATE_FILE, RO, RedisOptions, User};
pub use sentinel::Sentinel;
pub use shared::{ClusterLease, Database};

/// A server that can be stopped, killed and started again. It ends, and its directory goes, when this is dropped.
///
/// ```no_run
/// use atdata_testkit::servers::redis::{Redis, RedisOptions};
///
/// let mut redis = Redis::start(RedisOptions::default().durable())?;
/// redis.command(&["SET", "key", "value"])?;
/// redis.kill();
/// redis.restart()?;
/// assert_eq!(redis.command(&["GET", "key"])?, "value");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Redis {
    // Ends before its directory goes.
    daemon: Option<Daemon>,
    directory: TempDir,
    port: u16,
    options: RedisOptions,
}

impl Redis {
    /// Starts a server on a free port of the loopback interface.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start(options: RedisOptions) -> io::Result<Self> {
        Self::start_on(free_port()?, options)
    }

    /// Starts a server on a port of the loopback interface.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_on(port: u16, options: RedisOptions) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("atdata-redis-").tempdir()?;
        let configuration = options.configuration(port, directory.path());
        std::fs::write(directory.path().join("redis.conf"), configuration)?;
        if options.users {
            std::fs::write(directory.path().join("users.acl"), RedisOptions::access_list())?;
        }
        let mut redis = Self { daemon: None, directory, port, options };
        redis.restart()?;
        Ok(redis)
    }

    /// A server for one test; none, said on standard error, if Redis is not there.
    ///
    /// # Panics
    /// It does not start; or it is not there, and servers are required.
    pub fn for_test(case: &str, options: RedisOptions) -> Option<Self> {
        unless_missing("Redis", case, Self::start(options))
    }

    /// Starts it again where it was, or anew if it is running. Durable data are there again.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart(&mut self) -> io::Result<()> {
        self.stop();
        let configuration = self.directory.path().join("redis.conf");
        let log = self.directory.path().join("log");
        let daemon = Daemon::start(&program("redis-server")?, &[configuration.as_os_str()], log)?;
        let url = self.admin_url();
        let is_ready = || Connection::open(&url).is_ok_and(|mut server| server.command(&["PING"]).is_ok());
        self.daemon.insert(daemon).wait_until(is_ready)
    }

    /// Ends it as it wishes to end, if it is running.
    pub fn stop(&mut self) {
        self.daemon = None;
    }

    /// Ends it as a power cut does.
    ///
    /// # Panics
    /// It is not running.
    pub fn kill(&mut self) {
        let pid = std::fs::read_to_string(self.directory.path().join("pid")).expect("a file with its number");
        let status = Command::new("kill").args(["-9", pid.trim()]).status();
        assert!(status.is_ok_and(|status| status.success()), "the server {} is not running", pid.trim());
        // Waits for its end.
        self.stop();
    }

    /// Sends it a command, as somebody who may do everything. See [`Connection::command`].
    ///
    /// # Errors
    /// As [`Connection::command`].
    pub fn command(&self, words: &[impl AsRef<[u8]>]) -> io::Result<String> {
        Connection::open(&self.admin_url())?.command(words)
    }

    /// The port of the loopback interface.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The socket in the file system.
    pub fn unix_socket(&self) -> PathBuf {
        self.directory.path().join("redis.sock")
    }

    /// Its address, for [`APP`] if it has users.
    pub fn url(&self) -> String {
        if self.options.users { self.url_for(APP.0, APP.1) } else { self.admin_url() }
    }

    /// Its address for somebody; without a name for whoever knows the password.
    pub fn url_for(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}", self.port)
    }

    fn admin_url(&self) -> String {
        match self.options.admin() {
            Some((user, password)) => self.url_for(user, password),
            None => format!("redis://127.0.0.1:{}", self.port),
        }
    }

    /// Waits until something is so. `ready` is asked again and again.
    ///
    /// # Errors
    /// As [`Daemon::wait_until`].
    pub fn wait_until(&mut self, mut ready: impl FnMut(&mut Connection) -> bool) -> io::Result<()> {
        let url = self.admin_url();
        let daemon = self.daemon.as_mut().ok_or_else(|| io::Error::other("the server is stopped"))?;
        daemon.wait_until(|| Connection::open(&url).is_ok_and(|mut server| ready(&mut server)))
    }
}
