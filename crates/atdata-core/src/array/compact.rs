//! The compact form: dtype, shape and elements, without padding.
//!
//! One byte with the length of the dtype's string, the string, one byte with the number of dimensions, each dimension as
//! a signed 64-bit little-endian integer, and the elements in C order and the byte order that the dtype names.

use bytes::Bytes;

use super::dtype::DType;
use super::nd::{NdArray, Order};
use crate::{Error, Result};

pub(super) fn decode(bytes: &Bytes) -> Result<NdArray> {
    let cut =
        |part: &str| Error::corrupt(format!("the compact array ends in its {part} ({} bytes)", bytes.len()));
    let (len, rest) = bytes.split_first().ok_or_else(|| Error::corrupt("an array has no bytes"))?;
    let (code, rest) = rest.split_at_checked(usize::from(*len)).ok_or_else(|| cut("dtype"))?;
    let (ndim, rest) = rest.split_first().ok_or_else(|| cut("number of dimensions"))?;
    let (dims, data) = rest.split_at_checked(usize::from(*ndim) * 8).ok_or_else(|| cut("shape"))?;

    let code = std::str::from_utf8(code)
        .map_err(|e| Error::corrupt("the dtype of a compact array is not text").with_source(e))?;
    if code.starts_with('[') {
        return Err(Error::corrupt("the dtype of a compact array cannot be a list of fields"));
    }
    let dtype: DType = code.parse()?;
    let dim = |dim: &[u8; 8]| {
        let dim = i64::from_le_bytes(*dim);
        usize::try_from(dim).map_err(|_| Error::corrupt(format!("a compact array has the dimension {dim}")))
    };
    let shape: Vec<usize> = dims.as_chunks().0.iter().map(dim).collect::<Result<_>>()?;
    let start = bytes.len() - data.len();
    NdArray::from_bytes(dtype, &shape, Order::C, bytes.slice(start..))
}

/// What stands before the elements, which are in C order.
pub(super) fn head(array: &NdArray) -> Result<Vec<u8>> {
    if array.dtype().as_structured().is_some() {
        return Err(Error::unsupported(
            "the compact form would lose the fields of records; write them as `.npy`",
        ));
    }
    let code = array.dtype().to_string();
    let too_long = || Error::unsupported(format!("the compact form has no room for {array}"));
    let len = u8::try_from(code.len()).map_err(|_| too_long())?;
    let ndim = u8::try_from(array.ndim()).map_err(|_| too_long())?;
    let dims = array.shape().iter().map(|dim| i64::try_from(*dim).map_err(|_| too_long()));
    let dims: Vec<[u8; 8]> = dims.map(|dim| dim.map(i64::to_le_bytes)).collect::<Result<_>>()?;

    let mut out = Vec::with_capacity(2 + code.len() + dims.len() * 8);
    out.push(len);
    out.extend_from_slice(code.as_bytes());
    out.push(ndim);
    out.extend_from_slice(dims.as_flattened());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::array;

    #[test]
    fn records_are_refused() {
        let array = NdArray::zeros("[('a', '|u1')]".parse().unwrap(), &[1]).unwrap();
        assert_eq!(head(&array).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn impossible_dimensions_are_corrupt() {
        for dims in
            [vec![-1], vec![i64::MIN], vec![i64::MAX, 2], vec![1 << 40, 1 << 40], vec![0, i64::MAX, 2]]
        {
            let mut bytes = b"\x03|u1".to_vec();
            bytes.push(dims.len() as u8);
            dims.iter().for_each(|dim: &i64| bytes.extend_from_slice(&dim.to_le_bytes()));
            assert_eq!(array::decode(bytes.into()).unwrap_err().kind(), ErrorKind::Corrupt, "{dims:?}");
        }
    }

    #[test]
    fn a_list_of_fields_is_no_dtype_string() {
        let text = b"[('a', '|u1')]";
        let bytes = [&[text.len() as u8][..], text, &[0, 7]].concat();
        assert_eq!(array::decode(bytes.into()).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
