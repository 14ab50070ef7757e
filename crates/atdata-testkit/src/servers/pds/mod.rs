//! A Personal Data Server of the AT Protocol, with the did:plc directory that it registers accounts with.
//!
//! A test that does something to a server starts its own ([`Pds::for_test`]), which takes some seconds; one that only
//! keeps data in it takes a [`PdsAccount`] of the server that tests are given.

mod account;
mod files;
mod options;
#[cfg(test)]
mod tests;
mod xrpc;

use std::io;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::daemon::Daemon;
use super::given::unless_missing;

pub use account::{Account, PdsAccount};
pub use options::{ADMIN_PASSWORD, JWT_SECRET, PdsOptions};
pub use xrpc::{Answer, FORWARDED, Xrpc, fresh_address};

/// A server that can be stopped, killed and started again, with all its data and on the same ports. It ends, and its
/// directory goes, when this is dropped.
///
/// ```no_run
/// use atdata_testkit::servers::pds::{Pds, PdsOptions};
///
/// let mut pds = Pds::start(PdsOptions::default())?;
/// let account = pds.create_account("alice.test")?;
/// pds.kill();
/// pds.restart()?;
/// println!("{} is {} at {}", account.handle, account.did, pds.url());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Pds {
    // Ends before its directory goes.
    daemon: Option<Daemon>,
    directory: TempDir,
    options: PdsOptions,
    // 0 before the first start, if any will do.
    port: u16,
    plc_port: u16,
}

impl Pds {
    /// Starts a server and a directory of accounts on free ports of the loopback interface.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start(options: PdsOptions) -> io::Result<Self> {
        Self::start_on(0, 0, options)
    }

    /// Starts a server on one port of the loopback interface, and the directory of accounts on another; 0 is any port.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_on(port: u16, plc_port: u16, options: PdsOptions) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("atdata-pds-").tempdir()?;
        files::lay_out(directory.path())?;
        let mut pds = Self { daemon: None, directory, options, port, plc_port };
        pds.restart()?;
        Ok(pds)
    }

    /// A server for one test; none, said on standard error, if it is not installed.
    ///
    /// # Panics
    /// It does not start; or it is not installed, and servers are required.
    pub fn for_test(case: &str, options: PdsOptions) -> Option<Self> {
        unless_missing("PDS", case, Self::start(options))
    }

    /// Starts it again where it was and with its data, or anew if it is running.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart(&mut self) -> io::Result<()> {
        self.stop();
        let path = self.directory.path();
        std::fs::write(path.join("options.json"), self.options.json(self.port, self.plc_port).to_string())?;
        let ready = path.join("ready.json");
        if ready.exists() {
            std::fs::remove_file(&ready)?;
        }
        let (program, arguments) = files::command(path)?;
        let arguments: Vec<_> = arguments.iter().map(AsRef::as_ref).collect();
        let daemon = Daemon::start(&program, &arguments, path.join("log"))?;
        self.daemon.insert(daemon).wait_until(|| ready.exists())?;
        self.port = self.number("pdsPort")?;
        self.plc_port = self.number("plcPort")?;
        Ok(())
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
        assert!(self.daemon.is_some(), "the server is not running");
        let pid: u32 = self.number("pid").expect("a file with its number");
        let status = Command::new("kill").args(["-9", &pid.to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "the server {pid} is not running");
        // Waits for its end.
        self.stop();
    }

    /// One of the numbers that the server says when it is ready.
    fn number<T: TryFrom<u64>>(&self, name: &str) -> io::Result<T> {
        let text = std::fs::read_to_string(self.directory.path().join("ready.json"))?;
        let ready: Value = serde_json::from_str(&text)?;
        let number = ready[name].as_u64().and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| io::Error::other(format!("{text}: no {name}")))
    }

    /// Makes an account, as anybody may. Handles end in `.test`, with 3 to 18 characters before that.
    ///
    /// # Errors
    /// The server does not answer, or refuses.
    pub fn create_account(&self, handle: &str) -> io::Result<Account> {
        Account::create(&self.url(), handle)
    }

    /// The address of the server, `http://localhost:PORT`. It listens on 127.0.0.1.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The address of the directory of accounts.
    pub fn plc_url(&self) -> String {
        format!("http://localhost:{}", self.plc_port)
    }

    /// The server's port of the loopback interface.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory's port of the loopback interface.
    pub fn plc_port(&self) -> u16 {
        self.plc_port
    }
}
