//! Lenses as an index keeps them.

mod body;
mod local;
mod network;

use time::OffsetDateTime;

pub use self::body::{CheckedSteps, CodeLocation, FieldMapping, LensBody};
use super::data::DataLens;
use super::reference::LensRef;
use crate::protocol::validate_version;
use crate::schema::{SampleSchema, SchemaRef, SchemaVersion};
use crate::{Error, Result, ResultExt};

/// The longest name of a lens, in bytes: that of the network's lexicon.
const MAX_NAME: usize = 100;

/// A lens as an index keeps it: its name, the schemas that it is between, and what is known of what it does.
///
/// ```
/// use atdata_core::lens::{DataLens, LensRecord, LensTrust};
/// use atdata_core::schema::{Field, Primitive, SampleSchema};
///
/// let old = SampleSchema::new("Old").field(Field::new("n", Primitive::Int));
/// let new = SampleSchema::new("New").field(Field::new("count", Primitive::Int));
/// let lens = DataLens::new("count", "Old@1.0.0", "New@1.0.0").rename("n", "count");
/// let record = LensRecord::of(&lens, &old, &new)?;
/// assert_eq!(record.trust(), LensTrust::Steps);
/// assert_eq!(record.data()?, lens);
///
/// // Python says which fields have which names, and nothing of what its lens does to them.
/// let python = r#"{"name": "shout", "version": "1.0.0", "source_schema": "Old", "view_schema": "New",
///     "getter": {"kind": "field_mapping", "mappings": [{"source_field": "n", "view_field": "count", "transform": null}]},
///     "putter": {"kind": "opaque"}}"#;
/// let record = LensRecord::from_json(python)?;
/// assert_eq!(record.trust(), LensTrust::Unverified);
/// assert!(record.data().is_err());
/// assert_eq!(record.as_unverified()?.steps.len(), 2);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LensRecord {
    /// The name.
    pub name: String,
    /// The version.
    pub version: SchemaVersion,
    /// The schema that is looked at: a reference; of a lens of Python the name of the class.
    pub source_schema: String,
    /// The schema that is seen.
    pub view_schema: String,
    /// What is known of what it does.
    pub body: LensBody,
    /// What it is for, in words.
    pub description: Option<String>,
    /// When it was published.
    pub created_at: Option<OffsetDateTime>,
}

/// How far a stored lens can be relied on.
///
/// ```
/// use atdata_core::lens::{LensBody, LensTrust};
///
/// assert_eq!(LensBody::Opaque.trust(), LensTrust::Opaque);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LensTrust {
    /// The steps are the lens: it does what the record says, and nothing else.
    Steps,
    /// Only the names of fields are known. Python stores them for every lens whose view has fields of the source, without
    /// looking at what the lens does to them, so it may be another lens than the names suggest.
    Unverified,
    /// It is code somewhere, which is never executed here.
    Code,
    /// Nothing is known of it.
    Opaque,
}

impl LensTrust {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            LensTrust::Steps => "steps",
            LensTrust::Unverified => "unverified",
            LensTrust::Code => "code",
            LensTrust::Opaque => "opaque",
        }
    }
}

impl LensRecord {
    /// A record. For a [`DataLens`] there is [`LensRecord::of`].
    pub fn new(
        name: impl Into<String>,
        version: impl Into<SchemaVersion>,
        source_schema: impl Into<String>,
        view_schema: impl Into<String>,
        body: LensBody,
    ) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            source_schema: source_schema.into(),
            view_schema: view_schema.into(),
            body,
            description: None,
            created_at: None,
        }
    }

    /// The record of a data lens, which is held against both schemas.
    ///
    /// # Errors
    /// As [`DataLens::lens`]; `Invalid` if a reference says another name or version than the schema has.
    pub fn of(lens: &DataLens, source: &SampleSchema, view: &SampleSchema) -> Result<Self> {
        let plan = lens.plan(source, view)?;
        let mappings = plan
            .plain_mappings()
            .map(|pairs| pairs.into_iter().map(|(source, view)| FieldMapping::new(source, view)).collect());
        let body = CheckedSteps {
            steps: lens.steps.clone(),
            source_name: source.name.clone(),
            view_name: view.name.clone(),
            mappings,
        };
        let source_schema = pinned(&lens.source_schema, source).context("lens", &lens.name)?;
        let view_schema = pinned(&lens.view_schema, view).context("lens", &lens.name)?;
        let (name, version) = (lens.name.as_str(), lens.version.clone());
        let mut record = Self::new(name, version, source_schema, view_schema, LensBody::Steps(body));
        record.description.clone_from(&lens.description);
        // Microseconds are what records have.
        let now = OffsetDateTime::now_utc();
        record.created_at = Some(now.replace_microsecond(now.microsecond()).unwrap_or(now));
        Ok(record)
    }

    /// How far it can be relied on.
    pub fn trust(&self) -> LensTrust {
        self.body.trust()
    }

    /// The data lens, if the record says all that it does.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported), with the reason, for all but [`LensTrust::Steps`].
    pub fn data(&self) -> Result<DataLens> {
        let error = match &self.body {
            LensBody::Steps(steps) => return self.with_steps(steps.steps().to_vec()),
            LensBody::Mappings(_) => Error::unsupported(
                "only the names of this lens's fields are known, not what it does to them: use it as unverified if you \
                 know that it changes nothing",
            ),
            LensBody::Code { getter, .. } => {
                Error::unsupported("this lens is code, which is never executed here").with("code", getter)
            }
            LensBody::Opaque => Error::unsupported("nothing is known of what this lens does"),
        };
        Err(error.with("lens", &self.name).with("version", &self.version))
    }

    /// The data lens that the names of the fields suggest: they are renamed, and nothing else is done. Whether that is the lens
    /// that was stored nobody has checked; the caller knows. Where the record says all that it does this is
    /// [`LensRecord::data`].
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) for code, for opaque lenses, and for mappings with a transformation.
    pub fn as_unverified(&self) -> Result<DataLens> {
        match &self.body {
            LensBody::Mappings(mappings) => {
                let steps = body::steps_of(mappings).context("lens", &self.name)?;
                self.with_steps(steps)
            }
            _ => self.data(),
        }
    }

    fn with_steps(&self, steps: Vec<super::Step>) -> Result<DataLens> {
        let mut lens =
            DataLens::new(self.name.as_str(), self.source_schema.as_str(), self.view_schema.as_str());
        lens.version = self.version.clone();
        lens.description.clone_from(&self.description);
        lens.steps = steps;
        Ok(lens)
    }

    /// The reference in a local index.
    pub fn reference(&self) -> LensRef {
        LensRef::local(self.name.as_str(), self.version.clone())
    }

    /// Checks name and version, and bounds what is stored.
    ///
    /// # Errors
    /// `Invalid` for a name that is empty, has more than 100 bytes, control characters, `@`, `/`, or blanks at its ends; for a
    /// version that is not 1 to 64 letters, digits and `. - _ +`; for schemas without a name; for more mappings or steps than
    /// a lens may have.
    pub fn validate(&self) -> Result<()> {
        check_name(&self.name)?;
        validate_version(&self.version.to_string()).context("lens", &self.name)?;
        for schema in [&self.source_schema, &self.view_schema] {
            if schema.is_empty() || schema.len() > 1024 || schema.contains(char::is_control) {
                return Err(
                    Error::invalid("a lens says between which schemas it is").with("lens", &self.name)
                );
            }
        }
        self.body.validate().context("lens", &self.name)
    }

    /// Checks that publishing `new` under the version of this one changes nothing; descriptions and times do not count.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) if it is another lens. Repeating does not help, so it is not retryable.
    pub fn check_republication(&self, new: &LensRecord) -> Result<()> {
        let is_same = SchemaRef::same_schema(&self.source_schema, &new.source_schema)
            && SchemaRef::same_schema(&self.view_schema, &new.view_schema)
            && self.body == new.body;
        if is_same {
            return Ok(());
        }
        Err(Error::conflict(format!(
            "this version is published as another lens; raise the version\n- {self}\n+ {new}"
        ))
        .with("lens", &new.name)
        .with("version", &new.version)
        .with_retryable(false))
    }
}

/// Name, version, schemas and what it does.
impl std::fmt::Display for LensRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, version, source_schema, view_schema, body, .. } = self;
        write!(f, "{name} {version}: {source_schema} to {view_schema}, {body}")
    }
}

/// A reference that says a version, if there is any.
fn pinned(reference: &str, schema: &SampleSchema) -> Result<String> {
    let parsed: SchemaRef = reference.parse()?;
    let SchemaRef::Named { name, version, .. } = &parsed else { return Ok(reference.to_owned()) };
    // A reference has the last part of a qualified name only.
    let own = schema.name.rsplit('.').next().unwrap_or_default();
    if name != own || version.as_ref().is_some_and(|version| *version != schema.version) {
        let message = format!("the schema is {} {}, not that of the lens", schema.name, schema.version);
        return Err(Error::invalid(message).with("schema", reference));
    }
    Ok(match version {
        Some(_) => reference.to_owned(),
        None => format!("{reference}@{}", schema.version),
    })
}

/// Checks the name of a lens.
pub(super) fn check_name(name: &str) -> Result<()> {
    let odd = |c: char| c.is_control() || matches!(c, '@' | '/');
    if name.is_empty() || name.len() > MAX_NAME || name.contains(odd) || name.trim() != name {
        let shown: String = name.escape_debug().take(MAX_NAME).collect();
        return Err(Error::invalid(format!(
            "the name of a lens has 1 to {MAX_NAME} bytes, no control characters, no @, no /, and no blanks at its ends"
        ))
        .with("name", shown));
    }
    Ok(())
}
