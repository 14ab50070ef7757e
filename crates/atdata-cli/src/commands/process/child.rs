//! One run of the user's command.

use std::io::Write;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use atdata::process::ShardJob;
use atdata::url::address::file_url_of_path;
use futures::future::{join3, select};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use crate::address::local_path_of;

/// The most that a command may print as its result, in bytes.
const MOST: u64 = 64 << 20;

/// How much of the end of what a command says on standard error is part of its failure.
const TAIL: usize = 2000;

/// How long the end of the process may wait for a server to take shards back.
pub(super) const FAREWELL: Duration = Duration::from_secs(5);

/// The command, in which `{}` stands for a shard.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
}

impl Template {
    /// Runs it on a shard. Gives what it printed; if it fails, how, with the end of what it said.
    pub(super) async fn run<T>(&self, job: &ShardJob<T>) -> Result<String, String> {
        let mut command = Command::new(self.program.replace("{}", job.shard()));
        command.args(self.arguments.iter().map(|argument| argument.replace("{}", job.shard())));
        command.env("ATDATA_SHARD", job.shard()).env("ATDATA_SHARD_URL", url_of(job.shard()));
        command.env("ATDATA_ATTEMPT", job.attempt().to_string()).env("ATDATA_TOKEN", job.token().to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // An interruption from a terminal is for us; we end it.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| format!("cannot start {}: {error}", self.program))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let mut group = Group(child);
        let (printed, said, status) = join3(result_of(stdout), pass_on(stderr), group.0.wait()).await;
        let status = status.map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(failure(status, &said));
        }
        printed
    }
}

fn failure(status: ExitStatus, said: &str) -> String {
    let said = said.trim();
    if said.is_empty() {
        format!("it ended with {status}")
    } else {
        format!("it ended with {status}: {said}")
    }
}

/// The address of a shard as a URL.
fn url_of(shard: &str) -> String {
    let url = local_path_of(shard).and_then(|path| file_url_of_path(&path).ok());
    url.unwrap_or_else(|| shard.to_owned())
}

/// All that a command prints.
async fn result_of(stream: Option<impl AsyncRead + Unpin>) -> Result<String, String> {
    let Some(stream) = stream else { return Ok(String::new()) };
    let mut bytes = Vec::new();
    let read = stream.take(MOST + 1).read_to_end(&mut bytes).await;
    read.map_err(|error| format!("what it prints cannot be read: {error}"))?;
    if bytes.len() as u64 > MOST {
        return Err(format!("it printed more than {MOST} bytes, which is too much for a result"));
    }
    String::from_utf8(bytes).map_err(|_| "what it printed is not UTF-8".to_owned())
}

/// Shows what a command says on standard error, and gives the end of it.
async fn pass_on(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let (mut tail, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = stream.read(&mut piece).await {
        let piece = piece.get(..length).unwrap_or_default();
        // If standard error is closed nobody wants to know.
        let _ = std::io::stderr().write_all(piece);
        tail.extend_from_slice(piece);
        let surplus = tail.len().saturating_sub(TAIL);
        tail.drain(..surplus);
    }
    String::from_utf8_lossy(&tail).into_owned()
}

/// A command with all that it has started. They end when this is dropped.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // There is no number any more when it has ended.
        #[cfg(unix)]
        if let Some(group) =
            self.0.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?))
        {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

/// Waits for Ctrl-C, or for a polite request to end.
pub(super) async fn asked_to_end() {
    #[cfg(unix)]
    let terminated = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => _ = signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending();
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    select(Box::pin(terminated), Box::pin(interrupted)).await;
}
