//! A release of the command: one static binary, with what belongs to it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::flags::Flags;
use crate::report::Tally;
use crate::{process, workspace};

pub(crate) const HELP: &str = "\
Makes a release of the command `atdata` for Linux in target/dist: a static binary, its completions and man pages

usage: cargo xtask release

Needs the target x86_64-unknown-linux-musl (installed with rustup if missing) and musl-gcc (installed on Debian as root).";

const TARGET: &str = "x86_64-unknown-linux-musl";

pub(crate) fn main(flags: Flags) -> Result<Tally> {
    flags.finish()?;
    prepare()?;
    let mut build = process::cargo(&["build", "--release", "--package", "atdata-cli", "--target", TARGET]);
    process::run(&mut build)?;
    let metadata = workspace::metadata()?;
    let built = metadata.target.join(TARGET).join("release").join("atdata");
    let dist = metadata.target.join("dist");
    if dist.exists() {
        std::fs::remove_dir_all(&dist)?;
    }
    let version = process::output(Command::new(&built).arg("--version"))?;
    let name = format!("{}-{TARGET}", version.trim().replace(' ', "-"));
    let directory = dist.join(&name);
    std::fs::create_dir_all(directory.join("completions"))?;
    std::fs::copy(&built, directory.join("atdata"))?;
    for file in ["LICENSE", "CHANGELOG.md"] {
        std::fs::copy(workspace::root().join(file), directory.join(file))?;
    }
    std::fs::copy(workspace::root().join("crates/atdata-cli/README.md"), directory.join("README.md"))?;
    check(&directory.join("atdata"))?;
    for (shell, file) in [("bash", "atdata.bash"), ("zsh", "_atdata"), ("fish", "atdata.fish")] {
        let script = process::output(Command::new(&built).args(["completions", shell]))?;
        std::fs::write(directory.join("completions").join(file), script)?;
    }
    process::output(Command::new(&built).arg("man").arg(directory.join("man")))?;
    let archive = dist.join(format!("{name}.tar.gz"));
    process::run(Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(&dist).arg(&name))?;
    let size = std::fs::metadata(&archive)?.len();
    println!("{} ({} KiB)", archive.display(), size >> 10);
    Ok(Tally::PASSED)
}

fn prepare() -> Result<()> {
    if !process::works(Command::new("musl-gcc").arg("--version")) {
        let mut install = Command::new("apt-get");
        install
            .args(["install", "--yes", "--no-install-recommends", "musl-tools"])
            .env("DEBIAN_FRONTEND", "noninteractive");
        process::run(&mut install).context("install musl-tools")?;
    }
    let targets =
        process::output(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]))?;
    if !Path::new(targets.trim()).exists() {
        process::run(Command::new("rustup").args(["target", "add", TARGET]))?;
    }
    Ok(())
}

/// Holds the binary to what it is to be: it needs no library of the machine, and works.
fn check(binary: &Path) -> Result<()> {
    let headers = process::output(Command::new("readelf").arg("--program-headers").arg(binary))?;
    ensure!(!headers.contains("INTERP"), "the binary needs a loader, and so libraries of the machine");
    let home = binary.with_file_name("home");
    std::fs::create_dir_all(&home)?;
    std::fs::write(home.join("in.csv"), "n\n1\n2\n")?;
    let atdata = |arguments: &[&str]| {
        let mut command = Command::new(binary);
        process::output(command.args(arguments).env_clear().env("HOME", &home).current_dir(&home))
    };
    atdata(&["import", "in.csv", "numbers"])?;
    let rows = atdata(&["cat", "numbers"])?;
    if rows.lines().count() != 2 {
        bail!("the binary gives {rows:?} for two rows");
    }
    std::fs::remove_dir_all(&home)?;
    Ok(())
}
