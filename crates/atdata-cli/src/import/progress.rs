//! A progress bar on terminals, nothing elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::size;

/// How often the bar moves, so that a slow input does not look dead.
const TICK: Duration = Duration::from_millis(120);

/// Shows how many samples and bytes have gone in. It is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Starts on standard error, if that is a terminal and `show` says so.
    pub(crate) fn start(show: bool) -> Self {
        if !show {
            return Self(ProgressBar::hidden());
        }
        // Hidden by itself where standard error is no terminal.
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} samples, {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    /// Moves on.
    pub(crate) fn update(&self, samples: u64, bytes: u64, skipped: u64) {
        if self.0.is_hidden() {
            return;
        }
        self.0.set_position(samples);
        let skipped = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
        self.0.set_message(format!("{}{skipped}", size::format(bytes)));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
