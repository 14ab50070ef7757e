//! The dataset engine: order, selection, errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use atdata_core::msgpack::{Packer, UnpackPolicy, Unpacker};
use atdata_core::schema::{Field, FieldType, Primitive, SampleSchema};
use atdata_core::source::{Registry, ShardOpener, UrlSource};
use atdata_core::tar::TarEncoder;
use atdata_core::{
    CHECKSUMS_KEY, Column, DataSource, Dataset, DictSample, Entry, Error, ErrorKind, ErrorPolicy,
    FieldReader, Map, MemorySource, NdArray, Packable, ReadOptions, Result, Sample, ShardBody, Value,
};
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use futures::{FutureExt, TryStreamExt};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

fn sample(n: i64) -> DictSample {
    DictSample::from_iter([("n", Value::from(n)), ("text", Value::from(format!("sample {n}")))])
}

/// A shard of payloads under the keys `k0`, `k1`, …
fn shard_of(payloads: impl IntoIterator<Item = (i64, Bytes)>) -> Bytes {
    let mut encoder = TarEncoder::default();
    let mut tar = Vec::new();
    for (n, payload) in payloads {
        tar.extend(encoder.append(&format!("k{n}.msgpack"), payload).unwrap().concat());
    }
    tar.extend_from_slice(&encoder.finish());
    tar.into()
}

fn shard(numbers: std::ops::Range<i64>) -> Bytes {
    shard_of(numbers.map(|n| (n, sample(n).pack().unwrap())))
}

/// `count` samples in shards of `each`, called `0.tar`, `1.tar`, …
fn source(count: i64, each: i64) -> MemorySource {
    let starts = (0..count).step_by(usize::try_from(each).unwrap());
    MemorySource::new(starts.enumerate().map(|(i, n)| (format!("{i}.tar"), shard(n..(n + each).min(count)))))
}

fn dataset(count: i64, each: i64) -> Dataset<DictSample> {
    Dataset::from_source(source(count, each))
}

fn number(sample: &DictSample) -> i64 {
    sample.get("n").and_then(Value::as_i64).unwrap()
}

fn numbers(samples: &[DictSample]) -> Vec<i64> {
    samples.iter().map(number).collect()
}

async fn read(dataset: &Dataset<DictSample>) -> Vec<i64> {
    numbers(&dataset.ordered().try_collect::<Vec<_>>().await.unwrap())
}

mod order {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn stored_order_does_not_depend_on_parallelism() {
        for parallelism in [0, 1, 2, 7, 64] {
            let dataset =
                dataset(2000, 300).with_options(ReadOptions::default().with_parallelism(parallelism));
            // The first samples of a chunk take longer than its last ones.
            let slow_first = dataset.map(|sample| {
                (0..(2000 - number(&sample)) * 5).for_each(|i| {
                    std::hint::black_box(i);
                });
                sample
            });
            let found: Vec<DictSample> = slow_first.ordered().try_collect().await.unwrap();
            assert_eq!(numbers(&found), (0..2000).collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn shuffled_order_depends_on_the_seed_alone() {
        let mut orders = BTreeSet::new();
        for seed in 0..5 {
            let mut same = BTreeSet::new();
            for parallelism in [1, 8] {
                let dataset =
                    dataset(500, 60).with_options(ReadOptions::default().with_parallelism(parallelism));
                let found: Vec<DictSample> =
                    dataset.shuffled_with_buffer(seed, 100).try_collect().await.unwrap();
                same.insert(numbers(&found));
            }
            assert_eq!(same.len(), 1);
            orders.extend(same);
        }
        assert_eq!(orders.len(), 5);
        for order in orders {
            assert_eq!(order.iter().copied().collect::<BTreeSet<_>>().len(), 500);
            assert_ne!(order, (0..500).collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn filters_and_maps_do_not_change_the_shuffled_order() {
        let all: Vec<DictSample> = dataset(300, 50).shuffled(9).try_collect().await.unwrap();
        let even = dataset(300, 50).filter(|sample| number(sample) % 2 == 0).map(|sample| number(&sample));
        let even: Vec<i64> = even.shuffled(9).try_collect().await.unwrap();
        assert_eq!(even, numbers(&all).into_iter().filter(|n| n % 2 == 0).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn the_shuffled_order_does_not_depend_on_how_shards_arrive() {
        let resident: Vec<DictSample> =
            dataset(300, 100).shuffled_with_buffer(3, 40).try_collect().await.unwrap();
        let streamed = Dataset::<DictSample>::from_source(Streamed(source(300, 100), 777));
        let streamed: Vec<DictSample> = streamed.shuffled_with_buffer(3, 40).try_collect().await.unwrap();
        assert_eq!(resident, streamed);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_shuffle_is_a_permutation(count in 1i64..400, each in 1i64..150, seed: u64, buffer in 0usize..500) {
            let found: Vec<DictSample> = futures::executor::block_on(
                dataset(count, each).shuffled_with_buffer(seed, buffer).try_collect(),
            ).unwrap();
            let mut found = numbers(&found);
            found.sort_unstable();
            prop_assert_eq!(found, (0..count).collect::<Vec<_>>());
        }
    }
}

/// Shards that arrive in chunks of a size, which nothing else depends on.
#[derive(Debug)]
struct Streamed(MemorySource, usize);

#[async_trait]
impl DataSource for Streamed {
    async fn list_shards(&self) -> Result<Vec<String>> {
        self.0.list_shards().await
    }
    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        let bytes = self.0.open_shard(id).await?.into_bytes().await?;
        let (size, step) = (bytes.len(), self.1);
        let chunks = (0..size).step_by(step).map(move |at| Ok(bytes.slice(at..(at + step).min(size))));
        Ok(ShardBody::stream(Some(size as u64), stream::iter(chunks.collect::<Vec<_>>()).boxed()))
    }
}

mod contents {
    use super::*;

    #[tokio::test]
    async fn streamed_shards_have_the_same_samples_as_resident_ones() {
        for step in [1, 511, 512, 513, 4096, 1 << 20] {
            let streamed = Dataset::<DictSample>::from_source(Streamed(source(40, 15), step));
            assert_eq!(read(&streamed).await, (0..40).collect::<Vec<_>>(), "chunks of {step}");
        }
    }

    #[tokio::test]
    async fn compressed_shards_have_the_same_samples() {
        let plain = shard(0..50);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 0);
        for writer in [&mut gzip as &mut dyn Write, &mut bzip2, &mut xz] {
            writer.write_all(&plain).unwrap();
        }
        let zstd = zstd::stream::encode_all(&plain[..], 1).unwrap();
        for bytes in [gzip.finish().unwrap(), bzip2.finish().unwrap(), xz.finish().unwrap(), zstd] {
            let source = MemorySource::new([("misnamed.tar", bytes)]);
            assert_eq!(
                read(&Dataset::from_source(Streamed(source.clone(), 100))).await,
                (0..50).collect::<Vec<_>>()
            );
            assert_eq!(read(&Dataset::from_source(source)).await, (0..50).collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn bytes_of_resident_shards_are_not_copied() {
        let payload = DictSample::from_iter([("raw", Value::Bytes(vec![7; 5000].into()))]).pack().unwrap();
        let tar = shard_of([(0, payload)]);
        let dataset = Dataset::<DictSample>::from_source(MemorySource::new([("a.tar", tar.clone())]));
        let raw = dataset.head(1).await.unwrap()[0].get("raw").and_then(Value::as_bytes).unwrap().clone();
        assert!(tar.as_ptr_range().contains(&raw.as_ptr()));
    }

    #[test]
    fn the_blocking_iterator_is_the_stream() {
        let dataset = dataset(1000, 130);
        let blocking: Vec<DictSample> = dataset.ordered().blocking().collect::<Result<_>>().unwrap();
        let streamed: Vec<DictSample> = futures::executor::block_on(dataset.ordered().try_collect()).unwrap();
        assert_eq!(blocking, streamed);
        let blocking: Vec<DictSample> = dataset.shuffled(4).blocking().collect::<Result<_>>().unwrap();
        let streamed: Vec<DictSample> =
            futures::executor::block_on(dataset.shuffled(4).try_collect()).unwrap();
        assert_eq!(blocking, streamed);
        let sizes: Vec<usize> = dataset.batched(300).blocking().map(|batch| batch.unwrap().len()).collect();
        assert_eq!(sizes, [300, 300, 300, 100]);
    }

    #[test]
    fn the_blocking_iterator_ends_with_its_first_error() {
        let source = MemorySource::new([("0.tar", shard(0..5)), ("1.tar", Bytes::from_static(b"no tar"))]);
        let mut samples = Dataset::<DictSample>::from_source(source).ordered().blocking();
        assert_eq!(
            samples.by_ref().take(5).map(|sample| number(&sample.unwrap())).collect::<Vec<_>>(),
            [0, 1, 2, 3, 4]
        );
        assert_eq!(samples.next().unwrap().unwrap_err().kind(), ErrorKind::Corrupt);
        assert!(samples.next().is_none());
        assert!(samples.next().is_none());
    }

    #[test]
    fn the_blocking_iterator_works_inside_a_runtime() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let count =
            runtime.block_on(async { dataset(100, 30).ordered().blocking().map(Result::unwrap).count() });
        assert_eq!(count, 100);
    }

    #[test]
    fn a_closure_that_panics_on_the_way_to_the_blocking_iterator_is_an_error_and_no_early_end() {
        let four = |n: i64| assert_ne!(n, 4, "four is not allowed");
        let mut mapped = dataset(8, 3).ordered().map(move |sample| four(number(&sample))).blocking();
        let mut filtered =
            dataset(8, 3).ordered().filter(move |sample| number(sample) != 4 || panic!("four")).blocking();
        let found = [mapped.find_map(Result::err), filtered.find_map(Result::err)];
        for error in found {
            assert_eq!(error.expect("an error").kind(), ErrorKind::Unexpected);
        }
        assert!(mapped.next().is_none() && filtered.next().is_none());
    }

    #[test]
    fn a_source_that_waits_for_timers_and_sockets_works_under_the_blocking_iterator() {
        /// A source that uses the drivers of tokio's runtime, as network clients do.
        #[derive(Debug)]
        struct Driven(MemorySource);
        #[async_trait]
        impl DataSource for Driven {
            async fn list_shards(&self) -> Result<Vec<String>> {
                self.0.list_shards().await
            }
            async fn open_shard(&self, id: &str) -> Result<ShardBody> {
                tokio::time::timeout(std::time::Duration::MAX, std::future::ready(()))
                    .await
                    .map_err(|error| Error::unexpected("no timer").with_source(error))?;
                tokio::net::UdpSocket::bind("127.0.0.1:0").await?;
                self.0.open_shard(id).await
            }
        }
        let dataset = Dataset::<DictSample>::from_source(Driven(source(10, 4)));
        assert_eq!(dataset.ordered().blocking().map(Result::unwrap).count(), 10);
    }

    #[tokio::test]
    async fn a_dataset_is_read_again_by_every_call() {
        let dataset = dataset(10, 4);
        assert_eq!(read(&dataset).await, read(&dataset.clone()).await);
        assert_eq!(dataset.count().await.unwrap(), 10);
        assert_eq!(dataset.shards().await.unwrap(), ["0.tar", "1.tar", "2.tar"]);
    }

    #[tokio::test]
    async fn no_shards_are_no_samples() {
        let dataset = Dataset::<DictSample>::from_source(MemorySource::default());
        assert_eq!(dataset.count().await.unwrap(), 0);
        assert!(dataset.shuffled(1).next().await.is_none());
        assert!(dataset.batched(3).next().await.is_none());
    }
}

mod recipe {
    use super::*;

    #[tokio::test]
    async fn a_projection_decodes_the_chosen_fields_only() {
        // The field `broken` is an array that cannot be decoded.
        let stored = |n: i64| {
            let fields = [("n", Value::from(n)), ("broken", Value::from(Bytes::from_static(b"no array")))];
            (n, DictSample::from_iter(fields).pack().unwrap())
        };
        let schema = SampleSchema::new("Numbered")
            .field(Field::new("n", Primitive::Int))
            .field(Field::new("broken", FieldType::ndarray("float32")));
        let source = MemorySource::new([("0.tar", shard_of((0..5).map(stored)))]);
        let whole = Dataset::<DictSample>::from_source(source).with_schema(schema);
        assert!(whole.ordered().next().await.unwrap().is_err());

        let projected = whole.project(&["n"]).unwrap();
        let found: Vec<DictSample> = projected.ordered().try_collect().await.unwrap();
        assert_eq!(found, (0..5).map(|n| DictSample::from_iter([("n", n)])).collect::<Vec<_>>());
        assert_eq!(projected.schema().unwrap().fields.len(), 1);
        assert_eq!(projected.filter(|sample| number(sample) > 2).count().await.unwrap(), 2);
        let error = whole.project(&["n", "other"]).unwrap_err();
        assert_eq!((error.kind(), error.context_value("field")), (ErrorKind::Invalid, Some("other")));
    }

    #[tokio::test]
    async fn a_filter_before_a_projection_sees_all_fields() {
        let filtered = dataset(6, 3).filter(|sample| sample.get("text").is_some() && number(sample) % 2 == 0);
        let texts: Vec<DictSample> =
            filtered.project(&["text"]).unwrap().ordered().try_collect().await.unwrap();
        let expected = [0, 2, 4].map(|n| DictSample::from_iter([("text", format!("sample {n}"))]));
        assert_eq!(texts, expected);
    }

    fn even_squares(dataset: &Dataset<DictSample>) -> Dataset<DictSample> {
        dataset
            .filter(|sample| number(sample) % 2 == 0)
            .map(|sample| super::sample(number(&sample) * number(&sample)))
    }

    #[tokio::test]
    async fn filters_and_maps_apply_in_order_shuffled_and_in_batches() {
        let recipe = even_squares(&dataset(25, 4));
        let expected: Vec<i64> = (0..25).filter(|n| n % 2 == 0).map(|n| n * n).collect();
        assert_eq!(read(&recipe).await, expected);
        assert_eq!(recipe.count().await.unwrap(), 13);
        let mut shuffled = numbers(&recipe.shuffled(1).try_collect::<Vec<_>>().await.unwrap());
        shuffled.sort_unstable();
        assert_eq!(shuffled, expected);
        let mut batched = Vec::new();
        for batch in recipe.batched(5).try_collect::<Vec<_>>().await.unwrap() {
            let Some(Column::Values(values)) = batch.get("n") else {
                panic!("numbers are a column of values")
            };
            batched.extend(values.iter().map(|value| value.as_i64().unwrap()));
        }
        assert_eq!(batched, expected);
        let shuffled: usize = recipe
            .shuffled(1)
            .batched(4)
            .map(|batch| batch.unwrap().len())
            .collect::<Vec<_>>()
            .await
            .iter()
            .sum();
        assert_eq!(shuffled, 13);
    }

    #[tokio::test]
    async fn filters_and_maps_apply_to_another_type() {
        let typed: Dataset<Numbered> = even_squares(&dataset(9, 4)).as_type().unwrap();
        let found: Vec<Numbered> = typed.ordered().try_collect().await.unwrap();
        assert_eq!(found.iter().map(|sample| sample.n).collect::<Vec<_>>(), [0, 4, 16, 36, 64]);
    }

    #[tokio::test]
    async fn streams_filter_and_map_too() {
        let found: Vec<i64> = dataset(20, 6)
            .ordered()
            .map(|sample| number(&sample))
            .filter(|n| n % 3 == 0)
            .skip(1)
            .take(3)
            .try_collect()
            .await
            .unwrap();
        assert_eq!(found, [3, 6, 9]);
    }

    #[tokio::test]
    async fn take_and_skip_divide_the_samples() {
        let dataset = dataset(50, 7);
        for n in [0, 1, 7, 8, 49, 50, 51, u64::MAX] {
            let first = numbers(&dataset.take(n).try_collect::<Vec<_>>().await.unwrap());
            let rest = numbers(&dataset.skip(n).try_collect::<Vec<_>>().await.unwrap());
            assert_eq!(first.len() as u64, n.min(50));
            assert_eq!([first, rest].concat(), (0..50).collect::<Vec<_>>(), "{n}");
        }
    }

    #[tokio::test]
    async fn taking_reads_no_more_shards_than_it_needs() {
        #[derive(Debug)]
        struct Counted(MemorySource, Arc<AtomicUsize>);
        #[async_trait]
        impl DataSource for Counted {
            async fn list_shards(&self) -> Result<Vec<String>> {
                self.0.list_shards().await
            }
            async fn open_shard(&self, id: &str) -> Result<ShardBody> {
                self.1.fetch_add(1, Ordering::Relaxed);
                self.0.open_shard(id).await
            }
        }
        let opened = Arc::new(AtomicUsize::new(0));
        let dataset = Dataset::<DictSample>::from_source(Counted(source(1000, 10), opened.clone()));
        let dataset = dataset.with_options(ReadOptions::default().with_parallelism(2));
        assert_eq!(dataset.ordered().count().now_or_never(), None);
        opened.store(0, Ordering::Relaxed);
        assert_eq!(numbers(&dataset.head(5).await.unwrap()), [0, 1, 2, 3, 4]);
        assert!(
            opened.load(Ordering::Relaxed) <= 4,
            "{} shards for five samples",
            opened.load(Ordering::Relaxed)
        );
    }

    #[tokio::test]
    async fn selecting_keeps_the_order_asked_for() {
        let dataset = dataset(40, 9);
        assert_eq!(numbers(&dataset.select(&[30, 2, 2, 39, 0]).await.unwrap()), [30, 2, 2, 39, 0]);
        assert!(dataset.select(&[]).await.unwrap().is_empty());
        let error = dataset.select(&[3, 40]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("40"), "{error}");
        let odd = dataset.filter(|sample| number(sample) % 2 == 1);
        assert_eq!(numbers(&odd.select(&[0, 19]).await.unwrap()), [1, 39]);
    }

    #[tokio::test]
    async fn a_sample_is_found_by_its_key() {
        let dataset = dataset(40, 9);
        assert_eq!(number(&dataset.get("k33").await.unwrap()), 33);
        for key in ["k40", "", "33", "k33.msgpack"] {
            let error = dataset.get(key).await.unwrap_err();
            assert_eq!((error.kind(), error.context_value("key")), (ErrorKind::NotFound, Some(key)));
        }
        let even = dataset.filter(|sample| number(sample) % 2 == 0);
        assert!(even.get("k33").await.unwrap_err().is_not_found());
        assert_eq!(number(&even.get("k34").await.unwrap()), 34);
    }

    #[tokio::test]
    async fn describing_counts_what_is_stored() {
        let dataset = dataset(30, 8);
        let bytes: u64 = (0..30).map(|n| sample(n).pack().unwrap().len() as u64).sum();
        let described = dataset.filter(|_| false).describe().await.unwrap();
        assert_eq!((described.shards, described.samples, described.payload_bytes), (4, 30, bytes));
        assert!(described.to_string().contains("30 samples in 4 shards"), "{described}");
    }

    #[tokio::test]
    async fn batches_can_leave_out_the_last_one() {
        let sizes = |batches: Vec<atdata_core::DictBatch>| {
            batches.iter().map(|batch| batch.len()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(dataset(10, 3).batched(4).try_collect().await.unwrap()), [4, 4, 2]);
        assert_eq!(sizes(dataset(10, 3).batched(4).drop_last().try_collect().await.unwrap()), [4, 4]);
        assert_eq!(sizes(dataset(8, 3).batched(4).drop_last().try_collect().await.unwrap()), [4, 4]);
        assert_eq!(sizes(dataset(3, 3).batched(0).try_collect().await.unwrap()), [1, 1, 1]);
    }

    #[tokio::test]
    async fn arrays_of_a_batch_are_stacked() {
        let array = |n: i64| NdArray::from_vec(&[2], vec![n, n + 1]).unwrap();
        let payload = |n: i64| DictSample::from_iter([("x", Value::Array(array(n)))]).pack().unwrap();
        let source = MemorySource::new([("a.tar", shard_of((0..3).map(|n| (n, payload(n)))))]);
        let dataset = Dataset::<DictSample>::from_source(source).with_array("x");
        let batch = dataset.batched(3).next().await.unwrap().unwrap();
        let Some(Column::Array(stacked)) = batch.get("x") else { panic!("arrays are stacked") };
        assert_eq!(
            (stacked.shape(), stacked.to_vec::<i64>().unwrap()),
            (&[3, 2][..], vec![0, 1, 1, 2, 2, 3])
        );
    }

    #[tokio::test]
    async fn a_schema_says_which_bytes_are_arrays() {
        let array = NdArray::from_vec(&[2], vec![1.0f32, 2.0]).unwrap();
        let payload = DictSample::from_iter([("x", Value::Array(array.clone()))]).pack().unwrap();
        let dataset =
            Dataset::<DictSample>::from_source(MemorySource::new([("a.tar", shard_of([(0, payload)]))]));
        assert!(dataset.head(1).await.unwrap()[0].get("x").unwrap().as_bytes().is_some());
        let schema = SampleSchema::new("Arrays").field(Field::new("x", FieldType::ndarray("float32")));
        let checked = dataset.with_schema(schema);
        assert_eq!(checked.head(1).await.unwrap()[0].get("x").unwrap().as_array(), Some(&array));
    }
}

/// What `#[derive(Packable)]` writes for `struct Numbered { n: i64 }`.
#[derive(Clone, Debug, PartialEq)]
struct Numbered {
    n: i64,
}

impl Packable for Numbered {
    fn schema() -> SampleSchema {
        SampleSchema::new("Numbered").field(Field::new("n", Primitive::Int))
    }
    fn pack_fields(&self, packer: &mut Packer<'_>) -> Result<()> {
        packer.map(1)?;
        packer.str("n")?;
        packer.int(self.n);
        Ok(())
    }
    fn unpack_fields(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        let mut n = None;
        let mut fields = FieldReader::new("Numbered", unpacker)?;
        while let Some(name) = fields.next_name()? {
            match name {
                "n" => n = Some(fields.read("n")?),
                other => fields.unknown(other)?,
            }
        }
        Ok(Self { n: fields.required("n", n)? })
    }
}

mod types {
    use super::*;

    #[tokio::test]
    async fn unknown_fields_are_an_error_unless_the_policy_is_lenient() {
        let dataset = Dataset::<Numbered>::from_source(source(3, 3));
        let error = dataset.head(1).await.unwrap_err();
        assert_eq!((error.kind(), error.context_value("field")), (ErrorKind::Invalid, Some("text")));
        assert_eq!((error.context_value("key"), error.context_value("shard")), (Some("k0"), Some("0.tar")));
        let lenient = dataset.with_options(ReadOptions::default().with_unpack_policy(UnpackPolicy::Lenient));
        assert_eq!(lenient.head(2).await.unwrap(), [Numbered { n: 0 }, Numbered { n: 1 }]);
    }

    #[tokio::test]
    async fn another_type_with_fewer_fields_reads_the_same_data() {
        let dataset: Dataset<Numbered> = dataset(5, 2).as_type().unwrap();
        assert_eq!(dataset.count().await.unwrap(), 5);
        let back: Dataset<Numbered> = dataset.as_type().unwrap();
        assert_eq!(back.head(2).await.unwrap(), [Numbered { n: 0 }, Numbered { n: 1 }]);
    }

    #[tokio::test]
    async fn data_of_another_version_stay_readable_whatever_options_are_set() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("a.tar");
        std::fs::write(&path, shard(0..3)).unwrap();
        let stored = Numbered::schema().field(Field::new("text", Primitive::Str));
        let entry = Entry::new("numbers", "Numbered@1.0.0", vec![path.to_str().unwrap().to_owned()]);
        let by_name = Dataset::<Numbered>::from_entry(&entry, &stored, &Registry::default()).unwrap();
        let re_typed: Dataset<Numbered> = dataset(3, 3).as_type().unwrap();
        for dataset in [by_name, re_typed] {
            let dataset = dataset.with_options(ReadOptions::default().with_parallelism(2));
            assert_eq!(dataset.head(1).await.unwrap(), [Numbered { n: 0 }]);
        }
    }

    #[test]
    fn a_type_that_does_not_fit_the_schema_is_refused_when_it_is_asked_for() {
        let schema = SampleSchema::new("Other").field(Field::new("n", Primitive::Str));
        let error = dataset(1, 1).with_schema(schema).as_type::<Numbered>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains('n') && error.to_string().contains("Other"), "{error}");
    }
}

mod errors {
    use super::*;

    fn with_policy(source: MemorySource, policy: ErrorPolicy) -> Dataset<DictSample> {
        Dataset::from_source(source).with_options(ReadOptions::default().with_error_policy(policy))
    }

    /// Ten samples in two shards; sample 3 is no msgpack, sample 7 has no payload of that name.
    fn two_bad_samples() -> MemorySource {
        let bad = |n: i64| if n == 3 { Bytes::from_static(b"\x81\xa1n") } else { sample(n).pack().unwrap() };
        let first = shard_of((0..5).map(|n| (n, bad(n))));
        let second = shard(5..10).to_vec();
        let at = second.windows(10).position(|window| window == b"k7.msgpack").unwrap();
        let mut second = second;
        second[at..at + 10].copy_from_slice(b"k7.msgpaCC");
        let sum: u32 = second[at..at + 512]
            .iter()
            .enumerate()
            .map(|(i, b)| if (148..156).contains(&i) { 32 } else { u32::from(*b) })
            .sum();
        second[at + 148..at + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        MemorySource::new([("0.tar", first), ("1.tar", second.into())])
    }

    async fn outcome(dataset: &Dataset<DictSample>) -> (Vec<i64>, Option<Error>, atdata_core::Report) {
        let mut stream = dataset.ordered();
        let (mut found, mut error) = (Vec::new(), None);
        while let Some(item) = stream.next().await {
            assert!(error.is_none(), "the error is the last item");
            match item {
                Ok(sample) => found.push(number(&sample)),
                Err(e) => error = Some(e),
            }
        }
        (found, error, stream.report())
    }

    #[tokio::test]
    async fn a_bad_sample_ends_the_stream_and_says_where_it_is() {
        let (found, error, _) = outcome(&with_policy(two_bad_samples(), ErrorPolicy::Fail)).await;
        let error = error.unwrap();
        assert_eq!(found, [0, 1, 2]);
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let context = ["shard", "key", "offset"].map(|key| error.context_value(key).unwrap().to_owned());
        assert_eq!(context, ["0.tar", "k3", "3072"]);
    }

    #[tokio::test]
    async fn bad_samples_are_left_out_counted_and_told() {
        let (found, error, report) = outcome(&with_policy(two_bad_samples(), ErrorPolicy::SkipSample)).await;
        assert!(error.is_none());
        assert_eq!(found, [0, 1, 2, 4, 5, 6, 8, 9]);
        assert_eq!((report.skipped_samples, report.skipped_shards), (2, 0));
        assert!(
            report.errors[0].contains("k3") && report.errors[1].contains("msgpacc"),
            "{:?}",
            report.errors
        );
    }

    #[tokio::test]
    async fn the_rest_of_a_shard_is_left_out_after_a_bad_sample() {
        let (found, error, report) = outcome(&with_policy(two_bad_samples(), ErrorPolicy::SkipShard)).await;
        assert!(error.is_none());
        assert_eq!(found, [0, 1, 2, 5, 6]);
        assert_eq!((report.skipped_samples, report.skipped_shards), (0, 2));
    }

    #[tokio::test]
    async fn shards_left_out_are_counted_once_when_shuffled() {
        let bad = |n: i64| if n % 3 == 0 { Bytes::from_static(b"\xc1") } else { sample(n).pack().unwrap() };
        let shards =
            (0..4).map(|i| (format!("{i}.tar"), shard_of((i * 30..i * 30 + 30).map(|n| (n, bad(n))))));
        let mut stream = with_policy(MemorySource::new(shards), ErrorPolicy::SkipShard).shuffled(5);
        stream.by_ref().try_collect::<Vec<_>>().await.unwrap();
        assert_eq!(stream.report().skipped_shards, 4);
    }

    /// Three shards of ten; the middle one is cut in the padding of its sixth sample.
    fn cut_in_the_middle() -> MemorySource {
        let cut = shard(10..20).slice(..5 * 1024 + 600);
        MemorySource::new([("0.tar", shard(0..10)), ("1.tar", cut), ("2.tar", shard(20..30))])
    }

    #[tokio::test]
    async fn samples_before_the_damage_come_out_and_then_the_error() {
        let (found, error, _) = outcome(&with_policy(cut_in_the_middle(), ErrorPolicy::Fail)).await;
        // Sample 15 is whole, but was open when the damage was met: it might have had more members.
        assert_eq!(found, (0..15).collect::<Vec<_>>());
        let error = error.unwrap();
        assert_eq!((error.kind(), error.context_value("shard")), (ErrorKind::Corrupt, Some("1.tar")));
        assert!(error.context_value("offset").is_some());
    }

    #[tokio::test]
    async fn the_rest_of_a_damaged_shard_is_left_out() {
        for policy in [ErrorPolicy::SkipSample, ErrorPolicy::SkipShard] {
            let (found, error, report) = outcome(&with_policy(cut_in_the_middle(), policy)).await;
            assert!(error.is_none());
            assert_eq!(found, (0..15).chain(20..30).collect::<Vec<_>>(), "{policy:?}");
            assert_eq!((report.skipped_samples, report.skipped_shards), (0, 1));
            assert!(report.errors[0].contains("1.tar"), "{:?}", report.errors);
        }
    }

    #[tokio::test]
    async fn counting_does_not_count_what_is_damaged_as_complete() {
        let dataset = with_policy(cut_in_the_middle(), ErrorPolicy::Fail);
        assert_eq!(dataset.count().await.unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(dataset.describe().await.unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(with_policy(cut_in_the_middle(), ErrorPolicy::SkipShard).count().await.unwrap(), 25);
    }

    /// Lists a shard that is not there.
    #[derive(Debug)]
    struct Missing(MemorySource);

    #[async_trait]
    impl DataSource for Missing {
        async fn list_shards(&self) -> Result<Vec<String>> {
            let mut ids = self.0.list_shards().await?;
            ids.insert(1, "gone.tar".to_owned());
            Ok(ids)
        }
        async fn open_shard(&self, id: &str) -> Result<ShardBody> {
            self.0.open_shard(id).await
        }
    }

    #[tokio::test]
    async fn a_missing_shard_is_an_error_or_left_out() {
        let dataset = Dataset::<DictSample>::from_source(Missing(source(6, 3)));
        let (found, error, _) = outcome(&dataset).await;
        assert_eq!(found, [0, 1, 2]);
        let error = error.unwrap();
        assert_eq!((error.kind(), error.context_value("shard")), (ErrorKind::NotFound, Some("gone.tar")));
        for policy in [ErrorPolicy::SkipSample, ErrorPolicy::SkipShard] {
            let options = ReadOptions::default().with_error_policy(policy);
            let (found, error, report) = outcome(&dataset.clone().with_options(options)).await;
            assert!(error.is_none());
            assert_eq!(found, [0, 1, 2, 3, 4, 5]);
            assert_eq!((report.skipped_samples, report.skipped_shards), (0, 1));
        }
    }

    #[tokio::test]
    async fn a_source_that_cannot_list_is_an_error() {
        #[derive(Debug)]
        struct Broken;
        #[async_trait]
        impl DataSource for Broken {
            async fn list_shards(&self) -> Result<Vec<String>> {
                Err(Error::unavailable("the server is away"))
            }
            async fn open_shard(&self, id: &str) -> Result<ShardBody> {
                Err(Error::not_found("no such shard").with("shard", id))
            }
        }
        let dataset = Dataset::<DictSample>::from_source(Broken);
        assert_eq!(dataset.ordered().next().await.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(dataset.shuffled(1).next().await.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(dataset.count().await.unwrap_err().kind(), ErrorKind::Unavailable);
        // There is nothing to skip: an empty stream would be a lie.
        for policy in [ErrorPolicy::SkipSample, ErrorPolicy::SkipShard] {
            let skipping = dataset.clone().with_options(ReadOptions::default().with_error_policy(policy));
            assert_eq!(skipping.count().await.unwrap_err().kind(), ErrorKind::Unavailable);
        }
    }

    #[tokio::test]
    async fn a_closure_that_panics_is_an_error_of_its_sample() {
        let panicking = |sample: DictSample| {
            assert_ne!(number(&sample), 4, "four is not allowed");
            sample
        };
        let (found, error, _) = outcome(&dataset(8, 3).map(panicking)).await;
        assert_eq!(found, [0, 1, 2, 3]);
        let error = error.unwrap();
        assert_eq!((error.kind(), error.context_value("key")), (ErrorKind::Unexpected, Some("k4")));
        assert!(error.to_string().contains("four is not allowed"), "{error}");
        let options = ReadOptions::default().with_error_policy(ErrorPolicy::SkipSample);
        let (found, error, report) = outcome(&dataset(8, 3).with_options(options).map(panicking)).await;
        assert!(error.is_none());
        assert_eq!((found, report.skipped_samples), (vec![0, 1, 2, 3, 5, 6, 7], 1));
    }

    #[tokio::test]
    async fn a_map_that_fails_is_an_error_of_its_sample() {
        let failing = dataset(8, 3).try_map(|sample| match number(&sample) {
            5 => Err(Error::invalid("five is not allowed").with("field", "n")),
            _ => Ok(sample),
        });
        let (found, error, _) = outcome(&failing).await;
        assert_eq!(found, [0, 1, 2, 3, 4]);
        let error = error.unwrap();
        assert_eq!((error.context_value("field"), error.context_value("key")), (Some("n"), Some("k5")));
    }

    #[tokio::test]
    async fn a_batch_before_an_error_comes_out() {
        let mut batches = with_policy(two_bad_samples(), ErrorPolicy::Fail).batched(2);
        assert_eq!(batches.next().await.unwrap().unwrap().len(), 2);
        assert_eq!(batches.next().await.unwrap().unwrap().len(), 1);
        assert_eq!(batches.next().await.unwrap().unwrap_err().kind(), ErrorKind::Corrupt);
        assert!(batches.next().await.is_none());
    }

    #[tokio::test]
    async fn skipping_does_not_hide_an_error() {
        let mut rest = with_policy(two_bad_samples(), ErrorPolicy::Fail).skip(8);
        assert_eq!(rest.next().await.unwrap().unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[tokio::test]
    async fn dropping_a_stream_early_is_no_error() {
        for n in [0, 1, 500] {
            let mut stream = dataset(3000, 1000).ordered();
            for _ in 0..n {
                stream.next().await.unwrap().unwrap();
            }
            drop(stream);
            let mut blocking = dataset(3000, 1000).ordered().blocking();
            assert_eq!(blocking.by_ref().take(n).filter(Result::is_ok).count(), n);
            drop(blocking);
        }
    }
}

mod addresses {
    use super::*;

    /// Opens nothing.
    #[derive(Debug)]
    struct Closed;

    #[async_trait]
    impl ShardOpener for Closed {
        async fn open(&self, _url: &str) -> Result<ShardBody> {
            Err(Error::permission_denied("the signature has expired"))
        }
    }

    #[tokio::test]
    async fn secrets_in_addresses_appear_in_no_error_report_or_debug_text() {
        let mut registry = Registry::default();
        registry.register("https", Arc::new(Closed));
        let dataset =
            Dataset::<DictSample>::open("https://me:hidden@h.test/a.tar?sig=hidden", &registry).unwrap();
        let error = dataset.head(1).await.unwrap_err();
        assert_eq!(error.context_value("shard"), Some("https://h.test/a.tar?sig=***"));
        let options = ReadOptions::default().with_error_policy(ErrorPolicy::SkipShard);
        let mut skipping = dataset.clone().with_options(options).ordered();
        assert!(skipping.next().await.is_none());
        for text in [error.to_string(), format!("{error:?} {dataset:?} {:?}", skipping.report())] {
            assert!(!text.contains("hidden"), "{text}");
        }
    }

    #[test]
    fn a_few_bytes_do_not_become_gigabytes_of_addresses() {
        let half = "/data/{0..600000}.tar";
        let long = format!("/data/{}{{0..900000}}.tar", "x".repeat(1000));
        for addresses in [vec!["/data/{0..1000000}.tar"], vec![half, half], vec![&*long]] {
            let error = UrlSource::from_urls(addresses, &Registry::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        }
        assert!(UrlSource::new(half, &Registry::default()).is_ok());
    }
}

mod checksums {
    use super::*;

    fn entry(directory: &tempfile::TempDir, checksum: impl Fn(&[u8]) -> String) -> Entry {
        let mut urls = Vec::new();
        let mut sums = Map::new();
        for i in 0..3 {
            let bytes = shard(i * 10..i * 10 + 10);
            let path = directory.path().join(format!("{i}.tar"));
            std::fs::write(&path, &bytes).unwrap();
            let url = path.to_str().unwrap().to_owned();
            sums.insert(url.clone(), checksum(&bytes));
            urls.push(url);
        }
        let mut entry = Entry::new("digits", "Any@1.0.0", urls);
        entry.metadata = Some(Map::from_iter([(CHECKSUMS_KEY, Value::Map(sums))]));
        entry
    }

    fn open(entry: &Entry, policy: ErrorPolicy) -> Dataset<DictSample> {
        let dataset = Dataset::from_entry_dict(entry, None, &Registry::default()).unwrap();
        dataset.with_options(ReadOptions::default().with_verify_checksums(true).with_error_policy(policy))
    }

    fn sha256(bytes: &[u8]) -> String {
        atdata_core::shard::hex(&Sha256::digest(bytes))
    }

    #[tokio::test]
    async fn shards_with_the_right_checksum_are_read() {
        let directory = tempfile::TempDir::new().unwrap();
        let lower = entry(&directory, sha256);
        assert_eq!(read(&open(&lower, ErrorPolicy::Fail)).await, (0..30).collect::<Vec<_>>());
        let upper = entry(&directory, |bytes| sha256(bytes).to_uppercase());
        assert_eq!(read(&open(&upper, ErrorPolicy::Fail)).await, (0..30).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_shard_with_another_checksum_is_corrupt() {
        let directory = tempfile::TempDir::new().unwrap();
        let entry = entry(&directory, sha256);
        // Another shard of the same form: only the checksum can tell.
        std::fs::write(&entry.data_urls[1], shard(70..80)).unwrap();
        let error = open(&entry, ErrorPolicy::Fail).ordered().try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.context_value("shard")),
            (ErrorKind::Corrupt, Some(&*entry.data_urls[1]))
        );
        assert!(error.to_string().contains("SHA-256"), "{error}");
        let mut skipping = open(&entry, ErrorPolicy::SkipShard).ordered();
        let found = numbers(&skipping.by_ref().try_collect::<Vec<_>>().await.unwrap());
        assert_eq!(found.iter().filter(|n| **n < 30).count(), 20);
        assert_eq!(skipping.report().skipped_shards, 1);
        // Without being asked to, nobody looks.
        let unchecked = Dataset::from_entry_dict(&entry, None, &Registry::default()).unwrap();
        assert_eq!(unchecked.count().await.unwrap(), 30);
    }
}
