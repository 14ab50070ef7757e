//! Datasets that are kept open.

use std::sync::{Arc, Mutex, PoisonError};

use atdata_core::schema::SampleSchema;
use atdata_core::source::Registry;
use atdata_core::{
    Dataset, DictSample, Error, ErrorKind, Index, IndexEntry, MissingIndex, RandomAccess,
    RandomAccessOptions, ReadOptions, Result,
};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use crate::ServeOptions;

/// The most samples whose positions are kept in memory: 44 bytes each, unless they are mapped.
const MAX_SAMPLES: u64 = 50_000_000;
/// The most shards whose indexes are opened.
const MAX_SHARDS: usize = 20_000;
/// How many requests read shards at the same time.
const READING: usize = 8;
/// What is read ahead where samples are streamed.
const READ_AHEAD: u64 = 8 << 20;

/// What every request uses.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) index: Arc<dyn Index>,
    pub(crate) options: ServeOptions,
    registry: Registry,
    /// The one used last comes first.
    opened: Mutex<Vec<Arc<Opened>>>,
    reading: Semaphore,
}

/// One dataset.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) entry: Arc<dyn IndexEntry>,
    pub(crate) schema: Option<SampleSchema>,
    pub(crate) dataset: Dataset<DictSample>,
    access: OnceCell<Access>,
}

/// How samples are read.
#[derive(Debug)]
pub(crate) enum Access {
    /// Any of them, through the indexes of the shards.
    Indexed(RandomAccess<DictSample>),
    /// From the beginning on, and why.
    FromStart(Error),
}

impl State {
    pub(crate) fn new(index: Arc<dyn Index>, registry: Registry, options: ServeOptions) -> Self {
        let reading = Semaphore::new(READING);
        Self { index, options, registry, opened: Mutex::default(), reading }
    }

    /// Waits until this request may read shards.
    ///
    /// # Errors
    /// The server ends.
    pub(crate) async fn may_read(&self) -> Result<SemaphorePermit<'_>> {
        self.reading.acquire().await.map_err(|error| Error::unavailable("the server ends").with_source(error))
    }

    /// The dataset of a name, as the index has it now.
    ///
    /// # Errors
    /// The index does not have it; an address that nothing here opens.
    pub(crate) async fn dataset(&self, name: &str) -> Result<Arc<Opened>> {
        let entry = self.index.get_dataset(name).await?;
        if let Some(found) = self.used(&*entry) {
            return Ok(found);
        }
        let schema = match self.index.decode_schema(entry.schema_ref()).await {
            Ok(schema) => Some(schema),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.with("name", name)),
        };
        let dataset = Dataset::from_entry_dict(&*entry, schema.clone(), &self.registry)?;
        let options = ReadOptions::default().with_read_ahead(READ_AHEAD).with_parallelism(1);
        let dataset = dataset.with_options(options);
        let opened = Arc::new(Opened { entry, schema, dataset, access: OnceCell::new() });
        let mut all = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        // Another request may have been faster.
        if let Some(at) = all.iter().position(|other| other.is_of(&*opened.entry)) {
            let found = all.remove(at);
            all.insert(0, found.clone());
            return Ok(found);
        }
        all.insert(0, opened.clone());
        all.truncate(self.options.opened.get());
        Ok(opened)
    }

    /// Finds a dataset that is open, and moves it to the front.
    fn used(&self, entry: &dyn IndexEntry) -> Option<Arc<Opened>> {
        let mut all = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|opened| opened.is_of(entry))?;
        let found = all.remove(at);
        all.insert(0, found.clone());
        Some(found)
    }

    /// How the samples of a dataset are read. What is found out is kept, unless it is that a server does not answer.
    ///
    /// # Errors
    /// A server does not answer, or refuses.
    pub(crate) async fn access<'a>(&self, opened: &'a Opened) -> Result<&'a Access> {
        let access = opened.access.get_or_try_init(|| open(&opened.dataset)).await?;
        self.forget_large();
        Ok(access)
    }

    /// Closes datasets that were not used for long if the open ones have too many samples together.
    fn forget_large(&self) {
        let mut all = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let mut samples = 0u64;
        let mut keep = 0;
        for opened in all.iter() {
            samples = samples.saturating_add(opened.samples().unwrap_or_default());
            if keep > 0 && samples > MAX_SAMPLES {
                break;
            }
            keep += 1;
        }
        all.truncate(keep);
    }
}

async fn open(dataset: &Dataset<DictSample>) -> Result<Access> {
    let shards = dataset.shards().await?;
    if shards.len() > MAX_SHARDS {
        let what = format!(
            "the dataset has {} shards, of more than {MAX_SHARDS} no indexes are opened",
            shards.len()
        );
        return Ok(Access::FromStart(Error::unsupported(what)));
    }
    // A shard is never read from end to end because somebody looks at a page.
    let options = RandomAccessOptions::default().with_missing(MissingIndex::Fail);
    match dataset.indexed_with(&options).await {
        Ok(access) => Ok(Access::Indexed(access)),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::Corrupt | ErrorKind::Invalid | ErrorKind::Unsupported => {
                Ok(Access::FromStart(error))
            }
            _ => Err(error),
        },
    }
}

impl Opened {
    /// Whether this is what an index says of a dataset now.
    fn is_of(&self, entry: &dyn IndexEntry) -> bool {
        let own = &*self.entry;
        own.name() == entry.name()
            && own.cid() == entry.cid()
            && own.uri() == entry.uri()
            && own.is_foreign() == entry.is_foreign()
            && own.schema_ref() == entry.schema_ref()
            && own.data_urls() == entry.data_urls()
    }

    /// The number of samples, if the indexes of the shards are open.
    pub(crate) fn samples(&self) -> Option<u64> {
        match self.access.get() {
            Some(Access::Indexed(access)) => Some(access.len()),
            _ => None,
        }
    }
}
