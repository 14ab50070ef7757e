//! N-dimensional arrays: numpy's dtypes, typed access, and the two byte forms in which samples store them.
//!
//! An [`NdArray`] is a [`DType`], a shape, an [`Order`] and [`Bytes`](bytes::Bytes). Decoding never copies the
//! elements: the array is a slice of the shard it came from, and keeps that shard's memory alive.
//!
//! Typed access comes in three strengths. [`NdArray::view`] borrows and never copies; [`NdArray::to_array`] always
//! copies; [`NdArray::cow`] borrows where it can. A view needs the machine's byte order and an aligned address, and an
//! array inside a tar shard lies wherever the names before it left it: `view` works for certain on one-byte elements
//! and on arrays made in memory, so code that reads shards uses `cow` or `to_array`.
//!
//! [`decode`] reads `.npy` streams and the compact form and tells them apart; [`encode`] writes either. Object
//! arrays are pickles, that is programs, and are refused wherever they appear.
//!
//! ```
//! use atdata_core::array::{ArrayFormat, NdArray, decode, encode};
//!
//! let array = NdArray::from_vec(&[2, 3], vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0])?;
//! let mut bytes = Vec::new();
//! encode(&array, ArrayFormat::Npy, &mut bytes)?;
//!
//! let back = decode(bytes.into())?;
//! assert_eq!(back.to_string(), "<f4 (2, 3)>");
//! assert_eq!(back.cow::<f32>()?[[1, 2]], 6.0);
//! # Ok::<(), atdata_core::Error>(())
//! ```

mod buffer;
mod byte_order;
mod codec;
mod compact;
mod convert;
mod dtype;
mod dtype_text;
mod element;
mod exact;
mod known;
mod layout;
mod literal;
mod memory;
mod nd;
mod npy;
mod npy_text;
mod preview;
mod shape;
mod stack;
mod structured;
mod text;
mod time_unit;
mod typed;

pub(crate) use buffer::Buffer;
pub use byte_order::ByteOrder;
pub(crate) use codec::encoded;
pub use codec::{ArrayFormat, decode, encode};
pub use dtype::{DType, DTypeKind};
pub use element::Element;
pub(crate) use exact::{float_of, int_of};
pub(crate) use known::KnownHeaders;
pub use memory::BatchMemory;
pub use nd::{NdArray, Order};
pub use npy::NpyHeader;
pub use stack::{stack, stack_in};
pub use structured::{Field, Structured};
pub use text::NAT;
pub use time_unit::{TimeBase, TimeUnit};
pub use typed::TypedArray;
