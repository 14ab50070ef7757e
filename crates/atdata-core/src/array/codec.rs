//! Arrays as bytes: telling the two forms apart, and choosing one.

use bytes::Bytes;

use super::nd::NdArray;
use super::shape::MAX_NDIM;
use super::{compact, npy};
use crate::{Error, ErrorKind, Result};

/// The two byte forms of an array.
///
/// ```
/// use atdata_core::array::{ArrayFormat, NdArray, encode};
///
/// let mut bytes = Vec::new();
/// encode(&NdArray::scalar(7i64), ArrayFormat::Compact, &mut bytes)?;
/// assert_eq!(bytes.len(), 5 + 8);
/// assert_eq!(ArrayFormat::default(), ArrayFormat::Npy);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ArrayFormat {
    /// A `.npy` stream, byte for byte as `numpy.save` writes it. Every generation of Python `atdata` reads it.
    #[default]
    Npy,
    /// Dtype, shape and elements without padding, about a hundred bytes smaller. Only newer generations of Python
    /// `atdata` read it. It holds no records.
    Compact,
}

/// Decodes an array, whichever form it has. The elements are a slice of `bytes`, not a copy.
///
/// Bytes after a `.npy` stream are ignored, as numpy does; a compact array ends where its bytes end.
///
/// # Errors
/// `Corrupt` if the bytes are neither form, cut short, or too many; `Unsupported` for object arrays and other pickles,
/// and for dtypes that [`DType`](super::DType) does not have.
pub fn decode(bytes: Bytes) -> Result<NdArray> {
    let decoded = if bytes.starts_with(npy::MAGIC) {
        npy::decode(bytes)
    } else if is_pickle(&bytes) {
        Err(Error::unsupported(
            "the bytes are a Python pickle, which is never read; store the array as `.npy`",
        ))
    } else {
        compact::decode(&bytes)
    };
    // What is invalid in a caller's hands is damage in stored bytes.
    decoded.map_err(|error| match error.kind() {
        ErrorKind::Invalid => Error::corrupt("the bytes are not an array").with_source(error),
        _ => error,
    })
}

/// Appends the bytes of an array to `out`; on an error `out` is as before.
///
/// `.npy` keeps Fortran order; the compact form is always in C order. Both keep the byte order.
///
/// # Errors
/// `Unsupported` for records in the compact form, which has no place for their fields, for a dtype whose description is
/// too long for the form, and for more than 64 dimensions, which an array made by the `ndarray` crate may have.
pub fn encode(array: &NdArray, format: ArrayFormat, out: &mut Vec<u8>) -> Result<()> {
    let (head, data) = encoded(array, format)?;
    out.reserve(head.len() + data.len());
    out.extend_from_slice(&head);
    out.extend_from_slice(&data);
    Ok(())
}

/// The bytes of an array in two parts, so that the elements need not be copied to know how many bytes there are.
pub(crate) fn encoded(array: &NdArray, format: ArrayFormat) -> Result<(Vec<u8>, Bytes)> {
    if array.ndim() > MAX_NDIM {
        return Err(Error::unsupported(format!(
            "an array of {} dimensions; numpy reads {MAX_NDIM}",
            array.ndim()
        )));
    }
    Ok(match format {
        ArrayFormat::Npy => (npy::head(array)?, array.data().clone()),
        ArrayFormat::Compact => (compact::head(array)?, array.to_c_order().data().clone()),
    })
}

/// Pickles of protocol 2 and later begin with the protocol and end with a full stop.
fn is_pickle(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, .., b'.'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pickles_are_refused_by_name() {
        let error = decode(Bytes::from_static(b"\x80\x04K\x01.")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("pickle"));
    }

    #[test]
    fn an_array_that_could_not_be_read_is_not_written() {
        let array = NdArray::from(ndarray::ArrayD::<u8>::zeros(vec![1; 65]));
        let mut out = Vec::new();
        for format in [ArrayFormat::Npy, ArrayFormat::Compact] {
            assert_eq!(encode(&array, format, &mut out).unwrap_err().kind(), ErrorKind::Unsupported);
        }
        assert!(out.is_empty());
    }

    #[test]
    fn unreadable_bytes_are_corrupt_and_say_why() {
        let error = decode(Bytes::from_static(b"\x03zzz\x00")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("`zzz` is not a dtype"), "{error}");
    }
}
