//! The schema model: plain data.

use std::collections::HashSet;
use std::fmt;

use time::OffsetDateTime;

use super::version::SchemaVersion;
use crate::{Error, Map, Result, ResultExt, Value};

/// How deep field types may be nested, on reading and in [`SampleSchema::validate`].
pub const MAX_DEPTH: usize = 32;

/// The fields that the samples of a dataset have.
///
/// ```
/// use atdata_core::schema::{Field, Primitive, SampleSchema, FieldType};
///
/// let schema = SampleSchema::new("Digit")
///     .field(Field::new("label", Primitive::Int))
///     .field(Field::new("image", FieldType::ndarray("uint8")).optional());
/// assert_eq!(schema.to_string(), "Digit 1.0.0 {\n    label: int,\n    image: ndarray<uint8>?,\n}");
/// assert!(schema.validate().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SampleSchema {
    /// The name, by convention that of the class or struct.
    pub name: String,
    /// The version.
    pub version: SchemaVersion,
    /// The fields in declaration order. The order is lost in ATProto records: match fields by name.
    pub fields: Vec<Field>,
    /// What a sample is, in words.
    pub description: Option<String>,
    /// When the schema was published.
    pub created_at: Option<OffsetDateTime>,
    /// What else the publisher said, for instance `license` and `tags`.
    pub metadata: Option<Map>,
}

impl SampleSchema {
    /// A schema of version 1.0.0 without fields.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: SchemaVersion::default(),
            fields: Vec::new(),
            description: None,
            created_at: None,
            metadata: None,
        }
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
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

    /// The field of a name.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Checks that the schema can be published such that Python can decode it, our own field types apart.
    ///
    /// # Errors
    /// `Invalid`, naming the field, if a name is not an identifier or is a Python keyword, if two fields have one name,
    /// if there is no field, or if types are nested deeper than 32 levels.
    pub fn validate(&self) -> Result<()> {
        // Python accepts qualified names (`module.Class`).
        self.name.split('.').try_for_each(check_identifier).context("schema", &self.name)?;
        if self.fields.is_empty() {
            return Err(Error::invalid("a schema has at least one field").with("schema", &self.name));
        }
        check_fields(&self.fields, 0).context("schema", &self.name)
    }

    /// The same schema without the dtypes that Python's publishers do not record reliably: `float32`, which also stands
    /// for "not stated", and the signed integers, which version 0.2 writes for unsigned ones.
    ///
    /// Use it on a schema that Python published before comparing it with a declared type; the arrays themselves carry
    /// the true dtype.
    #[must_use]
    pub fn without_uncertain_dtypes(mut self) -> Self {
        fn clear(field_type: &mut FieldType) {
            match field_type {
                FieldType::NdArray(array) => {
                    array.dtype.take_if(|dtype| {
                        ["float32", "int8", "int16", "int32", "int64"].contains(&dtype.as_str())
                    });
                }
                FieldType::Array(inner) | FieldType::Map(inner) | FieldType::Nullable(inner) => clear(inner),
                FieldType::Object(fields) => fields.iter_mut().for_each(|field| clear(&mut field.field_type)),
                _ => {}
            }
        }
        self.fields.iter_mut().for_each(|field| clear(&mut field.field_type));
        self
    }
}

/// One field of a sample.
///
/// ```
/// use atdata_core::schema::{Field, Primitive};
///
/// let field = Field::new("score", Primitive::Float).with_default(0.5).with_description("0 to 1");
/// assert_eq!(field.to_string(), "score: float = 0.5");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name: the key in the sample's msgpack map.
    pub name: String,
    /// The type.
    pub field_type: FieldType,
    /// Whether the value may be nil.
    pub optional: bool,
    /// What the field holds, in words. An extension: Python ignores it.
    pub description: Option<String>,
    /// The value that a sample without the field has. An extension: Python ignores it.
    pub default: Option<Value>,
}

impl Field {
    /// A required field.
    pub fn new(name: impl Into<String>, field_type: impl Into<FieldType>) -> Self {
        Self {
            name: name.into(),
            field_type: field_type.into(),
            optional: false,
            description: None,
            default: None,
        }
    }

    /// Allows nil.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Sets the description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the default.
    #[must_use]
    pub fn with_default(mut self, default: impl Into<Value>) -> Self {
        self.default = Some(default.into());
        self
    }
}

/// The type of a field's value.
///
/// ```
/// use atdata_core::schema::{FieldType, Primitive};
///
/// let list_of_texts = FieldType::list(Primitive::Str);
/// assert_eq!(list_of_texts.to_string(), "list<str>");
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum FieldType {
    /// Text, a number, a boolean or bytes.
    Primitive(Primitive),
    /// An n-dimensional array.
    NdArray(ArrayType),
    /// A list. `Array(Any)` is a list without a declared item type.
    Array(Box<FieldType>),
    /// An array of structs (a numpy structured array).
    Structured(ArrayType),
    /// A sparse matrix.
    Sparse,
    /// An Arrow tensor.
    ArrowTensor,
    /// Named tensors in the safetensors format.
    Safetensors,
    /// A data frame, as Parquet.
    DataFrame,
    /// A reference to another schema. Python stores it and cannot decode it.
    Ref(String),
    /// A map from text to values of one type. An extension: Python cannot decode it.
    Map(Box<FieldType>),
    /// A nested struct. An extension: Python cannot decode it.
    Object(Vec<Field>),
    /// Any value. An extension: Python cannot decode it, but inside a list.
    Any,
    /// A value or nil, as item of a list or a map; for fields there is [`Field::optional`]. An extension: Python cannot
    /// decode it.
    Nullable(Box<FieldType>),
}

impl FieldType {
    /// An array of a dtype, `float32` for instance.
    pub fn ndarray(dtype: impl Into<String>) -> Self {
        FieldType::NdArray(ArrayType { dtype: Some(dtype.into()), ..ArrayType::default() })
    }

    /// A list of items of a type.
    pub fn list(items: impl Into<FieldType>) -> Self {
        FieldType::Array(Box::new(items.into()))
    }

    /// A map from text to values of a type.
    pub fn map(values: impl Into<FieldType>) -> Self {
        FieldType::Map(Box::new(values.into()))
    }

    /// A value of a type, or nil.
    pub fn nullable(inner: impl Into<FieldType>) -> Self {
        FieldType::Nullable(Box::new(inner.into()))
    }

    /// Whether a value of this type is a msgpack `bin`.
    pub fn is_binary(&self) -> bool {
        matches!(
            self,
            FieldType::Primitive(Primitive::Bytes)
                | FieldType::NdArray(_)
                | FieldType::Structured(_)
                | FieldType::Sparse
                | FieldType::ArrowTensor
                | FieldType::Safetensors
                | FieldType::DataFrame
        )
    }
}

impl From<Primitive> for FieldType {
    fn from(primitive: Primitive) -> Self {
        FieldType::Primitive(primitive)
    }
}

impl From<ArrayType> for FieldType {
    fn from(array: ArrayType) -> Self {
        FieldType::NdArray(array)
    }
}

/// A scalar type.
///
/// ```
/// use atdata_core::schema::Primitive;
///
/// assert_eq!(Primitive::from_name("bytes"), Some(Primitive::Bytes));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Primitive {
    /// Text.
    Str,
    /// An integer of −2⁶³ to 2⁶⁴−1.
    Int,
    /// A 64-bit float.
    Float,
    /// A boolean.
    Bool,
    /// Bytes.
    Bytes,
}

impl Primitive {
    /// The name in schemas.
    pub const fn name(self) -> &'static str {
        match self {
            Primitive::Str => "str",
            Primitive::Int => "int",
            Primitive::Float => "float",
            Primitive::Bool => "bool",
            Primitive::Bytes => "bytes",
        }
    }

    /// The primitive of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        use Primitive::{Bool, Bytes, Float, Int, Str};
        [Str, Int, Float, Bool, Bytes].into_iter().find(|primitive| primitive.name() == name)
    }
}

/// What a schema says about an array; all of it is a hint, the array's own header decides.
///
/// ```
/// use atdata_core::schema::ArrayType;
///
/// let array = ArrayType { dtype: Some("uint8".into()), shape: Some(vec![None, Some(28)]), dimension_names: None };
/// assert_eq!(array.to_string(), "uint8, (?, 28)");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ArrayType {
    /// The dtype by numpy's name (`float32`, `uint8`, …), if it is stated.
    ///
    /// Schemas that Python published are not to be trusted: `float32` is also written where none was stated, and
    /// version 0.2 writes the signed name for every unsigned integer (`int8` for `uint8`). See
    /// [`SampleSchema::without_uncertain_dtypes`].
    pub dtype: Option<String>,
    /// The lengths of the dimensions, `None` for those that vary.
    pub shape: Option<Vec<Option<u64>>>,
    /// The names of the dimensions.
    pub dimension_names: Option<Vec<String>>,
}

fn check_fields(fields: &[Field], depth: usize) -> Result<()> {
    let mut seen = HashSet::new();
    for field in fields {
        check_identifier(&field.name).context("field", &field.name)?;
        if !seen.insert(field.name.as_str()) {
            return Err(Error::invalid("two fields have the same name").with("field", &field.name));
        }
        check_type(&field.field_type, depth).context("field", &field.name)?;
    }
    Ok(())
}

fn check_type(field_type: &FieldType, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    match field_type {
        FieldType::Array(inner) | FieldType::Map(inner) | FieldType::Nullable(inner) => {
            check_type(inner, depth + 1)
        }
        FieldType::Object(fields) => check_fields(fields, depth + 1),
        _ => Ok(()),
    }
}

pub(super) fn too_deep() -> Error {
    Error::invalid(format!("field types are nested deeper than {MAX_DEPTH} levels"))
}

const PYTHON_KEYWORDS: &str = "False None True and as assert async await break class continue def del elif else except \
    finally for from global if import in is lambda nonlocal not or pass raise return try while with yield";

/// An identifier in Python's sense (of non-ASCII characters letters only) that is not a keyword.
fn check_identifier(name: &str) -> Result<()> {
    let starts = name.chars().next().is_some_and(|c| c == '_' || c.is_alphabetic());
    let legal = |c: char| c == '_' || c.is_ascii_digit() || c.is_alphabetic();
    if !starts || !name.chars().all(legal) {
        return Err(Error::invalid(format!(
            "{name:?} is not an identifier (letters, digits and underscores)"
        )));
    }
    if PYTHON_KEYWORDS.split(' ').any(|keyword| keyword == name) {
        return Err(Error::invalid(format!("{name:?} is a Python keyword and cannot name a field or type")));
    }
    Ok(())
}

/// A listing like that of a struct.
impl fmt::Display for SampleSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.name, self.version)?;
        write_fields(f, &self.fields, 0)
    }
}

fn write_fields(f: &mut fmt::Formatter<'_>, fields: &[Field], depth: usize) -> fmt::Result {
    f.write_str("{")?;
    for field in fields {
        write!(f, "\n{:1$}", "", 4 * (depth + 1))?;
        write_field(f, field, depth + 1)?;
        f.write_str(",")?;
    }
    if fields.is_empty() {
        return f.write_str("}");
    }
    write!(f, "\n{:1$}}}", "", 4 * depth)
}

fn write_field(f: &mut fmt::Formatter<'_>, field: &Field, depth: usize) -> fmt::Result {
    write!(f, "{}: ", field.name)?;
    write_type(f, &field.field_type, depth)?;
    if field.optional {
        f.write_str("?")?;
    }
    field.default.as_ref().map_or(Ok(()), |default| write!(f, " = {default}"))
}

fn write_type(f: &mut fmt::Formatter<'_>, field_type: &FieldType, depth: usize) -> fmt::Result {
    let with_array = |f: &mut fmt::Formatter<'_>, kind: &str, array: &ArrayType| {
        if *array == ArrayType::default() { f.write_str(kind) } else { write!(f, "{kind}<{array}>") }
    };
    let with_inner = |f: &mut fmt::Formatter<'_>, kind: &str, inner: &FieldType| {
        write!(f, "{kind}<")?;
        write_type(f, inner, depth)?;
        f.write_str(">")
    };
    match field_type {
        FieldType::Primitive(primitive) => f.write_str(primitive.name()),
        FieldType::NdArray(array) => with_array(f, "ndarray", array),
        FieldType::Structured(array) => with_array(f, "structured", array),
        FieldType::Array(inner) => with_inner(f, "list", inner),
        FieldType::Map(inner) => with_inner(f, "map", inner),
        FieldType::Sparse => f.write_str("sparse"),
        FieldType::ArrowTensor => f.write_str("arrow_tensor"),
        FieldType::Safetensors => f.write_str("safetensors"),
        FieldType::DataFrame => f.write_str("dataframe"),
        FieldType::Ref(target) => write!(f, "ref<{target}>"),
        FieldType::Object(fields) => write_fields(f, fields, depth),
        FieldType::Any => f.write_str("any"),
        FieldType::Nullable(inner) => {
            write_type(f, inner, depth)?;
            f.write_str("?")
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_field(f, self, 0)
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_type(f, self, 0)
    }
}

impl fmt::Display for Primitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The stated parts: dtype, then the shape with names where there are any.
impl fmt::Display for ArrayType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.dtype.as_deref().unwrap_or("?"))?;
        let names = self.dimension_names.as_deref().unwrap_or_default();
        let rank = self.shape.as_ref().map_or(names.len(), Vec::len);
        if self.shape.is_none() && names.is_empty() {
            return Ok(());
        }
        f.write_str(", (")?;
        for i in 0..rank {
            let length = self.shape.as_ref().and_then(|shape| shape.get(i).copied().flatten());
            let (comma, name) = (if i == 0 { "" } else { ", " }, names.get(i));
            match (name, length) {
                (Some(name), Some(length)) => write!(f, "{comma}{name} {length}")?,
                (Some(name), None) => write!(f, "{comma}{name}")?,
                (None, Some(length)) => write!(f, "{comma}{length}")?,
                (None, None) => write!(f, "{comma}?")?,
            }
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validate_names_the_field_that_is_wrong() {
        let with = |name: &str| SampleSchema::new("S").field(Field::new(name, Primitive::Int)).validate();
        for name in ["class", "None", "1a", "a-b", "", "a b", "a.b"] {
            assert_eq!(with(name).unwrap_err().context_value("field"), Some(name));
        }
        for name in ["_a1", "été", "match", "type"] {
            assert!(with(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn doubled_fields_and_empty_schemas_are_invalid() {
        let field = || Field::new("a", Primitive::Int);
        assert!(SampleSchema::new("S").field(field()).field(field()).validate().is_err());
        assert!(SampleSchema::new("S").validate().is_err());
        assert!(SampleSchema::new("pkg.S").field(field()).validate().is_ok());
        assert!(SampleSchema::new("pkg..S").field(field()).validate().is_err());
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth| (0..depth).fold(FieldType::Any, |inner, _| FieldType::list(inner));
        let check = |depth| SampleSchema::new("S").field(Field::new("a", nested(depth))).validate();
        assert!(check(MAX_DEPTH).is_ok());
        assert!(check(MAX_DEPTH + 1).is_err());
    }

    #[test]
    fn nested_structs_are_listed_with_indentation() {
        let point = FieldType::Object(vec![Field::new("x", Primitive::Float)]);
        let array = ArrayType {
            shape: Some(vec![None, Some(3)]),
            dimension_names: Some(vec!["y".into()]),
            dtype: None,
        };
        let schema = SampleSchema::new("S")
            .field(Field::new("points", FieldType::list(FieldType::nullable(point))))
            .field(Field::new("grid", array));
        assert_eq!(
            schema.to_string(),
            "S 1.0.0 {\n    points: list<{\n        x: float,\n    }?>,\n    grid: ndarray<?, (y, 3)>,\n}"
        );
    }

    #[test]
    fn uncertain_dtypes_are_dropped_and_others_stay() {
        let schema = SampleSchema::new("S")
            .field(Field::new("a", FieldType::ndarray("int8")))
            .field(Field::new("b", FieldType::list(FieldType::ndarray("float32"))))
            .field(Field::new("c", FieldType::ndarray("uint8")))
            .without_uncertain_dtypes();
        let types: Vec<_> = schema.fields.iter().map(|field| field.field_type.to_string()).collect();
        assert_eq!(types, ["ndarray", "list<ndarray>", "ndarray<uint8>"]);
    }
}
