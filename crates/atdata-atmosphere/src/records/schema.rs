//! Schema records. Their form is in `atdata-core`, which reads and writes it.

use atdata_core::schema::{Profile, SampleSchema};
use atdata_core::{Error, Result};
use serde_json::Value as Json;

use super::RecordKind;
use super::member::Members;

/// A schema.
///
/// ```
/// use atdata_atmosphere::records::SchemaRecord;
/// use atdata_core::schema::{Field, Primitive, Profile, SampleSchema, parse_time};
///
/// let mut schema = SampleSchema::new("Digit").field(Field::new("label", Primitive::Int));
/// schema.created_at = parse_time("2026-11-22T07:06:38Z");
/// let record = SchemaRecord { schema };
/// assert_eq!(SchemaRecord::from_json(&record.to_json(Profile::Latest)?)?, record);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaRecord {
    /// What the record says, its time of publication included.
    pub schema: SampleSchema,
}

impl SchemaRecord {
    /// Reads a schema record of any generation.
    ///
    /// # Errors
    /// `Corrupt` for a record of another kind or in none of the forms, `Unsupported` for formats, schema languages and
    /// field types that are not known.
    pub fn from_json(json: &Json) -> Result<Self> {
        Members::of_record(json, RecordKind::Schema)?;
        Ok(Self { schema: SampleSchema::from_record(json)? })
    }

    /// Writes the record in the form of a profile.
    ///
    /// # Errors
    /// `Invalid` as [`SampleSchema::to_record`], and for a name or version that is empty.
    pub fn to_json(&self, profile: Profile) -> Result<Json> {
        let empty = |member: &'static str| {
            Error::invalid("a member of a schema record is empty").with("member", member)
        };
        if self.schema.name.is_empty() {
            return Err(empty("name"));
        }
        if self.schema.version.to_string().is_empty() {
            return Err(empty("version").with("schema", &self.schema.name));
        }
        self.schema.to_record(profile)
    }
}
