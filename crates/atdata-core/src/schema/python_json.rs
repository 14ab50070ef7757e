//! JSON text as Python's `json.dumps` writes it by default.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value as Json;
use serde_json::ser::{Formatter, Serializer};

/// Writes JSON in the text form of Python's `json.dumps`: separators `", "` and `": "`, everything outside printable
/// ASCII as `\u` and four hexadecimal digits, floats as Python prints them.
///
/// Readers parse JSON, so the form matters for reproducible bytes only.
///
/// ```
/// use atdata_core::schema::to_python_json;
///
/// assert_eq!(to_python_json(&serde_json::json!({"é": [1, 1e16]})), r#"{"\u00e9": [1, 1e+16]}"#);
/// ```
pub fn to_python_json(json: &Json) -> String {
    let mut out = Vec::new();
    // Neither writing to a `Vec` nor a JSON value can fail to serialize, and the formatter writes ASCII.
    let _ = json.serialize(&mut Serializer::with_formatter(&mut out, Python));
    String::from_utf8(out).unwrap_or_default()
}

struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        for c in fragment.chars() {
            if matches!(c, ' '..='~') {
                write!(out, "{c}")?;
            } else {
                c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))?;
            }
        }
        Ok(())
    }

    fn write_f64<W: ?Sized + Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        out.write_all(python_float(value).as_bytes())
    }
}

/// The shortest digits that give the float back, with an exponent below 1e-4 and from 1e16 on.
fn python_float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_printed_as_python_prints_them() {
        for (value, expected) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e15, "1000000000000000.0"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (5e-324, "5e-324"),
            (1.5e300, "1.5e+300"),
        ] {
            assert_eq!(python_float(value), expected);
        }
    }

    #[test]
    fn text_is_escaped_as_python_escapes_it() {
        let text = Json::from("\u{7f}\"\\/\n\u{1}é😀");
        assert_eq!(to_python_json(&text), r#""\u007f\"\\/\n\u0001\u00e9\ud83d\ude00""#);
    }
}
