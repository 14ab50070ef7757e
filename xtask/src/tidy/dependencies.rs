//! Who may depend on whom.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Tree;
use crate::{process, workspace};

/// Crates that bring network, TLS or a database; a `*` at the end stands for any rest.
const NOT_IN_CORE: [&str; 28] = [
    "atrium-*",
    "aws-*",
    "boring*",
    "curl*",
    "diesel*",
    "fred",
    "h2",
    "h3",
    "hickory-*",
    "hyper",
    "hyper-*",
    "isahc",
    "libsqlite3-sys",
    "mio",
    "native-tls",
    "openssl*",
    "postgres*",
    "quinn*",
    "redis",
    "reqwest",
    "ring",
    "rusqlite",
    "rustls*",
    "s2n-*",
    "socket2",
    "sqlx*",
    "tokio-postgres",
    "ureq",
];

/// TLS and cryptography other than rustls with ring.
const OTHER_TLS: [&str; 9] = [
    "aws-lc-*",
    "boring*",
    "native-tls",
    "openssl",
    "openssl-sys",
    "s2n-*",
    "schannel",
    "tokio-native-tls",
    "wolfssl*",
];

/// Crates that implement the traits of the core on one kind of service each, or use them only.
const BACKENDS: [&str; 5] = ["atdata-local", "atdata-s3", "atdata-http", "atdata-atmosphere", "atdata-serve"];

/// Crates between the core and the backends: what several backends need that the core must not bring.
const COMMON_GROUND: [&str; 1] = ["atdata-transport"];

/// Crates at the end of every arrow: nothing of the workspace is built on them.
const ENDS: [&str; 4] = ["atdata-bench", "atdata-cli", "atdata-testkit", "xtask"];

/// The core brings no network, TLS or database crate, and no tokio with sockets.
pub(super) fn core_is_thin(_: &Tree) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (name, features) in tree(&["--package", "atdata-core", "--all-features"])? {
        if matches_any(&name, &NOT_IN_CORE) {
            findings.push(format!(
                "atdata-core depends on {name}: move what needs it to a backend crate \
                 (cargo tree -p atdata-core --all-features -i {name})"
            ));
        }
        let sockets = features.iter().find(|feature| matches!(feature.as_str(), "net" | "process" | "full"));
        if let (true, Some(feature)) = (name == "tokio", sockets) {
            findings.push(format!(
                "atdata-core has tokio with feature {feature:?}: the core opens no sockets and starts no programs \
                 (cargo tree -p atdata-core -e features -i tokio)"
            ));
        }
    }
    Ok(findings)
}

/// Backends know the core and the common ground only, that knows the core, the core and the derive macro know nobody, and
/// nobody is built on the end points.
pub(super) fn arrows_point_to_core(tree: &Tree) -> Result<Vec<String>> {
    let ours: BTreeSet<&str> = tree.metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in &tree.metadata.packages {
        let from = package.name.as_str();
        for to in package.dependencies.iter().map(String::as_str).filter(|to| ours.contains(to)) {
            let good = match from {
                "atdata-core" | "atdata-derive" => false,
                from if COMMON_GROUND.contains(&from) => to == "atdata-core",
                from if BACKENDS.contains(&from) => {
                    matches!(to, "atdata-core" | "atdata-derive") || COMMON_GROUND.contains(&to)
                }
                _ => !ENDS.contains(&to),
            };
            if !good {
                findings.push(format!(
                    "{from} depends on {to}: arrows point towards atdata-core only; move what they share there or to \
                     common ground, or make it a dev-dependency if only tests need it"
                ));
            }
        }
    }
    Ok(findings)
}

/// There is one TLS stack in the whole tree: rustls with ring.
pub(super) fn one_tls_stack(_: &Tree) -> Result<Vec<String>> {
    let packages = tree(&["--workspace", "--all-features"])?;
    let mut findings = Vec::new();
    for (name, features) in &packages {
        if matches_any(name, &OTHER_TLS) {
            findings.push(format!(
                "{name} is in the tree: choose rustls with ring in the features of what brings it \
                 (cargo tree --workspace --all-features -i {name})"
            ));
        }
        if name == "rustls" && features.iter().any(|feature| feature == "aws_lc_rs" || feature == "aws-lc-rs")
        {
            findings.push("rustls has feature aws_lc_rs: use its feature ring".to_owned());
        }
    }
    for name in ["rustls", "ring"] {
        let versions = packages.iter().filter(|(other, _)| other == name).count();
        if versions > 1 {
            findings.push(format!(
                "{versions} versions of {name} are in the tree: bring them to one (cargo tree -d)"
            ));
        }
    }
    Ok(findings)
}

/// The lock file is part of the project.
pub(super) fn lockfile_is_committed(_: &Tree) -> Result<Vec<String>> {
    let root = workspace::root();
    let in_git =
        process::works(std::process::Command::new("git").args(["rev-parse", "HEAD"]).current_dir(root));
    let committed = if in_git {
        let mut git = std::process::Command::new("git");
        process::works(git.args(["ls-files", "--error-unmatch", "Cargo.lock"]).current_dir(root))
    } else {
        root.join("Cargo.lock").exists()
    };
    Ok(if committed { vec![] } else { vec!["Cargo.lock is not committed: git add Cargo.lock".to_owned()] })
}

/// The packages, with their features, that are needed to build and to run.
fn tree(selection: &[&str]) -> Result<Vec<(String, Vec<String>)>> {
    let arguments = ["tree", "--edges", "normal,build", "--prefix", "none", "--format", "{p}|{f}"];
    let text = process::output(process::cargo(&arguments).args(selection))?;
    // A package that was already shown is marked with `(*)` at the end of its line.
    let lines: BTreeSet<&str> = text.lines().map(|line| line.trim_end_matches("(*)").trim_end()).collect();
    Ok(lines
        .into_iter()
        .filter_map(|line| {
            let (package, features) = line.split_once('|')?;
            let name = package.split(' ').next()?;
            Some((name.to_owned(), features.split(',').map(str::to_owned).collect()))
        })
        .collect())
}

fn matches_any(name: &str, patterns: &[&str]) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *pattern,
    })
}
