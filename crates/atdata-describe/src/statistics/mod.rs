//! Statistics of a dataset, in one pass and within bounded memory.

mod arrays;
mod distinct;
mod field;
mod format;
mod frequent;
mod numbers;

use std::collections::HashMap;

use atdata_core::schema::SampleSchema;
use atdata_core::{Dataset, DictSample, Result, Value};
use futures::TryStreamExt;

use self::field::FieldCollector;
pub use self::format::{
    ArrayShape, Distinct, FORMAT, FieldStatistics, Frequent, Histogram, Kind, NumberStatistics, Statistics,
};

/// The most fields that are told apart; samples of strangers may have any number of names.
const MAX_FIELDS: usize = 4_096;

/// Reads a dataset once, and gives its statistics.
///
/// ```
/// use atdata_core::{Dataset, DataStoreExt, DictSample, MemoryStore, WriteOptions};
/// # use atdata_core::source::{Registry, UrlSource};
/// use atdata_describe::collect;
/// use futures::StreamExt;
///
/// # futures::executor::block_on(async {
/// # let store = MemoryStore::new();
/// # let samples = futures::stream::iter((0..100i64).map(|i| Ok(DictSample::from_iter([("n", i)])))).boxed();
/// # let shards = store.write_samples(samples, "numbers", &WriteOptions::default()).await?;
/// # let mut registry = Registry::default();
/// # registry.register("mem", std::sync::Arc::new(store));
/// # let source = UrlSource::from_urls(shards.into_iter().map(|shard| shard.url), &registry)?;
/// let dataset = Dataset::<DictSample>::from_source(source);
/// let statistics = collect(&dataset).await?;
/// let n = statistics.field("n").unwrap().numbers.as_ref().unwrap();
/// assert_eq!((statistics.samples, n.min, n.max), (100, 0.0, 99.0));
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// A shard cannot be read, or a sample cannot be decoded.
pub async fn collect(dataset: &Dataset<DictSample>) -> Result<Statistics> {
    let mut collector = Collector::new(dataset.schema());
    let mut samples = dataset.ordered();
    while let Some(sample) = samples.try_next().await? {
        collector.add(&sample);
    }
    Ok(collector.finish())
}

/// Collects statistics sample by sample. It is deterministic: the same samples in the same order give the same document.
///
/// ```
/// use atdata_core::DictSample;
/// use atdata_describe::{Collector, Kind};
///
/// let mut collector = Collector::new(None);
/// collector.add(&DictSample::from_iter([("word", "one")]));
/// let statistics = collector.finish();
/// assert_eq!(statistics.fields[0].kind, Kind::Text);
/// ```
#[derive(Debug)]
pub struct Collector {
    samples: u64,
    /// In the order in which they were met, those of the schema first.
    fields: Vec<FieldCollector>,
    places: HashMap<String, usize>,
    other_fields: u64,
}

impl Collector {
    /// Nothing so far. The fields of the schema come first, and are there even if no sample has them.
    pub fn new(schema: Option<&SampleSchema>) -> Self {
        let mut collector = Self { samples: 0, fields: Vec::new(), places: HashMap::new(), other_fields: 0 };
        for field in schema.into_iter().flat_map(|schema| &schema.fields).take(MAX_FIELDS) {
            collector.places.insert(field.name.clone(), collector.fields.len());
            collector.fields.push(FieldCollector::new(&field.name, Some(field.to_string())));
        }
        collector
    }

    /// Adds a sample.
    pub fn add(&mut self, sample: &DictSample) {
        self.samples += 1;
        for (name, value) in sample.fields().iter() {
            self.add_value(name, value);
        }
    }

    fn add_value(&mut self, name: &str, value: &Value) {
        let place = match self.places.get(name) {
            Some(place) => *place,
            None if self.fields.len() >= MAX_FIELDS => {
                self.other_fields += 1;
                return;
            }
            None => {
                self.places.insert(name.to_owned(), self.fields.len());
                self.fields.push(FieldCollector::new(name, None));
                self.fields.len() - 1
            }
        };
        if let Some(field) = self.fields.get_mut(place) {
            field.add(value);
        }
    }

    /// The statistics of what was added.
    pub fn finish(self) -> Statistics {
        let samples = self.samples;
        Statistics {
            format: FORMAT.to_owned(),
            content: None,
            samples,
            bytes: None,
            fields: self.fields.into_iter().map(|field| field.finish(samples)).collect(),
            other_fields: self.other_fields,
        }
    }
}
