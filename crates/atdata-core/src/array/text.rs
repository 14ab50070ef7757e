//! Elements that are not numbers: texts, byte strings, times.

use bytes::Bytes;
use ndarray::ArrayD;

use super::byte_order::ByteOrder;
use super::dtype::{DType, DTypeKind};
use super::nd::NdArray;
use super::time_unit::TimeUnit;
use crate::{Error, Result};

/// The ticks of a `datetime64` or `timedelta64` that is "not a time".
pub const NAT: i64 = i64::MIN;

impl NdArray {
    /// The texts of a `U` array, or of an `S` array that holds UTF-8, in C order. NULs at the end are padding.
    ///
    /// # Errors
    /// `Invalid` for other dtypes; `Corrupt` if an element is no text: a code point that does not exist, bytes that are
    /// not UTF-8 (those can be had with [`NdArray::byte_strings`]).
    pub fn strings(&self) -> Result<Vec<String>> {
        let corrupt = |index: usize| Error::corrupt(format!("element {index} of {self} is not text"));
        match self.dtype().kind() {
            DTypeKind::Str(width) if *width > 0 => {
                let order = self.dtype().byte_order();
                let items = self.to_c_order();
                items
                    .data()
                    .chunks_exact(width.saturating_mul(4))
                    .enumerate()
                    .map(|(index, item)| code_points(item, order).ok_or_else(|| corrupt(index)))
                    .collect()
            }
            DTypeKind::Str(_) => Ok(Vec::new()),
            DTypeKind::Bytes(_) => self
                .byte_strings()?
                .into_iter()
                .enumerate()
                .map(|(index, item)| {
                    String::from_utf8(item.into()).map_err(|error| corrupt(index).with_source(error))
                })
                .collect(),
            _ => Err(Error::invalid(format!("{self} does not hold text"))),
        }
    }

    /// The elements of an `S` or `V` array in C order, as slices of the array's bytes. Of an `S` element the NULs at the
    /// end are padding.
    ///
    /// # Errors
    /// `Invalid` for other dtypes.
    pub fn byte_strings(&self) -> Result<Vec<Bytes>> {
        let (width, padded) = match self.dtype().kind() {
            DTypeKind::Bytes(width) => (*width, true),
            DTypeKind::Void(width) => (*width, false),
            _ => return Err(Error::invalid(format!("{self} does not hold byte strings"))),
        };
        let data = self.to_c_order().into_data();
        let item = |start: usize| {
            let item = data.slice(start..start + width);
            let len = item.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            if padded { item.slice(..len) } else { item }
        };
        Ok((0..self.len()).map(|index| item(index * width)).collect())
    }

    /// The ticks of a `datetime64` or `timedelta64` array and their unit; [`NAT`] stands for "not a time".
    ///
    /// # Errors
    /// `Invalid` for other dtypes.
    pub fn ticks(&self) -> Result<(TimeUnit, ArrayD<i64>)> {
        match self.dtype().kind() {
            DTypeKind::DateTime(unit) | DTypeKind::TimeDelta(unit) => {
                let integers = self.reinterpret(DType::new(DTypeKind::Int64, self.dtype().byte_order()))?;
                Ok((*unit, integers.to_array()?))
            }
            _ => Err(Error::invalid(format!("{self} does not hold times"))),
        }
    }
}

/// The text of a `U` element.
pub(super) fn code_points(item: &[u8], order: ByteOrder) -> Option<String> {
    let words = item.as_chunks::<4>().0;
    let len = words.iter().rposition(|word| *word != [0; 4]).map_or(0, |last| last + 1);
    let read = |word: &[u8; 4]| match order {
        ByteOrder::Big => u32::from_be_bytes(*word),
        _ => u32::from_le_bytes(*word),
    };
    words.iter().take(len).map(|word| char::from_u32(read(word))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::array::Order;

    fn array(dtype: &str, shape: &[usize], data: &[u8]) -> NdArray {
        NdArray::from_bytes(dtype.parse().unwrap(), shape, Order::C, Bytes::copy_from_slice(data)).unwrap()
    }

    #[test]
    fn texts_come_out_as_they_went_in() {
        let texts = ["a", "é世", "", "\0x"];
        let array = NdArray::from_strings(&[2, 2], &texts).unwrap();
        assert_eq!(array.strings().unwrap(), texts);
        assert_eq!(array.to_byte_order(ByteOrder::Big).strings().unwrap(), texts);
        assert_eq!(array.dtype().to_string().get(1..), Some("U2"));
    }

    #[test]
    fn a_text_that_cannot_be_kept_is_refused() {
        assert_eq!(NdArray::from_strings(&[1], &["a\0"]).unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(NdArray::from_strings(&[2], &["a"]).unwrap_err().kind(), ErrorKind::Invalid);
    }

    #[test]
    fn code_points_that_do_not_exist_are_corrupt() {
        let error = array("<U1", &[2], &[97, 0, 0, 0, 0, 0xd8, 0, 0]).strings().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains("element 1"));
    }

    #[test]
    fn byte_strings_lose_their_padding_and_void_keeps_it() {
        assert_eq!(array("|S3", &[3], b"ab\0\0\0\0\0b\0").byte_strings().unwrap(), [&b"ab"[..], b"", b"\0b"]);
        assert_eq!(array("|V3", &[1], b"ab\0").byte_strings().unwrap(), [&b"ab\0"[..]]);
        assert_eq!(array("|S2", &[1], b"\xff\xff").strings().unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(array("|u1", &[1], b"a").strings().unwrap_err().kind(), ErrorKind::Invalid);
    }

    #[test]
    fn times_are_ticks_and_a_unit() {
        let times = NdArray::from_vec(&[2], vec![5i64, NAT]).unwrap().to_byte_order(ByteOrder::Big);
        let times = times.reinterpret(">M8[25s]".parse().unwrap()).unwrap();
        let (unit, ticks) = times.ticks().unwrap();
        assert_eq!((unit.multiple(), ticks.into_raw_vec_and_offset().0), (25, vec![5, NAT]));
        assert!(array("|u1", &[1], b"a").ticks().is_err());
    }
}
