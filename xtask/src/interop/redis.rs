//! One index on a Redis server that both sides write and read.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Bench, index::Writer};
use crate::{peer::Generation, process, services};

/// What each side does while the other does.
const OPERATIONS: usize = 5000;

/// Two processes insert, replace, label, publish and find at the same time; both see the same in the end.
pub(super) fn written_by_both(bench: &Bench, generation: Generation) -> Result<()> {
    let redis = services::for_interop(&["redis"])?;
    let url = redis.variable("TEST_REDIS_URL")?;
    // A server that is given may have something in its other databases.
    let database = 200 + generation as usize;
    let url = format!("{}/{database}", url.trim_end_matches('/'));
    let count = OPERATIONS.to_string();
    let mut python = bench.python(generation, "redis_work.py");
    let mut rust = bench.rust("redis-index");
    let mut python = Writer::start({
        python.args([&url, &count, "python"]);
        python
    })?;
    let mut rust = Writer::start({
        rust.args(["work", &url, &count, "rust"]);
        rust
    })?;
    python.insert()?;
    rust.insert()?;
    python.finish().context("the Python writer")?;
    rust.finish().context("the Rust writer")?;

    let rust: Value =
        serde_json::from_str(&process::output(bench.rust("redis-index").args(["dump", &url]))?)?;
    let python = process::output(bench.python(generation, "redis_dump.py").arg(&url))?;
    let python: Value = serde_json::from_str(&python)?;
    let keys: &[&str] = match generation {
        Generation::Latest => &["datasets", "labels", "schemas"],
        Generation::Seed => &["datasets", "schemas"],
    };
    for key in keys {
        let (ours, theirs) = (rust.get(key), python.get(key));
        ensure!(ours == theirs, "{key}: {}", difference(ours, theirs));
    }
    let datasets = rust.get("datasets").and_then(Value::as_object).context("no datasets")?;
    // A fifth of all are inserted by each side under names of their own, and more than that by 0.2.
    ensure!(datasets.len() > 2 * OPERATIONS / 5, "only {} datasets", datasets.len());
    for cid in datasets.values().filter_map(Value::as_str) {
        for key in ["urls", "metadata"] {
            let of = |side: &Value| side.get(key).and_then(|all| all.get(cid)).cloned();
            ensure!(of(&rust) == of(&python), "{key} of {cid}: {:?} and {:?}", of(&rust), of(&python));
        }
    }
    Ok(())
}

/// The first members in which two objects differ.
fn difference(ours: Option<&Value>, theirs: Option<&Value>) -> String {
    let (Some(Value::Object(ours)), Some(Value::Object(theirs))) = (ours, theirs) else {
        return format!("Rust has {ours:?}, Python {theirs:?}");
    };
    let keys = ours.keys().chain(theirs.keys());
    let differing: Vec<String> = keys
        .filter(|key| ours.get(*key) != theirs.get(*key))
        .take(3)
        .map(|key| format!("{key} is {:?} and {:?}", ours.get(key), theirs.get(key)))
        .collect();
    format!("Rust has {}, Python {}; {}", ours.len(), theirs.len(), differing.join("; "))
}
