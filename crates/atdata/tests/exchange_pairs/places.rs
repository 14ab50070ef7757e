//! Indexes and stores, each a place of its own on a real server.

use std::path::Path;
use std::sync::Arc;

use atdata::source::Registry;
use atdata::{DataStore, Index, LocalDiskStore, LocalIndex, PdsBlobStore, S3Config, S3DataStore};
use atdata_testkit::servers::given::S3Server;
use atdata_testkit::servers::redis::Database;
use atdata_testkit::suite::skip;
use tempfile::TempDir;

use crate::network::Someone;

/// The bucket that all tests share, each below a prefix of its own.
pub(crate) const BUCKET: &str = "atdata-tests";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IndexKind {
    Sqlite,
    Redis,
    Atproto,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    Disk,
    S3,
    Blobs,
}

/// An index that nobody else writes.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) index: Arc<dyn Index>,
    /// Whose it is.
    pub(crate) someone: Option<Someone>,
    directory: TempDir,
    _database: Option<Database>,
}

impl Place {
    /// None if its server is not there.
    pub(crate) async fn new(kind: IndexKind, case: &str, local_files: bool) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let (mut someone, mut database) = (None, None);
        let index: Arc<dyn Index> = match kind {
            IndexKind::Sqlite => Arc::new(LocalIndex::open(directory.path().join("index.db")).await.unwrap()),
            IndexKind::Redis => {
                let database = database.insert(Database::for_test(case)?);
                Arc::new(LocalIndex::redis(database.url()).await.unwrap())
            }
            IndexKind::Atproto => {
                let someone = someone.insert(Someone::new(case, local_files)?);
                Arc::new(someone.atmosphere.index().unwrap())
            }
        };
        Some(Self { index, someone, directory, _database: database })
    }

    /// A directory that goes with it.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Servers that speak S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum S3 {
    Rgw,
    S3s,
}

impl S3 {
    /// The server; none, with a word, if it is not there.
    pub(crate) fn server(self, case: &str) -> Option<S3Server> {
        let prefix = match self {
            S3::Rgw => "TEST_S3",
            S3::S3s => "TEST_S3S",
        };
        let server = S3Server::given(prefix);
        match &server {
            Some(server) => server.make_bucket(BUCKET),
            None => skip(case, &format!("{prefix}_ENDPOINT is not set")),
        }
        server
    }

    /// A store of its own.
    pub(crate) fn store(self, case: &str) -> Option<S3DataStore> {
        let store = S3DataStore::new(s3_config(&self.server(case)?), BUCKET).unwrap();
        Some(store.with_prefix(&unique()).unwrap())
    }
}

pub(crate) fn s3_config(server: &S3Server) -> S3Config {
    let config = S3Config::with_keys(&server.access_key, &server.secret_key);
    config.with_endpoint(&server.endpoint).unwrap().with_region(&server.region)
}

/// A prefix that no other test has.
pub(crate) fn unique() -> String {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let number = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), since);
    format!("pairs-{}-{number:016x}", std::process::id())
}

/// A store for the entries of a place.
pub(crate) fn store(
    kind: StoreKind,
    s3: S3,
    place: &Place,
    blobs_of: Option<&Someone>,
    case: &str,
) -> Option<Arc<dyn DataStore>> {
    Some(match kind {
        StoreKind::Disk => Arc::new(LocalDiskStore::open(place.path().join("shards")).unwrap()),
        StoreKind::S3 => Arc::new(s3.store(case)?),
        StoreKind::Blobs => Arc::new(PdsBlobStore::new(&blobs_of?.atmosphere).unwrap()),
    })
}

/// Opens what all stores of ours return, and web servers.
pub(crate) fn registry(s3: Option<&S3Server>, someone: Option<&Someone>) -> Registry {
    let mut registry = Registry::default();
    atdata::http::register(&mut registry);
    if let Some(s3) = s3 {
        atdata::s3::register(&mut registry, s3_config(s3));
    }
    if let Some(someone) = someone {
        atdata::atmosphere::register(&mut registry, &someone.atmosphere);
    }
    registry
}

/// A test for each pair of indexes: `sqlite_to_redis` and so on.
macro_rules! for_each_pair {
    ($rows:ident) => {
        $crate::places::for_each_pair! { $rows:
            sqlite_to_sqlite: Sqlite => Sqlite;
            sqlite_to_redis: Sqlite => Redis;
            sqlite_to_atproto: Sqlite => Atproto;
            redis_to_sqlite: Redis => Sqlite;
            redis_to_redis: Redis => Redis;
            redis_to_atproto: Redis => Atproto;
            atproto_to_sqlite: Atproto => Sqlite;
            atproto_to_redis: Atproto => Redis;
            atproto_to_atproto: Atproto => Atproto;
        }
    };
    ($rows:ident: $($test:ident: $source:ident => $target:ident;)*) => {$(
        #[test]
        fn $test() {
            block_on($rows(IndexKind::$source, IndexKind::$target));
        }
    )*};
}
pub(crate) use for_each_pair;
