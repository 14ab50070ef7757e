//! Shards that one side writes and the other reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{
    Bench,
    tagged::{Sample, compare, parse, sample},
};
use crate::{fixtures, peer::Generation, process, workspace};

/// The field that is an array in the shards that the two writers make.
const ARRAY: &str = "arr";

/// Shards of the fixtures that hold other kinds than plain arrays, so they need their schema to be read.
const NEEDS_SCHEMA: [&str; 2] = ["formats.tar", "formats-typed.tar"];

/// The scripts here read the fixtures as the package did when it wrote them: the comparison itself is right.
pub(super) fn fixtures_by_python(bench: &Bench, generation: Generation) -> Result<()> {
    read_fixtures(generation, |shards, arrays| bench.read_tagged(generation, shards, arrays))
}

/// `atdata cat` reads the fixtures as Python did.
pub(super) fn fixtures_by_rust(bench: &Bench, generation: Generation) -> Result<()> {
    read_fixtures(generation, |shards, arrays| cat_all(bench, shards, arrays))
}

fn read_fixtures(generation: Generation, read: impl Fn(&[PathBuf], &[&str]) -> Result<String>) -> Result<()> {
    let root = fixtures::directory().join(format!("python-{}", generation.version()));
    // Shards with the same array fields are read together: starting Python takes longer than reading.
    let mut groups: BTreeMap<BTreeSet<String>, (Vec<PathBuf>, Vec<Sample>)> = BTreeMap::new();
    for tar in tars(&root)? {
        let expected: Value =
            serde_json::from_str(&std::fs::read_to_string(tar.with_extension("expected.json"))?)
                .with_context(|| tar.display().to_string())?;
        let samples = expected.get("samples").and_then(Value::as_array).context("no samples")?;
        let name = tar.to_string_lossy();
        let samples = samples.iter().map(|value| sample(value, &name)).collect::<Result<Vec<_>>>()?;
        let arrays = samples.iter().flat_map(Sample::array_fields).map(str::to_owned).collect();
        let group = groups.entry(arrays).or_default();
        group.0.push(tar);
        group.1.extend(samples);
    }
    for (arrays, (shards, expected)) in &groups {
        let arrays: Vec<&str> = arrays.iter().map(String::as_str).collect();
        compare(("the reader", &parse(&read(shards, &arrays)?)?), ("the fixture", expected))?;
    }
    Ok(())
}

/// What Python writes, `atdata cat` reads as Python itself does.
pub(super) fn python_to_rust(bench: &Bench, generation: Generation) -> Result<()> {
    let out = bench.path("out");
    process::output(bench.python(generation, "write_shards.py").arg(&out))?;
    both_read_alike(bench, generation, &out)
}

/// What Rust writes, Python reads as `atdata cat` does.
pub(super) fn rust_to_python(bench: &Bench, generation: Generation, options: &[&str]) -> Result<()> {
    let out = bench.path("out");
    process::output(bench.rust("write-samples").arg(&out).args(options))?;
    both_read_alike(bench, generation, &out)
}

fn both_read_alike(bench: &Bench, generation: Generation, directory: &Path) -> Result<()> {
    let (scalars, arrays): (Vec<_>, Vec<_>) = tars(directory)?
        .into_iter()
        .partition(|tar| tar.file_name().is_some_and(|name| name == "scalars.tar"));
    ensure!(
        !scalars.is_empty() && arrays.len() > 2,
        "the writer left {} shards",
        scalars.len() + arrays.len()
    );
    for (shards, fields) in [(scalars, &[][..]), (arrays, &[ARRAY][..])] {
        let rust = parse(&cat_all(bench, &shards, fields)?)?;
        let python = parse(&bench.read_tagged(generation, &shards, fields)?)?;
        compare(("Rust", &rust), ("Python", &python))?;
    }
    Ok(())
}

fn cat_all(bench: &Bench, shards: &[PathBuf], arrays: &[&str]) -> Result<String> {
    shards.iter().map(|shard| bench.cat(shard, arrays)).collect()
}

/// The shards below a directory, in order.
fn tars(directory: &Path) -> Result<Vec<PathBuf>> {
    let files = workspace::files(directory)?.into_iter();
    Ok(files
        .filter(|path| path.extension().is_some_and(|extension| extension == "tar"))
        .filter(|path| !path.file_name().is_some_and(|name| NEEDS_SCHEMA.iter().any(|other| name == *other)))
        .collect())
}
