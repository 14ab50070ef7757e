//! Holds what the steps have left against the view.

use super::build::{Fields, Node, Source, Struct};
use super::{Leaf, Origin, Output, Place, plain};
use crate::sample::convert;
use crate::schema::{ArrayType, Field, FieldType, SampleSchema};
use crate::{Error, Result, ResultExt};

/// The fields of the view, and how many places of the source are seen more than once.
pub(super) fn settle(built: Fields, view: &SampleSchema) -> Result<(Vec<Output>, usize)> {
    let mut outputs = fields(built, &view.fields, "")?;
    let groups = group(&mut outputs)?;
    Ok((outputs, groups))
}

fn fields(mut built: Fields, view: &[Field], prefix: &str) -> Result<Vec<Output>> {
    built.retain(|(_, node)| !matches!(node, Node::Opened(_)));
    let mut outputs = Vec::with_capacity(view.len());
    for field in view {
        let path = format!("{prefix}{}", field.name);
        let index = built.iter().position(|(name, _)| *name == field.name);
        let Some(index) = index else {
            return Err(Error::invalid("no step gives this field of the view").with("field", path));
        };
        let (_, node) = built.swap_remove(index);
        outputs.push(output(node, field, &path).context("field", &path)?);
    }
    // Nothing disappears without being dropped.
    if let Some((name, _)) = built.first() {
        return Err(Error::invalid("the view has no such field; drop it, or keep others only")
            .with("field", format!("{prefix}{name}")));
    }
    Ok(outputs)
}

fn output(node: Node, field: &Field, path: &str) -> Result<Output> {
    let (field_type, optional) = plain(&field.field_type, field.optional);
    let field = Field { field_type, optional, ..field.clone() };
    let check_nil = |may_be_nil: bool| match may_be_nil && !optional {
        true => Err(Error::invalid("it may be nil, and the view requires it; give it a default")),
        false => Ok(()),
    };
    let origin = match node {
        Node::Constant(mut value) => {
            check_nil(value.is_nil())?;
            if !value.is_nil() {
                convert(&mut value, &field.field_type)?;
            }
            Origin::Constant(value)
        }
        Node::Source(Source { place, operations, field_type, optional }) => {
            check_nil(optional)?;
            if !agree(&field_type, &field.field_type) {
                let message =
                    format!("it is {field_type} after the steps, and {} in the view", field.field_type);
                return Err(Error::invalid(message));
            }
            Origin::Source(Leaf { place, operations, group: None })
        }
        Node::Struct(Struct { place, optional, fields: inner }) => {
            check_nil(optional)?;
            let FieldType::Object(wanted) = &field.field_type else {
                let message = format!("it is a struct after the steps, and {} in the view", field.field_type);
                return Err(Error::invalid(message));
            };
            let inner = fields(inner, wanted, &format!("{path}."))?;
            Origin::Struct { place: place.filter(|_| optional), fields: inner }
        }
        Node::Opened(_) => return Err(Error::invalid("no step gives this field of the view")),
    };
    Ok(Output { field, origin })
}

/// Whether a value of one type is one of the other as it is.
fn agree(is: &FieldType, wanted: &FieldType) -> bool {
    match (is, wanted) {
        (_, FieldType::Any) => true,
        (FieldType::Nullable(is), FieldType::Nullable(wanted)) => agree(is, wanted),
        (is, FieldType::Nullable(wanted)) => agree(is, wanted),
        (FieldType::Array(is), FieldType::Array(wanted)) | (FieldType::Map(is), FieldType::Map(wanted)) => {
            agree(is, wanted)
        }
        (FieldType::NdArray(is), FieldType::NdArray(wanted))
        | (FieldType::Structured(is), FieldType::Structured(wanted)) => arrays_agree(is, wanted),
        (FieldType::Object(is), FieldType::Object(wanted)) => {
            is.len() == wanted.len()
                && is.iter().all(|is| {
                    let wanted = wanted.iter().find(|wanted| wanted.name == is.name);
                    wanted.is_some_and(|wanted| {
                        let (is_type, is_optional) = plain(&is.field_type, is.optional);
                        let (wanted_type, wanted_optional) = plain(&wanted.field_type, wanted.optional);
                        agree(&is_type, &wanted_type) && (wanted_optional || !is_optional)
                    })
                })
        }
        (is, wanted) => is == wanted,
    }
}

/// Whether nothing that both say of an array differs.
fn arrays_agree(is: &ArrayType, wanted: &ArrayType) -> bool {
    let dtypes = is.dtype.is_none() || wanted.dtype.is_none() || is.dtype == wanted.dtype;
    let shapes = match (&is.shape, &wanted.shape) {
        (Some(is), Some(wanted)) => {
            is.len() == wanted.len()
                && is.iter().zip(wanted).all(|lengths| !matches!(lengths, (Some(a), Some(b)) if a != b))
        }
        _ => true,
    };
    dtypes && shapes
}

/// Numbers the places that are seen more than once.
///
/// # Errors
/// `Invalid` if one is seen as a whole and another time in part: what is put back could not be compared.
fn group(outputs: &mut [Output]) -> Result<usize> {
    fn names(place: &Place) -> Vec<String> {
        place.parts.iter().map(|part| part.name.clone()).collect()
    }
    fn leaves<'a>(outputs: &'a mut [Output], found: &mut Vec<(Vec<String>, &'a mut Leaf)>) {
        for output in outputs {
            match &mut output.origin {
                Origin::Constant(_) => {}
                Origin::Source(leaf) => found.push((names(&leaf.place), leaf)),
                Origin::Struct { fields, .. } => leaves(fields, found),
            }
        }
    }
    let mut found = Vec::new();
    leaves(outputs, &mut found);
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut groups = 0;
    for i in 1..found.len() {
        let (before, after) = found.split_at_mut(i);
        let (Some((a, first)), Some((b, second))) = (before.last_mut(), after.first_mut()) else { continue };
        if a == b {
            if first.group.is_none() {
                first.group = Some(groups);
                groups += 1;
            }
            second.group = first.group;
        } else if b.starts_with(a) {
            return Err(Error::invalid("a field is in the view as a whole and another time in part")
                .with("field", b.join(".")));
        }
    }
    Ok(groups)
}
