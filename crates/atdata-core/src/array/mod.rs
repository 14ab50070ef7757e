//! Arrays.

use bytes::Bytes;

/// An n-dimensional array of any dtype.
#[derive(Clone, Debug, PartialEq)]
pub struct NdArray {
    shape: Vec<usize>,
    data: Bytes,
}

impl std::fmt::Display for NdArray {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<array {:?} {}>", self.shape, self.data.len())
    }
}
