//! What every `Cargo.toml` must say.

use anyhow::{Context, Result};

use super::Tree;
use crate::workspace;

/// Every crate has the lints of the workspace.
pub(super) fn lints_are_inherited(tree: &Tree) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for package in &tree.metadata.packages {
        let manifest = std::fs::read_to_string(&package.manifest)
            .with_context(|| format!("cannot read {}", package.manifest.display()))?;
        if section(&manifest, "[lints]").all(|line| line != "workspace = true") {
            findings
                .push(format!("{}: add `[lints]` with `workspace = true` to its Cargo.toml", package.name));
        }
    }
    Ok(findings)
}

/// What is published says what the registry shows.
pub(super) fn published_are_described(tree: &Tree) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for package in tree.metadata.packages.iter().filter(|package| package.published) {
        for key in workspace::DESCRIPTION {
            if !package.described_by.contains(&key) {
                findings.push(format!("{}: its Cargo.toml has no {key}; inherit or write one", package.name));
            }
        }
    }
    Ok(findings)
}

/// The lints of the workspace refuse public items without documentation.
pub(super) fn missing_docs_is_denied(_: &Tree) -> Result<Vec<String>> {
    let manifest = std::fs::read_to_string(workspace::root().join("Cargo.toml"))?;
    let denied = section(&manifest, "[workspace.lints.rust]").any(|line| line == "missing_docs = \"deny\"");
    Ok(if denied {
        vec![]
    } else {
        vec!["Cargo.toml: [workspace.lints.rust] must have `missing_docs = \"deny\"`".to_owned()]
    })
}

/// The lines of a section, without what is around them.
fn section<'a>(manifest: &'a str, heading: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = manifest.lines().map(str::trim).skip_while(move |line| *line != heading).skip(1);
    lines.take_while(|line| !line.starts_with('['))
}
