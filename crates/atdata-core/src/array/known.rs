//! Headers of arrays that were parsed before.

use std::fmt;
use std::sync::OnceLock;

use bytes::{Buf, Bytes};

use super::dtype::DType;
use super::nd::{NdArray, Order};
use super::shape::Shape;
use super::{decode, npy};
use crate::Result;

/// How many headers are known at most.
const KNOWN: usize = 4;

/// Longer headers are parsed each time.
const LONGEST: usize = 1024;

/// The headers that the arrays of a dataset have, which mostly are one for each field: the first few are parsed once, and
/// compared then. What is known stays known, so that no lock is taken.
#[derive(Default)]
pub(crate) struct KnownHeaders([OnceLock<Known>; KNOWN]);

struct Known {
    /// What stands before the elements, and says all about them.
    head: Box<[u8]>,
    dtype: DType,
    shape: Shape,
    order: Order,
    nbytes: usize,
    /// Whether more bytes than that are damage.
    exact: bool,
}

impl KnownHeaders {
    /// As [`decode`].
    pub(crate) fn decode(&self, mut bytes: Bytes) -> Result<NdArray> {
        for known in self.0.iter().map_while(OnceLock::get) {
            let length = known.head.len() + known.nbytes;
            let fits = if known.exact { bytes.len() == length } else { bytes.len() >= length };
            if fits && bytes.starts_with(&known.head) {
                bytes.advance(known.head.len());
                bytes.truncate(known.nbytes);
                return Ok(NdArray::with_data(&known.dtype, &known.shape, known.order, bytes));
            }
        }
        let Some(free) = self.0.iter().find(|slot| slot.get().is_none()) else { return decode(bytes) };
        let array = decode(bytes.clone())?;
        if let Some(known) = Known::of(&bytes, &array) {
            // Another thread may have been faster; then it stays unknown for once.
            let _ = free.set(known);
        }
        Ok(array)
    }
}

impl Known {
    /// What an array tells that these bytes are.
    fn of(bytes: &Bytes, array: &NdArray) -> Option<Self> {
        if array.nbytes() == 0 {
            return None;
        }
        // The elements are a slice of the bytes.
        let head = array.data().as_ptr().addr().checked_sub(bytes.as_ptr().addr())?;
        let head = bytes.get(..head).filter(|head| head.len() <= LONGEST)?;
        Some(Self {
            head: head.into(),
            dtype: array.dtype().clone(),
            shape: array.shape().into(),
            order: array.order(),
            nbytes: array.nbytes(),
            exact: !head.starts_with(npy::MAGIC),
        })
    }
}

impl fmt::Debug for KnownHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownHeaders({})", self.0.iter().map_while(OnceLock::get).count())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::array::{ArrayFormat, encode};

    fn stream(format: ArrayFormat, shape: &[usize], order: Order) -> Vec<u8> {
        let elements: Vec<i16> = (0..shape.iter().product::<usize>()).map(|n| n as i16).collect();
        let array = NdArray::from_vec(shape, elements).unwrap();
        let array = NdArray::from_bytes(array.dtype().clone(), shape, order, array.data().clone()).unwrap();
        let mut stream = Vec::new();
        encode(&array, format, &mut stream).unwrap();
        stream
    }

    #[test]
    fn headers_are_learned_until_there_are_enough() {
        let known = KnownHeaders::default();
        for length in 1..8 {
            for _ in 0..3 {
                let bytes = stream(ArrayFormat::Npy, &[length], Order::C);
                assert_eq!(known.decode(bytes.clone().into()).unwrap(), decode(bytes.into()).unwrap());
            }
        }
        assert_eq!(format!("{known:?}"), "KnownHeaders(4)");
    }

    proptest! {
        #[test]
        fn what_is_known_changes_nothing(
            arrays in prop::collection::vec((any::<bool>(), prop::collection::vec(0usize..4, 0..4), any::<bool>()), 1..20),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), -3isize..4), 0..20),
        ) {
            let known = KnownHeaders::default();
            let damage = damage.into_iter().map(Some).chain(std::iter::repeat(None));
            for ((npy, shape, fortran), damage) in arrays.into_iter().zip(damage) {
                let format = if npy { ArrayFormat::Npy } else { ArrayFormat::Compact };
                let order = if fortran { Order::Fortran } else { Order::C };
                let whole = stream(format, &shape, order);
                let mut bytes = whole.clone();
                if let Some((at, byte, longer)) = damage {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                    bytes.resize(bytes.len().saturating_add_signed(longer), 7);
                }
                for bytes in [whole, bytes] {
                    let (expected, found) = (decode(bytes.clone().into()), known.decode(bytes.into()));
                    match (expected, found) {
                        (Ok(expected), Ok(found)) => {
                            prop_assert_eq!((expected.order(), expected.shape()), (found.order(), found.shape()));
                            prop_assert_eq!(expected, found);
                        }
                        (Err(expected), Err(found)) => prop_assert_eq!(expected.to_string(), found.to_string()),
                        (expected, found) => prop_assert!(false, "{expected:?} and {found:?}"),
                    }
                }
            }
        }
    }
}
