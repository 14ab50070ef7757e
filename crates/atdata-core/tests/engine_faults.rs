//! Damage of every class under every policy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use async_trait::async_trait;
use atdata_core::schema::{Field, Primitive, SampleSchema};
use atdata_core::shard_index::BuildOptions;
use atdata_core::source::FileSource;
use atdata_core::tar::{TarEncoder, TarOptions};
use atdata_core::{
    CHECKSUMS_KEY, DataSource, Dataset, DictSample, Entry, Error, ErrorKind, ErrorPolicies, ErrorPolicy,
    Fault, Lengths, Map, MemorySource, ReadOptions, Reader, Report, Result, Sample, ShardBody, ShardIndex,
    Value,
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};

fn payload(n: i64) -> Bytes {
    DictSample::from_iter([("n", Value::from(n))]).pack().unwrap()
}

/// Four samples from `n` on.
fn shard(n: i64, payload: impl Fn(i64) -> Bytes) -> Bytes {
    let mut encoder = TarEncoder::default();
    let mut tar = Vec::new();
    for n in n..n + 4 {
        tar.extend(encoder.append(&format!("{n}.msgpack"), payload(n)).unwrap().concat());
    }
    tar.extend_from_slice(&encoder.finish());
    tar.into()
}

/// Three shards of four samples, of which the second has a fault of a class; it is behind sample 5, if not before all.
#[derive(Debug)]
struct Faulty(Fault);

#[async_trait]
impl DataSource for Faulty {
    async fn list_shards(&self) -> Result<Vec<String>> {
        Ok(["0.tar", "1.tar", "2.tar"].map(str::to_owned).into())
    }

    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        let first = match id {
            "0.tar" => return Ok(ShardBody::resident(shard(0, payload))),
            "1.tar" => 4,
            _ => return Ok(ShardBody::resident(shard(8, payload))),
        };
        let mut whole = shard(first, payload).to_vec();
        Ok(ShardBody::resident(match self.0 {
            Fault::MissingShard => return Err(Error::not_found("it is not there")),
            Fault::Source => return Err(Error::unavailable("nobody answers")),
            // Samples 4 and 5 are whole.
            Fault::Truncated => whole[..2048].to_vec(),
            Fault::Tar => {
                whole[2048 + 3] ^= 1;
                whole
            }
            Fault::Checksum => shard(first, |n| payload(100 + n)).to_vec(),
            Fault::Payload => {
                let bad = |n| if n == 6 { Bytes::from_static(b"\x81\xa1n") } else { payload(n) };
                shard(first, bad).to_vec()
            }
            Fault::Schema => {
                let bad = |n| if n == 6 { Bytes::from_static(b"\x81\xa1n\xa1x") } else { payload(n) };
                shard(first, bad).to_vec()
            }
            _ => whole,
        }))
    }
}

const ALL: [Fault; 8] = [
    Fault::MissingShard,
    Fault::Source,
    Fault::Truncated,
    Fault::Tar,
    Fault::Checksum,
    Fault::Payload,
    Fault::Schema,
    Fault::Function,
];

/// The three shards, of which the second one is another than its checksum says. A source of one's own has no checksums: an
/// entry has.
fn entered(second: Bytes) -> Dataset<DictSample> {
    let source =
        MemorySource::new([("0.tar", shard(0, payload)), ("1.tar", second), ("2.tar", shard(8, payload))]);
    let mut registry = atdata_core::source::Registry::default();
    registry.register("mem", std::sync::Arc::new(Opener(source)));
    let sums = [0, 4, 8].map(|n| {
        let sum = <sha2::Sha256 as sha2::Digest>::digest(shard(n, payload));
        (format!("mem://{}.tar", n / 4), Value::from(atdata_core::shard::hex(&sum)))
    });
    let urls = [0, 1, 2].map(|n| format!("mem://{n}.tar"));
    let mut entry = Entry::new("faulty", "Number@1.0.0", urls.to_vec());
    entry.metadata = Some(Map::from_iter([(CHECKSUMS_KEY, Value::Map(sums.into_iter().collect()))]));
    Dataset::from_entry_dict(&entry, None, &registry).unwrap()
}

fn dataset(fault: Fault, policies: impl Into<ErrorPolicies>) -> Dataset<DictSample> {
    let schema = SampleSchema::new("Number").field(Field::new("n", Primitive::Int));
    let mut dataset = Dataset::<DictSample>::from_source(Faulty(fault)).with_schema(schema);
    if fault == Fault::Checksum {
        dataset = entered(shard(4, |n| payload(100 + n)));
    }
    if fault == Fault::Function {
        dataset = dataset.map(|sample| {
            assert!(sample.get("n").and_then(Value::as_i64) != Some(6), "six");
            sample
        });
    }
    dataset
        .with_options(ReadOptions::default().with_verify_checksums(true).with_error_policy(policies.into()))
}

#[derive(Debug)]
struct Opener(MemorySource);

#[async_trait]
impl atdata_core::source::ShardOpener for Opener {
    async fn open(&self, address: &str) -> Result<ShardBody> {
        self.0.open_shard(address.trim_start_matches("mem://")).await
    }
}

async fn outcome(dataset: &Dataset<DictSample>) -> (Vec<i64>, Option<Error>, Report) {
    let mut stream = dataset.ordered();
    let (mut found, mut error) = (Vec::new(), None);
    while let Some(item) = stream.next().await {
        assert!(error.is_none(), "the error is the last item");
        match item {
            Ok(sample) => found.push(sample.get("n").and_then(Value::as_i64).unwrap()),
            Err(failed) => error = Some(failed),
        }
    }
    (found, error, stream.report())
}

/// The samples that come before the fault, and those of its shard that come after it.
fn around(fault: Fault) -> (Vec<i64>, Vec<i64>) {
    match fault {
        Fault::MissingShard | Fault::Source => (vec![], vec![]),
        // The last chunk is held back until the sum is known; here it is the only one.
        Fault::Checksum => (vec![], vec![]),
        Fault::Truncated => (vec![4], vec![]),
        // A sample comes out when the next one begins.
        Fault::Tar => (vec![4], vec![]),
        _ => (vec![4, 5], vec![7]),
    }
}

#[tokio::test]
async fn every_class_of_damage_is_an_error_that_says_where() {
    for fault in ALL {
        let (found, error, report) = outcome(&dataset(fault, ErrorPolicy::Fail)).await;
        let error = error.unwrap_or_else(|| panic!("{fault}: no error"));
        assert_eq!(error.fault(), Some(fault), "{error}");
        assert!(error.context_value("shard").is_some_and(|shard| shard.ends_with("1.tar")), "{error}");
        if matches!(fault, Fault::Payload | Fault::Schema | Fault::Function) {
            assert_eq!(error.context_value("key"), Some("6"), "{error}");
        }
        if !matches!(fault, Fault::MissingShard | Fault::Source | Fault::Checksum) {
            assert!(error.context_value("offset").is_some(), "{error}");
        }
        assert_eq!(found, [vec![0, 1, 2, 3], around(fault).0].concat(), "{fault}");
        assert_eq!(report, Report::default());
    }
}

#[tokio::test]
async fn every_class_has_a_policy_of_its_own() {
    for fault in ALL {
        for policy in [ErrorPolicy::SkipSample, ErrorPolicy::SkipShard] {
            let only = ErrorPolicies::default().with(fault, policy);
            let (found, error, report) = outcome(&dataset(fault, only)).await;
            assert!(error.is_none(), "{fault}: {error:?}");
            let (before, after) = around(fault);
            let after = if policy == ErrorPolicy::SkipSample { after } else { vec![] };
            assert_eq!(
                found,
                [vec![0, 1, 2, 3], before, after, vec![8, 9, 10, 11]].concat(),
                "{fault} {policy:?}"
            );
            assert_eq!(report.faults, [(fault, 1)].into(), "{fault} {policy:?}");
            assert_eq!(report.skipped_samples + report.skipped_shards, 1);
            assert!(report.errors[0].contains("1.tar"), "{report:?}");

            let others = ErrorPolicies::from(policy).with(fault, ErrorPolicy::Fail);
            let (_, error, _) = outcome(&dataset(fault, others)).await;
            assert_eq!(error.unwrap().fault(), Some(fault));
        }
    }
}

#[tokio::test]
async fn no_more_than_the_limit_is_skipped() {
    let bad = |n| if n % 2 == 0 { payload(n) } else { Bytes::from_static(b"\xc1") };
    let source = || MemorySource::new((0..5).map(|i| (format!("{i}.tar"), shard(i * 4, bad))));
    let reading = |limit| {
        let policies = ErrorPolicies::from(ErrorPolicy::SkipSample).with_limit(limit);
        Dataset::<DictSample>::from_source(source())
            .with_options(ReadOptions::default().with_error_policy(policies))
    };
    let (found, error, report) = outcome(&reading(10)).await;
    assert!((found.len(), report.skipped_samples) == (10, 10) && error.is_none());

    let (found, error, report) = outcome(&reading(9)).await;
    let error = error.unwrap();
    assert_eq!((found.len(), report.skipped_samples, error.fault()), (10, 9, Some(Fault::Payload)));
    assert!(error.to_string().contains("the limit") && error.to_string().contains("key: 19"), "{error}");
}

/// Without its end marker a shard that was cut between two samples looks whole. What else is known tells.
#[tokio::test]
async fn a_cut_between_samples_is_noticed_by_marker_index_and_checksum() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("1.tar");
    let whole = shard(4, payload);
    let index =
        ShardIndex::build(ShardBody::resident(whole.clone()), &BuildOptions::default()).await.unwrap();
    // Two samples of four.
    std::fs::write(&path, &whole[..2048]).unwrap();
    std::fs::write(directory.path().join("1.tar.idx"), index.to_bytes()).unwrap();
    let marked = Dataset::<DictSample>::from_source(FileSource::new([&path]));
    let unmarked = |options: ReadOptions| {
        let tar = TarOptions { require_end: false, ..TarOptions::default() };
        marked.clone().with_options(options.with_tar_options(tar))
    };

    let all = |reader: Reader<DictSample>| async move { reader.samples().try_collect::<Vec<_>>().await };
    let error = all(marked.reader()).await.unwrap_err();
    assert_eq!(error.fault(), Some(Fault::Truncated), "{error}");
    let lenient = unmarked(ReadOptions::default());
    assert_eq!(all(lenient.reader()).await.unwrap().len(), 2, "nothing else is known");
    for reader in [lenient.reader().indexed(), lenient.reader().lengths(Lengths::Drop)] {
        let error = all(reader).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.context_value("shard").is_some_and(|shard| shard.ends_with("1.tar")), "{error}");
    }
    let options = unmarked(ReadOptions::default().with_verify_checksums(true)).options().clone();
    let error = all(entered(whole.slice(..2048)).with_options(options).reader()).await.unwrap_err();
    assert_eq!(
        (error.fault(), error.context_value("shard")),
        (Some(Fault::Checksum), Some("mem://1.tar")),
        "{error}"
    );
}
