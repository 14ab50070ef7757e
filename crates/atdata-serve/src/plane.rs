//! Pictures of arrays: a plane of an array, made smaller, one byte a pixel.

use atdata_core::array::DTypeKind;
use atdata_core::{Error, NdArray, Result};

use crate::numbers::Numbers;

/// The most pixels of a picture along a side.
pub(crate) const MAX_SIDE: usize = 1024;
/// The most elements along a side that are averaged to a pixel.
const MAX_BLOCK: usize = 8;

/// A picture of an array.
#[derive(Debug, PartialEq)]
pub(crate) struct Plane {
    /// What was cut: the position along each axis, none for those that are shown.
    pub(crate) slice: Vec<Option<usize>>,
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// 1, or 3 or 4 for a picture in colours.
    pub(crate) channels: usize,
    /// The smallest and the largest number, if there is one.
    pub(crate) range: Option<(f64, f64)>,
    /// Whether every element of the plane was looked at.
    pub(crate) exact: bool,
    /// With one channel: 0 where no number is finite, 1 for the smallest up to 255 for the largest. Colours as they are.
    pub(crate) pixels: Vec<u8>,
}

impl Plane {
    /// The picture of a plane: `slice` is as numpy writes it, `0,:,:`; without it it is the first plane, or a picture in
    /// colours if the array looks like one.
    ///
    /// # Errors
    /// `Unsupported` if the elements are no numbers; `Invalid` if the slice is not of this array.
    pub(crate) fn of(array: &NdArray, slice: Option<&str>, side: usize) -> Result<Self> {
        let numbers = Numbers::of(array).ok_or_else(|| {
            Error::unsupported("the elements are no numbers, of which a picture could be made")
                .with("dtype", array.dtype())
        })?;
        let slice = match slice {
            Some(text) => parse(text, array.shape())?,
            None => usual(array),
        };
        let free: Vec<usize> =
            slice.iter().enumerate().filter_map(|(axis, at)| at.is_none().then_some(axis)).collect();
        let base = slice
            .iter()
            .enumerate()
            .map(|(axis, at)| at.unwrap_or_default() * numbers.stride(axis))
            .fold(0, usize::saturating_add);
        let axis = |axis: usize| Axis {
            length: array.shape().get(axis).copied().unwrap_or_default(),
            stride: numbers.stride(axis),
        };
        let one = Axis { length: 1, stride: 0 };
        let side = side.clamp(1, MAX_SIDE);
        let (rows, columns, colours) = match free.as_slice() {
            [] => (one, one, None),
            [x] => (one, axis(*x), None),
            [y, x] => (axis(*y), axis(*x), None),
            [y, x, c] if is_colours(array) => (axis(*y), axis(*x), Some(axis(*c))),
            _ => {
                return Err(Error::invalid(format!(
                    "a picture has two axes, the slice leaves {} of the array's; say the position along the others",
                    free.len()
                ))
                .with("shape", format_args!("{:?}", array.shape())));
            }
        };
        let grid = Grid { numbers: &numbers, base, rows, columns, side };
        Ok(match colours {
            Some(channels) => grid.colours(channels, slice),
            None => grid.heat(slice),
        })
    }
}

/// One axis of what is drawn.
#[derive(Clone, Copy)]
struct Axis {
    length: usize,
    stride: usize,
}

impl Axis {
    /// The places of the elements of one pixel, of `pixels`; and whether these are all that belong to it.
    fn block(self, pixel: usize, pixels: usize) -> (impl Iterator<Item = usize> + Clone, bool) {
        // In 128 bits nothing overflows, whatever the length.
        let edge = |pixel: usize| {
            let edge = pixel as u128 * self.length as u128 / pixels.max(1) as u128;
            usize::try_from(edge).unwrap_or(self.length)
        };
        let (start, end) = (edge(pixel), edge(pixel + 1));
        let step = (end - start).div_ceil(MAX_BLOCK).max(1);
        ((start..end).step_by(step).map(move |at| at.saturating_mul(self.stride)), step == 1)
    }
}

struct Grid<'a> {
    numbers: &'a Numbers<'a>,
    base: usize,
    rows: Axis,
    columns: Axis,
    side: usize,
}

impl Grid<'_> {
    fn size(&self) -> (usize, usize) {
        (self.rows.length.min(self.side), self.columns.length.min(self.side))
    }

    /// Calls `pixel` with the positions of the elements of each pixel, row by row; gives whether they were all.
    fn each(&self, mut pixel: impl FnMut(&mut dyn Iterator<Item = usize>)) -> bool {
        let (height, width) = self.size();
        let mut exact = true;
        for y in 0..height {
            let (ys, all_rows) = self.rows.block(y, height);
            for x in 0..width {
                let (xs, all_columns) = self.columns.block(x, width);
                exact &= all_rows && all_columns;
                let base = self.base;
                let mut places = ys
                    .clone()
                    .flat_map(|y| xs.clone().map(move |x| base.saturating_add(y).saturating_add(x)));
                pixel(&mut places);
            }
        }
        exact
    }

    fn heat(&self, slice: Vec<Option<usize>>) -> Plane {
        let (height, width) = self.size();
        let mut means = Vec::with_capacity(height.saturating_mul(width));
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        let exact = self.each(|places| {
            let (mut sum, mut count) = (0.0, 0u32);
            for number in places.map(|place| self.numbers.get(place)).filter(|number| number.is_finite()) {
                (min, max) = (min.min(number), max.max(number));
                // So that the sum of large numbers stays finite.
                count += 1;
                sum += (number - sum) / f64::from(count);
            }
            means.push(if count > 0 { sum } else { f64::NAN });
        });
        let scale = |mean: f64| {
            if mean.is_nan() {
                return 0;
            }
            // Halved, because the difference of two finite numbers may be infinite.
            let part = if max > min { (mean / 2.0 - min / 2.0) / (max / 2.0 - min / 2.0) } else { 0.5 };
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is 1 to 255")]
            let byte = (1.0 + part.clamp(0.0, 1.0) * 254.0).round() as u8;
            byte
        };
        Plane {
            slice,
            height,
            width,
            channels: 1,
            range: (min <= max).then_some((min, max)),
            exact,
            pixels: means.into_iter().map(scale).collect(),
        }
    }

    fn colours(&self, channels: Axis, slice: Vec<Option<usize>>) -> Plane {
        let (height, width) = self.size();
        let mut pixels = Vec::with_capacity(height.saturating_mul(width).saturating_mul(channels.length));
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        let exact = self.each(|places| {
            let (mut sums, mut count) = ([0.0; 4], 0u32);
            for place in places {
                count += 1;
                for (channel, sum) in sums.iter_mut().take(channels.length).enumerate() {
                    let number = self.numbers.get(place.saturating_add(channel * channels.stride));
                    (min, max) = (min.min(number), max.max(number));
                    *sum += number;
                }
            }
            let mean = |sum: &f64| {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is 0 to 255")]
                let byte = (sum / f64::from(count.max(1))).round() as u8;
                byte
            };
            pixels.extend(sums.iter().take(channels.length).map(mean));
        });
        let range = (min <= max).then_some((min, max));
        Plane { slice, height, width, channels: channels.length, range, exact, pixels }
    }
}

/// Whether an array is a picture in colours: bytes, with the three or four channels last.
fn is_colours(array: &NdArray) -> bool {
    array.dtype().kind() == &DTypeKind::UInt8 && matches!(array.shape(), [_, _, 3 | 4])
}

/// What is shown if nothing is said: the whole, the first plane, the first channel.
fn usual(array: &NdArray) -> Vec<Option<usize>> {
    let ndim = array.ndim();
    let shown = match array.shape() {
        _ if is_colours(array) => 0..ndim,
        // One channel, last.
        [.., _, _, 1] => ndim - 3..ndim - 1,
        _ => ndim.saturating_sub(2)..ndim,
    };
    (0..ndim).map(|axis| (!shown.contains(&axis)).then_some(0)).collect()
}

fn parse(text: &str, shape: &[usize]) -> Result<Vec<Option<usize>>> {
    let wrong = |what: String| Error::invalid(what).with("slice", crate::params::short(text));
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    if parts.len() != shape.len() {
        return Err(wrong(format!("the array has {} axes, the slice {}", shape.len(), parts.len())));
    }
    let part = |(axis, (part, length)): (usize, (&&str, &usize))| {
        if *part == ":" {
            return Ok(None);
        }
        let at = part.parse().ok().filter(|at: &usize| at < length);
        at.map(Some).ok_or_else(|| {
            wrong(format!("axis {axis} has the positions 0 to {}, or : for all", length.saturating_sub(1)))
        })
    };
    parts.iter().zip(shape).enumerate().map(part).collect()
}

#[cfg(test)]
mod tests {
    use atdata_core::array::Order;
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_plane_is_scaled_between_its_smallest_and_largest() {
        let array = NdArray::from_vec(&[2, 2], vec![-1.0f32, 0.0, f32::NAN, 1.0]).unwrap();
        let plane = Plane::of(&array, None, 64).unwrap();
        assert_eq!((plane.height, plane.width, plane.channels, plane.exact), (2, 2, 1, true));
        assert_eq!((plane.range, plane.pixels), (Some((-1.0, 1.0)), vec![1, 128, 0, 255]));
        let plain = NdArray::from_vec(&[2], vec![7u8, 7]).unwrap();
        assert_eq!(Plane::of(&plain, None, 64).unwrap().pixels, [128, 128]);
        let huge = NdArray::from_vec(&[2], vec![f64::MIN, f64::MAX]).unwrap();
        assert_eq!(Plane::of(&huge, None, 64).unwrap().pixels, [1, 255]);
    }

    #[test]
    fn large_planes_are_averaged() {
        let array = NdArray::from_vec(&[4, 2], vec![0u8, 0, 4, 4, 10, 10, 10, 10]).unwrap();
        let plane = Plane::of(&array, None, 2).unwrap();
        assert_eq!((plane.height, plane.width), (2, 2));
        assert_eq!(plane.pixels, [52, 52, 255, 255]);
        let wide = NdArray::zeros("|u1".parse().unwrap(), &[1, 100_000]).unwrap();
        let plane = Plane::of(&wide, None, 100).unwrap();
        assert_eq!((plane.width, plane.exact), (100, false));
    }

    #[test]
    fn slices_choose_planes() {
        let array = NdArray::from_vec(&[2, 2, 2], (0..8u16).collect()).unwrap();
        assert_eq!(Plane::of(&array, None, 8).unwrap().range, Some((0.0, 3.0)));
        let plane = Plane::of(&array, Some(":, 1, :"), 8).unwrap();
        assert_eq!((plane.range, plane.slice), (Some((2.0, 7.0)), vec![None, Some(1), None]));
        assert_eq!(Plane::of(&array, Some("1,1,1"), 8).unwrap().range, Some((7.0, 7.0)));
        for bad in ["", "0,:", "2,:,:", ":,:,:", "-1,:,:", "a,b,c", "0,:,:,:"] {
            assert!(Plane::of(&array, Some(bad), 8).is_err(), "{bad}");
        }
    }

    #[test]
    fn fortran_order_and_colours_are_drawn_as_they_are() {
        let data = Bytes::from_static(&[1, 3, 2, 4]);
        let array = NdArray::from_bytes("|u1".parse().unwrap(), &[2, 2], Order::Fortran, data).unwrap();
        assert_eq!(Plane::of(&array, None, 8).unwrap().pixels, [1, 86, 170, 255]);
        let picture = NdArray::from_vec(&[1, 2, 3], vec![255u8, 0, 0, 0, 0, 255]).unwrap();
        let plane = Plane::of(&picture, None, 8).unwrap();
        assert_eq!((plane.channels, plane.pixels), (3, vec![255, 0, 0, 0, 0, 255]));
        let grey = NdArray::from_vec(&[2, 3, 1], vec![1f32; 6]).unwrap();
        let plane = Plane::of(&grey, None, 8).unwrap();
        assert_eq!((plane.height, plane.width, plane.slice), (2, 3, vec![None, None, Some(0)]));
    }

    #[test]
    fn arrays_without_numbers_have_no_picture() {
        let empty = NdArray::from_vec(&[0, 3], Vec::<u8>::new()).unwrap();
        let plane = Plane::of(&empty, None, 8).unwrap();
        assert_eq!((plane.height, plane.range, plane.pixels.len()), (0, None, 0));
        let scalar = Plane::of(&NdArray::scalar(2u8), None, 8).unwrap();
        assert_eq!((scalar.height, scalar.width, scalar.pixels), (1, 1, vec![128]));
        assert!(Plane::of(&NdArray::from_strings(&[1], &["a"]).unwrap(), None, 8).is_err());
    }
}
