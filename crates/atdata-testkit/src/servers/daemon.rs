//! Programs that serve until they are no longer needed.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it answers.
const STARTING: Duration = Duration::from_secs(60);

/// Runs a program, and ends it when standard input does: when the one who holds the other end drops it, ends or is killed.
/// The program gets a moment to end by itself.
const KEEPER: &str = r#"
exec 3<&0
"$@" </dev/null &
server=$!
(
    cat >/dev/null
    kill "$server" 2>/dev/null
    waited=0
    while kill -0 "$server" 2>/dev/null && [ "$waited" -lt 50 ]; do sleep 0.1; waited=$((waited + 1)); done
    kill -9 "$server" 2>/dev/null
) <&3 >/dev/null 2>&1 &
exec 3<&-
wait "$server"
"#;

/// A server in the background. It ends when this is dropped, or when the process that holds it ends in whatever way.
#[derive(Debug)]
pub struct Daemon {
    keeper: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts a program; what it prints goes to `log`.
    ///
    /// # Errors
    /// The log cannot be made, or there is no shell.
    pub fn start(program: &Path, arguments: &[&OsStr], log: PathBuf) -> io::Result<Self> {
        let output = File::create(&log)?;
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(program).args(arguments);
        command.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(output);
        // Whoever interrupts the tests from a terminal does not interrupt the server: it ends after them.
        #[cfg(unix)]
        command.process_group(0);
        Ok(Self { keeper: command.spawn()?, log })
    }

    /// Waits until something is ready. `ready` is asked again and again.
    ///
    /// # Errors
    /// The server ends before, or it takes longer than a minute; the error has the end of the log.
    pub fn wait_until(&mut self, mut ready: impl FnMut() -> bool) -> io::Result<()> {
        let started = Instant::now();
        loop {
            if ready() {
                return Ok(());
            }
            let ended = self.keeper.try_wait()?;
            if ended.is_some() || started.elapsed() > STARTING {
                let what = if ended.is_some() { "the server ended" } else { "the server is not ready" };
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(10).collect();
                let tail: Vec<&str> = tail.into_iter().rev().collect();
                return Err(io::Error::other(format!("{what}; {}: {}", self.log.display(), tail.join("\n"))));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // It may have ended by itself.
        let _ = self.keeper.wait();
    }
}

/// A port of the loopback interface that nobody listens on at the moment.
///
/// # Errors
/// There is none.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// What a web server on the loopback interface answers to a request for `path`: the status, if it answers at all.
pub fn http_status(port: u16, path: &str) -> Option<u16> {
    let host = format!("127.0.0.1:{port}");
    http_request(&host, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n"))
}

/// Sends a request, of which `head` has the first line and headers, and gives the status of the answer.
pub(super) fn http_request(host: &str, head: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(host).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.take(64).read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// Finds a program: on the search path, or where system packages and the tasks of this workspace put them.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let search = std::env::var_os("PATH").unwrap_or_default();
    let own = std::env::home_dir().map(|home| home.join(".cache/atdata/tools/bin"));
    let system = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    let mut places = std::env::split_paths(&search).chain(own).chain(system);
    places.find_map(|place| Some(place.join(name)).filter(|program| program.is_file()))
}

/// [`find_program`], as a result.
///
/// # Errors
/// `NotFound`, saying how it can be installed.
pub fn program(name: &str) -> io::Result<PathBuf> {
    find_program(name).ok_or_else(|| {
        let text = format!("{name} is not installed; `cargo xtask services --install` does it");
        io::Error::new(io::ErrorKind::NotFound, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_ends_when_it_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let pid = directory.path().join("pid");
        let script = format!("echo $$ > {} && exec sleep 1000", pid.display());
        let log = directory.path().join("log");
        let mut daemon = Daemon::start(Path::new("sh"), &["-c".as_ref(), script.as_ref()], log).unwrap();
        let number = || std::fs::read_to_string(&pid).ok().filter(|text| text.ends_with('\n'));
        daemon.wait_until(|| number().is_some()).unwrap();
        let alive = |pid: &str| Command::new("kill").args(["-0", pid]).stderr(Stdio::null()).status();
        let number = number().unwrap();
        assert!(alive(number.trim()).unwrap().success());
        drop(daemon);
        assert!(!alive(number.trim()).unwrap().success());
    }

    #[test]
    fn one_that_ends_by_itself_says_why() {
        let directory = tempfile::tempdir().unwrap();
        let arguments = ["-c".as_ref(), "echo no such disk; exit 3".as_ref()];
        let mut daemon = Daemon::start(Path::new("sh"), &arguments, directory.path().join("log")).unwrap();
        let error = daemon.wait_until(|| false).unwrap_err();
        assert!(error.to_string().contains("no such disk"), "{error}");
    }
}
