//! Arrays made of single values: CSV cells, JSON lists.

use atdata::array::{ByteOrder, DType, DTypeKind, NdArray, Order};
use atdata::{Error, Result, Value};

/// An array of numbers, in C order.
///
/// # Errors
/// A value is no number, does not fit the dtype, or the dtype has no numbers; the shape does not fit.
pub(super) fn from_values(dtype: &DType, shape: &[usize], values: &[Value]) -> Result<NdArray> {
    let dtype = dtype.with_byte_order(ByteOrder::Little);
    let mut data = Vec::with_capacity(values.len().saturating_mul(dtype.itemsize()));
    for value in values {
        push(dtype.kind(), value, &mut data)?;
    }
    NdArray::from_bytes(dtype, shape, Order::C, data.into())
}

macro_rules! int {
    ($t:ty, $value:expr, $out:expr) => {{
        let number = integer($value)?;
        let number = <$t>::try_from(number)
            .map_err(|_| Error::invalid(format!("{number} does not fit {}", stringify!($t))))?;
        $out.extend_from_slice(&number.to_le_bytes());
    }};
}

fn push(kind: &DTypeKind, value: &Value, out: &mut Vec<u8>) -> Result<()> {
    match kind {
        DTypeKind::Bool => match value {
            Value::Bool(v) => out.push(u8::from(*v)),
            Value::Int(v @ (0 | 1)) => out.push(u8::from(*v == 1)),
            other => return Err(Error::invalid(format!("{other} is not a bool"))),
        },
        DTypeKind::Int8 => int!(i8, value, out),
        DTypeKind::Int16 => int!(i16, value, out),
        DTypeKind::Int32 => int!(i32, value, out),
        DTypeKind::Int64 => int!(i64, value, out),
        DTypeKind::UInt8 => int!(u8, value, out),
        DTypeKind::UInt16 => int!(u16, value, out),
        DTypeKind::UInt32 => int!(u32, value, out),
        DTypeKind::UInt64 => int!(u64, value, out),
        DTypeKind::Float16 => out.extend_from_slice(&half::f16::from_f64(float(value)?).to_le_bytes()),
        // The nearest float of that size is what is asked for.
        #[allow(clippy::cast_possible_truncation)]
        DTypeKind::Float32 => out.extend_from_slice(&(float(value)? as f32).to_le_bytes()),
        DTypeKind::Float64 => out.extend_from_slice(&float(value)?.to_le_bytes()),
        _ => return Err(Error::unsupported("only arrays of numbers and bools can be made of single values")),
    }
    Ok(())
}

fn integer(value: &Value) -> Result<i128> {
    match value {
        Value::Int(v) => Ok(i128::from(*v)),
        Value::UInt(v) => Ok(i128::from(*v)),
        // In range, and it has no fraction.
        #[allow(clippy::cast_possible_truncation)]
        Value::Float(v) if v.fract() == 0.0 && v.abs() < 9e15 => Ok(*v as i128),
        other => Err(Error::invalid(format!("{other} is not an integer"))),
    }
}

fn float(value: &Value) -> Result<f64> {
    value.as_f64().ok_or_else(|| Error::invalid(format!("{value} is not a number")))
}

/// Takes a nested list apart: its shape, and its values in C order.
///
/// # Errors
/// Lists of one level differ in length.
pub(super) fn flatten(list: &[Value]) -> Result<(Vec<usize>, Vec<Value>)> {
    let mut shape = vec![list.len()];
    let mut level: Vec<Value> = list.to_vec();
    while level.first().is_some_and(|first| first.as_list().is_some()) {
        let len = level.first().and_then(Value::as_list).map_or(0, <[Value]>::len);
        let mut next = Vec::with_capacity(level.len().saturating_mul(len));
        for value in level {
            match value {
                Value::List(items) if items.len() == len => next.extend(items),
                _ => return Err(Error::invalid("the list is ragged: its rows differ in length")),
            }
        }
        shape.push(len);
        level = next;
    }
    Ok((shape, level))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(dtype: &str, values: &[Value]) -> Result<NdArray> {
        from_values(&dtype.parse().unwrap(), &[values.len()], values)
    }

    #[test]
    fn numbers_are_checked_against_the_dtype() {
        assert_eq!(make("uint8", &[Value::Int(255)]).unwrap().to_vec::<u8>().unwrap(), [255]);
        assert_eq!(make("float32", &[Value::Int(1)]).unwrap().to_vec::<f32>().unwrap(), [1.0]);
        assert_eq!(make("int16", &[Value::Float(-2.0)]).unwrap().to_vec::<i16>().unwrap(), [-2]);
        for (dtype, value) in [
            ("uint8", Value::Int(256)),
            ("uint8", Value::Float(1.5)),
            ("bool", Value::Int(2)),
            ("float32", Value::Str("1".into())),
            ("<U3", Value::Int(1)),
        ] {
            assert!(make(dtype, &[value]).is_err(), "{dtype}");
        }
    }

    #[test]
    fn nested_lists_have_a_shape() {
        let row = |a: i64, b: i64| Value::List(vec![Value::Int(a), Value::Int(b)]);
        let (shape, values) = flatten(&[row(1, 2), row(3, 4), row(5, 6)]).unwrap();
        assert_eq!((shape, values.len()), (vec![3, 2], 6));
        assert!(flatten(&[row(1, 2), Value::List(vec![])]).is_err());
        assert!(flatten(&[row(1, 2), Value::Int(1)]).is_err());
        assert_eq!(flatten(&[]).unwrap().0, [0]);
    }
}
