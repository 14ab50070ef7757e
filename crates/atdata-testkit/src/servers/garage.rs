//! Garage: another production S3 server. It takes long to build, and runs only where it is asked for.

use std::io;

use tempfile::TempDir;

use super::daemon::{Daemon, free_port, http_status, program};
use super::given::S3Server;

/// The version that the tests know.
pub const VERSION: &str = "2.5.0";

/// Keys of the form that Garage insists on.
const ACCESS_KEY: &str = "GK000000000000000000000001";
const SECRET_KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The bucket that its key may use. Others can be made too.
const BUCKET: &str = "shards";

/// A running Garage of one node. It ends, and its directory goes, when this is dropped.
#[derive(Debug)]
pub struct Garage {
    // Ends before its directory goes.
    _daemon: Daemon,
    _directory: TempDir,
    server: S3Server,
}

impl Garage {
    /// Starts a server on a port of the loopback interface.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start(port: u16) -> io::Result<Self> {
        let garage = program("garage")?;
        let directory = tempfile::Builder::new().prefix("atdata-garage-").tempdir()?;
        let (nodes, admin) = (free_port()?, free_port()?);
        let place = directory.path().display();
        let configuration = directory.path().join("garage.toml");
        std::fs::write(
            &configuration,
            format!(
                "metadata_dir = \"{place}/meta\"
data_dir = \"{place}/data\"
db_engine = \"lmdb\"
replication_factor = 1
rpc_bind_addr = \"127.0.0.1:{nodes}\"
rpc_public_addr = \"127.0.0.1:{nodes}\"
rpc_secret = \"{SECRET_KEY}\"
[s3_api]
s3_region = \"us-east-1\"
api_bind_addr = \"127.0.0.1:{port}\"
root_domain = \".localhost\"
[admin]
api_bind_addr = \"127.0.0.1:{admin}\"
"
            ),
        )?;
        let keys = [
            format!("GARAGE_DEFAULT_ACCESS_KEY={ACCESS_KEY}"),
            format!("GARAGE_DEFAULT_SECRET_KEY={SECRET_KEY}"),
            format!("GARAGE_DEFAULT_BUCKET={BUCKET}"),
        ];
        let mut arguments: Vec<&std::ffi::OsStr> = keys.iter().map(AsRef::as_ref).collect();
        arguments.extend([garage.as_os_str(), "-c".as_ref(), configuration.as_os_str()]);
        arguments.extend(["server", "--single-node", "--default-bucket"].map(std::ffi::OsStr::new));
        let mut daemon = Daemon::start(&program("env")?, &arguments, directory.path().join("log"))?;
        daemon.wait_until(|| http_status(admin, "/health") == Some(200))?;
        let server = S3Server::local(port, ACCESS_KEY, SECRET_KEY);
        Ok(Self { _daemon: daemon, _directory: directory, server })
    }

    /// How it is reached.
    pub fn server(&self) -> &S3Server {
        &self.server
    }
}
