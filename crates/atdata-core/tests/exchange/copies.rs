use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use atdata_core::exchange::{Event, ExchangeOptions, Outcome, PROVENANCE_KEY, migrate_dataset};
use atdata_core::shard::hex;
use atdata_core::source::ShardOpener;
use atdata_core::{ErrorKind, Index, IndexEntry, NewDataset, Result, ShardBody, ShardIndex};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::support::{Narrow, Side, numbers, schema};

#[tokio::test]
async fn shards_are_copied_byte_for_byte_and_everything_else_comes_along() {
    let (from, to) = (Side::new(), Side::new());
    let old = from.publish("team/numbers", 0..35).await;
    let seen = Arc::new(AtomicU64::new(0));
    let (bytes, ended) = (seen.clone(), Arc::new(Mutex::new(Vec::new())));
    let names = ended.clone();
    let options = ExchangeOptions::copy_to(&to.store, &from.registry)
        .with_origin("redis://user:hunter2@host/0")
        .with_observer(move |event| match event {
            Event::Bytes(count) => drop(bytes.fetch_add(count, Ordering::Relaxed)),
            Event::Ended { name, migrated, .. } => {
                names.lock().unwrap().push((name.to_owned(), migrated.outcome));
            }
            _ => {}
        });
    let migrated = migrate_dataset("team/numbers", &from.index, &to.index, &options).await.unwrap();
    assert_eq!((migrated.outcome, migrated.shards), (Outcome::Carried, 4));

    let new = to.index.get_dataset("team/numbers").await.unwrap();
    assert_eq!(to.bytes(&*new).await, from.bytes(&*old).await);
    assert_eq!(numbers(&to.index, "team/numbers", &to.registry).await, (0..35).collect::<Vec<_>>());
    assert!(
        new.data_urls()
            .iter()
            .zip(old.data_urls())
            .all(|(new, old)| new != old || from.store.urls().len() == 4)
    );
    for (url, bytes) in new.data_urls().iter().zip(to.bytes(&*new).await) {
        assert_eq!(new.checksum(url), Some(hex(&Sha256::digest(&bytes)).as_str()));
        let index = to.registry.opener(url).unwrap().open_index(url).await.unwrap().unwrap();
        let index = ShardIndex::from_bytes(index).unwrap();
        assert_eq!(index.shard_length(), bytes.len() as u64);
    }
    let total: usize = from.bytes(&*old).await.iter().map(Bytes::len).sum();
    assert_eq!((seen.load(Ordering::Relaxed), migrated.bytes), (total as u64, total as u64));
    assert_eq!(*ended.lock().unwrap(), [("team/numbers".to_owned(), Outcome::Carried)]);

    let metadata = new.metadata().unwrap();
    assert_eq!(metadata.get("license").unwrap().as_str(), Some("CC0-1.0"));
    let said = metadata.get(PROVENANCE_KEY).unwrap().as_map().unwrap();
    assert_eq!(said.get("index").unwrap().as_str(), Some("redis://host/0"));
    assert_eq!(said.get("cid").unwrap().as_str(), old.cid());
    assert!(!format!("{new:?}").contains("hunter2"));
    assert_eq!(to.index.get_schema(new.schema_ref()).await.unwrap().schema.fields, schema().fields);

    // Again: nothing moves.
    let again = migrate_dataset("team/numbers", &from.index, &to.index, &options).await.unwrap();
    assert_eq!((again.outcome, again.bytes, to.store.urls().len()), (Outcome::Equal, 0, 4));
}

#[tokio::test]
async fn another_name_and_no_provenance() {
    let (from, to) = (Side::new(), Side::new());
    from.publish("numbers", 0..5).await;
    let options = ExchangeOptions::copy_to(&to.store, &from.registry).with_name("n").with_provenance(false);
    migrate_dataset("numbers", &from.index, &to.index, &options).await.unwrap();
    let new = to.index.get_dataset("n").await.unwrap();
    assert!(new.metadata().unwrap().get(PROVENANCE_KEY).is_none());
    assert!(to.index.get_dataset("numbers").await.unwrap_err().is_not_found());
}

/// Gives other bytes than the store has.
#[derive(Debug)]
struct Damaging(Side, fn(Vec<u8>) -> Vec<u8>);

#[async_trait]
impl ShardOpener for Damaging {
    async fn open(&self, url: &str) -> Result<ShardBody> {
        let bytes = self.0.registry.opener(url)?.open(url).await?.into_bytes().await?;
        Ok(ShardBody::resident(if url.contains("000001") {
            (self.1)(bytes.to_vec())
        } else {
            bytes.to_vec()
        }))
    }
}

#[tokio::test]
async fn a_damaged_shard_is_named_and_nothing_is_published() {
    let damages: [fn(Vec<u8>) -> Vec<u8>; 3] = [
        |mut bytes| {
            bytes[600] ^= 1;
            bytes
        },
        |bytes| bytes[..bytes.len() - 1536].to_vec(),
        |_| b"<html>not found</html>".to_vec(),
    ];
    for with_checksums in [true, false] {
        for (number, damage) in damages.into_iter().enumerate() {
            let (from, to) = (Side::new(), Side::new());
            let old = from.publish("numbers", 0..35).await;
            let index = from.index.clone();
            if !with_checksums {
                let new = NewDataset::new("numbers", schema(), old.data_urls().to_vec());
                index.insert_dataset(new.with_if_exists(atdata_core::IfExists::Replace)).await.unwrap();
                if number == 0 {
                    // Nobody could notice.
                    continue;
                }
            }
            let mut registry = from.registry.clone();
            registry.register("mem", Arc::new(Damaging(from, damage)));
            let options = ExchangeOptions::copy_to(&to.store, &registry);
            let error = migrate_dataset("numbers", &index, &to.index, &options).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert!(error.context_value("shard").unwrap().contains("000001"), "{error}");
            assert_eq!(to.store.urls(), [""; 0]);
            assert!(to.index.get_dataset("numbers").await.unwrap_err().is_not_found());
        }
    }
}

#[tokio::test]
async fn shards_that_are_too_long_are_refused_or_divided() {
    let (from, to) = (Side::new(), Side::new());
    let old = from.publish("numbers", 0..25).await;
    // Three samples and the end of the archive.
    let narrow = Narrow(to.store.clone(), 4096);
    let options = ExchangeOptions::copy_to(&narrow, &from.registry);
    let error = migrate_dataset("numbers", &from.index, &to.index, &options).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.context_value("shard").is_some(), "{error}");
    assert!(error.message().contains("4096"), "{error}");
    assert_eq!(to.store.urls(), [""; 0]);

    let options = options.with_division(true);
    let migrated = migrate_dataset("numbers", &from.index, &to.index, &options).await.unwrap();
    assert_eq!((migrated.shards, old.data_urls().len()), (3, 3));
    assert_eq!(numbers(&to.index, "numbers", &to.registry).await, (0..25).collect::<Vec<_>>());
    let new = to.index.get_dataset("numbers").await.unwrap();
    assert_eq!(new.data_urls().len(), 4 + 4 + 2);
    assert!(to.bytes(&*new).await.iter().all(|bytes| bytes.len() <= 4096));
    let again = migrate_dataset("numbers", &from.index, &to.index, &options).await.unwrap();
    assert_eq!(again.outcome, Outcome::Equal);
}

#[tokio::test]
async fn one_that_is_divided_keeps_all_members_and_its_checksum_counts() {
    use atdata_core::tar::{TarEncoder, read_tar};
    let mut encoder = TarEncoder::default();
    let mut shard = Vec::new();
    for n in 0..4 {
        for (suffix, data) in
            [("seg.png", vec![n; 700]), ("cls", vec![n]), ("msgpack", b"\x81\xa1n\x01".to_vec())]
        {
            let name = format!("dir/{n:04}.{suffix}");
            shard.extend(encoder.append(&name, data.into()).unwrap().concat());
        }
    }
    shard.extend_from_slice(&encoder.finish());
    let sum = hex(&Sha256::digest(&shard));

    #[derive(Debug)]
    struct One(Vec<u8>);
    #[async_trait]
    impl ShardOpener for One {
        async fn open(&self, _url: &str) -> Result<ShardBody> {
            Ok(ShardBody::resident(self.0.clone()))
        }
    }
    for (sum, is_right) in [(sum.clone(), true), (sum.replace(|c: char| c.is_ascii_digit(), "0"), false)] {
        let (from, to) = (Side::new(), Side::new());
        let mut registry = from.registry.clone();
        registry.register("one", Arc::new(One(shard.clone())));
        let mut stored = atdata_core::StoredShard::new("one://1", shard.len() as u64);
        stored.sha256 = Some(sum);
        from.index.insert_dataset(NewDataset::from_shards("a", schema(), vec![stored])).await.unwrap();
        let narrow = Narrow(to.store.clone(), 8192);
        let options = ExchangeOptions::copy_to(&narrow, &registry).with_division(true);
        let done = migrate_dataset("a", &from.index, &to.index, &options).await;
        if !is_right {
            assert_eq!(done.unwrap_err().kind(), ErrorKind::Corrupt);
            assert_eq!(to.store.urls(), [""; 0]);
            continue;
        }
        let new = done.unwrap().entry.unwrap();
        assert_eq!(new.data_urls().len(), 2);
        let read = |bytes: &[u8]| -> Vec<(String, String, Bytes)> {
            let samples: Vec<_> = read_tar(bytes).collect::<Result<_>>().unwrap();
            samples
                .iter()
                .flat_map(|sample| {
                    sample.members().map(|member| {
                        (sample.key().to_owned(), member.suffix.to_string(), member.data.clone())
                    })
                })
                .collect()
        };
        let divided: Vec<_> = to.bytes(&*new).await.iter().flat_map(|bytes| read(bytes)).collect();
        assert_eq!(divided, read(&shard));
    }
}

#[tokio::test]
async fn compressed_shards_are_copied_as_they_are_and_have_no_index() {
    let (from, to) = (Side::new(), Side::new());
    let old = from.publish("numbers", 0..10).await;
    let plain = from.bytes(&*old).await.remove(0);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &plain).unwrap();
    let gzip = gzip.finish().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar.gz");
    std::fs::write(&path, &gzip).unwrap();
    let new = NewDataset::new("zipped", schema(), vec![path.display().to_string()]);
    from.index.insert_dataset(new).await.unwrap();
    let options = ExchangeOptions::copy_to(&to.store, &from.registry);
    let new = migrate_dataset("zipped", &from.index, &to.index, &options).await.unwrap().entry.unwrap();
    assert_eq!(to.bytes(&*new).await, [Bytes::from(gzip)]);
    let url = &new.data_urls()[0];
    assert!(to.registry.opener(url).unwrap().open_index(url).await.unwrap().is_none());
    assert_eq!(numbers(&to.index, "zipped", &to.registry).await, (0..10).collect::<Vec<_>>());
}
