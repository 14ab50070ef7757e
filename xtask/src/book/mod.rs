//! The book: `docs/` as mdBook builds it.

mod links;
mod pictures;

use std::process::Command;

use anyhow::{Result, bail};

use crate::flags::Flags;
use crate::report::{Outcome, Tally};
use crate::tools::Tool;
use crate::{process, workspace};

pub(crate) const HELP: &str = "\
Builds the book of docs/ in target/book, and checks its links and pictures

usage: cargo xtask book [--draw]

mdbook and svgbob_cli are installed in $HOME/.cache/atdata/tools if they are missing.

  --draw   draw the pictures anew from docs/pictures/*.bob";

const MDBOOK: Tool = Tool {
    package: "mdbook",
    version: "0.5.4",
    arguments: &["--no-default-features", "--features", "search"],
};

pub(crate) fn main(mut flags: Flags) -> Result<Tally> {
    let draw = flags.switch("--draw");
    flags.finish()?;
    if draw {
        pictures::draw()?;
    }
    match step()? {
        Outcome::Skipped(reason) => bail!("{reason}"),
        _ => Ok(Tally::PASSED),
    }
}

/// Checks links and pictures, and builds the book.
pub(crate) fn step() -> Result<Outcome> {
    let mut findings = links::findings()?;
    let Some(mut drawn) = pictures::findings()? else {
        return Ok(Outcome::Skipped("svgbob_cli is not here and cannot be installed".to_owned()));
    };
    findings.append(&mut drawn);
    if !findings.is_empty() {
        bail!("{}", findings.join("\n"));
    }
    let Some(mdbook) = MDBOOK.find_or_install()? else {
        return Ok(Outcome::Skipped("mdbook is not here and cannot be installed".to_owned()));
    };
    let target = workspace::metadata()?.target.join("book");
    let mut build = Command::new(mdbook);
    build.current_dir(workspace::root()).args(["build", "docs", "--dest-dir"]).arg(&target);
    // Its warnings are about chapters that are not there.
    let (good, said) = process::said(&mut build)?;
    if !good || said.contains("WARN") || said.contains("ERROR") {
        bail!("mdbook says: {said}");
    }
    println!("{}", target.join("index.html").display());
    Ok(Outcome::Passed)
}
