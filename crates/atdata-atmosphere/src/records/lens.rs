//! Lens records: code that is referred to. Nothing of it is ever executed.

use atdata_core::schema::Profile;
use atdata_core::{Error, Map, Result, ResultExt};
use serde_json::Value as Json;
use time::OffsetDateTime;

use super::member::{Members, Writing};
use super::{Collection, RecordKind, limits};

/// A lens: which schemas it is between, and where its code is.
///
/// ```
/// use atdata_atmosphere::records::LensRecord;
/// use atdata_core::schema::{Profile, parse_time};
///
/// let schema = |rkey: &str| format!("at://did:plc:a/ac.foundation.dataset.sampleSchema/{rkey}");
/// let mut lens = LensRecord::new("grey", schema("3ka"), schema("3kb"));
/// lens.created_at = parse_time("2026-11-22T07:06:38Z");
/// assert_eq!(LensRecord::from_json(&lens.to_json(Profile::Seed)?)?, lens);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LensRecord {
    /// The name.
    pub name: String,
    /// The address of the schema that is looked at.
    pub source_schema: String,
    /// The address of the schema that is seen.
    pub target_schema: String,
    /// The code that makes the view; old records may lack it.
    pub getter: Option<CodeReference>,
    /// The code that puts a changed view back; old records may lack it.
    pub putter: Option<CodeReference>,
    /// When the lens was published.
    pub created_at: Option<OffsetDateTime>,
    /// What it does, in words.
    pub description: Option<String>,
    /// The language of both codes, in older records.
    pub language: Option<String>,
    /// What else the publisher said.
    pub metadata: Option<Map>,
    /// The versions of the source schema that it works with.
    pub source_schema_version: Option<String>,
    /// The versions of the target schema that it works with.
    pub target_schema_version: Option<String>,
}

/// Where a piece of code is.
///
/// ```
/// use atdata_atmosphere::records::CodeReference;
///
/// let json = serde_json::json!({"repository": "https://host/r.git", "commit": "00", "path": "m.l:get"});
/// assert_eq!(CodeReference::from_json(&json)?.to_json()?, json);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeReference {
    /// The address of the code repository.
    pub repository: String,
    /// The commit.
    pub commit: String,
    /// The path in the repository, or a module and a name.
    pub path: String,
    /// The branch that the commit is on.
    pub branch: Option<String>,
    /// The programming language.
    pub language: Option<String>,
}

impl CodeReference {
    /// Reads a reference.
    ///
    /// # Errors
    /// `Corrupt` for members that are missing or of the wrong type.
    pub fn from_json(json: &Json) -> Result<Self> {
        let members = Members::of(json, "a code reference")?;
        Ok(Self {
            repository: members.required("repository")?,
            commit: members.required("commit")?,
            path: members.required("path")?,
            branch: members.owned("branch")?,
            language: members.owned("language")?,
        })
    }

    /// Writes the reference.
    ///
    /// # Errors
    /// `Invalid`, naming the member that is beyond a limit of the lexicon.
    pub fn to_json(&self) -> Result<Json> {
        let mut object = Writing::default();
        object.text("repository", &self.repository, limits::REPOSITORY)?;
        object.text("commit", &self.commit, limits::COMMIT)?;
        object.text("path", &self.path, limits::PATH)?;
        object.optional("branch", self.branch.as_deref(), limits::BRANCH)?;
        object.optional("language", self.language.as_deref(), limits::LANGUAGE)?;
        Ok(object.finish())
    }
}

impl LensRecord {
    /// A lens without code. Set its time before it is written.
    pub fn new(
        name: impl Into<String>,
        source_schema: impl Into<String>,
        target_schema: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            source_schema: source_schema.into(),
            target_schema: target_schema.into(),
            getter: None,
            putter: None,
            created_at: None,
            description: None,
            language: None,
            metadata: None,
            source_schema_version: None,
            target_schema_version: None,
        }
    }

    /// Reads a lens record of any generation.
    ///
    /// # Errors
    /// `Corrupt` for a record of another kind and for members that are missing or of the wrong type.
    pub fn from_json(json: &Json) -> Result<Self> {
        let members = Members::of_record(json, RecordKind::Lens)?;
        Ok(Self {
            name: members.required("name")?,
            source_schema: members.required("sourceSchema")?,
            target_schema: members.required("targetSchema")?,
            getter: members.read("getterCode", CodeReference::from_json)?,
            putter: members.read("putterCode", CodeReference::from_json)?,
            created_at: members.created_at(),
            description: members.owned("description")?,
            language: members.owned("language")?,
            metadata: members.map("metadata")?,
            source_schema_version: members.owned("sourceSchemaVersion")?,
            target_schema_version: members.owned("targetSchemaVersion")?,
        })
    }

    /// Writes the record in the form of a profile.
    ///
    /// # Errors
    /// `Invalid`, naming the member: a time that is missing, an address that is none, a text beyond the limit of the
    /// lexicon, metadata that records cannot have (floats), and in [`Profile::Latest`] code that is missing.
    pub fn to_json(&self, profile: Profile) -> Result<Json> {
        self.write(profile).context("lens", &self.name)
    }

    fn write(&self, profile: Profile) -> Result<Json> {
        let mut record = Writing::typed(Collection::written(RecordKind::Lens, profile));
        record.text("name", &self.name, limits::LENS_NAME)?;
        record.at_uri("sourceSchema", &self.source_schema)?;
        record.at_uri("targetSchema", &self.target_schema)?;
        for (key, code) in [("getterCode", &self.getter), ("putterCode", &self.putter)] {
            match code {
                Some(code) => record.insert(key, code.to_json().context("member", key)?),
                None if profile == Profile::Seed => {}
                None => return Err(Error::invalid("a lens record lacks its code").with("member", key)),
            }
        }
        record.created_at(self.created_at)?;
        record.optional("description", self.description.as_deref(), limits::LENS_DESCRIPTION)?;
        record.optional("language", self.language.as_deref(), limits::LANGUAGE)?;
        record.map("metadata", self.metadata.as_ref())?;
        let range = limits::VERSION_RANGE;
        record.optional("sourceSchemaVersion", self.source_schema_version.as_deref(), range)?;
        record.optional("targetSchemaVersion", self.target_schema_version.as_deref(), range)?;
        Ok(record.finish())
    }
}
