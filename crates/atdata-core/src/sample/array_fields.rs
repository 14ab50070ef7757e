//! Array types as fields: stored as `bin`, stacked in batches.

use ndarray::{Array, ArrayD, Axis, Dimension};

use crate::array::{self, BatchMemory, Element, NdArray, TypedArray};
use crate::msgpack::{Packer, Unpacker};
use crate::schema::{ArrayType, FieldType};
use crate::{Error, Result};

use super::FieldValue;

fn array_type<T: Element>() -> FieldType {
    FieldType::ndarray(T::dtype().name())
}

/// Decoded from `bin`, a slice of the payload. Stacks to one array of shape `(n, …)`.
impl FieldValue for NdArray {
    type Column = NdArray;
    fn field_type() -> FieldType {
        FieldType::NdArray(ArrayType::default())
    }
    fn pack_value(&self, packer: &mut Packer<'_>) -> Result<()> {
        packer.ndarray(self)
    }
    fn unpack_value(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        unpacker.ndarray()
    }
    fn stack(values: Vec<Self>, memory: &BatchMemory) -> Result<NdArray> {
        array::stack_in(&values, memory)
    }
}

impl<T: Element> FieldValue for TypedArray<T> {
    type Column = TypedArray<T>;
    fn field_type() -> FieldType {
        array_type::<T>()
    }
    fn pack_value(&self, packer: &mut Packer<'_>) -> Result<()> {
        packer.ndarray(self.as_inner())
    }
    fn unpack_value(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        TypedArray::try_from(unpacker.ndarray()?)
    }
    fn stack(values: Vec<Self>, memory: &BatchMemory) -> Result<TypedArray<T>> {
        let arrays: Vec<NdArray> = values.into_iter().map(TypedArray::into_inner).collect();
        TypedArray::try_from(array::stack_in(&arrays, memory)?)
    }
}

/// An owned copy with a fixed number of dimensions.
impl<T: Element, D: Dimension + Send + Sync + 'static> FieldValue for Array<T, D>
where
    D::Larger: Send,
{
    type Column = Array<T, D::Larger>;
    fn field_type() -> FieldType {
        array_type::<T>()
    }
    fn pack_value(&self, packer: &mut Packer<'_>) -> Result<()> {
        packer.ndarray(&NdArray::from(self.view()))
    }
    fn unpack_value(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        with_dimensions(TypedArray::<T>::try_from(unpacker.ndarray()?)?.to_array()?)
    }
    fn stack(values: Vec<Self>, _: &BatchMemory) -> Result<Self::Column> {
        let views: Vec<_> = values.iter().map(|value| value.view()).collect();
        ndarray::stack(Axis(0), &views).map_err(|error| {
            Error::invalid("arrays of different shapes cannot be stacked").with_source(error)
        })
    }
}

fn with_dimensions<T, D: Dimension>(array: ArrayD<T>) -> Result<Array<T, D>> {
    let found = array.ndim();
    array.into_dimensionality().map_err(|error| {
        let expected = D::NDIM.map_or_else(|| "any".to_owned(), |n| n.to_string());
        Error::invalid(format!("expected an array of {expected} dimensions, found {found}"))
            .with_source(error)
    })
}
