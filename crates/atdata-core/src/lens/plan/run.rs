//! Gets and puts.

use super::{Leaf, Operation, Origin, Output, Part, Place, Plan, is_same};
use crate::msgpack::UnpackPolicy;
use crate::sample::{check, convert};
use crate::{DictSample, Error, Map, Result, ResultExt, Value};

impl Plan {
    /// The view of a source. Only what it is made of is looked at.
    pub(in crate::lens) fn get(&self, source: &DictSample) -> Result<DictSample> {
        Ok(DictSample::from(get_all(&self.view, source.fields())?))
    }

    /// The source with a view put back, and completed as its schema says.
    pub(in crate::lens) fn put(&self, view: &DictSample, source: &DictSample) -> Result<DictSample> {
        let source = source.fields();
        let mut put = Put { source, merged: source.clone(), groups: vec![None; self.groups] };
        put.all(&self.view, view.fields())?;
        let mut merged = put.merged;
        check(&mut merged, &self.source, UnpackPolicy::Lenient).context("schema", &self.source.name)?;
        Ok(DictSample::from(merged))
    }
}

fn get_all(outputs: &[Output], source: &Map) -> Result<Map> {
    let get = |output: &Output| {
        let value = get_one(output, source).context("field", &output.field.name)?;
        Ok((output.field.name.clone(), value))
    };
    Ok(Map::from_unique(outputs.iter().map(get).collect::<Result<_>>()?))
}

fn get_one(output: &Output, source: &Map) -> Result<Value> {
    match &output.origin {
        Origin::Constant(value) => Ok(value.clone()),
        Origin::Source(leaf) => {
            leaf.operations.iter().try_fold(leaf.place.read(source)?, |value, it| it.forward(value))
        }
        Origin::Struct { place: Some(place), .. } if place.is_nil(source)? => Ok(Value::Nil),
        Origin::Struct { fields, .. } => get_all(fields, source).map(Value::Map),
    }
}

/// What is being put.
struct Put<'a> {
    /// The source as it was.
    source: &'a Map,
    /// The source as it will be.
    merged: Map,
    /// What was put to places that are seen more than once.
    groups: Vec<Option<Value>>,
}

impl Put<'_> {
    fn all(&mut self, outputs: &[Output], view: &Map) -> Result<()> {
        for output in outputs {
            let name = &output.field.name;
            self.one(output, view.get(name)).context("field", name)?;
        }
        let is_known = |name: &str| outputs.iter().any(|output| output.field.name == name);
        match view.keys().find(|name| !is_known(name)) {
            Some(unknown) => {
                Err(Error::invalid("the view of the lens has no such field").with("field", unknown))
            }
            None => Ok(()),
        }
    }

    fn one(&mut self, output: &Output, found: Option<&Value>) -> Result<()> {
        let field = &output.field;
        let value = found.or(field.default.as_ref()).cloned().unwrap_or_default();
        if value.is_nil() && !field.optional {
            return Err(Error::invalid("the view requires the field"));
        }
        let typed = |mut value: Value| {
            if !value.is_nil() {
                convert(&mut value, &field.field_type)?;
            }
            Ok::<_, Error>(value)
        };
        match &output.origin {
            Origin::Constant(constant) => match is_same(&typed(value)?, constant) {
                true => Ok(()),
                false => Err(Error::invalid(format!("the lens says that it is always {constant}"))),
            },
            Origin::Source(leaf) => self.leaf(leaf, typed(value)?),
            Origin::Struct { place, fields } => {
                let is_nil = place.as_ref().map_or(Ok(false), |place| place.is_nil(self.source))?;
                match value {
                    Value::Nil if is_nil => Ok(()),
                    Value::Nil => {
                        Err(Error::invalid("the source has it, in part out of view: it cannot be nil"))
                    }
                    Value::Map(_) if is_nil => Err(Error::invalid("the source has nothing to put it into")),
                    Value::Map(map) => self.all(fields, &map),
                    other => Err(Error::invalid(format!("expected a struct, found {}", other.type_name()))),
                }
            }
        }
    }

    fn leaf(&mut self, leaf: &Leaf, mut value: Value) -> Result<()> {
        if !leaf.operations.is_empty() {
            let mut before = Vec::with_capacity(leaf.operations.len());
            let mut old = leaf.place.read(self.source)?;
            for operation in &leaf.operations {
                before.push(old.clone());
                old = operation.forward(old)?;
            }
            for (operation, old) in leaf.operations.iter().zip(&before).rev() {
                value = operation.backward(value, old)?;
            }
        }
        if !value.is_nil() {
            convert(&mut value, &leaf.place.field_type)?;
        }
        match leaf.group.and_then(|group| self.groups.get_mut(group)) {
            Some(Some(other)) if !is_same(other, &value) => {
                return Err(Error::invalid(format!(
                    "it is the source's {}, which another field of the view has otherwise",
                    leaf.place.path()
                )));
            }
            Some(place @ None) => *place = Some(value.clone()),
            _ => {}
        }
        set(&mut self.merged, &leaf.place.parts, value).context("source_field", leaf.place.path())
    }
}

/// Sets the value at the end of a way.
fn set(map: &mut Map, parts: &[Part], value: Value) -> Result<()> {
    let Some((part, rest)) = parts.split_first() else { return Ok(()) };
    let is_there = map.get(&part.name).is_some();
    if rest.is_empty() {
        if value.is_nil() && part.is_key {
            map.remove(&part.name);
        } else if value.is_nil() && !part.optional {
            return Err(Error::invalid("the source requires the field"));
        } else if is_there || !is_same(&value, &part.absent()) {
            // What is not there and says the same stays away.
            map.insert(part.name.as_str(), value);
        }
        return Ok(());
    }
    if let (false, Some(default)) = (is_there, &part.default) {
        map.insert(part.name.as_str(), default.clone());
    }
    match map.get_mut(&part.name) {
        Some(Value::Map(inner)) => set(inner, rest, value),
        None | Some(Value::Nil) if value.is_nil() => Ok(()),
        None | Some(Value::Nil) => Err(Error::invalid("the source has nothing to put it into")),
        Some(other) => Err(no_struct(other)),
    }
}

fn no_struct(found: &Value) -> Error {
    Error::invalid(format!("expected a struct or a map, found {}", found.type_name()))
}

impl Operation {
    fn forward(&self, value: Value) -> Result<Value> {
        match self {
            Operation::Default(default) if value.is_nil() => Ok(default.clone()),
            Operation::Cast(cast) if !value.is_nil() => cast.forward(value),
            _ => Ok(value),
        }
    }

    fn backward(&self, value: Value, old: &Value) -> Result<Value> {
        match self {
            Operation::Default(default) if old.is_nil() && is_same(&value, default) => Ok(Value::Nil),
            Operation::Cast(cast) if !value.is_nil() => cast.backward(value, old),
            _ => Ok(value),
        }
    }
}

impl Part {
    /// What it is when it is not there.
    fn absent(&self) -> Value {
        self.default.clone().unwrap_or_default()
    }
}

impl Place {
    /// The value, or none if something on the way is nil or not there, and may be.
    fn find<'a>(&'a self, source: &'a Map) -> Result<Option<&'a Value>> {
        let mut map = source;
        let mut found: Option<&Value> = None;
        for part in &self.parts {
            if let Some(outer) = found {
                map = match outer {
                    Value::Map(inner) => inner,
                    Value::Nil => return Ok(None),
                    other => return Err(no_struct(other)),
                };
            }
            found = map.get(&part.name).or(part.default.as_ref());
            match found {
                None if part.optional => return Ok(None),
                None => return Err(Error::invalid("the sample lacks a field that the schema requires")),
                Some(value) if value.is_nil() && !part.optional => {
                    return Err(Error::invalid("the source requires the field, and it is nil"));
                }
                Some(_) => {}
            }
        }
        Ok(found)
    }

    /// The value as its type says that it is, nil if it is not there.
    fn read(&self, source: &Map) -> Result<Value> {
        let read = || {
            let mut value = self.find(source)?.cloned().unwrap_or_default();
            if !value.is_nil() {
                convert(&mut value, &self.field_type)?;
            }
            Ok::<_, Error>(value)
        };
        read().context("source_field", self.path())
    }

    fn is_nil(&self, source: &Map) -> Result<bool> {
        let found = self.find(source).context("source_field", self.path())?;
        Ok(found.is_none_or(Value::is_nil))
    }
}
