//! Uploads and reads through a proxy that lets things go wrong, on Ceph's gateway.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use atdata_core::source::{Registry, UrlSource};
use atdata_core::{
    DataStore, DataStoreExt, Dataset, DictSample, Error, ErrorKind, PackedSample, ShardInput, StoredShard,
    Value, WriteOptions,
};
use atdata_s3::{S3Config, S3DataStore, register};
use atdata_testkit::data::{noise, sample, stream_of};
use atdata_testkit::proxy::{Fault, FaultProxy, Gate, Request};
use atdata_testkit::suite::{block_on, skip};
use common::{BUCKET, Server};
use futures::{StreamExt, TryStreamExt, stream};

/// A server behind a proxy.
struct Behind {
    server: Server,
    proxy: FaultProxy,
}

impl Behind {
    fn config(&self) -> S3Config {
        self.server.config().with_endpoint(format!("http://127.0.0.1:{}", self.proxy.port())).unwrap()
    }

    fn store(&self) -> S3DataStore {
        let store =
            S3DataStore::new(self.config(), BUCKET).unwrap().with_prefix(&self.server.prefix).unwrap();
        store.with_part_size(5 << 20)
    }

    async fn read(&self, shards: &[StoredShard]) -> Result<Vec<DictSample>, Error> {
        let mut registry = Registry::default();
        register(&mut registry, self.config());
        let source = UrlSource::from_urls(shards.iter().map(|shard| &shard.url), &registry).unwrap();
        Dataset::<DictSample>::from_source(source).ordered().try_collect().await
    }

    async fn nothing_unfinished(&self) {
        assert_eq!(self.server.uploads().await, [""; 0]);
    }
}

fn behind_proxy<F: Future<Output = ()>>(test: &str, body: impl FnOnce(Behind) -> F) {
    block_on(async {
        let Some(server) = common::rgw().await else { return skip(test, "the server is not there") };
        let upstream = server.given.endpoint.strip_prefix("http://").unwrap().parse().unwrap();
        body(Behind { server, proxy: FaultProxy::start(upstream) }).await;
    });
}

/// Samples of 1.5 MiB: with five in a shard, one has two parts.
fn written() -> Vec<DictSample> {
    let large = |n: i64| {
        let mut sample = sample(n);
        sample.insert("raw", Value::Bytes(noise(n.unsigned_abs(), 3 << 19)));
        sample
    };
    (0..8).map(large).collect()
}

fn options() -> WriteOptions {
    WriteOptions::default().with_max_count(5)
}

/// What a request does.
fn kind(request: &Request) -> &'static str {
    let has = |parameter: &str| request.path.contains(parameter);
    match request.method.as_str() {
        "POST" if has("uploads") => "begin",
        "POST" => "complete",
        "PUT" if has("partNumber=") => "part",
        "DELETE" if has("uploadId=") => "abort",
        "DELETE" => "delete",
        "HEAD" => "head",
        _ => "get",
    }
}

#[test]
fn uploads_and_reads_through_passing_faults_are_exact() {
    behind_proxy("passing faults", async |behind| {
        for seed in 0..2u64 {
            let mut in_a_row: HashMap<(String, String), u32> = HashMap::new();
            let mut random = seed;
            behind.proxy.set(move |request| {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let failed = in_a_row.entry((request.method.clone(), request.path.clone())).or_default();
                // Nobody tries for ever.
                if *failed == 3 || (random >> 33).is_multiple_of(2) {
                    *failed = 0;
                    return Fault::None;
                }
                *failed += 1;
                match (random >> 40) % 6 {
                    // Of an answer without body nobody can see that its length is wrong.
                    3 if kind(request) == "head" => Fault::NoAnswer,
                    0 => Fault::Status { code: 503, retry_after: None },
                    1 => Fault::Status { code: 500, retry_after: None },
                    2 => Fault::NoAnswer,
                    3 => Fault::WrongLength(7),
                    4 => Fault::CutAfter(20),
                    _ => Fault::ResetAfter(300_000),
                }
            });
            let samples = written();
            let prefix = format!("seed-{seed}");
            let shards = behind.store().write_samples(stream_of(samples.clone()), &prefix, &options()).await;
            assert!(behind.read(&shards.unwrap()).await.unwrap() == samples, "seed {seed}");
            behind.nothing_unfinished().await;
        }
        assert_eq!(behind.server.objects().await.len(), 2 * 4);
    });
}

#[test]
fn a_request_that_always_fails_ends_the_write_and_leaves_nothing() {
    behind_proxy("lasting faults", async |behind| {
        let denied = (403, ErrorKind::PermissionDenied);
        for (failing, (code, expected)) in [
            ("begin", denied),
            ("part", denied),
            ("complete", denied),
            ("part", (503, ErrorKind::Unavailable)),
        ] {
            let mut seen = 0;
            behind.proxy.set(move |request| {
                // The first one of its kind is let through, so that there is something to be taken away.
                seen += u32::from(kind(request) == failing);
                if kind(request) == failing && seen > 1 {
                    return Fault::Status { code, retry_after: None };
                }
                Fault::None
            });
            let store = behind.store();
            let error = store.write_samples(stream_of(written()), "digits", &options()).await.unwrap_err();
            assert_eq!(error.kind(), expected, "{failing} {code}: {error}");
            assert!(error.context_value("url").unwrap().contains("/digits/data--"), "{error}");
            behind.nothing_unfinished().await;
            assert!(behind.server.objects().await.is_empty(), "{failing} {code}");
        }
    });
}

#[test]
fn an_upload_whose_beginning_got_lost_on_the_way_back_is_found_and_aborted() {
    behind_proxy("lost beginning", async |behind| {
        let mut lost = false;
        behind.proxy.set(move |request| {
            // The server has begun an upload, and its name does not arrive.
            if kind(request) == "begin" && !std::mem::replace(&mut lost, true) {
                return Fault::CutAfter(10);
            }
            Fault::None
        });
        let samples = written();
        let shards = behind.store().write_samples(stream_of(samples.clone()), "digits", &options()).await;
        assert!(behind.read(&shards.unwrap()).await.unwrap() == samples);
        behind.nothing_unfinished().await;
    });
}

#[test]
fn a_completion_whose_answer_is_lost_every_time_is_known_to_have_happened() {
    behind_proxy("lost completion", async |behind| {
        behind.proxy.set(|request| match kind(request) {
            "complete" => Fault::CutAfter(0),
            _ => Fault::None,
        });
        let samples = written();
        let shards = behind.store().write_samples(stream_of(samples.clone()), "digits", &options()).await;
        behind.proxy.set(|_| Fault::None);
        assert!(behind.read(&shards.unwrap()).await.unwrap() == samples);
        behind.nothing_unfinished().await;
    });
}

#[test]
fn a_write_to_a_server_that_went_away_fails_and_says_so() {
    behind_proxy("gone", async |behind| {
        behind.proxy.set(|_| Fault::NoAnswer);
        let store = behind.store();
        let error = store.write_samples(stream_of(written()), "digits", &options()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.is_retryable(), "{error}");
        assert!(behind.server.objects().await.is_empty());
    });
}

/// What an upload has asked its samples for, and what the server has let in.
#[derive(Debug, Default)]
struct Flow {
    handed_out: AtomicUsize,
    waiting: AtomicUsize,
    let_in: AtomicUsize,
}

#[test]
fn an_upload_takes_no_more_samples_than_fit_into_its_parts_while_the_server_stalls() {
    const PART: usize = 5 << 20;
    const IN_FLIGHT: usize = 3;
    const SAMPLE: usize = 256 << 10;
    const SAMPLES: usize = 10 * PART / SAMPLE;
    behind_proxy("stalled uploads", async |behind| {
        let (flow, beginning, parts) = (Arc::new(Flow::default()), Gate::closed(), Gate::closed());
        behind.proxy.set({
            let (flow, beginning, parts) = (flow.clone(), beginning.clone(), parts.clone());
            move |request| match kind(request) {
                "begin" => Fault::Wait(beginning.clone()),
                "part" => {
                    let waiting = flow.waiting.fetch_add(1, Ordering::SeqCst) + 1;
                    // One is let in when as many wait as are on their way at once.
                    if waiting == IN_FLIGHT {
                        flow.waiting.fetch_sub(1, Ordering::SeqCst);
                        flow.let_in.fetch_add(1, Ordering::SeqCst);
                        parts.let_pass(1);
                    }
                    Fault::Wait(parts.clone())
                }
                _ => Fault::None,
            }
        });
        let payload = noise(1, SAMPLE);
        let next = {
            let (flow, parts) = (flow.clone(), parts.clone());
            move |n| {
                // Those on their way, the one that is being filled, and a sample that is looked at.
                let let_in = flow.let_in.load(Ordering::SeqCst);
                let handed_out = flow.handed_out.fetch_add(SAMPLE, Ordering::SeqCst) + SAMPLE;
                assert!(
                    handed_out <= (let_in + IN_FLIGHT + 1) * PART + SAMPLE,
                    "{n}: {handed_out}, {let_in}"
                );
                if n + 1 == SAMPLES {
                    // Nobody comes any more for whom those who wait would have to make room.
                    parts.let_pass(usize::from(u16::MAX));
                }
                Ok(PackedSample::new(format!("{n:06}"), payload.clone()))
            }
        };
        let options = WriteOptions::default().with_max_count(u64::MAX).with_max_size(u64::MAX);
        let mut input = ShardInput::encode(stream::iter(0..SAMPLES).map(next).boxed(), &options);
        let store = behind.store().with_part_size(PART).with_parts_in_flight(IN_FLIGHT);
        let mut writing = pin!(store.write_shards(&mut input, "digits"));
        // Samples are always there. So a write that waits while it has taken this many waits for the server, which has
        // not let it begin yet.
        let full = IN_FLIGHT * PART;
        poll_fn(|context| {
            assert!(writing.as_mut().poll(context).is_pending());
            if flow.handed_out.load(Ordering::SeqCst) < full { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        beginning.let_pass(usize::from(u16::MAX));
        let shards = writing.await.unwrap();
        assert_eq!((shards.len(), shards[0].samples), (1, Some(SAMPLES as u64)));
        assert_eq!(flow.handed_out.load(Ordering::SeqCst), SAMPLES * SAMPLE);
        // It was stalled most of the time.
        assert!(flow.let_in.load(Ordering::SeqCst) >= SAMPLES * SAMPLE / PART - IN_FLIGHT);
        behind.nothing_unfinished().await;
    });
}
