//! Byte order, and swapping it.

/// The order in which the bytes of a number are stored.
///
/// ```
/// use atdata_core::array::{ByteOrder, DType};
///
/// assert_eq!(">i2".parse::<DType>()?.byte_order(), ByteOrder::Big);
/// assert_eq!("|u1".parse::<DType>()?.byte_order(), ByteOrder::NotApplicable);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// Least significant byte first, numpy's `<`.
    Little,
    /// Most significant byte first, numpy's `>`.
    Big,
    /// Elements without an order of their own, numpy's `|`: single bytes, byte strings, void, structured (whose fields
    /// have one each).
    NotApplicable,
}

impl ByteOrder {
    /// The order of the machine that this program runs on.
    pub const NATIVE: Self = if cfg!(target_endian = "big") { Self::Big } else { Self::Little };

    /// Whether elements stored in this order can be used as they are.
    pub const fn is_native(self) -> bool {
        matches!(
            (self, Self::NATIVE),
            (Self::NotApplicable, _) | (Self::Little, Self::Little) | (Self::Big, Self::Big)
        )
    }

    /// The character that numpy writes before a dtype of this order.
    pub(super) const fn symbol(self) -> char {
        match self {
            Self::Little => '<',
            Self::Big => '>',
            Self::NotApplicable => '|',
        }
    }
}

/// Reverses the bytes of each `word` bytes.
pub(super) fn swap_words(bytes: &mut [u8], word: usize) {
    // The common widths are compile-time constants, so that the compiler makes vector shuffles of them.
    match word {
        0 | 1 => {}
        2 => swap_const::<2>(bytes),
        4 => swap_const::<4>(bytes),
        8 => swap_const::<8>(bytes),
        _ => bytes.chunks_exact_mut(word).for_each(<[u8]>::reverse),
    }
}

fn swap_const<const N: usize>(bytes: &mut [u8]) {
    bytes.as_chunks_mut::<N>().0.iter_mut().for_each(|word| word.reverse());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_width_is_reversed_on_its_own() {
        for word in 1..=9usize {
            let mut bytes: Vec<u8> = (0..20).cycle().take(5 * word).collect();
            let expected: Vec<u8> =
                bytes.chunks(word).flat_map(|chunk| chunk.iter().rev().copied()).collect();
            swap_words(&mut bytes, word);
            assert_eq!(bytes, expected, "{word}");
        }
    }
}
