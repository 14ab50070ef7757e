//! Small pictures and curves in a terminal.

use std::fmt::Write as _;
use std::io::IsTerminal;

use atdata::array::DTypeKind;
use atdata::{NdArray, Value};
use image::{DynamicImage, ImageReader, Limits, RgbImage, imageops};

use crate::args::Draw;

/// The largest picture, in characters. A character shows two pixels, one above the other.
const COLUMNS: u32 = 48;
const ROWS: u32 = 20;
/// The largest image that is decoded, in pixels on a side and in bytes.
const MAX_SIDE: u32 = 16_384;
const MAX_BYTES: u64 = 256 << 20;
/// From dark to bright, where there are no colours.
const SHADES: [char; 10] = [' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The most bars of a curve.
const BAR_COLUMNS: usize = 48;

/// How values are drawn, if they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pen {
    /// Not at all.
    None,
    /// With characters of different darkness.
    Shades,
    /// In colours of 24 bits.
    Colours,
}

impl Pen {
    /// What was asked for, and what the terminal can do.
    pub(crate) fn new(draw: Draw) -> Self {
        let is_wanted = match draw {
            Draw::Never => false,
            Draw::Always => true,
            Draw::Auto => std::io::stdout().is_terminal(),
        };
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let says = |name: &str, texts: &[&str]| {
            std::env::var(name).is_ok_and(|value| texts.iter().any(|text| value.contains(text)))
        };
        let has_colours = says("COLORTERM", &["truecolor", "24bit"]) || says("TERM", &["direct", "kitty"]);
        match (is_wanted, has_colours && !set("NO_COLOR")) {
            (false, _) => Self::None,
            (true, false) => Self::Shades,
            (true, true) => Self::Colours,
        }
    }

    /// A value as lines, if it is one that can be drawn: an image, or an array of numbers.
    pub(crate) fn draw(self, value: &Value) -> Vec<String> {
        match value {
            _ if self == Self::None => Vec::new(),
            Value::Bytes(bytes) => decode(bytes).map_or_else(Vec::new, |image| self.picture(&image)),
            Value::Array(array) => match array_image(array) {
                Some(image) => self.picture(&image),
                None => curve(array).into_iter().collect(),
            },
            _ => Vec::new(),
        }
    }

    fn picture(self, image: &RgbImage) -> Vec<String> {
        let (width, height) = fitted(image.width(), image.height());
        let small = imageops::resize(image, width, height, imageops::FilterType::Triangle);
        let pixel = |x: u32, y: u32| small.get_pixel_checked(x, y).map_or([0; 3], |pixel| pixel.0);
        let row = |y: u32| {
            let mut line = String::new();
            for x in 0..width {
                let (above, below) = (pixel(x, 2 * y), pixel(x, 2 * y + 1));
                match self {
                    Self::Colours => {
                        let ([r, g, b], [s, h, c]) = (above, below);
                        // Writing to a string cannot fail.
                        let _ = write!(line, "\x1b[38;2;{r};{g};{b}m\x1b[48;2;{s};{h};{c}m▀");
                    }
                    _ => line.push(shade(above, below)),
                }
            }
            if self == Self::Colours {
                line.push_str("\x1b[0m");
            }
            line
        };
        (0..height.div_ceil(2)).map(row).collect()
    }
}

fn shade(above: [u8; 3], below: [u8; 3]) -> char {
    let sum: usize = above.iter().chain(&below).map(|value| usize::from(*value)).sum();
    SHADES.get(sum * SHADES.len() / (6 * 255 + 1)).copied().unwrap_or('@')
}

/// The size of a picture in pixels, at most twice as many rows as there are characters.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the size of a terminal")]
fn fitted(width: u32, height: u32) -> (u32, u32) {
    let (width, height) = (f64::from(width.max(1)), f64::from(height.max(1)));
    let scale = (f64::from(COLUMNS) / width).min(f64::from(2 * ROWS) / height).min(1.0);
    (((width * scale).round() as u32).max(1), ((height * scale).round() as u32).max(1))
}

fn decode(bytes: &[u8]) -> Option<RgbImage> {
    let mut reader = ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format().ok()?;
    reader.format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    reader.decode().ok().map(|image: DynamicImage| image.to_rgb8())
}

/// An array of two dimensions, or of three whose last one is colour, as an image; numbers other than bytes are stretched from the
/// least to the greatest.
fn array_image(array: &NdArray) -> Option<RgbImage> {
    let (height, width, depth) = match *array.shape() {
        [height, width] => (height, width, 1),
        [height, width, depth @ (1 | 3 | 4)] => (height, width, depth),
        _ => return None,
    };
    let side = |length: usize| u32::try_from(length).ok().filter(|length| (2..=MAX_SIDE).contains(length));
    let (columns, rows) = (side(width)?, side(height)?);
    let numbers = numbers(&array.to_c_order())?;
    let (low, high) = match array.dtype().kind() {
        DTypeKind::UInt8 => (0.0, 255.0),
        _ => range(&numbers)?,
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
    let byte =
        |number: f64| ((number - low) / (high - low).max(f64::MIN_POSITIVE) * 255.0).clamp(0.0, 255.0) as u8;
    let mut image = RgbImage::new(columns, rows);
    for (pixel, values) in image.pixels_mut().zip(numbers.chunks_exact(depth)) {
        pixel.0 = match *values {
            [r, g, b, ..] => [r, g, b].map(byte),
            [grey, ..] => [byte(grey); 3],
            [] => [0; 3],
        };
    }
    Some(image)
}

/// An array of one dimension as bars.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "eight bars"
)]
fn curve(array: &NdArray) -> Option<String> {
    if array.ndim() != 1 || array.len() < BARS.len() {
        return None;
    }
    let numbers = numbers(array)?;
    let (low, high) = range(&numbers)?;
    let group = numbers.len().div_ceil(BAR_COLUMNS).max(1);
    let bar = |numbers: &[f64]| {
        let finite: Vec<f64> = numbers.iter().copied().filter(|number| number.is_finite()).collect();
        if finite.is_empty() {
            return ' ';
        }
        let mean = finite.iter().map(|number| number / finite.len() as f64).sum::<f64>();
        let place = (mean - low) / (high - low).max(f64::MIN_POSITIVE) * BARS.len() as f64;
        BARS.get((place as usize).min(BARS.len() - 1)).copied().unwrap_or(' ')
    };
    Some(numbers.chunks(group).map(bar).collect())
}

fn range(numbers: &[f64]) -> Option<(f64, f64)> {
    let finite = numbers.iter().copied().filter(|number| number.is_finite());
    let (low, high) = finite
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), number| (low.min(number), high.max(number)));
    (low <= high).then_some((low, high))
}

#[allow(clippy::cast_precision_loss, reason = "a picture")]
fn numbers(array: &NdArray) -> Option<Vec<f64>> {
    macro_rules! numbers {
        ($($kind:ident: $type:ty => $convert:expr),*) => {
            match array.dtype().kind() {
                $(DTypeKind::$kind => array.to_vec::<$type>().ok()?.into_iter().map($convert).collect(),)*
                _ => return None,
            }
        };
    }
    Some(numbers! {
        Bool: bool => |x| f64::from(u8::from(x)),
        Int8: i8 => f64::from, Int16: i16 => f64::from, Int32: i32 => f64::from, Int64: i64 => |x| x as f64,
        UInt8: u8 => f64::from, UInt16: u16 => f64::from, UInt32: u32 => f64::from, UInt64: u64 => |x| x as f64,
        Float16: half::f16 => f64::from, Float32: f32 => f64::from, Float64: f64 => |x| x
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_of_bytes_is_a_picture() {
        let array = NdArray::from_vec(&[2, 4], vec![0u8, 255, 0, 255, 0, 255, 0, 255]).unwrap();
        assert_eq!(Pen::Shades.draw(&Value::Array(array.clone())), [" @ @"]);
        let coloured = Pen::Colours.draw(&Value::Array(array.clone()));
        assert!(
            coloured[0].starts_with("\x1b[38;2;0;0;0m\x1b[48;2;0;0;0m▀") && coloured[0].ends_with("\x1b[0m")
        );
        assert!(Pen::None.draw(&Value::Array(array)).is_empty());
    }

    #[test]
    fn large_and_odd_pictures_fit() {
        for shape in [vec![1000, 10], vec![10, 1000], vec![64, 64, 3], vec![2, 2, 4]] {
            let array = NdArray::from_vec(&shape, vec![7u8; shape.iter().product()]).unwrap();
            let lines = Pen::Shades.draw(&Value::Array(array));
            assert!(lines.len() <= 20 && lines.iter().all(|line| line.chars().count() <= 48), "{shape:?}");
        }
        let array = NdArray::from_vec(&[2, 2], vec![f32::NAN, 1.0, 2.0, f32::INFINITY]).unwrap();
        assert_eq!(Pen::Shades.draw(&Value::Array(array)).len(), 1);
    }

    #[test]
    fn a_vector_is_a_curve() {
        let array = NdArray::from_vec(&[8], vec![0.0f64, 1.0, 2.0, 3.0, 4.0, 5.0, f64::NAN, 7.0]).unwrap();
        assert_eq!(Pen::Shades.draw(&Value::Array(array)), ["▁▂▃▄▅▆ █"]);
        let constant = NdArray::from_vec(&[100], vec![5i64; 100]).unwrap();
        assert_eq!(Pen::Shades.draw(&Value::Array(constant))[0].chars().count(), 34);
        let short = NdArray::from_vec(&[3], vec![5i64; 3]).unwrap();
        assert!(Pen::Shades.draw(&Value::Array(short)).is_empty());
    }

    #[test]
    fn bytes_that_are_no_image_are_not_drawn() {
        for bytes in [&b""[..], b"text", b"\x89PNG\r\n\x1a\n and no more"] {
            assert!(Pen::Shades.draw(&Value::Bytes(bytes.to_vec().into())).is_empty());
        }
    }
}
