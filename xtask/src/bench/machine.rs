//! What was measured on.

use std::{fs, process::Command};

use crate::{process, workspace};

/// Lines about the machine, the compiler and the sources. Called before anything is measured: the load is part of it.
pub(super) fn describe() -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("Processor", processor()),
        ("Cores", std::thread::available_parallelism().map_or_else(|_| "?".to_owned(), |n| n.to_string())),
        ("Memory", memory()),
        ("System", printed(Command::new("uname").args(["--kernel-name", "--kernel-release"]))),
        ("Compiler", printed(Command::new("rustc").arg("--version"))),
        ("Sources", sources()),
        ("Load before", fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned()),
        ("Date", printed(Command::new("date").args(["--utc", "+%Y-%m-%d"]))),
    ];
    lines.retain(|(_, value)| !value.is_empty());
    lines
}

fn processor() -> String {
    let model = first_line("/proc/cpuinfo", "model name").unwrap_or_default();
    let machine = printed(Command::new("uname").arg("--machine"));
    format!("{} ({machine})", model.trim_start_matches([':', ' ', '\t']))
}

fn memory() -> String {
    let kib = first_line("/proc/meminfo", "MemTotal:")
        .and_then(|line| line.strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.map_or_else(String::new, |kib| format!("{} GiB", kib >> 20))
}

/// The commit, and whether there are changes beside it.
fn sources() -> String {
    let git =
        |arguments: &[&str]| printed(Command::new("git").args(arguments).current_dir(workspace::root()));
    let changed =
        if git(&["status", "--porcelain", "--untracked-files=no"]).is_empty() { "" } else { ", changed" };
    format!("{}{changed}", git(&["rev-parse", "--short", "HEAD"]))
}

fn first_line(path: &str, start: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(start)).map(|rest| rest.trim().to_owned())
}

fn printed(command: &mut Command) -> String {
    process::output(command).map_or_else(|_| String::new(), |text| text.trim().to_owned())
}
