//! Which backend an address means: the only place that knows backends.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use atdata::process::ShardQueue;
use atdata::schema::Profile;
use atdata::source::Registry;
use atdata::url::redact;
#[cfg(feature = "atmosphere")]
use atdata::{AtmosphereIndex, PdsBlobStore};
use atdata::{
    DataStore, Error, Federation, Index, LocalDiskStore, LocalIndexOptions, MemoryIndex, Result, ResultExt,
};
#[cfg(feature = "s3")]
use atdata::{S3Config, S3DataStore};

use crate::args::Global;
use crate::mounts::Mounts;
#[cfg(feature = "atmosphere")]
use crate::network::Network;
use crate::output::CliResult;
#[cfg(feature = "atmosphere")]
use crate::output::Failure;
use crate::progress::Progress;

/// The index, the store and the ways to read shards that the command line asks for. Nothing is opened or made before it
/// is asked for.
#[derive(Debug)]
pub(crate) struct Backends {
    index: Option<String>,
    store: Option<String>,
    mounts: Mounts,
    profile: Profile,
    #[cfg(feature = "http")]
    http_headers: Option<PathBuf>,
    #[cfg(feature = "http")]
    allowed_hosts: Vec<String>,
    #[cfg(feature = "atmosphere")]
    network: Network,
}

impl Backends {
    /// What the global options say.
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            index: global.index.clone(),
            store: global.store.clone(),
            mounts: Mounts::new(&global.mounts),
            profile: global.profile.into(),
            #[cfg(feature = "http")]
            http_headers: global.http_headers.clone(),
            #[cfg(feature = "http")]
            allowed_hosts: global.allowed_hosts.clone(),
            #[cfg(feature = "atmosphere")]
            network: Network::new(global.profile.into(), &global.allowed_hosts, home().ok()),
        }
    }

    /// The same with another index, and nothing mounted.
    pub(crate) fn with_index(global: &Global, address: Option<&str>) -> Self {
        let index = address.map(str::to_owned).or_else(|| global.index.clone());
        Self { index, mounts: Mounts::default(), ..Self::new(global) }
    }

    /// The AT Protocol's network.
    #[cfg(feature = "atmosphere")]
    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    /// Ends what was begun for this command only.
    pub(crate) async fn close(&self) {
        #[cfg(feature = "atmosphere")]
        self.network.close().await;
    }

    /// How shards are read.
    ///
    /// # Errors
    /// The file with the headers for web servers cannot be used.
    pub(crate) fn registry(&self) -> Result<Registry> {
        #[cfg_attr(not(any(feature = "http", feature = "atmosphere")), allow(unused_mut))]
        let mut registry = atdata::registry();
        #[cfg(feature = "http")]
        {
            let mut options = crate::http_headers::options(self.http_headers.as_deref(), home())?;
            options.foreign =
                self.allowed_hosts.iter().fold(options.foreign, |policy, host| policy.allowing(host));
            atdata::http::register_with(&mut registry, options);
        }
        // If the environment names servers wrongly, that is an error of those who read blobs.
        #[cfg(feature = "atmosphere")]
        if let Ok(network) = self.network.any() {
            atdata::atmosphere::register(&mut registry, &network);
        }
        Ok(registry)
    }

    /// The index, to be written. A file is made if it is not there.
    ///
    /// # Errors
    /// The address is not understood or not built in; the index cannot be opened; nobody is logged in who may write it.
    pub(crate) async fn index(&self) -> CliResult<WritableIndex> {
        match self.index_place()? {
            #[cfg(feature = "atmosphere")]
            IndexPlace::Account(account) => {
                Ok(WritableIndex::Network(self.network.writer(&account).await?.index()?))
            }
            place => {
                let index = self.open(place).await?;
                Ok(WritableIndex::Local(self.with_mounts(index).await?))
            }
        }
    }

    /// The index, if there is one: reading makes none, and needs no account.
    ///
    /// # Errors
    /// The address is not understood or not built in; the index cannot be opened.
    pub(crate) async fn existing_index(&self) -> Result<Option<Arc<dyn Index>>> {
        let index: Arc<dyn Index> = match self.index_place()? {
            IndexPlace::File(path) if !path.exists() && self.mounts.is_empty() => return Ok(None),
            IndexPlace::File(path) if !path.exists() => Arc::new(MemoryIndex::new()),
            place => self.open(place).await?,
        };
        self.with_mounts(index).await.map(Some)
    }

    /// An index with what is mounted beside it.
    async fn with_mounts(&self, local: Arc<dyn Index>) -> Result<Arc<dyn Index>> {
        if self.mounts.is_empty() {
            return Ok(local);
        }
        let mut federation = Federation::new(local);
        for mount in self.mounts.all() {
            let (name, address) = mount?;
            let index = self.open(place_of(address)?).await.context("mount", name)?;
            federation = federation.with_mount(name, index)?;
        }
        Ok(Arc::new(federation))
    }

    async fn open(&self, place: IndexPlace) -> Result<Arc<dyn Index>> {
        let options = LocalIndexOptions::default().with_profile(self.profile);
        Ok(match place {
            IndexPlace::File(path) => {
                Arc::new(options.open(&path).await.map_err(|error| error.with("path", path.display()))?)
            }
            #[cfg(feature = "redis")]
            IndexPlace::Server(address) => Arc::new(options.redis(&address).await?),
            #[cfg(feature = "atmosphere")]
            IndexPlace::Account(account) => Arc::new(self.network.index(&account).await?),
        })
    }

    /// The index on the network that a dataset or a schema is looked for in: that of the reference, or the one that was
    /// asked for; none if that is elsewhere.
    ///
    /// # Errors
    /// As [`Backends::existing_index`].
    #[cfg(feature = "atmosphere")]
    pub(crate) async fn network_index(&self, reference: &str) -> Result<Option<AtmosphereIndex>> {
        if self.mounts.lead(reference) {
            return Ok(None);
        }
        if let Some(index) = self.network.index_of_reference(reference).await? {
            return Ok(Some(index));
        }
        match self.index_place()? {
            IndexPlace::Account(account) => self.network.index(&account).await.map(Some),
            _ => Ok(None),
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
            #[cfg(feature = "atmosphere")]
            IndexPlace::Account(account) => format!("at://{account}"),
        })
    }

    fn index_place(&self) -> Result<IndexPlace> {
        match &self.index {
            Some(address) => place_of(address),
            None => Ok(IndexPlace::File(home()?.join("index.db"))),
        }
    }

    /// What a reference to a label is called in the index that it leads to.
    ///
    /// # Errors
    /// It has no name.
    pub(crate) fn label_name(&self, reference: &str) -> Result<String> {
        // Several under one roof know by themselves whose a name is.
        if !self.mounts.is_empty() && self.owner(reference).is_none() {
            return Ok(reference.to_owned());
        }
        Ok(atdata::DatasetRef::parse(reference)?.name)
    }

    /// The account that a reference to a dataset names, if it leads to the network.
    #[cfg(feature = "atmosphere")]
    pub(crate) fn owner(&self, reference: &str) -> Option<String> {
        crate::network::owner(reference).filter(|_| !self.mounts.lead(reference))
    }

    /// Nothing leads to a network that is not built in.
    #[cfg(not(feature = "atmosphere"))]
    #[allow(clippy::unused_self, reason = "as with the network")]
    pub(crate) fn owner(&self, _: &str) -> Option<String> {
        None
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

    /// The store; its uploads move a progress bar, where they are seen.
    ///
    /// # Errors
    /// The address is not understood or not built in; the directory cannot be used; nobody is logged in who may write it;
    /// it is none for the index.
    #[cfg_attr(not(feature = "atmosphere"), allow(unused_variables, clippy::unused_async))]
    pub(crate) async fn store(&self, progress: &Progress) -> CliResult<Arc<dyn DataStore>> {
        Ok(match self.store_place()? {
            StorePlace::Directory(root) => {
                Arc::new(LocalDiskStore::open(&root).map_err(|error| error.with("path", root.display()))?)
            }
            #[cfg(feature = "s3")]
            StorePlace::S3(address) => Arc::new(S3DataStore::from_url(S3Config::default(), &address)?),
            #[cfg(feature = "atmosphere")]
            StorePlace::Account(account) => {
                let store = PdsBlobStore::new(&self.network.writer(&account).await?)?;
                let uploads = progress.uploads();
                Arc::new(store.with_progress(move |upload| uploads.moved(upload)))
            }
        })
    }

    /// Checks that shards in the store can be registered in the index, before any work is done.
    ///
    /// # Errors
    /// They cannot.
    pub(crate) async fn check_store(&self) -> CliResult<()> {
        let _store = self.store_place()?;
        #[cfg(feature = "atmosphere")]
        match (self.index_place()?, _store) {
            (IndexPlace::Account(_), StorePlace::Directory(root)) => {
                let error = Error::invalid(
                    "files of this machine cannot be read by others, and the records of the index are public",
                );
                let error = Failure::from(error.with("path", root.display()));
                return Err(error.with_hint("without --store the shards are kept in blobs of the account"));
            }
            (IndexPlace::Account(index), StorePlace::Account(store)) if index != store => {
                let index = self.network.writer(&index).await?;
                let store = self.network.writer(&store).await?;
                if index.did() != store.did() {
                    return Err(blobs_without_record());
                }
            }
            (IndexPlace::Account(_), _) => {}
            (_, StorePlace::Account(_)) => return Err(blobs_without_record()),
            _ => {}
        }
        Ok(())
    }

    fn store_place(&self) -> Result<StorePlace> {
        let Some(address) = &self.store else {
            return match self.index_place()? {
                #[cfg(feature = "atmosphere")]
                IndexPlace::Account(account) => Ok(StorePlace::Account(account)),
                _ => Ok(StorePlace::Directory(home()?.join("data"))),
            };
        };
        match split(address) {
            ("file", path) if !path.is_empty() => local_path(path).map(StorePlace::Directory),
            #[cfg(feature = "s3")]
            ("s3", _) => Ok(StorePlace::S3(address.clone())),
            #[cfg(not(feature = "s3"))]
            ("s3", _) => Err(not_built_in("store", address)),
            #[cfg(feature = "atmosphere")]
            ("at", _) => account("a store", address).map(StorePlace::Account),
            #[cfg(not(feature = "atmosphere"))]
            ("at", _) => Err(not_built_in("store", address)),
            ("", path) if !path.is_empty() => Ok(StorePlace::Directory(PathBuf::from(path))),
            _ => Err(Error::invalid("a store is file:DIR, s3://BUCKET/PREFIX or at://HANDLE-OR-DID")
                .with("url", redact(address))),
        }
    }
}

/// An index that may be written.
pub(crate) enum WritableIndex {
    /// On this machine, or of a team.
    Local(Arc<dyn Index>),
    /// Records of an account.
    #[cfg(feature = "atmosphere")]
    Network(AtmosphereIndex),
}

impl WritableIndex {
    /// The index alone.
    pub(crate) fn into_index(self) -> Box<dyn Index> {
        match self {
            Self::Local(index) => Box::new(index),
            #[cfg(feature = "atmosphere")]
            Self::Network(index) => Box::new(index),
        }
    }

    pub(crate) fn as_index(&self) -> &dyn Index {
        match self {
            Self::Local(index) => &**index,
            #[cfg(feature = "atmosphere")]
            Self::Network(index) => index,
        }
    }
}

/// What keeps blobs is a record of their own repository.
#[cfg(feature = "atmosphere")]
fn blobs_without_record() -> Failure {
    let error = Error::invalid(
        "a server keeps blobs only while a record of the same account refers to them, and such a record is in the \
         account's own index",
    );
    Failure::from(error).with_hint("use at://HANDLE-OR-DID of the same account as index and as store")
}

#[cfg(feature = "atmosphere")]
fn account(what: &str, address: &str) -> Result<String> {
    let account = crate::network::account_of(address);
    let account =
        account.ok_or_else(|| Error::invalid(format!("{what} on the network is at://HANDLE-OR-DID")));
    account.map(str::to_owned).map_err(|error| error.with("url", redact(address)))
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
    /// A handle or DID.
    #[cfg(feature = "atmosphere")]
    Account(String),
}

/// Where a store is.
#[derive(Debug, PartialEq, Eq)]
enum StorePlace {
    Directory(PathBuf),
    #[cfg(feature = "s3")]
    S3(String),
    /// A handle or DID.
    #[cfg(feature = "atmosphere")]
    Account(String),
}

/// What an address of an index means.
fn place_of(address: &str) -> Result<IndexPlace> {
    match split(address) {
        ("sqlite", path) if !path.is_empty() => local_path(path).map(IndexPlace::File),
        #[cfg(feature = "redis")]
        (scheme, _) if is_redis(scheme) => Ok(IndexPlace::Server(address.to_owned())),
        #[cfg(not(feature = "redis"))]
        (scheme, _) if is_redis(scheme) => Err(not_built_in("index", address)),
        #[cfg(feature = "atmosphere")]
        ("at", _) => account("an index", address).map(IndexPlace::Account),
        #[cfg(not(feature = "atmosphere"))]
        ("at", _) => Err(not_built_in("index", address)),
        ("", path) if !path.is_empty() => Ok(IndexPlace::File(PathBuf::from(path))),
        _ => Err(Error::invalid("an index is sqlite:PATH, redis://HOST or at://HANDLE-OR-DID")
            .with("url", redact(address))),
    }
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

#[cfg(not(all(feature = "atmosphere", feature = "redis", feature = "s3")))]
fn not_built_in(what: &str, address: &str) -> Error {
    let (scheme, _) = split(address);
    Error::unsupported(format!("this build of atdata has no {scheme} {what}")).with("url", redact(address))
}

fn home() -> Result<PathBuf> {
    Ok(user_home()?.join(".atdata"))
}

/// Where statistics of datasets are kept that have no better place.
pub(crate) fn statistics_directory() -> Result<PathBuf> {
    Ok(home()?.join("statistics"))
}

/// Where journals of interrupted migrations are kept.
pub(crate) fn journals() -> Result<PathBuf> {
    Ok(home()?.join("migrations"))
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
        let mut backends = nothing_said();
        backends.index = Some(index.to_owned());
        backends.store = Some(store.to_owned());
        backends
    }

    fn nothing_said() -> Backends {
        Backends {
            index: None,
            store: None,
            mounts: Mounts::default(),
            profile: Profile::Seed,
            #[cfg(feature = "http")]
            http_headers: None,
            #[cfg(feature = "http")]
            allowed_hosts: Vec::new(),
            #[cfg(feature = "atmosphere")]
            network: Network::new(Profile::Seed, &[], None),
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
        for (address, path) in [("file:/d", "/d"), ("d", "d")] {
            assert_eq!(backends("", address).store_place().unwrap(), StorePlace::Directory(path.into()));
        }
    }

    #[cfg(feature = "atmosphere")]
    #[test]
    fn accounts_are_indexes_and_their_own_stores() {
        for address in ["at://alice.test", "at://@alice.test/"] {
            let mut backends = backends(address, address);
            assert_eq!(backends.index_place().unwrap(), IndexPlace::Account("alice.test".into()));
            assert_eq!(backends.index_address().unwrap(), "at://alice.test");
            assert_eq!(backends.store_place().unwrap(), StorePlace::Account("alice.test".into()));
            backends.store = None;
            assert_eq!(backends.store_place().unwrap(), StorePlace::Account("alice.test".into()));
        }
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
    fn nonsense_is_named_without_secrets() {
        for nonsense in ["at://user:secret@host/0", "at:", "at://", "at://a.test/b", "mysql://ann:secret@x"] {
            for error in [
                backends(nonsense, "").index_place().unwrap_err(),
                backends("", nonsense).store_place().unwrap_err(),
            ] {
                assert_eq!(error.kind(), ErrorKind::Invalid, "{nonsense}");
                assert!(!error.to_string().contains("secret"), "{error}");
            }
        }
        #[cfg(feature = "s3")]
        for nonsense in ["s3:", "s3:bucket", "s3://", "s3://bucket/../x", "s3://a b"] {
            let place = backends("", nonsense).store_place().unwrap();
            assert_eq!(place, StorePlace::S3(nonsense.to_owned()));
            let error = S3DataStore::from_url(S3Config::default(), nonsense).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{nonsense}");
        }
        for nonsense in ["", "sqlite:", "sqlite://host/x"] {
            assert_eq!(
                backends(nonsense, "").index_place().unwrap_err().kind(),
                ErrorKind::Invalid,
                "{nonsense}"
            );
        }
    }
}
