//! What was run and how it ended: the tally, and reading test counts from the output of the test runners.

use std::{fmt, ops::AddAssign, time::Duration};

/// Numbers of cases by their end. A skipped case is not a passed one.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1, skipped: 0 };
    pub(crate) const SKIPPED: Self = Self { passed: 0, failed: 0, skipped: 1 };
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// How a step or a case ended, if it did not fail.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It holds; counts as one.
    Passed,
    /// It ran cases of its own, some of which may have failed.
    Counted(Tally),
    /// It could not run here, and why.
    Skipped(String),
}

/// Prints a line for one finished step or case, and gives its tally.
pub(crate) fn conclude(name: &str, result: anyhow::Result<Outcome>, took: Duration) -> (Tally, String) {
    let (tally, word, detail) = match result {
        Ok(Outcome::Passed) => (Tally::PASSED, "pass", String::new()),
        Ok(Outcome::Counted(tally)) => {
            (tally, if tally.failed == 0 { "pass" } else { "FAIL" }, format!(": {tally}"))
        }
        Ok(Outcome::Skipped(reason)) => (Tally::SKIPPED, "skip", format!(": {reason}")),
        Err(error) => (Tally::FAILED, "FAIL", format!(": {error:#}")),
    };
    let line = format!("{word} {name} ({:.1} s){detail}", took.as_secs_f64());
    println!("{line}");
    (tally, line)
}

/// Counts in a summary line of `cargo nextest`, such as
/// `Summary [   1.2s] 30 tests run: 29 passed (1 slow), 1 failed, 2 skipped`.
pub(crate) fn nextest_summary(line: &str) -> Option<Tally> {
    let line = plain(line);
    let (_, counts) = line.trim_start().strip_prefix("Summary [")?.split_once(" run: ")?;
    let mut tally = Tally::default();
    for part in without_parentheses(counts).split(',') {
        let (number, word) = part.trim().split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        match word.trim() {
            "passed" => tally.passed += number,
            "skipped" => tally.skipped += number,
            // failed, timed out, exec failed
            _ => tally.failed += number,
        }
    }
    Some(tally)
}

/// Counts in a summary line of `cargo test`, such as
/// `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`.
pub(crate) fn libtest_summary(line: &str) -> Option<Tally> {
    let line = plain(line);
    let (_, counts) = line.trim_start().strip_prefix("test result: ")?.split_once(". ")?;
    let mut tally = Tally::default();
    for part in counts.split(';') {
        match part.trim().split_once(' ') {
            Some((number, "passed")) => tally.passed += number.parse::<u64>().ok()?,
            Some((number, "failed")) => tally.failed += number.parse::<u64>().ok()?,
            Some((number, "ignored")) => tally.skipped += number.parse::<u64>().ok()?,
            _ => {}
        }
    }
    Some(tally)
}

/// The line without colours (`ESC [ … m`).
fn plain(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    text
}

fn without_parentheses(text: &str) -> String {
    let mut depth = 0_u32;
    text.chars()
        .filter(|&c| {
            depth += u32::from(c == '(');
            let keep = depth == 0;
            depth = depth.saturating_sub(u32::from(c == ')'));
            keep
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nextest_summaries_are_counted() {
        let tally = |passed, failed, skipped| Some(Tally { passed, failed, skipped });
        assert_eq!(
            nextest_summary("     Summary [   1.2s] 30 tests run: 30 passed, 2 skipped"),
            tally(30, 0, 2)
        );
        assert_eq!(nextest_summary("     Summary [   0.1s] 1 test run: 1 passed, 0 skipped"), tally(1, 0, 0));
        assert_eq!(
            nextest_summary(
                "Summary [ 9s] 7/9 tests run: 3 passed (1 slow, 1 flaky), 2 failed, 1 timed out, 1 exec failed, 4 skipped"
            ),
            tally(3, 4, 4)
        );
        let coloured = "\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m \u{1b}[33;1mskipped\u{1b}[0m";
        assert_eq!(nextest_summary(coloured), tally(2, 0, 0));
        assert_eq!(nextest_summary("PASS [ 0.1s] a b"), None);
    }

    #[test]
    fn libtest_summaries_are_counted() {
        assert_eq!(
            libtest_summary(
                "test result: FAILED. 5 passed; 2 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s"
            ),
            Some(Tally { passed: 5, failed: 2, skipped: 1 })
        );
        assert_eq!(libtest_summary("test a ... ok"), None);
    }
}
