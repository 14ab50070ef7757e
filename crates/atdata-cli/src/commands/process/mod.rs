//! `atdata process`: a command on every shard.

mod child;

use std::sync::Arc;

use atdata::process::{
    LocalQueue, ProcessOptions, Processed, ShardQueue, distinct, fingerprint, process_shards,
};
use atdata::url::redact;
use atdata::{Dataset, DictSample, Error};
use futures::future::{Either, select};
use serde_json::{Value as Json, json};

use crate::address::{Backends, SharedQueue};
use crate::args::Process;
use crate::output::{CliResult, Failure, Out, Status, note, printable};
use crate::source_arg;
use child::Template;

/// How much of the fingerprint is in the name of a queue that is not given.
const NAME_LENGTH: usize = 16;

/// Runs the command on each shard that the queue has.
pub(super) async fn run(args: &Process, backends: &Backends, out: &mut Out) -> CliResult {
    let source = source_arg::open(&args.source, backends).await?;
    let dataset = source.dataset(&[]);
    let (queue, name) = queue(args, backends, &dataset).await?;
    if let Some(name) = &name
        && args.name.is_none()
    {
        note(format_args!("the queue is called {name}; workers with the same shards and command share it"));
    }
    let mut options = ProcessOptions::default().with_retry_failed(args.retry_failed);
    if let Some(jobs) = args.jobs {
        options = options.with_parallelism(usize::try_from(jobs).unwrap_or(usize::MAX));
    }
    let template = Arc::new(Template::new(&args.command)?);
    let work = process_shards(&dataset, &queue, &options, move |job| {
        let template = template.clone();
        async move {
            tracing::info!(shard = redact(job.shard()), attempt = job.attempt(), "begins");
            let result = template.run(&job).await;
            tracing::info!(shard = redact(job.shard()), done = result.is_ok(), "ended");
            result
        }
    });
    let report = match select(Box::pin(work), Box::pin(child::asked_to_end())).await {
        Either::Left((report, _)) => report?,
        Either::Right(((), work)) => {
            drop(work);
            // What the server is not told by then it finds out by time.
            let _ = tokio::time::timeout(child::FAREWELL, queue.idle()).await;
            return Err(Failure::Interrupted(
                "what is finished is kept where there is a queue or a checkpoint",
            ));
        }
    };
    show(&source.label, name.as_deref(), &report, out)?;
    Ok(if report.failures().is_empty() { Status::Done } else { Status::Differs })
}

/// The queue that the arguments ask for, and its name if it has one.
async fn queue(
    args: &Process,
    backends: &Backends,
    dataset: &Dataset<DictSample>,
) -> CliResult<(Arc<dyn ShardQueue>, Option<String>)> {
    let Some(address) = &args.queue else {
        let queue = args.checkpoint.as_ref().map_or_else(LocalQueue::new, LocalQueue::with_checkpoint);
        return Ok((Arc::new(queue.with_tries(args.tries.unwrap_or(1))), None));
    };
    let name = match &args.name {
        Some(name) => name.clone(),
        None => {
            // Another command has other results.
            let mut identity = distinct(dataset.shards().await?);
            identity.push(String::new());
            identity.extend(args.command.iter().cloned());
            fingerprint(&identity).chars().take(NAME_LENGTH).collect()
        }
    };
    let shared = SharedQueue { name: name.clone(), lease: args.lease, tries: args.tries };
    Ok((backends.queue(address, &shared).await?, Some(name)))
}

fn show(label: &str, queue: Option<&str>, report: &Processed<String>, out: &mut Out) -> CliResult<()> {
    if out.is_json() {
        let done = report.results().iter();
        let done = done.map(|(shard, result)| json!({"shard": redact(shard), "result": result}));
        let failed = report.failures().iter().map(|failure| {
            json!({"shard": redact(&failure.shard), "message": failure.message, "attempts": failure.attempts})
        });
        let without_result = report.without_result().iter().map(|shard| redact(shard).into());
        return out.document(&json!({
            "source": label,
            "queue": queue,
            "done": done.collect::<Vec<Json>>(),
            "without_result": without_result.collect::<Vec<Json>>(),
            "failed": failed.collect::<Vec<Json>>(),
        }));
    }
    let mut line = |verdict: &str, shard: &str, text: &str| {
        let text = text.trim_end();
        // What has several lines begins on one of its own.
        let separator = if text.is_empty() {
            ""
        } else if text.contains('\n') {
            "\n"
        } else {
            "  "
        };
        out.line(format_args!("{verdict} {}{separator}{}", printable(&redact(shard)), printable(text)))
    };
    for (shard, result) in report.results() {
        line("done", shard, result)?;
    }
    for shard in report.without_result() {
        line("done", shard, "(without result)")?;
    }
    for failure in report.failures() {
        line("failed", &failure.shard, &failure.message)?;
    }
    let done = report.results().len() + report.without_result().len();
    out.line(format_args!("{done} done, {} failed", report.failures().len()))
}

impl Template {
    /// # Errors
    /// There is no program to run.
    fn new(words: &[String]) -> Result<Self, Error> {
        let (program, arguments) = words
            .split_first()
            .ok_or_else(|| Error::invalid("behind -- comes the command to run on every shard"))?;
        Ok(Self { program: program.clone(), arguments: arguments.to_vec() })
    }
}
