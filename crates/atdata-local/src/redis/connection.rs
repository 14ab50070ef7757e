//! [`Server`] by the client library `fred`.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use atdata_core::{Error, ErrorKind, Result};
use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::{ClientLike, ClusterInterface, EventInterface, Resp3Frame};
use fred::prelude::{Config, ReconnectPolicy, ServerConfig};
use fred::types::config::{
    ClusterDiscoveryPolicy, ConnectionConfig, PerformanceConfig, Server as Host, TlsConnector,
};
use fred::types::{Builder, ClusterHash, ConnectHandle, CustomCommand, Value};
use tokio::sync::RwLock;
use tokio::time::timeout;

use super::address::{Address, Place};
use super::server::{Command, Reply, ScanCursor, Script, Server};
use crate::error::redis::{from_client, from_text, is_lost};

/// Keys that a page of a scan asks for. A server looks at so many slots of its table before it serves others.
const SCAN_COUNT: &str = "1000";

/// Before a command is sent again.
const PAUSE: Duration = Duration::from_millis(20);

/// A connection that comes back by itself when it is lost.
pub(crate) struct Connection {
    address: Address,
    wait: Duration,
    live: RwLock<Live>,
}

/// A client, and the task that drives it.
struct Live {
    client: Client,
    driver: ConnectHandle,
    /// Why the connection could not be made again, the last time that it was tried.
    trouble: Arc<Mutex<Option<Error>>>,
}

impl Drop for Live {
    fn drop(&mut self) {
        let client = self.client.clone();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move { drop(client.quit().await) })),
            Err(_) => self.driver.abort(),
        }
    }
}

impl Connection {
    /// Connects. A call on it takes no longer than `wait`, whether the server is there or not.
    pub(crate) async fn open(address: Address, wait: Duration) -> Result<Self> {
        let live = connect(&address, wait).await.map_err(|error| error.with("index", address.shown()))?;
        Ok(Self { address, wait, live: RwLock::new(live) })
    }

    /// A client whose driver runs. It gives up on what it takes for a wrong configuration, a password for instance; the
    /// server may have been mended since.
    async fn client(&self) -> Result<(Client, Arc<Mutex<Option<Error>>>)> {
        {
            let live = self.live.read().await;
            if !live.driver.is_finished() {
                return Ok((live.client.clone(), live.trouble.clone()));
            }
        }
        let mut live = self.live.write().await;
        if live.driver.is_finished() {
            *live = connect(&self.address, self.wait).await?;
        }
        Ok((live.client.clone(), live.trouble.clone()))
    }

    /// Runs what is asked of the server, for so long. Errors name the command and the server.
    async fn within<T, F>(
        &self,
        what: &(impl fmt::Debug + Sync),
        work: impl FnOnce(Client) -> F + Send,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let mut asked = None;
        let done = timeout(self.wait, async {
            let (client, _) = &*asked.insert(self.client().await?);
            work(client.clone()).await
        });
        let done = done.await.unwrap_or_else(|_| {
            Err(Error::unavailable(format!("the server did not answer within {:?}", self.wait)))
        });
        let Err(mut error) = done else { return done };
        if let Some((client, trouble)) = asked {
            // While there is no connection nothing is answered; why there is none says more.
            let trouble = || trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
            if error.kind() == ErrorKind::Unavailable && !client.is_connected() {
                error = trouble().unwrap_or(error);
            }
            // Whoever was the master is not any more, and the sentinels know who is.
            let is_sentinel = matches!(self.address.place, Place::Sentinel { .. });
            if is_sentinel && error.context_value("code") == Some("READONLY") {
                tokio::spawn(async move { drop(client.force_reconnection().await) });
            }
        }
        Err(error.with("command", format!("{what:?}")).with("index", self.address.shown()))
    }
}

#[async_trait]
impl Server for Connection {
    async fn call(&self, command: Command) -> Result<Reply> {
        let what = command.clone();
        self.within(&what, |client| async move {
            let hash = ClusterHash::from(&command.key()[..]);
            send(&client, self.wait, command.name, hash, command.arguments).await
        })
        .await
    }

    async fn pipeline(&self, commands: Vec<Command>) -> Vec<Result<Reply>> {
        // The client puts commands that wait at the same time into one packet.
        futures::future::join_all(commands.into_iter().map(|command| self.call(command))).await
    }

    async fn script(&self, script: &Script, keys: Vec<Bytes>, arguments: Vec<Bytes>) -> Result<Reply> {
        let key = keys.first().cloned().unwrap_or_default();
        let count = Bytes::from(keys.len().to_string());
        let rest: Vec<Bytes> = [count].into_iter().chain(keys).chain(arguments).collect();
        let what = Command::new("EVALSHA", key.clone());
        self.within(&what, |client| async move {
            let with = |first: Bytes| [first].into_iter().chain(rest.iter().cloned()).collect();
            let hash = ClusterHash::from(&key[..]);
            match send(&client, self.wait, "EVALSHA", hash.clone(), with(script.sha1())).await {
                // A server that was restarted does not know it any more.
                Err(error) if error.context_value("code") == Some("NOSCRIPT") => {
                    let source = Bytes::from_static(script.source.as_bytes());
                    send(&client, self.wait, "EVAL", hash, with(source)).await
                }
                done => done,
            }
        })
        .await
    }

    async fn scan(
        &self,
        cursor: &ScanCursor,
        pattern: &'static str,
    ) -> Result<(Vec<Bytes>, Option<ScanCursor>)> {
        self.within(&"SCAN", |client| async move {
            let nodes = if self.is_cluster() { masters(&client) } else { Vec::new() };
            let slot = nodes.get(cursor.node).copied().map_or(ClusterHash::Random, ClusterHash::Custom);
            let position = Some(cursor.position.clone()).filter(|position| !position.is_empty());
            let position = position.unwrap_or_else(|| Bytes::from_static(b"0"));
            let arguments = ["MATCH", pattern, "COUNT", SCAN_COUNT].map(Bytes::from);
            let arguments = [position].into_iter().chain(arguments).collect();
            let [next, keys] = send(&client, self.wait, "SCAN", slot, arguments).await?.array()?;
            let next = next.bytes()?.unwrap_or_default();
            let keys = keys.list()?.into_iter().filter_map(|key| key.bytes().transpose());
            let next = if &next[..] != b"0" {
                Some(ScanCursor { node: cursor.node, position: next })
            } else {
                let node = cursor.node + 1;
                (node < nodes.len()).then_some(ScanCursor { node, position: Bytes::new() })
            };
            Ok((keys.collect::<Result<_>>()?, next))
        })
        .await
    }

    fn is_cluster(&self) -> bool {
        matches!(self.address.place, Place::Cluster(_))
    }

    fn address(&self) -> &str {
        self.address.shown()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.address.shown()).finish()
    }
}

/// Sends a command. If the connection is lost, or the server has just been started, it is sent again, as often as the time of
/// the call allows: every command can be repeated.
async fn send(
    client: &Client,
    wait: Duration,
    name: &'static str,
    hash: ClusterHash,
    arguments: Vec<Bytes>,
) -> Result<Reply> {
    let command = CustomCommand::new_static(name, hash, false);
    let arguments: Vec<Value> = arguments.into_iter().map(Value::Bytes).collect();
    let begun = Instant::now();
    loop {
        match client.custom_raw(command.clone(), arguments.clone()).await {
            Err(error) if is_lost(&error) => {}
            done => match done.map_err(from_client).and_then(reply) {
                Err(error) if is_loading(&error) && begun.elapsed() + 2 * PAUSE < wait => {}
                done => return done,
            },
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn is_loading(error: &Error) -> bool {
    error.context_value("code") == Some("LOADING")
}

/// A slot of each master of a cluster, in the order of their names.
fn masters(client: &Client) -> Vec<u16> {
    let Some(state) = client.cached_cluster_state() else { return Vec::new() };
    let mut masters: Vec<(String, u16)> =
        state.slots().iter().map(|range| (range.primary.to_string(), range.start)).collect();
    masters.sort();
    masters.dedup_by(|a, b| a.0 == b.0);
    masters.into_iter().map(|(_, slot)| slot).collect()
}

async fn connect(address: &Address, wait: Duration) -> Result<Live> {
    let hosts = |nodes: &[(String, u16)]| {
        nodes.iter().map(|(host, port)| Host::new(bare(host), *port)).collect::<Vec<_>>()
    };
    let server = match &address.place {
        Place::Server((host, port)) => ServerConfig::new_centralized(bare(host), *port),
        Place::Cluster(nodes) => {
            ServerConfig::Clustered { hosts: hosts(nodes), policy: ClusterDiscoveryPolicy::default() }
        }
        Place::Sentinel { nodes, service, user, password } => ServerConfig::Sentinel {
            hosts: hosts(nodes),
            service_name: service.clone(),
            username: user.clone(),
            password: password.clone(),
        },
        Place::Socket(path) => ServerConfig::Unix { path: path.clone() },
    };
    let mut config = Config {
        server,
        username: address.user.clone(),
        password: address.password.clone(),
        database: (address.database != 0).then_some(address.database),
        ..Config::default()
    };
    if address.tls {
        config.tls = Some(tls()?.into());
    }
    let performance = PerformanceConfig { default_command_timeout: wait, ..PerformanceConfig::default() };
    let connection = ConnectionConfig {
        connection_timeout: wait,
        internal_command_timeout: wait,
        // It is time that ends a call, and each change can be repeated.
        max_command_attempts: 1_000,
        ..ConnectionConfig::default()
    };
    let mut builder = Builder::from_config(config);
    builder.set_performance_config(performance).set_connection_config(connection);
    // For ever: whoever waits has a time-out.
    builder.set_policy(ReconnectPolicy::new_exponential(0, 20, 2_000, 2));
    let client = builder.build().map_err(from_client)?;
    let trouble = Arc::<Mutex<Option<Error>>>::default();
    client.on_error({
        let trouble = trouble.clone();
        move |(error, _)| {
            *trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(from_client(error));
            async { Ok(()) }
        }
    });
    let driver = match timeout(wait, client.init()).await {
        Ok(Ok(driver)) => driver,
        Ok(Err(error)) => return Err(from_client(error)),
        Err(_) => {
            return Err(Error::unavailable(format!(
                "the server did not accept a connection within {wait:?}"
            )));
        }
    };
    Ok(Live { client, driver, trouble })
}

/// A host as resolvers take it: an address of IPv6 without its brackets.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn tls() -> Result<TlsConnector> {
    let failed = |error: rustls::Error| Error::unexpected("TLS cannot be set up").with_source(error);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = rustls_platform_verifier::Verifier::new(provider.clone()).map_err(failed)?;
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config.into())
}

fn reply(frame: Resp3Frame) -> Result<Reply> {
    Ok(match frame {
        Resp3Frame::Null => Reply::Nil,
        Resp3Frame::BlobString { data, .. } | Resp3Frame::SimpleString { data, .. } => Reply::Bytes(data),
        Resp3Frame::Number { data, .. } => Reply::Int(data),
        Resp3Frame::Boolean { data, .. } => Reply::Int(data.into()),
        Resp3Frame::Array { data, .. } => Reply::List(data.into_iter().map(reply).collect::<Result<_>>()?),
        Resp3Frame::SimpleError { data, .. } => return Err(from_text(&data)),
        Resp3Frame::BlobError { data, .. } => return Err(from_text(&String::from_utf8_lossy(&data))),
        _ => return Err(Error::unexpected("the server answered in a way that is not known")),
    })
}
