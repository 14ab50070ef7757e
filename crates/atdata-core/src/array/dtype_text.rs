//! Dtypes as text: numpy's `dtype.str` and `dtype.name`.

use std::fmt;
use std::str::FromStr;

use super::byte_order::ByteOrder;
use super::dtype::{DType, DTypeKind};
use super::time_unit::TimeUnit;
use super::{literal, structured};
use crate::{Error, Result};

/// The kinds of fixed size: numpy's code and name.
const FIXED: [(DTypeKind, &str, &str); 14] = [
    (DTypeKind::Bool, "b1", "bool"),
    (DTypeKind::Int8, "i1", "int8"),
    (DTypeKind::Int16, "i2", "int16"),
    (DTypeKind::Int32, "i4", "int32"),
    (DTypeKind::Int64, "i8", "int64"),
    (DTypeKind::UInt8, "u1", "uint8"),
    (DTypeKind::UInt16, "u2", "uint16"),
    (DTypeKind::UInt32, "u4", "uint32"),
    (DTypeKind::UInt64, "u8", "uint64"),
    (DTypeKind::Float16, "f2", "float16"),
    (DTypeKind::Float32, "f4", "float32"),
    (DTypeKind::Float64, "f8", "float64"),
    (DTypeKind::Complex64, "c8", "complex64"),
    (DTypeKind::Complex128, "c16", "complex128"),
];

/// Code and name of a kind of fixed size.
fn fixed(kind: &DTypeKind) -> (&'static str, &'static str) {
    FIXED.iter().find(|(known, ..)| known == kind).map(|(_, code, name)| (*code, *name)).unwrap_or_default()
}

impl DType {
    /// numpy's `dtype.name`: `float32`, `datetime64[ns]`, `str96` (the number is the size in bits). It does not tell
    /// the byte order, nor the fields of a record.
    pub fn name(&self) -> String {
        // numpy leaves the number out where it is zero.
        let sized = |name: &str| match self.itemsize() {
            0 => name.to_owned(),
            bytes => format!("{name}{}", bytes.saturating_mul(8)),
        };
        match self.kind() {
            DTypeKind::Bytes(_) => sized("bytes"),
            DTypeKind::Str(_) => sized("str"),
            DTypeKind::Void(_) | DTypeKind::Structured(_) => sized("void"),
            DTypeKind::DateTime(unit) => format!("datetime64{unit}"),
            DTypeKind::TimeDelta(unit) => format!("timedelta64{unit}"),
            kind => fixed(kind).1.to_owned(),
        }
    }

    /// The code without the byte order: `f4`, `M8[ns]`.
    pub(super) fn code(&self) -> String {
        match self.kind() {
            DTypeKind::Bytes(len) => format!("S{len}"),
            DTypeKind::Str(len) => format!("U{len}"),
            DTypeKind::Void(len) => format!("V{len}"),
            DTypeKind::DateTime(unit) => format!("M8{unit}"),
            DTypeKind::TimeDelta(unit) => format!("m8{unit}"),
            DTypeKind::Structured(structured) => format!("V{}", structured.itemsize()),
            kind => fixed(kind).0.to_owned(),
        }
    }
}

/// numpy's `dtype.str`, or the list of fields as it stands in a `.npy` header.
impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            DTypeKind::Structured(_) => write!(f, "{}", structured::to_literal(self)),
            _ => write!(f, "{}{}", self.byte_order().symbol(), self.code()),
        }
    }
}

impl FromStr for DType {
    type Err = Error;

    /// Parses what [`DType`] prints, and numpy's names.
    ///
    /// # Errors
    /// `Unsupported` for object, extended-precision and variable-width dtypes, `Invalid` for anything else unknown.
    fn from_str(text: &str) -> Result<Self> {
        if text.starts_with('[') {
            return structured::from_literal(&literal::parse(text)?);
        }
        let (order, code) = match text.chars().next() {
            Some('<') => (ByteOrder::Little, text.get(1..)),
            Some('>') => (ByteOrder::Big, text.get(1..)),
            Some('|' | '=') => (ByteOrder::NATIVE, text.get(1..)),
            _ => (ByteOrder::NATIVE, None),
        };
        let kind = match code {
            Some(code) => from_code(code)?,
            None => match from_code(text)? {
                Some(kind) => Some(kind),
                None => from_name(text)?,
            },
        };
        kind.map(|kind| Self::new(kind, order)).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            Error::invalid(format!("`{}` is not a dtype", shown.escape_debug()))
        })
    }
}

fn from_code(code: &str) -> Result<Option<DTypeKind>> {
    if let Some((kind, ..)) = FIXED.iter().find(|(_, known, _)| *known == code) {
        return Ok(Some(kind.clone()));
    }
    let mut chars = code.chars();
    let (letter, rest) = (chars.next(), chars.as_str());
    let len = if rest.is_empty() {
        Some(0)
    } else {
        rest.parse().ok().filter(|_| rest.bytes().all(|b| b.is_ascii_digit()))
    };
    match letter {
        Some('S') => Ok(len.map(DTypeKind::Bytes)),
        Some('U') => Ok(len.map(DTypeKind::Str)),
        Some('V') => Ok(len.map(DTypeKind::Void)),
        Some('M') => Ok(rest.strip_prefix('8').and_then(TimeUnit::parse_suffix).map(DTypeKind::DateTime)),
        Some('m') => Ok(rest.strip_prefix('8').and_then(TimeUnit::parse_suffix).map(DTypeKind::TimeDelta)),
        Some('?') if rest.is_empty() => Ok(Some(DTypeKind::Bool)),
        Some('O') if len.is_some() => Err(object()),
        Some('T') if len.is_some() => Err(Error::unsupported(
            "variable-width strings are not supported; convert the array to a fixed width (`U`)",
        )),
        Some('f' | 'c') if matches!(len, Some(12 | 16 | 20 | 24 | 32)) => Err(extended()),
        _ => Ok(None),
    }
}

fn from_name(name: &str) -> Result<Option<DTypeKind>> {
    if let Some((kind, ..)) = FIXED.iter().find(|(.., known)| *known == name) {
        return Ok(Some(kind.clone()));
    }
    let times = |prefix| name.strip_prefix(prefix).and_then(TimeUnit::parse_suffix);
    let bytes = |prefix| match name.strip_prefix(prefix)? {
        "" => Some(0),
        bits => bits.parse::<usize>().ok().filter(|bits| bits.is_multiple_of(8)).map(|bits| bits / 8),
    };
    let kind = match name {
        "object" | "object_" => return Err(object()),
        "longdouble" | "clongdouble" | "float96" | "float128" | "complex192" | "complex256" => {
            return Err(extended());
        }
        "bool_" => Some(DTypeKind::Bool),
        "int" | "int_" | "intp" => Some(DTypeKind::Int64),
        "uint" | "uintp" => Some(DTypeKind::UInt64),
        "half" => Some(DTypeKind::Float16),
        "single" => Some(DTypeKind::Float32),
        "float" | "double" => Some(DTypeKind::Float64),
        "complex" => Some(DTypeKind::Complex128),
        _ => None,
    };
    Ok(kind
        .or_else(|| times("datetime64").map(DTypeKind::DateTime))
        .or_else(|| times("timedelta64").map(DTypeKind::TimeDelta))
        .or_else(|| {
            bytes("str").filter(|bytes| bytes.is_multiple_of(4)).map(|bytes| DTypeKind::Str(bytes / 4))
        })
        .or_else(|| bytes("bytes").map(DTypeKind::Bytes))
        .or_else(|| bytes("void").map(DTypeKind::Void)))
}

fn object() -> Error {
    Error::unsupported(
        "object arrays (dtype `|O`) are Python pickles, which are never read; store the array with a concrete dtype",
    )
}

fn extended() -> Error {
    Error::unsupported(
        "extended-precision floats differ between machines and are not supported; store float64",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn codes_and_names_round_trip() {
        for (code, name, size) in [
            ("|b1", "bool", 1),
            ("|i1", "int8", 1),
            ("<i8", "int64", 8),
            (">u2", "uint16", 2),
            ("<f2", "float16", 2),
            (">c16", "complex128", 16),
            ("|S5", "bytes40", 5),
            ("<U3", "str96", 12),
            (">U3", "str96", 12),
            ("|V7", "void56", 7),
            ("<M8[25s]", "datetime64[25s]", 8),
            (">m8", "timedelta64", 8),
            ("|S0", "bytes", 0),
            ("<U0", "str", 0),
        ] {
            let dtype: DType = code.parse().unwrap();
            assert_eq!(
                (dtype.to_string().as_str(), dtype.name().as_str(), dtype.itemsize()),
                (code, name, size)
            );
            assert!(name.parse::<DType>().unwrap().same_kind(&dtype), "{name}");
        }
    }

    #[test]
    fn other_spellings_mean_what_numpy_means() {
        for (text, code) in [
            ("<V2", "|V2"),
            ("f4", "<f4"),
            ("|i4", "<i4"),
            ("=f4", "<f4"),
            ("?", "|b1"),
            ("S", "|S0"),
            ("float", "<f8"),
        ] {
            let dtype: DType = text.parse().unwrap();
            assert_eq!(dtype.with_byte_order(ByteOrder::Little).to_string(), code, "{text}");
        }
    }

    #[test]
    fn object_dtypes_are_refused_by_name_everywhere() {
        for text in ["|O", "O", "|O8", "object", "[('a', '|O')]", "[('a', [('b', '|O4')])]"] {
            let error = text.parse::<DType>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{text}");
            assert!(error.to_string().contains("pickle"), "{error}");
        }
    }

    #[test]
    fn dtypes_that_are_no_storage_are_unsupported() {
        for text in ["<f16", "<c32", "longdouble", "float128", "|T16"] {
            assert_eq!(text.parse::<DType>().unwrap_err().kind(), ErrorKind::Unsupported, "{text}");
        }
    }

    #[test]
    fn anything_else_is_invalid() {
        for text in [
            "",
            "<",
            "zzz",
            "<i3",
            "i16",
            "<float32",
            "S-1",
            "U+3",
            "M8[",
            "str7",
            "f",
            "é",
            "<é",
            "S99999999999999999999",
        ] {
            assert_eq!(text.parse::<DType>().unwrap_err().kind(), ErrorKind::Invalid, "{text}");
        }
    }
}
