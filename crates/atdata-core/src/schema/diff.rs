//! What differs between two schemas, and whether data of one can be read as the other.

use std::collections::HashMap;
use std::fmt;

use super::{ArrayType, Field, FieldType, Primitive, SampleSchema};
use crate::Value;

/// Compares two schemas.
///
/// ```
/// use atdata_core::schema::{Field, Primitive, SampleSchema, diff};
///
/// let old = SampleSchema::new("Digit").field(Field::new("label", Primitive::Int));
/// let new = SampleSchema::new("Digit")
///     .with_version("1.1.0")
///     .field(Field::new("label", Primitive::Int))
///     .field(Field::new("score", Primitive::Float));
/// let difference = diff(&old, &new);
/// assert_eq!(difference.to_string(), "Digit 1.0.0 -> Digit 1.1.0\n+ score: float");
/// assert!(difference.can_old_read_new());
/// assert_eq!(difference.backward(), ["score: is required but old data does not have it"]);
/// ```
pub fn diff(old: &SampleSchema, new: &SampleSchema) -> SchemaDiff {
    let mut changes = Vec::new();
    compare_fields("", &old.fields, &new.fields, &mut changes);
    let blockers = |writer, reader, direction| {
        let mut blockers = Vec::new();
        check_fields("", writer, reader, direction, &mut blockers);
        blockers
    };
    SchemaDiff {
        changes,
        backward: blockers(&old.fields, &new.fields, Direction::NewReadsOld),
        forward: blockers(&new.fields, &old.fields, Direction::OldReadsNew),
        heading: format!("{} {} -> {} {}", old.name, old.version, new.name, new.version),
    }
}

/// The outcome of [`diff`].
///
/// Order, names and versions of the schemas are no changes: ATProto records lose the order, and fields are matched by
/// name. A renamed field is one removed and one added, since nothing says that it is the same.
///
/// ```
/// use atdata_core::schema::{Field, Primitive, SampleSchema, diff};
///
/// let schema = SampleSchema::new("Digit").field(Field::new("label", Primitive::Int));
/// let difference = diff(&schema, &schema.clone().with_description("digits"));
/// assert!(difference.is_identical());
/// assert_eq!(difference.to_string(), "Digit 1.0.0 -> Digit 1.0.0\nno difference");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaDiff {
    /// The changes in the order of the old fields, then the added fields in the order of the new.
    pub changes: Vec<Change>,
    backward: Vec<String>,
    forward: Vec<String>,
    heading: String,
}

/// One change between two schemas. Fields inside nested structs have paths: `point.x`, `points[].x` in a list,
/// `points{}.x` in a map.
///
/// ```
/// use atdata_core::schema::{Change, Field, Primitive};
///
/// let change = Change::Removed { path: "label".into(), field: Field::new("label", Primitive::Int) };
/// assert_eq!(change.to_string(), "- label: int");
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A field is new.
    Added {
        /// The field's path.
        path: String,
        /// The new field.
        field: Field,
    },
    /// A field is gone.
    Removed {
        /// The field's path.
        path: String,
        /// The old field.
        field: Field,
    },
    /// The type is another one.
    Type {
        /// The field's path.
        path: String,
        /// The old type.
        old: FieldType,
        /// The new type.
        new: FieldType,
    },
    /// A field became optional or required.
    Optional {
        /// The field's path.
        path: String,
        /// Whether the new field is optional.
        optional: bool,
    },
    /// The default is another one.
    Default {
        /// The field's path.
        path: String,
        /// The old default.
        old: Option<Value>,
        /// The new default.
        new: Option<Value>,
    },
    /// The description is another one.
    Description {
        /// The field's path.
        path: String,
        /// The old description.
        old: Option<String>,
        /// The new description.
        new: Option<String>,
    },
}

impl SchemaDiff {
    /// Whether the fields are the same, descriptions apart.
    pub fn is_identical(&self) -> bool {
        self.changes.iter().all(|change| matches!(change, Change::Description { .. }))
    }

    /// Whether samples that were written with the old schema can be read with the new one, leniently: unknown fields
    /// are skipped, missing ones take their default or nil, and integers are taken as floats.
    pub fn can_read_old_data(&self) -> bool {
        self.backward.is_empty()
    }

    /// Whether samples that are written with the new schema can be read with the old one, leniently.
    pub fn can_old_read_new(&self) -> bool {
        self.forward.is_empty()
    }

    /// Why [`SchemaDiff::can_read_old_data`] is false: one line a reason, each beginning with the field's path.
    pub fn backward(&self) -> &[String] {
        &self.backward
    }

    /// Why [`SchemaDiff::can_old_read_new`] is false: one line a reason, each beginning with the field's path.
    pub fn forward(&self) -> &[String] {
        &self.forward
    }
}

fn compare_fields(prefix: &str, old: &[Field], new: &[Field], changes: &mut Vec<Change>) {
    let (old_by_name, new_by_name) = (by_name(old), by_name(new));
    for field in distinct(old, &old_by_name) {
        let path = format!("{prefix}{}", field.name);
        match new_by_name.get(field.name.as_str()) {
            Some(new) => compare_field(path, field, new, changes),
            None => changes.push(Change::Removed { path, field: field.clone() }),
        }
    }
    for field in distinct(new, &new_by_name).filter(|field| !old_by_name.contains_key(field.name.as_str())) {
        changes.push(Change::Added { path: format!("{prefix}{}", field.name), field: field.clone() });
    }
}

fn by_name(fields: &[Field]) -> HashMap<&str, &Field> {
    fields.iter().rev().map(|field| (field.name.as_str(), field)).collect()
}

/// The fields in order; of several with one name, which is invalid, the first.
fn distinct<'a>(fields: &'a [Field], by_name: &HashMap<&str, &Field>) -> impl Iterator<Item = &'a Field> {
    fields
        .iter()
        .filter(|field| by_name.get(field.name.as_str()).is_some_and(|first| std::ptr::eq(*first, *field)))
}

fn compare_field(path: String, old: &Field, new: &Field, changes: &mut Vec<Change>) {
    compare_types(&path, &old.field_type, &new.field_type, changes);
    if old.optional != new.optional {
        changes.push(Change::Optional { path: path.clone(), optional: new.optional });
    }
    if old.default != new.default {
        let (old, new) = (old.default.clone(), new.default.clone());
        changes.push(Change::Default { path: path.clone(), old, new });
    }
    if old.description != new.description {
        let (old, new) = (old.description.clone(), new.description.clone());
        changes.push(Change::Description { path, old, new });
    }
}

fn compare_types(path: &str, old: &FieldType, new: &FieldType, changes: &mut Vec<Change>) {
    match (old, new) {
        (FieldType::Object(old), FieldType::Object(new)) => {
            compare_fields(&format!("{path}."), old, new, changes);
        }
        (FieldType::Array(old), FieldType::Array(new)) => {
            compare_types(&format!("{path}[]"), old, new, changes)
        }
        (FieldType::Map(old), FieldType::Map(new)) => {
            compare_types(&format!("{path}{{}}"), old, new, changes)
        }
        (FieldType::Nullable(old), FieldType::Nullable(new)) => compare_types(path, old, new, changes),
        (old, new) if old != new => {
            changes.push(Change::Type { path: path.to_owned(), old: old.clone(), new: new.clone() });
        }
        _ => {}
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    NewReadsOld,
    OldReadsNew,
}

impl Direction {
    /// The side that wrote the data, in words.
    fn writer(self) -> &'static str {
        match self {
            Direction::NewReadsOld => "old",
            Direction::OldReadsNew => "new",
        }
    }
}

/// Collects why data written with `writer` cannot be read with `reader`.
fn check_fields(
    prefix: &str,
    writer: &[Field],
    reader: &[Field],
    direction: Direction,
    blockers: &mut Vec<String>,
) {
    let written = by_name(writer);
    for field in reader {
        let path = format!("{prefix}{}", field.name);
        match written.get(field.name.as_str()) {
            None if field.optional || field.default.is_some() => {}
            None => {
                blockers.push(format!("{path}: is required but {} data does not have it", direction.writer()))
            }
            Some(written) => {
                if written.optional && !accepts_nil(&field.field_type, field.optional) {
                    blockers
                        .push(format!("{path}: is required but may be nil in {} data", direction.writer()));
                }
                check_types(&path, &written.field_type, &field.field_type, direction, blockers);
            }
        }
    }
}

fn accepts_nil(field_type: &FieldType, optional: bool) -> bool {
    optional || matches!(field_type, FieldType::Any | FieldType::Nullable(_))
}

fn check_types(
    path: &str,
    writer: &FieldType,
    reader: &FieldType,
    direction: Direction,
    blockers: &mut Vec<String>,
) {
    match (writer, reader) {
        (_, FieldType::Any)
        | (FieldType::Primitive(Primitive::Int), FieldType::Primitive(Primitive::Float)) => {}
        (writer, FieldType::Primitive(Primitive::Bytes)) if writer.is_binary() => {}
        (FieldType::Nullable(writer), FieldType::Nullable(reader)) => {
            check_types(path, writer, reader, direction, blockers);
        }
        (writer, FieldType::Nullable(reader)) => check_types(path, writer, reader, direction, blockers),
        (FieldType::Nullable(_), _) => {
            blockers.push(format!("{path}: may be nil in {} data", direction.writer()));
        }
        (FieldType::Array(writer), FieldType::Array(reader)) => {
            check_types(&format!("{path}[]"), writer, reader, direction, blockers);
        }
        (FieldType::Map(writer), FieldType::Map(reader)) => {
            check_types(&format!("{path}{{}}"), writer, reader, direction, blockers);
        }
        (FieldType::Object(writer), FieldType::Object(reader)) => {
            check_fields(&format!("{path}."), writer, reader, direction, blockers);
        }
        (FieldType::Object(writer), FieldType::Map(values)) => {
            for field in writer {
                let path = format!("{path}.{}", field.name);
                if field.optional && !accepts_nil(values, false) {
                    blockers.push(format!("{path}: may be nil in {} data", direction.writer()));
                }
                check_types(&path, &field.field_type, values, direction, blockers);
            }
        }
        (FieldType::NdArray(writer), FieldType::NdArray(reader))
        | (FieldType::Structured(writer), FieldType::Structured(reader))
            if arrays_agree(writer, reader, direction) => {}
        (writer, reader) if writer == reader => {}
        (writer, reader) => {
            blockers
                .push(format!("{path}: {} data holds {writer}, which is not {reader}", direction.writer()));
        }
    }
}

/// Whether nothing that both sides state differs.
fn arrays_agree(writer: &ArrayType, reader: &ArrayType, direction: Direction) -> bool {
    let dtypes = match (&writer.dtype, &reader.dtype) {
        (Some(writer), Some(reader)) => {
            let (old, new) = match direction {
                Direction::NewReadsOld => (writer, reader),
                Direction::OldReadsNew => (reader, writer),
            };
            // Python 0.2 stores `int8` for `uint8`, and so on.
            old == new || new.strip_prefix('u').is_some_and(|signed| signed == old)
        }
        _ => true,
    };
    let shapes = match (&writer.shape, &reader.shape) {
        (Some(writer), Some(reader)) => {
            writer.len() == reader.len()
                && writer.iter().zip(reader).all(|lengths| !matches!(lengths, (Some(a), Some(b)) if a != b))
        }
        _ => true,
    };
    dtypes && shapes
}

/// A heading and one line a change: `+` added, `-` removed, `~` changed.
impl fmt::Display for SchemaDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.heading)?;
        if self.changes.is_empty() {
            f.write_str("\nno difference")?;
        }
        self.changes.iter().try_for_each(|change| write!(f, "\n{change}"))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The field prints its name, the path may have more.
        let field = |sign: char, path: &str, field: &Field| {
            format!("{sign} {}", Field { name: path.to_owned(), ..field.clone() })
        };
        match self {
            Change::Added { path, field: added } => f.write_str(&field('+', path, added)),
            Change::Removed { path, field: removed } => f.write_str(&field('-', path, removed)),
            Change::Type { path, old, new } => write!(f, "~ {path}: {old} -> {new}"),
            Change::Optional { path, optional: true } => write!(f, "~ {path}: required -> optional"),
            Change::Optional { path, optional: false } => write!(f, "~ {path}: optional -> required"),
            Change::Default { path, old, new } => {
                let show =
                    |default: &Option<Value>| default.as_ref().map_or("none".to_owned(), Value::to_string);
                write!(f, "~ {path}: default {} -> {}", show(old), show(new))
            }
            Change::Description { path, old, new } => {
                let show = |text: &Option<String>| {
                    text.as_ref().map_or("none".to_owned(), |text| format!("{text:?}"))
                };
                write!(f, "~ {path}: description {} -> {}", show(old), show(new))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(fields: impl IntoIterator<Item = Field>) -> SampleSchema {
        SampleSchema { fields: fields.into_iter().collect(), ..SampleSchema::new("S") }
    }

    fn of(field_type: impl Into<FieldType>) -> SampleSchema {
        schema([Field::new("a", field_type)])
    }

    /// (new reads old, old reads new)
    fn compatible(old: &SampleSchema, new: &SampleSchema) -> (bool, bool) {
        let difference = diff(old, new);
        (difference.can_read_old_data(), difference.can_old_read_new())
    }

    #[test]
    fn every_kind_of_change_is_shown() {
        let old = schema([
            Field::new("gone", Primitive::Int),
            Field::new("typed", Primitive::Int),
            Field::new("opt", Primitive::Str),
            Field::new("points", FieldType::list(FieldType::Object(vec![Field::new("x", Primitive::Int)]))),
        ]);
        let new = schema([
            Field::new("points", FieldType::list(FieldType::Object(vec![Field::new("x", Primitive::Float)]))),
            Field::new("opt", Primitive::Str).optional().with_default("d").with_description("text"),
            Field::new("typed", Primitive::Bool),
            Field::new("added", FieldType::ndarray("uint8")).optional(),
        ]);
        let difference = diff(&old, &new);
        assert_eq!(
            difference.to_string(),
            "S 1.0.0 -> S 1.0.0\n\
             - gone: int\n\
             ~ typed: int -> bool\n\
             ~ opt: required -> optional\n\
             ~ opt: default none -> \"d\"\n\
             ~ opt: description none -> \"text\"\n\
             ~ points[].x: int -> float\n\
             + added: ndarray<uint8>?"
        );
        assert_eq!(difference.backward(), ["typed: old data holds int, which is not bool"]);
        assert_eq!(
            difference.forward(),
            [
                "gone: is required but new data does not have it",
                "typed: new data holds bool, which is not int",
                "opt: is required but may be nil in new data",
                "points[].x: new data holds float, which is not int",
            ]
        );
    }

    #[test]
    fn order_and_descriptions_are_no_structural_change() {
        let a = || Field::new("a", Primitive::Int);
        let b = || Field::new("b", Primitive::Int);
        let difference = diff(&schema([a(), b()]), &schema([b().with_description("b"), a()]));
        assert!(difference.is_identical());
        assert_eq!(difference.changes.len(), 1);
    }

    #[test]
    fn of_doubled_fields_the_first_counts() {
        let doubled = schema([Field::new("a", Primitive::Int), Field::new("a", Primitive::Str)]);
        assert!(diff(&doubled, &doubled).is_identical());
        assert!(diff(&doubled, &of(Primitive::Int)).is_identical());
    }

    #[test]
    fn integers_widen_to_floats_only() {
        assert_eq!(compatible(&of(Primitive::Int), &of(Primitive::Float)), (true, false));
        assert_eq!(compatible(&of(Primitive::Int), &of(Primitive::Str)), (false, false));
        assert_eq!(compatible(&of(Primitive::Bool), &of(FieldType::Any)), (true, false));
    }

    #[test]
    fn binary_values_can_be_read_as_bytes_but_not_the_other_way() {
        assert_eq!(compatible(&of(FieldType::Sparse), &of(Primitive::Bytes)), (true, false));
        assert_eq!(compatible(&of(FieldType::ndarray("int8")), &of(Primitive::Bytes)), (true, false));
    }

    #[test]
    fn nil_needs_a_reader_that_takes_it() {
        let optional = schema([Field::new("a", Primitive::Int).optional()]);
        assert_eq!(compatible(&optional, &of(Primitive::Int)), (false, true));
        assert_eq!(compatible(&optional, &of(FieldType::Any)), (true, false));
        let list = |inner: FieldType| of(FieldType::list(inner));
        let nullable = list(FieldType::nullable(Primitive::Int));
        assert_eq!(compatible(&nullable, &list(Primitive::Int.into())), (false, true));
    }

    #[test]
    fn arrays_agree_where_nothing_stated_differs() {
        let array = |dtype: Option<&str>, shape: Option<Vec<Option<u64>>>| {
            of(ArrayType { dtype: dtype.map(str::to_owned), shape, dimension_names: None })
        };
        assert_eq!(compatible(&array(Some("uint8"), None), &array(Some("float32"), None)), (false, false));
        assert_eq!(compatible(&array(None, None), &array(Some("float32"), None)), (true, true));
        let (fixed, open) = (Some(vec![Some(3), Some(4)]), Some(vec![None, Some(4)]));
        assert_eq!(compatible(&array(None, fixed.clone()), &array(None, open)), (true, true));
        assert_eq!(
            compatible(&array(None, fixed.clone()), &array(None, Some(vec![Some(3)]))),
            (false, false)
        );
        assert_eq!(
            compatible(&array(None, fixed), &array(None, Some(vec![Some(3), Some(5)]))),
            (false, false)
        );
    }

    #[test]
    fn stored_signed_dtypes_may_mean_unsigned_ones_of_the_same_width() {
        let array = |dtype: &str| of(FieldType::ndarray(dtype));
        assert_eq!(compatible(&array("int8"), &array("uint8")), (true, true));
        assert_eq!(compatible(&array("uint8"), &array("int8")), (false, false));
        assert_eq!(compatible(&array("int8"), &array("uint16")), (false, false));
        assert!(!diff(&array("int8"), &array("uint8")).is_identical());
    }

    #[test]
    fn nested_structs_follow_the_rules_of_samples() {
        let object = |fields: Vec<Field>| of(FieldType::Object(fields));
        let x = || Field::new("x", Primitive::Int);
        let wide = object(vec![x(), Field::new("y", Primitive::Int)]);
        assert_eq!(compatible(&wide, &object(vec![x()])), (true, false));
        assert_eq!(compatible(&wide, &of(FieldType::map(Primitive::Float))), (true, false));
        assert_eq!(compatible(&wide, &of(FieldType::map(Primitive::Str))), (false, false));
    }
}
