//! Casts of values, exact or refused.

use crate::array::{DType, float_of, int_of};
use crate::schema::{ArrayType, FieldType, Primitive};
use crate::{Error, NdArray, Result, ResultExt, Value};

/// A cast, which is also its own reverse.
#[derive(Clone, Debug)]
pub(super) enum Cast {
    IntToFloat,
    FloatToInt,
    IntToStr,
    StrToInt,
    BoolToInt,
    IntToBool,
    Array {
        /// What the source's arrays have, if that is known.
        from: Option<DType>,
        to: DType,
    },
    Items(Box<Cast>),
    Entries(Box<Cast>),
    Nullable(Box<Cast>),
}

impl Cast {
    /// The cast between two types.
    ///
    /// # Errors
    /// `Invalid` if there is none.
    pub(super) fn new(from: &FieldType, to: &FieldType) -> Result<Self> {
        use Primitive::{Bool, Float, Int, Str};
        let none = || Error::invalid(format!("no cast leads from {from} to {to}"));
        Ok(match (from, to) {
            (FieldType::Primitive(from), FieldType::Primitive(to)) => match (from, to) {
                (Int, Float) => Cast::IntToFloat,
                (Float, Int) => Cast::FloatToInt,
                (Int, Str) => Cast::IntToStr,
                (Str, Int) => Cast::StrToInt,
                (Bool, Int) => Cast::BoolToInt,
                (Int, Bool) => Cast::IntToBool,
                _ => return Err(none()),
            },
            (FieldType::NdArray(from), FieldType::NdArray(ArrayType { dtype: Some(to), .. })) => {
                let to: DType = to.parse()?;
                // What a schema says of arrays is a hint: one that is no dtype says nothing.
                let from: Option<DType> = from.dtype.as_deref().and_then(|dtype| dtype.parse().ok());
                if from.as_ref().is_some_and(|from| !from.casts_exactly_to(&to)) {
                    return Err(none());
                }
                Cast::Array { from, to }
            }
            (FieldType::Array(from), FieldType::Array(to)) => Cast::Items(Box::new(Cast::new(from, to)?)),
            (FieldType::Map(from), FieldType::Map(to)) => Cast::Entries(Box::new(Cast::new(from, to)?)),
            (FieldType::Nullable(from), FieldType::Nullable(to)) => {
                Cast::Nullable(Box::new(Cast::new(from, to)?))
            }
            _ => return Err(none()),
        })
    }

    /// What the view has for a value of the source.
    pub(super) fn forward(&self, value: Value) -> Result<Value> {
        Ok(match (self, value) {
            (Cast::IntToFloat, value) => Value::Float(to_float(&value)?),
            // Integers are taken in the place of floats.
            (Cast::FloatToInt, value @ (Value::Int(_) | Value::UInt(_))) => value,
            (Cast::FloatToInt, value) => to_int(&value)?,
            (Cast::IntToStr, value) => Value::Str(int(&value)?.to_string()),
            (Cast::StrToInt, value) => parsed(&value)?,
            (Cast::BoolToInt, Value::Bool(value)) => Value::Int(value.into()),
            (Cast::IntToBool, Value::Int(value @ (0 | 1))) => Value::Bool(value == 1),
            (Cast::IntToBool, value) => return Err(misfit(&value, "a boolean, which is 0 or 1")),
            (Cast::Array { to, .. }, Value::Array(array)) => Value::Array(array.cast_exact(to)?),
            (Cast::Items(cast), Value::List(items)) => {
                let cast = (0..).zip(items).map(|(i, item): (u64, _)| cast.forward(item).context("item", i));
                Value::List(cast.collect::<Result<_>>()?)
            }
            (Cast::Entries(cast), Value::Map(mut map)) => {
                for value in map.values_mut() {
                    *value = cast.forward(std::mem::take(value))?;
                }
                Value::Map(map)
            }
            (Cast::Nullable(_), Value::Nil) => Value::Nil,
            (Cast::Nullable(cast), value) => cast.forward(value)?,
            (_, value) => return Err(misfit(&value, "of the type that is cast")),
        })
    }

    /// What the source has for a value of the view, where it had `old`.
    pub(super) fn backward(&self, value: Value, old: &Value) -> Result<Value> {
        Ok(match (self, value) {
            (Cast::IntToFloat, value @ (Value::Int(_) | Value::UInt(_))) => value,
            (Cast::IntToFloat, value) => to_int(&value)?,
            // It was an integer in the place of a float, and stays one.
            (Cast::FloatToInt, value @ (Value::Int(_) | Value::UInt(_))) if is_int(old) => value,
            (Cast::FloatToInt, value) => Value::Float(to_float(&value)?),
            (Cast::IntToStr, value) => parsed(&value)?,
            (Cast::StrToInt, value) => Value::Str(int(&value)?.to_string()),
            (Cast::BoolToInt, value) => Cast::IntToBool.forward(value)?,
            (Cast::IntToBool, value) => Cast::BoolToInt.forward(value)?,
            (Cast::Array { from, to }, Value::Array(array)) => {
                if !array.dtype().same_kind(to) {
                    let (found, wanted) = (array.dtype().name(), to.name());
                    return Err(Error::invalid(format!("the view's array is {found}, not {wanted}")));
                }
                // What the array itself says counts, and not what the schema says of it.
                match old.as_array().map(NdArray::dtype).or(from.as_ref()) {
                    Some(from) => Value::Array(array.cast_exact(from)?),
                    None => Value::Array(array),
                }
            }
            (Cast::Items(cast), Value::List(items)) => {
                let old = old.as_list().unwrap_or_default();
                let cast = items.into_iter().enumerate().map(|(i, item)| {
                    cast.backward(item, old.get(i).unwrap_or(&Value::Nil)).context("item", i)
                });
                Value::List(cast.collect::<Result<_>>()?)
            }
            (Cast::Entries(cast), Value::Map(map)) => {
                let old = old.as_map();
                let cast = map.into_iter().map(|(key, value)| {
                    let old = old.and_then(|old| old.get(&key)).unwrap_or(&Value::Nil);
                    Ok((key, cast.backward(value, old)?))
                });
                Value::Map(cast.collect::<Result<_>>()?)
            }
            (Cast::Nullable(_), Value::Nil) => Value::Nil,
            (Cast::Nullable(cast), value) => cast.backward(value, old)?,
            (_, value) => return Err(misfit(&value, "of the type that the view has")),
        })
    }
}

fn misfit(value: &Value, what: &str) -> Error {
    let shown: String = value.to_string().chars().take(100).collect();
    Error::invalid(format!("the value {shown} is not {what}"))
}

fn is_int(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::UInt(_))
}

fn int(value: &Value) -> Result<i128> {
    match value {
        Value::Int(int) => Ok(i128::from(*int)),
        Value::UInt(int) => Ok(i128::from(*int)),
        other => Err(misfit(other, "an integer")),
    }
}

/// The integer as a value, if it is one that fields have.
fn of_int(int: i128) -> Option<Value> {
    match (i64::try_from(int), u64::try_from(int)) {
        (Ok(int), _) => Some(Value::Int(int)),
        (_, Ok(int)) => Some(Value::UInt(int)),
        _ => None,
    }
}

fn to_float(value: &Value) -> Result<f64> {
    float_of(int(value)?).ok_or_else(|| misfit(value, "exactly a float"))
}

fn to_int(value: &Value) -> Result<Value> {
    let Value::Float(float) = value else { return Err(misfit(value, "a float")) };
    int_of(*float).and_then(of_int).ok_or_else(|| misfit(value, "exactly an integer"))
}

/// The integer that a text is, written as we write it.
fn parsed(value: &Value) -> Result<Value> {
    let Value::Str(text) = value else { return Err(misfit(value, "a text")) };
    let int: Option<i128> = text.parse().ok().filter(|int: &i128| int.to_string() == *text);
    int.and_then(of_int).ok_or_else(|| misfit(value, "an integer in plain decimal"))
}
