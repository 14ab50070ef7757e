//! Shapes: checked products and numpy's notation.

use std::fmt;

use smallvec::SmallVec;

use crate::{Error, Result};

/// The lengths of the dimensions. Arrays of more than four are rare, those of fewer come by the million.
pub(super) type Shape = SmallVec<[usize; 4]>;

/// The number of dimensions that numpy allows.
pub(super) const MAX_NDIM: usize = 64;

/// Checks a shape for elements of `itemsize` bytes and returns the number of bytes the elements take.
///
/// As in numpy, dimensions of zero do not excuse the others: their product must be addressable too, so that strides
/// can be computed without overflow.
///
/// # Errors
/// `Invalid` for too many dimensions or bytes; `Unsupported` for elements without bytes, whose number nothing bounds.
pub(super) fn checked_nbytes(shape: &[usize], itemsize: usize) -> Result<usize> {
    if shape.len() > MAX_NDIM {
        return Err(Error::invalid(format!(
            "an array has at most {MAX_NDIM} dimensions, not {}",
            shape.len()
        )));
    }
    let empty = shape.contains(&0);
    if itemsize == 0 && !empty {
        return Err(Error::unsupported("elements of zero bytes are not supported; give the dtype a length"));
    }
    let product =
        shape.iter().filter(|dim| **dim != 0).try_fold(itemsize.max(1), |n, dim| n.checked_mul(*dim));
    match product.filter(|n| isize::try_from(*n).is_ok()) {
        Some(_) if empty => Ok(0),
        Some(nbytes) => Ok(nbytes),
        None => Err(Error::invalid(format!("an array of shape {} is too big", Tuple(shape)))),
    }
}

/// Prints a shape as a Python tuple: `()`, `(3,)`, `(2, 3)`.
pub(super) struct Tuple<'a>(pub(super) &'a [usize]);

impl fmt::Display for Tuple<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (i, dim) in self.0.iter().enumerate() {
            write!(f, "{}{dim}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str(if self.0.len() == 1 { ",)" } else { ")" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn sizes_are_checked_for_overflow() {
        assert_eq!(checked_nbytes(&[], 8).unwrap(), 8);
        assert_eq!(checked_nbytes(&[2, 3], 4).unwrap(), 24);
        assert_eq!(checked_nbytes(&[0, 3], 4).unwrap(), 0);
        assert!(checked_nbytes(&[usize::MAX, 2], 1).is_err());
        assert!(checked_nbytes(&[1 << 62, 2], 1).is_err());
        assert!(checked_nbytes(&[0, 1 << 62], 8).is_err());
        assert!(checked_nbytes(&[usize::MAX, 0, 2], 1).is_err());
        assert!(checked_nbytes(&[], usize::MAX).is_err());
        assert!(checked_nbytes(&[1; 65], 1).is_err());
        assert_eq!(checked_nbytes(&[3], 0).unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(checked_nbytes(&[0], 0).unwrap(), 0);
    }

    #[test]
    fn shapes_print_as_python_tuples() {
        let text = [&[][..], &[3], &[2, 3]].map(|shape| Tuple(shape).to_string());
        assert_eq!(text, ["()", "(3,)", "(2, 3)"]);
    }
}
