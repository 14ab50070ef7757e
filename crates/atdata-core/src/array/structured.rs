//! Records: dtypes of named fields, and the lists that describe them in `.npy` headers.

use std::collections::HashSet;
use std::ops::Range;

use super::byte_order::ByteOrder;
use super::dtype::{DType, DTypeKind};
use super::literal::Literal;
use super::shape::checked_nbytes;
use crate::{Error, Result, ResultExt};

/// How deep records may hold records.
const MAX_DEPTH: usize = 32;

/// The fields of a record, in the order of their offsets.
///
/// Fields do not overlap; gaps between them, and after the last one, are padding. A `.npy` header can describe such
/// records only, so numpy cannot store any other.
///
/// ```
/// use atdata_core::array::{DType, Field, Structured};
///
/// let point = Structured::packed([
///     Field::new("id", "|u1".parse()?),
///     Field::new("position", "<f4".parse()?).with_shape(&[3]),
/// ])?;
/// assert_eq!(point.itemsize(), 13);
/// assert_eq!(DType::structured(point).to_string(), "[('id', '|u1'), ('position', '<f4', (3,))]");
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Structured {
    fields: Vec<Field>,
    itemsize: usize,
    depth: usize,
}

/// One field of a [`Structured`] dtype.
///
/// ```
/// use atdata_core::array::Field;
///
/// let field = Field::new("rgb", "|u1".parse()?).with_shape(&[3]).with_offset(8);
/// assert_eq!((field.name(), field.shape(), field.offset()), ("rgb", &[3][..], 8));
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    name: String,
    title: Option<String>,
    dtype: DType,
    shape: Vec<usize>,
    offset: usize,
}

impl Field {
    /// A field that holds one element of a dtype, at offset 0.
    pub fn new(name: impl Into<String>, dtype: DType) -> Self {
        Self { name: name.into(), title: None, dtype, shape: Vec::new(), offset: 0 }
    }

    /// Makes the field a sub-array: a block of elements in C order.
    #[must_use]
    pub fn with_shape(mut self, shape: &[usize]) -> Self {
        self.shape = shape.to_vec();
        self
    }

    /// Sets numpy's second name for the field.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets where in the record the field begins, in bytes.
    #[must_use]
    pub fn with_offset(mut self, offset: usize) -> Self {
        self.offset = offset;
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// numpy's second name for the field.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// The dtype of the field's elements.
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// The shape of the sub-array; empty for a single element.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Where in the record the field begins, in bytes.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The bytes of the record that the field takes. Only for fields of a [`Structured`], which has checked them.
    pub(super) fn range(&self) -> Range<usize> {
        self.offset..self.shape.iter().fold(self.dtype.itemsize(), |size, dim| size * dim) + self.offset
    }

    fn checked_end(&self) -> Result<usize> {
        // Elements of zero bytes are harmless here; their number is bounded as if each had one.
        let size = checked_nbytes(&self.shape, self.dtype.itemsize().max(1))?;
        let size = if self.dtype.itemsize() == 0 { 0 } else { size };
        let end = self.offset.checked_add(size).filter(|end| isize::try_from(*end).is_ok());
        end.ok_or_else(|| Error::invalid("the record is too big"))
    }

    /// Whether a `.npy` reader takes the field for padding.
    fn is_padding(&self) -> bool {
        self.name.is_empty() && (!self.shape.is_empty() || matches!(self.dtype.kind(), DTypeKind::Void(_)))
    }
}

impl Structured {
    /// A record of `itemsize` bytes with fields at the offsets they state.
    ///
    /// # Errors
    /// `Invalid` if fields overlap, are not in the order of their offsets, reach past the end, share a name or title, or
    /// nest deeper than 32 records.
    pub fn new(fields: Vec<Field>, itemsize: usize) -> Result<Self> {
        let mut names = HashSet::new();
        let mut end = 0;
        let mut depth = 1;
        for field in &fields {
            if field.is_padding() {
                return Err(Error::invalid("a field without a name is padding and has no place in the list"));
            }
            if field.offset < end {
                return Err(Error::invalid("fields overlap or are not in the order of their offsets")
                    .with("field", &field.name));
            }
            end = field.checked_end().context("field", &field.name)?;
            if !names.insert(&field.name) || field.title.as_ref().is_some_and(|title| !names.insert(title)) {
                return Err(Error::invalid("two fields have the same name").with("field", &field.name));
            }
            depth = depth.max(field.dtype.as_structured().map_or(1, |inner| inner.depth + 1));
        }
        if end > itemsize || isize::try_from(itemsize).is_err() {
            return Err(Error::invalid(format!("the fields take {end} bytes, the record has {itemsize}")));
        }
        if depth > MAX_DEPTH {
            return Err(Error::invalid(format!("records nest deeper than {MAX_DEPTH}")));
        }
        Ok(Self { fields, itemsize, depth })
    }

    /// A record whose fields follow each other without padding; the offsets that they state are ignored.
    ///
    /// # Errors
    /// As [`Structured::new`].
    pub fn packed(fields: impl IntoIterator<Item = Field>) -> Result<Self> {
        let mut placed = Vec::new();
        let mut end = 0;
        for field in fields {
            let field = field.with_offset(end);
            end = field.checked_end().context("field", &field.name)?;
            placed.push(field);
        }
        Self::new(placed, end)
    }

    /// The fields, in the order of their offsets.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The field of a name or title.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name || field.title.as_deref() == Some(name))
    }

    /// The size of a record in bytes, padding included.
    pub fn itemsize(&self) -> usize {
        self.itemsize
    }

    pub(super) fn with_byte_order(&self, order: ByteOrder) -> Self {
        let fields = self
            .fields
            .iter()
            .map(|f| Field { dtype: f.dtype.with_byte_order(order), ..f.clone() })
            .collect();
        Self { fields, ..self.clone() }
    }
}

/// The `descr` of a dtype: its string, or the list of its fields with padding made explicit.
pub(super) fn to_literal(dtype: &DType) -> Literal {
    let Some(structured) = dtype.as_structured() else { return Literal::Str(dtype.to_string()) };
    let text = |text: &str| Literal::Str(text.to_owned());
    let mut items = Vec::new();
    let pad = |items: &mut Vec<Literal>, from: usize, to: usize| {
        if to > from {
            items.push(Literal::Tuple(vec![text(""), Literal::Str(format!("|V{}", to - from))]));
        }
    };
    let mut end = 0;
    for field in &structured.fields {
        pad(&mut items, end, field.offset);
        let name = match &field.title {
            Some(title) => Literal::Tuple(vec![text(title), text(&field.name)]),
            None => text(&field.name),
        };
        let mut item = vec![name, to_literal(&field.dtype)];
        if !field.shape.is_empty() {
            // A checked shape fits; the conversion cannot lose anything.
            item.push(Literal::Tuple(field.shape.iter().map(|dim| Literal::Int(*dim as i128)).collect()));
        }
        items.push(Literal::Tuple(item));
        end = field.range().end;
    }
    pad(&mut items, end, structured.itemsize);
    Literal::List(items)
}

/// Reads a `descr`. The literal's own bound on nesting bounds the recursion.
pub(super) fn from_literal(descr: &Literal) -> Result<DType> {
    match descr {
        Literal::Str(text) => text.parse(),
        Literal::List(items) => {
            let mut fields = Vec::with_capacity(items.len());
            let mut end = 0;
            for item in items {
                let field = field_from_literal(item)?.with_offset(end);
                end = field.checked_end().context("field", &field.name)?;
                if !field.is_padding() {
                    fields.push(field);
                }
            }
            Ok(DType::structured(Structured::new(fields, end)?))
        }
        other => Err(Error::invalid(format!("`{}` does not describe a dtype", shown(other)))),
    }
}

fn field_from_literal(item: &Literal) -> Result<Field> {
    let malformed = || Error::invalid(format!("`{}` does not describe a field", shown(item)));
    let Literal::Tuple(parts) = item else { return Err(malformed()) };
    let (name, descr, shape) = match parts.as_slice() {
        [name, descr] => (name, descr, None),
        [name, descr, shape] => (name, descr, Some(shape)),
        _ => return Err(malformed()),
    };
    let (title, name) = match name {
        Literal::Str(name) => (None, name),
        Literal::Tuple(names) => match names.as_slice() {
            [Literal::Str(title), Literal::Str(name)] => (Some(title.clone()), name),
            _ => return Err(malformed()),
        },
        _ => return Err(malformed()),
    };
    let mut dims = shape.map_or(Some(Vec::new()), shape_from_literal).ok_or_else(malformed)?;
    // A dtype may itself be a sub-array; the outer dimensions come first.
    let descr = match descr {
        Literal::Tuple(pair) => match pair.as_slice() {
            [descr, inner] => {
                dims.extend(shape_from_literal(inner).ok_or_else(malformed)?);
                descr
            }
            _ => return Err(malformed()),
        },
        descr => descr,
    };
    let dtype = from_literal(descr).context("field", name)?;
    Ok(Field { name: name.clone(), title, dtype, shape: dims, offset: 0 })
}

/// A tuple of dimensions, or one dimension.
fn shape_from_literal(shape: &Literal) -> Option<Vec<usize>> {
    let dim = |literal: &Literal| match literal {
        Literal::Int(dim) => usize::try_from(*dim).ok(),
        _ => None,
    };
    match shape {
        Literal::Tuple(dims) => dims.iter().map(dim).collect(),
        single => dim(single).map(|dim| vec![dim]),
    }
}

fn shown(literal: &Literal) -> String {
    let text = literal.to_string();
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn dtype(text: &str) -> Result<DType> {
        text.parse()
    }

    #[test]
    fn descriptions_round_trip() {
        for text in [
            "[('x', '<i4'), ('y', '<f8'), ('tag', '|S3')]",
            "[('', '|V2'), ('a', '<i4'), ('', '|V4'), ('b', '>f8'), ('', '|V6')]",
            r#"[(("tit'le", 'nä'), '<i4'), ('n', [('x', '|i1'), ('y', '<U2', (2, 3))], (4,)), ('o', '|V5')]"#,
            "[('', '<i2'), ('b', '<i2')]",
            "[('a', '|V0'), ('b', '<f4', (0,)), ('c', '|V0', (9999,)), ('d', [('e', '<i2', (0,))], (2,))]",
            "[]",
        ] {
            assert_eq!(dtype(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn offsets_and_padding_are_kept() {
        let dtype =
            dtype("[('', '|V2'), ('a', '<i4'), ('', '|V4'), ('b', '>f8', (2,)), ('', '|V6')]").unwrap();
        let record = dtype.as_structured().unwrap();
        let offsets: Vec<_> = record.fields().iter().map(|f| (f.name(), f.range())).collect();
        assert_eq!((offsets, record.itemsize()), (vec![("a", 2..6), ("b", 10..26)], 32));
    }

    #[test]
    fn a_dtype_that_is_a_sub_array_joins_the_fields_shape() {
        assert_eq!(dtype("[('a', ('<i2', (2,)), 3)]").unwrap().to_string(), "[('a', '<i2', (3, 2))]");
    }

    #[test]
    fn malformed_descriptions_are_errors() {
        for text in [
            "['<i4']",
            "[('a',)]",
            "[('a', 3)]",
            "[('a', '<i4', (-1,))]",
            "[('a', '<i4', 'x')]",
            "[(1, '<i4')]",
            "[('a', '<i4'), ('a', '<i4')]",
            "[(('a', 'b'), '<i4'), ('a', '<i4')]",
            "[('a', '<i4', (9999999999, 9999999999))]",
            "[('a', '|V0', (9999999999, 9999999999))]",
            "[('a', '|V9223372036854775807'), ('b', '|V9')]",
            "[('a', {'b': 1})]",
            "[('a', ('<i4',))]",
        ] {
            assert_eq!(dtype(text).unwrap_err().kind(), ErrorKind::Invalid, "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}'|u1'{}", "[('a', ".repeat(depth), ")]".repeat(depth));
        assert!(dtype(&nested(32)).is_ok());
        assert!(dtype(&nested(33)).is_err());
        assert!(dtype(&nested(10_000)).is_err());
    }

    #[test]
    fn overlapping_fields_are_refused() {
        let field = |name, offset| Field::new(name, "<i4".parse().unwrap()).with_offset(offset);
        assert!(Structured::new(vec![field("a", 0), field("b", 3)], 16).is_err());
        assert!(Structured::new(vec![field("a", 4), field("b", 0)], 16).is_err());
        assert!(Structured::new(vec![field("a", 0)], 3).is_err());
        assert!(Structured::new(vec![field("a", usize::MAX)], 3).is_err());
    }
}
