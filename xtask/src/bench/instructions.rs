//! Instructions per sample under callgrind: a number that noise does not change.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{cases::Workload, setup::Setup};
use crate::process;

/// Instructions of one way.
#[derive(Debug)]
pub(super) struct Count {
    pub(super) way: String,
    pub(super) about: String,
    pub(super) per_sample: u64,
}

/// Counts those ways on small samples that read in order, shuffled or in batches, and writing.
pub(super) fn count(setup: &Setup) -> Result<Vec<Count>> {
    if !process::works(Command::new("valgrind").arg("--version")) {
        let apt = |arguments: &[&str]| {
            process::run(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
        };
        apt(&["update", "--quiet"])?;
        apt(&["install", "--yes", "--quiet", "--no-install-recommends", "valgrind"])?;
    }
    let all = setup.planned(Workload::Small, "samples")?;
    let mut counts = Vec::new();
    for line in setup.own(&["ways"])?.lines() {
        let way: Value = serde_json::from_str(line)?;
        let text = |key: &str| way.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        if !matches!(text("finds").as_str(), "ordered" | "shuffled") {
            continue;
        }
        let name = text("name");
        // The difference is free of what starting costs. Half of the samples are as many as a shuffle buffer holds.
        let (whole, half) = (instructions(setup, &name, all)?, instructions(setup, &name, all / 2)?);
        let per_sample = whole.saturating_sub(half) / (all - all / 2);
        println!("{name:20} {per_sample}");
        counts.push(Count { way: name, about: text("about"), per_sample });
    }
    Ok(counts)
}

fn instructions(setup: &Setup, way: &str, samples: u64) -> Result<u64> {
    let program = setup.own_command();
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(program.get_program()).args(program.get_args());
    command.args(["run", "--workload", "small", "--way", way, "--samples", &samples.to_string()]);
    let output = command.output().context("valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{way} ended with {} under callgrind: {said}", output.status);
    collected(&said).with_context(|| format!("no count of {way}: {said}"))
}

/// The number in callgrind's line `==1== Collected : 123`.
fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find_map(|line| line.split_once("Collected :"))?.1;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found() {
        assert_eq!(collected("==9== Events    : Ir\n==9== Collected : 123456\n==9==\n"), Some(123_456));
        assert_eq!(collected("nothing"), None);
    }
}
