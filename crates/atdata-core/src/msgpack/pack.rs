//! Writing MessagePack.

use crate::array::{self, ArrayFormat, NdArray};
use crate::{Error, Map, Result, Value};

use super::MAX_DEPTH;

/// Appends MessagePack to a buffer, in the forms that Python's `msgpack` writes.
///
/// ```
/// use atdata_core::msgpack::Packer;
///
/// let mut out = Vec::new();
/// let mut packer = Packer::new(&mut out);
/// packer.map(1)?;
/// packer.str("label")?;
/// packer.int(7);
/// assert_eq!(out, b"\x81\xa5label\x07");
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Packer<'a> {
    out: &'a mut Vec<u8>,
    array_format: ArrayFormat,
    depth: usize,
}

impl<'a> Packer<'a> {
    /// Writes to the end of `out`; arrays are written as `.npy`, which both Python generations read.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, array_format: ArrayFormat::Npy, depth: 0 }
    }

    /// Sets the form in which arrays are written.
    #[must_use]
    pub fn with_array_format(mut self, format: ArrayFormat) -> Self {
        self.array_format = format;
        self
    }

    /// Writes `nil`.
    pub fn nil(&mut self) {
        self.out.push(0xc0);
    }

    /// Writes a boolean.
    pub fn bool(&mut self, value: bool) {
        self.out.push(if value { 0xc3 } else { 0xc2 });
    }

    /// Writes an integer in its shortest form.
    pub fn int(&mut self, value: i64) {
        if let Ok(unsigned) = u64::try_from(value) {
            self.uint(unsigned);
        } else if value >= -32 {
            self.out.push(value.to_le_bytes()[0]);
        } else if let Ok(v) = i8::try_from(value) {
            self.marked(0xd0, &v.to_be_bytes());
        } else if let Ok(v) = i16::try_from(value) {
            self.marked(0xd1, &v.to_be_bytes());
        } else if let Ok(v) = i32::try_from(value) {
            self.marked(0xd2, &v.to_be_bytes());
        } else {
            self.marked(0xd3, &value.to_be_bytes());
        }
    }

    /// Writes an unsigned integer in its shortest form.
    pub fn uint(&mut self, value: u64) {
        if let Ok(v) = u8::try_from(value) {
            if v < 0x80 {
                self.out.push(v);
            } else {
                self.marked(0xcc, &[v]);
            }
        } else if let Ok(v) = u16::try_from(value) {
            self.marked(0xcd, &v.to_be_bytes());
        } else if let Ok(v) = u32::try_from(value) {
            self.marked(0xce, &v.to_be_bytes());
        } else {
            self.marked(0xcf, &value.to_be_bytes());
        }
    }

    /// Writes a 64-bit float.
    pub fn float(&mut self, value: f64) {
        self.marked(0xcb, &value.to_be_bytes());
    }

    /// Writes text.
    ///
    /// # Errors
    /// Text of 4 GiB and more.
    pub fn str(&mut self, value: &str) -> Result<()> {
        if value.len() < 32 {
            self.out.push(0xa0 | value.len().to_le_bytes()[0]);
        } else {
            self.length(value.len(), Some(0xd9), 0xda, 0xdb)?;
        }
        self.out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    /// Writes bytes.
    ///
    /// # Errors
    /// 4 GiB and more.
    pub fn bin(&mut self, value: &[u8]) -> Result<()> {
        self.length(value.len(), Some(0xc4), 0xc5, 0xc6)?;
        self.out.extend_from_slice(value);
        Ok(())
    }

    /// Writes an array as bytes: see [`crate::array`].
    ///
    /// # Errors
    /// What [`array::encode`] refuses.
    pub fn ndarray(&mut self, value: &NdArray) -> Result<()> {
        let (head, data) = array::encoded(value, self.array_format)?;
        self.length(head.len().saturating_add(data.len()), Some(0xc4), 0xc5, 0xc6)?;
        self.out.reserve(head.len() + data.len());
        self.out.extend_from_slice(&head);
        self.out.extend_from_slice(&data);
        Ok(())
    }

    /// Writes the head of a list; its `len` items follow.
    ///
    /// # Errors
    /// 2³² items and more.
    pub fn list(&mut self, len: usize) -> Result<()> {
        if len < 16 {
            self.out.push(0x90 | len.to_le_bytes()[0]);
            Ok(())
        } else {
            self.length(len, None, 0xdc, 0xdd)
        }
    }

    /// Writes the head of a map; its `len` pairs follow, each a text key and a value.
    ///
    /// # Errors
    /// 2³² pairs and more.
    pub fn map(&mut self, len: usize) -> Result<()> {
        if len < 16 {
            self.out.push(0x80 | len.to_le_bytes()[0]);
            Ok(())
        } else {
            self.length(len, None, 0xde, 0xdf)
        }
    }

    /// Writes any value.
    ///
    /// # Errors
    /// What the methods above refuse, and nesting beyond [`MAX_DEPTH`].
    pub fn value(&mut self, value: &Value) -> Result<()> {
        match value {
            Value::Nil => self.nil(),
            Value::Bool(v) => self.bool(*v),
            Value::Int(v) => self.int(*v),
            Value::UInt(v) => self.uint(*v),
            Value::Float(v) => self.float(*v),
            Value::Str(v) => self.str(v)?,
            Value::Bytes(v) => self.bin(v)?,
            Value::Array(v) => self.ndarray(v)?,
            Value::List(items) => {
                self.enter()?;
                self.list(items.len())?;
                for item in items {
                    self.value(item)?;
                }
                self.depth -= 1;
            }
            Value::Map(map) => {
                self.enter()?;
                self.fields(map)?;
                self.depth -= 1;
            }
        }
        Ok(())
    }

    /// Writes a whole map.
    ///
    /// # Errors
    /// As [`Packer::value`].
    pub fn fields(&mut self, map: &Map) -> Result<()> {
        self.map(map.len())?;
        for (key, value) in map.iter() {
            self.str(key)?;
            self.value(value)?;
        }
        Ok(())
    }

    fn enter(&mut self) -> Result<()> {
        if self.depth == MAX_DEPTH {
            return Err(Error::invalid(format!("the value is nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        Ok(())
    }

    fn marked(&mut self, marker: u8, bytes: &[u8]) {
        self.out.push(marker);
        self.out.extend_from_slice(bytes);
    }

    /// A length with the marker of the shortest form that holds it.
    fn length(&mut self, len: usize, m8: Option<u8>, m16: u8, m32: u8) -> Result<()> {
        if let (Some(marker), Ok(len)) = (m8, u8::try_from(len)) {
            self.marked(marker, &[len]);
        } else if let Ok(len) = u16::try_from(len) {
            self.marked(m16, &len.to_be_bytes());
        } else if let Ok(len) = u32::try_from(len) {
            self.marked(m32, &len.to_be_bytes());
        } else {
            return Err(Error::invalid(format!(
                "{len} bytes or items are too many for msgpack (limit 2^32 - 1)"
            )));
        }
        Ok(())
    }
}
