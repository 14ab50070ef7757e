//! The address of a Redis server.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use atdata_core::{Error, Result};
use url::Url;

const FORMS: &str = "redis://, rediss://, redis-cluster://, rediss-cluster://, redis-sentinel://, rediss-sentinel:// \
     or redis+unix://";

/// Where a server is, and who asks it.
///
/// | Form | Meaning |
/// |---|---|
/// | `redis://[user:password@]host[:port][/database]` | one server; `rediss` by TLS |
/// | `redis-cluster://[user:password@]host[:port][?node=host:port]…` | a cluster, of which some nodes are named |
/// | `redis-sentinel://[user:password@]host[:port][/database]?service=NAME[&node=host:port]…` | the master that sentinels name, whose own password is `sentinel_password` |
/// | `redis+unix://[user:password@]/path[?db=number]` | a socket; also `unix://` |
///
/// A password without a user is `redis://:password@host`. Characters that addresses reserve are percent-encoded.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(super) place: Place,
    pub(super) tls: bool,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: u8,
    /// The address without its secrets.
    shown: String,
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Server(Node),
    Cluster(Vec<Node>),
    Sentinel { nodes: Vec<Node>, service: String, user: Option<String>, password: Option<String> },
    Socket(PathBuf),
}

/// Host and port.
pub(super) type Node = (String, u16);

const SERVER_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

impl Address {
    /// The address without user and password.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }
}

impl FromStr for Address {
    type Err = Error;

    /// # Errors
    /// `Invalid`, without the text: it may have a password.
    fn from_str(text: &str) -> Result<Self> {
        let url = Url::parse(text)
            .map_err(|error| Error::invalid("the address of the server is malformed").with_source(error))?;
        let (scheme, tls) = match url.scheme() {
            "rediss" => ("redis", true),
            "rediss-cluster" => ("redis-cluster", true),
            "rediss-sentinel" => ("redis-sentinel", true),
            "unix" => ("redis+unix", false),
            scheme => (scheme, false),
        };
        let parameters = Parameters::of(&url)?;
        let user = Some(decoded(url.username())?).filter(|user| !user.is_empty());
        let password = url.password().map(decoded).transpose()?;
        if user.is_some() && password.is_none() {
            return Err(Error::invalid("a user needs a password (redis://user:password@host)"));
        }
        let node = |port| -> Result<Node> {
            let host = url.host_str().filter(|host| !host.is_empty());
            let host = host.ok_or_else(|| Error::invalid("the address names no host"))?;
            Ok((host.to_owned(), url.port().unwrap_or(port)))
        };
        let nodes = |port| -> Result<Vec<Node>> {
            let mut nodes = vec![node(port)?];
            for text in &parameters.nodes {
                nodes.push(parse_node(text, port)?);
            }
            Ok(nodes)
        };
        let database = url.path().trim_matches('/');
        let mut database = (scheme != "redis+unix" && !database.is_empty()).then(|| database.to_owned());
        database = database.or_else(|| parameters.database.clone());
        let place = match scheme {
            "redis" => Place::Server(node(SERVER_PORT)?),
            "redis-cluster" => Place::Cluster(nodes(SERVER_PORT)?),
            "redis-sentinel" => {
                let service = parameters.service.clone();
                let service = service.ok_or_else(|| {
                    Error::invalid("sentinels need the name of the service (?service=NAME)")
                })?;
                Place::Sentinel {
                    nodes: nodes(SENTINEL_PORT)?,
                    service,
                    user: parameters.sentinel_user.clone(),
                    password: parameters.sentinel_password.clone(),
                }
            }
            "redis+unix" => Place::Socket(decoded(url.path())?.into()),
            _ => return Err(Error::invalid(format!("the address of a server begins with {FORMS}"))),
        };
        let database = match database {
            Some(text) => text.parse().map_err(|_| Error::invalid("a database is a number from 0 to 255"))?,
            None => 0,
        };
        if database != 0 && matches!(place, Place::Cluster(_)) {
            return Err(Error::invalid("a cluster has no database but 0"));
        }
        let shown = show(scheme, tls, &place, database);
        Ok(Self { place, tls, user, password, database, shown })
    }
}

#[derive(Default)]
struct Parameters {
    nodes: Vec<String>,
    service: Option<String>,
    sentinel_user: Option<String>,
    sentinel_password: Option<String>,
    database: Option<String>,
}

impl Parameters {
    fn of(url: &Url) -> Result<Self> {
        let mut found = Self::default();
        for (key, value) in url.query_pairs() {
            let value = value.into_owned();
            match &*key {
                "node" => found.nodes.push(value),
                "service" | "sentinelServiceName" => found.service = Some(value),
                "sentinel_user" | "sentinelUsername" => found.sentinel_user = Some(value),
                "sentinel_password" | "sentinelPassword" => found.sentinel_password = Some(value),
                "db" => found.database = Some(value),
                _ => {
                    return Err(Error::invalid("the address has a parameter that is not known")
                        .with("parameter", key.escape_debug()));
                }
            }
        }
        Ok(found)
    }
}

fn parse_node(text: &str, default: u16) -> Result<Node> {
    let malformed = || Error::invalid("a node is host:port").with("node", text);
    // Brackets are around an address of IPv6.
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| malformed())?),
        _ => (text, default),
    };
    if host.is_empty() { Err(malformed()) } else { Ok((host.to_owned(), port)) }
}

fn decoded(text: &str) -> Result<String> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| Error::invalid("the address is not UTF-8"))
}

fn show(scheme: &str, tls: bool, place: &Place, database: u8) -> String {
    let scheme = if tls { scheme.replacen("redis", "rediss", 1) } else { scheme.to_owned() };
    let join = |nodes: &[Node]| {
        nodes.iter().map(|(host, port)| format!("{host}:{port}")).collect::<Vec<_>>().join(",")
    };
    let place = match place {
        Place::Server((host, port)) => format!("{host}:{port}"),
        Place::Cluster(nodes) => join(nodes),
        Place::Sentinel { nodes, service, .. } => format!("{}/{service}", join(nodes)),
        Place::Socket(path) => path.display().to_string(),
    };
    let database = if database == 0 { String::new() } else { format!("/{database}") };
    format!("{scheme}://{place}{database}")
}

/// Without user and password.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.shown).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Address {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_form_is_understood() {
        let address = parse("redis://localhost");
        assert_eq!(address.place, Place::Server(("localhost".into(), 6379)));
        assert_eq!((address.tls, address.database, address.password), (false, 0, None));

        let address = parse("rediss://ann:p%40ss@[::1]:7000/3");
        assert_eq!(address.place, Place::Server(("[::1]".into(), 7000)));
        assert_eq!((address.tls, address.database), (true, 3));
        assert_eq!((address.user.as_deref(), address.password.as_deref()), (Some("ann"), Some("p@ss")));

        let address = parse("redis://:secret@h");
        assert_eq!((address.user, address.password.as_deref()), (None, Some("secret")));

        let nodes = vec![("a".into(), 1), ("b".into(), 2), ("c".into(), 6379)];
        assert_eq!(parse("redis-cluster://a:1?node=b:2&node=c").place, Place::Cluster(nodes));

        let address = parse("redis-sentinel://u:p@a/2?service=main&sentinel_password=q&node=b:1");
        let nodes = vec![("a".into(), 26379), ("b".into(), 1)];
        let expected =
            Place::Sentinel { nodes, service: "main".into(), user: None, password: Some("q".into()) };
        assert_eq!((address.place, address.database), (expected, 2));

        let address = parse("redis+unix:///run/my%20redis.sock?db=5");
        assert_eq!((address.place, address.database), (Place::Socket("/run/my redis.sock".into()), 5));
        assert_eq!(parse("unix:///s").place, Place::Socket("/s".into()));
    }

    #[test]
    fn what_is_wrong_is_said_without_secrets() {
        for (text, expected) in [
            ("localhost:6379", "begins with"),
            ("http://u:hunter2@h", "begins with"),
            ("redis://u:hunter2@h:99999", "malformed"),
            ("redis://ann@h", "needs a password"),
            ("redis://u:hunter2@h/first", "a number"),
            ("redis://u:hunter2@h/256", "a number"),
            ("redis-cluster://u:hunter2@h/1", "no database"),
            ("redis-sentinel://u:hunter2@h", "?service=NAME"),
            ("redis-cluster://u:hunter2@h?node=x:y", "host:port"),
            ("redis://u:hunter2@h?timeout=1", "not known"),
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.to_string().contains(expected), "{text}: {error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn what_is_shown_has_no_secrets() {
        for (text, expected) in [
            ("rediss://ann:hunter2@h/3", "rediss://h:6379/3"),
            ("redis-cluster://ann:hunter2@a?node=b:1", "redis-cluster://a:6379,b:1"),
            (
                "redis-sentinel://a:hunter2@h?service=m&sentinel_password=hunter2",
                "redis-sentinel://h:26379/m",
            ),
            ("unix://u:hunter2@x/s", "redis+unix:///s"),
        ] {
            let address = parse(text);
            assert_eq!(address.shown(), expected);
            assert_eq!(format!("{address:?}"), format!("Address({expected:?})"));
        }
    }
}
