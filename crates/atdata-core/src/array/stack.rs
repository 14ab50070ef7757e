//! Joining arrays into a batch.

use super::memory::BatchMemory;
use super::nd::{NdArray, Order};
use super::shape::{Shape, Tuple, checked_nbytes};
use crate::{Error, Result};

/// Joins arrays of one shape and dtype along a new first dimension, in C order and the first one's byte order, with one
/// copy into one aligned allocation.
///
/// # Errors
/// `Invalid` if there are no arrays, or if one has another shape or dtype than the first; the error names its index.
/// `Unsupported` if memory does not suffice.
///
/// ```
/// use atdata_core::array::{NdArray, stack};
///
/// let images = [NdArray::from_vec(&[2], vec![1u8, 2])?, NdArray::from_vec(&[2], vec![3u8, 4])?];
/// let batch = stack(&images)?;
/// assert_eq!((batch.shape(), batch.to_vec::<u8>()?), (&[2, 2][..], vec![1, 2, 3, 4]));
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub fn stack(arrays: &[NdArray]) -> Result<NdArray> {
    stack_in(arrays, &BatchMemory::default())
}

/// Like [`stack`], in memory that was used before if some is idle. See [`BatchMemory`] for an example.
///
/// # Errors
/// As [`stack`].
pub fn stack_in(arrays: &[NdArray], memory: &BatchMemory) -> Result<NdArray> {
    let Some(first) = arrays.first() else {
        return Err(Error::invalid("there is nothing to stack: no shape and no dtype"));
    };
    for (index, array) in arrays.iter().enumerate() {
        if array.shape() != first.shape() {
            let (own, expected) = (Tuple(array.shape()), Tuple(first.shape()));
            return Err(Error::invalid(format!(
                "arrays of different shapes cannot be stacked: array {index} has {own}, array 0 has {expected}"
            )));
        }
        if !array.dtype().same_kind(first.dtype()) {
            let (own, expected) = (array.dtype(), first.dtype());
            return Err(Error::invalid(format!(
                "arrays of different dtypes cannot be stacked: array {index} has {own}, array 0 has {expected}"
            )));
        }
    }
    let shape: Shape = std::iter::once(arrays.len()).chain(first.shape().iter().copied()).collect();
    let mut data = memory.buffer(checked_nbytes(&shape, first.dtype().itemsize())?)?;
    if first.nbytes() > 0 {
        for (target, array) in data.as_mut().chunks_exact_mut(first.nbytes()).zip(arrays) {
            target.copy_from_slice(array.to_c_order().data());
            array.dtype().convert_order(first.dtype(), target);
        }
    }
    Ok(NdArray::from_checked(first.dtype().clone(), shape, Order::C, data.freeze()))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::ErrorKind;
    use crate::array::ByteOrder;

    #[test]
    fn stacking_evens_out_element_order_and_byte_order() {
        let rows = NdArray::from_vec(&[2, 2], vec![1u16, 2, 3, 4]).unwrap();
        let columns = NdArray::from_bytes(
            ">u2".parse().unwrap(),
            &[2, 2],
            Order::Fortran,
            Bytes::from_static(&[0, 5, 0, 7, 0, 6, 0, 8]),
        );
        let batch = stack(&[rows, columns.unwrap()]).unwrap();
        assert_eq!(batch.dtype().byte_order(), ByteOrder::NATIVE);
        assert_eq!(
            (batch.shape(), batch.as_slice::<u16>().unwrap()),
            (&[2, 2, 2][..], &[1, 2, 3, 4, 5, 6, 7, 8][..])
        );
    }

    #[test]
    fn a_mismatch_names_the_array_and_both_sides() {
        let a = NdArray::from_vec(&[2], vec![1u8, 2]).unwrap();
        let b = NdArray::from_vec(&[1], vec![1u8]).unwrap();
        let error = stack(&[a.clone(), a.clone(), b]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().ends_with("array 2 has (1,), array 0 has (2,)"), "{error}");
        let error = stack(&[a, NdArray::from_vec(&[2], vec![1i8, 2]).unwrap()]).unwrap_err();
        assert!(error.message().ends_with("array 1 has |i1, array 0 has |u1"), "{error}");
        assert_eq!(stack(&[]).unwrap_err().kind(), ErrorKind::Invalid);
    }

    #[test]
    fn scalars_and_empty_arrays_stack() {
        let batch = stack(&[NdArray::scalar(1.5f32), NdArray::scalar(2.5f32)]).unwrap();
        assert_eq!((batch.shape(), batch.as_slice::<f32>().unwrap()), (&[2][..], &[1.5, 2.5][..]));
        let empty = NdArray::zeros("<f8".parse().unwrap(), &[0, 3]).unwrap();
        assert_eq!(stack(&[empty.clone(), empty]).unwrap().shape(), [2, 0, 3]);
    }
}
