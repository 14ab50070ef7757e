//! Descriptions for catalogues, against the reference validator.

use anyhow::{Result, ensure};

use super::Bench;
use crate::{peer::Generation, process};

const CSV: &str = "id,name,score,good\n1,one,0.5,true\n2,two,1.5,false\n";

pub(super) fn accepted(bench: &Bench) -> Result<()> {
    let table = bench.path("table.csv");
    std::fs::write(&table, CSV)?;
    let table_fields =
        "samples/id Integer -\nsamples/name Text -\nsamples/score Float -\nsamples/good Boolean -\n";
    described(bench, &table.to_string_lossy(), "table", table_fields)?;

    let arrays = bench.path("arrays.npz");
    process::output(bench.python(Generation::Latest, "write_npz.py").arg(&arrays))?;
    let array_fields = "samples/image Float32 2,3\nsamples/mask Boolean 4\nsamples/wide Int64 7\n";
    described(bench, &arrays.to_string_lossy(), "arrays", array_fields)
}

/// Imports a file, describes it, and lets the validator say which fields it sees.
fn described(bench: &Bench, input: &str, name: &str, expected: &str) -> Result<()> {
    bench.atdata(&["import", input, name])?;
    bench.atdata(&["stats", name])?;
    let document = bench.path("croissant.json");
    let document = document.to_string_lossy();
    let said = [
        ["--license", "CC0-1.0"],
        ["--url", "https://example.org/table"],
        ["--creator", "Somebody"],
        ["--citation", "A table."],
        ["--release", "1.0.0"],
        ["--published", "2026-11-24"],
        ["--output", &document],
    ];
    bench.atdata(&[&["croissant", name], said.as_flattened()].concat())?;
    let mut check = bench.python(Generation::Latest, "croissant_check.py");
    let seen = process::output(check.arg(&*document))?;
    ensure!(seen.contains(expected), "the validator sees other fields than {expected:?}: {seen}");
    Ok(())
}
