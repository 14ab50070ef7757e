//! `services`: real servers for the tests.
//!
//! How each is started is known to the testkit's program `services`, which holds them as long as its standard input is
//! open; so they end with this process, however that ends.

mod install;
mod pds;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::flags::{Flags, check_names};
use crate::process;
use crate::report::{Outcome, Tally};
use install::Program;

pub(crate) const HELP: &str = "\
Starts real servers for the tests, and holds them until it is interrupted

usage: cargo xtask services [--install] [--garage] [--only NAME[,NAME]]

Servers listen on free ports of the loopback interface, keep their data in temporary directories, and end with this
command. Their addresses and keys are printed as variables; tests that find the variables use the servers. Nothing is
started for variables that are set already.

  rgw     Ceph's object gateway: TEST_S3_{ENDPOINT,REGION,ACCESS_KEY_ID,SECRET_ACCESS_KEY}
  s3s     s3s-fs: TEST_S3S_{…}
  garage  Garage: TEST_GARAGE_{…}; only with --garage or --only garage
  nginx   a web server of the files below TEST_NGINX_ROOT, at TEST_NGINX_URL; only with --only nginx
  redis   two Redis servers: TEST_REDIS_URL, and one with users: TEST_REDIS_ACL_URL
  redis-cluster
          three Redis servers that share the keys: TEST_REDIS_CLUSTER_URL
  pds     a Personal Data Server: TEST_PDS_URL, and the did:plc directory of its accounts: TEST_PLC_URL
  pds-strict
          the same with short-lived tokens and rate limits: TEST_PDS_STRICT_URL, TEST_PLC_STRICT_URL

  --install  install what is missing: Debian's packages (as root) and programs in $HOME/.cache/atdata/tools
  --garage   Garage too; building it takes a quarter of an hour, once
  --only     only these

`docker compose up --build --wait` offers rgw, s3s, redis and pds where Docker is at hand; docker-compose.yml has the variables.";

/// A server that can be started.
struct Server {
    name: &'static str,
    /// The beginning of its variables' names.
    prefix: &'static str,
    needs: &'static [Program],
}

const SERVERS: [Server; 8] = [
    Server { name: "rgw", prefix: "TEST_S3", needs: &install::CEPH },
    Server { name: "s3s", prefix: "TEST_S3S", needs: &[install::S3S_FS] },
    Server { name: "garage", prefix: "TEST_GARAGE", needs: &[install::GARAGE] },
    Server { name: "nginx", prefix: "TEST_NGINX", needs: &[install::NGINX] },
    Server { name: "redis", prefix: "TEST_REDIS", needs: &[install::REDIS] },
    Server { name: "redis-cluster", prefix: "TEST_REDIS_CLUSTER", needs: &[install::REDIS] },
    Server { name: "pds", prefix: "TEST_PDS", needs: &[install::PDS] },
    Server { name: "pds-strict", prefix: "TEST_PDS_STRICT", needs: &[install::PDS] },
];

/// What runs with every `test-all`.
const USUAL: [&str; 6] = ["rgw", "s3s", "redis", "redis-cluster", "pds", "pds-strict"];

/// Programs that tests start by themselves.
const OF_TESTS: [Program; 4] = [install::CHROMIUM, install::NGINX, install::REDIS, install::PDS];

pub(crate) fn main(mut flags: Flags) -> Result<Tally> {
    let install = flags.switch("--install");
    let garage = flags.switch("--garage");
    let only = flags.list("--only")?;
    flags.finish()?;
    check_names("--only", &only, SERVERS.iter().map(|server| server.name))?;
    let mut wanted: Vec<&str> =
        if only.is_empty() { USUAL.into() } else { only.iter().map(String::as_str).collect() };
    if garage && !wanted.contains(&"garage") {
        wanted.push("garage");
    }
    if install {
        install_for(&wanted)?;
    }
    let mut running = Running::start(&wanted)?;
    for (name, value) in &running.variables {
        println!("export {name}={value}");
    }
    if running.variables.is_empty() {
        println!("all variables are set already: there is nothing to start");
        return Ok(Tally::default());
    }
    println!("# ready; interrupt to end them");
    running.wait()?;
    Ok(Tally::default())
}

/// Installs what `test-all` needs, and sees that the servers start.
pub(crate) fn step() -> Result<Outcome> {
    install_for(&USUAL)?;
    drop(Running::start(&USUAL)?);
    Ok(Outcome::Passed)
}

/// The servers that transfers are measured on.
pub(crate) fn for_bench() -> Result<Running> {
    Running::start(&["rgw", "nginx"])
}

/// Servers that are empty, unless others are given.
pub(crate) fn for_interop(names: &[&str]) -> Result<Running> {
    Running::start(names)
}

/// The servers that tests use.
pub(crate) fn for_tests() -> Result<Running> {
    Running::start(&USUAL)
}

fn chosen<'a>(names: &'a [&'a str]) -> impl Iterator<Item = &'static Server> {
    SERVERS.iter().filter(move |server| names.contains(&server.name) && !server.is_given())
}

fn install_for(names: &[&str]) -> Result<()> {
    let needed: Vec<Program> =
        chosen(names).flat_map(|server| server.needs).chain(&OF_TESTS).copied().collect();
    install::install(&needed)
}

impl Server {
    /// Whether its variables are set, so that it needs not be started.
    fn is_given(&self) -> bool {
        let is_set =
            |name| std::env::var_os(format!("{}_{name}", self.prefix)).is_some_and(|value| !value.is_empty());
        is_set("ENDPOINT") || is_set("URL")
    }
}

/// Servers that run as long as this is held.
#[derive(Debug)]
pub(crate) struct Running {
    holder: Option<(Child, ChildStdin)>,
    /// Where they are, for tests.
    pub(crate) variables: BTreeMap<String, String>,
}

impl Running {
    fn start(names: &[&str]) -> Result<Self> {
        let servers: Vec<&Server> = chosen(names).collect();
        let needed: Vec<Program> = servers.iter().flat_map(|server| server.needs).copied().collect();
        install::check(&needed)?;
        if servers.is_empty() {
            return Ok(Self { holder: None, variables: BTreeMap::new() });
        }
        let package = ["--quiet", "--package", "atdata-testkit", "--bin", "services"];
        process::run(process::cargo(&["build"]).args(package))?;
        let mut command = process::cargo(&["run"]);
        command.args(package).arg("--").args(servers.iter().map(|server| server.name));
        let mut holder = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", process::shown(&command)))?;
        let (Some(stdin), Some(stdout)) = (holder.stdin.take(), holder.stdout.take()) else {
            bail!("the standard streams of {} are not piped", process::shown(&command));
        };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let mut running = Self { holder: Some((holder, stdin)), variables: BTreeMap::new() };
        let Ok(Value::Object(variables)) = serde_json::from_str(&line) else {
            bail!("the servers did not start; what is wrong is said above");
        };
        running.variables = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
            .collect();
        Ok(running)
    }

    /// The value of a variable, of a server that was started or one that is given.
    pub(crate) fn variable(&self, name: &str) -> Result<String> {
        let started = self.variables.get(name).cloned();
        let value = started.or_else(|| std::env::var(name).ok());
        value.with_context(|| format!("{name} is not set, though others of its server may be"))
    }

    /// Gives the servers to a command that runs tests. A test that misses one of them fails.
    pub(crate) fn give_to(&self, command: &mut Command) {
        command.envs(&self.variables).env("ATDATA_REQUIRE_SERVERS", "1");
    }

    /// Waits until the servers end by themselves, as an interruption makes them do.
    fn wait(&mut self) -> Result<()> {
        if let Some((holder, _)) = &mut self.holder {
            holder.wait()?;
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some((mut holder, stdin)) = self.holder.take() {
            drop(stdin);
            // It may have ended by itself.
            let _ = holder.wait();
        }
    }
}
