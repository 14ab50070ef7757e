//! What each feature of the facade costs: crates, and the time to build them.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::flags::Flags;
use crate::report::Tally;
use crate::{process, workspace};

pub(crate) const HELP: &str = "\
Measures what each feature of `atdata` costs, and writes it into README.md

usage: cargo xtask features

Each is built from nothing, in a directory of its own: some minutes in all. Let the machine be quiet.";

/// Features, and what they bring.
const FEATURES: [(&str, &str); 10] = [
    ("", "datasets of shards in files; samples, schemas, the streaming engine"),
    ("local", "the embedded index (SQLite) and the store on disk"),
    ("redis", "the index of a team, and queues"),
    ("http", "shards on web servers"),
    ("s3", "stores and sources in S3"),
    ("atmosphere", "the AT Protocol"),
    ("compression", "shards of gzip, bzip2, xz and zstd"),
    ("describe", "statistics and Croissant"),
    ("serve", "the web page over an index"),
    (
        "local,redis,http,s3,aws-chain,atmosphere,compression,describe,serve",
        "everything, as the command has it",
    ),
];

const MARKS: (&str, &str) = ("<!-- features -->\n", "<!-- /features -->");

pub(crate) fn main(flags: Flags) -> Result<Tally> {
    flags.finish()?;
    let cores = std::thread::available_parallelism()?;
    let mut table = format!(
        "`cargo xtask features`, on {cores} cores, each built from nothing without optimisation:\n\n\
         | Features | Bring | Crates | Seconds |\n|---|---|--:|--:|\n"
    );
    for (features, about) in FEATURES {
        let crates = crates(features)?;
        let seconds = seconds(features)?;
        let shown = match features {
            "" => "none".to_owned(),
            all if all.contains(',') => "all".to_owned(),
            one => format!("`{one}`"),
        };
        println!("{shown}: {crates} crates, {seconds} s");
        table.push_str(&format!("| {shown} | {about} | {crates} | {seconds} |\n"));
    }
    let path = workspace::root().join("README.md");
    let text = std::fs::read_to_string(&path)?;
    let (before, rest) =
        text.split_once(MARKS.0).context("README.md has no place for the table of features")?;
    let (_, after) = rest.split_once(MARKS.1).context("README.md has no end of the table of features")?;
    std::fs::write(&path, format!("{before}{}\n{table}\n{}{after}", MARKS.0, MARKS.1))?;
    Ok(Tally::PASSED)
}

fn crates(features: &str) -> Result<usize> {
    let mut tree =
        process::cargo(&["tree", "--package", "atdata", "--no-default-features", "--edges", "normal"]);
    tree.args(["--prefix", "none", "--format", "{p}", "--features", features]);
    let tree = process::output(&mut tree)?;
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(" (").next()).collect();
    Ok(names.len())
}

fn seconds(features: &str) -> Result<u64> {
    let target = workspace::metadata()?.target.join("features");
    if target.exists() {
        std::fs::remove_dir_all(&target)?;
    }
    let mut build = process::cargo(&["build", "--quiet", "--package", "atdata", "--no-default-features"]);
    build.args(["--features", features]).env("CARGO_TARGET_DIR", &target);
    let start = Instant::now();
    process::run(&mut build)?;
    let seconds = start.elapsed().as_secs_f64().round();
    std::fs::remove_dir_all(&target)?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some minutes")]
    Ok(seconds as u64)
}
