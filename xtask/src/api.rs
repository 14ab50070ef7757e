//! What the published crates promise: a listing of every public item, one file a crate, so that a change is seen in review.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use public_api::Builder;

use crate::flags::Flags;
use crate::report::{Outcome, Tally};
use crate::{process, workspace};

pub(crate) const HELP: &str = "\
Compares the public items of the published crates with the listings in docs/api

usage: cargo xtask api [--write]

  --write   write the listings anew";

pub(crate) fn main(mut flags: Flags) -> Result<Tally> {
    let write = flags.switch("--write");
    flags.finish()?;
    if write {
        for (name, listing) in listings()? {
            std::fs::create_dir_all(directory())?;
            std::fs::write(path(&name), listing)?;
        }
        return Ok(Tally::PASSED);
    }
    step()?;
    Ok(Tally::PASSED)
}

/// Checks that the listings are those of the code.
pub(crate) fn step() -> Result<Outcome> {
    let mut findings = Vec::new();
    for (name, listing) in listings()? {
        let path = path(&name);
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        if kept != listing {
            findings.push(format!("{}: {}", path.display(), first_difference(&kept, &listing)));
        }
    }
    if !findings.is_empty() {
        bail!("the API has changed; `cargo xtask api --write` writes it down:\n{}", findings.join("\n"));
    }
    Ok(Outcome::Passed)
}

fn directory() -> PathBuf {
    workspace::root().join("docs").join("api")
}

fn path(package: &str) -> PathBuf {
    directory().join(format!("{package}.txt"))
}

/// Names of packages, and their listings.
fn listings() -> Result<Vec<(String, String)>> {
    let metadata = workspace::metadata()?;
    // Of its own: the variable below changes how everything is built.
    let target = metadata.target.join("api");
    let packages = metadata.packages.iter().filter(|package| package.published && package.is_library);
    packages.map(|package| Ok((package.name.clone(), listing(&package.name, &target)?))).collect()
}

fn listing(package: &str, target: &Path) -> Result<String> {
    let mut document =
        process::cargo(&["rustdoc", "--quiet", "--lib", "--all-features", "--package", package]);
    document.args(["--", "-Zunstable-options", "--output-format", "json", "--cap-lints", "allow"]);
    // The JSON form is not stable, but this version of the listing's library knows that of the toolchain.
    document.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", target).env_remove("RUSTDOCFLAGS");
    process::output(&mut document)?;
    let json = target.join("doc").join(format!("{}.json", package.replace('-', "_")));
    let api = Builder::from_rustdoc_json(&json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .with_context(|| format!("the documentation of {package} cannot be understood"))?;
    Ok(api.to_string())
}

fn first_difference(kept: &str, now: &str) -> String {
    let kept: std::collections::BTreeSet<&str> = kept.lines().collect();
    let now: std::collections::BTreeSet<&str> = now.lines().collect();
    let gone = kept.difference(&now).map(|line| format!("- {line}"));
    let new = now.difference(&kept).map(|line| format!("+ {line}"));
    gone.chain(new).take(10).collect::<Vec<_>>().join("\n    ")
}
