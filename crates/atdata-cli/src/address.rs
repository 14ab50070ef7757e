//! Which backend an address means: the only place that knows backends.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use atdata::process::ShardQueue;
use atdata::source::Registry;
use atdata::url::redact;
use atdata::{DataStore, Error, Index, LocalDiskStore, LocalIndex, Result};
#[cfg(feature = "s3")]
use atdata::{S3Config, S3DataStore};

use crate::args::Global;

/// The index, the store and the ways to read shards that the command line asks for. Nothing is opened or made before it
/// is asked for.
#[derive(Debug)]
pub(crate) struct Backends {
    index: Option<String>,
    store: Option<String>,
    #[cfg(feature = "http")]
    http_headers: Option<PathBuf>,
}

impl Backends {
    /// What the global options say.
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            index: global.index.clone(),
            store: global.store.clone(),
            #[cfg(feature = "http")]
            http_headers: global.http_headers.clone(),
        }
    }

    /// How shards are read.
    ///
    /// # Errors
    /// The file with the headers for web servers cannot be used.
    pub(crate) fn registry(&self) -> Result<Registry> {
        #[cfg_attr(not(feature = "http"), allow(unused_mut))]
        let mut registry = atdata::registry();
        #[cfg(feature = "http")]
        atdata::http::register_with(
            &mut registry,
            crate::http_headers::options(self.http_headers.as_deref(), home())?,
        );
        Ok(registry)
    }

    /// The index. A file is made if it is not there.
    ///
    /// # Errors
    /// The address is not understood or not built in; the index cannot be opened.
    pub(crate) async fn index(&self) -> Result<Arc<dyn Index>> {
        Ok(match self.index_place()? {
            IndexPlace::File(path) => {
                Arc::new(LocalIndex::open(&path).await.map_err(|error| error.with("path", path.display()))?)
            }
            #[cfg(feature = "redis")]
            IndexPlace::Server(address) => Arc::new(LocalIndex::redis(&address).await?),
        })
    }

    /// The index, if there is one: reading makes none.
    ///
    /// # Errors
    /// As [`Backends::index`].
    pub(crate) async fn existing_index(&self) -> Result<Option<Arc<dyn Index>>> {
        match self.index_place()? {
            IndexPlace::File(path) if !path.exists() => Ok(None),
            _ => self.index().await.map(Some),
        }
    }

    /// The address of the index, without secrets.
    ///
    /// # Errors
    /// The address is not understood or not built in.
    pub(crate) fn index_address(&self) -> Result<String> {
        Ok(match self.index_place()? {
            IndexPlace::File(path) => format!("sqlite:{}", path.display()),
            #[cfg(feature = "redis")]
            IndexPlace::Server(address) => redact(&address),
        })
    }

    fn index_place(&self) -> Result<IndexPlace> {
        let Some(address) = &self.index else { return Ok(IndexPlace::File(home()?.join("index.db"))) };
        match split(address) {
            ("sqlite", path) if !path.is_empty() => local_path(path).map(IndexPlace::File),
            #[cfg(feature = "redis")]
            (scheme, _) if is_redis(scheme) => Ok(IndexPlace::Server(address.clone())),
            #[cfg(not(feature = "redis"))]
            (scheme, _) if is_redis(scheme) => Err(not_built_in("index", address)),
            ("at", _) => Err(not_built_in("index", address)),
            ("", path) if !path.is_empty() => Ok(IndexPlace::File(PathBuf::from(path))),
            _ => Err(Error::invalid("an index is sqlite:PATH or redis://HOST").with("url", redact(address))),
        }
    }

    /// A queue of shards that others use, too.
    ///
    /// # Errors
    /// The address is not understood or not built in; the server does not answer.
    pub(crate) async fn queue(&self, address: &str, queue: &SharedQueue) -> Result<Arc<dyn ShardQueue>> {
        if !is_redis(split(address).0) {
            return Err(Error::invalid("a queue is redis://HOST").with("url", redact(address)));
        }
        #[cfg(feature = "redis")]
        {
            let mut options = atdata::RedisQueueOptions::default();
            if let Some(seconds) = queue.lease {
                options = options.with_lease(std::time::Duration::from_secs(seconds));
            }
            if let Some(tries) = queue.tries {
                options = options.with_tries(tries);
            }
            Ok(Arc::new(options.open(address, &queue.name).await?))
        }
        #[cfg(not(feature = "redis"))]
        Err(not_built_in("queue", address).with("queue", &queue.name))
    }

    /// The store.
    ///
    /// # Errors
    /// The address is not understood or not built in; the directory cannot be used.
    pub(crate) fn store(&self) -> Result<Arc<dyn DataStore>> {
        #[cfg(feature = "s3")]
        if let Some(address) = self.store.as_deref().filter(|address| split(address).0 == "s3") {
            return Ok(Arc::new(S3DataStore::from_url(S3Config::default(), address)?));
        }
        let root = self.store_root()?;
        Ok(Arc::new(LocalDiskStore::open(&root).map_err(|error| error.with("path", root.display()))?))
    }

    fn store_root(&self) -> Result<PathBuf> {
        let Some(address) = &self.store else { return Ok(home()?.join("data")) };
        match split(address) {
            ("file", path) if !path.is_empty() => local_path(path),
            ("s3" | "at", _) => Err(not_built_in("store", address)),
            ("", path) if !path.is_empty() => Ok(PathBuf::from(path)),
            _ => {
                Err(Error::invalid("a store is file:DIR or s3://BUCKET/PREFIX").with("url", redact(address)))
            }
        }
    }
}

/// How a queue on a server is used.
#[derive(Debug)]
#[cfg_attr(not(feature = "redis"), allow(dead_code))]
pub(crate) struct SharedQueue {
    /// What it is called.
    pub(crate) name: String,
    /// In seconds.
    pub(crate) lease: Option<u64>,
    /// How often a shard is tried.
    pub(crate) tries: Option<u32>,
}

/// Where an index is.
#[derive(Debug, PartialEq, Eq)]
enum IndexPlace {
    File(PathBuf),
    #[cfg(feature = "redis")]
    Server(String),
}

/// Whether a scheme is one of those of Redis servers: `rediss`, `redis-cluster` and so on.
fn is_redis(scheme: &str) -> bool {
    scheme == "unix"
        || scheme.split(['-', '+']).next().is_some_and(|first| matches!(first, "redis" | "rediss"))
}

/// The path of a shard, if it is a local file.
pub(crate) fn local_path_of(url: &str) -> Option<PathBuf> {
    atdata::url::ShardUrl::parse(url).ok()?.as_path().map(Path::to_owned)
}

/// Scheme and rest; a bare path has no scheme.
fn split(address: &str) -> (&str, &str) {
    match address.split_once(':') {
        Some((scheme, rest)) if scheme.len() > 1 && scheme.bytes().all(is_of_scheme) => (scheme, rest),
        _ => ("", address),
    }
}

fn is_of_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-')
}

/// `PATH`, `//PATH` with an absolute path, or `~/PATH`.
fn local_path(rest: &str) -> Result<PathBuf> {
    let path = match rest.strip_prefix("//") {
        Some(absolute) if absolute.starts_with('/') => absolute,
        Some(_) => {
            return Err(
                Error::invalid("after // comes an absolute path, as in file:///data").with("path", rest)
            );
        }
        None => rest,
    };
    match path.strip_prefix("~/") {
        Some(inside) => Ok(user_home()?.join(inside)),
        None => Ok(PathBuf::from(path)),
    }
}

fn not_built_in(what: &str, address: &str) -> Error {
    let (scheme, _) = split(address);
    Error::unsupported(format!("this build of atdata has no {scheme} {what}")).with("url", redact(address))
}

fn home() -> Result<PathBuf> {
    Ok(user_home()?.join(".atdata"))
}

fn user_home() -> Result<PathBuf> {
    std::env::home_dir()
        .filter(|home| !home.as_os_str().is_empty())
        .ok_or_else(|| Error::invalid("there is no home directory; say --index and --store"))
}

#[cfg(test)]
mod tests {
    use atdata::ErrorKind;

    use super::*;

    fn backends(index: &str, store: &str) -> Backends {
        Backends {
            index: Some(index.to_owned()),
            store: Some(store.to_owned()),
            #[cfg(feature = "http")]
            http_headers: None,
        }
    }

    #[test]
    fn local_addresses_become_paths() {
        for (address, path) in [
            ("sqlite:/a/i.db", "/a/i.db"),
            ("sqlite:///a/i.db", "/a/i.db"),
            ("sqlite:i.db", "i.db"),
            ("/a/i.db", "/a/i.db"),
        ] {
            assert_eq!(backends(address, "").index_place().unwrap(), IndexPlace::File(path.into()));
        }
        assert_eq!(backends("", "file:/d").store_root().unwrap(), Path::new("/d"));
        assert_eq!(backends("", "d").store_root().unwrap(), Path::new("d"));
    }

    #[cfg(feature = "redis")]
    #[test]
    fn servers_are_shown_without_secrets() {
        for (address, shown) in [
            ("redis://ann:hunter2@h:7000/3", "redis://h:7000/3"),
            ("rediss-cluster://:hunter2@h?node=i:1", "rediss-cluster://h?node=i:1"),
            (
                "redis-sentinel://:hunter2@h/0?service=m&sentinel_password=hunter2",
                "redis-sentinel://h/0?service=m&sentinel_password=***",
            ),
            ("redis+unix:///run/redis.sock", "redis+unix:///run/redis.sock"),
        ] {
            let backends = backends(address, "");
            assert_eq!(backends.index_place().unwrap(), IndexPlace::Server(address.to_owned()));
            assert_eq!(backends.index_address().unwrap(), shown);
        }
    }

    #[test]
    fn backends_that_are_not_there_are_named_without_secrets() {
        let error = backends("at://user:secret@host/0", "").index_place().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("at index") && !error.to_string().contains("secret"), "{error}");
        assert_eq!(backends("", "at://alice.test").store().unwrap_err().kind(), ErrorKind::Unsupported);
        #[cfg(feature = "s3")]
        for nonsense in ["s3:", "s3:bucket", "s3://", "s3://bucket/../x", "s3://a b"] {
            assert_eq!(backends("", nonsense).store().unwrap_err().kind(), ErrorKind::Invalid, "{nonsense}");
        }
        for nonsense in ["", "sqlite:", "mysql://x", "sqlite://host/x"] {
            assert_eq!(
                backends(nonsense, "").index_place().unwrap_err().kind(),
                ErrorKind::Invalid,
                "{nonsense}"
            );
        }
    }
}
