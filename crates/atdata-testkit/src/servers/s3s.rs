//! s3s-fs: a small S3 server over a directory, which shares no code with any other here.

use std::io;

use tempfile::TempDir;

use super::daemon::{Daemon, http_status, program};
use super::given::S3Server;

/// The version that the tests know.
pub const VERSION: &str = "0.14.1";

/// A running s3s-fs. It ends, and its directory goes, when this is dropped.
#[derive(Debug)]
pub struct S3sFs {
    // Ends before its directory goes.
    _daemon: Daemon,
    _directory: TempDir,
    server: S3Server,
}

impl S3sFs {
    /// Starts a server on a port of the loopback interface, without buckets.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start(port: u16) -> io::Result<Self> {
        let program = program("s3s-fs")?;
        let directory = tempfile::Builder::new().prefix("atdata-s3s-").tempdir()?;
        let server = S3Server::local(port, "TESTACCESSKEY", "testsecretkey");
        let data = directory.path().join("data");
        std::fs::create_dir(&data)?;
        let port_text = port.to_string();
        let arguments = [
            "--host".as_ref(),
            "127.0.0.1".as_ref(),
            "--port".as_ref(),
            port_text.as_ref(),
            "--access-key".as_ref(),
            server.access_key.as_ref(),
            "--secret-key".as_ref(),
            server.secret_key.as_ref(),
            data.as_os_str(),
        ];
        let mut daemon = Daemon::start(&program, &arguments, directory.path().join("log"))?;
        daemon.wait_until(|| http_status(port, "/").is_some())?;
        Ok(Self { _daemon: daemon, _directory: directory, server })
    }

    /// How it is reached.
    pub fn server(&self) -> &S3Server {
        &self.server
    }
}
