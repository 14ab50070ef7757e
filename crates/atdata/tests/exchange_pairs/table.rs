//! Every pair of indexes, every store, every place where shards are.

use atdata::exchange::{ExchangeOptions, Outcome, Versions, migrate_dataset};
use atdata::{DataStore, ErrorKind, Index};
use atdata_testkit::suite::block_on;
use futures::future::join_all;

use crate::compare::{Shards, assert_same};
use crate::origin::{ORIGINS, Origin, Sources};
use crate::places::{IndexKind, Place, S3, StoreKind, store};

/// What comes of copying to a store, for entries in an index.
fn refusal(target: IndexKind, store: StoreKind) -> Option<&'static str> {
    match (target, store) {
        (IndexKind::Atproto, StoreKind::Disk) => Some("only this machine reads them"),
        (IndexKind::Sqlite | IndexKind::Redis, StoreKind::Blobs) => Some("the index of its own account"),
        _ => None,
    }
}

async fn rows(source: IndexKind, target: IndexKind, kind: StoreKind) {
    let case = format!("{source:?} to {target:?} with {kind:?}");
    // Both servers that speak S3 have their turn.
    let s3 = if source == IndexKind::Sqlite { S3::Rgw } else { S3::S3s };
    let Some(sources) = Sources::new(s3, &case) else { return };
    let Some(to) = Place::new(target, &case, false).await else { return };
    // Blobs for entries elsewhere are somebody's, too.
    let other = match (kind, &to.someone) {
        (StoreKind::Blobs, None) => crate::network::Someone::new(&case, false),
        _ => None,
    };
    let Some(store) = store(kind, s3, &to, to.someone.as_ref().or(other.as_ref()), &case) else { return };
    // Mostly the servers are waited for.
    let (sources, to, store, case) = (&sources, &to, &*store, &*case);
    let rows = ORIGINS.map(|origin| async move {
        println!("{case}, shards: {origin:?}");
        let Some(from) = Place::new(source, case, origin == Origin::File).await else { return };
        row(sources, origin, &from, to, store, refusal(target, kind)).await;
        println!("{case}, shards: {origin:?}: done");
    });
    join_all(rows).await;
}

async fn row(
    sources: &Sources,
    origin: Origin,
    from: &Place,
    to: &Place,
    store: &dyn DataStore,
    refusal: Option<&str>,
) {
    let name = format!("data/{origin:?}");
    sources.publish(from, origin, &name).await;
    let options = ExchangeOptions::copy_to(store, &sources.registry).with_versions(Versions::All);
    let done = migrate_dataset(&name, &*from.index, &*to.index, &options).await;
    if let Some(why) = refusal {
        let error = done.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.message().contains(why) && error.context_value("name").is_some(), "{error}");
        assert!(to.index.get_dataset(&name).await.unwrap_err().is_not_found());
        assert!(to.index.get_schema("Measured").await.unwrap_err().is_not_found());
        assert!(!to.path().join("shards").exists());
        return;
    }
    let done = done.unwrap();
    assert_eq!((done.outcome, done.shards, done.resumed), (Outcome::Carried, 6, 0));
    assert_same(&*from.index, &*to.index, &name, &sources.registry, Shards::Copied).await;

    let again = migrate_dataset(&name, &*from.index, &*to.index, &options).await.unwrap();
    assert_eq!((again.outcome, again.bytes, again.labels), (Outcome::Equal, 0, 0));
}

/// The same tests for each store.
macro_rules! table {
    ($($module:ident: $kind:ident;)*) => {$(
        mod $module {
            use super::*;

            async fn rows(source: IndexKind, target: IndexKind) {
                super::rows(source, target, StoreKind::$kind).await;
            }

            crate::places::for_each_pair!(rows);
        }
    )*};
}

table! {
    to_disk: Disk;
    to_s3: S3;
    to_blobs: Blobs;
}
