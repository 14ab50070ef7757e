//! Whole shards through whatever may go wrong.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use proptest::prelude::*;
use tokio::time::{Instant, advance};

use super::fake::{Fake, Fault};
use super::{ParallelReads, Remote, RemoteOptions, RetryPolicy};
use crate::source::ShardOpener;
use crate::{ErrorKind, Result};

const URL: &str = "http://host.test/a.tar";
const PARTS: ParallelReads = ParallelReads { streams: 3, part: 10_000 };

fn bytes(len: usize) -> Bytes {
    (0..len).map(|i| (i * 31 % 251) as u8).collect::<Vec<_>>().into()
}

fn remote(fake: &Arc<Fake>, parallel: ParallelReads) -> Remote {
    Remote::new(fake.clone(), RemoteOptions::default().with_parallel(parallel))
}

async fn read(remote: &Remote) -> Result<Bytes> {
    remote.open(URL).await?.into_bytes().await
}

/// Reads a fake server's object, whole and in parts.
async fn both_ways(make: impl Fn() -> Fake) -> Vec<(Arc<Fake>, Result<Bytes>)> {
    let mut results = Vec::new();
    for parallel in [ParallelReads::OFF, PARTS] {
        let fake = Arc::new(make());
        let result = read(&remote(&fake, parallel)).await;
        results.push((fake, result));
    }
    results
}

#[tokio::test(start_paused = true)]
async fn objects_of_any_length_come_whole() {
    for len in [0, 1, 9_999, 10_000, 10_001, 20_000, 123_456] {
        for (versioned, sized) in [(true, true), (false, true), (true, false), (false, false)] {
            let make = || Fake { versioned, sized, ..Fake::new(bytes(len), []) };
            for (fake, result) in both_ways(make).await {
                assert!(result.unwrap() == bytes(len), "{len} {fake:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_fits_a_part_costs_one_request() {
    for len in [1, 10_000] {
        for (fake, result) in both_ways(|| Fake::new(bytes(len), [])).await {
            assert_eq!((result.unwrap().len(), fake.counts().0), (len, 1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_goes_on_at_the_byte() {
    let cuts = || (0..100).map(|i| if i % 2 == 0 { Fault::Cut(2048) } else { Fault::Short(1500) });
    for (fake, result) in both_ways(|| Fake::new(bytes(100_000), cuts())).await {
        assert!(result.unwrap() == bytes(100_000));
        assert_eq!(fake.counts().1, 100_000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_left_after_the_timeout() {
    for fault in [Fault::Silent, Fault::Stall(5000), Fault::Stall(0)] {
        for (_, result) in both_ways(|| Fake::new(bytes(50_000), [fault.clone()])).await {
            assert!(result.unwrap() == bytes(50_000));
        }
    }
    let start = Instant::now();
    let fake = Arc::new(Fake::new(bytes(50_000), [Fault::Stall(5000)]));
    read(&remote(&fake, ParallelReads::OFF)).await.unwrap();
    assert!((30..31).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_consumer_may_be_as_slow_as_it_likes() {
    for parallel in [ParallelReads::OFF, PARTS] {
        let fake = Arc::new(Fake::new(bytes(60_000), []));
        let mut chunks = remote(&fake, parallel).open(URL).await.unwrap().into_chunks();
        let mut found = Vec::new();
        while let Some(chunk) = chunks.next().await {
            found.extend_from_slice(&chunk.unwrap());
            advance(Duration::from_secs(3600)).await;
        }
        assert!(found == bytes(60_000));
        assert_eq!(fake.counts(), (if parallel == PARTS { 6 } else { 1 }, 60_000));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_without_ranges_is_read_again_from_the_beginning() {
    let whole = || [Fault::Cut(40_000), Fault::Whole];
    let fake = Arc::new(Fake::new(bytes(100_000), whole()));
    assert!(read(&remote(&fake, ParallelReads::OFF)).await.unwrap() == bytes(100_000));
    assert_eq!(fake.counts(), (2, 140_000));
    // Asked for a part, it gives all.
    let fake = Arc::new(Fake::new(bytes(100_000), [Fault::Whole]));
    assert!(read(&remote(&fake, PARTS)).await.unwrap() == bytes(100_000));
    assert_eq!(fake.counts(), (1, 100_000));
}

#[tokio::test(start_paused = true)]
async fn an_object_without_version_is_proved_to_be_the_same() {
    let fake = Arc::new(Fake { versioned: false, ..Fake::new(bytes(100_000), [Fault::Cut(40_000)]) });
    assert!(read(&remote(&fake, ParallelReads::OFF)).await.unwrap() == bytes(100_000));
    assert_eq!(fake.counts(), (2, 140_000));
}

#[tokio::test(start_paused = true)]
async fn an_object_that_changes_is_a_conflict_and_never_a_mixture() {
    for (noticed, versioned, other_size) in [
        (true, true, false),
        (true, true, true),
        (false, true, true),
        (true, false, false),
        (true, false, true),
    ] {
        let faults = [Fault::Cut(4_000), Fault::Change(noticed, other_size)];
        let make = || Fake { versioned, ..Fake::new(bytes(30_000), faults.clone()) };
        for parallel in [ParallelReads::OFF, PARTS] {
            let fake = Arc::new(make());
            let result = read(&remote(&fake, parallel)).await;
            if !versioned && parallel == PARTS {
                // Nothing of the first answer is used, so that this is all of the new version.
                assert!(result.unwrap() == fake.state.lock().unwrap().object);
                continue;
            }
            let error = result.map(|bytes| bytes.len()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
            assert_eq!(error.context_value("url"), Some(URL));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_final_comes_at_once() {
    let fake = Arc::new(Fake::new(bytes(100), [Fault::Denied]));
    let error = remote(&fake, ParallelReads::OFF).open(URL).await.unwrap_err();
    assert_eq!((error.kind(), fake.counts().0), (ErrorKind::PermissionDenied, 1));
    let fake = Arc::new(Fake::new(bytes(9000), [Fault::Cut(5000), Fault::Denied]));
    let error = read(&remote(&fake, ParallelReads::OFF)).await.unwrap_err();
    assert_eq!((error.kind(), error.context_value("offset")), (ErrorKind::PermissionDenied, Some("5000")));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_busy_is_given_up() {
    let faults = vec![Fault::Busy(None); 40];
    let fake = Arc::new(Fake::new(bytes(100), faults.clone()));
    let error = remote(&fake, ParallelReads::OFF).open(URL).await.unwrap_err();
    assert_eq!((error.kind(), fake.counts().0), (ErrorKind::Unavailable, 8));
    assert!(error.to_string().contains("busy"), "{error}");
    // In the middle too, though other parts come.
    let faults = [Fault::Cut(5000)].into_iter().chain(faults);
    let fake = Arc::new(Fake::new(bytes(100_000), faults));
    assert!(read(&remote(&fake, PARTS)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_the_wrong_byte_is_asked_for_again() {
    let fake = Arc::new(Fake::new(bytes(50_000), [Fault::Late, Fault::Cut(3000), Fault::Late]));
    assert!(read(&remote(&fake, PARTS)).await.unwrap() == bytes(50_000));
}

#[tokio::test(start_paused = true)]
async fn ranges_are_exact_and_pass_failures() {
    for versioned in [true, false] {
        let faults = [Fault::Busy(None), Fault::Cut(700), Fault::Whole];
        let fake = Arc::new(Fake { versioned, ..Fake::new(bytes(50_000), faults) });
        let remote = remote(&fake, PARTS);
        assert!(remote.read_range(URL, 10_000..13_000).await.unwrap() == bytes(50_000).slice(10_000..13_000));
        assert!(remote.read_range(URL, 49_999..50_000).await.unwrap() == bytes(50_000).slice(49_999..));
        assert!(remote.read_range(URL, 5..5).await.unwrap().is_empty());
        for beyond in [49_999..50_001, 60_000..60_001] {
            assert_eq!(remote.read_range(URL, beyond).await.unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_by_the_parts() {
    let fake = Arc::new(Fake::new(bytes(1_000_000), []));
    let mut chunks = remote(&fake, PARTS).open(URL).await.unwrap().into_chunks();
    chunks.next().await.unwrap().unwrap();
    // Everything that may run has run.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(fake.counts().1 <= 30_000, "{:?}", fake.counts());
    let rest: Vec<Bytes> = chunks.try_collect().await.unwrap();
    assert_eq!(rest.iter().map(Bytes::len).sum::<usize>(), 999_000);
    // The first part comes as it arrives, each other one in one piece.
    assert!(
        rest.iter().skip(9).all(|part| part.len() == 10_000),
        "{:?}",
        rest.iter().map(Bytes::len).collect::<Vec<_>>()
    );
}

#[tokio::test(start_paused = true)]
async fn parts_end_with_the_body() {
    let fake = Arc::new(Fake::new(bytes(100_000), [Fault::None, Fault::Silent, Fault::Silent]));
    let mut chunks = remote(&fake, PARTS).open(URL).await.unwrap().into_chunks();
    chunks.next().await.unwrap().unwrap();
    tokio::task::yield_now().await;
    drop(chunks);
    tokio::task::yield_now().await;
    assert_eq!(Arc::strong_count(&fake), 1);
}

#[tokio::test(start_paused = true)]
async fn a_shard_beyond_the_limit_is_refused() {
    let fake = Arc::new(Fake::new(bytes(100), []));
    let limited = Remote::new(fake, RemoteOptions::default().with_max_size(99));
    assert_eq!(limited.open(URL).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn an_index_that_is_refused_is_as_good_as_none() {
    let fake = Arc::new(Fake::new(bytes(100), [Fault::Denied]));
    assert_eq!(remote(&fake, PARTS).open_index(URL).await.unwrap(), None);
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => Just(Fault::None),
        2 => proptest::option::of(0..200u64).prop_map(|s| Fault::Busy(s.map(Duration::from_secs))),
        1 => Just(Fault::Silent),
        4 => (0..12_000usize).prop_map(Fault::Cut),
        2 => (0..12_000usize).prop_map(Fault::Short),
        2 => (0..12_000usize).prop_map(Fault::Stall),
        2 => Just(Fault::Whole),
        1 => Just(Fault::Late),
        1 => any::<bool>().prop_map(|other_size| Fault::Change(true, other_size)),
        1 => Just(Fault::Denied),
    ]
}

proptest! {
    /// The bytes of one version, or an error; never anything else.
    #[test]
    fn faults_give_the_object_or_an_error(
        faults in proptest::collection::vec(fault(), 0..30),
        len in 0..60_000usize,
        (versioned, sized, chunk) in (any::<bool>(), any::<bool>(), 1..5000usize),
        parallel in prop_oneof![Just(ParallelReads::OFF), Just(PARTS)],
    ) {
        // Without length and version, an answer that ends early looks complete.
        let faults = faults.into_iter().filter(|fault| sized || !matches!(fault, Fault::Short(_)));
        let faults: Vec<Fault> = faults.filter(|fault| len > 0 || !matches!(fault, Fault::Change(..))).collect();
        let fake = Arc::new(Fake { versioned, sized, chunk, ..Fake::new(bytes(len), faults.clone()) });
        let retry = RetryPolicy { per_shard: 20, ..RetryPolicy::default() };
        let remote = Remote::new(fake, RemoteOptions::default().with_parallel(parallel).with_retry(retry));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        if let Ok(found) = runtime.block_on(read(&remote)) {
            // Each change turns a bit of every byte around, and takes a byte from the end.
            let old = bytes(len);
            let version = usize::from(found.first().is_some_and(|first| *first != old[0]));
            let missing = old.len() - found.len();
            let changes = faults.iter().filter(|fault| matches!(fault, Fault::Change(..))).count();
            prop_assert!(missing <= changes);
            prop_assert!(found.iter().zip(&old).all(|(new, old)| usize::from(new ^ old) == version));
        }
    }
}
