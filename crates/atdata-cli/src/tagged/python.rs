//! Values as Python's `repr` writes them.

use atdata::array::{DTypeKind, Element, NAT, NdArray, TimeBase, TimeUnit};
use time::{Date, PrimitiveDateTime, Time};

/// The first `n` elements in C order, each as `repr` of what numpy's `tolist` makes of it.
pub(super) fn first(array: &NdArray, n: usize) -> Vec<String> {
    // Only what is shown is copied.
    let array = head(array, n);
    match array.dtype().kind() {
        DTypeKind::Bool => each(&array, |v: bool| if v { "True" } else { "False" }.to_owned()),
        DTypeKind::Int8 => each(&array, |v: i8| v.to_string()),
        DTypeKind::Int16 => each(&array, |v: i16| v.to_string()),
        DTypeKind::Int32 => each(&array, |v: i32| v.to_string()),
        DTypeKind::Int64 => each(&array, |v: i64| v.to_string()),
        DTypeKind::UInt8 => each(&array, |v: u8| v.to_string()),
        DTypeKind::UInt16 => each(&array, |v: u16| v.to_string()),
        DTypeKind::UInt32 => each(&array, |v: u32| v.to_string()),
        DTypeKind::UInt64 => each(&array, |v: u64| v.to_string()),
        DTypeKind::Float16 => each(&array, |v: half::f16| float(v.to_f64())),
        DTypeKind::Float32 => each(&array, |v: f32| float(f64::from(v))),
        DTypeKind::Float64 => each(&array, float),
        DTypeKind::Complex64 => {
            each(&array, |v: num_complex::Complex32| complex(f64::from(v.re), f64::from(v.im)))
        }
        DTypeKind::Complex128 => each(&array, |v: num_complex::Complex64| complex(v.re, v.im)),
        DTypeKind::Bytes(_) => array.byte_strings().unwrap_or_default().iter().map(bytes).collect(),
        DTypeKind::Str(_) => array.strings().unwrap_or_default().iter().map(|text| string(text)).collect(),
        DTypeKind::Void(len) => array.data().chunks_exact((*len).max(1)).map(bytes).collect(),
        DTypeKind::DateTime(unit) => ticks(&array).into_iter().map(|ticks| datetime(ticks, *unit)).collect(),
        DTypeKind::TimeDelta(unit) => {
            ticks(&array).into_iter().map(|ticks| timedelta(ticks, *unit)).collect()
        }
        _ => Vec::new(),
    }
}

/// The first elements, as an array of one dimension.
fn head(array: &NdArray, n: usize) -> NdArray {
    let array = array.to_c_order();
    let count = array.len().min(n);
    let data = array.data().slice(..count * array.dtype().itemsize());
    NdArray::from_bytes(array.dtype().clone(), &[count], array.order(), data).unwrap_or(array)
}

fn each<T: Element>(array: &NdArray, repr: impl Fn(T) -> String) -> Vec<String> {
    array.to_vec::<T>().unwrap_or_default().into_iter().map(repr).collect()
}

fn ticks(array: &NdArray) -> Vec<i64> {
    array.ticks().map(|(_, ticks)| ticks.into_iter().collect()).unwrap_or_default()
}

/// A float: the shortest digits that give it back, with an exponent below 1e-4 and from 1e16 on.
pub(super) fn float(v: f64) -> String {
    if v.is_nan() {
        return "nan".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{v:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if v != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    format!("{v:?}")
}

fn complex(re: f64, im: f64) -> String {
    let part = |v: f64| {
        let text = float(v);
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    if re == 0.0 && re.is_sign_positive() {
        return format!("{}j", part(im));
    }
    let sign = if im.is_sign_negative() && !im.is_nan() { "" } else { "+" };
    format!("({}{sign}{}j)", part(re), part(im))
}

fn quote(text: &str) -> char {
    if text.contains('\'') && !text.contains('"') { '"' } else { '\'' }
}

fn string(text: &str) -> String {
    let quote = quote(text);
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if u32::from(c) < 0x20 || (0x7f..0xa0).contains(&u32::from(c)) => {
                out.push_str(&format!("\\x{:02x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

fn bytes(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut out = format!("b{quote}");
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte if char::from(*byte) == quote => out.extend(['\\', quote]),
            0x20..=0x7e => out.push(char::from(*byte)),
            byte => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push(quote);
    out
}

/// Microseconds in a unit that Python's `datetime` has; `None` for finer ones and for those of varying length.
fn microseconds(unit: TimeUnit) -> Option<i128> {
    let base: i128 = match unit.base() {
        TimeBase::Week => 604_800_000_000,
        TimeBase::Day => 86_400_000_000,
        TimeBase::Hour => 3_600_000_000,
        TimeBase::Minute => 60_000_000,
        TimeBase::Second => 1_000_000,
        TimeBase::Millisecond => 1000,
        TimeBase::Microsecond => 1,
        _ => return None,
    };
    Some(base * i128::from(unit.multiple()))
}

fn datetime(ticks: i64, unit: TimeUnit) -> String {
    if ticks == NAT {
        return "None".to_owned();
    }
    date_repr(ticks, unit).unwrap_or_else(|| ticks.to_string())
}

fn date_repr(ticks: i64, unit: TimeUnit) -> Option<String> {
    let (date, time) = match (unit.base(), microseconds(unit)) {
        (TimeBase::Year | TimeBase::Month, _) => {
            let months = ticks.checked_mul(i64::from(unit.multiple()))?;
            let months = if unit.base() == TimeBase::Year { months.checked_mul(12)? } else { months };
            let year = i32::try_from(months.div_euclid(12) + 1970).ok()?;
            let month = u8::try_from(months.rem_euclid(12) + 1).ok()?;
            (Date::from_calendar_date(year, month.try_into().ok()?, 1).ok()?, Time::MIDNIGHT)
        }
        (_, Some(size)) => {
            let microseconds = i128::from(ticks) * size;
            let day = i64::try_from(microseconds.div_euclid(86_400_000_000)).ok()?;
            let rest = u64::try_from(microseconds.rem_euclid(86_400_000_000)).ok()?;
            let epoch = i64::from(time::macros::date!(1970 - 01 - 01).to_julian_day());
            let date = Date::from_julian_day(i32::try_from(day.checked_add(epoch)?).ok()?).ok()?;
            (date, Time::MIDNIGHT + std::time::Duration::from_micros(rest))
        }
        _ => return None,
    };
    if !(1..=9999).contains(&date.year()) {
        return None;
    }
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    if matches!(unit.base(), TimeBase::Year | TimeBase::Month | TimeBase::Week | TimeBase::Day) {
        return Some(format!("datetime.date({year}, {month}, {day})"));
    }
    let time = PrimitiveDateTime::new(date, time);
    let mut parts = format!("datetime.datetime({year}, {month}, {day}, {}, {}", time.hour(), time.minute());
    match (time.second(), time.microsecond()) {
        (0, 0) => {}
        (second, 0) => parts.push_str(&format!(", {second}")),
        (second, microsecond) => parts.push_str(&format!(", {second}, {microsecond}")),
    }
    parts.push(')');
    Some(parts)
}

fn timedelta(ticks: i64, unit: TimeUnit) -> String {
    if ticks == NAT {
        return "None".to_owned();
    }
    let Some(size) = microseconds(unit) else { return ticks.to_string() };
    let total = i128::from(ticks) * size;
    let (days, rest) = (total.div_euclid(86_400_000_000), total.rem_euclid(86_400_000_000));
    if days.unsigned_abs() > 999_999_999 {
        return ticks.to_string();
    }
    let parts: Vec<String> =
        [("days", days), ("seconds", rest / 1_000_000), ("microseconds", rest % 1_000_000)]
            .into_iter()
            .filter(|(_, amount)| *amount != 0)
            .map(|(name, amount)| format!("{name}={amount}"))
            .collect();
    format!("datetime.timedelta({})", if parts.is_empty() { "0".to_owned() } else { parts.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_look_like_pythons() {
        for (v, text) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e-5, "1.5e-05"),
            (0.0001, "0.0001"),
            (1e308, "1e+308"),
            (5e-324, "5e-324"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(float(v), text);
        }
        assert_eq!(
            [complex(1.0, 2.0), complex(0.0, 2.0), complex(-0.0, -1.5), complex(1.0, f64::NAN)],
            ["(1+2j)", "2j", "(-0-1.5j)", "(1+nanj)"]
        );
    }

    #[test]
    fn texts_are_quoted_like_pythons() {
        assert_eq!(
            [string("it's"), string("a\"'"), string("\t\u{1}é")],
            ["\"it's\"", r#"'a"\''"#, r"'\t\x01é'"]
        );
        assert_eq!(bytes(b"a'\x00\xff\\"), r#"b"a'\x00\xff\\""#);
    }

    #[test]
    fn times_look_like_pythons() {
        let array = |dtype: &str, ticks: i64| {
            NdArray::from_vec(&[1], vec![ticks]).unwrap().reinterpret(dtype.parse().unwrap()).unwrap()
        };
        for (dtype, ticks, text) in [
            ("<M8[ns]", 5, "5"),
            ("<M8[D]", 365, "datetime.date(1971, 1, 1)"),
            ("<M8[M]", -1, "datetime.date(1969, 12, 1)"),
            ("<M8[s]", 61, "datetime.datetime(1970, 1, 1, 0, 1, 1)"),
            ("<M8[us]", -1, "datetime.datetime(1969, 12, 31, 23, 59, 59, 999999)"),
            ("<M8[us]", i64::MAX, "9223372036854775807"),
            ("<m8[us]", -5, "datetime.timedelta(days=-1, seconds=86399, microseconds=999995)"),
            ("<m8[D]", 0, "datetime.timedelta(0)"),
            ("<m8[ns]", 3, "3"),
            ("<M8[s]", NAT, "None"),
        ] {
            assert_eq!(first(&array(dtype, ticks), 4), [text], "{dtype}");
        }
    }
}
