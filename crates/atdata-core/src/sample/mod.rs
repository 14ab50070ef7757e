//! Sample types: structs with a schema ([`Packable`]) and the untyped [`DictSample`].
//!
//! A sample is stored as one msgpack map whose keys are the field names, in declaration order. [`Sample`] is what the
//! streaming engine needs of a type; every [`Packable`] type and [`DictSample`] have it. `#[derive(Packable)]` (crate
//! `atdata-derive`) writes the implementation for a struct; each field's type implements [`FieldValue`].

mod array_fields;
mod collate;
mod dict;
mod field;
mod fields;
mod markers;

use bytes::Bytes;

pub use collate::{Collate, Column, DictBatch};
pub use dict::DictSample;
pub(crate) use dict::{check, convert};
pub use field::FieldValue;
pub use fields::FieldReader;
pub use markers::{AnyDtypeField, ArrayField, BytesField};

use crate::array::ArrayFormat;
use crate::msgpack::{Packer, UnpackOptions, Unpacker};
use crate::schema::SampleSchema;
use crate::{Error, Result};

/// A struct that is stored as a sample. Usually derived.
///
/// ```
/// use atdata_core::msgpack::{Packer, Unpacker};
/// use atdata_core::schema::{Field, Primitive, SampleSchema};
/// use atdata_core::{FieldReader, Packable, Result, Sample};
///
/// #[derive(Debug, PartialEq)]
/// struct Point {
///     x: i64,
/// }
///
/// // What `#[derive(Packable)]` writes:
/// impl Packable for Point {
///     fn schema() -> SampleSchema {
///         SampleSchema::new("Point").field(Field::new("x", Primitive::Int))
///     }
///     fn pack_fields(&self, packer: &mut Packer<'_>) -> Result<()> {
///         packer.map(1)?;
///         packer.str("x")?;
///         packer.int(self.x);
///         Ok(())
///     }
///     fn unpack_fields(unpacker: &mut Unpacker<'_>) -> Result<Self> {
///         let mut x = None;
///         let mut fields = FieldReader::new("Point", unpacker)?;
///         while let Some(name) = fields.next_name()? {
///             match name {
///                 "x" => x = Some(fields.read("x")?),
///                 other => fields.unknown(other)?,
///             }
///         }
///         Ok(Point { x: fields.required("x", x)? })
///     }
/// }
///
/// let payload = Point { x: 3 }.pack()?;
/// assert_eq!(payload, b"\x81\xa1x\x03"[..]);
/// assert_eq!(Point::unpack(&payload, &Default::default())?, Point { x: 3 });
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub trait Packable: Sized + Send + 'static {
    /// The schema of the type: its name, version and fields in declaration order.
    fn schema() -> SampleSchema;

    /// Writes the sample as one msgpack map.
    ///
    /// # Errors
    /// A field's value cannot be expressed; the error names the field.
    fn pack_fields(&self, packer: &mut Packer<'_>) -> Result<()>;

    /// Reads the sample from one msgpack map.
    ///
    /// # Errors
    /// A field is missing, unknown or of the wrong type; the error names the field.
    fn unpack_fields(unpacker: &mut Unpacker<'_>) -> Result<Self>;
}

/// What a [`Dataset`](crate::Dataset) can hold: a [`Packable`] type or [`DictSample`].
///
/// ```
/// use atdata_core::{DictSample, Sample, Value};
///
/// let sample: DictSample = [("label", Value::from(7i64))].into_iter().collect();
/// assert_eq!(DictSample::unpack(&sample.pack()?, &Default::default())?, sample);
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub trait Sample: Sized + Send + 'static {
    /// The schema that the type itself has; none for [`DictSample`], which takes that of the data.
    fn static_schema() -> Option<SampleSchema>;

    /// Appends the sample's msgpack payload to a buffer.
    ///
    /// # Errors
    /// A field's value cannot be expressed.
    fn pack_into(&self, out: &mut Vec<u8>, arrays: ArrayFormat) -> Result<()>;

    /// Reads a sample from its payload. `bin` fields and arrays are slices of it.
    ///
    /// # Errors
    /// The payload is damaged ([`Corrupt`](crate::ErrorKind::Corrupt)) or of another type
    /// ([`Invalid`](crate::ErrorKind::Invalid)); the error names the field.
    fn unpack(payload: &Bytes, options: &UnpackOptions) -> Result<Self>;

    /// The sample's msgpack payload, arrays as `.npy`.
    ///
    /// # Errors
    /// As [`Sample::pack_into`].
    fn pack(&self) -> Result<Bytes> {
        // Room for a small sample: growing is most of what such a one would cost.
        let mut out = Vec::with_capacity(512);
        self.pack_into(&mut out, ArrayFormat::Npy)?;
        Ok(out.into())
    }
}

impl<T: Packable> Sample for T {
    fn static_schema() -> Option<SampleSchema> {
        Some(T::schema())
    }

    fn pack_into(&self, out: &mut Vec<u8>, arrays: ArrayFormat) -> Result<()> {
        self.pack_fields(&mut Packer::new(out).with_array_format(arrays))
    }

    fn unpack(payload: &Bytes, options: &UnpackOptions) -> Result<Self> {
        let mut unpacker = Unpacker::with_options(payload, options);
        let sample = T::unpack_fields(&mut unpacker)?;
        unpacker.finish()?;
        Ok(sample)
    }
}

/// The error of a field whose stored value is `found` where `expected` is needed.
fn mismatch(expected: &str, found: &str) -> Error {
    Error::invalid(format!("expected {expected}, found {found}"))
}
