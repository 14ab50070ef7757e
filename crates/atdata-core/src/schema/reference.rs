//! How entries name a schema.

use std::fmt;
use std::str::FromStr;

use super::SchemaVersion;
use crate::url::AtUri;
use crate::{Error, Result};

/// Which generation's forms are written. Readers need no profile: they take all forms.
///
/// ```
/// use atdata_core::schema::Profile;
///
/// assert_eq!(Profile::default(), Profile::Seed);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// The forms of Python `atdata` 0.2: `atdata://local/sampleSchema/…`, `ac.foundation.dataset.*`.
    #[default]
    Seed,
    /// The forms of Python `atdata` 0.7: `atdata://local/schema/…`, `science.alt.dataset.*`.
    Latest,
}

impl Profile {
    /// The part of a reference that says "schema".
    const fn schema_kind(self) -> &'static str {
        match self {
            Profile::Seed => "sampleSchema",
            Profile::Latest => "schema",
        }
    }

    /// The collection that schema records are written to, an NSID.
    pub const fn schema_collection(self) -> &'static str {
        match self {
            Profile::Seed => "ac.foundation.dataset.sampleSchema",
            Profile::Latest => "science.alt.dataset.schema",
        }
    }
}

/// A parsed schema reference.
///
/// These are all understood, `sampleSchema` and `schema` being the same, and a missing version meaning the latest:
///
/// - `atdata://local/sampleSchema/Digit@1.0.0`, with a handle or DID in place of `local` for another's schema
/// - `local://schemas/module.Digit@1.0.0`, of which only the last name counts
/// - `@alice.test/Digit@1.0.0`
/// - `at://did:plc:…/ac.foundation.dataset.sampleSchema/3k…`, a record
/// - `Digit@1.0.0` and `Digit`, for the local index
///
/// References that mean the same schema are equal, whatever form they were parsed from, except that a record's address
/// does not tell its name. An entry's CID covers the reference *as text*: keep the text of existing entries.
///
/// ```
/// use atdata_core::schema::{Profile, SchemaRef};
///
/// let reference: SchemaRef = "local://schemas/pkg.mod.Digit@1.0.0".parse()?;
/// assert_eq!(reference, "Digit@1.0.0".parse()?);
/// assert_eq!(reference.to_text(Profile::Seed), "atdata://local/sampleSchema/Digit@1.0.0");
/// assert_eq!(reference.to_text(Profile::Latest), "atdata://local/schema/Digit@1.0.0");
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SchemaRef {
    /// A schema by its name.
    Named {
        /// Whose schema: [`SchemaRef::LOCAL`], a handle or a DID.
        authority: String,
        /// The name, without a module.
        name: String,
        /// The version; `None` is the latest.
        version: Option<SchemaVersion>,
    },
    /// A schema record by its address.
    Record(AtUri),
}

impl SchemaRef {
    /// The authority that means "in this index".
    pub const LOCAL: &'static str = "local";

    /// The reference of a schema in the local index.
    pub fn local(name: impl Into<String>, version: impl Into<SchemaVersion>) -> Self {
        SchemaRef::Named {
            authority: Self::LOCAL.to_owned(),
            name: name.into(),
            version: Some(version.into()),
        }
    }

    /// The name, unless it is a record's address.
    pub fn name(&self) -> Option<&str> {
        if let SchemaRef::Named { name, .. } = self { Some(name) } else { None }
    }

    /// The version, if one is stated.
    pub fn version(&self) -> Option<&SchemaVersion> {
        if let SchemaRef::Named { version, .. } = self { version.as_ref() } else { None }
    }

    /// Whether the schema is looked up in the local index.
    pub fn is_local(&self) -> bool {
        matches!(self, SchemaRef::Named { authority, .. } if authority == Self::LOCAL)
    }

    /// Name and version, for places where "the latest" will not do: new entries, for instance.
    ///
    /// # Errors
    /// `Invalid` if no version is stated, or if it is a record's address.
    pub fn name_and_version(&self) -> Result<(&str, &SchemaVersion)> {
        match self {
            SchemaRef::Named { name, version: Some(version), .. } => Ok((name, version)),
            SchemaRef::Named { version: None, .. } => {
                Err(Error::invalid(format!("Schema reference must include version (@version): {self}")))
            }
            SchemaRef::Record(uri) => {
                Err(Error::invalid(format!("a record's address does not name a schema: {uri}")))
            }
        }
    }

    /// The text in the canonical form of a profile. Records keep their address.
    pub fn to_text(&self, profile: Profile) -> String {
        match self {
            SchemaRef::Named { authority, name, version } => {
                let at_version = version.as_ref().map(|version| format!("@{version}")).unwrap_or_default();
                format!("atdata://{authority}/{}/{name}{at_version}", profile.schema_kind())
            }
            SchemaRef::Record(uri) => uri.to_string(),
        }
    }

    /// Whether two references, given as text, mean the same schema. Texts that cannot be parsed mean the same if they
    /// are equal.
    ///
    /// ```
    /// use atdata_core::schema::SchemaRef;
    ///
    /// assert!(SchemaRef::same_schema("atdata://local/sampleSchema/A@1.0.0", "atdata://local/schema/A@1.0.0"));
    /// assert!(!SchemaRef::same_schema("A@1.0.0", "A@1.0.1"));
    /// ```
    pub fn same_schema(a: &str, b: &str) -> bool {
        a == b || matches!((a.parse::<SchemaRef>(), b.parse::<SchemaRef>()), (Ok(a), Ok(b)) if a == b)
    }

    /// Parses `name@version` or `name`; the name may be qualified.
    fn named(authority: &str, path: &str, text: &str) -> Result<Self> {
        let (name, version) = match path.rsplit_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (path, None),
        };
        let name = name.rsplit_once('.').map_or(name, |(_, last)| last);
        let blank = |c: char| c.is_whitespace() || c.is_control();
        if authority.is_empty()
            || name.is_empty()
            || name.contains('/')
            || name.contains(blank)
            || version == Some("")
        {
            return Err(invalid(text));
        }
        Ok(SchemaRef::Named {
            authority: authority.to_owned(),
            name: name.to_owned(),
            version: version.map(SchemaVersion::from),
        })
    }
}

fn invalid(text: &str) -> Error {
    Error::invalid(format!("Invalid schema reference: {text}"))
}

impl FromStr for SchemaRef {
    type Err = Error;

    /// # Errors
    /// `Invalid` for a text in none of the forms.
    fn from_str(text: &str) -> Result<Self> {
        if text.starts_with(AtUri::PREFIX) {
            return text.parse().map(SchemaRef::Record);
        }
        if let Some(path) = text.strip_prefix("local://schemas/") {
            return Self::named(Self::LOCAL, path, text);
        }
        if let Some(rest) = text.strip_prefix("atdata://") {
            let mut parts = rest.splitn(3, '/');
            return match (parts.next(), parts.next(), parts.next()) {
                (Some(authority), Some("schema" | "sampleSchema"), Some(path)) => {
                    Self::named(authority, path, text)
                }
                _ => Err(invalid(text)),
            };
        }
        if let Some(rest) = text.strip_prefix('@') {
            let (authority, path) = rest.split_once('/').ok_or_else(|| {
                Error::invalid(format!(
                    "Invalid handle schema ref: {text}. Expected @handle/TypeName@version"
                ))
            })?;
            return Self::named(authority, path, text);
        }
        // The shorthand must look like a name, or every mistyped address would be one.
        let name = text.rsplit_once('@').map_or(text, |(name, _)| name);
        if name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.') {
            return Self::named(Self::LOCAL, text, text);
        }
        Err(invalid(text))
    }
}

/// The canonical text of the default profile; see [`SchemaRef::to_text`].
impl fmt::Display for SchemaRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(Profile::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_a_local_reference_are_one() {
        let expected = SchemaRef::local("A", "1.0.0");
        for text in [
            "atdata://local/sampleSchema/A@1.0.0",
            "atdata://local/schema/A@1.0.0",
            "local://schemas/A@1.0.0",
            "local://schemas/pkg.mod.A@1.0.0",
            "pkg.A@1.0.0",
            "A@1.0.0",
        ] {
            assert_eq!(text.parse::<SchemaRef>().unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_missing_version_means_the_latest_and_can_be_refused() {
        let latest: SchemaRef = "atdata://alice.test/schema/A".parse().unwrap();
        assert_eq!((latest.name(), latest.version(), latest.is_local()), (Some("A"), None, false));
        let error = latest.name_and_version().unwrap_err();
        assert!(error.message().starts_with("Schema reference must include version (@version): "));
        assert_eq!(latest, "@alice.test/A".parse().unwrap());
    }

    #[test]
    fn what_is_no_reference_is_invalid() {
        for text in [
            "",
            "@",
            "@alice.test",
            "@alice.test/",
            "@/A@1.0.0",
            "atdata://local/A",
            "atdata://local/lens/A@1.0.0",
            "atdata://local/schema/",
            "atdata://local/schema/@1.0.0",
            "local://schemas/",
            "local://schemas/A@",
            "A b",
            "/data/a.tar",
            "s3://b/a",
            "A@",
            "at://x",
            "atdata://local/schema/a/b@1.0.0",
            "pkg.@1.0.0",
        ] {
            let error = text.parse::<SchemaRef>().unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Invalid, "{text}");
        }
    }
}
