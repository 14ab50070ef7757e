//! `.npy` streams, versions 1.0 to 3.0.
//!
//! A stream is the magic, two bytes of version, the length of the header (two bytes in version 1, four later), the
//! header and the elements. The header is a Python dictionary in Latin-1 (UTF-8 in version 3), padded so that the
//! elements begin at a multiple of 64.

use std::io::Read;

use bytes::{Buf, Bytes};

use super::dtype::DType;
use super::literal::{self, Literal};
use super::nd::{NdArray, Order};
use super::npy_text::{self, PlainHeader};
use super::shape::{Tuple, checked_nbytes};
use super::structured;
use crate::{Error, Result};

/// What every stream begins with.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// The longest header that is read and written; the fields of a record are all that makes headers long.
const MAX_HEADER: usize = 1 << 20;

const ALIGNMENT: usize = 64;

/// numpy leaves room in the header for the dimension that grows when somebody appends to the file.
const GROWTH_DIGITS: usize = 21;

/// What a `.npy` stream says before its elements.
///
/// For arrays that are larger than memory: read the header, then as many elements at a time as is convenient.
///
/// ```
/// use atdata_core::array::{ArrayFormat, NdArray, NpyHeader, encode};
///
/// let mut stream = Vec::new();
/// encode(&NdArray::from_vec(&[2, 3], vec![0u8; 6])?, ArrayFormat::Npy, &mut stream)?;
///
/// let mut reader = stream.as_slice();
/// let header = NpyHeader::read(&mut reader)?;
/// assert_eq!((header.shape.as_slice(), header.dtype.itemsize(), reader.len()), (&[2, 3][..], 1, 6));
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NpyHeader {
    /// The dtype of the elements.
    pub dtype: DType,
    /// The lengths of the dimensions. They are not held against anything: a header may claim what it likes.
    pub shape: Vec<usize>,
    /// How the elements follow each other.
    pub order: Order,
}

impl NpyHeader {
    /// Reads the header; the reader then stands at the first element.
    ///
    /// # Errors
    /// `Corrupt` if it is not the beginning of a `.npy` stream, `Unsupported` for object arrays (pickles), dtypes that
    /// [`DType`] does not have, and headers of more than 1 MiB; what the reader fails with.
    pub fn read(reader: &mut impl Read) -> Result<Self> {
        let mut magic = [0; MAGIC.len()];
        fill(reader, &mut magic, "magic")?;
        if magic != MAGIC {
            return Err(Error::corrupt("not a `.npy` stream: it does not begin with the magic"));
        }
        let mut version = [0; 2];
        fill(reader, &mut version, "version")?;
        let len = match version[0] {
            1 => {
                let mut len = [0; 2];
                fill(reader, &mut len, "length of its header")?;
                u32::from(u16::from_le_bytes(len))
            }
            2 | 3 => {
                let mut len = [0; 4];
                fill(reader, &mut len, "length of its header")?;
                u32::from_le_bytes(len)
            }
            other => return Err(Error::unsupported(format!("`.npy` version {other} is not known"))),
        };
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > MAX_HEADER {
            return Err(Error::unsupported(format!(
                "a `.npy` header of {len} bytes; at most {MAX_HEADER} are read"
            )));
        }
        let mut header = vec![0; len];
        fill(reader, &mut header, "header")?;
        let text = if version[0] < 3 {
            header.into_iter().map(char::from).collect()
        } else {
            String::from_utf8(header)
                .map_err(|e| Error::corrupt("the `.npy` header is not UTF-8").with_source(e))?
        };
        Header::from_literal(literal::parse(&text)?)?.typed()
    }
}

fn fill(reader: &mut impl Read, buffer: &mut [u8], what: &str) -> Result<()> {
    reader.read_exact(buffer).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::corrupt(format!("the `.npy` stream ends in its {what}")),
        _ => Error::from_io(error),
    })
}

pub(super) fn decode(mut stream: Bytes) -> Result<NdArray> {
    let (dtype, shape, order, start) = match npy_text::read(&stream) {
        Some(PlainHeader { dtype, shape, order, length }) => (dtype, shape, order, length),
        None => {
            let mut data = stream.as_ref();
            let NpyHeader { dtype, shape, order } = NpyHeader::read(&mut data)?;
            (dtype, shape.into(), order, stream.len() - data.len())
        }
    };
    let nbytes = checked_nbytes(&shape, dtype.itemsize())?;
    if stream.len() - start < nbytes {
        return Err(Error::corrupt(format!(
            "the `.npy` stream has {} of the {nbytes} bytes of an array of {dtype} and shape {}",
            stream.len() - start,
            Tuple(&shape)
        )));
    }
    stream.advance(start);
    stream.truncate(nbytes);
    Ok(NdArray::from_checked(dtype, shape, order, stream))
}

struct Header {
    descr: Literal,
    order: Order,
    shape: Vec<usize>,
}

impl Header {
    fn from_literal(header: Literal) -> Result<Self> {
        let Literal::Dict(entries) = header else {
            return Err(Error::corrupt("the `.npy` header is not a dictionary"));
        };
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        for (key, value) in entries {
            match key.as_str() {
                "descr" => descr = Some(value),
                "fortran_order" => fortran = Some(value),
                "shape" => shape = Some(value),
                _ => {
                    let key: String = key.chars().take(40).collect();
                    return Err(Error::corrupt(format!("the `.npy` header has the unknown key {key:?}")));
                }
            }
        }
        let descr = descr.ok_or_else(|| Error::corrupt("the `.npy` header has no `descr`"))?;
        let order = match fortran {
            Some(Literal::Bool(true)) => Order::Fortran,
            Some(Literal::Bool(false)) => Order::C,
            _ => return Err(Error::corrupt("the `.npy` header's `fortran_order` is missing or not a bool")),
        };
        let dims = match shape {
            Some(Literal::Tuple(dims)) => dims,
            _ => return Err(Error::corrupt("the `.npy` header's `shape` is missing or not a tuple")),
        };
        let shape = dims.iter().map(|dim| match dim {
            Literal::Int(dim) => usize::try_from(*dim).ok(),
            _ => None,
        });
        let shape = shape.collect::<Option<_>>();
        let shape = shape.ok_or_else(|| {
            Error::corrupt("the `.npy` header's `shape` has a dimension that is not a size")
        })?;
        Ok(Self { descr, order, shape })
    }

    fn typed(self) -> Result<NpyHeader> {
        Ok(NpyHeader { dtype: structured::from_literal(&self.descr)?, shape: self.shape, order: self.order })
    }
}

/// What stands before the elements.
pub(super) fn head(array: &NdArray) -> Result<Vec<u8>> {
    let header = text(array);
    let latin1: Option<Vec<u8>> = match header.is_ascii() {
        true => Some(header.as_bytes().to_vec()),
        false => header.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect(),
    };
    let (version, mut header) = match latin1 {
        Some(header) if padded_len(header.len(), 2) <= usize::from(u16::MAX) => (1, header),
        Some(header) => (2, header),
        None => (3, header.into_bytes()),
    };
    let len = padded_len(header.len(), if version == 1 { 2 } else { 4 });
    if len > MAX_HEADER {
        return Err(Error::unsupported(format!(
            "the dtype needs a `.npy` header of {len} bytes; {MAX_HEADER} is the most"
        )));
    }
    header.resize(len - 1, b' ');
    header.push(b'\n');
    let mut out = Vec::with_capacity(MAGIC.len() + 6 + len);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[version, 0]);
    match u16::try_from(len) {
        Ok(len) if version == 1 => out.extend_from_slice(&len.to_le_bytes()),
        // Bounded by `MAX_HEADER`.
        _ => out.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes()),
    }
    out.extend_from_slice(&header);
    Ok(out)
}

/// The dictionary, without the padding that makes the elements begin at a multiple of 64.
fn text(array: &NdArray) -> String {
    let fortran = array.order() == Order::Fortran;
    let mut text = String::with_capacity(2 * ALIGNMENT);
    text.push_str("{'descr': ");
    match array.dtype().as_structured() {
        Some(_) => text.push_str(&structured::to_literal(array.dtype()).to_string()),
        None => text.extend(["'", &array.dtype().to_string(), "'"]),
    }
    text.push_str(if fortran {
        ", 'fortran_order': True, 'shape': ("
    } else {
        ", 'fortran_order': False, 'shape': ("
    });
    let mut number = itoa::Buffer::new();
    for (axis, dim) in array.shape().iter().enumerate() {
        text.extend([if axis == 0 { "" } else { ", " }, number.format(*dim)]);
    }
    text.push_str(if array.ndim() == 1 { ",), }" } else { "), }" });
    let growing = if fortran { array.shape().last() } else { array.shape().first() };
    if let Some(dim) = growing {
        let digits = number.format(*dim).len();
        text.extend(std::iter::repeat_n(' ', GROWTH_DIGITS.saturating_sub(digits)));
    }
    text
}

/// The length of a header with its padding and newline. numpy pads by a whole block where none is needed.
fn padded_len(len: usize, width: usize) -> usize {
    let prefix = MAGIC.len() + 2 + width;
    let len = len + 1;
    len + ALIGNMENT - (prefix + len) % ALIGNMENT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{DType, Field, Structured};
    use crate::{ErrorKind, array};

    fn stream(header: &str, data: &[u8]) -> Bytes {
        let len = u16::try_from(header.len()).unwrap().to_le_bytes();
        [MAGIC, &[1, 0], &len, header.as_bytes(), data].concat().into()
    }

    fn encoded(array: &NdArray) -> Vec<u8> {
        let mut out = head(array).unwrap();
        out.extend_from_slice(array.data());
        out
    }

    #[test]
    fn the_header_is_numpys() {
        let array = NdArray::from_vec(&[3], vec![0f32; 3]).unwrap().to_byte_order(array::ByteOrder::Little);
        let expected = b"\x93NUMPY\x01\0\x76\0{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
        let bytes = encoded(&array);
        assert_eq!((&bytes[..expected.len()], bytes.len(), bytes[127]), (&expected[..], 140, b'\n'));
        assert!(bytes[expected.len()..127].iter().all(|byte| *byte == b' '));
    }

    #[test]
    fn headers_in_any_python_spelling_are_read() {
        for header in [
            "{'shape':(2,),'fortran_order':False,'descr':'<i2'}",
            "{'descr': '<i2', 'fortran_order': False, 'shape': (2L,), }\n",
            " {\"descr\": \"<i2\", \"fortran_order\": False, \"shape\": (+2,)} # handmade",
        ] {
            let array = decode(stream(header, &[1, 0, 2, 0])).unwrap();
            assert_eq!(array.to_vec::<i16>().unwrap(), [1, 2], "{header}");
        }
    }

    #[test]
    fn bytes_after_the_elements_are_ignored_as_numpy_does() {
        let array =
            decode(stream("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", &[1, 2, 3])).unwrap();
        assert_eq!(array.data(), &[1, 2][..]);
    }

    #[test]
    fn hostile_headers_are_errors() {
        for header in [
            "",
            "[]",
            "{}",
            "{'descr': '<i2', 'fortran_order': False}",
            "{'descr': '<i2', 'shape': (1,)}",
            "{'fortran_order': False, 'shape': (1,)}",
            "{'descr': '<i2', 'fortran_order': 0, 'shape': (1,)}",
            "{'descr': '<i2', 'fortran_order': False, 'shape': (1)}",
            "{'descr': '<i2', 'fortran_order': False, 'shape': [1]}",
            "{'descr': '<i2', 'fortran_order': False, 'shape': (-1,)}",
            "{'descr': '<i2', 'fortran_order': False, 'shape': (True,)}",
            "{'descr': '<i2', 'fortran_order': False, 'shape': (99999999999999999999999999,)}",
            "{'descr': '<i2', 'fortran_order': False, 'shape': (4611686018427387904, 0)}",
            "{'descr': '<i2', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
            "{'descr': '<i2', 'fortran_order': False, 'shape': (3,)}",
            "{'descr': '<i2', 'fortran_order': False, 'shape': (1,), 'more': 1}",
            "{'descr': ('<i2', (2,)), 'fortran_order': False, 'shape': (1,)}",
            "{'descr': 3, 'fortran_order': False, 'shape': (1,)}",
        ] {
            let error = array::decode(stream(header, &[1, 0])).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{header}: {error}");
        }
    }

    #[test]
    fn object_arrays_are_unsupported() {
        let header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}";
        let error = array::decode(stream(header, b"\x80\x04N.")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("pickle"));
    }

    #[test]
    fn versions_and_lengths_are_checked() {
        let kind = |bytes: &'static [u8]| array::decode(Bytes::from_static(bytes)).unwrap_err().kind();
        assert_eq!(kind(b"\x93NUMPY"), ErrorKind::Corrupt);
        assert_eq!(kind(b"\x93NUMPY\x01\0\x76"), ErrorKind::Corrupt);
        assert_eq!(kind(b"\x93NUMPY\x02\0\x76\0\0"), ErrorKind::Corrupt);
        assert_eq!(kind(b"\x93NUMPY\x04\0\x76\0\0\0"), ErrorKind::Unsupported);
        assert_eq!(kind(b"\x93NUMPY\x02\0\xff\xff\xff\xff"), ErrorKind::Unsupported);
    }

    #[test]
    fn the_version_follows_from_the_header() {
        let record = |name: String, count: usize| {
            let fields = (0..count).map(|i| Field::new(format!("{name}{i}"), "<f4".parse().unwrap()));
            NdArray::zeros(DType::structured(Structured::packed(fields).unwrap()), &[2]).unwrap()
        };
        for (array, version) in [
            (record("f".into(), 3), 1),
            (record("ä".into(), 3), 1),
            (record("f".into(), 5000), 2),
            (record("世".into(), 3), 3),
        ] {
            let bytes = encoded(&array);
            assert_eq!(bytes[6], version);
            assert_eq!((bytes.len() - array.nbytes()) % ALIGNMENT, 0);
            assert_eq!(decode(bytes.into()).unwrap(), array);
        }
        assert_eq!(head(&record("f".into(), 70_000)).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
