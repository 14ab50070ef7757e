//! Between stored bytes and typed `ndarray` arrays.

use ndarray::{Array, ArrayD, ArrayView, ArrayViewD, CowArray, Dimension, IxDyn, ShapeBuilder, StrideShape};

use super::byte_order::ByteOrder;
use super::element::Element;
use super::element::sealed::NoView;
use super::nd::{NdArray, Order};
use crate::{Error, Result};

impl NdArray {
    /// Borrows the elements as an `ndarray` view, without copying.
    ///
    /// # Errors
    /// `Invalid` if the dtype is another one, the byte order is not the machine's, or the elements are not aligned. The
    /// last two depend on who wrote the bytes and where they lie; [`NdArray::cow`] and [`NdArray::to_array`] have no such
    /// errors.
    pub fn view<T: Element>(&self) -> Result<ArrayViewD<'_, T>> {
        match self.try_cast::<T>()? {
            Ok(elements) => self.shaped(elements),
            Err(reason) => Err(self.no_view(reason)),
        }
    }

    /// Copies the elements into an `ndarray` array of the machine's byte order; it keeps the element order. A boolean is
    /// true if its byte is not zero.
    ///
    /// # Errors
    /// `Invalid` if the dtype is another one.
    pub fn to_array<T: Element>(&self) -> Result<ArrayD<T>> {
        let order = self.checked_order::<T>()?;
        ArrayD::from_shape_vec(self.dim(), T::copy(self.data(), order)).map_err(unshaped)
    }

    /// Borrows the elements if possible and copies them if not: a view that always works.
    ///
    /// # Errors
    /// `Invalid` if the dtype is another one.
    pub fn cow<T: Element>(&self) -> Result<CowArray<'_, T, IxDyn>> {
        Ok(match self.try_cast::<T>()? {
            Ok(elements) => CowArray::from(self.shaped(elements)?),
            Err(_) => CowArray::from(self.to_array::<T>()?),
        })
    }

    /// Borrows the elements as a slice in C order, without copying.
    ///
    /// # Errors
    /// As [`NdArray::view`], and `Invalid` for Fortran order.
    pub fn as_slice<T: Element>(&self) -> Result<&[T]> {
        if self.order() == Order::Fortran {
            return Err(Error::invalid(format!("{self} is in Fortran order; use `to_c_order` first")));
        }
        self.try_cast::<T>()?.map_err(|reason| self.no_view(reason))
    }

    /// Copies the elements into a vector in C order.
    ///
    /// # Errors
    /// `Invalid` if the dtype is another one.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        let order = self.checked_order::<T>()?;
        Ok(T::copy(self.to_c_order().data(), order))
    }

    /// The byte order in which the elements are stored.
    pub(super) fn checked_order<T: Element>(&self) -> Result<ByteOrder> {
        T::stored_order(self.dtype()).ok_or_else(|| {
            Error::invalid(format!(
                "the array holds {}, not {}",
                self.dtype().name(),
                std::any::type_name::<T>()
            ))
        })
    }

    /// The elements in stored order. The outer result is about the dtype, the inner one about this copy of the bytes.
    fn try_cast<T: Element>(&self) -> Result<std::result::Result<&[T], Reason>> {
        if self.checked_order::<T>()?.is_native() {
            Ok(T::cast(self.data()).map_err(Reason::Cast))
        } else {
            Ok(Err(Reason::ByteOrder))
        }
    }

    fn no_view(&self, reason: Reason) -> Error {
        let why = match reason {
            Reason::ByteOrder => "is not in the machine's byte order",
            Reason::Cast(NoView::Alignment) => "is not aligned in memory",
            Reason::Cast(NoView::Bool) => "holds booleans other than 0 and 1",
        };
        Error::invalid(format!(
            "{self} {why} and cannot be borrowed; copy it with `cow`, `to_array` or `to_vec`"
        ))
    }

    fn shaped<'a, T>(&'a self, elements: &'a [T]) -> Result<ArrayViewD<'a, T>> {
        ArrayView::from_shape(self.dim(), elements).map_err(unshaped)
    }

    fn dim(&self) -> StrideShape<IxDyn> {
        IxDyn(self.shape()).set_f(self.order() == Order::Fortran).into()
    }
}

enum Reason {
    ByteOrder,
    Cast(NoView),
}

fn unshaped(error: ndarray::ShapeError) -> Error {
    Error::unexpected("the array's shape does not fit its elements").with_source(error)
}

/// Takes the array's memory over if it is contiguous in C or Fortran order, which is kept, and copies it to C order if
/// not.
impl<T: Element, D: Dimension> From<Array<T, D>> for NdArray {
    fn from(array: Array<T, D>) -> Self {
        let shape = array.shape().into();
        let order = if array.is_standard_layout() {
            Order::C
        } else if array.t().is_standard_layout() {
            Order::Fortran
        } else {
            return NdArray::from(array.view());
        };
        let len = array.len();
        let (mut elements, offset) = array.into_raw_vec_and_offset();
        // Slicing leaves elements in the vector that are not the array's.
        if elements.len() != len {
            elements = elements.into_iter().skip(offset.unwrap_or(0)).take(len).collect();
        }
        NdArray::from_elements(shape, order, elements)
    }
}

/// Copies the view's elements in C order.
impl<T: Element, D: Dimension> From<ArrayView<'_, T, D>> for NdArray {
    fn from(view: ArrayView<'_, T, D>) -> Self {
        NdArray::from_elements(view.shape().into(), Order::C, view.iter().copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use half::bf16;
    use ndarray::{Array2, arr0, array, s};
    use num_complex::Complex32;

    use super::*;
    use crate::array::buffer::Buffer;
    use crate::array::{ByteOrder, TypedArray};

    /// An array whose elements begin one byte after an aligned address, as in a shard.
    fn unaligned(dtype: &str, shape: &[usize], data: &[u8]) -> NdArray {
        let mut buffer = Buffer::zeroed(data.len() + 1);
        buffer.as_mut()[1..].copy_from_slice(data);
        NdArray::from_bytes(dtype.parse().unwrap(), shape, Order::C, buffer.freeze().slice(1..)).unwrap()
    }

    #[test]
    fn what_cannot_be_borrowed_can_be_copied() {
        let cases = [
            (unaligned("<u4", &[2], &[1, 0, 0, 0, 2, 0, 0, 0]), "not aligned"),
            (NdArray::from_vec(&[2], vec![1u32, 2]).unwrap().to_byte_order(ByteOrder::Big), "byte order"),
        ];
        for (array, reason) in cases {
            let error = array.view::<u32>().unwrap_err();
            assert!(error.message().contains(reason) && error.message().contains("to_array"), "{error}");
            assert!(array.as_slice::<u32>().is_err());
            assert_eq!(array.to_array::<u32>().unwrap(), array![1, 2].into_dyn());
            assert_eq!(array.cow::<u32>().unwrap(), array![1, 2].into_dyn());
            assert!(array.cow::<u32>().unwrap().is_owned());
        }
    }

    #[test]
    fn aligned_native_elements_are_borrowed() {
        let array = NdArray::from_vec(&[2], vec![1.5f64, 2.5]).unwrap();
        assert!(array.cow::<f64>().unwrap().is_view());
        assert_eq!(array.view::<f64>().unwrap().as_ptr().cast(), array.data().as_ptr());
        assert_eq!(unaligned("|u1", &[2], &[1, 2]).as_slice::<u8>().unwrap(), [1, 2]);
        assert_eq!(unaligned("<f8", &[0, 3], &[]).view::<f64>().unwrap().shape(), [0, 3]);
    }

    #[test]
    fn dtypes_are_never_cast() {
        let array = NdArray::from_vec(&[1], vec![1i32]).unwrap();
        for error in [array.view::<u32>().err(), array.to_array::<i64>().err(), array.cow::<f32>().err()] {
            assert!(error.unwrap().message().starts_with("the array holds int32, not "));
        }
    }

    #[test]
    fn boolean_bytes_other_than_one_are_true_in_a_copy_and_no_view() {
        let array = unaligned("|b1", &[3], &[0, 1, 2]);
        assert!(array.view::<bool>().unwrap_err().message().contains("0 and 1"));
        assert_eq!(array.cow::<bool>().unwrap(), array![false, true, true].into_dyn());
        assert_eq!(unaligned("|b1", &[2], &[0, 1]).as_slice::<bool>().unwrap(), [false, true]);
    }

    #[test]
    fn bfloat16_is_void_of_two_bytes_or_unsigned() {
        let array = NdArray::from_vec(&[2], vec![bf16::ONE, bf16::NEG_ONE]).unwrap();
        assert_eq!(
            (array.dtype().to_string().as_str(), array.data().as_ref()),
            ("|V2", &[0x80, 0x3f, 0x80, 0xbf][..])
        );
        for dtype in ["|V2", "<u2"] {
            assert_eq!(unaligned(dtype, &[1], &[0x80, 0x3f]).to_vec::<bf16>().unwrap(), [bf16::ONE]);
        }
        assert_eq!(unaligned(">u2", &[1], &[0x3f, 0x80]).to_vec::<bf16>().unwrap(), [bf16::ONE]);
        assert!(unaligned("<f2", &[1], &[0, 0]).to_vec::<bf16>().is_err());
    }

    #[test]
    fn halves_of_complex_numbers_are_swapped_each() {
        let array = unaligned(">c8", &[1], &[0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0]);
        assert_eq!(array.to_vec::<Complex32>().unwrap(), [Complex32::new(1.0, -2.0)]);
    }

    #[test]
    fn fortran_order_is_kept_in_views_and_copies() {
        let columns = Array2::from_shape_vec((2, 3).f(), vec![0u8, 3, 1, 4, 2, 5]).unwrap();
        let array = NdArray::from(columns.clone());
        assert_eq!((array.order(), array.data().as_ref()), (Order::Fortran, &[0, 3, 1, 4, 2, 5][..]));
        assert_eq!(array.view::<u8>().unwrap(), columns.view().into_dyn());
        assert_eq!(array.to_array::<u8>().unwrap(), columns.into_dyn());
        assert_eq!(array.to_vec::<u8>().unwrap(), [0, 1, 2, 3, 4, 5]);
        assert!(array.as_slice::<u8>().unwrap_err().message().contains("Fortran"));
    }

    #[test]
    fn every_layout_of_ndarray_comes_in() {
        let grid = Array2::from_shape_fn((4, 5), |(i, j)| (10 * i + j) as i16);
        let check = |array: Array2<i16>| {
            let own = NdArray::from(array.clone());
            assert_eq!(own.view::<i16>().unwrap(), array.view().into_dyn());
            assert_eq!(own, NdArray::from(array.view()));
        };
        check(grid.clone());
        check(grid.clone().reversed_axes());
        check(grid.clone().slice_move(s![1..3, ..]));
        check(grid.clone().slice_move(s![.., 1..3]));
        check(grid.clone().slice_move(s![..;-1, ..;2]));
        check(grid.clone().reversed_axes().slice_move(s![.., 1..3]));
        check(grid.slice_move(s![2..2, ..]));
        assert_eq!(NdArray::from(arr0(5u8)), NdArray::scalar(5u8));
    }

    #[test]
    fn a_typed_array_takes_any_byte_order_of_its_type_only() {
        let array = unaligned(">f4", &[1], &[0x3f, 0x80, 0, 0]);
        let typed = TypedArray::<f32>::try_from(array.clone()).unwrap();
        assert_eq!(typed.to_vec().unwrap(), [1.0]);
        assert_eq!(typed, TypedArray::from_vec(&[1], vec![1.0]).unwrap());
        assert_eq!(typed.into_inner().data(), array.data());
        assert!(TypedArray::<u32>::try_from(array).is_err());
    }
}
