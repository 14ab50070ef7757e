//! What may be in the files of the project.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Tree;
use crate::{bench, fixtures, process, workspace};

/// Longer Rust files are reported: a second subject may live in them.
const LONG_MODULE: usize = 600;

/// Larger files are refused; they stay in the history for ever.
const LARGE_FILE: u64 = 1 << 20;

/// Directories that are different on every machine.
const MACHINE_DIRECTORIES: [&str; 5] = ["Users", "home", "root", "tmp", "work"];

/// What is left in a file that is not finished.
const LEFTOVERS: [&str; 7] = ["dbg!(", "todo!(", "unimplemented!(", "#[ignore", "TODO", "FIXME", "XXX"];

/// Ways to sleep.
const SLEEPS: [&str; 3] = ["thread::sleep", "time::sleep", "sleep_until"];

/// One file of the project.
#[derive(Debug)]
pub(super) struct Source {
    /// Relative to the root of the workspace.
    path: PathBuf,
    size: u64,
    /// The text, if it is text.
    text: Option<String>,
}

impl Source {
    fn is_rust(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "rs")
    }

    /// The numbers and texts of the lines, from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.iter().flat_map(|text| text.lines()).enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// Reads the files that are committed or could be; without git, all that are there.
pub(super) fn read() -> Result<Vec<Source>> {
    let root = workspace::root();
    let mut git = std::process::Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let paths: Vec<PathBuf> = match process::output(&mut git) {
        Ok(list) => list.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from).collect(),
        Err(_) => workspace::files(root)?
            .into_iter()
            .filter_map(|path| path.strip_prefix(root).ok().map(Path::to_owned))
            .collect(),
    };
    let mut sources = Vec::new();
    // A file that was deleted but not yet committed as such is still listed.
    for path in paths.into_iter().filter(|path| root.join(path).is_file()) {
        let bytes = std::fs::read(root.join(&path)).with_context(|| path.display().to_string())?;
        sources.push(Source { size: bytes.len() as u64, text: String::from_utf8(bytes).ok(), path });
    }
    Ok(sources)
}

/// Nothing in the sources says that it is not finished.
pub(super) fn no_leftovers(tree: &Tree) -> Result<Vec<String>> {
    let rust = tree.sources.iter().filter(|source| source.is_rust() && !defines_the_rules(source));
    Ok(findings(rust, |line| {
        let word = LEFTOVERS.iter().find(|word| line.contains(*word))?;
        Some(format!("{word} is left over: finish it or take it out"))
    }))
}

/// Tests wait for events, never for time.
pub(super) fn no_sleeping_tests(tree: &Tree) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for source in tree.sources.iter().filter(|source| source.is_rust() && !defines_the_rules(source)) {
        let mut in_tests = source.path.components().any(|part| part.as_os_str() == "tests")
            || source.path.file_name().is_some_and(|name| name == "tests.rs");
        for (number, line) in source.lines() {
            in_tests |= line.trim() == "#[cfg(test)]";
            if in_tests && SLEEPS.iter().any(|sleep| line.contains(sleep)) {
                findings.push(format!(
                    "{}:{number}: a test sleeps: wait for the event (a channel, a join) or use paused time",
                    source.path.display()
                ));
            }
        }
    }
    Ok(findings)
}

/// No file names a place that only one machine has. What Python wrote is left as it is.
pub(super) fn no_machine_paths(tree: &Tree) -> Result<Vec<String>> {
    let fixtures = fixtures::directory();
    let ours =
        tree.sources.iter().filter(|source| !workspace::root().join(&source.path).starts_with(&fixtures));
    Ok(findings(ours, |line| {
        let directory = MACHINE_DIRECTORIES.iter().find(|directory| names_directory(line, directory))?;
        Some(format!(
            "a path below /{directory}: use a relative path, a temporary directory, or /data in examples"
        ))
    }))
}

/// Files are small enough for everybody to fetch for ever.
pub(super) fn files_are_small(tree: &Tree) -> Result<Vec<String>> {
    let large = tree.sources.iter().filter(|source| source.size > LARGE_FILE);
    Ok(large
        .map(|source| {
            format!(
                "{}: {} KiB; make it smaller than {} KiB, or make it at run time",
                source.path.display(),
                source.size >> 10,
                LARGE_FILE >> 10
            )
        })
        .collect())
}

/// Reports long modules. This is a hint and breaks nothing.
pub(super) fn modules_are_short(tree: &Tree) -> Result<Vec<String>> {
    for source in tree.sources.iter().filter(|source| source.is_rust()) {
        let lines = source.lines().count();
        if lines > LONG_MODULE {
            println!("note {}: {lines} lines; which second subject lives there?", source.path.display());
        }
    }
    Ok(vec![])
}

/// This file spells what it forbids.
/// The README shows what docs/benchmarks.md says.
pub(super) fn benchmarks_are_shown(_: &Tree) -> Result<Vec<String>> {
    let finding =
        "README.md: its table is not that of docs/benchmarks.md; `cargo xtask bench --readme` copies it";
    Ok(if bench::readme::is_current()? { Vec::new() } else { vec![finding.to_owned()] })
}

fn defines_the_rules(source: &Source) -> bool {
    source.path.ends_with("xtask/src/tidy/sources.rs")
}

fn findings<'a>(
    sources: impl Iterator<Item = &'a Source>,
    check: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    sources
        .flat_map(|source| source.lines().map(move |(number, line)| (source, number, line)))
        .filter_map(|(source, number, line)| {
            Some(format!("{}:{number}: {}", source.path.display(), check(line)?))
        })
        .collect()
}

/// Whether the line has an absolute path below the directory: `/name/`, but not the end of `x/name/`.
fn names_directory(line: &str, directory: &str) -> bool {
    let path = format!("/{directory}/");
    line.match_indices(&path).any(|(at, _)| {
        let before = line.get(..at).and_then(|head| head.chars().next_back());
        before.is_none_or(|c| !(c.is_alphanumeric() || "._-~$}*)".contains(c)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_machine_paths_are_found() {
        for directory in MACHINE_DIRECTORIES {
            for line in ["\"/D/x\"", "file:///D/x", "/D/", "a=/D/b", "(/D/x)"] {
                assert!(names_directory(&line.replace('D', directory), directory), "{line}");
            }
            for line in ["$HOME/D/x", "https://a.org/D/x", "./D/x", "{}/D/", "/D", "x/D/y"] {
                assert!(!names_directory(&line.replace('D', directory), directory), "{line}");
            }
        }
    }
}
