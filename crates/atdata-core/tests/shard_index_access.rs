//! Random access through indexes: what it reads, how often it reads, and what it notices.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod tar_support;

use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use atdata_core::shard_index::{SampleLocation, ShardIndexBuilder};
use atdata_core::source::{FileSource, Registry, UrlSource};
use atdata_core::tar::read_tar;
use atdata_core::{
    CHECKSUMS_KEY, DataSource, Dataset, DictSample, Entry, Error, ErrorKind, Map, MemorySource, MissingIndex,
    RandomAccess, RandomAccessOptions, ReadOptions, Result, Sample, ShardBody, ShardIndex, Value,
};
use bytes::Bytes;
use futures::executor::block_on;
use futures::{StreamExt, TryStreamExt, stream};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tar_support::{archive, fixtures};

fn payload(n: i64) -> Vec<u8> {
    let sample = DictSample::from_iter([
        ("n", Value::from(n)),
        ("raw", Value::Bytes(vec![n as u8; 100 + n as usize % 900].into())),
    ]);
    let mut payload = Vec::new();
    sample.pack_into(&mut payload, Default::default()).unwrap();
    payload
}

/// A shard of the samples with these numbers, whose keys are `k` and the number.
fn shard(numbers: impl IntoIterator<Item = i64>) -> Vec<u8> {
    let members: Vec<(String, Vec<u8>)> =
        numbers.into_iter().map(|n| (format!("k{n}.msgpack"), payload(n))).collect();
    archive(members.iter().map(|(name, data)| (name.as_str(), data.as_slice())))
}

fn index_of(shard: &[u8]) -> ShardIndex {
    let mut builder = ShardIndexBuilder::default();
    read_tar(shard).for_each(|raw| builder.push(SampleLocation::of(&raw.unwrap()).unwrap()));
    builder.finish(shard.len() as u64, Some(Sha256::digest(shard).into())).unwrap()
}

/// A source like one behind a network: nothing is resident, and every range that is read is noted.
#[derive(Clone, Debug, Default)]
struct Remote {
    shards: Vec<(String, Bytes, Option<Bytes>)>,
    reads: Arc<Mutex<Vec<Range<u64>>>>,
    opened: Arc<Mutex<usize>>,
}

impl Remote {
    fn new(shards: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let with_index = |(n, shard): (usize, Vec<u8>)| {
            let index = index_of(&shard).to_bytes();
            (format!("remote:{n}"), Bytes::from(shard), Some(index))
        };
        Self { shards: shards.into_iter().enumerate().map(with_index).collect(), ..Self::default() }
    }

    fn find(&self, id: &str) -> Result<&(String, Bytes, Option<Bytes>)> {
        self.shards.iter().find(|(name, ..)| name == id).ok_or_else(|| Error::not_found("no such shard"))
    }

    fn taken_reads(&self) -> Vec<Range<u64>> {
        std::mem::take(&mut self.reads.lock().unwrap())
    }
}

#[async_trait]
impl DataSource for Remote {
    async fn list_shards(&self) -> Result<Vec<String>> {
        Ok(self.shards.iter().map(|(name, ..)| name.clone()).collect())
    }

    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        *self.opened.lock().unwrap() += 1;
        let bytes = self.find(id)?.1.clone();
        Ok(ShardBody::stream(None, stream::iter([Ok(bytes)]).boxed()))
    }

    async fn shard_size(&self, id: &str) -> Result<Option<u64>> {
        Ok(Some(self.find(id)?.1.len() as u64))
    }

    async fn read_range(&self, id: &str, range: Range<u64>) -> Result<Bytes> {
        self.reads.lock().unwrap().push(range.clone());
        ShardBody::resident(self.find(id)?.1.clone()).slice(range)
    }

    async fn open_index(&self, id: &str) -> Result<Option<Bytes>> {
        Ok(self.find(id)?.2.clone())
    }
}

/// The numbers of the samples of a source.
fn numbers(source: impl DataSource) -> Dataset<i64> {
    Dataset::<DictSample>::from_source(source).map(|sample| sample.get("n").unwrap().as_i64().unwrap())
}

fn open(source: impl DataSource) -> Result<RandomAccess<i64>> {
    block_on(numbers(source).indexed())
}

/// Seven samples in three shards, the second without any.
fn three_shards() -> [Vec<u8>; 3] {
    [shard(0..3), shard([]), shard(3..7)]
}

#[test]
fn positions_count_over_all_shards() {
    for resident in [true, false] {
        let shards = three_shards();
        let access = if resident {
            open(MemorySource::new(["a", "b", "c"].into_iter().zip(shards))).unwrap()
        } else {
            open(Remote::new(shards)).unwrap()
        };
        block_on(async {
            assert_eq!((access.len(), access.is_empty()), (7, false));
            for n in 0..7 {
                assert_eq!(access.get(n).await.unwrap(), Some(n as i64));
                assert_eq!(access.get_key(&format!("k{n}")).await.unwrap(), n as i64);
            }
            assert_eq!(access.take(&[6, 0, 3, 0]).await.unwrap(), [Some(6), Some(0), Some(3), Some(0)]);
            assert!(access.take(&[]).await.unwrap().is_empty());
            for position in [7, u64::MAX] {
                let error = access.take(&[0, position]).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Invalid);
                assert!(error.message().contains("has 7"), "{error}");
            }
            assert!(access.get_key("k7").await.unwrap_err().is_not_found());
            access.verify().await.unwrap();
        });
    }
}

#[test]
fn a_dataset_without_samples_is_empty() {
    let access = open(Remote::new([shard([])])).unwrap();
    assert!(access.is_empty());
    assert_eq!(block_on(access.get(0)).unwrap_err().kind(), ErrorKind::Invalid);
    assert!(open(MemorySource::default()).unwrap().is_empty());
}

#[test]
fn a_sample_of_a_resident_shard_is_a_slice_of_it() {
    let bytes = Bytes::from(shard(0..3));
    let dataset = Dataset::<DictSample>::from_source(MemorySource::new([("a", bytes.clone())]));
    let sample = block_on(async { dataset.indexed().await?.get(2).await }).unwrap().unwrap();
    let Some(Value::Bytes(raw)) = sample.get("raw") else { panic!("{sample:?}") };
    assert!(bytes.as_ptr_range().contains(&raw.as_ptr()));
}

#[test]
fn neighbours_are_read_in_one_request() {
    let remote = Remote::new([shard(0..100), shard(100..200)]);
    // Behind a pointer, to which all methods must be forwarded.
    let source: Arc<dyn DataSource> = Arc::new(remote.clone());
    let dataset = numbers(source);
    let with = |options: RandomAccessOptions| block_on(dataset.indexed_with(&options)).unwrap();
    let take = |access: &RandomAccess<i64>, positions: &[u64]| {
        let taken = block_on(access.take(positions)).unwrap();
        assert_eq!(taken, positions.iter().map(|n| Some(*n as i64)).collect::<Vec<_>>());
        remote.taken_reads()
    };
    let (first, second) = (index_of(&remote.shards[0].1), index_of(&remote.shards[1].1));
    // From the beginning of one sample to the end of another.
    let span = |from: u64, to: u64| {
        let index = if from < 100 { &first } else { &second };
        let sample = |n: u64| index.get(n % 100).unwrap().sample.range().unwrap();
        sample(from).start..sample(to).end
    };

    let access = with(RandomAccessOptions::default());
    assert_eq!(remote.taken_reads(), []);
    // In whatever order and however often they are asked for.
    assert_eq!(take(&access, &[7, 5, 6, 5]), [span(5, 7)]);
    assert_eq!(take(&access, &[0, 3]), [span(0, 3)]);
    assert_eq!(take(&access, &[0, 99]), [span(0, 0), span(99, 99)]);
    assert_eq!(take(&access, &[100, 99]), [span(99, 99), span(100, 100)]);
    assert_eq!(take(&access, &(0..200).rev().collect::<Vec<_>>()).len(), 2);

    let access = with(RandomAccessOptions::default().with_gap(0));
    assert_eq!(take(&access, &[0, 1, 3]), [span(0, 1), span(3, 3)]);
    let access = with(RandomAccessOptions::default().with_max_read(4096));
    let reads = take(&access, &(0..100).collect::<Vec<_>>());
    assert!(reads.iter().all(|read| read.end - read.start <= 4096) && reads.len() < 60, "{reads:?}");

    assert_eq!(block_on(access.get_key("k150")).unwrap(), 150);
    assert_eq!(remote.taken_reads(), [span(150, 150)]);
    assert_eq!(*remote.opened.lock().unwrap(), 0, "a shard was opened though it can be read in parts");
}

#[test]
fn filters_drop_samples_but_do_not_move_them() {
    let even = numbers(Remote::new(three_shards())).filter(|n| n % 2 == 0).map(|n| n * 10);
    block_on(async {
        let access = even.indexed().await.unwrap();
        assert_eq!(access.len(), 7);
        assert_eq!(access.take(&[4, 3, 2]).await.unwrap(), [Some(40), None, Some(20)]);
        assert_eq!(access.get(1).await.unwrap(), None);
        assert_eq!(access.get_key("k6").await.unwrap(), 60);
        assert!(access.get_key("k5").await.unwrap_err().is_not_found());
    });
}

#[test]
fn a_sample_that_cannot_be_decoded_is_named() {
    let bytes = archive([("a.msgpack", b"\xc1".as_slice()), ("b.jpg", b"no payload")]);
    let access = open(MemorySource::new([("shard", bytes)])).unwrap();
    for (position, key) in [(0, "a"), (1, "b")] {
        let error = block_on(access.get(position)).unwrap_err();
        assert_eq!(error.context_value("key"), Some(key));
        assert_eq!(error.context_value("shard"), Some("shard"));
    }
    let panics = numbers(MemorySource::new([("shard", shard(0..1))])).filter(|_| panic!("no"));
    let error = block_on(async { panics.indexed().await?.get(0).await }).unwrap_err();
    assert!(error.message().contains("panicked: no"), "{error}");
}

#[test]
fn works_on_a_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let taken = runtime.block_on(async {
        let access = numbers(Remote::new([shard(0..1000)])).indexed().await?;
        access.take(&(0..1000).rev().collect::<Vec<_>>()).await
    });
    assert_eq!(taken.unwrap(), (0..1000).rev().map(Some).collect::<Vec<_>>());
}

#[test]
fn a_stale_index_is_noticed_by_the_shard_s_length() {
    let old = index_of(&shard(0..3)).to_bytes();
    let mut appended = shard(0..3);
    appended.extend([0; 512]);
    let cut = shard(0..3)[..2048].to_vec();
    for changed in [appended, cut, shard(0..4)] {
        let memory = MemorySource::new([("s", changed.clone())]).with_index("s", old.clone());
        let mut remote = Remote::new([]);
        remote.shards.push(("s".to_owned(), changed.into(), Some(old.clone())));
        for error in [open(memory).unwrap_err(), open(remote).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert_eq!(error.context_value("shard"), Some("s"));
            assert!(error.message().contains("stale") && error.message().contains("atdata index"), "{error}");
        }
    }
}

#[test]
fn a_shard_of_the_same_length_is_noticed_as_it_is_read() {
    let mut remote = Remote::new([shard([10, 11, 12])]);
    remote.shards[0].1 = shard([10, 21, 12]).into();
    assert_eq!(remote.shards[0].1.len(), shard([10, 11, 12]).len());
    block_on(async {
        let access = numbers(remote).indexed().await.unwrap();
        assert_eq!(access.get(0).await.unwrap(), Some(10));
        for error in [access.get(1).await.unwrap_err(), access.get_key("k11").await.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert_eq!(error.context_value("shard"), Some("remote:0"));
            assert!(error.message().contains("another key"), "{error}");
        }
        let error = access.verify().await.unwrap_err();
        assert!(error.message().contains("stale"), "{error}");
        assert_eq!(error.context_value("shard"), Some("remote:0"));
    });
}

#[test]
fn a_shard_that_is_cut_after_opening_is_an_error() {
    /// Forgets its shards' ends once they are indexed.
    #[derive(Debug)]
    struct Shrinking(Remote);

    #[async_trait]
    impl DataSource for Shrinking {
        async fn list_shards(&self) -> Result<Vec<String>> {
            self.0.list_shards().await
        }
        async fn open_shard(&self, id: &str) -> Result<ShardBody> {
            self.0.open_shard(id).await
        }
        async fn shard_size(&self, id: &str) -> Result<Option<u64>> {
            self.0.shard_size(id).await
        }
        async fn open_index(&self, id: &str) -> Result<Option<Bytes>> {
            self.0.open_index(id).await
        }
        async fn read_range(&self, id: &str, range: Range<u64>) -> Result<Bytes> {
            let read = self.0.read_range(id, range).await?;
            Ok(read.slice(..read.len() - 1))
        }
    }
    let access = open(Shrinking(Remote::new([shard(0..3)]))).unwrap();
    let error = block_on(access.get(1)).unwrap_err();
    assert_eq!((error.kind(), error.context_value("shard")), (ErrorKind::Corrupt, Some("remote:0")));
}

#[test]
fn a_damaged_index_is_corrupt_and_names_its_shard() {
    let bytes = shard(0..3);
    let index = index_of(&bytes).to_bytes();
    for damaged in [Bytes::from_static(b"<html>"), index.slice(..200), Bytes::new()] {
        let error = open(MemorySource::new([("s", bytes.clone())]).with_index("s", damaged)).unwrap_err();
        assert_eq!((error.kind(), error.context_value("shard")), (ErrorKind::Corrupt, Some("s")));
    }
}

#[test]
fn a_shard_without_index_is_walked_where_that_is_allowed() {
    let mut remote = Remote::new([shard(0..3)]);
    remote.shards[0].2 = None;
    let memory = MemorySource::new([("s", shard(0..3))]);
    let access = |source: Arc<dyn DataSource>, missing| {
        let options = RandomAccessOptions::default().with_missing(missing);
        block_on(numbers(source).indexed_with(&options)).map(|access| access.len())
    };
    use MissingIndex::{Fail, Walk, WalkResident};
    for (source, missing, works) in [
        (Arc::new(memory.clone()) as Arc<dyn DataSource>, Fail, false),
        (Arc::new(memory.clone()), WalkResident, true),
        (Arc::new(memory), Walk, true),
        (Arc::new(remote.clone()), Fail, false),
        (Arc::new(remote.clone()), WalkResident, false),
        (Arc::new(remote), Walk, true),
    ] {
        match access(source, missing) {
            Ok(len) => assert!(works && len == 3),
            Err(error) => {
                assert!(!works && error.is_not_found(), "{error}");
                assert!(error.message().contains("atdata index") && error.context_value("shard").is_some());
            }
        }
    }
}

#[test]
fn a_compressed_shard_is_refused() {
    let error = open(MemorySource::new([("s.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec())])).unwrap_err();
    assert_eq!((error.kind(), error.context_value("shard")), (ErrorKind::Unsupported, Some("s.gz")));
}

/// A source of the two required methods.
#[derive(Debug)]
struct Plain {
    shard: Vec<u8>,
    resident: bool,
}

#[async_trait]
impl DataSource for Plain {
    async fn list_shards(&self) -> Result<Vec<String>> {
        Ok(vec!["plain".to_owned()])
    }
    async fn open_shard(&self, _id: &str) -> Result<ShardBody> {
        let bytes = Bytes::from(self.shard.clone());
        Ok(match self.resident {
            true => ShardBody::resident(bytes),
            false => ShardBody::stream(Some(bytes.len() as u64), stream::iter([Ok(bytes)]).boxed()),
        })
    }
}

#[test]
fn a_source_of_one_s_own_is_read_in_parts_if_its_shards_are_resident() {
    let walk = RandomAccessOptions::default().with_missing(MissingIndex::Walk);
    let access =
        |resident| block_on(numbers(Plain { shard: shard(0..5), resident }).indexed_with(&walk)).unwrap();
    assert_eq!(block_on(access(true).take(&[4, 1])).unwrap(), [Some(4), Some(1)]);
    let error = block_on(access(false).get(1)).unwrap_err();
    assert_eq!((error.kind(), error.context_value("shard")), (ErrorKind::Unsupported, Some("plain")));
}

#[test]
fn files_are_read_mapped_and_unmapped_with_and_without_index() {
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..2).map(|n| directory.path().join(format!("d-{n}.tar"))).collect();
    std::fs::write(&paths[0], shard(0..3)).unwrap();
    std::fs::write(&paths[1], shard(3..7)).unwrap();
    let beside = directory.path().join("d-0.tar.idx");
    std::fs::write(&beside, index_of(&shard(0..3)).to_bytes()).unwrap();

    let pattern = directory.path().join("d-{0..1}.tar");
    let by_url = || UrlSource::new(pattern.to_str().unwrap(), &Registry::default()).unwrap();
    block_on(async {
        for access in [
            numbers(FileSource::directory(directory.path()).unwrap()).indexed().await.unwrap(),
            numbers(by_url()).indexed().await.unwrap(),
        ] {
            assert_eq!(access.take(&[6, 2, 3]).await.unwrap(), [Some(6), Some(2), Some(3)]);
            access.verify().await.unwrap();
        }

        let unmapped = || FileSource::new([&paths[0]]).without_mapping();
        let access = numbers(unmapped()).indexed().await.unwrap();
        assert_eq!(access.take(&[2, 0]).await.unwrap(), [Some(2), Some(0)]);
        let id = paths[0].to_str().unwrap();
        let error = unmapped().read_range(id, 0..1 << 40).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);

        // The index is the one of the file's former contents.
        std::fs::write(&paths[0], shard(0..2)).unwrap();
        for source in [unmapped(), FileSource::new([&paths[0]])] {
            let error = numbers(source).indexed().await.unwrap_err();
            assert!(error.message().contains("stale"), "{error}");
        }
        assert!(numbers(by_url()).indexed().await.unwrap_err().message().contains("stale"));
        std::fs::remove_file(&beside).unwrap();
        assert_eq!(numbers(by_url()).indexed().await.unwrap().len(), 6);
    });
}

#[test]
fn standard_input_is_not_touched() {
    let source = UrlSource::new("-", &Registry::default()).unwrap();
    let walk = RandomAccessOptions::default().with_missing(MissingIndex::Walk);
    let error = block_on(numbers(source).indexed_with(&walk)).unwrap_err();
    assert_eq!((error.kind(), error.context_value("shard")), (ErrorKind::Unsupported, Some("-")));
}

#[test]
fn an_index_of_another_shard_than_the_entry_s_is_stale() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    let url = path.to_str().unwrap().to_owned();
    let bytes = shard([10, 11]);
    std::fs::write(&path, &bytes).unwrap();
    let dataset = |shard: &[u8]| {
        let sum: String = Sha256::digest(shard).iter().map(|byte| format!("{byte:02x}")).collect();
        let sums = Map::from_iter([(url.clone(), Value::from(sum))]);
        let mut entry = Entry::new("numbers", "", vec![url.clone()]);
        entry.metadata = Some(Map::from_iter([(CHECKSUMS_KEY, Value::from(sums))]));
        Dataset::from_entry_dict(&entry, None, &Registry::default()).unwrap()
    };
    let verified = ReadOptions::default().with_verify_checksums(true);
    block_on(async {
        let right = dataset(&bytes).with_options(verified.clone());
        assert_eq!(right.indexed().await.unwrap().len(), 2);
        // A walk has no checksum to compare, unless everything is to be verified.
        let wrong = dataset(&shard([10, 12]));
        assert_eq!(wrong.indexed().await.unwrap().len(), 2);
        let error = wrong.clone().with_options(verified).indexed().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        // An index has one.
        std::fs::write(directory.path().join("a.tar.idx"), index_of(&bytes).to_bytes()).unwrap();
        let error = wrong.indexed().await.unwrap_err();
        assert!(error.message().contains("SHA-256"), "{error}");
        assert_eq!(error.context_value("shard"), Some(url.as_str()));
        assert_eq!(right.indexed().await.unwrap().len(), 2);
    });
}

#[test]
fn python_s_shards_are_read_at_random() {
    block_on(async {
        for generation in ["python-0.2", "python-0.7"] {
            let path = fixtures().join(generation).join("sharded/data-{000000..000002}.tar");
            let source = UrlSource::new(path.to_str().unwrap(), &Registry::default()).unwrap();
            let dataset = Dataset::<DictSample>::from_source(source);
            let ordered: Vec<DictSample> = dataset.ordered().try_collect().await.unwrap();
            let access = dataset.indexed().await.unwrap();
            assert_eq!(access.len(), ordered.len() as u64);
            let backwards: Vec<u64> = (0..access.len()).rev().collect();
            let taken = access.take(&backwards).await.unwrap();
            assert_eq!(taken, ordered.into_iter().rev().map(Some).collect::<Vec<_>>());
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn taking_at_random_is_selecting_from_the_stream(
        sizes in prop::collection::vec(0..40_i64, 1..5),
        wanted in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        gap in 0..20_000_u64,
        max_read in 0..20_000_u64,
    ) {
        let mut first = 0;
        let shards: Vec<Vec<u8>> = sizes.iter().map(|size| {
            first += size;
            shard(first - size..first)
        }).collect();
        prop_assume!(first > 0);
        let positions: Vec<u64> = wanted.iter().map(|index| index.index(first as usize) as u64).collect();
        let options = RandomAccessOptions::default().with_gap(gap).with_max_read(max_read);
        block_on(async {
            let resident = MemorySource::new(shards.iter().enumerate().map(|(n, shard)| (n.to_string(), shard.clone())));
            let selected: Vec<Option<i64>> =
                numbers(resident.clone()).select(&positions).await.unwrap().into_iter().map(Some).collect();
            for dataset in [numbers(resident), numbers(Remote::new(shards))] {
                let access = dataset.indexed_with(&options).await.unwrap();
                prop_assert_eq!(access.take(&positions).await.unwrap(), selected.clone());
            }
            Ok(())
        })?;
    }
}
