//! The header of a `.npy` stream exactly as numpy writes it for elements that are no records.
//!
//! Small arrays come by the hundred thousand, and then parsing their headers as Python literals is most of the work.
//! Nearly all headers are this one text, which can be read in place. Anything else is left to [`super::literal`].

use super::byte_order::ByteOrder;
use super::dtype::{DType, DTypeKind};
use super::nd::Order;
use super::npy::MAGIC;
use super::shape::{MAX_NDIM, Shape};

/// What such a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PlainHeader {
    pub(super) dtype: DType,
    pub(super) shape: Shape,
    pub(super) order: Order,
    /// Where the elements begin.
    pub(super) length: usize,
}

/// Reads the header; `None` if it is written in any other way.
pub(super) fn read(stream: &[u8]) -> Option<PlainHeader> {
    let (version, rest) = stream.strip_prefix(MAGIC)?.split_first_chunk::<2>()?;
    let (len, rest) = rest.split_first_chunk::<2>()?;
    if *version != [1, 0] {
        return None;
    }
    let len = usize::from(u16::from_le_bytes(*len));
    let (dtype, shape, order) = header(rest.get(..len)?)?;
    Some(PlainHeader { dtype, shape, order, length: stream.len() - rest.len() + len })
}

/// `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, spaces, newline.
fn header(text: &[u8]) -> Option<(DType, Shape, Order)> {
    let rest = text.strip_prefix(b"{'descr': '")?;
    let end = rest.iter().take(MAX_DESCR).position(|byte| *byte == b'\'')?;
    let (descr, rest) = rest.split_at_checked(end)?;
    let rest = rest.strip_prefix(b"', 'fortran_order': ")?;
    let (order, rest) = match rest.strip_prefix(b"False") {
        Some(rest) => (Order::C, rest),
        None => (Order::Fortran, rest.strip_prefix(b"True")?),
    };
    let (shape, rest) = shape(rest.strip_prefix(b", 'shape': (")?)?;
    let padding = rest.strip_prefix(b", }")?.strip_suffix(b"\n")?;
    let blank = |part: &[u8]| BLANK.get(..part.len()) == Some(part);
    padding.chunks(BLANK.len()).all(blank).then_some((dtype(descr)?, shape, order))
}

const BLANK: [u8; 64] = [b' '; 64];

/// Longer descriptions than `<c16` are left to the other parser.
const MAX_DESCR: usize = 5;

fn dtype(descr: &[u8]) -> Option<DType> {
    let (order, code) = descr.split_first()?;
    let kind = match code {
        b"b1" => DTypeKind::Bool,
        b"i1" => DTypeKind::Int8,
        b"i2" => DTypeKind::Int16,
        b"i4" => DTypeKind::Int32,
        b"i8" => DTypeKind::Int64,
        b"u1" => DTypeKind::UInt8,
        b"u2" => DTypeKind::UInt16,
        b"u4" => DTypeKind::UInt32,
        b"u8" => DTypeKind::UInt64,
        b"f2" => DTypeKind::Float16,
        b"f4" => DTypeKind::Float32,
        b"f8" => DTypeKind::Float64,
        b"c8" => DTypeKind::Complex64,
        b"c16" => DTypeKind::Complex128,
        _ => return None,
    };
    let order = match order {
        b'<' => ByteOrder::Little,
        b'>' => ByteOrder::Big,
        b'|' => ByteOrder::NotApplicable,
        _ => return None,
    };
    Some(DType::new(kind, order))
}

/// The dimensions up to the closing parenthesis: `)`, `3,)`, `2, 3)`.
fn shape(mut rest: &[u8]) -> Option<(Shape, &[u8])> {
    let mut shape = Shape::new();
    if let [b')', rest @ ..] = rest {
        return Some((shape, rest));
    }
    loop {
        let (dim, after) = number(rest)?;
        if shape.len() == MAX_NDIM {
            return None;
        }
        shape.push(dim);
        rest = match after {
            // `(3)` is no tuple.
            [b')', rest @ ..] if shape.len() > 1 => return Some((shape, rest)),
            [b',', b')', rest @ ..] if shape.len() == 1 => return Some((shape, rest)),
            [b',', b' ', rest @ ..] => rest,
            _ => return None,
        };
    }
}

/// A number in digits, and what follows it. Python takes no leading zeros.
fn number(text: &[u8]) -> Option<(usize, &[u8])> {
    let digit = |byte: &u8| Some(usize::from(byte.wrapping_sub(b'0'))).filter(|digit| *digit < 10);
    let (first, mut rest) = text.split_first()?;
    let mut number = digit(first)?;
    while let Some((next, after)) = rest.split_first()
        && let Some(next) = digit(next)
    {
        if number == 0 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(next)?;
        rest = after;
    }
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::array::{ArrayFormat, NdArray, NpyHeader, encode};

    fn general(mut stream: &[u8]) -> Option<PlainHeader> {
        let len = stream.len();
        let NpyHeader { dtype, shape, order } = NpyHeader::read(&mut stream).ok()?;
        Some(PlainHeader { dtype, shape: shape.into(), order, length: len - stream.len() })
    }

    #[test]
    fn headers_of_numpy_are_read_here() {
        for code in [
            "|b1", "|i1", "<i2", ">i4", "<i8", "|u1", ">u2", "<u4", "<u8", "<f2", "<f4", ">f8", "<c8", "<c16",
        ] {
            for shape in [&[][..], &[64], &[0], &[2, 3], &[224, 224, 3], &[1; 64]] {
                for order in [Order::C, Order::Fortran] {
                    let array = NdArray::zeros(code.parse().unwrap(), shape).unwrap();
                    let array =
                        NdArray::from_bytes(array.dtype().clone(), shape, order, array.data().clone())
                            .unwrap();
                    let mut stream = Vec::new();
                    encode(&array, ArrayFormat::Npy, &mut stream).unwrap();
                    assert!(read(&stream).is_some(), "{code} {shape:?}");
                    assert_eq!(read(&stream), general(&stream));
                }
            }
        }
    }

    #[test]
    fn other_texts_are_left_to_the_parser() {
        for text in [
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3), }\n",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (03,), }\n",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3,4), }\n",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4,), }\n",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3, ), }\n",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }\n",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'x': 1}\n",
            "{'descr': '<i3', 'fortran_order': False, 'shape': (3,), }\n",
            "{'descr': '=f4', 'fortran_order': False, 'shape': (3,), }\n",
        ] {
            assert_eq!(header(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_here_is_what_the_parser_reads(
            code in "[<>|=][biufcSO][1248]6?",
            order in "False|True",
            shape in r"\(([0-9]{1,3}(, |,| ,)?){0,3}\)",
            end in "(, \\}|\\}|, \\} *)\n?",
        ) {
            let text = format!("{{'descr': '{code}', 'fortran_order': {order}, 'shape': {shape}{end}");
            let len = u16::try_from(text.len()).unwrap().to_le_bytes();
            let stream = [MAGIC, &[1, 0], &len, text.as_bytes()].concat();
            if let Some(found) = read(&stream) {
                prop_assert_eq!(Some(found), general(&stream));
            }
        }
    }
}
