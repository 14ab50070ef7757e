//! One `.npy` stream, row by row along its first axis.

use std::io::{self, BufReader, Read};

use atdata::array::{DType, DTypeKind, NdArray, NpyHeader, Order};
use atdata::schema::{ArrayType, Field, FieldType, Primitive};
use atdata::{Error, Result, Value};
use bytes::Bytes;

use super::infer::dtype_name;

/// The largest array in Fortran order that is turned around in memory, in bytes.
const MAX_FORTRAN: usize = 512 << 20;
/// The largest row that is read.
const MAX_ROW: usize = 1 << 30;
/// How many rows without elements are read: the file does not bound them.
const MAX_EMPTY_ROWS: usize = 1_000_000;

/// An array as a sequence of rows.
pub(super) struct RowReader {
    dtype: DType,
    row_shape: Vec<usize>,
    row_bytes: usize,
    rows: usize,
    next: usize,
    source: Source,
}

enum Source {
    Stream(Box<dyn Read + Send>),
    Whole(Bytes),
}

impl RowReader {
    /// Reads the header. Arrays in Fortran order are read whole.
    ///
    /// # Errors
    /// Not a `.npy` stream; an array without axes; rows of more than 1 GiB; a Fortran array of more than 512 MiB.
    pub(super) fn new(reader: impl Read + Send + 'static) -> Result<Self> {
        let mut reader = BufReader::with_capacity(1 << 16, reader);
        let NpyHeader { dtype, shape, order, .. } = NpyHeader::read(&mut reader)?;
        let Some((&rows, row_shape)) = shape.split_first() else {
            return Err(Error::invalid(
                "the array has no axes, so it holds no samples; its first axis must count them",
            ));
        };
        let size =
            |dims: &[usize]| dims.iter().try_fold(dtype.itemsize(), |size, dim| size.checked_mul(*dim));
        let row_bytes = size(row_shape).filter(|size| *size <= MAX_ROW);
        let row_bytes = row_bytes.ok_or_else(|| Error::unsupported("a sample is larger than 1 GiB"))?;
        if row_bytes == 0 && rows > MAX_EMPTY_ROWS {
            return Err(Error::unsupported(format!("{rows} samples without elements")));
        }
        let fortran = order == Order::Fortran && row_shape.iter().any(|dim| *dim != 1) && rows > 1;
        let source = if fortran {
            let total = size(&shape).filter(|size| *size <= MAX_FORTRAN).ok_or_else(|| {
                Error::unsupported(format!(
                    "the array is in Fortran order and larger than {} MiB; save it with numpy.ascontiguousarray",
                    MAX_FORTRAN >> 20
                ))
            })?;
            let mut data = Vec::new();
            (&mut reader).take(total as u64).read_to_end(&mut data)?;
            if data.len() < total {
                return Err(Error::corrupt(format!("the array has {} of its {total} bytes", data.len())));
            }
            let array = NdArray::from_bytes(dtype.clone(), &shape, Order::Fortran, data.into())?;
            Source::Whole(array.to_c_order().into_data())
        } else {
            Source::Stream(Box::new(reader))
        };
        Ok(Self { dtype, row_shape: row_shape.to_vec(), row_bytes, rows, next: 0, source })
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The field that holds one row: a scalar if rows are single numbers, booleans or texts, an array otherwise.
    pub(super) fn field(&self, name: &str) -> Field {
        let field_type = match (self.row_shape.is_empty(), self.dtype.kind()) {
            (true, kind) if scalar_type(kind).is_some() => scalar_type(kind).unwrap_or(FieldType::Any),
            (_, DTypeKind::Structured(_)) => FieldType::Structured(ArrayType::default()),
            _ => FieldType::NdArray(ArrayType {
                dtype: NdArray::zeros(self.dtype.clone(), &[0]).ok().as_ref().and_then(dtype_name),
                shape: Some(self.row_shape.iter().map(|dim| Some(*dim as u64)).collect()),
                ..ArrayType::default()
            }),
        };
        Field::new(name, field_type)
    }

    /// The next row.
    ///
    /// # Errors
    /// The stream ends before its last row, or cannot be read.
    pub(super) fn next_row(&mut self) -> Result<Option<Value>> {
        if self.next >= self.rows {
            return Ok(None);
        }
        let data = match &mut self.source {
            Source::Whole(bytes) => {
                let start = self.next * self.row_bytes;
                bytes.slice(start..start + self.row_bytes)
            }
            Source::Stream(reader) => {
                // The header may claim what it likes: memory grows with what is there.
                let mut data = Vec::with_capacity(self.row_bytes.min(1 << 20));
                reader.take(self.row_bytes as u64).read_to_end(&mut data)?;
                if data.len() < self.row_bytes {
                    return Err(Error::corrupt(format!(
                        "the array ends in row {} of {}",
                        self.next, self.rows
                    )));
                }
                data.into()
            }
        };
        self.next += 1;
        let row = NdArray::from_bytes(self.dtype.clone(), &self.row_shape, Order::C, data)?;
        scalar(row).map(Some)
    }

    /// Reads what is left after the last row, so that a checksum at the end of the member is checked.
    ///
    /// # Errors
    /// There is more data, or what the reader finds at its end.
    pub(super) fn finish(&mut self) -> Result<()> {
        if let Source::Stream(reader) = &mut self.source {
            io::copy(reader, &mut io::sink())?;
        }
        Ok(())
    }
}

fn scalar_type(kind: &DTypeKind) -> Option<FieldType> {
    use DTypeKind as K;
    let primitive = match kind {
        K::Bool => Primitive::Bool,
        K::Int8 | K::Int16 | K::Int32 | K::Int64 | K::UInt8 | K::UInt16 | K::UInt32 | K::UInt64 => {
            Primitive::Int
        }
        K::Float16 | K::Float32 | K::Float64 => Primitive::Float,
        K::Str(_) => Primitive::Str,
        K::Bytes(_) => Primitive::Bytes,
        _ => return None,
    };
    Some(primitive.into())
}

/// An array without axes as a plain value, where there is one for its dtype.
fn scalar(row: NdArray) -> Result<Value> {
    use DTypeKind as K;
    if row.ndim() > 0 {
        return Ok(Value::Array(row));
    }
    let first = || Error::unexpected("an array without axes has no element");
    macro_rules! element {
        ($t:ty) => {
            row.to_vec::<$t>()?.first().copied().ok_or_else(first)?
        };
    }
    Ok(match row.dtype().kind() {
        K::Bool => Value::Bool(element!(bool)),
        K::Int8 => Value::from(element!(i8)),
        K::Int16 => Value::from(element!(i16)),
        K::Int32 => Value::from(element!(i32)),
        K::Int64 => Value::from(element!(i64)),
        K::UInt8 => Value::from(element!(u8)),
        K::UInt16 => Value::from(element!(u16)),
        K::UInt32 => Value::from(element!(u32)),
        K::UInt64 => Value::from(element!(u64)),
        K::Float16 => Value::Float(element!(half::f16).to_f64()),
        K::Float32 => Value::from(element!(f32)),
        K::Float64 => Value::Float(element!(f64)),
        K::Str(_) => Value::Str(row.strings()?.pop().ok_or_else(first)?),
        K::Bytes(_) => Value::Bytes(row.byte_strings()?.pop().ok_or_else(first)?),
        _ => Value::Array(row),
    })
}

#[cfg(test)]
mod tests {
    use atdata::array::{ArrayFormat, encode};

    use super::*;

    fn rows(array: &NdArray) -> Vec<Value> {
        let mut stream = Vec::new();
        encode(array, ArrayFormat::Npy, &mut stream).unwrap();
        let mut reader = RowReader::new(io::Cursor::new(stream)).unwrap();
        std::iter::from_fn(|| reader.next_row().unwrap()).collect()
    }

    #[test]
    fn rows_come_in_order_whatever_the_layout() {
        let array = NdArray::from_vec(&[2, 3], vec![1u16, 2, 3, 4, 5, 6]).unwrap();
        let row = |values: Vec<u16>| Value::Array(NdArray::from_vec(&[3], values).unwrap());
        assert_eq!(rows(&array), [row(vec![1, 2, 3]), row(vec![4, 5, 6])]);
        let columns = NdArray::from_vec(&[6], vec![1u16, 4, 2, 5, 3, 6]).unwrap().into_data();
        let fortran = NdArray::from_bytes(array.dtype().clone(), &[2, 3], Order::Fortran, columns).unwrap();
        assert_eq!(rows(&fortran), rows(&array));
    }

    #[test]
    fn single_numbers_are_scalars() {
        assert_eq!(rows(&NdArray::from_vec(&[2], vec![1u8, 2]).unwrap()), [Value::Int(1), Value::Int(2)]);
        assert_eq!(rows(&NdArray::from_vec(&[1], vec![0.5f32]).unwrap()), [Value::Float(0.5)]);
        assert_eq!(rows(&NdArray::from_strings(&[1], &["é"]).unwrap()), [Value::Str("é".into())]);
    }

    #[test]
    fn a_cut_array_is_corrupt_and_one_without_axes_refused() {
        let mut stream = Vec::new();
        encode(&NdArray::from_vec(&[2, 2], vec![0f64; 4]).unwrap(), ArrayFormat::Npy, &mut stream).unwrap();
        stream.truncate(stream.len() - 1);
        let mut reader = RowReader::new(io::Cursor::new(stream)).unwrap();
        assert!(reader.next_row().unwrap().is_some());
        assert_eq!(reader.next_row().unwrap_err().kind(), atdata::ErrorKind::Corrupt);
        let mut stream = Vec::new();
        encode(&NdArray::scalar(1u8), ArrayFormat::Npy, &mut stream).unwrap();
        assert!(RowReader::new(io::Cursor::new(stream)).is_err());
    }
}
