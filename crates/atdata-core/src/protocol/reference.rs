//! References to datasets.

use crate::{Error, Result};

/// A reference to a dataset, taken apart: whose it is and what it is called.
///
/// | Reference | Authority | Name |
/// |---|---|---|
/// | `digits` | – | `digits` |
/// | `team/digits` | – | `team/digits` (a slash is part of a name) |
/// | `local/digits` | `local` | `digits` |
/// | `@alice.example/digits` | `alice.example` | `digits` |
/// | `atdata://local/dataset/digits` | `local` | `digits` (the last segment) |
///
/// A version (`digits@1.0.0`) is not split off here: `@` may be part of a name, so an index looks for the whole name
/// first ([`DatasetRef::split_version`]).
///
/// ```
/// use atdata_core::DatasetRef;
///
/// let reference = DatasetRef::parse("atdata://local/dataset/digits@1.0.0")?;
/// assert!(reference.is_local());
/// assert_eq!(reference.name, "digits@1.0.0");
/// assert_eq!(reference.split_version(), Some(("digits", "1.0.0")));
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetRef {
    /// `local`, a handle, a DID, or none where the reference does not say.
    pub authority: Option<String>,
    /// The name, possibly with `@version` at its end.
    pub name: String,
}

impl DatasetRef {
    /// Takes a reference apart.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if a part is missing.
    pub fn parse(reference: &str) -> Result<Self> {
        let missing = || Error::invalid("the reference has no name").with("name", reference);
        let (authority, name) = if let Some(rest) = reference.strip_prefix("atdata://") {
            let (authority, path) = rest.split_once('/').ok_or_else(missing)?;
            (Some(authority), path.rsplit('/').next().unwrap_or_default())
        } else if let Some(rest) = reference.strip_prefix('@') {
            let (authority, name) = rest.split_once('/').ok_or_else(missing)?;
            (Some(authority), name)
        } else if let Some(name) = reference.strip_prefix("local/") {
            (Some("local"), name)
        } else {
            (None, reference)
        };
        if name.is_empty() || authority.is_some_and(str::is_empty) {
            return Err(missing());
        }
        Ok(Self { authority: authority.map(str::to_owned), name: name.to_owned() })
    }

    /// Whether an index on this machine or in this team is meant: no authority, or `local`.
    pub fn is_local(&self) -> bool {
        self.authority.as_deref().is_none_or(|authority| authority == "local")
    }

    /// The name and the version behind its last `@`, if both are there.
    pub fn split_version(&self) -> Option<(&str, &str)> {
        self.name.rsplit_once('@').filter(|(name, version)| !name.is_empty() && !version.is_empty())
    }
}
