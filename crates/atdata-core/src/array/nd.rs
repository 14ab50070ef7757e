//! The array itself: what it holds, how it is made, and what it says about itself.

use std::fmt;

use bytes::Bytes;

use super::buffer::Buffer;
use super::byte_order::ByteOrder;
use super::dtype::{DType, DTypeKind};
use super::element::Element;
use super::shape::{Shape, Tuple, checked_nbytes};
use crate::{Error, Result, ResultExt};

/// How an array's elements follow each other.
///
/// ```
/// use atdata_core::array::{NdArray, Order};
/// use bytes::Bytes;
///
/// let columns = NdArray::from_bytes("|u1".parse()?, &[2, 2], Order::Fortran, Bytes::from_static(&[1, 3, 2, 4]))?;
/// assert_eq!(columns.to_c_order().data(), &[1, 2, 3, 4][..]);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// The last index changes fastest: rows.
    #[default]
    C,
    /// The first index changes fastest: columns.
    Fortran,
}

/// An n-dimensional array of any dtype: dtype, shape, order and the elements' bytes.
///
/// Cloning is cheap, for the bytes are shared. The bytes lie at any address, so elements wider than a byte may be
/// unaligned; see the [module](super) for the three ways to get at them.
///
/// Two arrays are equal if they have the same shape, dtype and elements, whatever their byte and element order. Elements
/// compare by their bits: a NaN equals itself, and zero does not equal minus zero. The padding of records counts.
///
/// ```
/// use atdata_core::array::NdArray;
///
/// let array = NdArray::from_vec(&[2, 2], vec![1i64, 2, 3, 4])?;
/// assert_eq!((array.shape(), array.len(), array.nbytes()), (&[2, 2][..], 4, 32));
/// assert_eq!(array.view::<i64>()?[[1, 0]], 3);
/// assert!(array.view::<f64>().is_err());
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone)]
pub struct NdArray {
    dtype: DType,
    shape: Shape,
    order: Order,
    data: Bytes,
}

impl NdArray {
    /// An array of stored bytes, which are not copied.
    ///
    /// # Errors
    /// `Invalid` if the bytes are not exactly as many as dtype and shape say, or the shape has more than 64 dimensions or
    /// cannot be addressed; `Unsupported` for elements of zero bytes.
    pub fn from_bytes(dtype: DType, shape: &[usize], order: Order, data: Bytes) -> Result<Self> {
        let nbytes = checked_nbytes(shape, dtype.itemsize())?;
        if nbytes != data.len() {
            return Err(Error::invalid(format!(
                "an array of {dtype} and shape {} has {nbytes} bytes, not {}",
                Tuple(shape),
                data.len()
            )));
        }
        Ok(Self::from_checked(dtype, shape.into(), order, data))
    }

    /// An array of elements in C order. The vector becomes the array's memory.
    ///
    /// # Errors
    /// `Invalid` if the shape does not hold exactly that many elements.
    pub fn from_vec<T: Element>(shape: &[usize], elements: Vec<T>) -> Result<Self> {
        Self::from_bytes(T::dtype(), shape, Order::C, into_bytes(elements))
    }

    /// An array without dimensions, which holds one element.
    pub fn scalar<T: Element>(element: T) -> Self {
        Self::from_elements(Shape::new(), Order::C, vec![element])
    }

    /// An array of zero bytes: zeros, `false`, empty text, 1970.
    ///
    /// # Errors
    /// `Invalid` if the shape cannot be addressed; `Unsupported` if memory does not suffice.
    pub fn zeros(dtype: DType, shape: &[usize]) -> Result<Self> {
        let nbytes = checked_nbytes(shape, dtype.itemsize())?;
        Ok(Self::from_checked(dtype, shape.into(), Order::C, Buffer::try_zeroed(nbytes)?.freeze()))
    }

    /// An array of texts in C order, dtype `U` of the longest one.
    ///
    /// A fixed-width array cannot keep NUL characters at the end of a text.
    ///
    /// # Errors
    /// `Invalid` if the shape does not hold exactly that many texts, or a text ends in a NUL.
    pub fn from_strings<S: AsRef<str>>(shape: &[usize], texts: &[S]) -> Result<Self> {
        // numpy gives an array of empty texts the width 1 too.
        let width = texts.iter().map(|text| text.as_ref().chars().count()).max().unwrap_or(0).max(1);
        let mut data = Buffer::try_zeroed(width.saturating_mul(4).saturating_mul(texts.len()))?;
        for (item, text) in data.as_mut().chunks_exact_mut(width * 4).zip(texts) {
            if text.as_ref().ends_with('\0') {
                return Err(Error::invalid("a text that ends in NUL cannot be stored at a fixed width"));
            }
            for (word, c) in item.chunks_exact_mut(4).zip(text.as_ref().chars()) {
                word.copy_from_slice(&u32::from(c).to_ne_bytes());
            }
        }
        Self::from_bytes(DType::native(DTypeKind::Str(width)), shape, Order::C, data.freeze())
    }

    /// An array of elements of which the caller knows that they fit the shape.
    pub(super) fn from_elements<T: Element>(shape: Shape, order: Order, elements: Vec<T>) -> Self {
        Self::from_checked(T::dtype(), shape, order, into_bytes(elements))
    }

    /// An array of which the caller knows that shape and bytes fit.
    pub(super) fn from_checked(dtype: DType, shape: Shape, order: Order, data: Bytes) -> Self {
        // Where both orders are the same the array counts as C, as it does in numpy.
        let both = shape.contains(&0) || shape.iter().filter(|dim| **dim != 1).count() < 2;
        Self { dtype, shape, order: if both { Order::C } else { order }, data }
    }

    /// An array like another one, with elements of its own: as many.
    pub(super) fn with_data(dtype: &DType, shape: &[usize], order: Order, data: Bytes) -> Self {
        Self { dtype: dtype.clone(), shape: Shape::from_slice(shape), order, data }
    }

    /// The dtype.
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// The lengths of the dimensions, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of dimensions.
    pub fn ndim(&self) -> usize {
        self.shape.len()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.data.len().checked_div(self.dtype.itemsize()).unwrap_or(0)
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// How the elements follow each other. Arrays that are the same in both orders say [`Order::C`].
    pub fn order(&self) -> Order {
        self.order
    }

    /// The elements' bytes, as they are stored.
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// The elements' bytes, as they are stored, without the rest.
    pub fn into_data(self) -> Bytes {
        self.data
    }

    /// The number of bytes the elements take.
    pub fn nbytes(&self) -> usize {
        self.data.len()
    }

    /// The same bytes with another meaning, like numpy's `view` of a dtype of the same size: ticks of a datetime as `i8`,
    /// say.
    ///
    /// # Errors
    /// `Invalid` if the element sizes differ.
    pub fn reinterpret(&self, dtype: DType) -> Result<Self> {
        if dtype.itemsize() != self.dtype.itemsize() {
            return Err(Error::invalid(format!(
                "{} cannot be taken as {dtype}: the elements have {} and {} bytes",
                self.dtype,
                self.dtype.itemsize(),
                dtype.itemsize()
            )));
        }
        Ok(Self { dtype, ..self.clone() })
    }

    /// The same elements in another shape. Copies only if the elements are in Fortran order.
    ///
    /// # Errors
    /// `Invalid` if the shape does not hold exactly as many elements.
    pub fn reshape(&self, shape: &[usize]) -> Result<Self> {
        Self::from_bytes(self.dtype.clone(), shape, Order::C, self.to_c_order().data)
    }

    /// One field of an array of records, as an array of its own: the record array's shape followed by that of the
    /// field. Copies.
    ///
    /// # Errors
    /// `Invalid` if the array does not hold records; `NotFound` if they have no such field; `Unsupported` if the field's
    /// elements have no bytes.
    pub fn field(&self, name: &str) -> Result<Self> {
        let Some(record) = self.dtype.as_structured() else {
            return Err(Error::invalid(format!("{self} has no fields")).with("field", name));
        };
        let field =
            record.field(name).ok_or_else(|| Error::not_found("no such field").with("field", name))?;
        let shape: Shape = self.shape.iter().chain(field.shape()).copied().collect();
        let nbytes = checked_nbytes(&shape, field.dtype().itemsize()).context("field", name)?;
        let mut data = Buffer::zeroed(nbytes);
        let range = field.range();
        if nbytes > 0 {
            let items = self.to_c_order().data;
            let targets = data.as_mut().chunks_exact_mut(range.len());
            for (item, target) in items.chunks_exact(record.itemsize()).zip(targets) {
                target.copy_from_slice(item.get(range.clone()).unwrap_or_default());
            }
        }
        Ok(Self::from_checked(field.dtype().clone(), shape, Order::C, data.freeze()))
    }
}

fn into_bytes<T: Element>(elements: Vec<T>) -> Bytes {
    struct Owner<T>(Vec<T>);
    impl<T: Element> AsRef<[u8]> for Owner<T> {
        fn as_ref(&self) -> &[u8] {
            T::bytes(&self.0)
        }
    }
    // `bf16` has no byte order in its dtype and is little-endian by definition.
    let declared = T::stored_order(&T::dtype()).unwrap_or(ByteOrder::NATIVE);
    if declared.is_native() {
        Bytes::from_owner(Owner(elements))
    } else {
        Bytes::from_owner(Owner(T::copy(T::bytes(&elements), declared)))
    }
}

/// A summary, such as `<f4 (3, 4)>`; big-endian dtypes say so.
impl fmt::Display for NdArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<")?;
        match self.dtype.as_structured() {
            Some(record) => {
                f.write_str("record of ")?;
                for (i, field) in record.fields().iter().enumerate() {
                    write!(f, "{}{}", if i == 0 { "" } else { ", " }, field.name())?;
                }
            }
            None => f.write_str(&self.dtype.code())?,
        }
        if self.dtype.byte_order() == ByteOrder::Big {
            f.write_str(" big-endian")?;
        }
        write!(f, " {}>", Tuple(&self.shape))
    }
}

/// The summary, order, and the first values.
impl fmt::Debug for NdArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NdArray({self}, {:?}, {})", self.order, self.preview(8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn byte_lengths_must_fit_exactly() {
        let make = |shape: &[usize], len| {
            NdArray::from_bytes("<f4".parse().unwrap(), shape, Order::C, Bytes::from(vec![0; len]))
        };
        assert!(make(&[2, 3], 24).is_ok());
        assert!(make(&[], 4).is_ok());
        assert!(make(&[0, 9], 0).is_ok());
        for (shape, len) in
            [(&[2, 3][..], 23), (&[2, 3], 28), (&[0], 4), (&[usize::MAX], 4), (&[1 << 62, 4], 0)]
        {
            assert_eq!(make(shape, len).unwrap_err().kind(), ErrorKind::Invalid, "{shape:?} {len}");
        }
    }

    #[test]
    fn arrays_that_are_the_same_in_both_orders_are_c() {
        let order = |shape: &[usize]| {
            let len = shape.iter().product();
            NdArray::from_bytes("u1".parse().unwrap(), shape, Order::Fortran, vec![0; len].into())
                .unwrap()
                .order()
        };
        assert_eq!([&[][..], &[3], &[1, 3], &[3, 1, 1], &[0, 2, 3]].map(order), [Order::C; 5]);
        assert_eq!([&[2, 3][..], &[2, 1, 3]].map(order), [Order::Fortran; 2]);
    }

    #[test]
    fn a_vector_is_not_copied() {
        let elements = vec![1.5f64, 2.5];
        let address = elements.as_ptr().cast();
        assert_eq!(NdArray::from_vec(&[2], elements).unwrap().data().as_ptr(), address);
    }

    #[test]
    fn fields_of_records_come_out_as_arrays() {
        let dtype = "[('a', '|u1'), ('', '|V1'), ('b', '>i2', (2,)), ('e', '<f8', (0,))]".parse().unwrap();
        let data = Bytes::from_static(&[1, 99, 0, 2, 0, 3, 4, 99, 0, 5, 0, 6]);
        let array = NdArray::from_bytes(dtype, &[2], Order::C, data).unwrap();
        assert_eq!(array.field("a").unwrap(), NdArray::from_vec(&[2], vec![1u8, 4]).unwrap());
        assert_eq!(array.field("b").unwrap(), NdArray::from_vec(&[2, 2], vec![2i16, 3, 5, 6]).unwrap());
        assert_eq!(array.field("e").unwrap().shape(), [2, 0]);
        assert_eq!(array.field("c").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(array.field("a").unwrap().field("a").unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(array.to_string(), "<record of a, b, e (2,)>");
    }

    #[test]
    fn summaries_name_dtype_and_shape() {
        let array =
            |dtype: &str, shape: &[usize]| NdArray::zeros(dtype.parse().unwrap(), shape).unwrap().to_string();
        assert_eq!(array("<f4", &[3, 4]), "<f4 (3, 4)>");
        assert_eq!(array(">i2", &[3]), "<i2 big-endian (3,)>");
        assert_eq!(array("<M8[ns]", &[]), "<M8[ns] ()>");
    }

    #[test]
    fn zeros_of_an_impossible_size_are_an_error() {
        assert_eq!(
            NdArray::zeros("u1".parse().unwrap(), &[isize::MAX as usize]).unwrap_err().kind(),
            ErrorKind::Unsupported
        );
        assert_eq!(
            NdArray::zeros("u1".parse().unwrap(), &[usize::MAX]).unwrap_err().kind(),
            ErrorKind::Invalid
        );
    }
}
