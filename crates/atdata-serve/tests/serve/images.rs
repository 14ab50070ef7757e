//! Pictures for tests.

use std::io::Cursor;

use bytes::Bytes;
use image::{ImageFormat, Rgb, RgbImage};

/// A PNG of a shaded ball, whose colour and place depend on a number.
pub(crate) fn disk(side: u32, n: u32) -> Bytes {
    let hue = f64::from(n) * 0.618_034 % 1.0;
    let middle = |shift: f64| f64::from(side) * (0.5 + 0.15 * (f64::from(n) * 1.7 + shift).sin());
    let (cx, cy, radius) = (middle(0.0), middle(1.0), f64::from(side) * 0.32);
    let picture = RgbImage::from_fn(side, side, |x, y| {
        let (dx, dy) = ((f64::from(x) - cx) / radius, (f64::from(y) - cy) / radius);
        let inside = 1.0 - dx * dx - dy * dy;
        let light = if inside > 0.0 {
            0.35 + 0.65 * (inside.sqrt() * 0.8 - dx * 0.3 - dy * 0.3).clamp(0.0, 1.0)
        } else {
            0.12
        };
        Rgb([0.0, 0.33, 0.66].map(|shift: f64| {
            let wave = 0.5 + 0.5 * ((hue + shift) * std::f64::consts::TAU).cos();
            (255.0 * light * (0.25 + 0.75 * wave)) as u8
        }))
    });
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner().into()
}
