//! Answers that are none, as errors of ours.

use std::fmt;

use atdata_core::{Error, ErrorKind};
use serde::Deserialize;

/// Why a server does not accept who we say we are. It is the source of such an error:
///
/// ```
/// use atdata_atmosphere::AuthFault;
///
/// fn must_log_in_again(error: &atdata_core::Error) -> bool {
///     matches!(AuthFault::of(error), Some(AuthFault::Expired | AuthFault::Revoked))
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthFault {
    /// Handle or password are wrong.
    WrongCredentials,
    /// The session is over: it was not used for too long.
    Expired,
    /// The session was ended: by a logout, a removed app password or another password.
    Revoked,
    /// The account wants a second factor. App passwords need none.
    SecondFactor,
    /// The account is suspended, taken down or deactivated.
    Inactive,
    /// There is no session, and the request needs one.
    NoSession,
}

impl fmt::Display for AuthFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongCredentials => "wrong credentials",
            Self::Expired => "the session has expired",
            Self::Revoked => "the session was revoked",
            Self::SecondFactor => "a second factor is needed",
            Self::Inactive => "the account is not active",
            Self::NoSession => "no session",
        })
    }
}

impl std::error::Error for AuthFault {}

impl AuthFault {
    /// Why an error is about who we say we are, if it is.
    pub fn of(error: &Error) -> Option<Self> {
        let source = std::error::Error::source(error)?;
        source.downcast_ref().copied()
    }

    pub(crate) fn error(self) -> Error {
        let text = match self {
            Self::WrongCredentials => {
                "handle or password are wrong: check both, and that it is an app password"
            }
            Self::Expired => "the session has expired: log in again",
            Self::Revoked => "the session was ended on the server: log in again",
            Self::SecondFactor => "the account wants a second factor: log in with an app password",
            Self::Inactive => "the account is suspended or deactivated: its server says more",
            Self::NoSession => "this needs an account: log in first",
        };
        Error::permission_denied(text).with_source(self)
    }
}

/// The body of an answer that is an error.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct XrpcFault {
    #[serde(default)]
    pub(crate) error: Option<String>,
    #[serde(default)]
    pub(crate) message: Option<String>,
}

impl XrpcFault {
    pub(crate) fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &str {
        self.error.as_deref().unwrap_or_default()
    }

    /// Whether another access token would help.
    pub(crate) fn wants_fresh_token(&self, status: u16) -> bool {
        matches!(status, 400 | 401) && self.name() == "ExpiredToken"
    }

    /// What it means.
    pub(crate) fn into_error(self, status: u16) -> Error {
        let name = printable(self.name(), 64);
        let message = printable(self.message.as_deref().unwrap_or_default(), 300);
        let says = |text: &str| match message.is_empty() {
            true => format!("{text} (the server answers {status})"),
            false => format!("{text} (the server answers {status}: {message})"),
        };
        let error = match (name.as_str(), status) {
            ("AuthFactorTokenRequired", _) => AuthFault::SecondFactor.error(),
            ("AccountTakedown" | "AccountDeactivated" | "AccountSuspended", 400 | 401 | 403) => {
                AuthFault::Inactive.error()
            }
            ("AuthMissing", _) => AuthFault::NoSession.error(),
            ("InvalidSwap", _) => Error::conflict(says("the repository was changed by somebody else")),
            ("RecordNotFound", _) => Error::not_found(says("there is no such record")),
            ("RepoNotFound", _) => Error::not_found(says("there is no such repository")),
            ("BlobNotFound", _) => Error::not_found(says("there is no such blob")),
            ("RepoTakendown" | "RepoSuspended" | "RepoDeactivated", _) => {
                Error::permission_denied(says("the repository is not served"))
            }
            ("HandleNotFound" | "DidNotFound", _) => Error::not_found(says("there is no such account")),
            ("BlobTooLarge" | "PayloadTooLargeError" | "PayloadTooLarge", _) | (_, 413) => {
                Error::unsupported(says("this is larger than the server takes"))
            }
            (_, 400) if message.starts_with("Could not find repo") => {
                Error::not_found(says("there is no such repository"))
            }
            (_, 400) if message.starts_with("Blob not found") => {
                Error::not_found(says("there is no such blob"))
            }
            (_, 400) if message.starts_with("Unable to resolve handle") => {
                Error::not_found(says("there is no such account"))
            }
            (_, 400) => Error::invalid(says("the server refuses the request")),
            (_, 401 | 403) => Error::permission_denied(says("the server refuses access")),
            (_, 404) => Error::not_found(says("the server does not have this")),
            (_, 408 | 425 | 429) => Error::unavailable(says("the server wants to be asked more slowly")),
            (_, 501) => Error::unsupported(says("the server does not understand what is asked")),
            (_, 500..=599) => Error::unavailable(says("the server has failed")),
            _ => Error::new(ErrorKind::Unexpected, says("the answer is neither a result nor a failure")),
        };
        match name.is_empty() {
            true => error,
            false => error.with("error", name),
        }
    }
}

/// A stranger's text, in one line of bounded length.
pub(crate) fn printable(text: &str, limit: usize) -> String {
    text.chars().take(limit).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_kinds_that_callers_act_on() {
        for (status, body, kind, retryable) in [
            (400, r#"{"error":"InvalidSwap","message":"m"}"#, ErrorKind::Conflict, true),
            (400, r#"{"error":"RecordNotFound","message":"m"}"#, ErrorKind::NotFound, false),
            (
                400,
                r#"{"error":"InvalidRequest","message":"Could not find repo: did:plc:x"}"#,
                ErrorKind::NotFound,
                false,
            ),
            (400, r#"{"error":"InvalidRequest","message":"Blob not found"}"#, ErrorKind::NotFound, false),
            (400, r#"{"error":"InvalidRequest","message":"float"}"#, ErrorKind::Invalid, false),
            (401, r#"{"error":"AuthMissing"}"#, ErrorKind::PermissionDenied, false),
            (413, "", ErrorKind::Unsupported, false),
            (429, r#"{"error":"RateLimitExceeded"}"#, ErrorKind::Unavailable, true),
            (500, "<html>", ErrorKind::Unavailable, true),
            (302, "", ErrorKind::Unexpected, false),
        ] {
            let error = XrpcFault::read(body.as_bytes()).into_error(status);
            assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{error}");
        }
    }

    #[test]
    fn what_a_server_says_stays_on_one_line() {
        let fault = XrpcFault::read(br#"{"error":"A\u001b[31m\n","message":"b\n\u0000c"}"#);
        let shown = fault.into_error(400).to_string();
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }
}
