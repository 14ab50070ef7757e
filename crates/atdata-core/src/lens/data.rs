//! Lenses as data.

use std::sync::Arc;

use serde_json::{Map as JsonMap, Value as Json};

use super::path::FieldPath;
use super::plan::Plan;
use super::record::check_name;
use super::step::{MAX_FIELDS, Step};
use super::structural::convert;
use super::typed::{Laws, Lens};
use crate::msgpack::{UnpackOptions, UnpackPolicy};
use crate::protocol::validate_version;
use crate::schema::exact_value::Numbers;
use crate::schema::{FieldType, SampleSchema, SchemaRef, SchemaVersion};
use crate::{DictSample, Error, Packable, Result, ResultExt, Sample, Value};

/// How many steps a lens may have.
pub const MAX_STEPS: usize = 1_000;
/// The longest JSON text of a lens that is read, in bytes.
pub const MAX_JSON: usize = 1 << 20;
/// The format of the JSON that is written, and the highest that is read.
const FORMAT: u64 = 1;

/// A lens that is data: steps from the fields of one schema to those of another, which can be stored, sent and checked.
///
/// Nothing is lost silently: a value that a step cannot express exactly is an error with the name of the field, in both
/// directions. Casts are these, each exact, and each its own reverse for the values that it takes:
///
/// | From | To | Takes |
/// |---|---|---|
/// | int | float | integers that a float holds exactly: all up to 2⁵³, some beyond |
/// | float | int | floats without a fraction in the range of integers; not minus zero, NaN, infinity |
/// | int | str | all, in decimal |
/// | str | int | decimal as it is written the other way round: no plus, no leading zeros, no blanks |
/// | bool | int | false is 0, true is 1 |
/// | int | bool | 0 and 1 only |
/// | `ndarray<A>` | `ndarray<B>` | as [`NdArray::cast_exact`](crate::NdArray::cast_exact): booleans, integers, floats of every width; complex numbers among themselves |
/// | `list<A>`, `map<A>`, `A?` | the same of `B` | item by item |
///
/// The JSON form is described in `docs/lenses.md`.
///
/// ```
/// use atdata_core::lens::DataLens;
/// use atdata_core::schema::{Field, FieldType, Primitive, SampleSchema};
/// use atdata_core::{DictSample, Map, Value};
///
/// let camera = FieldType::Object(vec![Field::new("fov", Primitive::Int)]);
/// let shot = SampleSchema::new("Shot")
///     .field(Field::new("camera", camera))
///     .field(Field::new("note", Primitive::Str).optional())
///     .field(Field::new("raw", Primitive::Bytes));
/// let view = SampleSchema::new("View")
///     .field(Field::new("fov", Primitive::Float))
///     .field(Field::new("note", Primitive::Str));
///
/// let lens = DataLens::new("fov", "Shot@1.0.0", "View@1.0.0")
///     .rename("camera.fov", "fov")
///     .cast("fov", Primitive::Float)
///     .with_default("note", "")
///     .drop(["raw"])
///     .lens(&shot, &view)?;
/// let sample = DictSample::from_iter([
///     ("camera", Value::from(Map::from_iter([("fov", 60i64)]))),
///     ("note", Value::Nil),
///     ("raw", Value::Bytes("…".into())),
/// ]);
/// let mut seen = lens.get(&sample)?;
/// assert_eq!(seen, DictSample::from_iter([("fov", Value::from(60.0)), ("note", Value::from(""))]));
/// assert_eq!(lens.put(&seen, &sample)?, sample);
///
/// seen.insert("fov", 60.5);
/// assert_eq!(lens.put(&seen, &sample).unwrap_err().context_value("field"), Some("fov"));
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DataLens {
    /// The name: 1 to 100 bytes without control characters, `@` and `/`.
    pub name: String,
    /// The version.
    pub version: SchemaVersion,
    /// The schema that is looked at: a reference, or name and version.
    pub source_schema: String,
    /// The schema that is seen.
    pub view_schema: String,
    /// What it is for, in words.
    pub description: Option<String>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

impl DataLens {
    /// A lens of version 1.0.0 without steps.
    pub fn new(
        name: impl Into<String>,
        source_schema: impl Into<String>,
        view_schema: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            version: SchemaVersion::default(),
            source_schema: source_schema.into(),
            view_schema: view_schema.into(),
            description: None,
            steps: Vec::new(),
        }
    }

    /// Sets the version.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<SchemaVersion>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets the description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Adds a step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Adds [`Step::Rename`].
    #[must_use]
    pub fn rename(self, from: impl Into<FieldPath>, to: impl Into<FieldPath>) -> Self {
        self.step(Step::Rename { from: from.into(), to: to.into() })
    }

    /// Adds [`Step::Copy`].
    #[must_use]
    pub fn copy(self, from: impl Into<FieldPath>, to: impl Into<FieldPath>) -> Self {
        self.step(Step::Copy { from: from.into(), to: to.into() })
    }

    /// Adds [`Step::Keep`].
    #[must_use]
    pub fn keep<P: Into<FieldPath>>(self, fields: impl IntoIterator<Item = P>) -> Self {
        self.step(Step::Keep(fields.into_iter().map(Into::into).collect()))
    }

    /// Adds [`Step::Drop`].
    #[must_use]
    pub fn drop<P: Into<FieldPath>>(self, fields: impl IntoIterator<Item = P>) -> Self {
        self.step(Step::Drop(fields.into_iter().map(Into::into).collect()))
    }

    /// Adds [`Step::Default`].
    #[must_use]
    pub fn with_default(self, field: impl Into<FieldPath>, value: impl Into<Value>) -> Self {
        self.step(Step::Default { field: field.into(), value: value.into() })
    }

    /// Adds [`Step::Cast`].
    #[must_use]
    pub fn cast(self, field: impl Into<FieldPath>, to: impl Into<FieldType>) -> Self {
        self.step(Step::Cast { field: field.into(), to: to.into() })
    }

    /// Adds [`Step::Constant`].
    #[must_use]
    pub fn constant(self, field: impl Into<FieldPath>, value: impl Into<Value>) -> Self {
        self.step(Step::Constant { field: field.into(), value: value.into() })
    }

    /// Checks what does not depend on the schemas: name, version, references, and the size of the steps.
    ///
    /// # Errors
    /// `Invalid`, with the number of the step if it is one.
    pub fn validate(&self) -> Result<()> {
        check_name(&self.name)?;
        validate_version(&self.version.to_string())?;
        for reference in [&self.source_schema, &self.view_schema] {
            reference.parse::<SchemaRef>().context("lens", &self.name)?;
        }
        if self.steps.len() > MAX_STEPS {
            return Err(
                Error::invalid(format!("a lens has at most {MAX_STEPS} steps")).with("lens", &self.name)
            );
        }
        let mut fields = 0;
        for (number, step) in (1..).zip(&self.steps) {
            step.validate().context("step", number).context("lens", &self.name)?;
            fields += step.fields();
        }
        if fields > MAX_FIELDS {
            return Err(Error::invalid(format!("the steps of a lens name at most {MAX_FIELDS} fields"))
                .with("lens", &self.name));
        }
        Ok(())
    }

    pub(super) fn plan(&self, source: &SampleSchema, view: &SampleSchema) -> Result<Plan> {
        self.validate()?;
        Plan::new(&self.steps, source, view).context("lens", &self.name)
    }

    /// The lens between samples without a compile-time type, held against both schemas.
    ///
    /// The laws hold for samples that have all fields of their schema, in its order; what is put back is completed so. Fields
    /// that the schema of the source does not have are not seen, and stay.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid), with the field, and the step if one is to blame: a field that is not there or
    /// there already, a field of the view that no step gives, a field that the view does not have, a type that does not
    /// come out right.
    pub fn lens(&self, source: &SampleSchema, view: &SampleSchema) -> Result<Lens<DictSample, DictSample>> {
        let plan = Arc::new(self.plan(source, view)?);
        let (put_plan, laws) = (plan.clone(), plan.laws());
        let name: Arc<str> = self.name.as_str().into();
        let put_name = name.clone();
        let get = move |source: &DictSample| plan.get(source).context("lens", &name);
        let put = move |view: &DictSample, source: &DictSample| {
            put_plan.put(view, source).context("lens", &put_name)
        };
        Ok(Lens::fallible(get, put).with_laws(laws))
    }

    /// The lens between two types, held against their schemas. It goes by way of the stored form.
    ///
    /// # Errors
    /// As [`DataLens::lens`].
    ///
    /// ```
    /// # use atdata_core::msgpack::{Packer, Unpacker};
    /// # use atdata_core::schema::{Field, Primitive, SampleSchema};
    /// # use atdata_core::{FieldReader, Packable, Result};
    /// use atdata_core::lens::DataLens;
    /// # macro_rules! packable { ($name:ident, $field:ident) => {
    /// #   #[derive(Debug, PartialEq)]
    /// #   struct $name { $field: i64 }
    /// #   impl Packable for $name {
    /// #       fn schema() -> SampleSchema { SampleSchema::new(stringify!($name)).field(Field::new(stringify!($field), Primitive::Int)) }
    /// #       fn pack_fields(&self, packer: &mut Packer<'_>) -> Result<()> {
    /// #           packer.map(1)?; packer.str(stringify!($field))?; packer.int(self.$field); Ok(())
    /// #       }
    /// #       fn unpack_fields(unpacker: &mut Unpacker<'_>) -> Result<Self> {
    /// #           let mut found = None;
    /// #           let mut fields = FieldReader::new(stringify!($name), unpacker)?;
    /// #           while let Some(name) = fields.next_name()? {
    /// #               if name == stringify!($field) { found = Some(fields.read(stringify!($field))?) } else { fields.unknown(name)? }
    /// #           }
    /// #           Ok($name { $field: fields.required(stringify!($field), found)? })
    /// #       }
    /// #   }
    /// # } }
    /// # packable!(Old, n);
    /// # packable!(New, count);
    ///
    /// // Both are `#[derive(Packable)]`: `struct Old { n: i64 }`, `struct New { count: i64 }`.
    /// let lens = DataLens::new("count", "Old@1.0.0", "New@1.0.0").rename("n", "count").typed::<Old, New>()?;
    /// assert_eq!(lens.get(&Old { n: 3 })?, New { count: 3 });
    /// assert_eq!(lens.put(&New { count: 4 }, &Old { n: 3 })?, Old { n: 4 });
    /// # Ok::<(), atdata_core::Error>(())
    /// ```
    pub fn typed<S: Packable, V: Packable>(&self) -> Result<Lens<S, V>> {
        Ok(typed(self.lens(&S::schema(), &V::schema())?))
    }

    /// Which laws the lens obeys between two schemas.
    ///
    /// # Errors
    /// As [`DataLens::lens`].
    pub fn laws(&self, source: &SampleSchema, view: &SampleSchema) -> Result<Laws> {
        Ok(self.plan(source, view)?.laws())
    }

    /// The fields of the source that getting needs, outermost names: for [`Dataset::project`](crate::Dataset::project).
    ///
    /// # Errors
    /// As [`DataLens::lens`].
    pub fn source_fields(&self, source: &SampleSchema, view: &SampleSchema) -> Result<Vec<String>> {
        Ok(self.plan(source, view)?.source_fields())
    }

    /// Writes the lens as a JSON document.
    ///
    /// # Errors
    /// `Invalid` for a value that JSON does not have (arrays, NaN) and for a type that no cast leads to.
    pub fn to_json_value(&self) -> Result<Json> {
        let mut object = JsonMap::new();
        object.insert("format".into(), Json::from(FORMAT));
        object.insert("name".into(), Json::from(self.name.as_str()));
        object.insert("version".into(), Json::from(self.version.to_string()));
        object.insert("source_schema".into(), Json::from(self.source_schema.as_str()));
        object.insert("view_schema".into(), Json::from(self.view_schema.as_str()));
        if let Some(description) = &self.description {
            object.insert("description".into(), Json::from(description.as_str()));
        }
        object.insert("steps".into(), write_steps(&self.steps, Numbers::All)?);
        Ok(Json::Object(object))
    }

    /// Reads a lens from a JSON document.
    ///
    /// # Errors
    /// `Unsupported` for a format or a kind of step that is not known; `Invalid` for anything that is no lens, and as
    /// [`DataLens::validate`].
    pub fn from_json_value(json: &Json) -> Result<Self> {
        let object = json.as_object().ok_or_else(|| Error::invalid("a lens is a JSON object"))?;
        let text = |key: &'static str| {
            let value = object.get(key).filter(|value| !value.is_null());
            let wrong = || Error::invalid("a member of a lens is not text").with("member", key);
            value.map(|value| value.as_str().map(str::to_owned).ok_or_else(wrong)).transpose()
        };
        let required = |key: &'static str| {
            text(key)?.ok_or_else(|| Error::invalid("a lens lacks a member").with("member", key))
        };
        check_format(object)?;
        let lens = Self {
            name: required("name")?,
            version: text("version")?.map_or_else(SchemaVersion::default, |text| text.as_str().into()),
            source_schema: required("source_schema")?,
            view_schema: required("view_schema")?,
            description: text("description")?,
            steps: read_steps(object)?,
        };
        lens.validate()?;
        Ok(lens)
    }

    /// Reads a lens from the text of a JSON document.
    ///
    /// # Errors
    /// As [`DataLens::from_json_value`]; `Invalid` if it is not JSON, or longer than 1 MiB.
    ///
    /// ```
    /// use atdata_core::lens::DataLens;
    ///
    /// let text = r#"{"name": "count", "source_schema": "Old@1.0.0", "view_schema": "New@1.0.0",
    ///     "steps": [{"step": "rename", "from": "n", "to": "count"}]}"#;
    /// let lens = DataLens::from_json(text)?;
    /// assert_eq!(lens, DataLens::new("count", "Old@1.0.0", "New@1.0.0").rename("n", "count"));
    /// assert_eq!(DataLens::from_json_value(&lens.to_json_value()?)?, lens);
    /// # Ok::<(), atdata_core::Error>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self> {
        if text.len() > MAX_JSON {
            return Err(Error::invalid(format!(
                "a lens of {} bytes; at most {MAX_JSON} are read",
                text.len()
            )));
        }
        let json = serde_json::from_str(text)
            .map_err(|error| Error::invalid("a lens is not JSON").with_source(error))?;
        Self::from_json_value(&json)
    }
}

/// A lens on stored forms as one between types.
pub(super) fn typed<S: Sample, V: Sample>(lens: Lens<DictSample, DictSample>) -> Lens<S, V> {
    let (put_lens, laws) = (lens.clone(), lens.laws());
    let get = move |source: &S| convert(&lens.get(&dict(source)?)?);
    let put = move |view: &V, source: &S| convert(&put_lens.put(&dict(view)?, &dict(source)?)?);
    Lens::fallible(get, put).with_laws(laws)
}

/// A sample without its type, arrays being arrays where the type says so.
fn dict<T: Sample>(sample: &T) -> Result<DictSample> {
    let options = UnpackOptions::default().with_policy(UnpackPolicy::Lenient);
    let options = match T::static_schema() {
        Some(schema) => options.with_schema(Arc::new(schema)),
        None => options,
    };
    DictSample::unpack(&sample.pack()?, &options)
}

/// Checks the number of the format, where there is one.
pub(super) fn check_format(object: &JsonMap<String, Json>) -> Result<()> {
    match object.get("format") {
        None => Ok(()),
        Some(format) if format.as_u64().is_some_and(|format| (1..=FORMAT).contains(&format)) => Ok(()),
        Some(_) => Err(Error::unsupported(format!(
            "a lens of another format than {FORMAT}; a newer atdata may read this one"
        ))),
    }
}

pub(super) fn read_steps(object: &JsonMap<String, Json>) -> Result<Vec<Step>> {
    let list = object.get("steps").and_then(Json::as_array);
    let list = list.ok_or_else(|| Error::invalid("a lens has a list of steps").with("member", "steps"))?;
    if list.len() > MAX_STEPS {
        return Err(Error::invalid(format!("a lens has at most {MAX_STEPS} steps")));
    }
    (1..).zip(list).map(|(number, step)| Step::from_json_value(step).context("step", number)).collect()
}

pub(super) fn write_steps(steps: &[Step], numbers: Numbers) -> Result<Json> {
    let written =
        (1..).zip(steps).map(|(number, step): (u32, _)| step.write(numbers).context("step", number));
    Ok(Json::Array(written.collect::<Result<_>>()?))
}
