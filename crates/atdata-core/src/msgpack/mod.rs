//! MessagePack, as Python writes and reads it: the payload of a sample and of an entry's metadata.
//!
//! Written are the smallest integer forms, 64-bit floats, `str` for text and `bin` for bytes. Read is every form of
//! the MessagePack specification except extension types. Lengths are checked against the bytes that are left before
//! anything is allocated, and nesting is bounded by [`MAX_DEPTH`].
//!
//! [`Unpacker`] works over [`bytes::Bytes`]: a `bin` value comes out as a slice of the payload, without a copy.
//!
//! ```
//! use atdata_core::{Map, Value, msgpack};
//!
//! let map: Map = [("a", Value::from(300i64)), ("b", Value::Nil)].into_iter().collect();
//! let bytes = msgpack::to_bytes(&Value::Map(map.clone()))?;
//! assert_eq!(bytes, b"\x82\xa1a\xcd\x01\x2c\xa1b\xc0"[..]);
//! assert_eq!(msgpack::from_bytes(&bytes)?, Value::Map(map));
//! # Ok::<(), atdata_core::Error>(())
//! ```

mod pack;
mod unpack;

use bytes::Bytes;

pub use pack::Packer;
pub use unpack::{Kind, UnpackOptions, UnpackPolicy, Unpacker};

use crate::{Result, Value};

/// How deep lists and maps may nest.
pub const MAX_DEPTH: usize = 128;

/// Packs one value.
///
/// # Errors
/// A value nested deeper than [`MAX_DEPTH`], text or bytes beyond 4 GiB, or an array that cannot be encoded.
pub fn to_bytes(value: &Value) -> Result<Bytes> {
    let mut out = Vec::new();
    Packer::new(&mut out).value(value)?;
    Ok(out.into())
}

/// Unpacks one value that fills `payload` completely.
///
/// # Errors
/// [`Corrupt`](crate::ErrorKind::Corrupt) if the bytes are not one MessagePack value with text keys.
pub fn from_bytes(payload: &Bytes) -> Result<Value> {
    let mut unpacker = Unpacker::new(payload);
    let value = unpacker.value()?;
    unpacker.finish()?;
    Ok(value)
}
