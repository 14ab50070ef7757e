//! Packages as the registry would get them.

use anyhow::Result;

use crate::flags::Flags;
use crate::process;
use crate::report::{Outcome, Tally};

pub(crate) const HELP: &str = "\
Packs every published crate as the registry would get it, in the order in which they depend on each other

usage: cargo xtask package [--verify]

  --verify   build each of them from its package, too; takes some minutes";

pub(crate) fn main(mut flags: Flags) -> Result<Tally> {
    let verify = flags.switch("--verify");
    flags.finish()?;
    publish(verify)?;
    Ok(Tally::PASSED)
}

/// Packs without building: what is in the packages is built by other steps.
pub(crate) fn step() -> Result<Outcome> {
    publish(false)?;
    Ok(Outcome::Passed)
}

fn publish(verify: bool) -> Result<()> {
    let mut command = process::cargo(&["publish", "--dry-run", "--workspace", "--allow-dirty", "--quiet"]);
    if !verify {
        command.arg("--no-verify");
    }
    process::output(&mut command).map(drop)
}
