//! What an address is: a local path, a URL for some backend, standard input, or a command, which is refused.

use std::fmt;
use std::path::{Path, PathBuf};

use super::redact;
use crate::{Error, Result};

/// Schemes that are recognised without `//` after the colon.
const OPAQUE: [&str; 2] = ["file", "pipe"];

/// The address of one shard, after brace expansion.
///
/// `Display` and `Debug` show URLs without secrets; [`ShardUrl::as_url`] gives the whole text.
///
/// ```
/// use atdata_core::url::ShardUrl;
///
/// assert_eq!(ShardUrl::parse("file:///data/a%20b.tar")?, ShardUrl::Path("/data/a b.tar".into()));
/// assert_eq!(ShardUrl::parse("s3://bucket/a.tar")?.scheme(), "s3");
/// assert!(ShardUrl::parse("pipe:curl https://h.test/a.tar").is_err());
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum ShardUrl {
    /// `-`: standard input.
    Stdin,
    /// A local file: a bare path or a `file:` URL.
    Path(PathBuf),
    /// Anything with another scheme.
    Url {
        /// The scheme in lower case, `https` for instance.
        scheme: String,
        /// The whole address as it was given, secrets included.
        url: String,
    },
}

impl ShardUrl {
    /// Classifies an address. Neither braces nor glob characters are interpreted, and a space is a character like
    /// any other.
    ///
    /// # Errors
    /// `Unsupported` for a command (`pipe:`), `Invalid` for an empty address and for a `file:` URL that names another
    /// machine or holds a NUL byte.
    pub fn parse(address: &str) -> Result<Self> {
        if address.is_empty() {
            return Err(Error::invalid("an address is empty"));
        }
        if address == "-" {
            return Ok(ShardUrl::Stdin);
        }
        // URL parsers, Python's among them, do not see blanks at the front.
        let Some(scheme) = scheme(address.trim_start()) else {
            return Ok(ShardUrl::Path(PathBuf::from(address)));
        };
        match scheme.as_str() {
            "pipe" => Err(Error::unsupported(
                "a pipe: address is a shell command, and addresses are never executed; run the command yourself and read from standard input (-)",
            )
            .with("url", redact(address))),
            "file" => path_of_file_url(address.trim_start()).map(ShardUrl::Path),
            _ => Ok(ShardUrl::Url { scheme, url: address.to_owned() }),
        }
    }

    /// The scheme that a backend is looked up by: `file` for paths, `-` for standard input.
    pub fn scheme(&self) -> &str {
        match self {
            ShardUrl::Stdin => "-",
            ShardUrl::Path(_) => "file",
            ShardUrl::Url { scheme, .. } => scheme,
        }
    }

    /// Whether the address means this machine: a file, or standard input.
    pub fn is_local(&self) -> bool {
        !matches!(self, ShardUrl::Url { .. })
    }

    /// The path, if the address is a local file.
    pub fn as_path(&self) -> Option<&Path> {
        if let ShardUrl::Path(path) = self { Some(path) } else { None }
    }

    /// The whole URL, secrets included, if it is neither a path nor standard input.
    pub fn as_url(&self) -> Option<&str> {
        if let ShardUrl::Url { url, .. } = self { Some(url) } else { None }
    }
}

impl fmt::Display for ShardUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ShardUrl::Stdin => f.write_str("-"),
            ShardUrl::Path(path) => path.display().fmt(f),
            ShardUrl::Url { url, .. } => f.write_str(&redact(url)),
        }
    }
}

impl fmt::Debug for ShardUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShardUrl({self})")
    }
}

/// The scheme of an address in lower case, or `None` if the address is a path.
fn scheme(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once(':')?;
    let mut bytes = scheme.bytes();
    let legal = bytes.next()?.is_ascii_alphabetic()
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b));
    let scheme = scheme.to_ascii_lowercase();
    // A file may be called `epoch:3.tar`.
    (legal && (rest.starts_with("//") || OPAQUE.contains(&scheme.as_str()))).then_some(scheme)
}

/// What follows `file:` and, if there is one, an authority that means this machine.
pub(super) fn file_url_path(url: &str) -> Result<Option<&str>> {
    let Some(rest) =
        url.split_once(':').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("file")).map(|(_, r)| r)
    else {
        return Ok(None);
    };
    let Some(rest) = rest.strip_prefix("//") else { return Ok(Some(rest)) };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if !host.is_empty() && !host.eq_ignore_ascii_case("localhost") {
        let message =
            format!("a file: URL names the machine {host:?}; only files of this machine can be read so");
        return Err(Error::invalid(message).with("url", redact(url)));
    }
    Ok(Some(path))
}

/// The path of a `file:` URL: `file:///a`, `file:/a`, `file://localhost/a` or, relative to the working directory, `file:a`.
/// `%xx` is decoded; `?` and `#` belong to the path.
///
/// # Errors
/// `Invalid` if it is not a `file:` URL, names another machine, or decodes to a NUL byte or to nothing.
///
/// ```
/// use atdata_core::url::address::path_of_file_url;
///
/// assert_eq!(path_of_file_url("file:///data/%C3%A9.tar")?.to_str(), Some("/data/é.tar"));
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub fn path_of_file_url(url: &str) -> Result<PathBuf> {
    let wrong = |what: &'static str| Error::invalid(what).with("url", redact(url));
    let path = file_url_path(url)?.ok_or_else(|| wrong("not a file: URL"))?;
    let bytes: Vec<u8> = percent_decoded(path).map(|(byte, _)| byte).collect();
    if bytes.is_empty() || bytes.contains(&0) {
        return Err(wrong("a file: URL has no usable path"));
    }
    path_from_bytes(bytes).ok_or_else(|| wrong("a file: URL is not UTF-8 when decoded"))
}

/// The `file:` URL of a path, absolute and percent-encoded (braces and glob characters too, so that it stands for this
/// one file only).
///
/// # Errors
/// `Invalid` if the path is empty or holds a NUL byte, or if the working directory, to which it may be relative, cannot be found.
///
/// ```
/// use std::path::Path;
/// use atdata_core::url::address::file_url_of_path;
///
/// assert_eq!(file_url_of_path(Path::new("/data/a{1}.tar"))?, "file:///data/a%7B1%7D.tar");
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub fn file_url_of_path(path: &Path) -> Result<String> {
    let absolute = std::path::absolute(path).map_err(|error| {
        Error::invalid("the path cannot be made absolute").with_source(error).with("path", path.display())
    })?;
    let bytes = absolute.as_os_str().as_encoded_bytes();
    if bytes.contains(&0) {
        return Err(Error::invalid("a path holds no NUL byte").with("path", path.display()));
    }
    let mut url = String::from("file://");
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(byte) {
            url.push(char::from(*byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(url)
}

#[cfg(unix)]
fn path_from_bytes(bytes: Vec<u8>) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt as _;
    Some(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

#[cfg(not(unix))]
fn path_from_bytes(bytes: Vec<u8>) -> Option<PathBuf> {
    String::from_utf8(bytes).ok().map(PathBuf::from)
}

/// The bytes of a text with each `%xx` decoded, and whether it was so encoded. A `%` before anything else stays.
pub(super) fn percent_decoded(text: &str) -> impl Iterator<Item = (u8, bool)> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let hex = |byte: &u8| char::from(*byte).to_digit(16);
        if let [b'%', high, low, tail @ ..] = rest
            && let (Some(high), Some(low)) = (hex(high), hex(low))
        {
            rest = tail;
            return u8::try_from(high * 16 + low).ok().map(|byte| (byte, true));
        }
        let (first, tail) = rest.split_first()?;
        rest = tail;
        Some((*first, false))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn addresses_are_told_apart() {
        let path = |text: &str| ShardUrl::Path(text.into());
        for (address, expected) in [
            ("-", ShardUrl::Stdin),
            ("a.tar", path("a.tar")),
            ("a.tar b.tar", path("a.tar b.tar")),
            ("epoch:3.tar", path("epoch:3.tar")),
            ("file:/a.tar", path("/a.tar")),
            ("FILE:a.tar", path("a.tar")),
            ("file://localhost/a?b#c", path("/a?b#c")),
            ("file:///100%.tar", path("/100%.tar")),
        ] {
            assert_eq!(ShardUrl::parse(address).unwrap(), expected);
        }
        assert_eq!(ShardUrl::parse("S3://b/k").unwrap().scheme(), "s3");
    }

    #[test]
    fn commands_are_refused_however_they_are_written() {
        for address in ["pipe:ls", "PIPE:ls", " pipe:ls", "\tpipe:ls", "pipe://ls"] {
            assert_eq!(ShardUrl::parse(address).unwrap_err().kind(), ErrorKind::Unsupported);
        }
    }

    #[test]
    fn other_machines_and_nul_bytes_are_invalid() {
        for address in ["", "file://host/a", "file:///a%00b", "file:", "file://"] {
            assert_eq!(ShardUrl::parse(address).unwrap_err().kind(), ErrorKind::Invalid, "{address}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let url = ShardUrl::parse("https://u:p@h.test/a.tar?sig=abc").unwrap();
        assert_eq!(
            format!("{url} {url:?}"),
            "https://h.test/a.tar?sig=*** ShardUrl(https://h.test/a.tar?sig=***)"
        );
        assert_eq!(url.as_url(), Some("https://u:p@h.test/a.tar?sig=abc"));
    }
}
