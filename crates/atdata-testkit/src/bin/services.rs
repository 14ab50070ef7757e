//! Starts servers for tests and holds them until standard input ends, or somebody interrupts it.
//!
//! usage: services NAME[=PORT]... (rgw, s3s, garage, redis, pds, pds-strict), nginx, redis-cluster
//!
//! `redis` are two servers: the second, on the port behind if one is said, has users. `pds` has the directory of its
//! accounts on the port behind.
//!
//! When all are ready it prints one line of JSON: an object of the variables that tests read.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::expect_used)]

use std::any::Any;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::thread;

use atdata_testkit::servers::daemon::free_port;
use atdata_testkit::servers::garage::Garage;
use atdata_testkit::servers::given::{
    PDS, PDS_STRICT, PLC, PLC_STRICT, REDIS, REDIS_ACL, REDIS_CLUSTER, S3_SERVERS, S3Server,
};
use atdata_testkit::servers::nginx::Nginx;
use atdata_testkit::servers::pds::{Pds, PdsOptions};
use atdata_testkit::servers::redis::{Redis, RedisCluster, RedisOptions};
use atdata_testkit::servers::rgw::Rgw;
use atdata_testkit::servers::s3s::S3sFs;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Variables of the environment, with their values.
type Variables = Vec<(String, String)>;

/// A server that runs as long as it is held, and its variables.
type Started = (Box<dyn Any + Send>, Variables);

fn start(wanted: &str) -> io::Result<Started> {
    if wanted == "nginx" {
        let nginx = Nginx::start()?;
        let variables = [("URL", nginx.url("")), ("ROOT", nginx.root().display().to_string())];
        let variables = variables.map(|(name, value)| (format!("TEST_NGINX_{name}"), value));
        return Ok(boxed((variables.into(), nginx)));
    }
    if wanted == "redis-cluster" {
        let cluster = RedisCluster::start()?;
        return Ok(boxed((vec![(REDIS_CLUSTER.to_owned(), cluster.url())], cluster)));
    }
    let (name, port) = match wanted.split_once('=') {
        Some((name, port)) => (name, port.parse().map_err(io::Error::other)?),
        None => (wanted, free_port()?),
    };
    let [rgw, s3s, garage] = S3_SERVERS;
    let variables = |server: &S3Server, prefix| server.variables(prefix);
    Ok(match name {
        "rgw" => Rgw::start(port).map(|it| (variables(it.server(), rgw), it)).map(boxed)?,
        "s3s" => S3sFs::start(port).map(|it| (variables(it.server(), s3s), it)).map(boxed)?,
        "garage" => Garage::start(port).map(|it| (variables(it.server(), garage), it)).map(boxed)?,
        "redis" => boxed(two_redis(wanted, port)?),
        "pds" => boxed(pds([PDS, PLC], wanted, port, PdsOptions::default())?),
        "pds-strict" => boxed(pds([PDS_STRICT, PLC_STRICT], wanted, port, PdsOptions::strict())?),
        _ => {
            let text = "there is no such server; there are rgw, s3s, garage, nginx, redis, redis-cluster, pds and pds-strict";
            return Err(io::Error::other(text));
        }
    })
}

/// A server, and the directory of its accounts.
fn pds(names: [&str; 2], wanted: &str, port: u16, options: PdsOptions) -> io::Result<(Variables, Pds)> {
    let (port, next) = if wanted.contains('=') { (port, port + 1) } else { (0, 0) };
    let pds = Pds::start_on(port, next, options)?;
    let variables = names.into_iter().zip([pds.url(), pds.plc_url()]);
    Ok((variables.map(|(name, url)| (name.to_owned(), url)).collect(), pds))
}

/// A server for everybody, and one with users.
fn two_redis(wanted: &str, port: u16) -> io::Result<(Variables, [Redis; 2])> {
    let next = if wanted.contains('=') { port + 1 } else { free_port()? };
    let open = Redis::start_on(port, RedisOptions::default())?;
    let with_users = Redis::start_on(next, RedisOptions::default().with_users())?;
    let variables = [(REDIS, open.url()), (REDIS_ACL, with_users.url())];
    Ok((variables.map(|(name, url)| (name.to_owned(), url)).into(), [open, with_users]))
}

fn boxed<T: Send + 'static>((variables, server): (Variables, T)) -> Started {
    (Box::new(server), variables)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let starting: Vec<_> = names
        .iter()
        .map(|name| {
            thread::spawn({
                let name = name.clone();
                move || start(&name)
            })
        })
        .collect();
    let (mut servers, mut variables, mut failed) = (Vec::new(), serde_json::Map::new(), false);
    for (name, thread) in names.iter().zip(starting) {
        match thread.join().expect("a launcher that does not panic") {
            Ok((server, its)) => {
                servers.push(server);
                variables.extend(its.into_iter().map(|(name, value)| (name, value.into())));
            }
            Err(error) => {
                eprintln!("services: {name}: {error}");
                failed = true;
            }
        }
    }
    if failed {
        return ExitCode::FAILURE;
    }
    println!("{}", serde_json::Value::from(variables));
    io::stdout().flush().expect("standard output");
    until_nobody_needs_them().await;
    drop(servers);
    ExitCode::SUCCESS
}

async fn until_nobody_needs_them() {
    let (ended, input_ended) = oneshot::channel();
    thread::spawn(move || {
        // Whatever is typed is of no interest.
        let _ = io::copy(&mut io::stdin().by_ref(), &mut io::sink());
        let _ = ended.send(());
    });
    let mut interrupted = signal(SignalKind::interrupt()).expect("a signal handler");
    let mut terminated = signal(SignalKind::terminate()).expect("a signal handler");
    tokio::select! {
        _ = input_ended => {}
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
}
