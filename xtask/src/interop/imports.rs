//! Files that `atdata import` makes into a dataset: Python decodes the schema that Rust published, and reads the
//! shards that Rust wrote with the class made from it.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::{
    Bench,
    index::{Database, strings},
    tagged::{compare, parse},
};
use crate::{peer::Generation, process};

const JSONL: &str = r#"{"id": 1, "name": "plain", "score": 0.5, "good": true, "tags": ["a", "é"]}
{"id": -9007199254740993, "name": "élan 漢字 😀", "score": 1e300, "good": false, "tags": []}
{"id": 9223372036854775807, "name": "", "score": -0.0, "good": true, "tags": ["\u0000", "quote\" and \\"]}
"#;

const CSV: &str = "id,name,score\n1,plain,0.5\n-2,\"comma, and \"\"quote\"\"\",1e-7\n3,élan 漢字 😀,2.25\n";

pub(super) fn jsonl(bench: &Bench) -> Result<()> {
    let file = bench.path("people.jsonl");
    std::fs::write(&file, JSONL)?;
    imported(bench, file, &[], 3)
}

pub(super) fn csv(bench: &Bench) -> Result<()> {
    let file = bench.path("people.csv");
    std::fs::write(&file, CSV)?;
    imported(bench, file, &[], 3)
}

pub(super) fn npz(bench: &Bench) -> Result<()> {
    let file = bench.path("arrays.npz");
    process::output(bench.python(Generation::Latest, "write_npz.py").arg(&file))?;
    imported(bench, file, &["image", "mask", "wide"], 5)
}

fn imported(bench: &Bench, file: PathBuf, arrays: &[&str], samples: usize) -> Result<()> {
    let database = Database::new(bench);
    let store = format!("file:{}", bench.path("store").display());
    let file = file.to_string_lossy();
    database.atdata(&["import", &file, "imported", "--store", &store, "--json"])?;

    let rust = parse(&database.atdata(&["cat", "imported", "--format", "tagged"])?)?;
    ensure!(rust.len() == samples, "the import made {} samples of {samples}", rust.len());
    let mut decode = bench.python(Generation::Latest, "schema_decode.py");
    let python = parse(&process::output(decode.arg(database.path()).arg("imported"))?)?;
    compare(("Rust", &rust), ("Python with the stored schema", &python))?;

    // 0.2 has no SQLite index, but it reads the shards.
    let entry = database.show("imported")?;
    let urls = strings(&entry, "data_urls").context("show --json")?;
    let shards: Vec<PathBuf> =
        urls.iter().map(|url| url.strip_prefix("file://").unwrap_or(url).into()).collect();
    let python = parse(&bench.read_tagged(Generation::Seed, &shards, arrays)?)?;
    compare(("Rust", &rust), ("Python 0.2", &python))
}
