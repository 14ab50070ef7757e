//! Memory does not grow with the input.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::process::Stdio;

use crate::common::Cli;

const MIB: u64 = 1 << 20;

/// The most memory that a process had resident so far, in bytes.
fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[test]
fn a_large_table_is_imported_in_bounded_memory() {
    let cli = Cli::new();
    let input = cli.path("large.csv");
    let mut file = BufWriter::new(File::create(&input).unwrap());
    file.write_all(b"n,text\n").unwrap();
    let text = "lorem ipsum ".repeat(170);
    let mut written = 0;
    let mut rows = 0u64;
    while written < 200 * MIB {
        let row = format!("{rows},{text}\n");
        file.write_all(row.as_bytes()).unwrap();
        written += row.len() as u64;
        rows += 1;
    }
    file.flush().unwrap();
    let args = ["import", input.to_str().unwrap(), "large"];
    let mut child = cli.command(&args).stdout(Stdio::null()).spawn().unwrap();
    let mut most = 0;
    let status = loop {
        most = most.max(peak(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::yield_now();
    };
    assert!(status.success());
    assert!((MIB..150 * MIB).contains(&most), "the peak was {} MiB", most / MIB);
    assert_eq!(cli.json(&["show", "large"])["samples"].as_u64(), Some(rows));
}
