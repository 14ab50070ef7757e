//! What goes wrong on the way.

use std::time::Duration;

use atdata_core::remote::ParallelReads;
use atdata_core::{Dataset, DictSample, ErrorKind};
use atdata_http::{HttpOptions, HttpSource};
use atdata_testkit::data::{noise, sample, shard};
use atdata_testkit::proxy::{Fault, Request};
use atdata_testkit::suite::block_on;
use futures::TryStreamExt;
use proptest::prelude::*;

use crate::common::{Behind, parallel, parts, read};

fn both() -> [HttpOptions; 2] {
    [parallel(ParallelReads::OFF), parallel(parts(300_000))]
}

/// Wrong the first few times.
fn at_first(times: u64, fault: Fault) -> impl FnMut(&Request) -> Fault + Send {
    move |request| if request.number < times { fault.clone() } else { Fault::None }
}

#[tokio::test]
async fn a_cut_every_64_kib_moves_little_more_than_the_bytes() {
    let Some(behind) = Behind::new("a_cut_every_64_kib_moves_little_more_than_the_bytes") else { return };
    let size = 16 << 20;
    behind.nginx.put("a.tar", &noise(1, size));
    for options in both() {
        behind.proxy.set(|_| Fault::CutAfter(64 << 10));
        behind.proxy.reset_counts();
        assert!(read(&behind.url("a.tar"), options).await.unwrap() == noise(1, size));
        assert!(behind.proxy.moved() * 10 < size as u64 * 11, "{}", behind.proxy.moved());
    }
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    let Some(behind) = Behind::new("what_passes_is_waited_for") else { return };
    behind.nginx.put("a.tar", &noise(1, 1_000_000));
    for fault in [
        Fault::Status { code: 503, retry_after: None },
        Fault::Status { code: 503, retry_after: Some("1".to_owned()) },
        Fault::Status { code: 429, retry_after: Some("0".to_owned()) },
        Fault::Status { code: 500, retry_after: Some("soon".to_owned()) },
        Fault::NoAnswer,
        Fault::Silence,
        Fault::StallAfter(0),
        Fault::StallAfter(123_456),
        Fault::CutAfter(0),
        Fault::ResetAfter(1),
        Fault::WrongLength(1000),
        Fault::ShiftRange(1000),
        Fault::ShiftRange(-1000),
        Fault::IgnoreRange,
        Fault::Drip { bytes: 16 << 10, pause: Duration::from_millis(1) },
    ] {
        for options in both() {
            behind.proxy.reset_counts();
            behind.proxy.set(at_first(2, fault.clone()));
            let read = read(&behind.url("a.tar"), options).await;
            // A length that is said to be greater is that of another object.
            match read {
                Err(error) if matches!(fault, Fault::WrongLength(_)) => {
                    assert!(matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Corrupt), "{error}");
                }
                read => assert!(read.unwrap() == noise(1, 1_000_000), "{fault:?}"),
            }
        }
    }
}

#[tokio::test]
async fn what_stays_is_an_error_in_the_end() {
    let Some(behind) = Behind::new("what_stays_is_an_error_in_the_end") else { return };
    behind.nginx.put("a.tar", &noise(1, 1_000_000));
    for (fault, kind) in [
        (Fault::Status { code: 503, retry_after: None }, ErrorKind::Unavailable),
        (Fault::Status { code: 503, retry_after: Some("3600".to_owned()) }, ErrorKind::Unavailable),
        (Fault::Status { code: 400, retry_after: None }, ErrorKind::Invalid),
        (Fault::Status { code: 403, retry_after: None }, ErrorKind::PermissionDenied),
        (Fault::Status { code: 404, retry_after: None }, ErrorKind::NotFound),
        (Fault::Status { code: 416, retry_after: None }, ErrorKind::Corrupt),
        (Fault::NoAnswer, ErrorKind::Unavailable),
        (Fault::Silence, ErrorKind::Unavailable),
        (Fault::StallAfter(0), ErrorKind::Unavailable),
        (Fault::CutAfter(0), ErrorKind::Unavailable),
        (Fault::EndlessHeaders, ErrorKind::Corrupt),
        (Fault::Garbage, ErrorKind::Corrupt),
    ] {
        for options in both() {
            let always = fault.clone();
            behind.proxy.set(move |_| always.clone());
            let url = behind.url("a.tar");
            let error = read(&url, options).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{fault:?}: {error}");
            assert_eq!(error.context_value("url"), Some(url.as_str()), "{error}");
        }
    }
}

#[tokio::test]
async fn an_object_that_changes_is_an_error() {
    let Some(behind) = Behind::new("an_object_that_changes_is_an_error") else { return };
    behind.nginx.put("a.tar", &noise(1, 1_000_000));
    behind.nginx.put("new.tar", &noise(2, 1_000_001));
    for options in both() {
        behind.proxy.reset_counts();
        behind.proxy.set(|request| match request.number {
            0 => Fault::CutAfter(100_000),
            _ => Fault::OtherPath("/new.tar".to_owned()),
        });
        let error = read(&behind.url("a.tar"), options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    }
}

#[tokio::test]
async fn a_server_without_versions_is_read_again_and_compared() {
    let Some(behind) = Behind::new("a_server_without_versions_is_read_again_and_compared") else { return };
    behind.nginx.put("a.tar", &noise(1, 400_000));
    behind.nginx.put("new.tar", &noise(2, 400_000));
    let url = behind.url("unversioned/a.tar");
    behind.proxy.set(at_first(2, Fault::CutAfter(150_000)));
    assert!(read(&url, parallel(ParallelReads::OFF)).await.unwrap() == noise(1, 400_000));
    behind.proxy.reset_counts();
    behind.proxy.set(|request| match request.number {
        0 => Fault::CutAfter(150_000),
        _ => Fault::OtherPath("/unversioned/new.tar".to_owned()),
    });
    let error = read(&url, parallel(ParallelReads::OFF)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

fn fault() -> impl Strategy<Value = Fault> {
    let status = prop_oneof![Just(503u16), Just(500), Just(429), Just(404), Just(403)];
    prop_oneof![
        12 => Just(Fault::None),
        6 => (0..40_000u64).prop_map(Fault::CutAfter),
        6 => (0..40_000u64).prop_map(Fault::ResetAfter),
        1 => (0..40_000u64).prop_map(Fault::StallAfter),
        2 => (-2000..2000i64).prop_map(Fault::WrongLength),
        3 => (status, any::<bool>()).prop_map(|(code, wait)| Fault::Status { code, retry_after: wait.then(|| "0".to_owned()) }),
        2 => Just(Fault::NoAnswer),
        4 => Just(Fault::IgnoreRange),
        2 => (-3000..3000i64).prop_map(Fault::ShiftRange),
        1 => Just(Fault::OtherPath("/other.tar".to_owned())),
        1 => Just(Fault::EndlessHeaders),
        1 => Just(Fault::Garbage),
        1 => Just(Fault::Redirect("/0.tar".to_owned())),
        1 => Just(Fault::Drip { bytes: 3000, pause: Duration::ZERO }),
    ]
}

/// Datasets through faults: the samples, exactly, up to an error that is one of ours.
#[test]
fn random_faults_give_the_samples_or_an_error() {
    let Some(behind) = Behind::new("random_faults_give_the_samples_or_an_error") else { return };
    for location in ["", "unversioned/", "norange/"] {
        let urls: Vec<String> = (0..3).map(|n| behind.url(&format!("{location}{n}.tar"))).collect();
        let all: Vec<DictSample> = (0..600).map(sample).collect();
        // Each has another length: nginx makes its entity tags of length and time.
        let own = [&all[..200], &all[200..401], &all[401..]];
        for (n, samples) in own.iter().enumerate() {
            behind.nginx.put(&format!("{n}.tar"), &shard(samples));
        }
        let other: Vec<DictSample> = (1000..1190).map(sample).collect();
        behind.nginx.put("other.tar", &shard(&other));
        let config = ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() };
        let complete = std::cell::Cell::new(0);
        let result = proptest::test_runner::TestRunner::new(config).run(
            &(proptest::collection::vec(fault(), 0..20), any::<bool>()),
            |(faults, in_parts)| {
                let scripted = faults.clone();
                behind.proxy.reset_counts();
                behind.proxy.set(move |request| {
                    let number = usize::try_from(request.number).unwrap();
                    scripted.get(number).cloned().unwrap_or(Fault::None)
                });
                let reads = if in_parts { parts(20_000) } else { ParallelReads::OFF };
                let source = HttpSource::from_urls(&urls, parallel(reads)).unwrap();
                let mut stream = Dataset::<DictSample>::from_source(source).ordered();
                let (found, error) = block_on(async move {
                    let mut found = Vec::new();
                    loop {
                        match stream.try_next().await {
                            Ok(Some(sample)) => found.push(sample),
                            Ok(None) => return (found, None),
                            Err(error) => return (found, Some(error)),
                        }
                    }
                });
                match error {
                    None => {
                        // Where the server leads elsewhere, a shard may be another one, but then all of it is.
                        let leads = |fault: &Fault| matches!(fault, Fault::OtherPath(_) | Fault::Redirect(_));
                        let led = faults.iter().any(leads);
                        let mut rest = found.as_slice();
                        for own in own {
                            let elsewhere = [&other[..], &all[..200]];
                            let of_others = || {
                                elsewhere.iter().filter(|_| led).find_map(|shard| rest.strip_prefix(*shard))
                            };
                            let Some(after) = rest.strip_prefix(own).or_else(of_others) else {
                                return Err(TestCaseError::fail("a wrong sample"));
                            };
                            rest = after;
                        }
                        prop_assert!(rest.is_empty());
                        complete.set(complete.get() + 1);
                    }
                    Some(error) => prop_assert!(error.context_value("shard").is_some(), "{error}"),
                }
                Ok(())
            },
        );
        result.unwrap();
        assert!(complete.get() > 5, "faults must not always win: {}", complete.get());
    }
}
