//! Building crates one at a time. A build of the whole workspace joins the features of all crates, and hides that one
//! of them does not turn on what it needs.

use anyhow::Result;

use super::Tree;
use crate::process;

/// Every crate builds alone, and every published one also without its default features and with each single feature.
pub(super) fn each_crate_checks_alone(tree: &Tree) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for package in &tree.metadata.packages {
        let alone = vec!["check", "--quiet", "--package", &package.name];
        let mut selections = vec![alone.clone()];
        if package.published {
            let bare = [&alone[..], &["--no-default-features"]].concat();
            selections.push(bare.clone());
            let single = package.features.iter().filter(|feature| *feature != "default");
            selections.extend(single.map(|feature| [&bare[..], &["--features", feature]].concat()));
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
