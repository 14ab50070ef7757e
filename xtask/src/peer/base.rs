//! A Python that is new enough to make the environments with.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::process;

/// Runs in the interpreter: fails where it is too old or lacks a module that we need.
const CHECK: &str = "import sys, ssl, sqlite3, venv, ensurepip; sys.exit(sys.version_info < (3, 12))";

/// How to start the programs of the environments.
#[derive(Debug, Clone)]
pub(crate) enum Base {
    /// As they are; the path is the interpreter that the environments are made from.
    Host(PathBuf),
    /// With the `/usr` of a Debian trixie in the place of ours.
    Trixie { root: PathBuf },
}

impl Base {
    /// pyenv's versions, then the PATH, then, if `ATDATA_PEER_CHROOT=1`, a Debian trixie in `directory`.
    pub(crate) fn find(directory: &Path) -> Result<Option<Self>> {
        if let Some(python) =
            candidates().into_iter().find(|p| process::works(Command::new(p).args(["-c", CHECK])))
        {
            return Ok(Some(Self::Host(python)));
        }
        if std::env::var_os("ATDATA_PEER_CHROOT").is_none_or(|value| value != "1") {
            return Ok(None);
        }
        let root = directory.join("trixie");
        if !root.join("usr").join("bin").join("python3").exists() {
            install_trixie(&root).context("Debian trixie for its Python")?;
        }
        Ok(Some(Self::Trixie { root }))
    }

    /// The interpreter that the environments are made from.
    pub(crate) fn python(&self) -> &Path {
        match self {
            Self::Host(python) => python,
            Self::Trixie { .. } => Path::new("/usr/bin/python3"),
        }
    }

    /// A command that starts a program of an environment.
    pub(crate) fn command(&self, program: &Path) -> Command {
        match self {
            Self::Host(_) => Command::new(program),
            Self::Trixie { root } => {
                // The mount is seen by this process and its children only, and ends with them.
                let mut command = Command::new("unshare");
                command.args(["--mount", "sh", "-c", "mount --bind \"$0\" /usr && exec \"$@\""]);
                command.arg(root.join("usr")).arg(program);
                command
            }
        }
    }
}

fn candidates() -> Vec<PathBuf> {
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(|| {
        let home = std::env::var_os("HOME")?;
        Some(Path::new(&home).join(".pyenv"))
    });
    let mut found = Vec::new();
    if let Some(versions) = pyenv.and_then(|root| std::fs::read_dir(root.join("versions")).ok()) {
        found.extend(versions.flatten().map(|version| version.path().join("bin").join("python3")));
        found.sort();
    }
    found.extend(["python3.14", "python3.13", "python3.12", "python3"].map(PathBuf::from));
    found
}

fn install_trixie(root: &Path) -> Result<()> {
    if !process::works(Command::new("debootstrap").arg("--version")) {
        process::run(Command::new("apt-get").args(["update", "--quiet"]))?;
        process::run(
            Command::new("apt-get")
                .args(["install", "--yes", "--quiet", "--no-install-recommends", "debootstrap"])
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )?;
    }
    // A run that was cut short leaves a half system, and debootstrap does not continue it.
    if root.exists() {
        std::fs::remove_dir_all(root).with_context(|| root.display().to_string())?;
    }
    process::run(
        Command::new("debootstrap")
            .args(["--variant=minbase", "--include=python3,python3-venv", "trixie"])
            .arg(root)
            // Without one debootstrap takes Debian's own.
            .args(mirror()),
    )
}

/// The Debian mirror that this machine uses.
fn mirror() -> Option<String> {
    let apt = Path::new("/etc/apt");
    if let Ok(sources) = std::fs::read_to_string(apt.join("sources.list.d").join("debian.sources")) {
        let line = sources.lines().find_map(|line| line.strip_prefix("URIs:"))?;
        return line.split_whitespace().next().map(str::to_owned);
    }
    let sources = std::fs::read_to_string(apt.join("sources.list")).ok()?;
    let line = sources.lines().find(|line| line.starts_with("deb "))?;
    line.split_whitespace().find(|word| word.starts_with("http")).map(str::to_owned)
}
