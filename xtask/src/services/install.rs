//! Installing the programs of servers.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::pds;
use crate::{process, workspace};

/// A program, and where it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Program {
    name: &'static str,
    from: Origin,
}

#[derive(Debug, Clone, Copy)]
enum Origin {
    /// A package of Debian.
    Debian(&'static str),
    /// A crate: its version, and what `cargo install` has to be told besides.
    Crate(&'static str, &'static [&'static str]),
    /// Packages of npm, listed in this workspace, and the programs of Debian that install them.
    Npm(&'static [Program]),
}

pub(super) const CEPH: [Program; 4] = [
    Program { name: "radosgw", from: Origin::Debian("radosgw") },
    Program { name: "ceph-mon", from: Origin::Debian("ceph-mon") },
    Program { name: "ceph-osd", from: Origin::Debian("ceph-osd") },
    Program { name: "ceph", from: Origin::Debian("ceph-common") },
];
pub(super) const CHROMIUM: Program = Program { name: "chromium", from: Origin::Debian("chromium") };
pub(super) const NGINX: Program = Program { name: "nginx", from: Origin::Debian("nginx-light") };
pub(super) const REDIS: Program = Program { name: "redis-server", from: Origin::Debian("redis-server") };
pub(super) const PDS: Program = Program { name: "pds", from: Origin::Npm(&FOR_NPM) };
/// A part of the packages is compiled. Where Node.js did not come from Debian, npm came with it.
const FOR_NPM: [Program; 4] = [
    Program { name: "npm", from: Origin::Debian("npm") },
    Program { name: "python3", from: Origin::Debian("python3") },
    Program { name: "make", from: Origin::Debian("make") },
    Program { name: "g++", from: Origin::Debian("g++") },
];
pub(super) const S3S_FS: Program =
    Program { name: "s3s-fs", from: Origin::Crate("0.14.1", &["--features", "binary"]) };
pub(super) const GARAGE: Program = Program {
    name: "garage",
    from: Origin::Crate("2.5.0", &["--no-default-features", "--features", "bundled-libs,lmdb"]),
};

/// Fails, saying what to do, unless all programs are there.
pub(super) fn check(programs: &[Program]) -> Result<()> {
    let missing = missing(programs)?;
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|program| program.name).collect();
    let mut text = format!("not installed: {}; `cargo xtask services --install` does it", names.join(", "));
    let packages = packages(&missing);
    if !packages.is_empty() {
        text = format!("{text}, and for Debian's packages: {}", apt_line(&packages));
    }
    bail!(text)
}

/// Installs what is missing.
pub(super) fn install(programs: &[Program]) -> Result<()> {
    let missing = missing(programs)?;
    let packages = packages(&missing);
    if !packages.is_empty() {
        let is_root = process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
        if !is_root || !process::works(Command::new("apt-get").arg("--version")) {
            bail!("as root, on Debian: {}", apt_line(&packages));
        }
        println!("{}", apt_line(&packages));
        process::run(Command::new("apt-get").args(["update", "-q"]))?;
        let options = ["install", "-q", "-y", "--no-install-recommends"];
        let mut command = Command::new("apt-get");
        // No service of the system is to be started by the way.
        command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
        process::run(command.args(options).args(&packages))?;
    }
    for program in &missing {
        match program.from {
            Origin::Debian(_) => {}
            Origin::Crate(version, options) => install_crate(program.name, version, options)?,
            Origin::Npm(_) => pds::install()?,
        }
    }
    Ok(())
}

fn install_crate(name: &str, version: &str, options: &[&str]) -> Result<()> {
    let tools = workspace::cache()?.join("tools");
    println!("installing {name} {version} in {}", tools.display());
    let mut command = process::cargo(&["install", name, "--version", version, "--locked"]);
    command.args(["--quiet", "--root"]).arg(&tools).args(options);
    // Quickly rather than fast; and its build output does not belong among ours.
    command.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256");
    process::run(command.env_remove("CARGO_TARGET_DIR"))
}

fn missing(programs: &[Program]) -> Result<Vec<Program>> {
    let mut places: Vec<PathBuf> =
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    places.push(workspace::cache()?.join("tools").join("bin"));
    places.extend(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from));
    let is_there = |program: &Program| places.iter().any(|place: &PathBuf| is_program(place, program.name));
    let mut missing: Vec<Program> = Vec::new();
    // Several servers may need the same one.
    let mut note = |program: &Program| {
        if missing.iter().all(|other| other.name != program.name) {
            missing.push(*program);
        }
    };
    for program in programs {
        match program.from {
            Origin::Npm(needed) if !pds::is_installed()? => {
                needed.iter().filter(|program| !is_there(program)).for_each(&mut note);
                note(program);
            }
            Origin::Debian(_) | Origin::Crate(..) if !is_there(program) => note(program),
            _ => {}
        }
    }
    Ok(missing)
}

fn is_program(place: &Path, name: &str) -> bool {
    place.join(name).is_file()
}

fn packages(programs: &[Program]) -> Vec<&'static str> {
    let of_debian = |program: &Program| match program.from {
        Origin::Debian(package) => Some(package),
        Origin::Crate(..) | Origin::Npm(_) => None,
    };
    programs.iter().filter_map(of_debian).collect()
}

fn apt_line(packages: &[&str]) -> String {
    format!("apt-get install -y --no-install-recommends {}", packages.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_way_to_get_it() {
        let nowhere = Program { name: "no-such-program", from: Origin::Debian("no-such-package") };
        let error = check(&[nowhere]).unwrap_err().to_string();
        assert!(error.contains("no-such-program") && error.contains("recommends no-such-package"), "{error}");
        check(&[Program { name: "sh", from: Origin::Debian("dash") }]).unwrap();
    }
}
