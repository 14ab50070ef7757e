//! House rules that the compiler does not check. Each rule is a function that gives what breaks it.

mod builds;
mod dependencies;
mod manifests;
mod sources;

use anyhow::Result;

use crate::{
    flags::{Flags, check_names},
    report::{Outcome, Tally},
    workspace::{self, Metadata},
};

pub(crate) const HELP: &str = "\
Checks house rules that the compiler does not check

usage: cargo xtask tidy [--only RULE[,RULE]] [--list]

Every rule runs; each finding says what to do about it.

  --only RULE   check only these rules
  --list        print the rules";

/// What a rule may look at.
#[derive(Debug)]
pub(crate) struct Tree {
    metadata: Metadata,
    sources: Vec<sources::Source>,
}

/// Gives one text for each place that breaks the rule.
type Rule = fn(&Tree) -> Result<Vec<String>>;

const RULES: [(&str, Rule); 14] = [
    ("core-is-thin", dependencies::core_is_thin),
    ("arrows-point-to-core", dependencies::arrows_point_to_core),
    ("one-tls-stack", dependencies::one_tls_stack),
    ("lockfile", dependencies::lockfile_is_committed),
    ("lints-inherited", manifests::lints_are_inherited),
    ("described", manifests::published_are_described),
    ("docs-required", manifests::missing_docs_is_denied),
    ("no-leftovers", sources::no_leftovers),
    ("no-sleeping-tests", sources::no_sleeping_tests),
    ("no-machine-paths", sources::no_machine_paths),
    ("file-sizes", sources::files_are_small),
    ("long-modules", sources::modules_are_short),
    ("benchmarks-shown", sources::benchmarks_are_shown),
    ("stands-alone", builds::each_crate_checks_alone),
];

pub(crate) fn main(mut flags: Flags) -> Result<Tally> {
    let only = flags.list("--only")?;
    let list = flags.switch("--list");
    flags.finish()?;
    check_names("--only", &only, RULES.iter().map(|(name, _)| *name))?;
    if list {
        for (name, _) in RULES {
            println!("{name}");
        }
        return Ok(Tally::default());
    }
    run(&only)
}

/// All rules, as one step.
pub(crate) fn step() -> Result<Outcome> {
    match run(&[])?.failed {
        0 => Ok(Outcome::Passed),
        broken => anyhow::bail!("{broken} of {} rules are broken", RULES.len()),
    }
}

fn run(only: &[String]) -> Result<Tally> {
    let tree = Tree { metadata: workspace::metadata()?, sources: sources::read()? };
    let mut tally = Tally::default();
    for (name, rule) in RULES {
        if !only.is_empty() && !only.iter().any(|wanted| wanted == name) {
            continue;
        }
        let findings = rule(&tree).unwrap_or_else(|error| vec![format!("{error:#}")]);
        tally += if findings.is_empty() { Tally::PASSED } else { Tally::FAILED };
        println!("{} tidy {name}", if findings.is_empty() { "pass" } else { "FAIL" });
        for finding in findings {
            println!("     {finding}");
        }
    }
    Ok(tally)
}
