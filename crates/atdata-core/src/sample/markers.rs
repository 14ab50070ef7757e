//! What the derive asks of a field's type where an attribute says more about an array or about bytes.

use bytes::Bytes;
use ndarray::{Array, Dimension};

use crate::array::{Element, NdArray, TypedArray};
use crate::schema::{ArrayType, FieldType};

use super::FieldValue;

/// A field type that is an array, perhaps optional: `#[packable(shape = …, dims = …)]` can describe it.
///
/// ```
/// use atdata_core::{ArrayField, TypedArray};
///
/// assert_eq!(<Option<TypedArray<u8>>>::array_type().dtype.as_deref(), Some("uint8"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an array type",
    label = "`dtype`, `shape`, `dims` and `kind = \"structured\"` describe arrays",
    note = "array types are `NdArray`, `TypedArray<_>`, `ndarray::Array<_, _>` and their `Option`s"
)]
pub trait ArrayField: FieldValue {
    /// The number of dimensions, if the type fixes it.
    const NDIM: Option<usize> = None;

    /// What the type says about its arrays.
    fn array_type() -> ArrayType {
        match Self::field_type() {
            FieldType::NdArray(array) | FieldType::Structured(array) => array,
            _ => ArrayType::default(),
        }
    }
}

/// An array type that leaves the dtype open: `#[packable(dtype = …)]` can state it.
///
/// ```
/// fn needs_a_dtype<T: atdata_core::AnyDtypeField>() {}
/// needs_a_dtype::<atdata_core::NdArray>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an array type that leaves the dtype open",
    label = "leave `dtype` out",
    note = "`dtype` and `kind = \"structured\"` are for `NdArray`; `TypedArray<f32>` and `ndarray::Array<f32, _>` state \
            the dtype themselves"
)]
pub trait AnyDtypeField: ArrayField {}

/// A field type that is bytes, perhaps optional: `#[packable(kind = …)]` can say what they contain.
///
/// ```
/// fn may_contain_parquet<T: atdata_core::BytesField>() {}
/// may_contain_parquet::<Option<Vec<u8>>>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not bytes",
    label = "`kind` says what bytes contain",
    note = "this kind is for `Vec<u8>`, `Bytes` and their `Option`s"
)]
pub trait BytesField: FieldValue {}

impl ArrayField for NdArray {}
impl<T: Element> ArrayField for TypedArray<T> {}
impl<T: ArrayField> ArrayField for Option<T> {
    const NDIM: Option<usize> = T::NDIM;
}
impl<T: Element, D: Dimension + Send + Sync + 'static> ArrayField for Array<T, D>
where
    D::Larger: Send,
{
    const NDIM: Option<usize> = D::NDIM;
}

impl AnyDtypeField for NdArray {}
impl<T: AnyDtypeField> AnyDtypeField for Option<T> {}

impl BytesField for Bytes {}
impl BytesField for Vec<u8> {}
impl<T: BytesField> BytesField for Option<T> {}
