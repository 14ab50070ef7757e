//! What the steps of a data lens come down to: for each field of the view, where it comes from and what is done to it.
//!
//! [`build`] does the steps to the fields of the source, [`settle`] holds what came out against the view, [`run`] gets and
//! puts.

mod build;
mod cast;
mod run;
mod settle;

use std::sync::Arc;

use self::cast::Cast;
use super::step::Step;
use super::typed::Laws;
use crate::schema::{Field, FieldType, SampleSchema};
use crate::{Result, Value};

/// A lens between two schemas, ready to run.
#[derive(Debug)]
pub(super) struct Plan {
    source: Arc<SampleSchema>,
    /// The fields of the view, in its order.
    view: Vec<Output>,
    laws: Laws,
    /// How many places of the source are seen more than once.
    groups: usize,
}

/// A field of the view.
#[derive(Debug)]
struct Output {
    field: Field,
    origin: Origin,
}

/// Where a field of the view comes from.
#[derive(Debug)]
enum Origin {
    Constant(Value),
    Source(Leaf),
    /// A struct that is made of others. It is nil where the one of the source is.
    Struct {
        place: Option<Place>,
        fields: Vec<Output>,
    },
}

/// A value of the source and what is done to it.
#[derive(Clone, Debug)]
struct Leaf {
    place: Place,
    operations: Vec<Operation>,
    /// Which of those that are seen more than once.
    group: Option<usize>,
}

/// Where a value is in the source, and what it is there.
#[derive(Clone, Debug)]
struct Place {
    parts: Vec<Part>,
    field_type: FieldType,
}

/// A step of the way to a value.
#[derive(Clone, Debug)]
struct Part {
    name: String,
    /// A key of a map, which is not there instead of being nil.
    is_key: bool,
    optional: bool,
    default: Option<Value>,
}

/// What is done to a value.
#[derive(Clone, Debug)]
enum Operation {
    Default(Value),
    Cast(Cast),
}

impl Plan {
    /// # Errors
    /// `Invalid`, with step and field.
    pub(super) fn new(steps: &[Step], source: &SampleSchema, view: &SampleSchema) -> Result<Self> {
        let built = build::build(steps, source)?;
        let (view, groups) = settle::settle(built, view)?;
        let laws = if has_two_laws(&view) { Laws::WellBehaved } else { Laws::VeryWellBehaved };
        Ok(Self { source: Arc::new(source.clone()), view, laws, groups })
    }

    pub(super) fn laws(&self) -> Laws {
        self.laws
    }

    /// The outermost fields of the source that getting needs.
    pub(super) fn source_fields(&self) -> Vec<String> {
        let mut names = Vec::new();
        places(&self.view, &mut |place| names.extend(place.parts.first().map(|part| part.name.clone())));
        let wanted = self.source.fields.iter().filter(|field| names.contains(&field.name));
        wanted.map(|field| field.name.clone()).collect()
    }

    /// The fields of source and view that are the same value under another name or the same one, if that is all there is.
    pub(super) fn plain_mappings(&self) -> Option<Vec<(String, String)>> {
        let mapping = |output: &Output| match &output.origin {
            Origin::Source(Leaf { place, operations, group: None }) if operations.is_empty() => {
                match place.parts.as_slice() {
                    [part] => Some((part.name.clone(), output.field.name.clone())),
                    _ => None,
                }
            }
            _ => None,
        };
        self.view.iter().map(mapping).collect()
    }
}

impl Place {
    fn path(&self) -> String {
        let names: Vec<&str> = self.parts.iter().map(|part| part.name.as_str()).collect();
        names.join(".")
    }
}

/// Calls a function on every place of the source that is looked at.
fn places<'a>(outputs: &'a [Output], visit: &mut dyn FnMut(&'a Place)) {
    for output in outputs {
        match &output.origin {
            Origin::Constant(_) => {}
            Origin::Source(leaf) => visit(&leaf.place),
            Origin::Struct { place, fields } => {
                if let Some(place) = place {
                    visit(place);
                }
                places(fields, visit);
            }
        }
    }
}

/// Whether PutPut is not promised. A default becomes nil again only where it was nil, so it matters what was put before; and
/// an entry of a map that is taken out and put in again comes last.
fn has_two_laws(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| match &output.origin {
        Origin::Constant(_) => false,
        Origin::Source(leaf) => {
            leaf.place.parts.iter().any(|part| part.is_key)
                || leaf.operations.iter().any(|operation| matches!(operation, Operation::Default(_)))
        }
        Origin::Struct { fields, .. } => has_two_laws(fields),
    })
}

/// The type of a field's values and whether they may be nil, however the schema says so.
fn plain(field_type: &FieldType, optional: bool) -> (FieldType, bool) {
    match field_type {
        FieldType::Nullable(inner) => plain(inner, true),
        FieldType::Any => (FieldType::Any, true),
        other => (other.clone(), optional),
    }
}

/// Whether two values are the same, floats to the bit.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.0 == b.0 && is_same(a.1, b.1))
        }
        (a, b) => a == b,
    }
}
