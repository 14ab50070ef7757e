//! The checkpoint of `process_shards`: each side goes on where the other was stopped.

use std::fs;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::Bench;
use crate::{peer::Generation, process};

/// The files of one case, and both sides' ways to work on them.
struct Work<'a> {
    bench: &'a Bench<'a>,
    pattern: String,
    shards: Vec<String>,
    checkpoint: String,
}

impl<'a> Work<'a> {
    fn new(bench: &'a Bench<'a>) -> Result<Self> {
        process::output(bench.rust("write-samples").arg(bench.path("shards")))?;
        let names =
            fs::read_dir(bench.path("shards"))?.filter_map(|file| file.ok()?.file_name().into_string().ok());
        let count = names.filter(|name| name.starts_with("sharded-") && name.ends_with(".tar")).count();
        ensure!(count >= 3, "there are {count} shards, which is too few");
        let path = |number: String| bench.path(&format!("shards/sharded-{number}.tar")).display().to_string();
        let shards = (0..count).map(|number| path(format!("{number:06}"))).collect();
        let pattern = path(format!("{{000000..{:06}}}", count - 1));
        let checkpoint = bench.path("progress.txt").display().to_string();
        Ok(Self { bench, pattern, shards, checkpoint })
    }

    /// Python's run, which fails on what it works on as the n-th: the shards with results.
    fn python(&self, fails: &[usize]) -> Result<Vec<String>> {
        let mut command = self.bench.python(Generation::Latest, "process_shards.py");
        command.args([&self.checkpoint, &self.pattern]).args(fails.iter().map(usize::to_string));
        let report: Value = serde_json::from_str(&process::output(&mut command)?)?;
        let results = report.get("results").and_then(Value::as_object).context("no results")?;
        Ok(results.keys().cloned().collect())
    }

    /// Our run, which fails on some shards: those with and without results.
    fn rust(&self, fails: &[&String]) -> Result<[Vec<String>; 2]> {
        let words: Vec<&str> = fails.iter().map(|shard| shard.as_str()).collect();
        let script = format!("case ' {} ' in *\" $1 \"*) exit 1;; esac; echo done", words.join(" "));
        let mut command = self.bench.rust("atdata");
        command.args([
            "process",
            &self.pattern,
            "--checkpoint",
            &self.checkpoint,
            "--json",
            "--",
            "sh",
            "-c",
        ]);
        command.args([&script, "sh", "{}"]);
        let output = command.output().with_context(|| process::shown(&command))?;
        let report: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
        let failed = report.get("failed").and_then(Value::as_array).context("no failures")?;
        ensure!(failed.len() == fails.len(), "{report:#}");
        let shards = |member: &str, of: fn(&Value) -> Option<&str>| {
            let list = report.get(member).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(|item| of(item).map(str::to_owned)).collect::<Vec<_>>()
        };
        Ok([
            shards("done", |item| item.get("shard")?.as_str()),
            shards("without_result", |item| item.as_str()),
        ])
    }

    /// All is done: nothing is left of it.
    fn has_ended(&self) -> Result<()> {
        for file in [self.checkpoint.clone(), format!("{}.results", self.checkpoint)] {
            ensure!(!fs::exists(&file)?, "{file} is left");
        }
        Ok(())
    }
}

/// Python stops with one shard undone; Rust does that one.
pub(super) fn python_then_rust(bench: &Bench) -> Result<()> {
    let work = Work::new(bench)?;
    let mut others = work.shards.clone();
    let undone = others.remove(1);
    ensure!(work.python(&[2])? == others);
    ensure!(work.rust(&[])? == [vec![undone], others]);
    work.has_ended()
}

/// Rust stops with two shards undone, then Python with one; Rust does the last.
pub(super) fn rust_then_python_then_rust(bench: &Bench) -> Result<()> {
    let work = Work::new(bench)?;
    let [first, second, rest @ ..] = work.shards.as_slice() else { bail!("there are too few shards") };
    ensure!(work.rust(&[first, second])? == [rest.to_vec(), vec![]]);
    ensure!(work.python(&[1])? == std::slice::from_ref(second));
    let done: Vec<String> = [first].into_iter().chain(rest).cloned().collect();
    ensure!(work.rust(&[])? == [done, vec![second.clone()]]);
    work.has_ended()
}
