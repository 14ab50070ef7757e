//! With a server in the way that fails at a third of everything.

use atdata::PdsBlobStore;
use atdata::exchange::{ExchangeOptions, Outcome, Versions, migrate_dataset};
use atdata_testkit::proxy::{Fault, FaultProxy};
use atdata_testkit::suite::block_on;

use crate::compare::{Shards, assert_same};
use crate::origin::{ORIGINS, Origin, Sources};
use crate::places::{IndexKind, Place, S3};

async fn rows(source: IndexKind) {
    let case = format!("{source:?} to Atproto with faults");
    let Some(sources) = Sources::new(S3::Rgw, &case) else { return };
    let Some(to) = Place::new(IndexKind::Atproto, &case, false).await else { return };
    let someone = to.someone.as_ref().unwrap();
    let proxy = FaultProxy::start(someone.address());
    let mut requests = 0u64;
    proxy.set(move |_| {
        requests += 1;
        match requests % 9 {
            3 => Fault::Status { code: 503, retry_after: None },
            6 => Fault::NoAnswer,
            0 => Fault::LostAnswer,
            _ => Fault::None,
        }
    });
    let atmosphere = someone.through(proxy.port());
    let (index, store) = (atmosphere.index().unwrap(), PdsBlobStore::new(&atmosphere).unwrap());
    for origin in ORIGINS {
        let Some(from) = Place::new(source, &case, origin == Origin::File).await else { return };
        let name = format!("data/{origin:?}");
        sources.publish(&from, origin, &name).await;
        let options = ExchangeOptions::copy_to(&store, &sources.registry).with_versions(Versions::All);
        let done = migrate_dataset(&name, &*from.index, &index, &options).await.unwrap();
        assert_eq!((done.outcome, done.shards), (Outcome::Carried, 6), "{origin:?}");
        // Read without the faults.
        assert_same(&*from.index, &*to.index, &name, &sources.registry, Shards::Copied).await;
    }
    assert!(proxy.requests() > 50);
}

#[test]
fn from_sqlite() {
    block_on(rows(IndexKind::Sqlite));
}

#[test]
fn from_redis() {
    block_on(rows(IndexKind::Redis));
}

#[test]
fn from_atproto() {
    block_on(rows(IndexKind::Atproto));
}
