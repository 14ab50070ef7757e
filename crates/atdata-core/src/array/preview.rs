//! The first values of an array as text, for people.

use std::fmt::Write as _;

use half::f16;
use num_complex::{Complex32, Complex64};
use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;

use super::byte_order::ByteOrder;
use super::dtype::{DType, DTypeKind};
use super::element::Element;
use super::element::sealed::Sealed as _;
use super::nd::{NdArray, Order};
use super::structured::Structured;
use super::text::{NAT, code_points};
use super::time_unit::TimeUnit;

impl NdArray {
    /// The first values in C order, `[1, 2, 3, …]` for instance; at most `max` of them, however large the array is.
    ///
    /// It is for people: texts are quoted, times are ISO 8601, records are in braces.
    pub fn preview(&self, max: usize) -> String {
        let itemsize = self.dtype().itemsize();
        let mut out = String::from("[");
        for index in 0..self.len().min(max) {
            let start = self.position(index) * itemsize;
            let item = self.data().get(start..start + itemsize).unwrap_or_default();
            out.push_str(if index == 0 { "" } else { ", " });
            write_element(&mut out, self.dtype(), item);
        }
        if self.len() > max {
            out.push_str(if max == 0 { "…" } else { ", …" });
        }
        out.push(']');
        out
    }

    /// Where among the stored elements that one lies which C order numbers `index`.
    fn position(&self, index: usize) -> usize {
        if self.order() == Order::C {
            return index;
        }
        let mut rest = index;
        let mut stride = self.len();
        let mut position = 0;
        for dim in self.shape().iter().rev() {
            stride /= (*dim).max(1);
            position += rest % (*dim).max(1) * stride;
            rest /= (*dim).max(1);
        }
        position
    }
}

fn write_element(out: &mut String, dtype: &DType, item: &[u8]) {
    let order = dtype.byte_order();
    match dtype.kind() {
        DTypeKind::Bool => write_number::<bool>(out, item, order),
        DTypeKind::Int8 => write_number::<i8>(out, item, order),
        DTypeKind::Int16 => write_number::<i16>(out, item, order),
        DTypeKind::Int32 => write_number::<i32>(out, item, order),
        DTypeKind::Int64 => write_number::<i64>(out, item, order),
        DTypeKind::UInt8 => write_number::<u8>(out, item, order),
        DTypeKind::UInt16 => write_number::<u16>(out, item, order),
        DTypeKind::UInt32 => write_number::<u32>(out, item, order),
        DTypeKind::UInt64 => write_number::<u64>(out, item, order),
        DTypeKind::Float16 => write_number::<f16>(out, item, order),
        DTypeKind::Float32 => write_number::<f32>(out, item, order),
        DTypeKind::Float64 => write_number::<f64>(out, item, order),
        DTypeKind::Complex64 => {
            for z in Complex32::copy(item, order) {
                push(out, format_args!("{z}"));
            }
        }
        DTypeKind::Complex128 => {
            for z in Complex64::copy(item, order) {
                push(out, format_args!("{z}"));
            }
        }
        DTypeKind::Bytes(_) => {
            let len = item.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            push(out, format_args!("b\"{}\"", item.get(..len).unwrap_or_default().escape_ascii()));
        }
        DTypeKind::Str(_) => match code_points(item, order) {
            Some(text) => push(out, format_args!("{text:?}")),
            None => out.push_str("<not text>"),
        },
        DTypeKind::Void(_) => item.iter().for_each(|byte| push(out, format_args!("{byte:02x}"))),
        DTypeKind::DateTime(unit) => write_time(out, item, order, *unit, true),
        DTypeKind::TimeDelta(unit) => write_time(out, item, order, *unit, false),
        DTypeKind::Structured(record) => write_record(out, record, item),
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}

fn write_number<T: Element>(out: &mut String, item: &[u8], order: ByteOrder) {
    for number in T::copy(item, order) {
        push(out, format_args!("{number:?}"));
    }
}

fn write_time(out: &mut String, item: &[u8], order: ByteOrder, unit: TimeUnit, point: bool) {
    for ticks in i64::copy(item, order) {
        let date = unit.nanoseconds().filter(|_| point).and_then(|nanoseconds| {
            let date = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds * i128::from(ticks)).ok()?;
            date.format(&Iso8601::DEFAULT).ok()
        });
        match date {
            _ if ticks == NAT => out.push_str("NaT"),
            Some(date) => out.push_str(&date),
            None => push(out, format_args!("{ticks}{unit}")),
        }
    }
}

fn write_record(out: &mut String, record: &Structured, item: &[u8]) {
    out.push('{');
    for (i, field) in record.fields().iter().enumerate() {
        push(out, format_args!("{}{}: ", if i == 0 { "" } else { ", " }, field.name()));
        let bytes = item.get(field.range()).unwrap_or_default();
        if field.shape().is_empty() {
            write_element(out, field.dtype(), bytes);
        } else {
            push(out, format_args!("<{} values>", field.shape().iter().product::<usize>()));
        }
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn preview(dtype: &str, count: usize, data: &[u8]) -> String {
        let array =
            NdArray::from_bytes(dtype.parse().unwrap(), &[count], Order::C, Bytes::copy_from_slice(data));
        array.unwrap().preview(3)
    }

    #[test]
    fn every_kind_of_element_is_readable() {
        assert_eq!(preview("|b1", 3, &[0, 1, 2]), "[false, true, true]");
        assert_eq!(preview("|i1", 4, &[255, 1, 2, 3]), "[-1, 1, 2, …]");
        assert_eq!(preview(">u2", 1, &[1, 0]), "[256]");
        assert_eq!(preview("<f4", 1, &1.5f32.to_le_bytes()), "[1.5]");
        assert_eq!(preview("<c8", 1, &[0, 0, 128, 63, 0, 0, 0, 192]), "[1-2i]");
        assert_eq!(preview("|S3", 2, b"a\xff\0\0\0\0"), r#"[b"a\xff", b""]"#);
        assert_eq!(preview("<U1", 2, &[233, 0, 0, 0, 0, 216, 0, 0]), r#"["é", <not text>]"#);
        assert_eq!(preview("|V2", 1, &[1, 255]), "[01ff]");
        assert_eq!(preview("<M8[D]", 1, &1i64.to_le_bytes()), "[1970-01-02T00:00:00.000000000Z]");
        assert_eq!(preview("<M8[Y]", 1, &1i64.to_le_bytes()), "[1[Y]]");
        assert_eq!(
            preview("<M8[s]", 2, &[NAT.to_le_bytes(), i64::MAX.to_le_bytes()].concat()),
            format!("[NaT, {}[s]]", i64::MAX)
        );
        assert_eq!(preview("<m8[us]", 1, &(-5i64).to_le_bytes()), "[-5[us]]");
        assert_eq!(preview("[('a', '|u1'), ('b', '|i1', (2,))]", 1, &[1, 2, 3]), "[{a: 1, b: <2 values>}]");
    }

    #[test]
    fn values_come_in_c_order() {
        let array = |order| {
            NdArray::from_bytes(
                "|u1".parse().unwrap(),
                &[2, 3, 2],
                order,
                Bytes::from((0..12).collect::<Vec<u8>>()),
            )
            .unwrap()
        };
        let fortran = array(Order::Fortran);
        assert_eq!(fortran.preview(20), fortran.to_c_order().preview(20));
        assert_eq!(array(Order::C).preview(0), "[…]");
        assert_eq!(NdArray::scalar(2u8).preview(0), "[…]");
        assert_eq!(NdArray::scalar(2u8).preview(9), "[2]");
    }
}
