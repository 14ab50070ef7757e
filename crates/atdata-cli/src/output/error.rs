//! What a user sees of a failure: what failed, on what, and what to try.

use std::io::{self, Write};
use std::process::ExitCode;

use atdata::{Error, ErrorKind};
use serde_json::json;

use super::printable;

/// Why a command did not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something failed.
    Failed {
        /// What.
        error: Error,
        /// What to try.
        hint: Option<String>,
    },
    /// The reader of standard output has gone (`atdata cat … | head`); no reason to complain.
    OutputClosed,
    /// The user pressed Ctrl-C; what that means for what there is.
    Interrupted(&'static str),
}

impl Failure {
    /// The same, with what to try.
    #[cfg(feature = "atmosphere")]
    pub(crate) fn with_hint(self, text: &str) -> Self {
        match self {
            Failure::Failed { error, .. } => Failure::Failed { error, hint: Some(text.to_owned()) },
            other => other,
        }
    }

    /// A failed write to standard output.
    pub(super) fn from_output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure::OutputClosed;
        }
        Error::unexpected("standard output cannot be written").with_source(error).into()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Failed { error, hint: None }
    }
}

/// Adds to a failure what to try.
pub(crate) trait Hint<T> {
    /// Sets the hint, unless there is one.
    fn hint(self, text: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> Hint<T> for Result<T, E> {
    fn hint(self, text: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|failure| match failure.into() {
            Failure::Failed { error, hint: None } => Failure::Failed { error, hint: Some(text()) },
            other => other,
        })
    }
}

/// What helps with failures of a kind, wherever they come from.
fn general_hint(error: &Error) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::Unavailable => Some("the service may answer later; try again, or -v to see more"),
        ErrorKind::PermissionDenied => Some("check the permissions of the path, or the credentials"),
        ErrorKind::Corrupt if error.context_value("shard").is_some() => {
            Some("`atdata verify` shows which shards are damaged")
        }
        _ => None,
    }
}

/// Prints a failure on standard error (as one JSON object with `--json`) and gives the exit code.
pub(crate) fn report(failure: &Failure, json: bool) -> ExitCode {
    let (error, hint) = match failure {
        Failure::OutputClosed => return ExitCode::SUCCESS,
        Failure::Interrupted(meaning) => {
            let _ = writeln!(io::stderr(), "interrupted: {meaning}");
            return ExitCode::from(130);
        }
        Failure::Failed { error, hint } => (error, hint.as_deref().or_else(|| general_hint(error))),
    };
    let text = if json {
        let context: serde_json::Map<_, _> =
            error.context().map(|(key, value)| (key.to_owned(), value.into())).collect();
        let mut document = json!({
            "error": {"kind": error.kind().as_str(), "message": error.message(), "context": context, "text": error.to_string()}
        });
        if let (Some(hint), Some(error)) =
            (hint, document.get_mut("error").and_then(|error| error.as_object_mut()))
        {
            error.insert("hint".to_owned(), hint.into());
        }
        document.to_string()
    } else {
        let hint = hint.map(|hint| format!("\nhint: {}", printable(hint))).unwrap_or_default();
        format!("error: {}{hint}", printable(&error.to_string()))
    };
    // If standard error is closed nobody wants to know.
    let _ = writeln!(io::stderr(), "{text}");
    ExitCode::from(1)
}
