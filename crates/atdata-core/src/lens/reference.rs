//! How lenses are referred to.

use std::fmt;
use std::str::FromStr;

use crate::schema::SchemaVersion;
use crate::url::AtUri;
use crate::{Error, Result};

/// A parsed reference to a lens.
///
/// These are understood, a missing version meaning the latest:
///
/// - `atdata://local/lens/grey@1.0.0`, with a handle or DID in place of `local` for another's lens
/// - `@alice.test/grey@1.0.0`
/// - `at://did:plc:…/science.alt.dataset.lens/3k…`, a record
/// - `grey@1.0.0` and `grey`, in the index that is asked
///
/// ```
/// use atdata_core::lens::LensRef;
///
/// let reference: LensRef = "grey@1.0.0".parse()?;
/// assert_eq!(reference, "atdata://local/lens/grey@1.0.0".parse()?);
/// assert_eq!(reference.to_string(), "atdata://local/lens/grey@1.0.0");
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LensRef {
    /// A lens by its name.
    Named {
        /// Whose lens: [`LensRef::LOCAL`], a handle or a DID.
        authority: String,
        /// The name.
        name: String,
        /// The version; `None` is the latest.
        version: Option<SchemaVersion>,
    },
    /// A lens record by its address.
    Record(AtUri),
}

impl LensRef {
    /// The authority that means "in this index".
    pub const LOCAL: &'static str = "local";

    /// The reference of a lens in the local index.
    pub fn local(name: impl Into<String>, version: impl Into<SchemaVersion>) -> Self {
        LensRef::Named { authority: Self::LOCAL.to_owned(), name: name.into(), version: Some(version.into()) }
    }

    /// Name and version of a lens in the local index; none for all other references.
    pub fn in_local_index(&self) -> Option<(&str, Option<&SchemaVersion>)> {
        match self {
            LensRef::Named { authority, name, version } if authority == Self::LOCAL => {
                Some((name, version.as_ref()))
            }
            _ => None,
        }
    }

    fn named(authority: &str, path: &str, text: &str) -> Result<Self> {
        let (name, version) = match path.rsplit_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (path, None),
        };
        if authority.is_empty() || name.is_empty() || name.contains(char::is_control) || version == Some("") {
            return Err(invalid(text));
        }
        Ok(LensRef::Named {
            authority: authority.to_owned(),
            name: name.to_owned(),
            version: version.map(SchemaVersion::from),
        })
    }
}

fn invalid(text: &str) -> Error {
    Error::invalid("Invalid lens reference").with("lens", text.escape_debug())
}

impl FromStr for LensRef {
    type Err = Error;

    /// # Errors
    /// `Invalid` for a text in none of the forms.
    fn from_str(text: &str) -> Result<Self> {
        if text.starts_with(AtUri::PREFIX) {
            return text.parse().map(LensRef::Record);
        }
        if let Some(rest) = text.strip_prefix("atdata://") {
            let mut parts = rest.splitn(3, '/');
            return match (parts.next(), parts.next(), parts.next()) {
                (Some(authority), Some("lens"), Some(path)) => Self::named(authority, path, text),
                _ => Err(invalid(text)),
            };
        }
        if let Some(rest) = text.strip_prefix('@') {
            let (authority, path) = rest.split_once('/').ok_or_else(|| invalid(text))?;
            return Self::named(authority, path, text);
        }
        Self::named(Self::LOCAL, text, text)
    }
}

/// The form that Python reads too, or a record's address.
impl fmt::Display for LensRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LensRef::Named { authority, name, version } => {
                write!(f, "atdata://{authority}/lens/{name}")?;
                version.as_ref().map_or(Ok(()), |version| write!(f, "@{version}"))
            }
            LensRef::Record(uri) => uri.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_reference_is_invalid() {
        for text in [
            "",
            "@",
            "@a",
            "grey@",
            "atdata://local/grey",
            "atdata://local/schema/a@1.0.0",
            "at://x",
            "a\nb",
            "@/a",
        ] {
            assert_eq!(text.parse::<LensRef>().unwrap_err().kind(), crate::ErrorKind::Invalid, "{text}");
        }
    }

    #[test]
    fn names_of_python_are_read_whatever_is_in_them() {
        let reference: LensRef = "atdata://local/lens/a/b c@d@1.0.0".parse().unwrap();
        assert_eq!(reference.in_local_index(), Some(("a/b c@d", Some(&SchemaVersion::from("1.0.0")))));
        let other: LensRef = "@alice.test/grey".parse().unwrap();
        assert_eq!(
            (other.to_string().as_str(), other.in_local_index()),
            ("atdata://alice.test/lens/grey", None)
        );
    }
}
