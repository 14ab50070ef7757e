//! Arrays whose element type is known to the compiler.

use std::fmt;
use std::marker::PhantomData;

use ndarray::{Array, ArrayD, ArrayView, ArrayViewD, CowArray, Dimension, IxDyn};

use super::element::Element;
use super::nd::NdArray;
use crate::{Error, Result};

/// An [`NdArray`] that is known to hold elements of type `T`, in any byte order, order and alignment.
///
/// The dtype is checked once, when the array is made; the bytes are neither copied nor changed.
///
/// ```
/// use atdata_core::array::{NdArray, TypedArray};
///
/// let array = NdArray::from_vec(&[2], vec![1.0f32, 2.0])?;
/// let typed = TypedArray::<f32>::try_from(array.clone())?;
/// assert_eq!(typed.cow()?.sum(), 3.0);
/// assert!(TypedArray::<f64>::try_from(array).is_err());
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub struct TypedArray<T> {
    array: NdArray,
    element: PhantomData<fn() -> T>,
}

impl<T: Element> TypedArray<T> {
    fn from_checked(array: NdArray) -> Self {
        Self { array, element: PhantomData }
    }

    /// An array of elements in C order. The vector becomes the array's memory.
    ///
    /// # Errors
    /// `Invalid` if the shape does not hold exactly that many elements.
    pub fn from_vec(shape: &[usize], elements: Vec<T>) -> Result<Self> {
        NdArray::from_vec(shape, elements).map(Self::from_checked)
    }

    /// The lengths of the dimensions, outermost first.
    pub fn shape(&self) -> &[usize] {
        self.array.shape()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.array.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.array.is_empty()
    }

    /// Borrows the elements, without copying; see [`NdArray::view`].
    ///
    /// # Errors
    /// `Invalid` if the byte order is not the machine's or the elements are not aligned.
    pub fn view(&self) -> Result<ArrayViewD<'_, T>> {
        self.array.view()
    }

    /// Borrows the elements if possible and copies them if not; see [`NdArray::cow`].
    ///
    /// # Errors
    /// None that the check of the dtype has not excluded.
    pub fn cow(&self) -> Result<CowArray<'_, T, IxDyn>> {
        self.array.cow()
    }

    /// Copies the elements; see [`NdArray::to_array`].
    ///
    /// # Errors
    /// None that the check of the dtype has not excluded.
    pub fn to_array(&self) -> Result<ArrayD<T>> {
        self.array.to_array()
    }

    /// Copies the elements in C order.
    ///
    /// # Errors
    /// None that the check of the dtype has not excluded.
    pub fn to_vec(&self) -> Result<Vec<T>> {
        self.array.to_vec()
    }

    /// The array without its element type.
    pub fn as_inner(&self) -> &NdArray {
        &self.array
    }

    /// The array without its element type.
    pub fn into_inner(self) -> NdArray {
        self.array
    }
}

impl<T> Clone for TypedArray<T> {
    fn clone(&self) -> Self {
        Self { array: self.array.clone(), element: PhantomData }
    }
}

/// As [`NdArray`] compares.
impl<T> PartialEq for TypedArray<T> {
    fn eq(&self, other: &Self) -> bool {
        self.array == other.array
    }
}

impl<T> Eq for TypedArray<T> {}

impl<T> fmt::Debug for TypedArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.array, f)
    }
}

impl<T> fmt::Display for TypedArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.array, f)
    }
}

impl<T: Element> TryFrom<NdArray> for TypedArray<T> {
    type Error = Error;

    /// Checks the dtype.
    fn try_from(array: NdArray) -> Result<Self> {
        array.checked_order::<T>()?;
        Ok(Self::from_checked(array))
    }
}

impl<T> From<TypedArray<T>> for NdArray {
    fn from(typed: TypedArray<T>) -> Self {
        typed.array
    }
}

impl<T: Element, D: Dimension> From<Array<T, D>> for TypedArray<T> {
    fn from(array: Array<T, D>) -> Self {
        Self::from_checked(array.into())
    }
}

impl<T: Element, D: Dimension> From<ArrayView<'_, T, D>> for TypedArray<T> {
    fn from(view: ArrayView<'_, T, D>) -> Self {
        Self::from_checked(view.into())
    }
}
