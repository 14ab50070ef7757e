//! What a consumer does with samples: it folds them into a few numbers. Every program, in Rust and in Python, does this
//! and nothing else, and the numbers say whether it has read what is there.

use serde::Serialize;

/// How much of an array the consumer touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Touch {
    /// Every byte: the sum of its little-endian words of 64 bits.
    All,
    /// Its first and its last word: what it costs to have the array there, and nothing more.
    Edges,
}

/// What a consumer has seen. All sums wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Digest {
    pub(crate) samples: u64,
    /// The sum of the samples' numbers.
    numbers: u64,
    /// The sum of number × place, places counted from 1: it changes with the order.
    order: u64,
    /// The sum of what else is in the samples: lengths of labels, twice the scores.
    fields: u64,
    /// The sum of the words of arrays that were touched.
    words: u64,
}

impl Digest {
    /// Sees one sample.
    pub(crate) fn sample(&mut self, number: u64, fields: u64, array: &[u8], touch: Touch) {
        self.number(number);
        self.fields(fields);
        self.arrays(array, array.len(), touch);
    }

    /// Sees the number of the next sample.
    pub(crate) fn number(&mut self, number: u64) {
        self.samples += 1;
        self.numbers = self.numbers.wrapping_add(number);
        self.order = self.order.wrapping_add(number.wrapping_mul(self.samples));
    }

    /// Sees fields that are not arrays.
    pub(crate) fn fields(&mut self, sum: u64) {
        self.fields = self.fields.wrapping_add(sum);
    }

    /// Sees the bytes of arrays that lie one after the other, `each` bytes long.
    pub(crate) fn arrays(&mut self, bytes: &[u8], each: usize, touch: Touch) {
        let sum = match touch {
            Touch::All => words(bytes),
            Touch::Edges => bytes.chunks_exact(each.max(1)).map(edges).fold(0, u64::wrapping_add),
        };
        self.words = self.words.wrapping_add(sum);
    }
}

/// The sum of the little-endian words of 64 bits. A rest of less than a word does not count.
pub(crate) fn words(bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().fold(0, |sum, word| sum.wrapping_add(u64::from_le_bytes(*word)))
}

/// The sum of the first and the last word.
pub(crate) fn edges(bytes: &[u8]) -> u64 {
    let first = bytes.first_chunk::<8>().map_or(0, |word| u64::from_le_bytes(*word));
    let last = bytes.last_chunk::<8>().map_or(0, |word| u64::from_le_bytes(*word));
    first.wrapping_add(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(samples: &[(u64, &[u8])], touch: Touch) -> Digest {
        let mut digest = Digest::default();
        for (number, array) in samples {
            digest.sample(*number, 1, array, touch);
        }
        digest
    }

    #[test]
    fn a_batch_is_seen_as_its_samples_are() {
        let bytes: Vec<u8> = (0..64).collect();
        for touch in [Touch::All, Touch::Edges] {
            let mut batch = Digest::default();
            (0..2).for_each(|number| batch.number(number));
            batch.fields(2);
            batch.arrays(&bytes, 32, touch);
            assert_eq!(batch, digest(&[(0, &bytes[..32]), (1, &bytes[32..])], touch));
        }
    }

    #[test]
    fn another_order_another_byte_and_a_missing_sample_show() {
        let (a, b) = ([1; 16], [2; 16]);
        let right = digest(&[(0, &a), (1, &b)], Touch::All);
        let turned = digest(&[(1, &b), (0, &a)], Touch::All);
        assert_eq!((turned.numbers, turned.words), (right.numbers, right.words));
        assert_ne!(turned.order, right.order);
        assert_ne!(digest(&[(0, &a), (1, &a)], Touch::All).words, right.words);
        assert_ne!(digest(&[(0, &a)], Touch::All), right);
    }

    #[test]
    fn edges_are_the_outer_words() {
        let mut bytes = [0; 32];
        bytes[0] = 3;
        bytes[24] = 4;
        assert_eq!(edges(&bytes), 7);
        bytes[8] = 100;
        assert_eq!(edges(&bytes), 7);
        assert_eq!(words(&bytes), 107);
    }
}
