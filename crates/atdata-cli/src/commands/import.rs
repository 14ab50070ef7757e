//! `atdata import`: from foreign formats to a dataset.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(feature = "atmosphere")]
use atdata::atmosphere::{DatasetDetails, records::DatasetSize};
use atdata::schema::{SampleSchema, diff};
use atdata::tar::{SequentialKeys, validate_key};
use atdata::{
    DataStore, Error, IfExists, Index, IndexEntry, Map, NewDataset, PackedSample, Result, ShardInput,
    StoredShard, WriteOptions, ensure_free, prefix,
};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value as Json, json};

use super::show::SAMPLES_KEY;
use crate::address::{Backends, WritableIndex};
use crate::args::Import;
#[cfg(feature = "atmosphere")]
use crate::args::RecordOptions;
use crate::import::interrupt::Interrupt;
use crate::import::report::Report;
use crate::import::{self, Item, Plan};
use crate::output::{CliResult, Failure, Hint, Out, Status, json, note, printable};
use crate::progress::Progress;
use crate::size;
use crate::source_arg::{self, optional};

/// How often publishing a schema is tried when somebody else publishes one of the same name.
const ATTEMPTS: usize = 8;

/// Imports, unless the name is taken.
pub(super) async fn run(args: &Import, backends: &Backends, out: &mut Out) -> CliResult {
    let mut new = NewDataset::new(&args.name, "", Vec::new());
    if let Some(version) = &args.version {
        new = new.with_version(version);
    }
    new.validate()?;
    if source_arg::is_address(&args.name) {
        return Err(Error::invalid(
            "the name looks like a path or an address, so no command would find the dataset",
        )
        .with("name", &args.name)
        .into());
    }
    let target = if args.dry_run { None } else { Some(Target::open(args, backends).await?) };
    if !args.replace {
        let existing = if target.is_none() { backends.existing_index().await? } else { None };
        let index = target.as_ref().map(|target| target.index.as_index()).or(existing.as_deref());
        if let Some(index) = index {
            ensure_free(index, &args.name)
                .await
                .hint(|| "--replace lets the name stand for the new dataset".to_owned())?;
        }
    }
    let Plan { schema, items, notes } = import::plan(args, backends.registry()?).await?;
    if !out.is_json() {
        notes.iter().for_each(note);
        out.line(printable(&schema.to_string()))?;
        out.flush()?;
    }
    let report = Arc::new(Mutex::new(Report::default()));
    let interrupt = Interrupt::new();
    let progress = Progress::beside(out);
    let watched = progress.clone();
    let samples = samples(items, report.clone(), progress, args.strict);
    let samples = interrupt.ending(samples);
    let Some(target) = target else {
        let counted = interrupt.guard(count(samples)).await;
        watched.finish();
        finish(args, None, &schema, &notes, &report, counted, out)?;
        return Ok(Status::Done);
    };
    let store = backends.store(&watched).await?;
    let options = WriteOptions::default().with_max_count(args.max_count).with_max_size(args.max_size);
    let mut input = ShardInput::encode(samples, &options);
    let name = prefix(&args.name);
    let written = interrupt.guard(store.write_shards(&mut input, &name)).await;
    let shards = match written {
        Ok(shards) => shards,
        Err(failure) => return Err(explain(failure, &report)),
    };
    // From here on it is a matter of milliseconds, and an interruption would leave shards without an entry.
    let samples = lock(&report).samples;
    let registered = register(args, &target, new, schema, &shards, samples).await;
    watched.finish();
    let entry = match registered {
        Ok(entry) => entry,
        Err(error) => {
            discard(&*store, &shards).await;
            return Err(error.into());
        }
    };
    let stored = optional(target.index.as_index().get_schema(entry.schema_ref()).await)?;
    let schema = stored.map_or_else(|| SampleSchema::new(""), |stored| stored.schema);
    finish(args, Some((&*entry, &shards)), &schema, &notes, &report, Ok(()), out)?;
    Ok(Status::Done)
}

/// Where the dataset is registered.
struct Target<'a> {
    index: WritableIndex,
    #[cfg_attr(not(feature = "atmosphere"), allow(dead_code))]
    args: &'a Import,
}

impl<'a> Target<'a> {
    async fn open(args: &'a Import, backends: &Backends) -> CliResult<Self> {
        backends.check_store().await?;
        let index = backends.index().await?;
        #[cfg(feature = "atmosphere")]
        if matches!(index, WritableIndex::Local(_)) && args.record != RecordOptions::default() {
            return Err(Error::invalid(
                "only records of the network have a description, tags and a license: they need an index at://…",
            )
            .into());
        }
        Ok(Self { index, args })
    }

    /// Inserts an entry, with what a record says of it besides.
    #[cfg_attr(not(feature = "atmosphere"), allow(unused_variables))]
    async fn insert(
        &self,
        new: NewDataset,
        samples: u64,
        shards: &[StoredShard],
    ) -> Result<Arc<dyn IndexEntry>> {
        match &self.index {
            WritableIndex::Local(index) => index.insert_dataset(new).await,
            #[cfg(feature = "atmosphere")]
            WritableIndex::Network(index) => {
                let record = self.args.record.clone();
                let mut details = DatasetDetails::default();
                (details.description, details.tags, details.license) =
                    (record.description, record.tags, record.license);
                details.size = Some(DatasetSize {
                    samples: Some(samples),
                    bytes: Some(shards.iter().map(|shard| shard.size).sum()),
                    shards: Some(shards.len() as u64),
                });
                Ok(Arc::new(index.insert(new, details).await?))
            }
        }
    }
}

/// Takes what is left out aside, and gives every sample a key.
fn samples(
    items: BoxStream<'static, Result<Item>>,
    report: Arc<Mutex<Report>>,
    progress: Progress,
    strict: bool,
) -> BoxStream<'static, Result<PackedSample>> {
    let mut keys = Keys::default();
    items
        .try_filter_map(move |item| {
            let mut report = lock(&report);
            let sample = match item {
                Item::Sample(sample) => {
                    report.sample(sample.payload.len());
                    let (key, renamed) = keys.key(sample.key);
                    report.renamed_keys += u64::from(renamed);
                    Ok(Some(PackedSample::new(key, sample.payload)))
                }
                Item::Skipped(skip) => {
                    let error =
                        Error::invalid(format!("{}: {}", skip.reason, skip.detail)).with("item", &skip.item);
                    report.skip(skip);
                    if strict { Err(error) } else { Ok(None) }
                }
            };
            progress.update(report.samples, report.bytes, report.skipped());
            std::future::ready(sample)
        })
        .boxed()
}

/// Keys: those of the input where they can be used, numbers otherwise.
#[derive(Default)]
struct Keys {
    numbers: SequentialKeys,
    last: String,
}

impl Keys {
    /// The key of the next sample, and whether it is another one than was asked for. Two samples of one key that follow
    /// each other would be read as one; apart from each other they are told apart by readers.
    fn key(&mut self, wanted: Option<String>) -> (String, bool) {
        let Some(wanted) = wanted else { return (self.numbers.next().unwrap_or_default(), false) };
        let usable = validate_key(&wanted).is_ok() && wanted != self.last;
        let last = std::mem::take(&mut self.last);
        let key =
            if usable { wanted } else { self.numbers.find(|number| *number != last).unwrap_or_default() };
        self.last.clone_from(&key);
        (key, !usable)
    }
}

async fn count(mut samples: BoxStream<'static, Result<PackedSample>>) -> Result<()> {
    while samples.try_next().await?.is_some() {}
    Ok(())
}

/// A store complains of having got no samples; the reason is what was left out.
fn explain(failure: Failure, report: &Mutex<Report>) -> Failure {
    let report = lock(report);
    match failure {
        Failure::Failed { .. } if report.samples == 0 && report.skipped() > 0 => nothing(&report),
        Failure::Failed { error, hint: None } if error.context_value("item").is_some() => Failure::Failed {
            error,
            hint: Some("without --strict it would be left out and reported".to_owned()),
        },
        other => other,
    }
}

fn nothing(report: &Report) -> Failure {
    let error = if report.skipped() == 0 {
        Error::invalid("the input has no samples")
    } else {
        Error::invalid(format!("nothing could be imported; {}", report.lines().join("\n")))
    };
    Failure::Failed { error, hint: None }
}

/// Publishes the schema and inserts the entry, in one step of the index.
async fn register(
    args: &Import,
    target: &Target<'_>,
    new: NewDataset,
    schema: SampleSchema,
    shards: &[StoredShard],
    samples: u64,
) -> Result<Arc<dyn IndexEntry>> {
    let mut metadata = Map::new();
    metadata.insert(SAMPLES_KEY, samples);
    let mut new = new.with_metadata(metadata).with_shards(shards.to_vec());
    new.if_exists = if args.replace { IfExists::Replace } else { IfExists::Fail };
    for attempt in 1.. {
        // The version of a schema from a file is the author's choice; that of an inferred one follows the last.
        let schema = if args.schema.is_some() {
            schema.clone()
        } else {
            next_version(target.index.as_index(), &schema).await?
        };
        new.schema = schema.into();
        match target.insert(new.clone(), samples, shards).await {
            Err(error)
                if error.kind() == atdata::ErrorKind::Conflict
                    && args.schema.is_none()
                    && attempt < ATTEMPTS => {}
            done => return done,
        }
    }
    Err(Error::conflict("others keep publishing versions of this schema").with("schema", schema.name))
}

/// The schema under the version of the latest one if the fields are the same, and under the one after it if not.
async fn next_version(index: &dyn Index, schema: &SampleSchema) -> Result<SampleSchema> {
    let mut next = schema.clone();
    if let Some(latest) = optional(index.get_schema(&schema.name).await)? {
        if diff(&latest.schema, schema).is_identical() {
            return Ok(latest.schema);
        }
        let release = latest.schema.version.release().ok_or_else(|| {
            Error::invalid("the latest schema of this name has a version that is not three integers")
                .with("schema", &latest.reference)
        })?;
        next.version = release.next_patch().into();
    }
    Ok(next)
}

async fn discard(store: &dyn DataStore, shards: &[StoredShard]) {
    let urls: Vec<String> = shards.iter().map(|shard| shard.url.clone()).collect();
    if let Err(error) = store.remove_shards(&urls).await {
        tracing::warn!(%error, "the shards of a dataset that could not be registered remain");
    }
}

fn lock(report: &Mutex<Report>) -> MutexGuard<'_, Report> {
    report.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says how it went.
fn finish(
    args: &Import,
    written: Option<(&dyn IndexEntry, &[StoredShard])>,
    schema: &SampleSchema,
    notes: &[String],
    report: &Mutex<Report>,
    result: Result<(), Failure>,
    out: &mut Out,
) -> CliResult<()> {
    result.map_err(|failure| explain(failure, report))?;
    let report = lock(report);
    if report.samples == 0 {
        return Err(nothing(&report));
    }
    if out.is_json() {
        let shards: Vec<Json> = written
            .map(|(_, shards)| shards)
            .unwrap_or_default()
            .iter()
            .map(|shard| json!({"url": shard.url, "size": shard.size, "samples": shard.samples, "sha256": shard.sha256}))
            .collect();
        return out.document(&json!({
            "name": args.name,
            "dry_run": args.dry_run,
            "entry": written.map(|(entry, _)| json::entry(entry)),
            "schema": json::schema(schema)?,
            "samples": report.samples,
            "payload_bytes": report.bytes,
            "shards": shards,
            "skipped": report.json(),
            "renamed_keys": report.renamed_keys,
            "notes": notes,
        }));
    }
    for line in report.lines() {
        out.line(printable(&line))?;
    }
    match written {
        None => out.line(format_args!(
            "{} samples, {}; nothing was written (--dry-run)",
            report.samples,
            size::format(report.bytes)
        )),
        Some((entry, shards)) => {
            let total = shards.iter().map(|shard| shard.size).sum();
            out.line(format_args!(
                "{}: {} samples in {} shards, {}, schema {}",
                printable(entry.name()),
                report.samples,
                shards.len(),
                size::format(total),
                printable(entry.schema_ref())
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_where_they_can_be_used() {
        let mut keys = Keys::default();
        let mut key = |wanted: &str| keys.key(Some(wanted.to_owned()));
        assert_eq!(key("a/1"), ("a/1".to_owned(), false));
        assert_eq!(key("a/1"), ("000000000000".to_owned(), true));
        assert_eq!(key("a/1"), ("a/1".to_owned(), false));
        assert_eq!(key("000000000001"), ("000000000001".to_owned(), false));
        assert_eq!(key("../x"), ("000000000002".to_owned(), true));
    }
}
