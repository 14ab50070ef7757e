//! Arrays: their shapes, and their elements as numbers.

use std::cmp::Reverse;
use std::collections::HashMap;

use atdata_core::NdArray;
use atdata_core::array::{DTypeKind, Element};
use half::f16;

use super::format::ArrayShape;
use super::numbers::{Moments, Numbers};

/// The most shapes that are told apart.
const MAX_SHAPES: usize = 100;
/// How many elements of an array are looked at for quantiles.
const OFFERED: usize = 16;

/// Counts shapes.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    counts: HashMap<(String, Vec<usize>), u64>,
    others: u64,
}

impl Shapes {
    pub(super) fn add(&mut self, array: &NdArray) {
        let shape = (array.dtype().name(), array.shape().to_vec());
        if self.counts.len() >= MAX_SHAPES && !self.counts.contains_key(&shape) {
            self.others += 1;
            return;
        }
        *self.counts.entry(shape).or_default() += 1;
    }

    /// The shapes, and how many arrays have others.
    pub(super) fn finish(self) -> (Vec<ArrayShape>, u64) {
        let mut all: Vec<_> = self.counts.into_iter().collect();
        all.sort_by(|(a, m), (b, n)| Reverse(m).cmp(&Reverse(n)).then_with(|| a.cmp(b)));
        let shape = |((dtype, shape), count): ((String, Vec<usize>), u64)| ArrayShape {
            dtype,
            shape: shape.into_iter().map(|dim| dim as u64).collect(),
            count,
        };
        (all.into_iter().map(shape).collect(), self.others)
    }
}

/// Adds the elements of an array, if they are numbers.
#[allow(clippy::cast_precision_loss, reason = "what is beyond 2^53 is rounded, as the document says")]
pub(super) fn add_elements(numbers: &mut Numbers, array: &NdArray) {
    match array.dtype().kind() {
        DTypeKind::Bool => add(numbers, array, |x: bool| f64::from(u8::from(x))),
        DTypeKind::Int8 => add(numbers, array, |x: i8| f64::from(x)),
        DTypeKind::Int16 => add(numbers, array, |x: i16| f64::from(x)),
        DTypeKind::Int32 => add(numbers, array, |x: i32| f64::from(x)),
        DTypeKind::Int64 => add(numbers, array, |x: i64| x as f64),
        DTypeKind::UInt8 => add(numbers, array, |x: u8| f64::from(x)),
        DTypeKind::UInt16 => add(numbers, array, |x: u16| f64::from(x)),
        DTypeKind::UInt32 => add(numbers, array, |x: u32| f64::from(x)),
        DTypeKind::UInt64 => add(numbers, array, |x: u64| x as f64),
        DTypeKind::Float16 => add(numbers, array, |x: f16| f64::from(x)),
        DTypeKind::Float32 => add(numbers, array, |x: f32| f64::from(x)),
        DTypeKind::Float64 => add(numbers, array, |x: f64| x),
        _ => {}
    }
}

fn add<T: Element>(numbers: &mut Numbers, array: &NdArray, to_f64: impl Fn(T) -> f64 + Copy) {
    // Of another byte order they are copied; a dtype that is not T cannot be.
    let Ok(elements) = array.cow::<T>() else { return };
    let Some(elements) = elements.as_slice_memory_order() else { return };
    let (mut count, mut sum, mut nan, mut infinite, mut zero) = (0u64, 0.0, 0, 0, 0);
    let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
    for number in elements.iter().copied().map(to_f64) {
        if number.is_finite() {
            count += 1;
            sum += number;
            min = min.min(number);
            max = max.max(number);
            zero += u64::from(number == 0.0);
        } else if number.is_nan() {
            nan += 1;
        } else {
            infinite += 1;
        }
    }
    let mut moments = Moments::NONE;
    if count > 0 {
        #[allow(clippy::cast_precision_loss, reason = "a count")]
        let mean = sum / count as f64;
        let finite = elements.iter().copied().map(to_f64).filter(|number| number.is_finite());
        let squares = finite.map(|number| (number - mean) * (number - mean)).sum();
        moments = Moments { count, mean, squares, min, max };
    }
    numbers.add_moments(moments, nan, infinite, zero);
    // Some of each array, evenly spread.
    let step = (elements.len() / OFFERED).max(1);
    for number in elements.iter().step_by(step).take(OFFERED).copied().map(to_f64) {
        if number.is_finite() {
            numbers.offer(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use atdata_core::array::ByteOrder;

    use super::*;

    #[test]
    fn elements_of_any_byte_order_are_numbers() {
        let array = NdArray::from_vec(&[2, 2], vec![1.0f32, f32::NAN, 3.0, 0.0]).unwrap();
        for array in [array.clone(), array.to_byte_order(ByteOrder::Big)] {
            let mut numbers = Numbers::default();
            add_elements(&mut numbers, &array);
            let found = numbers.finish().unwrap();
            assert_eq!((found.values, found.nan, found.zero), (3, 1, 1));
            assert_eq!((found.min, found.max), (0.0, 3.0));
            assert!((found.mean - 4.0 / 3.0).abs() < 1e-12);
            assert!((found.std - (14.0f64 / 9.0).sqrt()).abs() < 1e-12);
        }
    }

    #[test]
    fn texts_are_no_numbers_but_have_a_shape() {
        let array = NdArray::from_strings(&[2], &["a", "bc"]).unwrap();
        let mut numbers = Numbers::default();
        add_elements(&mut numbers, &array);
        assert_eq!(numbers.finish(), None);
        let mut shapes = Shapes::default();
        shapes.add(&array);
        assert_eq!(shapes.finish().0[0].shape, [2]);
    }

    #[test]
    fn shapes_are_bounded() {
        let mut shapes = Shapes::default();
        for len in 0..150 {
            shapes.add(&NdArray::from_vec(&[len], vec![0u8; len]).unwrap());
        }
        let (found, others) = shapes.finish();
        assert_eq!((found.len(), others), (100, 50));
    }
}
