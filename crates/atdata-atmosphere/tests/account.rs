//! What an account is told: who it is, how far its uploads are, who signed its records.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use atdata_atmosphere::{Atmosphere, AuthFault, PdsBlobStore};
use atdata_core::schema::{Field, Primitive, SampleSchema};
use atdata_core::{
    DataStore, ErrorKind, Index, IndexEntry, NewDataset, PackedSample, ShardInput, WriteOptions,
};
use common::Alice;
use futures::{StreamExt, stream};

const SAMPLES: u64 = 40;

fn numbers() -> SampleSchema {
    SampleSchema::new("Number").field(Field::new("n", Primitive::Int))
}

/// Four shards of forty samples, long enough to be sent in several pieces.
fn input() -> ShardInput<'static> {
    let sample = |n: u64| {
        let mut packed = vec![0x82, 0xa1, b'n', u8::try_from(n).unwrap(), 0xa1, b'b', 0xc6];
        packed.extend_from_slice(&100_000u32.to_be_bytes());
        packed.resize(packed.len() + 100_000, u8::try_from(n).unwrap());
        Ok(PackedSample::new(format!("{n:06}"), packed))
    };
    ShardInput::encode(
        stream::iter((0..SAMPLES).map(sample)).boxed(),
        &WriteOptions::default().with_max_count(10),
    )
}

#[tokio::test]
async fn the_server_says_who_is_logged_in_and_that_nobody_is() {
    let Some(alice) = Alice::for_test("whoami", |options| options) else { return };
    let me = alice.atmosphere.whoami().await.unwrap();
    assert_eq!((me.did.as_str(), &*me.handle), (alice.account.did(), alice.account.handle()));
    assert_eq!((&*me.pds, me.active, me.status), (alice.account.url(), true, None));

    let nobody = Atmosphere::anonymous(alice.options.clone());
    assert_eq!(AuthFault::of(&nobody.whoami().await.unwrap_err()), Some(AuthFault::NoSession));
    alice.atmosphere.logout().await.unwrap();
    assert_eq!(AuthFault::of(&alice.atmosphere.whoami().await.unwrap_err()), Some(AuthFault::NoSession));
}

#[tokio::test]
async fn uploads_are_told_until_all_was_sent() {
    let Some(alice) = Alice::for_test("progress", |options| options) else { return };
    let told: Arc<Mutex<BTreeMap<usize, Vec<(u64, u64)>>>> = Arc::default();
    let telling = told.clone();
    let store = PdsBlobStore::new(&alice.atmosphere).unwrap().with_progress(move |upload| {
        telling.lock().unwrap().entry(upload.shard).or_default().push((upload.sent, upload.size));
    });
    let shards = store.write_shards(&mut input(), "numbers").await.unwrap();
    let told = told.lock().unwrap();
    assert_eq!((told.len(), shards.len()), (4, 4));
    for (shard, steps) in shards.iter().zip(told.values()) {
        assert!(steps.len() > 1 && steps.is_sorted(), "{steps:?}");
        assert_eq!(steps.last(), Some(&(shard.size, shard.size)));
    }
}

#[tokio::test]
async fn a_record_is_proved_to_be_its_owners_and_what_is_not_there_not() {
    let Some(alice) = Alice::for_test("origin", |options| options) else { return };
    let index = alice.atmosphere.index().unwrap();
    let schema = index.publish_schema(&numbers()).await.unwrap();
    let store = PdsBlobStore::new(&alice.atmosphere).unwrap();
    let shards = store.write_shards(&mut input(), "numbers").await.unwrap();
    let entry = index.insert_dataset(NewDataset::from_shards("numbers", &*schema, shards)).await.unwrap();
    let uri = entry.uri().unwrap();

    let nobody = Atmosphere::anonymous(alice.options.clone());
    let proof = nobody.verify_origin(uri).await.unwrap();
    assert_eq!(Some(&*proof.cid.to_string()), entry.cid());
    assert_eq!(proof.record["name"], "numbers");
    // By the handle it is the same record.
    let by_handle = uri.replace(alice.account.did(), alice.account.handle());
    assert_eq!(nobody.verify_origin(&by_handle).await.unwrap(), proof);
    assert_eq!(nobody.verify_origin(&schema).await.unwrap().record["name"], "Number");

    // Another change is another commit of the same record.
    let mut second = numbers();
    second.name = "Other".into();
    index.publish_schema(&second).await.unwrap();
    let later = nobody.verify_origin(uri).await.unwrap();
    assert_eq!((later.cid, &later.record), (proof.cid, &proof.record));
    assert!(later.commit != proof.commit && later.rev > proof.rev, "{later:?}");

    let missing = format!("{}x", uri);
    assert_eq!(nobody.verify_origin(&missing).await.unwrap_err().kind(), ErrorKind::NotFound);
    let stranger = alice.account.neighbour().unwrap();
    let elsewhere = uri.replace(alice.account.did(), &stranger.did);
    assert_eq!(nobody.verify_origin(&elsewhere).await.unwrap_err().kind(), ErrorKind::NotFound);
    for nonsense in ["numbers", "at://did:plc:abc", &entry.data_urls()[0].replace("/blob/", "//")] {
        assert_eq!(
            nobody.verify_origin(nonsense).await.unwrap_err().kind(),
            ErrorKind::Invalid,
            "{nonsense}"
        );
    }
}
