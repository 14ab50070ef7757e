//! The types that a field can have.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use bytes::Bytes;

use crate::array::BatchMemory;
use crate::msgpack::{self, Packer, Unpacker};
use crate::schema::{self, FieldType, Primitive};
use crate::{Map, Result, Value};

/// A type that a sample's field can have.
///
/// Implemented for `bool`, the integers up to 64 bits, `f32`, `f64`, `String`, [`Bytes`], `Vec` (of `u8`: bytes),
/// `Option`, maps with text keys, [`Value`], [`NdArray`](crate::NdArray), [`TypedArray`](crate::TypedArray),
/// `ndarray::Array`, and every struct with `#[derive(Packable)]`.
///
/// ```
/// use atdata_core::FieldValue;
///
/// assert_eq!(<Vec<u8>>::field_type(), atdata_core::schema::Primitive::Bytes.into());
/// assert!(<Option<i64>>::OPTIONAL);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a sample: the trait `FieldValue` is not implemented for it",
    label = "no type of a field",
    note = "fields are numbers, text, bytes, arrays, lists, maps with text keys, `Option`, `Value`, and structs with \
            `#[derive(Packable)]`"
)]
pub trait FieldValue: Sized + Send + 'static {
    /// What a batch holds for this field: a stacked array, or a `Vec`.
    type Column: Send + 'static;

    /// Whether the field may be `nil`.
    const OPTIONAL: bool = false;

    /// How deep the type nests lists, maps, options and structs. For a type that contains itself this is a cycle, so that
    /// it does not compile: no schema could describe it.
    const DEPTH: usize = 0;

    /// The field's type in a schema. For an `Option` it is that of the inner type.
    fn field_type() -> FieldType;

    /// Writes the value.
    ///
    /// # Errors
    /// The value cannot be expressed.
    fn pack_value(&self, packer: &mut Packer<'_>) -> Result<()>;

    /// Reads a value.
    ///
    /// # Errors
    /// The next value is of another type, out of range, or damaged.
    fn unpack_value(unpacker: &mut Unpacker<'_>) -> Result<Self>;

    /// Joins the values of a batch; arrays in `memory`.
    ///
    /// # Errors
    /// Arrays of different shapes.
    fn stack(values: Vec<Self>, memory: &BatchMemory) -> Result<Self::Column>;

    /// What the lenient policy puts where the field is missing.
    fn absent() -> Option<Self> {
        None
    }

    /// The value as a schema states it where it is a field's default; `None` if a schema cannot (NaN, for instance).
    fn schema_default(&self) -> Option<Value> {
        let mut out = Vec::new();
        self.pack_value(&mut Packer::new(&mut out)).ok()?;
        let value = msgpack::from_bytes(&out.into()).ok()?;
        schema::value_to_json(&value).is_ok().then_some(value)
    }

    /// The type inside a list or map, where [`OPTIONAL`](Self::OPTIONAL) has no other place.
    fn item_type() -> FieldType {
        Self::field_type()
    }

    /// The type of a list of this type; `u8` makes it bytes.
    fn list_type() -> FieldType {
        FieldType::Array(Box::new(Self::item_type()))
    }

    /// Writes a list of this type.
    ///
    /// # Errors
    /// As [`FieldValue::pack_value`].
    fn pack_list(items: &[Self], packer: &mut Packer<'_>) -> Result<()> {
        packer.list(items.len())?;
        items.iter().try_for_each(|item| item.pack_value(packer))
    }

    /// Reads a list of this type.
    ///
    /// # Errors
    /// As [`FieldValue::unpack_value`].
    fn unpack_list(unpacker: &mut Unpacker<'_>) -> Result<Vec<Self>> {
        let len = unpacker.list()?;
        unpacker.nested(|unpacker| {
            let mut items = Vec::with_capacity(len.min(4096));
            for _ in 0..len {
                items.push(Self::unpack_value(unpacker)?);
            }
            Ok(items)
        })
    }
}

/// `Column = Vec<Self>`, no array in sight.
macro_rules! plain_column {
    () => {
        type Column = Vec<Self>;
        fn stack(values: Vec<Self>, _: &BatchMemory) -> Result<Vec<Self>> {
            Ok(values)
        }
    };
}

macro_rules! integers {
    ($($t:ty),*) => {$(
        impl FieldValue for $t {
            plain_column!();
            fn field_type() -> FieldType {
                Primitive::Int.into()
            }
            fn pack_value(&self, packer: &mut Packer<'_>) -> Result<()> {
                packer.int(i64::from(*self));
                Ok(())
            }
            fn unpack_value(unpacker: &mut Unpacker<'_>) -> Result<Self> {
                unpacker.int_as()
            }
        }
    )*};
}
integers!(i8, i16, i32, i64, u16, u32);

impl FieldValue for u64 {
    plain_column!();
    fn field_type() -> FieldType {
        Primitive::Int.into()
    }
    fn pack_value(&self, packer: &mut Packer<'_>) -> Result<()> {
        packer.uint(*self);
        Ok(())
    }
    fn unpack_value(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        unpacker.int_as()
    }
}

impl FieldValue for u8 {
    plain_column!();
    fn field_type() -> FieldType {
        Primitive::Int.into()
    }
    fn pack_value(&self, packer: &mut Packer<'_>) -> Result<()> {
        packer.uint(u64::from(*self));
        Ok(())
    }
    fn unpack_value(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        unpacker.int_as()
    }
    fn list_type() -> FieldType {
        Primitive::Bytes.into()
    }
    fn pack_list(items: &[u8], packer: &mut Packer<'_>) -> Result<()> {
        packer.bin(items)
    }
    fn unpack_list(unpacker: &mut Unpacker<'_>) -> Result<Vec<u8>> {
        Ok(unpacker.bin()?.into())
    }
}

impl FieldValue for bool {
    plain_column!();
    fn field_type() -> FieldType {
        Primitive::Bool.into()
    }
    fn pack_value(&self, packer: &mut Packer<'_>) -> Result<()> {
        packer.bool(*self);
        Ok(())
    }
    fn unpack_value(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        unpacker.bool()
    }
}

impl FieldValue for f64 {
    plain_column!();
    fn field_type() -> FieldType {
        Primitive::Float.into()
    }
    fn pack_value(&self, packer: &mut Packer<'_>) -> Result<()> {
        packer.float(*self);
        Ok(())
    }
    fn unpack_value(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        unpacker.float()
    }
}

/// Stored as 64 bits, as Python does; reading rounds to the nearest `f32`.
impl FieldValue for f32 {
    plain_column!();
    fn field_type() -> FieldType {
        Primitive::Float.into()
    }
    fn pack_value(&self, packer: &mut Packer<'_>) -> Result<()> {
        packer.float(f64::from(*self));
        Ok(())
    }
    #[allow(clippy::cast_possible_truncation)]
    fn unpack_value(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        Ok(unpacker.float()? as f32)
    }
}

impl FieldValue for String {
    plain_column!();
    fn field_type() -> FieldType {
        Primitive::Str.into()
    }
    fn pack_value(&self, packer: &mut Packer<'_>) -> Result<()> {
        packer.str(self)
    }
    fn unpack_value(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        unpacker.str().map(str::to_owned)
    }
}

impl FieldValue for Bytes {
    plain_column!();
    fn field_type() -> FieldType {
        Primitive::Bytes.into()
    }
    fn pack_value(&self, packer: &mut Packer<'_>) -> Result<()> {
        packer.bin(self)
    }
    fn unpack_value(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        unpacker.bin()
    }
}

impl<T: FieldValue> FieldValue for Vec<T> {
    plain_column!();
    const DEPTH: usize = T::DEPTH + 1;
    fn field_type() -> FieldType {
        T::list_type()
    }
    fn pack_value(&self, packer: &mut Packer<'_>) -> Result<()> {
        T::pack_list(self, packer)
    }
    fn unpack_value(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        T::unpack_list(unpacker)
    }
}

impl<T: FieldValue> FieldValue for Option<T> {
    plain_column!();
    const OPTIONAL: bool = true;
    const DEPTH: usize = T::DEPTH + 1;
    fn field_type() -> FieldType {
        T::field_type()
    }
    fn item_type() -> FieldType {
        FieldType::Nullable(Box::new(T::item_type()))
    }
    fn pack_value(&self, packer: &mut Packer<'_>) -> Result<()> {
        match self {
            Some(value) => value.pack_value(packer),
            None => {
                packer.nil();
                Ok(())
            }
        }
    }
    fn unpack_value(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        if unpacker.nil()? { Ok(None) } else { T::unpack_value(unpacker).map(Some) }
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
}

macro_rules! map_field {
    ($map:ty $(, $hasher:ident)?) => {
        impl<T: FieldValue $(, $hasher: BuildHasher + Default + Send + 'static)?> FieldValue for $map {
            plain_column!();
            const DEPTH: usize = T::DEPTH + 1;
            fn field_type() -> FieldType {
                FieldType::Map(Box::new(T::item_type()))
            }
            fn pack_value(&self, packer: &mut Packer<'_>) -> Result<()> {
                packer.map(self.len())?;
                for (key, value) in self {
                    packer.str(key)?;
                    value.pack_value(packer)?;
                }
                Ok(())
            }
            fn unpack_value(unpacker: &mut Unpacker<'_>) -> Result<Self> {
                let len = unpacker.map()?;
                unpacker.nested(|unpacker| {
                    let mut map = Self::default();
                    for _ in 0..len {
                        let key = unpacker.str()?.to_owned();
                        map.insert(key, T::unpack_value(unpacker)?);
                    }
                    Ok(map)
                })
            }
        }
    };
}
map_field!(BTreeMap<String, T>);
map_field!(HashMap<String, T, S>, S);

impl FieldValue for Value {
    plain_column!();
    fn field_type() -> FieldType {
        FieldType::Any
    }
    fn pack_value(&self, packer: &mut Packer<'_>) -> Result<()> {
        packer.value(self)
    }
    fn unpack_value(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        unpacker.value()
    }
}

impl FieldValue for Map {
    plain_column!();
    fn field_type() -> FieldType {
        FieldType::Map(Box::new(FieldType::Any))
    }
    fn pack_value(&self, packer: &mut Packer<'_>) -> Result<()> {
        packer.fields(self)
    }
    fn unpack_value(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        unpacker.fields()
    }
}
