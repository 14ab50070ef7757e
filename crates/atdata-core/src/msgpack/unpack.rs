//! Reading MessagePack.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::array::{self, KnownHeaders, NdArray};
use crate::schema::SampleSchema;
use crate::{Error, Map, Result, Value};

use super::MAX_DEPTH;

/// What to do where a payload's fields are not exactly those of the type.
///
/// ```
/// use atdata_core::msgpack::UnpackPolicy;
///
/// assert_eq!(UnpackPolicy::default(), UnpackPolicy::Strict);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnpackPolicy {
    /// As Python: every field without a default must be present (an optional one may be `nil`, not missing), and
    /// an unknown field is an error.
    #[default]
    Strict,
    /// For data of another version of the type: unknown fields are ignored, a missing optional field is `None`, a
    /// missing field with a default takes it.
    Lenient,
}

/// How a payload is turned into a sample.
///
/// ```
/// use atdata_core::msgpack::{UnpackOptions, UnpackPolicy};
///
/// let options = UnpackOptions::default().with_policy(UnpackPolicy::Lenient);
/// assert!(options.schema.is_none());
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct UnpackOptions {
    /// What to do where the fields differ.
    pub policy: UnpackPolicy,
    /// The schema of the data, where it is known: it says which bytes of a
    /// [`DictSample`](crate::DictSample) are arrays.
    pub schema: Option<Arc<SampleSchema>>,
    /// The fields of a [`DictSample`](crate::DictSample) that are decoded; the others are skipped. `None` for all.
    pub fields: Option<Arc<[String]>>,
    /// What is known of the arrays of the dataset.
    pub(crate) headers: Option<Arc<KnownHeaders>>,
}

impl UnpackOptions {
    /// Sets the policy.
    #[must_use]
    pub fn with_policy(mut self, policy: UnpackPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the schema of the data.
    #[must_use]
    pub fn with_schema(mut self, schema: Arc<SampleSchema>) -> Self {
        self.schema = Some(schema);
        self
    }

    /// Sets the fields that are decoded.
    #[must_use]
    pub fn with_fields(mut self, fields: impl Into<Arc<[String]>>) -> Self {
        self.fields = Some(fields.into());
        self
    }
}

/// The type of the next value of an [`Unpacker`].
///
/// ```
/// use atdata_core::msgpack::{Kind, Unpacker};
///
/// let payload = bytes::Bytes::from_static(b"\x93\x01\x02\x03");
/// assert_eq!(Unpacker::new(&payload).peek()?, Kind::List);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `nil`.
    Nil,
    /// A boolean.
    Bool,
    /// An integer.
    Int,
    /// A float of 32 or 64 bits.
    Float,
    /// Text.
    Str,
    /// Bytes.
    Bin,
    /// A list.
    List,
    /// A map.
    Map,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Nil => "nil",
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Float => "float",
            Kind::Str => "str",
            Kind::Bin => "bytes",
            Kind::List => "list",
            Kind::Map => "map",
        }
    }
}

/// The type that each marker begins.
static KINDS: [Option<Kind>; 256] = kinds();

#[allow(clippy::indexing_slicing, reason = "run by the compiler, which checks it")]
const fn kinds() -> [Option<Kind>; 256] {
    let mut kinds = [None; 256];
    let mut marker = 0;
    while marker < 256 {
        kinds[marker] = match marker {
            0xc0 => Some(Kind::Nil),
            0xc2 | 0xc3 => Some(Kind::Bool),
            0x00..=0x7f | 0xe0..=0xff | 0xcc..=0xd3 => Some(Kind::Int),
            0xca | 0xcb => Some(Kind::Float),
            0xa0..=0xbf | 0xd9..=0xdb => Some(Kind::Str),
            0xc4..=0xc6 => Some(Kind::Bin),
            0x90..=0x9f | 0xdc | 0xdd => Some(Kind::List),
            0x80..=0x8f | 0xde | 0xdf => Some(Kind::Map),
            _ => None,
        };
        marker += 1;
    }
    kinds
}

/// Reads MessagePack from a payload, value by value.
///
/// Text is borrowed from the payload, bytes come out as slices of it. All errors name the byte they happened at.
///
/// ```
/// use atdata_core::msgpack::Unpacker;
///
/// let payload = bytes::Bytes::from_static(b"\x81\xa1k\xc4\x02\x01\x02");
/// let mut unpacker = Unpacker::new(&payload);
/// assert_eq!(unpacker.map()?, 1);
/// assert_eq!(unpacker.str()?, "k");
/// assert_eq!(unpacker.bin()?, [1u8, 2][..]);
/// unpacker.finish()?;
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Unpacker<'a> {
    data: &'a Bytes,
    at: usize,
    depth: usize,
    options: &'a UnpackOptions,
}

static DEFAULT_OPTIONS: UnpackOptions =
    UnpackOptions { policy: UnpackPolicy::Strict, schema: None, fields: None, headers: None };

impl<'a> Unpacker<'a> {
    /// Reads `payload` from its start, strictly and without a schema.
    pub fn new(payload: &'a Bytes) -> Self {
        Self::with_options(payload, &DEFAULT_OPTIONS)
    }

    /// Reads `payload` from its start.
    pub fn with_options(payload: &'a Bytes, options: &'a UnpackOptions) -> Self {
        Self { data: payload, at: 0, depth: 0, options }
    }

    /// The options it was made with.
    pub fn options(&self) -> &'a UnpackOptions {
        self.options
    }

    /// The position in the payload, in bytes.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Checks that the payload is used up.
    ///
    /// # Errors
    /// Bytes are left.
    pub fn finish(self) -> Result<()> {
        match self.data.len() - self.at {
            0 => Ok(()),
            left => Err(self.corrupt(format!("{left} bytes follow the msgpack value"))),
        }
    }

    /// The type of the next value.
    ///
    /// # Errors
    /// The payload ends here, or the next value is of an extension type.
    #[inline]
    pub fn peek(&self) -> Result<Kind> {
        let marker = *self.data.get(self.at).ok_or_else(|| self.cut())?;
        match KINDS.get(usize::from(marker)) {
            Some(Some(kind)) => Ok(*kind),
            _ => Err(self.no_kind(marker)),
        }
    }

    #[cold]
    fn no_kind(&self, marker: u8) -> Error {
        match marker {
            0xc1 => self.corrupt("0xc1 is no msgpack marker"),
            _ => {
                Error::unsupported("msgpack extension types are not part of the format").with("byte", self.at)
            }
        }
    }

    /// Reads a `nil` if the next value is one, and says whether it was.
    ///
    /// # Errors
    /// As [`Unpacker::peek`].
    #[inline]
    pub fn nil(&mut self) -> Result<bool> {
        let is_nil = self.peek()? == Kind::Nil;
        if is_nil {
            self.at += 1;
        }
        Ok(is_nil)
    }

    /// Reads a boolean.
    ///
    /// # Errors
    /// The next value is not one.
    #[inline]
    pub fn bool(&mut self) -> Result<bool> {
        self.expect_kind(Kind::Bool)?;
        Ok(self.byte()? == 0xc3)
    }

    /// Reads an integer; `i128` holds every one that msgpack can express.
    ///
    /// # Errors
    /// The next value is not one.
    #[inline]
    pub fn int(&mut self) -> Result<i128> {
        self.expect_kind(Kind::Int)?;
        Ok(match self.byte()? {
            0xcc => u8::from_be_bytes(self.bytes()?).into(),
            0xcd => u16::from_be_bytes(self.bytes()?).into(),
            0xce => u32::from_be_bytes(self.bytes()?).into(),
            0xcf => u64::from_be_bytes(self.bytes()?).into(),
            0xd0 => i8::from_be_bytes(self.bytes()?).into(),
            0xd1 => i16::from_be_bytes(self.bytes()?).into(),
            0xd2 => i32::from_be_bytes(self.bytes()?).into(),
            0xd3 => i64::from_be_bytes(self.bytes()?).into(),
            fixint => i8::from_be_bytes([fixint]).into(),
        })
    }

    /// Reads an integer of a certain width.
    ///
    /// # Errors
    /// The next value is no integer, or does not fit.
    pub fn int_as<T: TryFrom<i128>>(&mut self) -> Result<T> {
        let at = self.at;
        let value = self.int()?;
        T::try_from(value).map_err(|_| {
            Error::invalid(format!("{value} does not fit {}", std::any::type_name::<T>())).with("byte", at)
        })
    }

    /// Reads a float; an integer is taken as one too, because writers drop the fraction of `1.0` in many languages.
    ///
    /// # Errors
    /// The next value is no number.
    #[allow(clippy::cast_precision_loss)]
    #[inline]
    pub fn float(&mut self) -> Result<f64> {
        if self.peek()? == Kind::Int {
            return Ok(self.int()? as f64);
        }
        self.expect_kind(Kind::Float)?;
        Ok(match self.byte()? {
            0xca => f32::from_be_bytes(self.bytes()?).into(),
            _ => f64::from_be_bytes(self.bytes()?),
        })
    }

    /// Reads text.
    ///
    /// # Errors
    /// The next value is no text, is cut, or is not UTF-8.
    #[inline]
    pub fn str(&mut self) -> Result<&'a str> {
        let at = self.at;
        // Names of fields are short, and there is one for each value.
        if let Some(&marker @ 0xa0..=0xbf) = self.data.get(at)
            && let Some(bytes) = self.data.get(at + 1..at + 1 + usize::from(marker & 0x1f))
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            self.at += 1 + bytes.len();
            return Ok(text);
        }
        self.expect_kind(Kind::Str)?;
        let len = match self.byte()? {
            fix @ 0xa0..=0xbf => usize::from(fix & 0x1f),
            marker => self.length(marker - 0xd9)?,
        };
        let range = self.advance(len)?;
        let bytes = self.data.get(range).unwrap_or_default();
        std::str::from_utf8(bytes)
            .map_err(|error| Error::corrupt("text is not UTF-8").with("byte", at).with_source(error))
    }

    /// Reads text if it is this one, of at most 31 bytes in the shortest form, and says whether it was.
    #[inline]
    pub fn take_str(&mut self, expected: &str) -> bool {
        let text = match self.data.get(self.at..) {
            Some([marker @ 0xa0..=0xbf, text @ ..]) if usize::from(marker & 0x1f) == expected.len() => text,
            _ => return false,
        };
        let found = text.starts_with(expected.as_bytes());
        self.at += if found { 1 + expected.len() } else { 0 };
        found
    }

    /// Reads bytes, as a slice of the payload.
    ///
    /// # Errors
    /// The next value is not bytes, or is cut.
    #[inline]
    pub fn bin(&mut self) -> Result<Bytes> {
        self.expect_kind(Kind::Bin)?;
        let marker = self.byte()?;
        let len = self.length(marker - 0xc4)?;
        let range = self.advance(len)?;
        Ok(self.data.slice(range))
    }

    /// Reads bytes that are an array: see [`array::decode`]. Its elements are a slice of the payload.
    ///
    /// # Errors
    /// As [`Unpacker::bin`] and [`array::decode`].
    pub fn ndarray(&mut self) -> Result<NdArray> {
        let bytes = self.bin()?;
        match &self.options.headers {
            Some(headers) => headers.decode(bytes),
            None => array::decode(bytes),
        }
    }

    /// Reads the head of a list: the number of items that follow. It never exceeds the bytes that are left.
    ///
    /// # Errors
    /// The next value is no list, or says that it has more items than there are bytes.
    pub fn list(&mut self) -> Result<usize> {
        self.expect_kind(Kind::List)?;
        let len = match self.byte()? {
            fix @ 0x90..=0x9f => usize::from(fix & 0x0f),
            0xdc => self.length(1)?,
            _ => self.length(2)?,
        };
        self.plausible(len, 1)
    }

    /// Reads the head of a map: the number of pairs that follow. It never exceeds half the bytes that are left.
    ///
    /// # Errors
    /// The next value is no map, or says that it has more pairs than there are bytes.
    #[inline]
    pub fn map(&mut self) -> Result<usize> {
        self.expect_kind(Kind::Map)?;
        let len = match self.byte()? {
            fix @ 0x80..=0x8f => usize::from(fix & 0x0f),
            0xde => self.length(1)?,
            _ => self.length(2)?,
        };
        self.plausible(len, 2)
    }

    /// Goes one level of nesting deeper; every caller that recurses into a list or map does so through this.
    ///
    /// # Errors
    /// Nesting exceeds [`MAX_DEPTH`], or what `read` fails with.
    #[inline]
    pub fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == MAX_DEPTH {
            return Err(self.corrupt(format!("the value is nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Reads any value.
    ///
    /// # Errors
    /// The payload is no valid MessagePack, has a map key that is no text, or nests too deep.
    pub fn value(&mut self) -> Result<Value> {
        Ok(match self.peek()? {
            Kind::Nil => {
                self.at += 1;
                Value::Nil
            }
            Kind::Bool => Value::Bool(self.bool()?),
            Kind::Int => {
                let value = self.int()?;
                match i64::try_from(value) {
                    Ok(v) => Value::Int(v),
                    // `int` yields at most u64::MAX.
                    Err(_) => Value::UInt(u64::try_from(value).unwrap_or(u64::MAX)),
                }
            }
            Kind::Float => Value::Float(self.float()?),
            Kind::Str => Value::Str(self.str()?.to_owned()),
            Kind::Bin => Value::Bytes(self.bin()?),
            Kind::List => {
                let len = self.list()?;
                self.nested(|this| {
                    // A `Value` is far larger than the byte that announces it: growing keeps memory in proportion.
                    let mut items = Vec::with_capacity(len.min(1024));
                    for _ in 0..len {
                        items.push(this.value()?);
                    }
                    Ok(Value::List(items))
                })?
            }
            Kind::Map => Value::Map(self.fields()?),
        })
    }

    /// Reads a whole map. Of a repeated key the last value counts, as in Python.
    ///
    /// # Errors
    /// As [`Unpacker::value`].
    pub fn fields(&mut self) -> Result<Map> {
        self.fields_where(|_| true)
    }

    /// Reads a whole map, but only the values whose keys are wanted; the others are skipped.
    ///
    /// # Errors
    /// As [`Unpacker::value`].
    pub fn fields_where(&mut self, wanted: impl Fn(&str) -> bool) -> Result<Map> {
        let len = self.map()?;
        self.nested(|this| {
            let mut pairs: Vec<(String, Value)> = Vec::with_capacity(len.min(1024));
            let mut places: HashMap<&'a str, usize> = HashMap::new();
            for _ in 0..len {
                let key = this.str()?;
                if !wanted(key) {
                    this.skip()?;
                    continue;
                }
                let value = this.value()?;
                // Small maps are searched; large ones need the table, or a hostile one would take quadratic time.
                let known = if len <= 16 {
                    pairs.iter().position(|(k, _)| k == key)
                } else {
                    let next = pairs.len();
                    let place = *places.entry(key).or_insert(next);
                    (place != next).then_some(place)
                };
                match known.and_then(|place| pairs.get_mut(place)) {
                    Some(pair) => pair.1 = value,
                    None => pairs.push((key.to_owned(), value)),
                }
            }
            Ok(Map::from_unique(pairs))
        })
    }

    /// Passes over the next value without building it.
    ///
    /// # Errors
    /// The payload is no valid MessagePack.
    pub fn skip(&mut self) -> Result<()> {
        // A flat count of outstanding values instead of recursion: nesting costs nothing here.
        let mut left: usize = 1;
        while left > 0 {
            left -= 1;
            match self.peek()? {
                Kind::Nil | Kind::Bool => self.at += 1,
                Kind::Int => drop(self.int()?),
                Kind::Float => drop(self.float()?),
                Kind::Str => drop(self.str()?),
                Kind::Bin => drop(self.bin()?),
                Kind::List => left = left.saturating_add(self.list()?),
                Kind::Map => left = left.saturating_add(self.map()?.saturating_mul(2)),
            }
        }
        Ok(())
    }

    #[inline]
    fn expect_kind(&self, expected: Kind) -> Result<()> {
        let found = self.peek()?;
        if found == expected { Ok(()) } else { Err(self.other_kind(expected, found)) }
    }

    #[cold]
    fn other_kind(&self, expected: Kind, found: Kind) -> Error {
        Error::invalid(format!("expected {}, found {}", expected.name(), found.name())).with("byte", self.at)
    }

    #[cold]
    fn corrupt(&self, message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
        Error::corrupt(message).with("byte", self.at)
    }

    #[cold]
    fn cut(&self) -> Error {
        self.corrupt("the msgpack payload is cut short")
    }

    #[inline]
    fn byte(&mut self) -> Result<u8> {
        let byte = *self.data.get(self.at).ok_or_else(|| self.cut())?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let range = self.advance(N)?;
        self.data.get(range).and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| self.cut())
    }

    /// A big-endian length of `1 << log2` bytes.
    #[inline]
    fn length(&mut self, log2: u8) -> Result<usize> {
        Ok(match log2 {
            0 => u8::from_be_bytes(self.bytes()?).into(),
            1 => u16::from_be_bytes(self.bytes()?).into(),
            _ => {
                let len = u32::from_be_bytes(self.bytes()?);
                usize::try_from(len).map_err(|_| self.cut())?
            }
        })
    }

    #[inline]
    fn advance(&mut self, len: usize) -> Result<std::ops::Range<usize>> {
        if len > self.data.len() - self.at {
            return Err(self.cut());
        }
        let start = self.at;
        self.at += len;
        Ok(start..self.at)
    }

    /// A count of things that take at least `each` bytes; refused before anything is allocated for them.
    fn plausible(&self, len: usize, each: usize) -> Result<usize> {
        if len.saturating_mul(each) > self.data.len() - self.at { Err(self.cut()) } else { Ok(len) }
    }
}
