//! Does the steps to the fields of the source.

use std::collections::HashMap;

use super::cast::Cast;
use super::{Operation, Part, Place, plain};
use crate::lens::path::FieldPath;
use crate::lens::step::Step;
use crate::sample::convert;
use crate::schema::{Field, FieldType, MAX_DEPTH, SampleSchema};
use crate::{Error, Result, ResultExt, Value};

/// How many fields there may be at a step, those of structs and the structs themselves included.
const MAX_NODES: usize = 100_000;

/// Fields by name.
pub(super) type Fields = Vec<(String, Node)>;

/// What a field is after some steps.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Source(Source),
    Constant(Value),
    Struct(Struct),
    /// A map that a path went through: no field any more, but its entries are found by key.
    Opened(Opened),
}

/// A value of the source.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) place: Place,
    pub(super) operations: Vec<Operation>,
    /// What it is after the operations.
    pub(super) field_type: FieldType,
    pub(super) optional: bool,
}

/// A struct whose fields are no longer those that the source has, or that the source does not have.
#[derive(Clone, Debug)]
pub(super) struct Struct {
    pub(super) place: Option<Place>,
    pub(super) optional: bool,
    pub(super) fields: Fields,
}

#[derive(Clone, Debug)]
pub(super) struct Opened {
    place: Place,
    values: FieldType,
    entries: Fields,
    gone: Vec<String>,
}

/// What the steps make of the fields of the source.
pub(super) fn build(steps: &[Step], source: &SampleSchema) -> Result<Fields> {
    let mut fields = children(&[], &source.fields);
    for (number, step) in (1..).zip(steps) {
        let done = apply(step, &mut fields).and_then(|()| {
            prune(&mut fields);
            measure(&fields, 0, &mut 0)
        });
        done.context("step", format!("{number}, {}", step.kind()))?;
    }
    Ok(fields)
}

/// Bounds what steps can make of a schema: copies of structs of copies would grow without end.
fn measure(fields: &Fields, depth: usize, count: &mut usize) -> Result<()> {
    *count += fields.len();
    if *count > MAX_NODES || depth > 2 * MAX_DEPTH {
        let most = 2 * MAX_DEPTH;
        return Err(Error::invalid(format!(
            "at this step there are more than {MAX_NODES} fields, or more than {most} levels of structs"
        )));
    }
    fields.iter().try_for_each(|(_, node)| match node {
        Node::Struct(inner) => measure(&inner.fields, depth + 1, count),
        Node::Opened(map) => measure(&map.entries, depth + 1, count),
        Node::Source(_) | Node::Constant(_) => Ok(()),
    })
}

fn children(parts: &[Part], fields: &[Field]) -> Fields {
    fields
        .iter()
        .map(|field| {
            let (field_type, optional) = plain(&field.field_type, field.optional);
            let part =
                Part { name: field.name.clone(), is_key: false, optional, default: field.default.clone() };
            (field.name.clone(), Node::Source(Source::at(parts, part, field_type)))
        })
        .collect()
}

impl Source {
    fn at(parts: &[Part], part: Part, field_type: FieldType) -> Self {
        let optional = part.optional;
        let parts = parts.iter().cloned().chain([part]).collect();
        let place = Place { parts, field_type: field_type.clone() };
        Self { place, operations: Vec::new(), field_type, optional }
    }
}

impl Node {
    fn is_optional(&self) -> bool {
        match self {
            Node::Source(source) => source.optional,
            Node::Constant(value) => value.is_nil(),
            Node::Struct(inner) => inner.optional,
            Node::Opened(_) => true,
        }
    }

    /// A field that comes out of something that may be nil may be nil itself.
    fn with_optional(mut self, also: bool) -> Self {
        match &mut self {
            Node::Source(source) => source.optional |= also,
            Node::Struct(inner) => inner.mark_optional(also),
            Node::Constant(_) | Node::Opened(_) => {}
        }
        self
    }
}

impl Struct {
    /// One that the source has is nil there; of one that was made the fields are.
    fn mark_optional(&mut self, also: bool) {
        if self.place.is_some() {
            self.optional |= also;
            return;
        }
        for (_, node) in &mut self.fields {
            match node {
                Node::Source(source) => source.optional |= also,
                Node::Struct(inner) => inner.mark_optional(also),
                Node::Constant(_) | Node::Opened(_) => {}
            }
        }
    }
}

fn apply(step: &Step, fields: &mut Fields) -> Result<()> {
    match step {
        Step::Rename { from, to } => {
            let outside = shared(from, to);
            let node = take(fields, from.parts(), outside, true).context("field", from)?;
            insert(fields, to.parts(), node).context("field", to)
        }
        Step::Copy { from, to } => {
            let outside = shared(from, to);
            let found = find(fields, from.parts(), outside).context("field", from)?;
            let (node, through) = (found.node.clone(), found.through_optional);
            let copy = node.with_optional(through);
            insert(fields, to.parts(), copy).context("field", to)
        }
        Step::Keep(paths) => {
            let paths: Vec<&[String]> = paths.iter().map(FieldPath::parts).collect();
            keep(fields, &paths)
        }
        Step::Drop(paths) => paths
            .iter()
            .try_for_each(|path| take(fields, path.parts(), 0, false).context("field", path).map(|_| ())),
        Step::Default { field, value } => {
            let source = source(fields, field)?;
            default(source, value).context("field", field)
        }
        Step::Cast { field, to } => {
            let source = source(fields, field)?;
            let cast = Cast::new(&source.field_type, to).context("field", field)?;
            source.operations.push(Operation::Cast(cast));
            source.field_type = to.clone();
            Ok(())
        }
        Step::Constant { field, value } => {
            insert(fields, field.parts(), Node::Constant(value.clone())).context("field", field)
        }
    }
}

/// How many structs two paths have in common.
fn shared(a: &FieldPath, b: &FieldPath) -> usize {
    let structs = |path: &FieldPath| path.parts().len().saturating_sub(1);
    let most = structs(a).min(structs(b));
    a.parts().iter().zip(b.parts()).take(most).take_while(|(a, b)| a == b).count()
}

fn missing() -> Error {
    Error::invalid("there is no such field at this step")
}

fn at(fields: &mut Fields, name: &str) -> Result<usize> {
    fields.iter().position(|(found, _)| found == name).ok_or_else(missing)
}

/// What is inside a node, where `next` is looked for.
fn open<'a>(node: &'a mut Node, next: &str, maps: bool) -> Result<&'a mut Fields> {
    let opened = match node {
        Node::Source(source) if source.operations.is_empty() => match &source.field_type {
            FieldType::Object(fields) => Some(Node::Struct(Struct {
                place: Some(source.place.clone()),
                optional: source.optional,
                fields: children(&source.place.parts, fields),
            })),
            FieldType::Map(values) if maps => Some(Node::Opened(Opened {
                place: source.place.clone(),
                values: (**values).clone(),
                entries: Vec::new(),
                gone: Vec::new(),
            })),
            FieldType::Map(_) => {
                return Err(Error::invalid("only `rename` takes entries out of maps"));
            }
            _ => None,
        },
        _ => None,
    };
    if let Some(opened) = opened {
        *node = opened;
    }
    match node {
        Node::Struct(inner) => Ok(&mut inner.fields),
        Node::Opened(map) if maps => {
            map.entry(next)?;
            Ok(&mut map.entries)
        }
        _ => Err(Error::invalid("it is no struct at this step, so it has no fields")),
    }
}

impl Opened {
    /// Sees to it that an entry is there, unless it was taken out before.
    fn entry(&mut self, key: &str) -> Result<()> {
        if self.entries.iter().any(|(found, _)| found == key) {
            return Ok(());
        }
        if self.gone.iter().any(|gone| gone == key) {
            return Err(missing());
        }
        // An entry that is nil could not be told from one that is not there.
        if plain(&self.values, false).1 {
            return Err(Error::invalid("a map whose values may be nil cannot be taken apart"));
        }
        let part = Part { name: key.to_owned(), is_key: true, optional: true, default: None };
        let source = Source::at(&self.place.parts, part, self.values.clone());
        self.entries.push((key.to_owned(), Node::Source(source)));
        Ok(())
    }
}

/// Takes a field out. `shared` outermost structs stay around it.
fn take(fields: &mut Fields, path: &[String], shared: usize, maps: bool) -> Result<Node> {
    let Some((name, rest)) = path.split_first() else { return Err(missing()) };
    let index = at(fields, name)?;
    let Some(next) = rest.first() else { return Ok(fields.remove(index).1) };
    let Some((_, node)) = fields.get_mut(index) else { return Err(missing()) };
    let may_be_nil = node.is_optional();
    let inner = open(node, next, maps)?;
    let taken = take(inner, rest, shared.saturating_sub(1), maps)?;
    if let (Node::Opened(map), [last]) = (node, rest) {
        map.gone.push(last.clone());
    }
    Ok(taken.with_optional(may_be_nil && shared == 0))
}

struct Found<'a> {
    node: &'a mut Node,
    through_optional: bool,
}

/// Finds a field without going through maps.
fn find<'a>(fields: &'a mut Fields, path: &[String], shared: usize) -> Result<Found<'a>> {
    let Some((name, rest)) = path.split_first() else { return Err(missing()) };
    let index = at(fields, name)?;
    let Some((_, node)) = fields.get_mut(index) else { return Err(missing()) };
    let Some(next) = rest.first() else { return Ok(Found { node, through_optional: false }) };
    let may_be_nil = node.is_optional() && shared == 0;
    let found = find(open(node, next, false)?, rest, shared.saturating_sub(1))?;
    Ok(Found { through_optional: found.through_optional || may_be_nil, ..found })
}

/// A field that has the value of one of the source.
fn source<'a>(fields: &'a mut Fields, path: &FieldPath) -> Result<&'a mut Source> {
    let node = find(fields, path.parts(), 0).context("field", path)?.node;
    match node {
        Node::Source(source) => Ok(source),
        Node::Constant(_) => Err(Error::invalid("the field is a constant")),
        Node::Struct(_) | Node::Opened(_) => Err(Error::invalid("the field is a struct that was changed")),
    }
    .context("field", path)
}

/// Puts a field in, and makes the structs around it where they are not there.
fn insert(fields: &mut Fields, path: &[String], node: Node) -> Result<()> {
    let Some((name, rest)) = path.split_first() else { return Err(missing()) };
    let index = fields.iter().position(|(found, _)| found == name);
    let Some(next) = rest.first() else {
        if index.is_some() {
            return Err(Error::invalid("there is a field of this name already at this step"));
        }
        fields.push((name.clone(), node));
        return Ok(());
    };
    let inner = match index.and_then(|index| fields.get_mut(index)) {
        Some((_, outer)) => open(outer, next, false)?,
        None => {
            let made = Struct { place: None, optional: false, fields: Vec::new() };
            fields.push((name.clone(), Node::Struct(made)));
            match fields.last_mut() {
                Some((_, Node::Struct(made))) => &mut made.fields,
                _ => return Err(missing()),
            }
        }
    };
    insert(inner, rest, node)
}

/// Leaves out everything but some fields.
fn keep(fields: &mut Fields, paths: &[&[String]]) -> Result<()> {
    let mut wanted: HashMap<&str, Vec<&[String]>> = HashMap::new();
    for path in paths {
        let (name, rest) = path.split_first().ok_or_else(missing)?;
        wanted.entry(name).or_default().push(rest);
    }
    let mut kept = Vec::with_capacity(wanted.len());
    for (name, mut node) in std::mem::take(fields) {
        let Some(inside) = wanted.remove(name.as_str()) else { continue };
        if !inside.iter().any(|rest| rest.is_empty()) {
            let next = inside.first().and_then(|rest| rest.first()).ok_or_else(missing)?;
            keep(open(&mut node, next, false).context("field", &name)?, &inside)?;
        }
        kept.push((name, node));
    }
    if let Some(name) = wanted.into_keys().min() {
        return Err(missing().with("field", name));
    }
    *fields = kept;
    Ok(())
}

fn default(source: &mut Source, value: &Value) -> Result<()> {
    if !source.optional {
        return Err(Error::invalid("the field is never nil at this step"));
    }
    if value.is_nil() {
        return Err(Error::invalid("nil cannot stand for nil"));
    }
    let mut value = value.clone();
    convert(&mut value, &source.field_type)?;
    source.operations.push(Operation::Default(value));
    source.optional = false;
    Ok(())
}

/// Removes structs of which nothing is left.
fn prune(fields: &mut Fields) {
    fields.retain_mut(|(_, node)| match node {
        Node::Struct(inner) => {
            prune(&mut inner.fields);
            !inner.fields.is_empty()
        }
        _ => true,
    });
}
