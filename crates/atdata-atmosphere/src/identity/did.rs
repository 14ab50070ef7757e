//! DIDs of the methods that the network has.

use std::fmt;
use std::str::FromStr;

use atdata_core::{Error, Result};

/// The name of an account for ever: `did:plc:…` or `did:web:…`.
///
/// ```
/// use atdata_atmosphere::Did;
///
/// let did: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz".parse()?;
/// assert_eq!(did.to_string(), "did:plc:ewvi7nxzyoun6zhxrhs64oiz");
/// assert!("did:key:zQ3sh".parse::<Did>().is_err());
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Did {
    text: String,
    method: Method,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Method {
    Plc,
    Web { host: String, port: Option<u16> },
}

/// The longest that is taken, in bytes.
const MAX_LENGTH: usize = 2048;

impl Did {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }
}

impl FromStr for Did {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            let shown: String = text.chars().take(100).collect();
            Error::invalid(what.to_owned()).with("did", shown.escape_debug())
        };
        if text.len() > MAX_LENGTH {
            return Err(wrong("this is too long to be a DID"));
        }
        let method = if let Some(id) = text.strip_prefix("did:plc:") {
            // Old test directories have others than the 24 characters of base32; what matters is that it is one segment.
            if id.is_empty() || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
                return Err(wrong("a did:plc has letters and digits only"));
            }
            Method::Plc
        } else if let Some(id) = text.strip_prefix("did:web:") {
            web(id).ok_or_else(|| wrong("a did:web names one host, and of localhost a port"))?
        } else if text.starts_with("did:") {
            return Err(wrong("accounts have DIDs of the methods plc and web"));
        } else {
            return Err(wrong("this is no DID"));
        };
        Ok(Self { text: text.to_owned(), method })
    }
}

fn web(id: &str) -> Option<Method> {
    let (host, port) = match id.split_once("%3A").or_else(|| id.split_once("%3a")) {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (id, None),
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_host = host.len() <= 253 && host.split('.').all(is_label);
    let is_name =
        host == "localhost" || (host.contains('.') && !host.ends_with(|c: char| c.is_ascii_digit()));
    let has_right_port = port.is_none() || host == "localhost";
    (is_host && is_name && has_right_port).then(|| Method::Web { host: host.to_ascii_lowercase(), port })
}

impl fmt::Display for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl AsRef<str> for Did {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_an_account_is_a_did() {
        for good in ["did:plc:abc234", "did:web:example.com", "did:web:localhost", "did:web:localhost%3A2583"]
        {
            assert_eq!(good.parse::<Did>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "did:",
            "did:plc:",
            "did:plc:ABC",
            "did:plc:a/b",
            "did:plc:a?b",
            "did:key:z",
            "did:web:",
            "did:web:example.com%3A8080",
            "did:web:example.com:path",
            "did:web:a/b",
            "did:web:10.0.0.1",
            "did:web:a@b.c",
            "did:web:-a.b",
            "did:web:example",
            "alice.example",
        ] {
            assert!(bad.parse::<Did>().is_err(), "{bad}");
        }
    }
}
