//! Datasets: typed samples in a sequence of shards.
//!
//! The way of a sample: [`DataSource`] → shard bytes → tar members → groups by key → msgpack → `T` → filters and
//! maps → shuffle → batch. Shards that are resident or mapped are never copied: the payload, and every `bin` field and
//! array in it, are slices of the shard. Samples move between threads in chunks.

mod blocking;
mod budget;
mod chosen;
mod cursor;
mod decompress;
mod describe;
mod faults;
mod fetch;
mod frames;
mod handover;
mod indexes;
mod keyed;
mod mix;
mod options;
mod order;
mod permutation;
mod pipeline;
mod quota;
mod random_access;
mod raw;
mod reader;
mod report;
mod samples;
mod sequence;
mod state;
mod stats;
mod waiting;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};

pub use blocking::Blocking;
pub use describe::Description;
pub use faults::{ErrorPolicies, ErrorPolicy, Fault};
pub use keyed::Keyed;
pub use mix::{Mix, MixState, Mixed, MixedBatches, MixedPart};
pub use options::ReadOptions;
pub use order::Lengths;
pub use random_access::{MissingIndex, RandomAccess, RandomAccessOptions};
pub use reader::Reader;
pub use report::Report;
pub use samples::{Batches, Samples};
pub use state::ReadState;
pub use stats::{Stage, Stats, StatsSnapshot};

use crate::lens::DataLens;
use crate::msgpack::{UnpackOptions, UnpackPolicy};
use crate::protocol::CHECKSUMS_KEY;
use crate::schema::{SampleSchema, SchemaDiff, diff};
use crate::source::{Registry, UrlSource};
use crate::{Collate, DataSource, DictSample, Error, IndexEntry, Lens, Map, Packable, Result, Sample, Value};
use frames::Framed;
pub(crate) use frames::raw_samples;
use pipeline::Recipe;

/// Typed samples in a sequence of shards.
///
/// A dataset is a recipe: cheap to clone, read again by every call. [`filter`](Self::filter) and [`map`](Self::map)
/// add to the recipe and hold however it is read: in order, shuffled or in batches.
///
/// ```
/// use atdata_core::{DataStoreExt, Dataset, DictSample, MemoryStore, Value, WriteOptions};
/// # use atdata_core::source::{Registry, UrlSource};
/// use futures::{StreamExt, TryStreamExt};
///
/// # futures::executor::block_on(async {
/// # let store = MemoryStore::new();
/// # let samples = futures::stream::iter((0..100i64).map(|i| Ok(DictSample::from_iter([("n", i)])))).boxed();
/// # let shards = store.write_samples(samples, "numbers", &WriteOptions::default()).await?;
/// # let mut registry = Registry::default();
/// # registry.register("mem", std::sync::Arc::new(store));
/// # let source = UrlSource::from_urls(shards.into_iter().map(|shard| shard.url), &registry)?;
/// let dataset = Dataset::<DictSample>::from_source(source);
/// let even = dataset.filter(|sample| sample.get("n").and_then(Value::as_i64).is_some_and(|n| n % 2 == 0));
/// assert_eq!(even.count().await?, 50);
///
/// let batches: Vec<_> = even.shuffled(42).batched(20).try_collect().await?;
/// assert_eq!(batches.iter().map(|batch| batch.len()).collect::<Vec<_>>(), [20, 20, 10]);
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
pub struct Dataset<T> {
    origin: Arc<Origin>,
    options: ReadOptions,
    stage: Recipe<T>,
    /// Whether there is no filter or map, so that samples can be counted and re-typed without decoding.
    plain: bool,
    /// Whether the type is another one than that of the data, which no option can change.
    lenient: bool,
    /// The fields that are decoded, if not all.
    projection: Option<Arc<[String]>>,
}

/// Where a dataset's shards are and what is known of them.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) source: Arc<dyn DataSource>,
    name: Option<String>,
    schema: Option<Arc<SampleSchema>>,
    pub(crate) checksums: HashMap<String, String>,
}

impl<T> Clone for Dataset<T> {
    fn clone(&self) -> Self {
        Self {
            origin: self.origin.clone(),
            options: self.options.clone(),
            stage: self.stage.clone(),
            plain: self.plain,
            lenient: self.lenient,
            projection: self.projection.clone(),
        }
    }
}

impl<T> fmt::Debug for Dataset<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dataset")
            .field("name", &self.origin.name)
            .field("source", &self.origin.source)
            .finish_non_exhaustive()
    }
}

impl<T: Sample> Dataset<T> {
    fn new(origin: Origin) -> Self {
        Self {
            origin: Arc::new(origin),
            options: ReadOptions::default(),
            stage: pipeline::decode(),
            plain: true,
            lenient: false,
            projection: None,
        }
    }

    /// The shards of a source. The schema is that of `T`, if it has one.
    pub fn from_source(source: impl DataSource) -> Self {
        let origin = Origin {
            source: Arc::new(source),
            name: None,
            schema: T::static_schema().map(Arc::new),
            checksums: HashMap::new(),
        };
        Self::new(origin)
    }

    /// The shards at an address: a path, a URL, a brace or glob pattern.
    ///
    /// # Errors
    /// As [`UrlSource::new`].
    pub fn open(address: &str, registry: &Registry) -> Result<Self> {
        Ok(Self::from_source(UrlSource::new(address, registry)?))
    }
}

impl<T: Packable> Dataset<T> {
    /// The shards of an entry, read as `T`. `stored` is the schema of the entry. If it has the fields of `T` samples
    /// are read strictly; if it differs, but `T` can read its data, leniently.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) with the difference if `T` cannot read the data; a shard address that
    /// `registry` does not open.
    pub fn from_entry(entry: &dyn IndexEntry, stored: &SampleSchema, registry: &Registry) -> Result<Self> {
        let own = T::schema();
        let difference = diff(stored, &own);
        if !difference.is_identical() {
            // Some dtypes that Python states are wrong; the arrays themselves have the true one, and are checked.
            if !diff(&stored.clone().without_uncertain_dtypes(), &own).can_read_old_data() {
                return Err(unreadable(&own.name, &difference)
                    .with("name", entry.name())
                    .with("schema", entry.schema_ref()));
            }
        }
        let mut dataset = Self::new(Origin::of_entry(entry, Some(stored.clone()), registry)?);
        dataset.lenient = !difference.is_identical();
        Ok(dataset)
    }
}

impl Dataset<DictSample> {
    /// The shards of an entry, read without a compile-time type and checked against `stored`, the entry's schema, if
    /// there is one.
    ///
    /// # Errors
    /// A shard address that `registry` does not open.
    pub fn from_entry_dict(
        entry: &dyn IndexEntry,
        stored: Option<SampleSchema>,
        registry: &Registry,
    ) -> Result<Self> {
        Ok(Self::new(Origin::of_entry(entry, stored, registry)?))
    }

    /// Decodes only these fields; the others are skipped, and samples do not have them. Filters and maps that are there
    /// stay before it: they see all fields, which then are decoded first.
    ///
    /// A typed dataset does the same as a smaller type: see [`as_type`](Self::as_type).
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if the schema is known and has no such field.
    pub fn project(&self, fields: &[&str]) -> Result<Self> {
        let wanted: Arc<[String]> = fields.iter().map(|field| (*field).to_owned()).collect();
        let mut dataset = self.clone();
        if let Some(schema) = self.schema() {
            if let Some(unknown) = fields.iter().find(|field| schema.get(field).is_none()) {
                return Err(Error::invalid("the schema has no such field")
                    .with("field", unknown)
                    .with("schema", &schema.name));
            }
            if self.plain {
                let mut schema = schema.clone();
                schema.fields.retain(|field| wanted.contains(&field.name));
                dataset = dataset.with_schema(schema);
            }
        }
        if self.plain {
            dataset.projection = Some(wanted);
            return Ok(dataset);
        }
        Ok(dataset.map(move |sample| {
            let fields = sample.into_fields().into_iter().filter(|(name, _)| wanted.contains(name));
            DictSample::from(fields.collect::<Map>())
        }))
    }

    /// The dataset seen through a data lens to another schema, held against both. Where no filter or map is in front of it
    /// only the fields that the lens needs are decoded.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if the schema is not known ([`with_schema`](Self::with_schema) sets it), and
    /// as [`DataLens::lens`].
    pub fn through(&self, lens: &DataLens, view: &SampleSchema) -> Result<Dataset<DictSample>> {
        let source = self.schema().ok_or_else(|| {
            Error::invalid("a data lens needs to know the schema of what it looks at")
                .with("lens", &lens.name)
        })?;
        let ready = lens.lens(source, view)?;
        if !self.plain {
            return Ok(self.view(&ready));
        }
        let needed = lens.source_fields(source, view)?;
        let needed: Vec<&str> = needed.iter().map(String::as_str).collect();
        Ok(self.project(&needed)?.view(&ready))
    }

    /// Sets the schema to check samples against; it also says which bytes are arrays.
    #[must_use]
    pub fn with_schema(self, schema: SampleSchema) -> Self {
        let origin = Origin {
            source: self.origin.source.clone(),
            name: self.origin.name.clone(),
            schema: Some(Arc::new(schema)),
            checksums: self.origin.checksums.clone(),
        };
        Self { origin: Arc::new(origin), ..self }
    }
}

fn unreadable(type_name: &str, difference: &SchemaDiff) -> Error {
    Error::invalid(format!(
        "the type {type_name} cannot read this data; the stored schema against that of the type:\n{difference}"
    ))
}

impl Origin {
    pub(crate) fn of_entry(
        entry: &dyn IndexEntry,
        stored: Option<SampleSchema>,
        registry: &Registry,
    ) -> Result<Self> {
        let source = UrlSource::of_entry(entry, registry)?;
        let checksums = entry
            .metadata()
            .and_then(|metadata| metadata.get(CHECKSUMS_KEY)?.as_map())
            .map(|table| {
                table.iter().filter_map(|(url, sum)| Some((url.to_owned(), sum.as_str()?.to_owned())))
            })
            .map(Iterator::collect)
            .unwrap_or_default();
        Ok(Self {
            source: Arc::new(source),
            name: Some(entry.name().to_owned()),
            schema: stored.map(Arc::new),
            checksums,
        })
    }
}

impl<T: Send + 'static> Dataset<T> {
    /// Sets how the dataset is read. One whose data are of another version of the type is read leniently, whatever
    /// [`ReadOptions::unpack`] says.
    #[must_use]
    pub fn with_options(mut self, options: ReadOptions) -> Self {
        self.options = options;
        self
    }

    /// How the dataset is read.
    pub fn options(&self) -> &ReadOptions {
        &self.options
    }

    /// The name, if it was opened by one.
    pub fn name(&self) -> Option<&str> {
        self.origin.name.as_deref()
    }

    /// The schema of the stored samples, where it is known. Maps do not change it.
    pub fn schema(&self) -> Option<&SampleSchema> {
        self.origin.schema.as_deref()
    }

    /// The identifiers of the shards, in order.
    ///
    /// # Errors
    /// The source cannot list them.
    pub async fn shards(&self) -> Result<Vec<String>> {
        self.origin.source.list_shards().await
    }

    /// Only the samples for which `keep` says so. It runs where samples are decoded, several at a time.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> Dataset<T> {
        let stage = self.stage.clone();
        self.with_stage(Arc::new(move |framed, options| Ok(stage(framed, options)?.filter(&keep))))
    }

    /// Something else made of every sample. It runs where samples are decoded, several at a time.
    #[must_use]
    pub fn map<U: Send + 'static>(&self, f: impl Fn(T) -> U + Send + Sync + 'static) -> Dataset<U> {
        self.try_map(move |sample| Ok(f(sample)))
    }

    /// Like [`map`](Self::map), for a function that can fail. Its errors are told where they happened and obey the
    /// [`ErrorPolicy`].
    #[must_use]
    pub fn try_map<U: Send + 'static>(
        &self,
        f: impl Fn(T) -> Result<U> + Send + Sync + 'static,
    ) -> Dataset<U> {
        let stage = self.stage.clone();
        self.with_stage(Arc::new(move |framed, options| stage(framed, options)?.map(&f).transpose()))
    }

    /// The dataset seen through a lens. For a data lens between schemas there is
    /// [`through`](Dataset::through).
    #[must_use]
    pub fn view<V: Send + 'static>(&self, lens: &Lens<T, V>) -> Dataset<V> {
        let lens = lens.clone();
        self.try_map(move |sample| lens.get(&sample))
    }

    fn with_stage<U>(&self, stage: Recipe<U>) -> Dataset<U> {
        Dataset {
            origin: self.origin.clone(),
            options: self.options.clone(),
            stage,
            plain: false,
            lenient: self.lenient,
            projection: self.projection.clone(),
        }
    }

    /// Chooses in what order, which part and from where on the samples are read.
    pub fn reader(&self) -> Reader<T> {
        Reader::new(self.clone())
    }

    /// The samples in stored order: shard by shard, and in each as they lie there.
    pub fn ordered(&self) -> Samples<T> {
        self.reader().samples()
    }

    /// The samples in an order that `seed` decides: shards permuted, samples through a buffer of 10,000, or of 256 MiB. The same
    /// seed gives the same order on every machine; filters and maps do not change it. For other epochs than the first
    /// see [`Reader::epoch`].
    pub fn shuffled(&self, seed: u64) -> Samples<T> {
        self.reader().shuffled(seed).samples()
    }

    /// Like [`shuffled`](Self::shuffled), with a buffer of another size, in samples.
    pub fn shuffled_with_buffer(&self, seed: u64, buffer: usize) -> Samples<T> {
        self.reader().shuffled_with_buffer(seed, buffer).samples()
    }

    /// Batches of `n` samples in stored order.
    pub fn batched(&self, n: usize) -> Batches<T>
    where
        T: Collate,
    {
        self.ordered().batched(n)
    }

    /// The first `n` samples in stored order, as a stream.
    pub fn take(&self, n: u64) -> Samples<T> {
        self.ordered().take(n)
    }

    /// The samples in stored order without the first `n`.
    pub fn skip(&self, n: u64) -> Samples<T> {
        self.ordered().skip(n)
    }

    /// The first `n` samples in stored order.
    ///
    /// # Errors
    /// Reading fails.
    pub async fn head(&self, n: usize) -> Result<Vec<T>> {
        self.take(n as u64).try_collect().await
    }

    /// The first sample with a key.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if no sample has the key, or if a filter drops it; reading fails.
    pub async fn get(&self, key: &str) -> Result<T> {
        let wanted = key.to_owned();
        let stage = self.stage.clone();
        let by_key = self.with_stage(Arc::new(move |framed: &Framed, options: &UnpackOptions| {
            if framed.raw.key() == wanted { stage(framed, options) } else { Ok(None) }
        }));
        let found = by_key.ordered().next().await.transpose()?;
        found.ok_or_else(|| Error::not_found("no sample has this key").with("key", key))
    }

    /// The samples at these positions in stored order, counted after filters, in the order asked for.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if a position is beyond the last sample; reading fails.
    pub async fn select(&self, positions: &[u64]) -> Result<Vec<T>>
    where
        T: Clone,
    {
        let mut wanted: Vec<u64> = positions.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let mut found = HashMap::with_capacity(wanted.len());
        let mut samples = self.take(wanted.last().map_or(0, |last| last.saturating_add(1)));
        let mut wanted = wanted.into_iter().peekable();
        let mut at = 0;
        while let Some(sample) = samples.try_next().await? {
            if wanted.next_if_eq(&at).is_some() {
                found.insert(at, sample);
            }
            at += 1;
        }
        positions
            .iter()
            .map(|position| {
                found.get(position).cloned().ok_or_else(|| {
                    Error::invalid(format!("there is no sample at position {position}: the dataset has {at}"))
                })
            })
            .collect()
    }

    /// The number of samples. Without a filter nothing is decoded.
    ///
    /// # Errors
    /// Reading fails.
    pub async fn count(&self) -> Result<u64> {
        if self.plain {
            let counting: Dataset<()> =
                self.with_stage(Arc::new(|framed, _| framed.payload().map(|_| Some(()))));
            return counting.ordered().try_fold(0, |n, ()| async move { Ok(n + 1) }).await;
        }
        self.ordered().try_fold(0, |n, _| async move { Ok(n + 1) }).await
    }

    /// The samples by position and by key, each without reading the others, through the indexes beside the shards.
    /// See [`RandomAccess`].
    ///
    /// # Errors
    /// As [`indexed_with`](Self::indexed_with).
    pub async fn indexed(&self) -> Result<RandomAccess<T>> {
        self.indexed_with(&RandomAccessOptions::default()).await
    }

    /// Like [`indexed`](Self::indexed), with options.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if a shard has no index and `options` do not allow to walk it,
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if an index is damaged or stale,
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if a shard is compressed or its length is not known; reading
    /// fails. All name the shard.
    pub async fn indexed_with(&self, options: &RandomAccessOptions) -> Result<RandomAccess<T>> {
        RandomAccess::open(self, options).await
    }

    fn unpack_options(&self) -> UnpackOptions {
        let policy = if self.lenient { UnpackPolicy::Lenient } else { self.options.unpack };
        UnpackOptions {
            policy,
            schema: self.origin.schema.clone(),
            fields: self.projection.clone(),
            headers: Some(Arc::default()),
        }
    }
}

impl<T: Sample> Dataset<T> {
    /// The dataset as another type, by structure: fields are matched by name, those that `U` does not have are
    /// dropped, missing optional ones are `None`. Filters and maps that are there stay before it.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) with the difference if both schemas are known and do not fit.
    pub fn as_type<U: Packable>(&self) -> Result<Dataset<U>> {
        if let Some(stored) = T::static_schema().as_ref().or(self.schema()) {
            let difference = diff(stored, &U::schema());
            if !difference.can_read_old_data() {
                return Err(unreadable(&U::schema().name, &difference).with("schema", &stored.name));
            }
        }
        let lens = Lens::structural();
        let mut dataset = if self.plain { self.with_stage(pipeline::decode()) } else { self.view(&lens) };
        dataset.plain = self.plain;
        dataset.lenient = true;
        Ok(dataset)
    }
}

impl Dataset<DictSample> {
    /// Decodes a field of bytes as an array in every sample, where no schema says that it is one.
    #[must_use]
    pub fn with_array(&self, field: &str) -> Dataset<DictSample> {
        let field = field.to_owned();
        let mut dataset = self.try_map(move |mut sample| {
            if sample.get(&field).is_some_and(|value| !matches!(value, Value::Array(_))) {
                sample.decode_array(&field)?;
            }
            Ok(sample)
        });
        dataset.plain = self.plain;
        dataset
    }
}
