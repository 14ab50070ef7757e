//! Whether bytes are a whole image, and its pixels.

use std::io::Cursor;

use atdata::NdArray;
use image::{DynamicImage, ImageError, ImageFormat, ImageReader, Limits};

/// Why bytes are not taken as an image: the kind of reason, and the words.
pub(super) type Refusal = (&'static str, String);

/// An image that was decoded without fault.
pub(super) struct Picture {
    /// `png` or `jpeg`.
    pub(super) format: &'static str,
    pub(super) width: u32,
    pub(super) height: u32,
    decoded: DynamicImage,
}

const BROKEN: &str = "a broken image";

/// Whether bytes begin like a PNG or JPEG.
pub(super) fn sniff(bytes: &[u8]) -> Option<ImageFormat> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(ImageFormat::Png)
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some(ImageFormat::Jpeg)
    } else {
        None
    }
}

/// Decodes a PNG or JPEG. The number of pixels is checked before any is decoded.
pub(super) fn decode(bytes: &[u8], max_pixels: u64) -> Result<Picture, Refusal> {
    if bytes.is_empty() {
        return Err(("an empty file", String::new()));
    }
    let Some(format) = sniff(bytes) else {
        return Err(("not a PNG or JPEG image", String::new()));
    };
    let broken = |error: ImageError| (BROKEN, error.to_string());
    let (width, height) =
        ImageReader::with_format(Cursor::new(bytes), format).into_dimensions().map_err(broken)?;
    let pixels = u64::from(width) * u64::from(height);
    if pixels > max_pixels {
        return Err(("an image is too large", format!("{width} × {height} pixels, more than {max_pixels}")));
    }
    let whole = match format {
        ImageFormat::Png => png_is_whole(bytes),
        _ => jpeg_is_whole(bytes),
    };
    if !whole {
        return Err((BROKEN, "the file ends before the image does".to_owned()));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    // Four channels of two bytes, and the decoder's own buffers.
    limits.max_alloc = Some(pixels.saturating_mul(16).saturating_add(64 << 20));
    reader.limits(limits);
    let decoded = reader.decode().map_err(broken)?;
    Ok(Picture { format: if format == ImageFormat::Png { "png" } else { "jpeg" }, width, height, decoded })
}

impl Picture {
    /// The pixels as 8-bit values, shape (height, width, channels): 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
    /// Values of 16 bits lose their lower half.
    pub(super) fn into_array(self) -> atdata::Result<NdArray> {
        let (has_alpha, has_color) = (self.decoded.color().has_alpha(), self.decoded.color().has_color());
        let (channels, data) = match (has_color, has_alpha) {
            (false, false) => (1, self.decoded.into_luma8().into_raw()),
            (false, true) => (2, self.decoded.into_luma_alpha8().into_raw()),
            (true, false) => (3, self.decoded.into_rgb8().into_raw()),
            (true, true) => (4, self.decoded.into_rgba8().into_raw()),
        };
        NdArray::from_vec(&[self.height as usize, self.width as usize, channels], data)
    }
}

/// Whether the chunks of a PNG go on to its end: decoders stop caring once they have the pixels.
fn png_is_whole(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let [a, b, c, d, tail @ ..] = rest {
        let len = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        if tail.starts_with(b"IEND") {
            return tail.len() >= 8;
        }
        // The chunk's type, data and CRC.
        match tail.get(len.saturating_add(8)..) {
            Some(next) => rest = next,
            None => return false,
        }
    }
    false
}

/// Whether a JPEG has its end marker: decoders fill what is missing with grey. Segments are walked, because embedded
/// thumbnails have end markers of their own.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(2..).unwrap_or_default();
    loop {
        // To the next marker: entropy-coded data and fill bytes are passed over.
        let Some(at) =
            rest.windows(2).position(|pair| matches!(pair, [0xff, code] if !matches!(code, 0x00 | 0xff)))
        else {
            return false;
        };
        let (code, tail) = match rest.get(at + 1..) {
            Some([code, tail @ ..]) => (*code, tail),
            _ => return false,
        };
        rest = match code {
            0xd9 => return true,
            // Markers without a length.
            0x01 | 0xd0..=0xd8 => tail,
            _ => {
                let len = match tail {
                    [high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
                    _ => return false,
                };
                match tail.get(len.max(2)..) {
                    Some(next) => next,
                    None => return false,
                }
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, RgbImage};

    use super::*;

    fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        image.into().write_to(&mut out, format).unwrap();
        out.into_inner()
    }

    fn gradient() -> RgbImage {
        RgbImage::from_fn(40, 30, |x, y| image::Rgb([(x * 6) as u8, (y * 8) as u8, ((x * y) % 251) as u8]))
    }

    #[test]
    fn whole_images_are_taken_and_every_cut_is_noticed() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let bytes = encoded(gradient(), format);
            let picture = decode(&bytes, 10_000).unwrap();
            assert_eq!((picture.width, picture.height), (40, 30));
            for cut in 0..bytes.len() {
                assert!(decode(&bytes[..cut], 10_000).is_err(), "{format:?} cut to {cut} of {}", bytes.len());
            }
        }
    }

    #[test]
    fn pixels_have_height_width_and_channels() {
        let array = decode(&encoded(gradient(), ImageFormat::Png), 10_000).unwrap().into_array().unwrap();
        assert_eq!(array.shape(), [30, 40, 3]);
        assert_eq!(array.data()[3..6], [6, 0, 0]);
        let grey = GrayImage::from_pixel(2, 1, image::Luma([9]));
        let array = decode(&encoded(grey, ImageFormat::Png), 10).unwrap().into_array().unwrap();
        assert_eq!((array.shape(), array.data().as_ref()), (&[1, 2, 1][..], &[9, 9][..]));
    }

    #[test]
    fn the_number_of_pixels_is_limited_before_decoding() {
        let bytes = encoded(gradient(), ImageFormat::Png);
        assert_eq!(decode(&bytes, 1199).err().unwrap().0, "an image is too large");
        assert!(decode(&bytes, 1200).is_ok());
        assert_eq!(decode(b"GIF89a", 10).err().unwrap().0, "not a PNG or JPEG image");
        assert_eq!(decode(b"", 10).err().unwrap().0, "an empty file");
    }

    #[test]
    fn damaged_pixels_are_noticed_in_a_png() {
        let mut bytes = encoded(gradient(), ImageFormat::Png);
        let at = bytes.len() / 2;
        bytes[at] ^= 0x10;
        assert_eq!(decode(&bytes, 10_000).err().unwrap().0, BROKEN);
    }
}
