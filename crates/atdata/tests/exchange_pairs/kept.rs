//! Entries that keep their addresses: what may be said in a public index, and what must not.

use atdata::exchange::{ExchangeOptions, Outcome, Versions, migrate_dataset};
use atdata::{ErrorKind, Index, NewDataset, Packable};
use atdata_testkit::suite::block_on;

use crate::compare::{Shards, assert_same};
use crate::origin::{ORIGINS, Origin, Sources};
use crate::places::{IndexKind, Place, S3};
use crate::samples::Measured;

/// Addresses with what only their owner may know.
const CREDENTIALED: [&str; 4] = [
    "https://ann:hunter2@shards.example.org/a.tar",
    "https://shards.example.org/a.tar?X-Amz-Signature=hunter2",
    "https://shards.example.org/a.tar?token=hunter2",
    "s3://ann:hunter2@bucket/a.tar",
];

async fn rows(source: IndexKind, target: IndexKind) {
    let case = format!("{source:?} to {target:?}");
    let (Some(sources), Some(to)) = (Sources::new(S3::S3s, &case), Place::new(target, &case, false).await)
    else {
        return;
    };
    let is_public = target == IndexKind::Atproto;
    assert_eq!(to.index.is_public(), is_public);
    let options = ExchangeOptions::keep_addresses().with_versions(Versions::All);
    for origin in ORIGINS {
        println!("{case}, shards: {origin:?}");
        let Some(from) = Place::new(source, &case, origin == Origin::File).await else { return };
        let name = format!("data/{origin:?}");
        sources.publish(&from, origin, &name).await;
        let done = migrate_dataset(&name, &*from.index, &*to.index, &options).await;
        if is_public && origin == Origin::File {
            let error = done.unwrap_err();
            assert!(
                error.kind() == ErrorKind::Invalid && error.message().contains("a file of this machine"),
                "{error}"
            );
            assert!(to.index.get_dataset(&name).await.unwrap_err().is_not_found());
            continue;
        }
        assert_eq!(done.unwrap().outcome, Outcome::Carried);
        assert_same(&*from.index, &*to.index, &name, &sources.registry, Shards::Kept).await;
        let again = migrate_dataset(&name, &*from.index, &*to.index, &options).await.unwrap();
        assert_eq!((again.outcome, again.labels), (Outcome::Equal, 0));
    }
    // Nobody could have published them in a public index.
    if source == IndexKind::Atproto {
        return;
    }
    let from = Place::new(source, &case, false).await.unwrap();
    for (number, url) in CREDENTIALED.into_iter().enumerate() {
        println!("{case}: {url}");
        let name = format!("secret-{number}");
        let new = NewDataset::new(&name, Measured::schema(), vec![url.to_owned()]);
        from.index.insert_dataset(new).await.unwrap();
        let done = migrate_dataset(&name, &*from.index, &*to.index, &options).await;
        match is_public {
            true => {
                let error = done.unwrap_err();
                assert!(
                    error.kind() == ErrorKind::Invalid && error.message().contains("credentials"),
                    "{error}"
                );
                assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
                assert!(to.index.get_dataset(&name).await.unwrap_err().is_not_found());
            }
            false => assert_eq!(done.unwrap().entry.unwrap().data_urls(), [url]),
        }
    }
}

crate::places::for_each_pair!(rows);
