//! `atdata verify`: whether every byte of a dataset can be read and is what it should be.

mod origin;
mod repair;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use atdata::shard::hex;
use atdata::url::redact;
use atdata::{
    DataSource, Dataset, DictSample, Error, ErrorKind, ErrorPolicy, ReadOptions, Result, ShardBody,
};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::address::Backends;
use crate::args::Verify;
use crate::output::{CliResult, Out, Status, printable};
use crate::progress::Progress;
use crate::source_arg::{self, Source};
use origin::Origin;

/// What became of one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Pass,
    Fail,
    Skip,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "PASS",
            Verdict::Fail => "FAIL",
            Verdict::Skip => "SKIP",
        }
    }
}

/// Whether the bytes were those that the entry states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checksum {
    Ok,
    Mismatch,
    /// The entry has none, or the shard could not be read to its end.
    Unchecked,
}

impl Checksum {
    fn as_str(self) -> &'static str {
        match self {
            Checksum::Ok => "ok",
            Checksum::Mismatch => "mismatch",
            Checksum::Unchecked => "unchecked",
        }
    }
}

#[derive(Debug)]
struct Checked {
    shard: String,
    verdict: Verdict,
    samples: u64,
    bad_samples: u64,
    bytes: u64,
    checksum: Checksum,
    /// Whether it was damaged, and is not any more.
    repaired: bool,
    reasons: Vec<String>,
}

/// Checks shard after shard.
pub(super) async fn run(args: &Verify, backends: &Backends, out: &mut Out) -> CliResult {
    let progress = Progress::beside(out);
    let source = source_arg::open(&args.source, backends).await?.watched_by(&progress);
    let copy = match &args.repair {
        Some(copy) => Some(source_arg::open(copy, backends).await?.watched_by(&progress)),
        None => None,
    };
    let mut checked = Vec::new();
    for (position, shard) in source.shards.list_shards().await?.into_iter().enumerate() {
        let mut result = check(&source, shard).await;
        if let Some(copy) = copy.as_ref().filter(|_| result.verdict == Verdict::Fail) {
            result = repaired(&source, result, position, copy).await;
        }
        if !out.is_json() {
            progress.suspend(|| print(&result, out).and_then(|()| out.flush()))?;
        }
        checked.push(result);
    }
    let origins = origin::check(&source, backends).await?;
    progress.finish();
    if !out.is_json() {
        origins.iter().try_for_each(|origin| out.line(printable(&origin.to_string())))?;
    }
    // Shards that are missing samples show in no other way: a cut at the border of two members is a whole archive.
    let samples: u64 = checked.iter().map(|shard| shard.samples).sum();
    let stated = source.entry.as_deref().and_then(super::show::stored_samples);
    let complete = !checked.iter().any(|shard| shard.verdict == Verdict::Skip);
    let count_wrong = complete && stated.is_some_and(|stated| stated != samples);
    let failed = count_wrong
        || origins.iter().any(|origin| !origin.is_proved())
        || checked.iter().any(|shard| shard.verdict == Verdict::Fail);
    summary(&source, &checked, &origins, stated.filter(|_| count_wrong), failed, out)?;
    Ok(if failed { Status::Differs } else { Status::Done })
}

/// A shard after its repair, or with the reason why it cannot be repaired.
async fn repaired(source: &Source, mut damaged: Checked, position: usize, copy: &Source) -> Checked {
    match repair::repair(source, &damaged.shard, position, copy).await {
        Ok(_) => {
            let mut result = check(source, damaged.shard).await;
            result.repaired = result.verdict == Verdict::Pass;
            result
        }
        Err(error) => {
            damaged.reasons.push(format!("not repaired: {error}"));
            damaged
        }
    }
}

async fn check(source: &Source, shard: String) -> Checked {
    let expected = source.entry.as_deref().and_then(|entry| entry.checksum(&shard)).map(str::to_owned);
    let digest = Arc::new(Mutex::new(Hashed::default()));
    let one = OneShard { source: source.shards.clone(), shard: shard.clone(), hashed: digest.clone() };
    let options = ReadOptions::default().with_error_policy(ErrorPolicy::SkipSample);
    let mut dataset = Dataset::<DictSample>::from_source(one).with_options(options);
    if let Some(schema) = &source.schema {
        dataset = dataset.with_schema(schema.clone());
    }
    let mut stream = dataset.ordered();
    let mut samples = 0;
    let mut failure = None;
    loop {
        match stream.try_next().await {
            Ok(Some(_)) => samples += 1,
            Ok(None) => break,
            Err(error) => {
                failure = Some(error.to_string());
                break;
            }
        }
    }
    let report = stream.report();
    let hashed = digest.lock().unwrap_or_else(PoisonError::into_inner);
    let found = hashed.sum.as_deref();
    let checksum = match (&expected, found) {
        (Some(expected), Some(found)) if found.eq_ignore_ascii_case(expected) => Checksum::Ok,
        (Some(_), Some(_)) => Checksum::Mismatch,
        _ => Checksum::Unchecked,
    };
    let mut reasons = report.errors;
    reasons.extend(failure);
    if checksum == Checksum::Mismatch {
        reasons.push("the SHA-256 is not the one of the entry".to_owned());
    }
    let verdict = match (hashed.unsupported, reasons.is_empty()) {
        (true, _) => Verdict::Skip,
        (false, true) => Verdict::Pass,
        (false, false) => Verdict::Fail,
    };
    Checked {
        shard,
        verdict,
        samples,
        bad_samples: report.skipped_samples,
        bytes: hashed.bytes,
        checksum,
        repaired: false,
        reasons,
    }
}

fn print(checked: &Checked, out: &mut Out) -> CliResult<()> {
    let Checked { shard, verdict, samples, checksum, reasons, bad_samples, .. } = checked;
    let sum = if *checksum == Checksum::Ok { ", checksum ok" } else { "" };
    let sum = if checked.repaired { format!("{sum}, repaired") } else { sum.to_owned() };
    let bad = if *bad_samples > 0 { format!(", {bad_samples} damaged") } else { String::new() };
    out.line(format_args!(
        "{} {} ({samples} samples{bad}{sum})",
        verdict.as_str(),
        printable(&redact(shard))
    ))?;
    for reason in reasons {
        out.line(format_args!("     {}", printable(reason)))?;
    }
    Ok(())
}

fn summary(
    source: &Source,
    checked: &[Checked],
    origins: &[Origin],
    stated: Option<u64>,
    failed: bool,
    out: &mut Out,
) -> CliResult<()> {
    let count = |verdict| checked.iter().filter(|shard| shard.verdict == verdict).count();
    let samples: u64 = checked.iter().map(|shard| shard.samples).sum();
    if out.is_json() {
        let shards: Vec<Json> = checked
            .iter()
            .map(|shard| {
                json!({
                    "shard": redact(&shard.shard),
                    "verdict": shard.verdict.as_str(),
                    "samples": shard.samples,
                    "bad_samples": shard.bad_samples,
                    "bytes": shard.bytes,
                    "checksum": shard.checksum.as_str(),
                    "repaired": shard.repaired,
                    "reasons": shard.reasons,
                })
            })
            .collect();
        return out.document(&json!({
            "source": source.label,
            "ok": !failed,
            "samples": samples,
            "samples_stated": source.entry.as_deref().and_then(super::show::stored_samples),
            "schema_checked": source.schema.is_some(),
            "origin": origins.iter().map(Origin::json).collect::<Vec<Json>>(),
            "shards": shards,
        }));
    }
    if let Some(stated) = stated {
        out.line(format_args!("FAIL the entry states {stated} samples, {samples} can be read"))?;
    }
    if source.schema.is_none() {
        out.line("No schema is known: samples were decoded, their fields not checked.")?;
    }
    let parts = [Verdict::Pass, Verdict::Fail, Verdict::Skip].map(|v| format!("{} {}", count(v), v.as_str()));
    out.line(format_args!("{} shards: {}; {samples} samples", checked.len(), parts.join(", ")))
}

/// What was seen of a shard's bytes.
#[derive(Default)]
struct Hashed {
    hasher: Sha256,
    bytes: u64,
    /// Set at the end of the shard.
    sum: Option<String>,
    /// Whether nothing here opens the shard's address.
    unsupported: bool,
}

/// One shard of a source, whose bytes are hashed as they pass.
struct OneShard {
    source: Arc<dyn DataSource>,
    shard: String,
    hashed: Arc<Mutex<Hashed>>,
}

impl fmt::Debug for OneShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneShard").field("shard", &self.shard).finish_non_exhaustive()
    }
}

#[async_trait]
impl DataSource for OneShard {
    async fn list_shards(&self) -> Result<Vec<String>> {
        Ok(vec![self.shard.clone()])
    }

    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        if id != self.shard {
            return Err(Error::not_found("the source has no such shard").with("shard", id));
        }
        let body = self.source.open_shard(id).await.inspect_err(|error| {
            let unsupported = error.kind() == ErrorKind::Unsupported;
            self.hashed.lock().unwrap_or_else(PoisonError::into_inner).unsupported = unsupported;
        })?;
        let size = body.size();
        let hashed = self.hashed.clone();
        // The marker at the end notices that the stream was read to its end, which it is not after an error.
        let chunks =
            body.into_chunks().map(Some).chain(futures::stream::iter([None])).filter_map(move |chunk| {
                let mut hashed = hashed.lock().unwrap_or_else(PoisonError::into_inner);
                match &chunk {
                    Some(Ok(bytes)) => {
                        hashed.hasher.update(bytes);
                        hashed.bytes += bytes.len() as u64;
                    }
                    Some(Err(_)) => {}
                    None => hashed.sum = Some(hex(&std::mem::take(&mut hashed.hasher).finalize())),
                }
                std::future::ready(chunk)
            });
        Ok(ShardBody::stream(size, chunks.boxed()))
    }
}
