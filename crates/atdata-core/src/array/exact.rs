//! Casts between number types that lose nothing, or fail.

use super::Buffer;
use super::byte_order::ByteOrder;
use super::dtype::{DType, DTypeKind};
use super::nd::NdArray;
use super::shape::checked_nbytes;
use crate::{Error, Result};

/// How many elements are converted at a time: what is between the two types stays in the cache.
const CHUNK: usize = 256;

/// The highest integer up to which a 64-bit float has all of them.
const FLOAT_INTEGERS: i128 = 1 << f64::MANTISSA_DIGITS;

/// What kind of number an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Booleans and integers.
    Int,
    /// Floats.
    Float,
    /// Pairs of floats.
    Complex,
}

fn class(kind: &DTypeKind) -> Option<Class> {
    use DTypeKind as K;
    match kind {
        K::Bool | K::Int8 | K::Int16 | K::Int32 | K::Int64 => Some(Class::Int),
        K::UInt8 | K::UInt16 | K::UInt32 | K::UInt64 => Some(Class::Int),
        K::Float16 | K::Float32 | K::Float64 => Some(Class::Float),
        K::Complex64 | K::Complex128 => Some(Class::Complex),
        _ => None,
    }
}

impl DType {
    /// Whether there are elements of this dtype that [`NdArray::cast_exact`] turns into elements of another one: both hold
    /// booleans, integers or floats, or both complex numbers, or both the same.
    ///
    /// ```
    /// use atdata_core::array::DType;
    ///
    /// let dtype = |name: &str| name.parse::<DType>();
    /// assert!(dtype("uint8")?.casts_exactly_to(&dtype("float32")?));
    /// assert!(!dtype("uint8")?.casts_exactly_to(&dtype("datetime64[s]")?));
    /// # Ok::<(), atdata_core::Error>(())
    /// ```
    pub fn casts_exactly_to(&self, target: &DType) -> bool {
        let classes = (class(self.kind()), class(target.kind()));
        self.same_kind(target)
            || matches!(classes, (Some(a), Some(b)) if (a == Class::Complex) == (b == Class::Complex))
    }
}

impl NdArray {
    /// The same numbers as elements of another dtype. Every element has exactly the same value there, or it fails: nothing
    /// is rounded, cut off or wrapped around, and casting back gives the same elements. Booleans are 0 and 1.
    ///
    /// A float is an integer if it has no fraction and is not minus zero. A NaN keeps its bits.
    ///
    /// ```
    /// use atdata_core::NdArray;
    ///
    /// let pixels = NdArray::from_vec(&[3], vec![0u8, 7, 255])?;
    /// let floats = pixels.cast_exact(&"float32".parse()?)?;
    /// assert_eq!(floats.to_vec::<f32>()?, [0.0, 7.0, 255.0]);
    /// assert_eq!(floats.cast_exact(&"uint8".parse()?)?, pixels);
    /// assert!(floats.cast_exact(&"int8".parse()?).is_err());
    /// # Ok::<(), atdata_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid), with the position of the first element in stored order that the other
    /// dtype cannot hold; [`Unsupported`](crate::ErrorKind::Unsupported) if one of the dtypes does not hold numbers and
    /// they are not the same.
    pub fn cast_exact(&self, target: &DType) -> Result<NdArray> {
        if self.dtype().same_kind(target) {
            return Ok(self.to_byte_order(target.byte_order()));
        }
        let cannot =
            || Error::unsupported(format!("{} is not cast to {}", self.dtype().name(), target.name()));
        if !self.dtype().casts_exactly_to(target) {
            return Err(cannot());
        }
        let native = DType::native(target.kind().clone());
        let (from, to) = (parts(self.dtype().kind()), parts(native.kind()));
        let nbytes = checked_nbytes(self.shape(), native.itemsize())?;
        let mut out = Buffer::try_zeroed(nbytes)?;
        let source = self.to_native();
        let (step, target_step) = (from.size() * CHUNK, to.size() * CHUNK);
        let chunks = source.data().chunks(step).zip(out.as_mut().chunks_mut(target_step));
        for (i, (read, written)) in chunks.enumerate() {
            convert(from, read, to, written).map_err(|(at, value)| {
                Error::invalid(format!("{} cannot hold the element {value}", target.name()))
                    .with("index", (i * CHUNK + at) / from.halves)
            })?;
        }
        let cast = NdArray::from_checked(native, self.shape().into(), self.order(), out.freeze());
        Ok(match target.byte_order() {
            ByteOrder::NotApplicable => cast,
            order => cast.to_byte_order(order),
        })
    }
}

/// What an element consists of.
#[derive(Clone, Copy)]
struct Parts {
    kind: Kind,
    /// Two for complex numbers.
    halves: usize,
}

#[derive(Clone, Copy)]
enum Kind {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    F32,
    F64,
}

impl Parts {
    fn size(self) -> usize {
        match self.kind {
            Kind::Bool | Kind::I8 | Kind::U8 => 1,
            Kind::I16 | Kind::U16 | Kind::F16 => 2,
            Kind::I32 | Kind::U32 | Kind::F32 => 4,
            Kind::I64 | Kind::U64 | Kind::F64 => 8,
        }
    }

    fn is_float(self) -> bool {
        matches!(self.kind, Kind::F16 | Kind::F32 | Kind::F64)
    }
}

fn parts(kind: &DTypeKind) -> Parts {
    use DTypeKind as K;
    let one = |kind| Parts { kind, halves: 1 };
    match kind {
        K::Int8 => one(Kind::I8),
        K::Int16 => one(Kind::I16),
        K::Int32 => one(Kind::I32),
        K::Int64 => one(Kind::I64),
        K::UInt8 => one(Kind::U8),
        K::UInt16 => one(Kind::U16),
        K::UInt32 => one(Kind::U32),
        K::UInt64 => one(Kind::U64),
        K::Float16 => one(Kind::F16),
        K::Float32 => one(Kind::F32),
        K::Float64 => one(Kind::F64),
        K::Complex64 => Parts { kind: Kind::F32, halves: 2 },
        K::Complex128 => Parts { kind: Kind::F64, halves: 2 },
        // The others were sorted out before.
        _ => one(Kind::Bool),
    }
}

/// The element that does not fit: where it is, and what it is in words.
type Misfit = (usize, String);

fn convert(from: Parts, read: &[u8], to: Parts, written: &mut [u8]) -> Result<(), Misfit> {
    let count = (read.len() / from.size()).min(CHUNK);
    let (mut ints, mut floats) = ([0i128; CHUNK], [0f64; CHUNK]);
    let ints = ints.split_at_mut(count).0;
    let floats = floats.split_at_mut(count).0;
    match (from.is_float(), to.is_float()) {
        (false, false) => {
            read_ints(from.kind, read, ints)?;
            write_ints(to.kind, ints, written)
        }
        (false, true) => {
            read_ints(from.kind, read, ints)?;
            for (at, (int, float)) in ints.iter().zip(floats.iter_mut()).enumerate() {
                *float = float_of(*int).ok_or_else(|| (at, int.to_string()))?;
            }
            write_floats(to.kind, floats, written)
        }
        (true, false) => {
            read_floats(from.kind, read, floats);
            for (at, (float, int)) in floats.iter().zip(ints.iter_mut()).enumerate() {
                *int = int_of(*float).ok_or_else(|| (at, format!("{float:?}")))?;
            }
            write_ints(to.kind, ints, written)
        }
        (true, true) => {
            read_floats(from.kind, read, floats);
            write_floats(to.kind, floats, written)
        }
    }
}

macro_rules! elements {
    ($bytes:expr, $t:ty) => {
        $bytes.as_chunks::<{ size_of::<$t>() }>().0.iter().map(|bytes| <$t>::from_ne_bytes(*bytes))
    };
}

fn read_ints(kind: Kind, read: &[u8], ints: &mut [i128]) -> Result<(), Misfit> {
    macro_rules! copy {
        ($t:ty) => {
            ints.iter_mut().zip(elements!(read, $t)).for_each(|(int, element)| *int = i128::from(element))
        };
    }
    match kind {
        Kind::I8 => copy!(i8),
        Kind::I16 => copy!(i16),
        Kind::I32 => copy!(i32),
        Kind::I64 => copy!(i64),
        Kind::U8 => copy!(u8),
        Kind::U16 => copy!(u16),
        Kind::U32 => copy!(u32),
        Kind::U64 => copy!(u64),
        Kind::Bool | Kind::F16 | Kind::F32 | Kind::F64 => {
            copy!(u8);
            // Another byte is true as well, and would come back as 1.
            if let Some(at) = ints.iter().position(|int| *int > 1) {
                let byte = ints.get(at).copied().unwrap_or_default();
                return Err((at, format!("true, stored as {byte}")));
            }
        }
    }
    Ok(())
}

fn write_ints(kind: Kind, ints: &[i128], written: &mut [u8]) -> Result<(), Misfit> {
    macro_rules! copy {
        ($t:ty) => {
            for (at, (int, place)) in
                ints.iter().zip(written.as_chunks_mut::<{ size_of::<$t>() }>().0).enumerate()
            {
                *place = <$t>::try_from(*int).map_err(|_| (at, int.to_string()))?.to_ne_bytes();
            }
        };
    }
    match kind {
        Kind::I8 => copy!(i8),
        Kind::I16 => copy!(i16),
        Kind::I32 => copy!(i32),
        Kind::I64 => copy!(i64),
        Kind::U8 => copy!(u8),
        Kind::U16 => copy!(u16),
        Kind::U32 => copy!(u32),
        Kind::U64 => copy!(u64),
        Kind::Bool | Kind::F16 | Kind::F32 | Kind::F64 => {
            if let Some(at) = ints.iter().position(|int| !(0..=1).contains(int)) {
                return Err((at, ints.get(at).copied().unwrap_or_default().to_string()));
            }
            copy!(u8);
        }
    }
    Ok(())
}

fn read_floats(kind: Kind, read: &[u8], floats: &mut [f64]) {
    let each = floats.iter_mut();
    match kind {
        Kind::F16 => each
            .zip(elements!(read, u16))
            .for_each(|(float, bits)| *float = widen(half::f16::from_bits(bits).to_f64(), bits, HALF)),
        Kind::F32 => each
            .zip(elements!(read, u32))
            .for_each(|(float, bits)| *float = widen(f64::from(f32::from_bits(bits)), bits, SINGLE)),
        _ => each.zip(elements!(read, f64)).for_each(|(float, element)| *float = element),
    }
}

fn write_floats(kind: Kind, floats: &[f64], written: &mut [u8]) -> Result<(), Misfit> {
    let misfit = |at: usize, float: f64| (at, format!("{float:?}"));
    match kind {
        Kind::F16 => {
            for (at, (float, place)) in floats.iter().zip(written.as_chunks_mut::<2>().0).enumerate() {
                let rounded = half::f16::from_f64(*float);
                let bits = narrow(*float, rounded.to_f64(), u64::from(rounded.to_bits()), HALF);
                let bits = bits.and_then(|bits| u16::try_from(bits).ok());
                *place = bits.ok_or_else(|| misfit(at, *float))?.to_ne_bytes();
            }
        }
        Kind::F32 => {
            for (at, (float, place)) in floats.iter().zip(written.as_chunks_mut::<4>().0).enumerate() {
                #[allow(clippy::cast_possible_truncation)]
                let rounded = *float as f32;
                let bits = narrow(*float, f64::from(rounded), u64::from(rounded.to_bits()), SINGLE);
                let bits = bits.and_then(|bits| u32::try_from(bits).ok());
                *place = bits.ok_or_else(|| misfit(at, *float))?.to_ne_bytes();
            }
        }
        _ => {
            for (float, place) in floats.iter().zip(written.as_chunks_mut::<8>().0) {
                *place = float.to_ne_bytes();
            }
        }
    }
    Ok(())
}

/// The bits of a float that is narrower than 64 bits: those of its fraction, and all.
type Narrow = (u32, u32);
const HALF: Narrow = (10, 16);
const SINGLE: Narrow = (23, 32);

/// A NaN of 64 bits with the sign and payload of a narrower one: conversions of the processor do not promise to keep them.
fn widen(float: f64, bits: impl Into<u64>, (fraction, all): Narrow) -> f64 {
    if !float.is_nan() {
        return float;
    }
    let bits = bits.into();
    let payload = bits & ((1 << fraction) - 1);
    let sign = bits >> (all - 1);
    f64::from_bits(sign << 63 | 0x7ff << 52 | payload << (52 - fraction))
}

/// The bits of a narrower float if that is the same number, or a NaN of the same payload.
fn narrow(float: f64, rounded: f64, rounded_bits: u64, (fraction, all): Narrow) -> Option<u64> {
    if !float.is_nan() {
        return (rounded.to_bits() == float.to_bits()).then_some(rounded_bits);
    }
    let bits = float.to_bits();
    let payload = bits & ((1 << 52) - 1);
    let kept = payload >> (52 - fraction);
    let exponent = ((1 << (all - 1 - fraction)) - 1) << fraction;
    let narrow = (bits >> 63) << (all - 1) | exponent | kept;
    (kept << (52 - fraction) == payload).then_some(narrow)
}

/// The float of an integer, if there is one.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
pub(crate) fn float_of(int: i128) -> Option<f64> {
    let float = int as f64;
    (int.abs() <= FLOAT_INTEGERS || float as i128 == int).then_some(float)
}

/// The integer that a float is: without a fraction, and not minus zero, which would come back as another float.
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn int_of(float: f64) -> Option<i128> {
    let is_minus_zero = float == 0.0 && float.is_sign_negative();
    // Beyond what any integer type has; the conversion would saturate.
    let in_range = float.abs() < 1e30;
    (in_range && float.fract() == 0.0 && !is_minus_zero).then_some(float as i128)
}

#[cfg(test)]
mod tests {
    use half::f16;
    use num_complex::{Complex32, Complex64};

    use super::*;
    use crate::ErrorKind;
    use crate::array::{ByteOrder, Element, Order};

    fn cast<T: Element, U: Element>(elements: &[T]) -> Result<Vec<U>> {
        let array = NdArray::from_vec(&[elements.len()], elements.to_vec())?;
        array.cast_exact(&U::dtype())?.to_vec::<U>()
    }

    /// Casts there and back.
    fn round<T: Element, U: Element>(elements: &[T], expected: &[U]) {
        assert_eq!(cast::<T, U>(elements).unwrap(), expected);
        assert_eq!(cast::<U, T>(expected).unwrap(), elements);
    }

    fn misfit<T: Element, U: Element>(elements: &[T]) -> String {
        let error = cast::<T, U>(elements).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        error.context_value("index").unwrap().to_owned()
    }

    #[test]
    fn numbers_that_both_have_are_kept() {
        round::<u8, f32>(&[0, 255], &[0.0, 255.0]);
        round::<i64, f64>(&[i64::MIN, 1 << 53], &[-9_223_372_036_854_775_808.0, 9_007_199_254_740_992.0]);
        round::<u64, i64>(&[0, i64::MAX as u64], &[0, i64::MAX]);
        round::<bool, i8>(&[false, true], &[0, 1]);
        round::<bool, f16>(&[false, true], &[f16::ZERO, f16::ONE]);
        round::<f32, f64>(
            &[0.1, -0.0, f32::INFINITY, f32::MIN_POSITIVE / 2.0],
            &[f64::from(0.1f32), -0.0, f64::INFINITY, f64::from(f32::MIN_POSITIVE / 2.0)],
        );
        round::<f16, f32>(
            &[f16::MAX, f16::MIN_POSITIVE_SUBNORMAL],
            &[65504.0, f16::MIN_POSITIVE_SUBNORMAL.to_f32()],
        );
        round::<Complex32, Complex64>(&[Complex32::new(1.5, -2.0)], &[Complex64::new(1.5, -2.0)]);
        round::<i32, i16>(&[], &[]);
    }

    #[test]
    fn the_first_number_that_does_not_fit_is_named() {
        assert_eq!(misfit::<i16, u8>(&[1, 2, 256]), "2");
        assert_eq!(misfit::<i16, u8>(&[-1]), "0");
        assert_eq!(misfit::<u64, i64>(&[u64::MAX]), "0");
        assert_eq!(misfit::<u8, bool>(&[0, 1, 2]), "2");
        assert_eq!(misfit::<i64, f64>(&[(1 << 53) + 1]), "0");
        assert_eq!(misfit::<i32, f16>(&[2049]), "0");
        assert_eq!(misfit::<f64, f32>(&[0.5, 0.1]), "1");
        assert_eq!(misfit::<f64, f32>(&[1e300]), "0");
        for odd in [0.5, -0.0, f64::NAN, f64::INFINITY, 1e20, -1e300] {
            assert_eq!(misfit::<f64, i64>(&[1.0, odd]), "1", "{odd}");
        }
        // Beyond the first chunk, and in the second half of a complex number.
        let mut long = vec![1i32; 1000];
        long[777] = 300;
        assert_eq!(misfit::<i32, u8>(&long), "777");
        let mut long = vec![Complex64::new(1.0, 1.0); 400];
        long[300].im = 0.1;
        assert_eq!(misfit::<Complex64, Complex32>(&long), "300");
    }

    #[test]
    fn a_nan_keeps_its_bits() {
        for bits in [0x7fc0_0000u32, 0xffc0_0001, 0x7f80_0001, 0x7fff_ffff] {
            let array = NdArray::from_vec(&[1], vec![f32::from_bits(bits)]).unwrap();
            let wide = array.cast_exact(&f64::dtype()).unwrap();
            assert!(wide.to_vec::<f64>().unwrap()[0].is_nan());
            assert_eq!(wide.cast_exact(&f32::dtype()).unwrap(), array, "{bits:x}");
        }
        let half = NdArray::from_vec(&[2], vec![f16::from_bits(0x7e01), f16::from_bits(0xfc01)]).unwrap();
        for wider in [f32::dtype(), f64::dtype()] {
            assert_eq!(half.cast_exact(&wider).unwrap().cast_exact(&f16::dtype()).unwrap(), half);
        }
        assert_eq!(misfit::<f64, f32>(&[f64::from_bits(0x7ff8_0000_0000_0001)]), "0");
    }

    #[test]
    fn shape_order_and_byte_order_are_kept_or_asked_for() {
        let columns =
            NdArray::from_bytes("|u1".parse().unwrap(), &[2, 2], Order::Fortran, vec![1, 3, 2, 4].into());
        let cast = columns.unwrap().cast_exact(&">i4".parse().unwrap()).unwrap();
        assert_eq!(
            (cast.shape(), cast.order(), cast.dtype().byte_order()),
            (&[2, 2][..], Order::Fortran, ByteOrder::Big)
        );
        assert_eq!(cast.to_vec::<i32>().unwrap(), [1, 2, 3, 4]);
        let back = cast.cast_exact(&"|u1".parse().unwrap()).unwrap();
        assert_eq!(back, NdArray::from_vec(&[2, 2], vec![1u8, 2, 3, 4]).unwrap());
        assert_eq!(NdArray::scalar(7u8).cast_exact(&f64::dtype()).unwrap(), NdArray::scalar(7.0f64));
    }

    #[test]
    fn what_is_no_number_is_cast_to_itself_only() {
        let texts = NdArray::from_strings(&[1], &["a"]).unwrap();
        assert_eq!(texts.cast_exact(texts.dtype()).unwrap(), texts);
        for (from, to) in [
            (texts.clone(), "int32"),
            (NdArray::scalar(1i32), "<U1"),
            (NdArray::scalar(1f32), "complex64"),
            (NdArray::scalar(1i64), "<M8[s]"),
        ] {
            assert_eq!(
                from.cast_exact(&to.parse().unwrap()).unwrap_err().kind(),
                ErrorKind::Unsupported,
                "{to}"
            );
        }
        // A boolean that is stored as another byte than 1 would come back as 1.
        let odd = NdArray::from_bytes("|b1".parse().unwrap(), &[2], Order::C, vec![1, 2].into()).unwrap();
        assert_eq!(odd.cast_exact(&u8::dtype()).unwrap_err().context_value("index"), Some("1"));
    }
}
