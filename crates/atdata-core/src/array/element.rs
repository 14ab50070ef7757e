//! The Rust types that array elements can be.

use std::fmt::Debug;

use half::{bf16, f16};
use num_complex::{Complex32, Complex64};

use super::byte_order::{ByteOrder, swap_words};
use super::dtype::{DType, DTypeKind};

/// A Rust type that an array's elements can be viewed as or copied into.
///
/// | Rust | numpy |
/// |---|---|
/// | `bool` | `b1` |
/// | `i8` … `i64`, `u8` … `u64` | `i1` … `i8`, `u1` … `u8` |
/// | [`half::f16`], `f32`, `f64` | `f2`, `f4`, `f8` |
/// | [`num_complex::Complex32`], [`num_complex::Complex64`] | `c8`, `c16` |
/// | [`half::bf16`] | `V2`, read from `u2` too |
///
/// numpy has no `bfloat16`. Python's `ml_dtypes` stores it as `V2`, as does this library; since such a dtype has no byte
/// order its elements are taken as little-endian. In Python `array.view(ml_dtypes.bfloat16)` gets the numbers back.
///
/// Nothing is converted between number types: an `i4` array is read as `i32` only. The trait is sealed.
///
/// ```
/// use atdata_core::array::{Element, NdArray};
///
/// fn count<T: Element>(array: &NdArray) -> atdata_core::Result<usize> {
///     Ok(array.cow::<T>()?.len())
/// }
/// assert_eq!(count::<u8>(&NdArray::from_vec(&[3], vec![1u8, 2, 3])?)?, 3);
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub trait Element: sealed::Sealed + Copy + PartialEq + Debug + Default + Send + Sync + 'static {
    /// The dtype that arrays made from this type have: in the machine's byte order, `V2` for `bf16`.
    fn dtype() -> DType;
}

pub(super) mod sealed {
    use super::{ByteOrder, DType};

    /// Why stored elements of the machine's byte order cannot be borrowed as they are.
    #[derive(Clone, Copy, Debug)]
    pub enum NoView {
        Alignment,
        Bool,
    }

    pub trait Sealed: Sized {
        /// The byte order in which a dtype stores this type; `None` if it does not store this type.
        fn stored_order(dtype: &DType) -> Option<ByteOrder>;

        /// Borrows stored elements of the machine's byte order.
        fn cast(bytes: &[u8]) -> Result<&[Self], NoView>;

        /// Copies stored elements of any alignment.
        fn copy(bytes: &[u8], order: ByteOrder) -> Vec<Self>;

        /// The bytes of elements, in the machine's byte order.
        fn bytes(elements: &[Self]) -> &[u8];
    }
}

/// Types of which every bit pattern is a value.
macro_rules! plain {
    ($($t:ty, $kind:ident, $word:expr, $order:expr;)*) => {$(
        impl Element for $t {
            fn dtype() -> DType {
                DType::native(DTypeKind::$kind)
            }
        }
        plain!(@sealed $t, $word, $order);
    )*};
    (@sealed $t:ty, $word:expr, $order:expr) => {
        impl sealed::Sealed for $t {
            fn stored_order(dtype: &DType) -> Option<ByteOrder> {
                let order: fn(&DType) -> Option<ByteOrder> = $order;
                order(dtype)
            }

            fn cast(bytes: &[u8]) -> Result<&[Self], sealed::NoView> {
                // An empty slice need not be aligned to be a view of nothing.
                if bytes.is_empty() {
                    return Ok(&[]);
                }
                bytemuck::try_cast_slice(bytes).map_err(|_| sealed::NoView::Alignment)
            }

            fn copy(bytes: &[u8], order: ByteOrder) -> Vec<Self> {
                let mut elements: Vec<Self> = bytemuck::zeroed_vec(bytes.len() / size_of::<Self>());
                let target: &mut [u8] = bytemuck::cast_slice_mut(&mut elements);
                let len = target.len().min(bytes.len());
                target.split_at_mut(len).0.copy_from_slice(bytes.split_at(len).0);
                if !order.is_native() {
                    swap_words(target, $word);
                }
                elements
            }

            fn bytes(elements: &[Self]) -> &[u8] {
                bytemuck::cast_slice(elements)
            }
        }
    };
}

macro_rules! of_kind {
    ($kind:ident) => {
        |dtype| matches!(dtype.kind(), DTypeKind::$kind).then(|| dtype.byte_order())
    };
}

plain! {
    i8, Int8, 1, of_kind!(Int8);
    i16, Int16, 2, of_kind!(Int16);
    i32, Int32, 4, of_kind!(Int32);
    i64, Int64, 8, of_kind!(Int64);
    u8, UInt8, 1, of_kind!(UInt8);
    u16, UInt16, 2, of_kind!(UInt16);
    u32, UInt32, 4, of_kind!(UInt32);
    u64, UInt64, 8, of_kind!(UInt64);
    f16, Float16, 2, of_kind!(Float16);
    f32, Float32, 4, of_kind!(Float32);
    f64, Float64, 8, of_kind!(Float64);
    Complex32, Complex64, 4, of_kind!(Complex64);
    Complex64, Complex128, 8, of_kind!(Complex128);
}

impl Element for bf16 {
    fn dtype() -> DType {
        DType::native(DTypeKind::Void(2))
    }
}

plain!(@sealed bf16, 2, |dtype| match dtype.kind() {
    DTypeKind::Void(2) => Some(ByteOrder::Little),
    DTypeKind::UInt16 => Some(dtype.byte_order()),
    _ => None,
});

impl Element for bool {
    fn dtype() -> DType {
        DType::native(DTypeKind::Bool)
    }
}

impl sealed::Sealed for bool {
    fn stored_order(dtype: &DType) -> Option<ByteOrder> {
        matches!(dtype.kind(), DTypeKind::Bool).then_some(ByteOrder::NotApplicable)
    }

    fn cast(bytes: &[u8]) -> Result<&[Self], sealed::NoView> {
        bytemuck::checked::try_cast_slice(bytes).map_err(|_| sealed::NoView::Bool)
    }

    /// Any byte but zero is true, as in numpy.
    fn copy(bytes: &[u8], _: ByteOrder) -> Vec<Self> {
        bytes.iter().map(|byte| *byte != 0).collect()
    }

    fn bytes(elements: &[Self]) -> &[u8] {
        bytemuck::cast_slice(elements)
    }
}
