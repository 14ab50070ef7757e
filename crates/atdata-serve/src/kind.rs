//! What a file is, told by its first bytes.

/// One kind of files.
struct Kind {
    name: &'static str,
    /// Its media type, if a browser may draw it.
    picture: Option<&'static str>,
    is: fn(&[u8]) -> bool,
}

/// The kinds that are recognised. What has an active content, as SVG has, is not among the pictures.
const KINDS: [Kind; 15] = [
    Kind { name: "png", picture: Some("image/png"), is: |b| b.starts_with(b"\x89PNG\r\n\x1a\n") },
    Kind { name: "jpeg", picture: Some("image/jpeg"), is: |b| b.starts_with(b"\xff\xd8\xff") },
    Kind {
        name: "gif",
        picture: Some("image/gif"),
        is: |b| b.starts_with(b"GIF87a") || b.starts_with(b"GIF89a"),
    },
    Kind {
        name: "webp",
        picture: Some("image/webp"),
        is: |b| b.starts_with(b"RIFF") && b.get(8..12) == Some(b"WEBP"),
    },
    Kind {
        name: "avif",
        picture: Some("image/avif"),
        is: |b| matches!(b.get(4..12), Some(b"ftypavif" | b"ftypavis")),
    },
    // "BM" alone may begin a text: the four reserved bytes are zero.
    Kind {
        name: "bmp",
        picture: Some("image/bmp"),
        is: |b| b.starts_with(b"BM") && b.get(6..10) == Some(&[0; 4]),
    },
    Kind { name: "wav", picture: None, is: |b| b.starts_with(b"RIFF") && b.get(8..12) == Some(b"WAVE") },
    Kind { name: "flac", picture: None, is: |b| b.starts_with(b"fLaC") },
    Kind { name: "ogg", picture: None, is: |b| b.starts_with(b"OggS") },
    Kind {
        name: "mp3",
        picture: None,
        is: |b| b.starts_with(b"ID3") || matches!(b, [0xff, 0xfb | 0xf3 | 0xf2, ..]),
    },
    Kind { name: "mp4", picture: None, is: |b| b.get(4..8) == Some(b"ftyp") },
    Kind { name: "npy", picture: None, is: |b| b.starts_with(b"\x93NUMPY") },
    Kind { name: "pdf", picture: None, is: |b| b.starts_with(b"%PDF-") },
    Kind { name: "zip", picture: None, is: |b| b.starts_with(b"PK\x03\x04") },
    Kind { name: "gzip", picture: None, is: |b| b.starts_with(b"\x1f\x8b\x08") },
];

fn find(bytes: &[u8]) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| (kind.is)(bytes))
}

/// The kind of a file; none if it is not known.
pub(crate) fn of(bytes: &[u8]) -> Option<&'static str> {
    find(bytes).map(|kind| kind.name)
}

/// The media type of a picture that a browser may draw.
pub(crate) fn picture(bytes: &[u8]) -> Option<&'static str> {
    find(bytes)?.picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_are_drawn() {
        assert_eq!(picture(b"\x89PNG\r\n\x1a\n.."), Some("image/png"));
        assert_eq!(picture(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        for other in [
            &b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"[..],
            b"<!doctype html><script>alert(1)</script>",
            b"%PDF-1.4",
            b"BMcaption of a picture",
            b"\x89PNG",
            b"",
        ] {
            assert_eq!(picture(other), None);
        }
        assert_eq!(
            (of(b"RIFF\0\0\0\0WAVEfmt "), of(b"\x93NUMPY\x01\0"), of(b"text")),
            (Some("wav"), Some("npy"), None)
        );
    }
}
