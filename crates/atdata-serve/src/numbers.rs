//! The elements of an array as numbers, whatever their dtype.

use atdata_core::NdArray;
use atdata_core::array::{ByteOrder, DTypeKind, NAT, Order};
use half::f16;
use num_complex::{Complex32, Complex64};

/// Reads the elements of an array as `f64`: booleans as 0 and 1, complex numbers by their magnitude, times as ticks.
#[derive(Debug)]
pub(crate) struct Numbers<'a> {
    data: &'a [u8],
    itemsize: usize,
    big_endian: bool,
    read: fn(&[u8], bool) -> f64,
    /// How far apart neighbours along each axis are, in elements.
    strides: Vec<usize>,
}

impl<'a> Numbers<'a> {
    /// None if the elements are no numbers.
    pub(crate) fn of(array: &'a NdArray) -> Option<Self> {
        let read: fn(&[u8], bool) -> f64 = match array.dtype().kind() {
            DTypeKind::Bool => |item, _| f64::from(u8::from(item.first().is_some_and(|byte| *byte != 0))),
            DTypeKind::Int8 => int8,
            DTypeKind::Int16 => int16,
            DTypeKind::Int32 => int32,
            DTypeKind::Int64 => int64,
            DTypeKind::UInt8 => uint8,
            DTypeKind::UInt16 => uint16,
            DTypeKind::UInt32 => uint32,
            DTypeKind::UInt64 => uint64,
            DTypeKind::Float16 => |item, big| f16::from_bits(bits16(item, big)).to_f64(),
            DTypeKind::Float32 => float32,
            DTypeKind::Float64 => float64,
            DTypeKind::Complex64 => |item, big| {
                let (re, im) = item.split_at_checked(4).unwrap_or_default();
                #[allow(clippy::cast_possible_truncation, reason = "they were single-precision")]
                let z = Complex32::new(float32(re, big) as f32, float32(im, big) as f32);
                f64::from(z.norm())
            },
            DTypeKind::Complex128 => |item, big| {
                let (re, im) = item.split_at_checked(8).unwrap_or_default();
                Complex64::new(float64(re, big), float64(im, big)).norm()
            },
            DTypeKind::DateTime(_) | DTypeKind::TimeDelta(_) => ticks,
            _ => return None,
        };
        Some(Self {
            data: array.data(),
            itemsize: array.dtype().itemsize(),
            big_endian: array.dtype().byte_order() == ByteOrder::Big,
            read,
            strides: strides(array),
        })
    }

    /// The element that is stored at a position.
    pub(crate) fn get(&self, position: usize) -> f64 {
        let start = position.saturating_mul(self.itemsize);
        let item = self.data.get(start..start.saturating_add(self.itemsize));
        item.map_or(f64::NAN, |item| (self.read)(item, self.big_endian))
    }

    /// How far apart neighbours along an axis are.
    pub(crate) fn stride(&self, axis: usize) -> usize {
        self.strides.get(axis).copied().unwrap_or_default()
    }
}

fn strides(array: &NdArray) -> Vec<usize> {
    let mut strides = vec![0; array.ndim()];
    let mut step = 1usize;
    let mut set = |(stride, dim): (&mut usize, &usize)| {
        *stride = step;
        step = step.saturating_mul(*dim);
    };
    match array.order() {
        Order::C => strides.iter_mut().zip(array.shape()).rev().for_each(&mut set),
        Order::Fortran => strides.iter_mut().zip(array.shape()).for_each(&mut set),
    }
    strides
}

macro_rules! readers {
    ($($name:ident $type:ty;)*) => {$(
        #[allow(clippy::cast_precision_loss, clippy::cast_lossless, reason = "it is for pictures")]
        fn $name(item: &[u8], big_endian: bool) -> f64 {
            let read = if big_endian { <$type>::from_be_bytes } else { <$type>::from_le_bytes };
            item.first_chunk().map_or(f64::NAN, |bytes| read(*bytes) as f64)
        }
    )*};
}
readers! {
    int8 i8;
    int16 i16;
    int32 i32;
    int64 i64;
    uint8 u8;
    uint16 u16;
    uint32 u32;
    uint64 u64;
    float32 f32;
    float64 f64;
}

fn bits16(item: &[u8], big_endian: bool) -> u16 {
    let read = if big_endian { u16::from_be_bytes } else { u16::from_le_bytes };
    item.first_chunk().map_or(0x7e00, |bytes| read(*bytes))
}

fn ticks(item: &[u8], big_endian: bool) -> f64 {
    let read = if big_endian { i64::from_be_bytes } else { i64::from_le_bytes };
    #[allow(clippy::cast_precision_loss, reason = "it is for pictures")]
    let float = |ticks: i64| if ticks == NAT { f64::NAN } else { ticks as f64 };
    item.first_chunk().map_or(f64::NAN, |bytes| float(read(*bytes)))
}

/// Minimum, maximum and mean of the finite elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) mean: f64,
    /// How many elements are NaN or infinite.
    pub(crate) not_finite: usize,
    /// Whether all elements were looked at.
    pub(crate) exact: bool,
}

impl Summary {
    /// Looks at `most` elements, evenly spread; none if there is no finite number among them.
    pub(crate) fn of(array: &NdArray, most: usize) -> Option<Self> {
        let numbers = Numbers::of(array)?;
        let step = array.len().div_ceil(most.max(1)).max(1);
        let (mut min, mut max, mut sum, mut count) = (f64::INFINITY, f64::NEG_INFINITY, 0.0, 0u32);
        let mut not_finite = 0;
        for position in (0..array.len()).step_by(step) {
            let number = numbers.get(position);
            if number.is_finite() {
                (min, max) = (min.min(number), max.max(number));
                sum += number;
                count += 1;
            } else {
                not_finite += 1;
            }
        }
        (count > 0).then(|| Self { min, max, mean: sum / f64::from(count), not_finite, exact: step == 1 })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn first(dtype: &str, data: &[u8]) -> f64 {
        let array = NdArray::from_bytes(dtype.parse().unwrap(), &[1], Order::C, Bytes::copy_from_slice(data));
        Numbers::of(&array.unwrap()).unwrap().get(0)
    }

    #[test]
    fn every_kind_of_number_is_read() {
        assert_eq!(first("|b1", &[2]), 1.0);
        assert_eq!(first("|i1", &[255]), -1.0);
        assert_eq!(first("<i2", &[254, 255]), -2.0);
        assert_eq!(first(">i4", &[0, 0, 1, 0]), 256.0);
        assert_eq!(first("<u8", &[1, 0, 0, 0, 0, 0, 0, 0]), 1.0);
        assert_eq!(first("<f2", &[0, 0x3e]), 1.5);
        assert_eq!(first(">f2", &[0x3e, 0]), 1.5);
        assert_eq!(first("<f4", &1.25f32.to_le_bytes()), 1.25);
        assert_eq!(first(">f8", &1.25f64.to_be_bytes()), 1.25);
        assert_eq!(first("<c8", &[3f32.to_le_bytes(), 4f32.to_le_bytes()].concat()), 5.0);
        assert_eq!(first(">c16", &[3f64.to_be_bytes(), 4f64.to_be_bytes()].concat()), 5.0);
        assert_eq!(first("<M8[s]", &7i64.to_le_bytes()), 7.0);
        assert!(first("<m8[s]", &NAT.to_le_bytes()).is_nan());
        let text = NdArray::from_strings(&[1], &["a"]).unwrap();
        assert!(Numbers::of(&text).is_none());
    }

    #[test]
    fn summaries_leave_out_what_is_not_finite() {
        let array = NdArray::from_vec(&[4], vec![1.0f32, f32::NAN, 3.0, f32::INFINITY]).unwrap();
        let summary = Summary::of(&array, 100).unwrap();
        assert_eq!((summary.min, summary.max, summary.mean, summary.not_finite), (1.0, 3.0, 2.0, 2));
        assert!(summary.exact && !Summary::of(&array, 2).unwrap().exact);
        assert_eq!(Summary::of(&NdArray::from_vec(&[1], vec![f32::NAN]).unwrap(), 9), None);
        assert_eq!(Summary::of(&NdArray::from_vec(&[0], Vec::<u8>::new()).unwrap(), 9), None);
    }
}
