//! The clocks and the line that a run prints.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::digest::Digest;

/// One run: what it has seen, and how long it took.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) digest: Digest,
    begun: Clocks,
    opening: Duration,
    taken: Option<Taken>,
    /// The bytes of memory that the run was told to keep to, if it was told.
    pub(crate) configured: u64,
}

/// A moment.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    wall: Instant,
    processor: Duration,
}

/// How long something took.
#[derive(Clone, Copy, Debug)]
struct Taken {
    wall: Duration,
    /// Of all threads of this process; what other programs take meanwhile is not in it.
    processor: Duration,
}

impl Clocks {
    fn now() -> Self {
        Self { wall: Instant::now(), processor: processor_time() }
    }

    fn elapsed(self) -> Taken {
        Taken { processor: processor_time().saturating_sub(self.processor), wall: self.wall.elapsed() }
    }
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // The clock counts from zero, so that neither part is negative.
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

impl Measured {
    /// Starts the clocks.
    pub(crate) fn start() -> Self {
        Self {
            digest: Digest::default(),
            begun: Clocks::now(),
            opening: Duration::ZERO,
            taken: None,
            configured: 0,
        }
    }

    /// Starts the clocks again: what came before was preparation, and is told apart.
    pub(crate) fn prepared(&mut self) {
        self.opening = self.begun.wall.elapsed();
        self.begun = Clocks::now();
    }

    /// Stops the clocks at what was asked for, if the way has more to do that does not count.
    pub(crate) fn answered(&mut self) {
        self.taken.get_or_insert_with(|| self.begun.elapsed());
    }

    /// Stops the clocks, unless they stand.
    pub(crate) fn stop(mut self) -> Self {
        self.answered();
        self
    }

    /// What is printed.
    pub(crate) fn report(&self) -> Result<Report> {
        let taken = self.taken.context("the clocks were not stopped")?;
        Ok(Report {
            digest: self.digest,
            seconds: taken.wall.as_secs_f64(),
            processor: taken.processor.as_secs_f64(),
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
    /// Seconds of processor time.
    processor: f64,
    /// Seconds before the clocks were started.
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
