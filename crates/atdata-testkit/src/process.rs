//! Programs that are killed half-way, to see what they leave behind.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A program that runs beside the test and reports its progress line by line. It is killed when dropped.
///
/// A test for crashes starts its own test binary again with a filter and an environment variable that says what to
/// do, waits for the line that says that the work is under way, and kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// Starts a program with its standard output held by the test.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("standard output is piped");
        Self { child, lines: BufReader::new(stdout).lines() }
    }

    /// Waits until the program prints a line that contains `text`, and gives that line.
    ///
    /// # Panics
    /// It ends before.
    pub fn wait_for(&mut self, text: &str) -> String {
        loop {
            let line = self.lines.next().unwrap_or_else(|| panic!("it ended without printing {text:?}"));
            let line = line.expect("a line of text");
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Kills the program at once, as a power cut would, and waits until it is gone.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
