//! Servers that fail, die and lie, while shards go up and come down.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use atdata_atmosphere::{Atmosphere, AtmosphereOptions, PdsBlobStore};
use atdata_core::source::{Registry, UrlSource};
use atdata_core::{
    DataSource, DataStoreExt, DictSample, ErrorKind, Index, IndexExt, NewDataset, StoredShard, Value,
    WriteOptions,
};
use atdata_testkit::data::{noise, numbers, sample, stream_of};
use atdata_testkit::proxy::{Fault, FaultProxy, Gate, Request};
use atdata_testkit::servers::pds::{Account, Pds, PdsAccount, PdsOptions};
use atdata_transport::HttpOptions;
use common::{options, session};
use futures::TryStreamExt;

const SCHEMA: &str = "at://did:plc:z72i7hdynmk6r22z27h6tvur/science.alt.dataset.schema/3kplain";

/// A client that reaches its server through a proxy.
struct Behind {
    proxy: FaultProxy,
    atmosphere: Atmosphere,
}

impl Behind {
    fn new(server: SocketAddr, plc: &str, account: &Account) -> Self {
        let proxy = FaultProxy::start(server);
        let url = format!("http://localhost:{}", proxy.port());
        let atmosphere = Atmosphere::resume(session(&url, account), patient(&url, plc), None).unwrap();
        Self { proxy, atmosphere }
    }

    fn of(account: &PdsAccount) -> Self {
        Self::new(account.address(), account.plc_url(), account.account())
    }

    fn store(&self) -> PdsBlobStore {
        PdsBlobStore::new(&self.atmosphere).unwrap()
    }

    async fn insert(&self, name: &str, shards: &[StoredShard]) {
        let new = NewDataset::from_shards(name, SCHEMA, shards.to_vec());
        self.atmosphere.index().unwrap().insert_dataset(new).await.unwrap();
    }

    async fn read(&self, name: &str) -> Vec<i64> {
        let mut registry = Registry::empty();
        atdata_atmosphere::register(&mut registry, &self.atmosphere);
        let dataset = self.atmosphere.index().unwrap().dict_dataset(name, &registry).await.unwrap();
        numbers(&dataset.ordered().try_collect::<Vec<DictSample>>().await.unwrap())
    }

    fn count(&self, method: &str) -> usize {
        self.proxy.seen().iter().filter(|request| request.path.contains(method)).count()
    }
}

/// Silence counts as a failure soon.
fn patient(pds: &str, plc: &str) -> AtmosphereOptions {
    let mut options = options(pds, plc, HttpOptions::default());
    options.retry.read_timeout = Duration::from_secs(2);
    options
}

/// Samples of 200 kB.
fn large(count: i64) -> Vec<DictSample> {
    let one = |n: i64| {
        let mut sample = sample(n);
        sample.insert("raw", Value::Bytes(noise(n.unsigned_abs(), 200_000)));
        sample
    };
    (0..count).map(one).collect()
}

fn by_two() -> WriteOptions {
    WriteOptions::default().with_max_count(2)
}

fn is_upload(request: &Request) -> bool {
    request.path.contains("uploadBlob")
}

#[tokio::test]
async fn an_upload_that_breaks_is_sent_again() {
    let Some(alice) = PdsAccount::for_test("an_upload_that_breaks_is_sent_again") else { return };
    let behind = Behind::of(&alice);
    let faults = [
        Fault::CutUploadAfter(100_000),
        Fault::ResetUploadAfter(100_000),
        Fault::ResetUploadAfter(0),
        Fault::StallUploadAfter(150_000),
        Fault::LostAnswer,
        Fault::NoAnswer,
        Fault::CutAfter(10),
        Fault::Status { code: 503, retry_after: Some("0".into()) },
        Fault::Status { code: 500, retry_after: None },
        Fault::Status { code: 429, retry_after: Some("1".into()) },
        Fault::Garbage,
    ];
    for (i, fault) in faults.into_iter().enumerate() {
        let mut left = 1;
        let once = fault.clone();
        behind.proxy.set(move |request| match is_upload(request) && left > 0 {
            true => {
                left -= 1;
                once.clone()
            }
            false => Fault::None,
        });
        behind.proxy.reset_counts();
        // Other samples each time: what is there already is not sent.
        let samples: Vec<DictSample> =
            large(20 * (i as i64 + 1)).split_off(20 * i).into_iter().take(4).collect();
        let expected = numbers(&samples);
        let written = behind.store().write_samples(stream_of(samples), "digits", &by_two()).await;
        let shards = match (&fault, written) {
            // What is no HTTP is no failure that passes.
            (Fault::Garbage, Err(error)) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                continue;
            }
            (_, written) => written.unwrap_or_else(|error| panic!("{fault:?}: {error}")),
        };
        assert_eq!(behind.count("uploadBlob"), 3, "{fault:?}");
        let name = format!("digits-{i}");
        behind.insert(&name, &shards).await;
        assert_eq!(behind.read(&name).await, expected, "{fault:?}");
    }
}

#[tokio::test]
async fn an_upload_that_never_works_is_an_error_and_leaves_no_record() {
    let case = "an_upload_that_never_works_is_an_error_and_leaves_no_record";
    let Some(alice) = PdsAccount::for_test(case) else { return };
    let behind = Behind::of(&alice);
    behind.proxy.set(|request| match is_upload(request) {
        true => Fault::ResetUploadAfter(50_000),
        false => Fault::None,
    });
    let written = behind.store().write_samples(stream_of(large(4)), "digits", &by_two()).await;
    let error = written.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("shard: ") && error.to_string().contains("blob: "), "{error}");
    let index = behind.atmosphere.index().unwrap();
    assert_eq!(index.count_datasets().await.unwrap(), 0);
    // What was sent before the failure is not sent again, once it works.
    behind.proxy.set(|_| Fault::None);
    let shards = behind.store().write_samples(stream_of(large(4)), "digits", &by_two()).await.unwrap();
    behind.insert("digits", &shards).await;
    assert_eq!(behind.read("digits").await, [0, 1, 2, 3]);
}

#[tokio::test]
async fn a_server_that_is_killed_in_mid_upload_gets_the_rest_when_it_is_back() {
    let case = "a_server_that_is_killed_in_mid_upload_gets_the_rest_when_it_is_back";
    let Some(mut pds) = Pds::for_test(case, PdsOptions::default()) else { return };
    let account = pds.create_account("alice.test").unwrap();
    let behind = Behind::new(([127, 0, 0, 1], pds.port()).into(), &pds.plc_url(), &account);
    let mut uploads = 0;
    behind.proxy.set(move |request| {
        uploads += u32::from(is_upload(request));
        // Half of the second shard arrives.
        match is_upload(request) && uploads == 2 {
            true => Fault::StallUploadAfter(200_000),
            false => Fault::None,
        }
    });
    let store = behind.store().with_uploads_at_once(1);
    let writing =
        tokio::spawn(async move { store.write_samples(stream_of(large(8)), "digits", &by_two()).await });
    while behind.count("uploadBlob") < 2 {
        tokio::task::yield_now().await;
    }
    let pds = tokio::task::spawn_blocking(move || {
        pds.kill();
        pds.restart().unwrap();
        pds
    });
    let _pds = pds.await.unwrap();
    let shards = writing.await.unwrap().unwrap();
    assert_eq!(shards.len(), 4);
    behind.insert("digits", &shards).await;
    assert_eq!(behind.read("digits").await, [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_made_once() {
    let Some(alice) = PdsAccount::for_test("a_change_whose_answer_is_lost_is_made_once") else { return };
    let behind = Behind::of(&alice);
    let mut left = 1;
    behind.proxy.set(move |request| match request.path.contains("applyWrites") && left > 0 {
        true => {
            left -= 1;
            Fault::LostAnswer
        }
        false => Fault::None,
    });
    let index = behind.atmosphere.index().unwrap();
    let new = NewDataset::new("digits", SCHEMA, vec!["https://h.test/a.tar".into()]).with_version("1");
    index.insert_dataset(new).await.unwrap();
    assert_eq!(behind.count("applyWrites"), 1, "the record was found");
    assert_eq!(index.count_datasets().await.unwrap(), 1);
    assert_eq!(index.get_dataset("digits@1").await.unwrap().name(), "digits");
}

#[tokio::test]
async fn a_blob_that_breaks_off_begins_again_and_nothing_comes_twice() {
    let case = "a_blob_that_breaks_off_begins_again_and_nothing_comes_twice";
    let Some(alice) = PdsAccount::for_test(case) else { return };
    let behind = Behind::of(&alice);
    let shards =
        behind.store().write_samples(stream_of(large(10)), "digits", &WriteOptions::default()).await.unwrap();
    behind.insert("digits", &shards).await;
    let faults = |number: u64| match number {
        0 => Fault::CutAfter(300_000),
        1 => Fault::Status { code: 503, retry_after: Some("0".into()) },
        2 => Fault::ResetAfter(900_000),
        3 => Fault::StallAfter(1_000_000),
        _ => Fault::None,
    };
    behind.proxy.reset_counts();
    let mut blobs = 0;
    behind.proxy.set(move |request| match request.path.contains("getBlob") {
        true => {
            blobs += 1;
            faults(blobs - 1)
        }
        false => Fault::None,
    });
    assert_eq!(behind.read("digits").await, (0..10).collect::<Vec<_>>());
    assert_eq!(behind.count("getBlob"), 5);
}

#[tokio::test]
async fn wrong_bytes_are_an_error_that_names_the_blob_and_give_no_last_sample() {
    let case = "wrong_bytes_are_an_error_that_names_the_blob_and_give_no_last_sample";
    let Some(alice) = PdsAccount::for_test(case) else { return };
    let behind = Behind::of(&alice);
    let write = async |samples: Vec<DictSample>, name: &str| {
        let shards =
            behind.store().write_samples(stream_of(samples), "x", &WriteOptions::default()).await.unwrap();
        behind.insert(name, &shards).await;
        shards[0].url.clone()
    };
    let right = write(large(4), "right").await;
    let mut forged = large(4);
    forged[3].insert("n", 99i64);
    let wrong = write(forged, "wrong").await;
    let cid = wrong.rsplit('/').next().unwrap();
    let path = format!("/xrpc/com.atproto.sync.getBlob?did={}&cid={cid}", alice.did());
    behind.proxy.set(move |_| Fault::OtherPath(path.clone()));
    let mut registry = Registry::empty();
    atdata_atmosphere::register(&mut registry, &behind.atmosphere);
    let source = UrlSource::from_urls([&right], &registry).unwrap();
    let dataset = atdata_core::Dataset::<DictSample>::from_source(source);
    let mut samples = dataset.ordered();
    let mut seen = Vec::new();
    let error = loop {
        match samples.try_next().await {
            Ok(Some(sample)) => seen.push(sample),
            Ok(None) => panic!("wrong bytes were taken for right ones"),
            Err(error) => break error,
        }
    };
    assert!(numbers(&seen).iter().all(|n| *n < 3), "{:?}", numbers(&seen));
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains(right.rsplit('/').next().unwrap()), "{error}");
}

#[tokio::test]
async fn a_blob_that_is_gone_is_not_found_by_its_name() {
    let Some(alice) = PdsAccount::for_test("a_blob_that_is_gone_is_not_found_by_its_name") else { return };
    let behind = Behind::of(&alice);
    let mut registry = Registry::empty();
    atdata_atmosphere::register(&mut registry, &behind.atmosphere);
    let cid = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";
    for did in [alice.did(), "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"] {
        let url = format!("at://{did}/blob/{cid}");
        let source = UrlSource::from_urls([&url], &registry).unwrap();
        let error = source.open_shard(&url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains(did), "{error}");
    }
}

#[tokio::test]
async fn a_shard_is_as_long_as_the_server_takes_and_a_sample_that_is_longer_is_refused() {
    let case = "a_shard_is_as_long_as_the_server_takes_and_a_sample_that_is_longer_is_refused";
    let Some(pds) = Pds::for_test(case, PdsOptions::default().with_blob_limit(500_000)) else { return };
    let account = pds.create_account("alice.test").unwrap();
    let behind = Behind::new(([127, 0, 0, 1], pds.port()).into(), &pds.plc_url(), &account);
    let store = behind.store();
    assert_eq!(store.limit().await.unwrap(), 500_000);
    let shards = store.write_samples(stream_of(large(5)), "digits", &WriteOptions::default()).await.unwrap();
    assert_eq!(shards.iter().map(|shard| shard.samples.unwrap()).collect::<Vec<_>>(), [2, 2, 1]);
    assert!(shards.iter().all(|shard| shard.size <= 500_000));
    behind.insert("digits", &shards).await;
    assert_eq!(behind.read("digits").await, [0, 1, 2, 3, 4]);

    let mut long = sample(1);
    long.insert("raw", Value::Bytes(noise(1, 600_000)));
    let sent = behind.count("uploadBlob");
    let error =
        store.write_samples(stream_of(vec![long]), "digits", &WriteOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("500000"), "{error}");
    assert_eq!(behind.count("uploadBlob"), sent, "nothing of it was sent");
}

#[tokio::test]
async fn what_is_there_is_not_sent_again() {
    let Some(alice) = PdsAccount::for_test("what_is_there_is_not_sent_again") else { return };
    let behind = Behind::of(&alice);
    let shards = behind.store().write_samples(stream_of(large(4)), "a", &by_two()).await.unwrap();
    behind.insert("a", &shards).await;
    let sent = behind.count("uploadBlob");
    assert_eq!(sent, 2);
    // Another program, which knows it from the records.
    let other = Behind::of(&alice);
    let again = other.store().write_samples(stream_of(large(6)), "b", &by_two()).await.unwrap();
    assert_eq!(again[..2], shards[..]);
    assert_eq!(other.count("uploadBlob"), 1);
    other.insert("b", &again).await;
    assert_eq!(other.read("b").await, [0, 1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_writer_that_ends_ends_its_uploads() {
    let Some(alice) = PdsAccount::for_test("a_writer_that_ends_ends_its_uploads") else { return };
    let behind = Behind::of(&alice);
    let gate = Gate::closed();
    behind.proxy.set({
        let gate = gate.clone();
        move |request| if is_upload(request) { Fault::Wait(gate.clone()) } else { Fault::None }
    });
    let store = behind.store();
    let options = by_two();
    let mut writing = store.write_samples(stream_of(large(12)), "digits", &options);
    while behind.count("uploadBlob") < 3 {
        assert!(futures::FutureExt::now_or_never(&mut writing).is_none());
        tokio::task::yield_now().await;
    }
    drop(writing);
    gate.let_pass(100);
    // Only those that had begun were ever asked for.
    assert_eq!(behind.count("uploadBlob"), 3);
    assert_eq!(behind.atmosphere.index().unwrap().count_datasets().await.unwrap(), 0);
}
