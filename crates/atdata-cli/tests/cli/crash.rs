//! `kill -9` at any point of an import leaves either no dataset or a whole one.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::common::Cli;

const ROWS: usize = 1500;

fn fifo(cli: &Cli) -> PathBuf {
    let path = cli.path("input.csv");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

fn row(n: usize) -> String {
    format!("{n},{}\n", "x".repeat(400))
}

fn start(cli: &Cli, input: &Path) -> Child {
    // Shards of a few hundred samples, so that some are complete while others are being written.
    let args =
        ["import", input.to_str().unwrap(), "data", "--format", "csv", "--max-count", "150", "--replace"];
    cli.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Either nothing, or a dataset that passes. Returns whether it is there.
fn whole_or_nothing(cli: &Cli, when: &str) -> bool {
    let listed = cli.json(&["ls"]);
    let datasets = listed["datasets"].as_array().unwrap();
    if datasets.is_empty() {
        return false;
    }
    let result = cli.json(&["verify", "data"]);
    assert_eq!((&result["ok"], result["samples"].as_u64()), (&true.into(), Some(ROWS as u64)), "{when}");
    true
}

/// What an import has left in the file system: names and lengths. With `finals` only what is not staged: shards under
/// their own names, and the index.
fn state(cli: &Cli, finals: bool) -> BTreeMap<PathBuf, u64> {
    fn walk(dir: &Path, found: &mut BTreeMap<PathBuf, u64>) {
        for item in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = item.path();
            // What is there now may be gone in a moment.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if metadata.is_dir() {
                walk(&path, found);
            }
            found.insert(path, if metadata.is_dir() { 0 } else { metadata.len() });
        }
    }
    let mut found = BTreeMap::new();
    walk(&cli.path(".atdata"), &mut found);
    found.retain(|path, _| !finals || !path.iter().any(|part| part == ".staging"));
    found
}

/// Killed while it waits for more input, so at a place that the amount of input decides.
#[test]
fn killed_while_reading_nothing_is_left_and_the_next_import_succeeds() {
    let cli = Cli::new();
    let input = fifo(&cli);
    for step in 0..30 {
        let mut child = start(&cli, &input);
        // Opening a pipe waits for the other side.
        let mut pipe = OpenOptions::new().write(true).open(&input).unwrap();
        pipe.write_all(b"n,text\n").unwrap();
        for n in 0..step * 50 {
            pipe.write_all(row(n).as_bytes()).unwrap();
        }
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9), "step {step}");
        assert!(!whole_or_nothing(&cli, &format!("step {step}")));
    }
    import_whole(&cli, &input);
}

/// Killed when the file system shows the n-th change after the last row was read: staging, renaming, registering.
#[test]
fn killed_while_finishing_a_dataset_is_whole_or_absent() {
    let cli = Cli::new();
    let input = fifo(&cli);
    let (mut before, mut after) = (0, 0);
    for step in 0..30 {
        let _ = fs::remove_dir_all(cli.path(".atdata"));
        let mut child = start(&cli, &input);
        let mut pipe = OpenOptions::new().write(true).open(&input).unwrap();
        pipe.write_all(b"n,text\n").unwrap();
        for n in 0..ROWS {
            pipe.write_all(row(n).as_bytes()).unwrap();
        }
        drop(pipe);
        // Half of the time while shards are being written, half of the time while they become visible.
        let finals = step % 2 == 0;
        let (mut seen, mut changes) = (state(&cli, finals), 0);
        while changes < step / 2 + 1 && child.try_wait().unwrap().is_none() {
            let now = state(&cli, finals);
            if now != seen {
                changes += 1;
                seen = now;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if whole_or_nothing(&cli, &format!("change {step}")) {
            after += 1;
        } else {
            before += 1;
            import_whole(&cli, &input);
        }
    }
    assert!(before > 0 && after > 0, "{before} before, {after} after: the kills were all on one side");
}

fn import_whole(cli: &Cli, input: &Path) {
    let mut child = start(cli, input);
    let mut pipe = OpenOptions::new().write(true).open(input).unwrap();
    pipe.write_all(b"n,text\n").unwrap();
    for n in 0..ROWS {
        pipe.write_all(row(n).as_bytes()).unwrap();
    }
    drop(pipe);
    assert!(child.wait().unwrap().success());
    assert!(whole_or_nothing(cli, "a whole import"));
}

#[test]
fn ctrl_c_removes_what_was_written() {
    let cli = Cli::new();
    let input = fifo(&cli);
    let mut child = start(&cli, &input);
    let mut pipe = OpenOptions::new().write(true).open(&input).unwrap();
    pipe.write_all(b"n,text\n").unwrap();
    // More than the window that tells the schema, so that shards are being written.
    for n in 0..12_000 {
        pipe.write_all(row(n).as_bytes()).unwrap();
    }
    while cli.shards().is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it waits for more input");
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130), "{status:?}");
    drop(pipe);
    assert!(!whole_or_nothing(&cli, "after Ctrl-C"));
    assert!(cli.shards().is_empty(), "{:?}", cli.shards());
}
