//! Label records.

use atdata_core::schema::Profile;
use atdata_core::{Error, Result, ResultExt};
use serde_json::Value as Json;
use time::OffsetDateTime;

use super::member::{Members, Writing};
use super::{Collection, RecordKind, limits};

/// A name, with a version or without, for a dataset.
///
/// ```
/// use atdata_atmosphere::records::LabelRecord;
/// use atdata_core::schema::{Profile, parse_time};
///
/// let mut label = LabelRecord::new("digits", "at://did:plc:a/science.alt.dataset.entry/3k");
/// label.version = Some("1.0.0".into());
/// label.created_at = parse_time("2026-11-22T07:06:38Z");
/// assert_eq!(LabelRecord::from_json(&label.to_json(Profile::Latest)?)?, label);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRecord {
    /// The name.
    pub name: String,
    /// The address of the dataset's record. Strangers may write any text.
    pub dataset_uri: String,
    /// The version; none is a version of its own.
    pub version: Option<String>,
    /// What the label is for, in words.
    pub description: Option<String>,
    /// When the label was given: the latest one of a name counts.
    pub created_at: Option<OffsetDateTime>,
}

impl LabelRecord {
    /// A label without a version. Set its time before it is written.
    pub fn new(name: impl Into<String>, dataset_uri: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            dataset_uri: dataset_uri.into(),
            version: None,
            description: None,
            created_at: None,
        }
    }

    /// Reads a label record of any generation. An empty version is none.
    ///
    /// # Errors
    /// `Corrupt` for a record of another kind and for members that are missing or of the wrong type.
    pub fn from_json(json: &Json) -> Result<Self> {
        let members = Members::of_record(json, RecordKind::Label)?;
        Ok(Self {
            name: members.required("name")?,
            dataset_uri: members.required("datasetUri")?,
            version: members.owned("version")?.filter(|version| !version.is_empty()),
            description: members.owned("description")?,
            created_at: members.created_at(),
        })
    }

    /// Writes the record in the form of a profile.
    ///
    /// # Errors
    /// `Invalid`, naming the member: a time that is missing, an address that is none, a text beyond the limit of the
    /// lexicon.
    pub fn to_json(&self, profile: Profile) -> Result<Json> {
        let write = || {
            let mut record = Writing::typed(Collection::written(RecordKind::Label, profile));
            record.text("name", &self.name, limits::NAME)?;
            record.at_uri("datasetUri", &self.dataset_uri)?;
            record.created_at(self.created_at)?;
            let version = self.version.as_deref().filter(|version| !version.is_empty());
            record.optional("version", version, limits::LABEL_VERSION)?;
            record.optional("description", self.description.as_deref(), limits::DESCRIPTION)?;
            Ok::<_, Error>(record.finish())
        };
        write().context("label", &self.name)
    }
}
