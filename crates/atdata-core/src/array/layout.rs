//! Element order, byte order, and the equality that looks through both.

use super::buffer::Buffer;
use super::byte_order::ByteOrder;
use super::nd::{NdArray, Order};

impl NdArray {
    /// The same array in C order. Copies only if it is in Fortran order.
    #[must_use]
    pub fn to_c_order(&self) -> Self {
        if self.order() == Order::C {
            return self.clone();
        }
        let mut target = Buffer::zeroed(self.nbytes());
        let (source, shape) = (self.data().as_ref(), self.shape());
        // Elements of a size known at compile time are moved without a call each.
        match self.dtype().itemsize() {
            1 => transpose_const::<1>(source, target.as_mut(), shape),
            2 => transpose_const::<2>(source, target.as_mut(), shape),
            4 => transpose_const::<4>(source, target.as_mut(), shape),
            8 => transpose_const::<8>(source, target.as_mut(), shape),
            16 => transpose_const::<16>(source, target.as_mut(), shape),
            itemsize => {
                for (row, start, stride) in rows(target.as_mut(), shape, itemsize) {
                    let column = source.chunks_exact(itemsize).skip(start).step_by(stride);
                    row.chunks_exact_mut(itemsize)
                        .zip(column)
                        .for_each(|(to, from)| to.copy_from_slice(from));
                }
            }
        }
        Self::from_checked(self.dtype().clone(), shape.into(), Order::C, target.freeze())
    }

    /// The same array in another byte order. Copies only if the byte order differs.
    #[must_use]
    pub fn to_byte_order(&self, order: ByteOrder) -> Self {
        let dtype = self.dtype().with_byte_order(order);
        if dtype == *self.dtype() {
            return self.clone();
        }
        let mut target = Buffer::zeroed(self.nbytes());
        target.as_mut().copy_from_slice(self.data());
        self.dtype().convert_order(&dtype, target.as_mut());
        Self::from_checked(dtype, self.shape().into(), self.order(), target.freeze())
    }

    /// The same array in the machine's byte order. Copies only if the byte order differs.
    #[must_use]
    pub fn to_native(&self) -> Self {
        self.to_byte_order(ByteOrder::NATIVE)
    }

    /// The same array in C order and little-endian: of equal arrays the bytes are equal, so that they can be hashed.
    /// Copies only if it is not so already.
    #[must_use]
    pub fn to_canonical(&self) -> Self {
        self.to_c_order().to_byte_order(ByteOrder::Little)
    }
}

impl PartialEq for NdArray {
    fn eq(&self, other: &Self) -> bool {
        if self.shape() != other.shape() || !self.dtype().same_kind(other.dtype()) {
            return false;
        }
        if self.order() == other.order() && self.dtype() == other.dtype() {
            return self.data() == other.data();
        }
        self.to_canonical().data() == other.to_canonical().data()
    }
}

impl Eq for NdArray {}

fn transpose_const<const N: usize>(source: &[u8], target: &mut [u8], shape: &[usize]) {
    let source = source.as_chunks::<N>().0;
    for (row, start, stride) in rows(target, shape, N) {
        let column = source.iter().skip(start).step_by(stride);
        row.as_chunks_mut::<N>().0.iter_mut().zip(column).for_each(|(to, from)| *to = *from);
    }
}

/// The rows of a C-ordered target, each with the number of the element that it begins with in a Fortran-ordered source,
/// and the distance of its elements there.
fn rows<'a>(
    target: &'a mut [u8],
    shape: &'a [usize],
    itemsize: usize,
) -> impl Iterator<Item = (&'a mut [u8], usize, usize)> {
    let (inner, outer) = shape.split_last().map_or((1, shape), |(inner, outer)| (*inner, outer));
    // The array has elements, for one without is never in Fortran order, so no length here is zero.
    let stride: usize = outer.iter().product();
    let mut index = vec![0usize; outer.len()];
    let mut start = 0;
    target.chunks_exact_mut((inner * itemsize).max(1)).map(move |row| {
        let this = start;
        let mut step = stride;
        for (position, dim) in index.iter_mut().zip(outer).rev() {
            step /= (*dim).max(1);
            *position += 1;
            start += step;
            if *position < *dim {
                break;
            }
            start -= step * *dim;
            *position = 0;
        }
        (row, this, stride.max(1))
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn array(dtype: &str, shape: &[usize], order: Order, data: &[u8]) -> NdArray {
        NdArray::from_bytes(dtype.parse().unwrap(), shape, order, Bytes::copy_from_slice(data)).unwrap()
    }

    #[test]
    fn fortran_order_turns_into_c_order() {
        let fortran = array("|u1", &[2, 3], Order::Fortran, &[0, 3, 1, 4, 2, 5]);
        assert_eq!(fortran.to_c_order().data(), &[0, 1, 2, 3, 4, 5][..]);
        let wide = array("|V3", &[2, 2], Order::Fortran, b"aaacccbbbddd");
        assert_eq!(wide.to_c_order().data(), &b"aaabbbcccddd"[..]);
    }

    #[test]
    fn every_rank_and_item_size_agrees_with_ndarray() {
        for shape in [&[2, 3][..], &[3, 2, 4], &[2, 1, 3, 2], &[2, 2, 2, 2, 2], &[1, 5, 1, 3]] {
            let count: usize = shape.iter().product();
            let elements: Vec<u32> = (0..count as u32).collect();
            let fortran =
                ndarray::ArrayD::from_shape_vec(ndarray::ShapeBuilder::f(ndarray::IxDyn(shape)), elements);
            let fortran = fortran.unwrap();
            let expected: Vec<u32> = fortran.iter().copied().collect();
            assert_eq!(NdArray::from(fortran).to_vec::<u32>().unwrap(), expected, "{shape:?}");
        }
    }

    #[test]
    fn byte_orders_of_records_are_converted_field_by_field() {
        let dtype = "[('a', '<i2'), ('b', '>u4', (1,)), ('s', '|S2'), ('n', [('c', '>c8')])]";
        let little =
            array(dtype, &[1], Order::C, b"\x01\x02\x03\x04\x05\x06xy\x01\x02\x03\x04\x05\x06\x07\x08")
                .to_canonical();
        assert_eq!(little.data(), &b"\x01\x02\x06\x05\x04\x03xy\x04\x03\x02\x01\x08\x07\x06\x05"[..]);
        assert_eq!(
            little.dtype().to_string(),
            "[('a', '<i2'), ('b', '<u4', (1,)), ('s', '|S2'), ('n', [('c', '<c8')])]"
        );
    }

    #[test]
    fn equality_looks_through_order_and_compares_bits() {
        let little = array("<u2", &[2, 2], Order::C, &[1, 0, 2, 0, 3, 0, 4, 0]);
        assert_eq!(little, array(">u2", &[2, 2], Order::Fortran, &[0, 1, 0, 3, 0, 2, 0, 4]));
        assert_ne!(little, array("<i2", &[2, 2], Order::C, &[1, 0, 2, 0, 3, 0, 4, 0]));
        assert_ne!(little, array("<u2", &[4], Order::C, &[1, 0, 2, 0, 3, 0, 4, 0]));
        assert_eq!(NdArray::scalar(f32::NAN), NdArray::scalar(f32::NAN));
        assert_ne!(NdArray::scalar(0.0f32), NdArray::scalar(-0.0f32));
    }

    #[test]
    fn texts_swap_each_character() {
        let text = array(">U2", &[1], Order::C, &[0, 0, 0, 97, 0, 0, 0, 98]);
        assert_eq!(text.to_byte_order(ByteOrder::Little).data(), &[97, 0, 0, 0, 98, 0, 0, 0][..]);
    }
}
