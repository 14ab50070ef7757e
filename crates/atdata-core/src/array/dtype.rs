//! The type of an array's elements.

use std::sync::Arc;

use super::byte_order::{ByteOrder, swap_words};
use super::structured::Structured;
use super::time_unit::TimeUnit;

/// What an element is, apart from its byte order.
///
/// ```
/// use atdata_core::array::{DType, DTypeKind};
///
/// assert_eq!("float32".parse::<DType>()?.kind(), &DTypeKind::Float32);
/// assert_eq!("<U3".parse::<DType>()?.kind(), &DTypeKind::Str(3));
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DTypeKind {
    /// A boolean in one byte, `b1`.
    Bool,
    /// A signed 8-bit integer, `i1`.
    Int8,
    /// A signed 16-bit integer, `i2`.
    Int16,
    /// A signed 32-bit integer, `i4`.
    Int32,
    /// A signed 64-bit integer, `i8`.
    Int64,
    /// An unsigned 8-bit integer, `u1`.
    UInt8,
    /// An unsigned 16-bit integer, `u2`.
    UInt16,
    /// An unsigned 32-bit integer, `u4`.
    UInt32,
    /// An unsigned 64-bit integer, `u8`.
    UInt64,
    /// A half-precision float, `f2`.
    Float16,
    /// A single-precision float, `f4`.
    Float32,
    /// A double-precision float, `f8`.
    Float64,
    /// Two single-precision floats, `c8`.
    Complex64,
    /// Two double-precision floats, `c16`.
    Complex128,
    /// That many bytes, padded with zeros at the end, `S5`.
    Bytes(usize),
    /// That many Unicode code points of four bytes each, padded with zeros at the end, `U5`.
    Str(usize),
    /// A point in time: 64-bit ticks since 1970, `M8[ns]`. The smallest integer is "not a time".
    DateTime(TimeUnit),
    /// A span of time: 64-bit ticks, `m8[ns]`. The smallest integer is "not a time".
    TimeDelta(TimeUnit),
    /// That many bytes without a meaning, `V5`. `V2` is how `bfloat16` arrays of Python's `ml_dtypes` are stored.
    Void(usize),
    /// A record of named fields.
    Structured(Arc<Structured>),
}

/// The type of an array's elements: kind and byte order.
///
/// It is parsed from, and printed as, numpy's `dtype.str` (`<f4`, `|u1`, `<M8[ns]`); a structured dtype reads and
/// prints as the list that stands in a `.npy` header. numpy's names (`float32`, `datetime64[ns]`) parse too, as the
/// machine's byte order; [`DType::name`] gives them. Object (`|O`), extended-precision float and variable-width string
/// dtypes are refused: the first are pickles, the second differ between machines, the third exist in memory only.
///
/// ```
/// use atdata_core::array::{ByteOrder, DType, DTypeKind};
///
/// let dtype: DType = ">i2".parse()?;
/// assert_eq!((dtype.kind(), dtype.byte_order()), (&DTypeKind::Int16, ByteOrder::Big));
/// assert_eq!((dtype.to_string().as_str(), dtype.name().as_str(), dtype.itemsize()), (">i2", "int16", 2));
///
/// let record: DType = "[('x', '<f4', (3,)), ('tag', '|S4')]".parse()?;
/// assert_eq!(record.itemsize(), 16);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DType {
    kind: DTypeKind,
    order: ByteOrder,
}

impl DType {
    /// A dtype of a kind in a byte order. For kinds without a byte order `order` is ignored; for the others
    /// [`ByteOrder::NotApplicable`] means the machine's order.
    pub fn new(kind: DTypeKind, order: ByteOrder) -> Self {
        let order = match (kind.word_size(), order) {
            (1, _) => ByteOrder::NotApplicable,
            (_, ByteOrder::NotApplicable) => ByteOrder::NATIVE,
            (_, order) => order,
        };
        Self { kind, order }
    }

    /// A dtype of a kind in the machine's byte order.
    pub fn native(kind: DTypeKind) -> Self {
        Self::new(kind, ByteOrder::NATIVE)
    }

    /// A dtype of records.
    pub fn structured(structured: Structured) -> Self {
        Self::native(DTypeKind::Structured(Arc::new(structured)))
    }

    /// What an element is.
    pub fn kind(&self) -> &DTypeKind {
        &self.kind
    }

    /// The order in which an element's bytes are stored.
    pub fn byte_order(&self) -> ByteOrder {
        self.order
    }

    /// The fields, if elements are records.
    pub fn as_structured(&self) -> Option<&Structured> {
        if let DTypeKind::Structured(structured) = &self.kind { Some(structured) } else { None }
    }

    /// The size of an element in bytes.
    pub fn itemsize(&self) -> usize {
        match &self.kind {
            DTypeKind::Bool | DTypeKind::Int8 | DTypeKind::UInt8 => 1,
            DTypeKind::Int16 | DTypeKind::UInt16 | DTypeKind::Float16 => 2,
            DTypeKind::Int32 | DTypeKind::UInt32 | DTypeKind::Float32 => 4,
            DTypeKind::Int64 | DTypeKind::UInt64 | DTypeKind::Float64 | DTypeKind::Complex64 => 8,
            DTypeKind::DateTime(_) | DTypeKind::TimeDelta(_) => 8,
            DTypeKind::Complex128 => 16,
            DTypeKind::Bytes(len) | DTypeKind::Void(len) => *len,
            // A size that saturates is refused when an array is made.
            DTypeKind::Str(len) => len.saturating_mul(4),
            DTypeKind::Structured(structured) => structured.itemsize(),
        }
    }

    /// The same dtype in another byte order, for structured dtypes in all fields.
    #[must_use]
    pub fn with_byte_order(&self, order: ByteOrder) -> Self {
        let kind = match &self.kind {
            DTypeKind::Structured(structured) => {
                DTypeKind::Structured(Arc::new(structured.with_byte_order(order)))
            }
            other => other.clone(),
        };
        Self::new(kind, order)
    }

    /// Whether both are the same dtype but for the byte order.
    pub fn same_kind(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (DTypeKind::Structured(a), DTypeKind::Structured(b)) => {
                a == b || a.with_byte_order(ByteOrder::Little) == b.with_byte_order(ByteOrder::Little)
            }
            (a, b) => a == b,
        }
    }

    /// Turns elements of this dtype into elements of `target`, which is the same dtype but for the byte order.
    pub(super) fn convert_order(&self, target: &Self, bytes: &mut [u8]) {
        match (&self.kind, &target.kind) {
            (DTypeKind::Structured(from), DTypeKind::Structured(to)) if from.itemsize() > 0 => {
                for item in bytes.chunks_exact_mut(from.itemsize()) {
                    for (from, to) in from.fields().iter().zip(to.fields()) {
                        if let Some(field) = item.get_mut(from.range()) {
                            from.dtype().convert_order(to.dtype(), field);
                        }
                    }
                }
            }
            _ if self.order != target.order => swap_words(bytes, self.kind.word_size()),
            _ => {}
        }
    }
}

impl DTypeKind {
    /// The size of what a byte order applies to: half of a complex number, one code point of a text, one byte where
    /// nothing is swapped.
    pub(super) fn word_size(&self) -> usize {
        match self {
            Self::Bool | Self::Int8 | Self::UInt8 | Self::Bytes(_) | Self::Void(_) | Self::Structured(_) => 1,
            Self::Int16 | Self::UInt16 | Self::Float16 => 2,
            Self::Int32 | Self::UInt32 | Self::Float32 | Self::Complex64 | Self::Str(_) => 4,
            Self::Int64 | Self::UInt64 | Self::Float64 | Self::Complex128 => 8,
            Self::DateTime(_) | Self::TimeDelta(_) => 8,
        }
    }
}
