//! The most frequent values.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::format::Frequent;

/// The most different values that are counted.
const MAX_VALUES: usize = 1_000;
/// The longest text that is counted, in characters.
const MAX_LENGTH: usize = 200;
/// How many are shown.
const SHOWN: usize = 20;

/// A value that can be frequent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Countable {
    Bool(bool),
    Int(i128),
    Text(String),
}

/// Counts values as long as there are few different ones.
#[derive(Debug, Default)]
pub(super) struct Counts {
    counts: HashMap<Countable, u64>,
    are_too_many: bool,
}

impl Counts {
    pub(super) fn add(&mut self, value: Countable) {
        let is_long = matches!(&value, Countable::Text(text) if text.chars().nth(MAX_LENGTH).is_some());
        if self.are_too_many || is_long {
            self.give_up();
            return;
        }
        *self.counts.entry(value).or_default() += 1;
        if self.counts.len() > MAX_VALUES {
            self.give_up();
        }
    }

    /// Frees what would say nothing.
    pub(super) fn give_up(&mut self) {
        self.are_too_many = true;
        self.counts = HashMap::new();
    }

    pub(super) fn finish(self) -> Vec<Frequent> {
        let mut all: Vec<_> = self.counts.into_iter().collect();
        all.sort_by(|(a, m), (b, n)| Reverse(m).cmp(&Reverse(n)).then_with(|| a.cmp(b)));
        all.truncate(SHOWN);
        let frequent = |(value, count)| Frequent {
            value: match value {
                Countable::Bool(value) => value.into(),
                Countable::Int(value) => i64::try_from(value).map_or_else(
                    |_| u64::try_from(value).map_or_else(|_| value.to_string().into(), Into::into),
                    Into::into,
                ),
                Countable::Text(text) => text.into(),
            },
            count,
        };
        all.into_iter().map(frequent).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first() {
        let mut counts = Counts::default();
        for text in ["b", "a", "c", "a", "b", "a"] {
            counts.add(Countable::Text(text.to_owned()));
        }
        counts.add(Countable::Int(i128::from(u64::MAX)));
        let found: Vec<_> = counts.finish().into_iter().map(|it| (it.value.to_string(), it.count)).collect();
        let expected = [("\"a\"", 3), ("\"b\"", 2), ("18446744073709551615", 1), ("\"c\"", 1)];
        assert_eq!(found, expected.map(|(text, count)| (text.to_owned(), count)));
    }

    #[test]
    fn too_many_and_too_long_ones_are_not_counted() {
        let mut counts = Counts::default();
        (0..1_001).for_each(|i| counts.add(Countable::Int(i)));
        assert_eq!(counts.finish(), []);
        let mut counts = Counts::default();
        counts.add(Countable::Text("x".repeat(201)));
        assert_eq!(counts.finish(), []);
    }
}
