//! What is asked of a Redis server: the only part of a client library that the rest of the index knows.

use std::fmt;
use std::sync::LazyLock;

use async_trait::async_trait;
use atdata_core::{Error, Result};
use bytes::Bytes;
use sha1::{Digest, Sha1};

/// A connection to a server, or to the servers of a cluster. Every call ends, well or not, within the time that the
/// connection was opened with.
#[async_trait]
pub(crate) trait Server: fmt::Debug + Send + Sync {
    /// Runs one command.
    async fn call(&self, command: Command) -> Result<Reply>;

    /// Runs commands that are sent together. Replies come in the same order, each for itself.
    async fn pipeline(&self, commands: Vec<Command>) -> Vec<Result<Reply>>;

    /// Runs a script, which the server keeps. Its keys are on one node, that of the first.
    async fn script(&self, script: &Script, keys: Vec<Bytes>, arguments: Vec<Bytes>) -> Result<Reply>;

    /// One page of all keys that match a pattern, on all nodes. An empty cursor begins, and ends.
    async fn scan(
        &self,
        cursor: &ScanCursor,
        pattern: &'static str,
    ) -> Result<(Vec<Bytes>, Option<ScanCursor>)>;

    /// Whether keys live on several nodes: no script and no transaction sees them all.
    fn is_cluster(&self) -> bool;

    /// The address, without secrets.
    fn address(&self) -> &str;
}

/// Where a scan goes on: on which of the nodes, and where there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScanCursor {
    pub(super) node: usize,
    pub(super) position: Bytes,
}

/// A command: its name and its arguments, of which the first is the key.
#[derive(Clone)]
pub(crate) struct Command {
    pub(super) name: &'static str,
    pub(super) arguments: Vec<Bytes>,
}

impl Command {
    pub(crate) fn new(name: &'static str, key: impl Into<Bytes>) -> Self {
        Self { name, arguments: vec![key.into()] }
    }

    #[must_use]
    pub(crate) fn arg(mut self, argument: impl Into<Bytes>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// The key, which says on which node of a cluster the command runs.
    pub(super) fn key(&self) -> Bytes {
        self.arguments.first().cloned().unwrap_or_default()
    }
}

/// Name and key: values may be secret.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.key().escape_ascii())
    }
}

/// A Lua script, known to the server by its SHA-1.
pub(crate) struct Script {
    pub(super) source: &'static str,
    sha1: LazyLock<Bytes, fn() -> Bytes>,
}

impl Script {
    /// The script; `hash` is `|| Script::hash(source)` of the same source.
    pub(crate) const fn new(source: &'static str, hash: fn() -> Bytes) -> Self {
        Self { source, sha1: LazyLock::new(hash) }
    }

    pub(crate) fn hash(source: &str) -> Bytes {
        let mut hex = String::with_capacity(40);
        for byte in Sha1::digest(source) {
            use fmt::Write as _;
            // Writing to a string does not fail.
            let _ = write!(hex, "{byte:02x}");
        }
        hex.into()
    }

    pub(super) fn sha1(&self) -> Bytes {
        self.sha1.clone()
    }
}

/// Defines a script in a file beside.
macro_rules! script {
    ($(#[$doc:meta])* $name:ident = $file:literal) => {
        $(#[$doc])*
        pub(in crate::redis) static $name: $crate::redis::server::Script = $crate::redis::server::Script::new(
            include_str!($file),
            || $crate::redis::server::Script::hash(include_str!($file)),
        );
    };
}
pub(crate) use script;

/// What a server answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reply {
    Nil,
    Int(i64),
    Bytes(Bytes),
    List(Vec<Reply>),
}

impl Reply {
    pub(crate) fn bytes(self) -> Result<Option<Bytes>> {
        match self {
            Reply::Nil => Ok(None),
            Reply::Bytes(bytes) => Ok(Some(bytes)),
            other => Err(other.unlike("text")),
        }
    }

    pub(crate) fn text(self) -> Result<Option<String>> {
        self.bytes()?.map(utf8).transpose()
    }

    /// A number, also one that is stored as text.
    pub(crate) fn int(self) -> Result<Option<i64>> {
        match self {
            Reply::Int(number) => Ok(Some(number)),
            Reply::Nil => Ok(None),
            Reply::Bytes(bytes) => {
                let number = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
                number.map(Some).ok_or_else(|| Reply::Bytes(bytes).unlike("a number"))
            }
            other => Err(other.unlike("a number")),
        }
    }

    pub(crate) fn list(self) -> Result<Vec<Reply>> {
        match self {
            Reply::List(items) => Ok(items),
            Reply::Nil => Ok(Vec::new()),
            other => Err(other.unlike("a list")),
        }
    }

    /// The items of a list of known length.
    pub(crate) fn array<const N: usize>(self) -> Result<[Reply; N]> {
        let items = self.list()?;
        let length = items.len();
        items
            .try_into()
            .map_err(|_| Error::unexpected(format!("the server answered {length} values in place of {N}")))
    }

    /// The fields of a hash.
    pub(crate) fn fields(self) -> Result<Vec<(Bytes, Bytes)>> {
        let mut items = self.list()?.into_iter();
        let mut fields = Vec::with_capacity(items.len() / 2);
        while let (Some(field), Some(value)) = (items.next(), items.next()) {
            fields.push((field.bytes()?.unwrap_or_default(), value.bytes()?.unwrap_or_default()));
        }
        Ok(fields)
    }

    fn unlike(&self, expected: &str) -> Error {
        let found = match self {
            Reply::Nil => "nothing",
            Reply::Int(_) => "a number",
            Reply::Bytes(_) => "text",
            Reply::List(_) => "a list",
        };
        Error::unexpected(format!("the server answered {found} in place of {expected}"))
    }
}

/// Text of a key, a field or a value.
pub(crate) fn utf8(bytes: Bytes) -> Result<String> {
    String::from_utf8(bytes.into()).map_err(|error| {
        let shown = error.as_bytes().escape_ascii().to_string();
        Error::corrupt("a text in the index is not UTF-8").with("text", shown)
    })
}
