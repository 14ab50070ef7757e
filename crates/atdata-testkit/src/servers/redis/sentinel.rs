//! A sentinel: tells clients which of several servers is the master, and makes a replica the master when it is gone.

use std::io;

use tempfile::TempDir;

use super::{Connection, Redis};
use crate::servers::daemon::{Daemon, free_port, program};

/// What the master is called.
const MASTER: &str = "main";

/// A sentinel that decides alone. It ends when this is dropped.
#[derive(Debug)]
pub struct Sentinel {
    // Ends before its directory goes.
    _daemon: Daemon,
    _directory: TempDir,
    port: u16,
}

impl Sentinel {
    /// Starts a sentinel that watches a master without password, and its replicas.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start(master: &Redis) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("atdata-sentinel-").tempdir()?;
        let (port, watched, place) = (free_port()?, master.port(), directory.path().display());
        // The sentinel writes what it learns into this file.
        let file = directory.path().join("sentinel.conf");
        std::fs::write(
            &file,
            format!(
                "bind 127.0.0.1\nport {port}\ndir {place}\nsentinel monitor {MASTER} 127.0.0.1 {watched} 1\n\
                 sentinel down-after-milliseconds {MASTER} 500\nsentinel failover-timeout {MASTER} 3000\n"
            ),
        )?;
        let arguments = [file.as_os_str(), "--sentinel".as_ref()];
        let log = directory.path().join("log");
        let mut daemon = Daemon::start(&program("redis-server")?, &arguments, log)?;
        let url = format!("redis://127.0.0.1:{port}");
        daemon.wait_until(|| Connection::open(&url).is_ok_and(|mut it| it.command(&["PING"]).is_ok()))?;
        Ok(Self { _daemon: daemon, _directory: directory, port })
    }

    /// The address by which the master is found.
    pub fn url(&self) -> String {
        format!("redis-sentinel://127.0.0.1:{}/0?sentinelServiceName={MASTER}", self.port)
    }

    /// Sends it a command. See [`Connection::command`].
    ///
    /// # Errors
    /// As [`Connection::command`].
    pub fn command(&self, words: &[&str]) -> io::Result<String> {
        Connection::open(&format!("redis://127.0.0.1:{}", self.port))?.command(words)
    }
}
