//! The one error type of the workspace.
//!
//! An [`Error`] says *what kind* of failure happened ([`ErrorKind`]), in words, and *on what*: context pairs name
//! the shard, the byte offset, the sample key, the field, the URL. It is one pointer wide, so that a `Result` on a
//! hot path stays small.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::Fault;

/// A `Result` whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure an [`Error`] is: the part that a program decides on.
///
/// ```
/// use atdata_core::{Error, ErrorKind};
///
/// let error = Error::not_found("no dataset of this name").with("name", "digits");
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The dataset, schema, shard, sample or file does not exist.
    NotFound,
    /// Something of this name exists already and replacing it was not asked for.
    AlreadyExists,
    /// Somebody else changed the same thing; reading it again and repeating may succeed.
    Conflict,
    /// The caller's input is wrong: a malformed reference, an unbalanced brace, a value of the wrong type.
    Invalid,
    /// Stored bytes are damaged or not what they claim to be: a bad checksum, a cut shard, invalid msgpack.
    Corrupt,
    /// The input is well-formed but asks for something that is not supported or not allowed.
    Unsupported,
    /// Credentials are missing or do not suffice.
    PermissionDenied,
    /// A server or device does not answer at the moment.
    Unavailable,
    /// Anything else, an operating system error for instance.
    Unexpected,
}

impl ErrorKind {
    /// The kind in words, as it opens the error's text.
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorKind::NotFound => "not found",
            ErrorKind::AlreadyExists => "already exists",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Invalid => "invalid",
            ErrorKind::Corrupt => "corrupt",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::PermissionDenied => "permission denied",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::Unexpected => "unexpected",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure: kind, message, context and cause.
///
/// `Display` is one line: kind, message, context pairs and the chain of causes. `Debug` spreads the same over
/// several lines.
///
/// ```
/// use atdata_core::Error;
///
/// let error = Error::corrupt("the header's checksum is wrong").with("shard", "a.tar").with("offset", 1536);
/// assert_eq!(error.to_string(), "corrupt: the header's checksum is wrong (shard: a.tar, offset: 1536)");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    context: Vec<(&'static str, String)>,
    retryable: bool,
    retry_after: Option<Duration>,
    fault: Option<Fault>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(message: impl Into<Cow<'static, str>>) -> Self {
            Self::new(ErrorKind::$kind, message)
        }
    )*};
}

impl Error {
    /// Makes an error of a kind with a message in words. It is not retryable unless its kind is
    /// [`ErrorKind::Unavailable`] or [`ErrorKind::Conflict`].
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let retryable = matches!(kind, ErrorKind::Unavailable | ErrorKind::Conflict);
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            context: Vec::new(),
            retryable,
            retry_after: None,
            fault: None,
            source: None,
        }))
    }

    constructors! {
        /// An [`ErrorKind::NotFound`].
        not_found => NotFound;
        /// An [`ErrorKind::AlreadyExists`].
        already_exists => AlreadyExists;
        /// An [`ErrorKind::Conflict`].
        conflict => Conflict;
        /// An [`ErrorKind::Invalid`].
        invalid => Invalid;
        /// An [`ErrorKind::Corrupt`].
        corrupt => Corrupt;
        /// An [`ErrorKind::Unsupported`].
        unsupported => Unsupported;
        /// An [`ErrorKind::PermissionDenied`].
        permission_denied => PermissionDenied;
        /// An [`ErrorKind::Unavailable`].
        unavailable => Unavailable;
        /// An [`ErrorKind::Unexpected`].
        unexpected => Unexpected;
    }

    /// Adds a context pair: what the failure happened on. A key that is present already keeps its first value,
    /// because the innermost code knows best. Addresses lose their secrets, see [`redact`](crate::url::redact).
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        if self.context_value(key).is_none() {
            let value = value.to_string();
            // A path may have the characters of a query.
            let value = if value.contains("://") { crate::url::redact(&value) } else { value };
            self.0.context.push((key, value));
        }
        self
    }

    /// Sets the underlying cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Says whether repeating the same call may succeed.
    #[must_use]
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// Says how long the server asked to wait before the call is repeated.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The message, without kind and context.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The context pairs, the innermost first.
    pub fn context(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.context.iter().map(|(key, value)| (*key, value.as_str()))
    }

    /// The value of one context key, `"shard"` for instance.
    pub fn context_value(&self, key: &str) -> Option<&str> {
        self.context().find(|(found, _)| *found == key).map(|(_, value)| value)
    }

    /// Whether repeating the same call may succeed without anything else being changed.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// How long the server asked to wait before the call is repeated, if it did.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The class of damage, if the error is one of a stream of samples.
    pub fn fault(&self) -> Option<Fault> {
        self.0.fault
    }

    /// Sets the class of damage, unless it is known already.
    #[must_use]
    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.0.fault.get_or_insert(fault);
        self
    }

    /// Whether this is an [`ErrorKind::NotFound`].
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// Wraps an operating system error; its kind follows [`std::io::ErrorKind`]. An [`Error`] that travelled inside
    /// the `io::Error` (through a reader adapter, say) comes out unchanged.
    pub fn from_io(error: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        if error.get_ref().is_some_and(|inner| inner.is::<Error>()) {
            return match error.into_inner().map(|inner| inner.downcast::<Error>()) {
                Some(Ok(own)) => *own,
                Some(Err(other)) => Error::unexpected("input or output failed").with_source(other),
                None => Error::unexpected("input or output failed"),
            };
        }
        let kind = match error.kind() {
            Io::NotFound => ErrorKind::NotFound,
            Io::AlreadyExists => ErrorKind::AlreadyExists,
            Io::PermissionDenied => ErrorKind::PermissionDenied,
            Io::InvalidData | Io::UnexpectedEof => ErrorKind::Corrupt,
            Io::InvalidInput => ErrorKind::Invalid,
            Io::ConnectionRefused
            | Io::ConnectionReset
            | Io::ConnectionAborted
            | Io::TimedOut
            | Io::WouldBlock
            | Io::Interrupted => ErrorKind::Unavailable,
            _ => ErrorKind::Unexpected,
        };
        Self::new(kind, "input or output failed").with_source(error)
    }

    /// Packs the error into an [`std::io::Error`], for use inside a reader; [`Error::from_io`] takes it out again.
    pub fn into_io(self) -> std::io::Error {
        std::io::Error::other(self)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::from_io(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind, self.0.message)?;
        for (i, (key, value)) in self.0.context.iter().enumerate() {
            write!(f, "{}{key}: {value}", if i == 0 { " (" } else { ", " })?;
        }
        if !self.0.context.is_empty() {
            f.write_str(")")?;
        }
        let mut cause = self.0.source.as_deref().map(|source| source as &dyn StdError);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            // An `Error` prints its own chain.
            cause = if error.is::<Error>() { None } else { error.source() };
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.0.kind, self.0.message)?;
        for (key, value) in &self.0.context {
            writeln!(f, "  {key}: {value}")?;
        }
        writeln!(f, "  retryable: {}", self.0.retryable)?;
        if let Some(source) = &self.0.source {
            writeln!(f, "  caused by: {source:?}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// Adds context to the error of a `Result`.
///
/// ```
/// use atdata_core::{Error, Result, ResultExt};
///
/// fn read() -> Result<()> {
///     Err(Error::not_found("no such file"))
/// }
/// let error = read().context("shard", "a.tar").unwrap_err();
/// assert_eq!(error.context_value("shard"), Some("a.tar"));
/// ```
pub trait ResultExt<T> {
    /// Converts the error to [`Error`] and adds a context pair to it.
    ///
    /// # Errors
    /// The same error, with the pair.
    fn context(self, key: &'static str, value: impl fmt::Display) -> Result<T>;
}

impl<T, E: Into<Error>> ResultExt<T> for std::result::Result<T, E> {
    fn context(self, key: &'static str, value: impl fmt::Display) -> Result<T> {
        self.map_err(|error| error.into().with(key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn the_innermost_context_wins() {
        let error = Error::corrupt("x").with("shard", "inner").with("shard", "outer");
        assert_eq!(error.context_value("shard"), Some("inner"));
    }

    #[test]
    fn addresses_lose_their_secrets() {
        let error =
            Error::corrupt("x").with("shard", "https://u:p@h/a.tar?sig=1&n=2").with("path", "/a?sig=1");
        let context: Vec<_> = error.context().collect();
        assert_eq!(context, [("shard", "https://h/a.tar?sig=***&n=2"), ("path", "/a?sig=1")]);
    }

    #[test]
    fn an_error_survives_the_way_through_io() {
        let error = Error::from_io(Error::corrupt("cut").with("offset", 5).into_io());
        assert_eq!((error.kind(), error.context_value("offset")), (ErrorKind::Corrupt, Some("5")));
    }

    #[test]
    fn display_shows_the_chain_of_causes_once() {
        let inner = Error::unavailable("the server is busy").with("url", "http://x");
        let error = Error::unexpected("cannot list").with_source(inner);
        assert_eq!(
            error.to_string(),
            "unexpected: cannot list: unavailable: the server is busy (url: http://x)"
        );
    }
}
