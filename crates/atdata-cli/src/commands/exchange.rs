//! `atdata migrate`, `backup` and `sync`: from one index to another.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use atdata::exchange::{
    self, Event, ExchangeOptions, ExchangeReport, Existing, Migrated, Versions, migrate_dataset,
};
use atdata::shard::hex;
use atdata::source::Registry;
use atdata::url::redact;
use atdata::{DataStore, Error, Index, MemoryIndex};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::address::{Backends, journals};
use crate::args::{self, Exchange, Global, Migrate, Sync};
use crate::output::{CliResult, Hint, Out, Status, note, printable};
use crate::progress::Progress;

/// What is done with the shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shards {
    Copied,
    Kept,
}

impl Shards {
    /// Whoever names a store wants copies in it.
    fn asked(copy: bool, global: &Global) -> Self {
        if copy || global.store.is_some() { Self::Copied } else { Self::Kept }
    }
}

/// Carries some datasets.
pub(super) async fn migrate(args: &Migrate, global: &Global, out: &mut Out) -> CliResult {
    if args.name.is_some() && args.names.len() > 1 {
        return Err(Error::invalid("--name is for one dataset only").into());
    }
    let sides = Sides::new(&args.exchange, global);
    let result = migrate_between(args, &sides, Shards::asked(args.copy, global), global, out).await;
    sides.close().await;
    result
}

async fn migrate_between(
    args: &Migrate,
    sides: &Sides,
    shards: Shards,
    global: &Global,
    out: &mut Out,
) -> CliResult {
    let opened = sides.open(&args.exchange, shards, out).await?;
    let mut report = ExchangeReport::default();
    for name in &args.names {
        let mut options = opened.options(&args.exchange)?;
        if let Some(new) = &args.name {
            options = options.with_name(new);
        }
        if args.all_versions {
            options = options.with_versions(Versions::All);
        }
        if let Some(path) = sides.journal(&args.exchange, global, &["migrate", name], args.names.len())? {
            options = options.with_journal(path);
        }
        let migrated = migrate_dataset(name, &*opened.source, &*opened.target, &options).await;
        let migrated = migrated.hint(|| hint(shards))?;
        report.bytes += migrated.bytes;
        report.labels += migrated.labels;
    }
    opened.finish(&report, &args.exchange, out)
}

/// Carries everything, with its shards.
pub(super) async fn backup(args: &Exchange, global: &Global, out: &mut Out) -> CliResult {
    everything("backup", args, Shards::Copied, global, out).await
}

/// Brings what is missing or different.
pub(super) async fn sync(args: &Sync, global: &Global, out: &mut Out) -> CliResult {
    everything("sync", &args.exchange, Shards::asked(args.copy, global), global, out).await
}

async fn everything(
    what: &str,
    args: &Exchange,
    shards: Shards,
    global: &Global,
    out: &mut Out,
) -> CliResult {
    let sides = Sides::new(args, global);
    let result = async {
        let opened = sides.open(args, shards, out).await?;
        let mut options = opened.options(args)?;
        if let Some(path) = sides.journal(args, global, &[what], 1)? {
            options = options.with_journal(path);
        }
        let report = match what {
            "backup" => exchange::backup_all(&*opened.source, &*opened.target, &options).await,
            _ => exchange::sync(&*opened.source, &*opened.target, &options).await,
        }?;
        let status = opened.finish(&report, args, out)?;
        report.ok().hint(|| hint(shards))?;
        Ok(status)
    };
    let result = result.await;
    sides.close().await;
    result
}

fn hint(shards: Shards) -> String {
    match shards {
        Shards::Kept => "--copy copies the shards to a store that --store names".to_owned(),
        Shards::Copied => "the same command again goes on where this one ended".to_owned(),
    }
}

/// The two indexes, as they were asked for.
#[derive(Debug)]
struct Sides {
    from: Backends,
    to: Backends,
}

impl Sides {
    fn new(args: &Exchange, global: &Global) -> Self {
        let from = Backends::with_index(global, args.from.as_deref());
        Self { from, to: Backends::with_index(global, Some(&args.to)) }
    }

    async fn close(&self) {
        self.from.close().await;
        self.to.close().await;
    }

    async fn open(&self, args: &Exchange, shards: Shards, out: &Out) -> CliResult<Opened> {
        let (from, to) = (self.from.index_address()?, self.to.index_address()?);
        if shards == Shards::Copied {
            self.to.check_store().await?;
        }
        let source = self.from.existing_index().await?;
        let source = source.ok_or_else(|| Error::not_found("there is no such index").with("url", &from))?;
        let target: Box<dyn Index> = match args.dry_run {
            // Reading makes no index.
            true => match self.to.existing_index().await? {
                Some(index) => Box::new(index),
                None => Box::new(MemoryIndex::new()),
            },
            false => self.to.index().await?.into_index(),
        };
        let progress = Progress::beside(out);
        let store = match shards {
            Shards::Copied => Some(self.to.store(&progress).await?),
            Shards::Kept => None,
        };
        let (registry, ended, json) = (self.from.registry()?, Arc::default(), out.is_json());
        Ok(Opened { from, to, source, target, store, registry, progress, ended, json })
    }

    /// Where finished shards are remembered: a file for each set of arguments.
    fn journal(
        &self,
        args: &Exchange,
        global: &Global,
        what: &[&str],
        names: usize,
    ) -> CliResult<Option<PathBuf>> {
        if args.dry_run {
            return Ok(None);
        }
        if let (Some(path), 1) = (&args.journal, names) {
            return Ok(Some(path.clone()));
        }
        let directory = journals()?;
        std::fs::create_dir_all(&directory)
            .map_err(|error| Error::from(error).with("path", directory.display()))?;
        let mut hasher = Sha256::new();
        let addresses = [self.from.index_address()?, self.to.index_address()?];
        let store = global.store.as_deref().unwrap_or_default();
        for part in addresses.iter().map(String::as_str).chain([store]).chain(what.iter().copied()) {
            hasher.update(part);
            hasher.update([0]);
        }
        let name: String = hex(&hasher.finalize()).chars().take(32).collect();
        Ok(Some(directory.join(format!("{name}.jsonl"))))
    }
}

/// Everything that an exchange needs.
struct Opened {
    from: String,
    to: String,
    source: Arc<dyn Index>,
    target: Box<dyn Index>,
    store: Option<Arc<dyn DataStore>>,
    registry: Registry,
    progress: Progress,
    /// What `--json` says of each dataset.
    ended: Arc<Mutex<Vec<Json>>>,
    json: bool,
}

impl Opened {
    fn options(&self, args: &Exchange) -> CliResult<ExchangeOptions<'_>> {
        let mut options = match &self.store {
            Some(store) => ExchangeOptions::copy_to(store, &self.registry),
            None => ExchangeOptions::keep_addresses(),
        };
        if let Some(existing) = args.if_exists {
            options = options.with_existing(match existing {
                args::Existing::Fail => Existing::Fail,
                args::Existing::Replace => Existing::Replace,
                args::Existing::Skip => Existing::Skip,
            });
        }
        let (progress, ended, json) = (self.progress.clone(), self.ended.clone(), self.json);
        let dry_run = args.dry_run;
        Ok(options
            .with_division(args.divide)
            .with_parallel(args.parallel)
            .with_dry_run(dry_run)
            .with_provenance(!args.no_provenance)
            .with_origin(&self.from)
            .with_observer(move |event| observe(&event, &progress, &ended, json, dry_run)))
    }

    fn finish(&self, report: &ExchangeReport, args: &Exchange, out: &mut Out) -> CliResult {
        self.progress.finish();
        let ended = std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner));
        if out.is_json() {
            out.document(&json!({
                "from": self.from,
                "to": self.to,
                "dry_run": args.dry_run,
                "datasets": ended,
                "schemas": report.schemas,
                "labels": report.labels,
                "bytes": report.bytes,
            }))?;
            return Ok(Status::Done);
        }
        for line in &ended {
            out.line(line.as_str().unwrap_or_default())?;
        }
        if ended.is_empty() {
            note(format_args!("the index {} has no datasets", self.from));
        }
        Ok(Status::Done)
    }
}

/// Remembers what has become of each dataset, and moves the bar.
fn observe(event: &Event<'_>, progress: &Progress, ended: &Mutex<Vec<Json>>, json: bool, dry_run: bool) {
    let line = match event {
        Event::Bytes(bytes) => return progress.moved(*bytes),
        Event::Ended { name, migrated, .. } if json => as_json(name, migrated),
        Event::Ended { name, migrated, .. } => Json::from(as_text(name, migrated, dry_run)),
        Event::Failed { name, error, .. } if json => {
            json!({"source": name, "outcome": "failed", "error": error.to_string()})
        }
        Event::Failed { name, error, .. } => {
            Json::from(format!("failed  {}: {}", printable(name), printable(&error.to_string())))
        }
        _ => return,
    };
    ended.lock().unwrap_or_else(PoisonError::into_inner).push(line);
}

fn as_json(name: &str, migrated: &Migrated) -> Json {
    let entry = migrated.entry.as_ref();
    json!({
        "source": name,
        "name": migrated.name,
        "outcome": migrated.outcome.as_str(),
        "cid": entry.and_then(|entry| entry.cid()),
        "uri": entry.and_then(|entry| entry.uri()),
        "shards": migrated.shards,
        "resumed": migrated.resumed,
        "bytes": migrated.bytes,
        "labels": migrated.labels,
    })
}

fn as_text(name: &str, migrated: &Migrated, dry_run: bool) -> String {
    let outcome = match (migrated.outcome.is_skipped(), dry_run) {
        (false, true) => "would be carried",
        _ => migrated.outcome.as_str(),
    };
    let renamed =
        if name == migrated.name { String::new() } else { format!(" as {}", printable(&migrated.name)) };
    let uri = migrated.entry.as_ref().and_then(|entry| entry.uri());
    let uri = uri.map_or_else(String::new, |uri| format!(", {}", redact(uri)));
    let (shards, bytes) = (migrated.shards, migrated.bytes);
    format!("{outcome}  {}{renamed} ({shards} shards, {bytes} bytes moved{uri})", printable(name))
}
