//! The steps of a data lens, as data.

use std::fmt;

use serde_json::{Map as JsonMap, Value as Json, json};

use super::path::FieldPath;
use super::type_text;
use crate::schema::FieldType;
use crate::schema::exact_value::{self, Numbers};
use crate::{Error, Result, ResultExt, Value};

/// How many fields the steps of a lens may name.
pub(super) const MAX_FIELDS: usize = 10_000;

/// One step of a [`DataLens`](super::DataLens): what is done to the fields that the steps before it have left.
///
/// | Step | Getting | Putting back |
/// |---|---|---|
/// | `Rename` | a field has another name, or another place | the same, backwards |
/// | `Copy` | a field is there twice | both must be the same |
/// | `Keep`, `Drop` | fields are left out | they stay as they are in the source |
/// | `Default` | a value stands for nil | it becomes nil again where the source had nil |
/// | `Cast` | a value of another type, exactly | the same, backwards |
/// | `Constant` | a field that the source does not have | it must not have been changed |
///
/// ```
/// use atdata_core::lens::Step;
///
/// let json = serde_json::json!({"step": "rename", "from": "meta.camera.fov", "to": "fov"});
/// let step = Step::from_json_value(&json)?;
/// assert_eq!(step, Step::Rename { from: "meta.camera.fov".into(), to: "fov".into() });
/// assert_eq!(step.to_string(), "rename meta.camera.fov to fov");
/// assert_eq!(step.to_json_value()?, json);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Gives a field another name, takes it out of structs and maps, or puts it into structs, which are made where they are
    /// not there. A map that a path goes through is no field any more; its other entries stay in the source. A struct of
    /// which nothing is left is none, too.
    Rename {
        /// Where it is.
        from: FieldPath,
        /// Where it will be.
        to: FieldPath,
    },
    /// Has a field twice.
    Copy {
        /// Where it is.
        from: FieldPath,
        /// Where it will be besides.
        to: FieldPath,
    },
    /// Leaves out all fields but these.
    Keep(Vec<FieldPath>),
    /// Leaves out these fields.
    Drop(Vec<FieldPath>),
    /// Has a value in place of nil: the field is not optional any more.
    Default {
        /// The field.
        field: FieldPath,
        /// What stands for nil.
        value: Value,
    },
    /// Gives a field another type, if that has exactly the same value: see the table of [`DataLens`](super::DataLens).
    Cast {
        /// The field.
        field: FieldPath,
        /// The type.
        to: FieldType,
    },
    /// Has a field that is always the same.
    Constant {
        /// The field.
        field: FieldPath,
        /// What it is.
        value: Value,
    },
}

impl Step {
    /// The name of the kind of step.
    pub fn kind(&self) -> &'static str {
        match self {
            Step::Rename { .. } => "rename",
            Step::Copy { .. } => "copy",
            Step::Keep(_) => "keep",
            Step::Drop(_) => "drop",
            Step::Default { .. } => "default",
            Step::Cast { .. } => "cast",
            Step::Constant { .. } => "constant",
        }
    }

    /// Writes the step in JSON.
    ///
    /// # Errors
    /// `Invalid` for a value that JSON does not have (arrays, NaN) and for a type that no cast leads to.
    pub fn to_json_value(&self) -> Result<Json> {
        self.write(Numbers::All)
    }

    pub(super) fn write(&self, numbers: Numbers) -> Result<Json> {
        let mut object = JsonMap::new();
        object.insert("step".into(), Json::from(self.kind()));
        match self {
            Step::Rename { from, to } | Step::Copy { from, to } => {
                object.insert("from".into(), from.to_json_value());
                object.insert("to".into(), to.to_json_value());
            }
            Step::Keep(fields) | Step::Drop(fields) => {
                object.insert("fields".into(), fields.iter().map(FieldPath::to_json_value).collect());
            }
            Step::Default { field, value } | Step::Constant { field, value } => {
                object.insert("field".into(), field.to_json_value());
                exact_value::write(&mut object, "value", value, numbers).context("field", field)?;
            }
            Step::Cast { field, to } => {
                let text = type_text::write(to).ok_or_else(|| {
                    Error::invalid(format!("no cast leads to {to}")).with("field", field.to_string())
                })?;
                object.insert("field".into(), field.to_json_value());
                object.insert("to".into(), json!(text));
            }
        }
        Ok(Json::Object(object))
    }

    /// Reads a step.
    ///
    /// # Errors
    /// `Unsupported` for a kind of step that is not known; `Invalid` for members that are missing, of the wrong type, or not
    /// known: a member that was passed over could change what the step means.
    pub fn from_json_value(json: &Json) -> Result<Self> {
        let wrong = |what: &'static str| Error::invalid(what);
        let object = json.as_object().ok_or_else(|| wrong("a step is an object"))?;
        let kind = object.get("step").and_then(Json::as_str);
        let kind = kind.ok_or_else(|| wrong("a step says in its member \"step\" what it is"))?;
        let members: &[&str] = match kind {
            "rename" | "copy" => &["from", "to"],
            "keep" | "drop" => &["fields"],
            "default" | "constant" => &["field", "value", "valueMsgpack"],
            "cast" => &["field", "to"],
            other => {
                let other: String = other.chars().take(50).collect();
                return Err(Error::unsupported(format!("a step of the kind {other:?} is not known")));
            }
        };
        if let Some(unknown) = object.keys().find(|key| *key != "step" && !members.contains(&key.as_str())) {
            let unknown: String = unknown.chars().take(50).collect();
            return Err(Error::invalid(format!("a step of the kind {kind:?} has no member {unknown:?}")));
        }
        let path = |key: &'static str| {
            let json = object.get(key).ok_or_else(|| Error::invalid("a step lacks a member"));
            json.and_then(FieldPath::from_json_value).context("member", key)
        };
        let value = || {
            let value = exact_value::read(object, "value").context("member", "value")?;
            value.ok_or_else(|| Error::invalid("a step lacks a member").with("member", "value"))
        };
        Ok(match kind {
            "rename" => Step::Rename { from: path("from")?, to: path("to")? },
            "copy" => Step::Copy { from: path("from")?, to: path("to")? },
            "keep" => Step::Keep(paths(object)?),
            "drop" => Step::Drop(paths(object)?),
            "default" => Step::Default { field: path("field")?, value: value()? },
            "constant" => Step::Constant { field: path("field")?, value: value()? },
            _ => {
                let to = object.get("to").and_then(Json::as_str);
                let to = to.ok_or_else(|| wrong("a cast says in its member \"to\" to what type"))?;
                Step::Cast { field: path("field")?, to: type_text::parse(to)? }
            }
        })
    }

    /// How many fields it names.
    pub(super) fn fields(&self) -> usize {
        match self {
            Step::Keep(fields) | Step::Drop(fields) => fields.len(),
            _ => 1,
        }
    }

    /// Checks what does not depend on a schema.
    pub(super) fn validate(&self) -> Result<()> {
        match self {
            Step::Rename { from, to } | Step::Copy { from, to } => {
                from.validate()?;
                to.validate()
            }
            Step::Keep(fields) | Step::Drop(fields) => {
                if fields.len() > MAX_FIELDS {
                    return Err(Error::invalid(format!("a step has at most {MAX_FIELDS} fields")));
                }
                fields.iter().try_for_each(FieldPath::validate)
            }
            Step::Default { field, .. } | Step::Cast { field, .. } | Step::Constant { field, .. } => {
                field.validate()?;
                self.to_json_value().map(|_| ())
            }
        }
    }
}

fn paths(object: &JsonMap<String, Json>) -> Result<Vec<FieldPath>> {
    let list = object.get("fields").and_then(Json::as_array);
    let list = list.ok_or_else(|| Error::invalid("a step says in its member \"fields\" which ones"))?;
    if list.len() > MAX_FIELDS {
        return Err(Error::invalid(format!("a step has at most {MAX_FIELDS} fields")));
    }
    list.iter().map(FieldPath::from_json_value).collect()
}

/// In words.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Step::Rename { from, to } | Step::Copy { from, to } => write!(f, " {from} to {to}"),
            Step::Keep(fields) | Step::Drop(fields) => fields
                .iter()
                .enumerate()
                .try_for_each(|(i, field)| write!(f, "{}{field}", if i == 0 { " " } else { ", " })),
            Step::Default { field, value } => write!(f, " {field} = {value}"),
            Step::Cast { field, to } => write!(f, " {field} to {to}"),
            Step::Constant { field, value } => write!(f, " {field} = {value}"),
        }
    }
}
