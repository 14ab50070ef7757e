//! Reading the fields of a struct from a msgpack map under either policy.

use crate::msgpack::{UnpackPolicy, Unpacker};
use crate::{Error, Result, ResultExt};

use super::FieldValue;

/// Reads a struct's fields by name: the loop that `#[derive(Packable)]` writes. See [`Packable`](super::Packable)
/// for an example.
#[derive(Debug)]
pub struct FieldReader<'u, 'a> {
    owner: &'static str,
    unpacker: &'u mut Unpacker<'a>,
    left: usize,
}

impl<'u, 'a> FieldReader<'u, 'a> {
    /// Opens the map of the struct called `owner`.
    ///
    /// # Errors
    /// The next value is no map.
    pub fn new(owner: &'static str, unpacker: &'u mut Unpacker<'a>) -> Result<Self> {
        let left = unpacker.map().context("schema", owner)?;
        Ok(Self { owner, unpacker, left })
    }

    /// The next field's name; [`read`](Self::read) or [`unknown`](Self::unknown) takes its value.
    ///
    /// # Errors
    /// The key is no text.
    pub fn next_name(&mut self) -> Result<Option<&'a str>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.unpacker.str().context("schema", self.owner).map(Some)
    }

    /// Whether the next field is the one called `name`; then [`read`](Self::read) takes its value. Fields mostly come
    /// in the order of the struct, and then a comparison is all that their names cost.
    #[inline]
    pub fn next_is(&mut self, name: &str) -> bool {
        let is = self.left > 0 && self.unpacker.take_str(name);
        self.left -= usize::from(is);
        is
    }

    /// Reads the value of the field called `name`.
    ///
    /// # Errors
    /// The value is of the wrong type.
    #[inline]
    pub fn read<T: FieldValue>(&mut self, name: &'static str) -> Result<T> {
        // Fields may be large, and each step that looks at a result may move it.
        match self.unpacker.nested(T::unpack_value) {
            Err(error) => Err(error.with("field", name).with("schema", self.owner)),
            read => read,
        }
    }

    /// Deals with a field that the struct does not have: skipped if the policy is lenient.
    ///
    /// # Errors
    /// The policy is strict.
    pub fn unknown(&mut self, name: &str) -> Result<()> {
        match self.unpacker.options().policy {
            UnpackPolicy::Strict => Err(Error::invalid("the sample has a field that the type does not have")
                .with("field", name)
                .with("schema", self.owner)),
            UnpackPolicy::Lenient => self.unpacker.skip().context("field", name),
        }
    }

    /// The value of a field that must be there, or, under the lenient policy, what its type has for a missing one.
    ///
    /// # Errors
    /// The field is missing.
    #[inline]
    pub fn required<T: FieldValue>(&self, name: &'static str, value: Option<T>) -> Result<T> {
        match value {
            Some(value) => Ok(value),
            None => self.absent(T::absent(), name),
        }
    }

    /// The value of a field that has a default.
    pub fn defaulted<T>(&self, value: Option<T>, default: impl FnOnce() -> T) -> T {
        value.unwrap_or_else(default)
    }

    fn absent<T>(&self, fallback: Option<T>, name: &'static str) -> Result<T> {
        let fallback = match self.unpacker.options().policy {
            UnpackPolicy::Strict => None,
            UnpackPolicy::Lenient => fallback,
        };
        fallback.ok_or_else(|| {
            Error::invalid("the sample lacks a field that the type requires")
                .with("field", name)
                .with("schema", self.owner)
        })
    }
}
