//! Versions of schemas.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// A version of exactly three integers, ordered numerically.
///
/// ```
/// use atdata_core::schema::Version;
///
/// let version: Version = "1.9.0".parse()?;
/// assert!(version < Version::new(1, 10, 0));
/// assert_eq!(version.next_patch().to_string(), "1.9.1");
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    /// Counts changes that old readers cannot follow.
    pub major: u64,
    /// Counts additions.
    pub minor: u64,
    /// Counts everything else; publishing again without a version raises it.
    pub patch: u64,
}

impl Version {
    /// `1.0.0`, the version of a schema that says nothing else.
    pub const FIRST: Version = Version::new(1, 0, 0);

    /// Puts a version together.
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self { major, minor, patch }
    }

    /// The version that follows when nothing but "newer" is known: one patch up.
    #[must_use]
    pub const fn next_patch(self) -> Self {
        Self { patch: self.patch.saturating_add(1), ..self }
    }
}

impl FromStr for Version {
    type Err = Error;

    /// # Errors
    /// `Invalid` unless the text is three decimal integers joined by dots, without signs and leading zeros.
    fn from_str(text: &str) -> Result<Self> {
        let number = |part: &str| {
            let canonical = part == "0" || !part.starts_with('0');
            if canonical && part.bytes().all(|b| b.is_ascii_digit()) { part.parse().ok() } else { None }
        };
        let mut parts = text.split('.').map(number);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(major)), Some(Some(minor)), Some(Some(patch)), None) => {
                Ok(Self { major, minor, patch })
            }
            _ => {
                Err(Error::invalid("a schema version is three integers, such as 1.0.0").with("version", text))
            }
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The version of a stored schema: three integers, or any other text that somebody stored.
///
/// A text of another form can be read and referred to but is never the latest version: it orders before all
/// releases.
///
/// ```
/// use atdata_core::schema::SchemaVersion;
///
/// let versions = ["1.2.0", "draft", "1.10.0"].map(SchemaVersion::from);
/// assert_eq!(SchemaVersion::latest(&versions).unwrap().to_string(), "1.10.0");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SchemaVersion {
    /// A text that is not three integers, kept as it is.
    Other(String),
    /// Three integers.
    Release(Version),
}

impl SchemaVersion {
    /// The version, if it is three integers.
    pub fn release(&self) -> Option<Version> {
        if let SchemaVersion::Release(version) = self { Some(*version) } else { None }
    }

    /// The highest release among several versions.
    pub fn latest<'a>(versions: impl IntoIterator<Item = &'a SchemaVersion>) -> Option<Version> {
        versions.into_iter().filter_map(SchemaVersion::release).max()
    }
}

impl Default for SchemaVersion {
    fn default() -> Self {
        Version::FIRST.into()
    }
}

impl From<Version> for SchemaVersion {
    fn from(version: Version) -> Self {
        SchemaVersion::Release(version)
    }
}

impl From<&str> for SchemaVersion {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| SchemaVersion::Other(text.to_owned()), SchemaVersion::Release)
    }
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SchemaVersion::Other(text) => f.write_str(text),
            SchemaVersion::Release(version) => version.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_plain_integers_are_a_release() {
        for text in [
            "1.0",
            "1.0.0.0",
            "01.0.0",
            "1.0.-1",
            "1.0.0-rc1",
            "+1.0.0",
            "1..0",
            "",
            "1.0.99999999999999999999",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text}");
            assert_eq!(SchemaVersion::from(text), SchemaVersion::Other(text.to_owned()));
        }
        assert_eq!("0.0.0".parse::<Version>().unwrap(), Version::new(0, 0, 0));
    }
}
