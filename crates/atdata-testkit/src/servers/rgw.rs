//! Ceph's object gateway: a production S3 server, with a monitor and one storage daemon that keeps everything in memory.
//!
//! Needs no root and no configuration of the system. Written for Ceph 16, as Debian 12 has it.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::daemon::{Daemon, free_port, program};
use super::given::S3Server;

/// The packages of Debian that it is made of.
pub const PACKAGES: [&str; 4] = ["radosgw", "ceph-mon", "ceph-osd", "ceph-common"];

/// The programs that have to be there.
pub const PROGRAMS: [&str; 6] = ["radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph", "monmaptool"];

/// The most bytes that are kept in memory.
const CAPACITY: u64 = 16 << 30;

/// A running cluster. It ends, and its directory goes, when this is dropped.
#[derive(Debug)]
pub struct Rgw {
    // Fields end in their order: the gateway first, its directory last.
    _gateway: Daemon,
    _storage: Daemon,
    _monitor: Daemon,
    _directory: TempDir,
    server: S3Server,
}

impl Rgw {
    /// Starts a server on a port of the loopback interface, in some seconds.
    ///
    /// # Errors
    /// A program is not installed, or something does not start.
    pub fn start(port: u16) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("atdata-rgw-").tempdir()?;
        let monitor_port = free_port()?;
        let cluster = Cluster::prepare(directory.path(), port)?;
        cluster.run(
            "monmaptool",
            &[
                "--create",
                "--fsid",
                &cluster.id,
                "--addv",
                "a",
                &format!("[v1:127.0.0.1:{monitor_port}]"),
                &cluster.file("monmap"),
            ],
        )?;
        cluster.ceph("ceph-mon", &["--mkfs", "-i", "a", "--monmap", &cluster.file("monmap")])?;
        let mut monitor = cluster.daemon("ceph-mon", &["-f", "-i", "a"])?;
        monitor.wait_until(|| std::net::TcpStream::connect(("127.0.0.1", monitor_port)).is_ok())?;

        let storage_id = random_uuid()?;
        cluster.ceph("ceph", &["--connect-timeout", "30", "osd", "new", &storage_id])?;
        cluster.ceph("ceph-osd", &["-i", "0", "--mkfs", "--osd-uuid", &storage_id])?;
        cluster.ceph(
            "ceph",
            &["--connect-timeout", "30", "osd", "crush", "add", "osd.0", "1.0", "root=default"],
        )?;
        let storage = cluster.daemon("ceph-osd", &["-f", "-i", "0"])?;

        let server = S3Server::local(port, "TESTACCESSKEY0000000", "testsecretkey00000000000000000000000000");
        cluster.ceph(
            "radosgw-admin",
            &[
                "user",
                "create",
                "--uid",
                "test",
                "--display-name",
                "test",
                "--access-key",
                &server.access_key,
                "--secret-key",
                &server.secret_key,
            ],
        )?;
        let mut gateway = cluster.daemon("radosgw", &["-f", "-n", "client.rgw"])?;
        // It answers some time before it can write.
        gateway.wait_until(|| server.try_make_bucket("ready"))?;
        Ok(Self { _gateway: gateway, _storage: storage, _monitor: monitor, _directory: directory, server })
    }

    /// How it is reached.
    pub fn server(&self) -> &S3Server {
        &self.server
    }
}

/// A directory with the configuration of a cluster.
struct Cluster {
    directory: PathBuf,
    id: String,
}

impl Cluster {
    fn prepare(directory: &Path, port: u16) -> io::Result<Self> {
        for inner in ["mon", "osd/0", "crash"] {
            std::fs::create_dir_all(directory.join(inner))?;
        }
        let cluster = Self { directory: directory.to_owned(), id: random_uuid()? };
        std::fs::write(directory.join("ceph.conf"), cluster.configuration(port))?;
        Ok(cluster)
    }

    fn configuration(&self, port: u16) -> String {
        let (id, directory) = (&self.id, self.directory.display());
        format!(
            "[global]
fsid = {id}
# Clients are given the map as a file, which has the cluster's identifier. With an address alone some of them come before
# they know it, and are refused.
monmap = {directory}/monmap
public network = 127.0.0.0/8
ms bind ipv6 = false
auth cluster required = none
auth service required = none
auth client required = none
run dir = {directory}
crash dir = {directory}/crash
log file = {directory}/$name.log
admin socket = {directory}/$name.asok
mon data = {directory}/mon/$id
osd data = {directory}/osd/$id
# One place for everything, in memory.
osd objectstore = memstore
memstore device bytes = {CAPACITY}
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd crush update on start = false
osd class update on start = false
osd class load list = *
osd class default list = *
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail crit = 1
# Every change of the cluster's maps waits so long; the default of a second makes a start last 13.
paxos propose interval = 0.05
paxos min wait = 0.01
[client]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw dns name = localhost
# What is removed goes soon, not in two hours.
rgw gc obj min wait = 5
rgw gc processor period = 5
"
        )
    }

    fn file(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    /// Runs a program to its end.
    fn run(&self, name: &str, arguments: &[&str]) -> io::Result<()> {
        let output = Command::new(program(name)?).args(arguments).output()?;
        if output.status.success() {
            return Ok(());
        }
        let printed = [output.stdout, output.stderr].concat();
        let text = format!("{name} ended with {}: {}", output.status, String::from_utf8_lossy(&printed));
        Err(io::Error::other(text))
    }

    /// Runs a program of Ceph to its end. Those that ask a monitor which has just started may be refused by it before it
    /// knows whom it serves; they ask again.
    fn ceph(&self, name: &str, arguments: &[&str]) -> io::Result<()> {
        const ATTEMPTS: u32 = 10;
        let configuration = self.file("ceph.conf");
        let all = [&["-c", configuration.as_str()], arguments].concat();
        for _ in 1..ATTEMPTS {
            match self.run(name, &all) {
                Err(error) if error.to_string().contains("EPERM") => {}
                done => return done,
            }
        }
        self.run(name, &all)
    }

    fn daemon(&self, name: &str, arguments: &[&str]) -> io::Result<Daemon> {
        let configuration = self.file("ceph.conf");
        let arguments: Vec<&OsStr> =
            ["-c", &configuration].iter().chain(arguments).map(|argument| OsStr::new(*argument)).collect();
        Daemon::start(&program(name)?, &arguments, self.directory.join(format!("{name}.out")))
    }
}

fn random_uuid() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/uuid")?.trim().to_owned())
}
