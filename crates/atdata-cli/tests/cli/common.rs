//! A home directory of its own for each test, and the binary in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;
use tempfile::TempDir;

pub(crate) struct Cli {
    dir: TempDir,
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Cli {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file and gives its path as an argument.
    pub(crate) fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A command with only our own environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_atdata"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .env("HOME", self.dir.path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        let Output { status, stdout, stderr } = self.command(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let run = Run { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) };
        assert!(!run.stderr.contains("panicked"), "{args:?}: {run:?}");
        run
    }

    /// A run that must succeed.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let run = self.run(args);
        assert_eq!(run.code, 0, "{args:?}: {run:?}");
        run.stdout
    }

    /// A run that must succeed and print JSON.
    pub(crate) fn json(&self, args: &[&str]) -> Json {
        serde_json::from_str(&self.ok(&[args, &["--json"]].concat())).unwrap()
    }

    /// A run that must fail with exit code 1; what it says.
    pub(crate) fn fails(&self, args: &[&str]) -> String {
        let run = self.run(args);
        assert_eq!(run.code, 1, "{args:?}: {run:?}");
        run.stderr
    }

    /// The samples of a source as `cat` prints them.
    pub(crate) fn cat(&self, source: &str) -> Vec<Json> {
        lines(&self.ok(&["cat", source]))
    }

    /// The types of a dataset's fields.
    pub(crate) fn types(&self, dataset: &str) -> Vec<String> {
        let text = self.ok(&["schema", "show", dataset]);
        let fields = text.lines().filter(|line| line.starts_with("    "));
        fields.map(|line| line.trim().trim_end_matches(',').to_owned()).collect()
    }

    /// The files under a directory, without those of the store's bookkeeping.
    pub(crate) fn shards(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect(&self.path(".atdata/data"), &mut found);
        found.retain(|path| path.extension().is_some_and(|extension| extension == "tar"));
        found
    }
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
    for item in fs::read_dir(dir).into_iter().flatten().flatten() {
        if item.path().is_dir() {
            collect(&item.path(), found);
        } else {
            found.push(item.path());
        }
    }
}

pub(crate) fn lines(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn fixture(name: &str) -> String {
    format!("{}/../atdata-testkit/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// An uncompressed tar of members.
pub(crate) fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut encoder = atdata::tar::TarEncoder::default();
    let mut out = Vec::new();
    for (name, data) in members {
        for chunk in encoder.append(name, data.to_vec().into()).unwrap() {
            out.extend_from_slice(&chunk);
        }
    }
    out.extend_from_slice(&encoder.finish());
    out
}
