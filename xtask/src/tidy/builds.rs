//! Building crates one at a time. A build of the whole workspace joins the features of all crates, and hides that one
//! of them does not turn on what it needs.

use anyhow::Result;

use super::Tree;
use crate::process;

/// Every crate builds alone, and every published one also without its default features.
pub(super) fn each_crate_checks_alone(tree: &Tree) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for package in &tree.metadata.packages {
        let mut selections = vec![vec!["check", "--quiet", "--package", &package.name]];
        if package.published {
            selections.push(vec!["check", "--quiet", "--package", &package.name, "--no-default-features"]);
        }
        for arguments in selections {
            if let Err(error) = process::output(&mut process::cargo(&arguments)) {
                findings.push(format!(
                    "{}: turn on the features it needs in its Cargo.toml: {error:#}",
                    package.name
                ));
            }
        }
    }
    Ok(findings)
}
