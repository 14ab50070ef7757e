//! Printing: text or JSON on standard output, failures and notes on standard error.

mod error;
pub(crate) mod json;
pub(crate) mod table;

use std::fmt;
use std::io::{self, BufWriter, Write};

pub(crate) use error::{Failure, Hint, report};

/// What a command ends with when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// All is well.
    Done,
    /// The command did its work and found what it was to look for: damage, a difference.
    Differs,
}

/// The result of a command.
pub(crate) type CliResult<T = Status> = Result<T, Failure>;

/// Standard output.
pub(crate) struct Out {
    writer: BufWriter<Box<dyn Write>>,
    json: bool,
}

impl Out {
    /// The process's own standard output.
    pub(crate) fn stdout(json: bool) -> Self {
        Self { writer: BufWriter::new(Box::new(io::stdout())), json }
    }

    /// Whether `--json` was given.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a line.
    pub(crate) fn line(&mut self, text: impl fmt::Display) -> CliResult<()> {
        writeln!(self.writer, "{text}").map_err(Failure::from_output)
    }

    /// Prints bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> CliResult<()> {
        self.writer.write_all(bytes).map_err(Failure::from_output)
    }

    /// Prints one JSON document, indented.
    pub(crate) fn document(&mut self, document: &serde_json::Value) -> CliResult<()> {
        self.line(format_args!("{document:#}"))
    }

    /// Writes what is buffered.
    pub(crate) fn flush(&mut self) -> CliResult<()> {
        self.writer.flush().map_err(Failure::from_output)
    }
}

impl fmt::Debug for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Out").field("json", &self.json).finish_non_exhaustive()
    }
}

/// Prints a remark that is no failure on standard error.
pub(crate) fn note(text: impl fmt::Display) {
    // If standard error is closed nobody wants to know.
    let _ = writeln!(io::stderr(), "note: {}", printable(&text.to_string()));
}

/// Text from files and networks without the control characters that would steer a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\r\n\tc"), "a\u{fffd}[31mb\u{fffd}\n\tc");
    }
}
