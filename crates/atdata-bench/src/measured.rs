//! The clock and the line that a run prints.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::digest::Digest;

/// One run: what it has seen, and how long it took.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) digest: Digest,
    begun: Instant,
    opening: Duration,
    taken: Duration,
    /// The bytes of memory that the run was told to keep to, if it was told.
    pub(crate) configured: u64,
}

impl Measured {
    /// Starts the clock.
    pub(crate) fn start() -> Self {
        Self {
            digest: Digest::default(),
            begun: Instant::now(),
            opening: Duration::ZERO,
            taken: Duration::ZERO,
            configured: 0,
        }
    }

    /// Starts the clock again: what came before was preparation, and is told apart.
    pub(crate) fn prepared(&mut self) {
        self.opening = self.begun.elapsed();
        self.begun = Instant::now();
    }

    /// Stops the clock at what was asked for, if the way has more to do that does not count.
    pub(crate) fn answered(&mut self) {
        self.taken = self.begun.elapsed();
    }

    /// Stops the clock, unless it stands.
    pub(crate) fn stop(mut self) -> Self {
        if self.taken.is_zero() {
            self.answered();
        }
        self
    }

    /// What is printed.
    pub(crate) fn report(&self) -> Result<Report> {
        Ok(Report {
            digest: self.digest,
            seconds: self.taken.as_secs_f64(),
            opening: self.opening.as_secs_f64(),
            configured: self.configured,
            peak_rss: peak_rss()?,
        })
    }
}

/// The line of JSON. The Python programs print the same members.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    digest: Digest,
    seconds: f64,
    /// Seconds before the clock was started.
    opening: f64,
    configured: u64,
    /// The largest resident set so far, in bytes; pages of mapped files are in it.
    peak_rss: u64,
}

fn peak_rss() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("this system has no /proc")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    Ok(kib.context("no VmHWM in the status of the process")? << 10)
}
