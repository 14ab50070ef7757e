//! Timestamp identifiers: the keys of new records.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Digits in the order of their bytes, so that texts sort as the numbers do.
const DIGITS: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";

/// Microseconds that fit into 53 bits.
const TIME: u64 = (1 << 53) - 1;

/// Gives identifiers that grow, and that other clocks hardly ever give.
#[derive(Debug)]
pub(crate) struct TidClock {
    last: AtomicU64,
    /// Ten bits that tell this clock from others.
    own: u64,
}

impl Default for TidClock {
    fn default() -> Self {
        let own = RandomState::new().build_hasher().finish() & 0x3ff;
        Self { last: AtomicU64::new(0), own }
    }
}

impl TidClock {
    /// The next identifier, of 13 characters.
    pub(crate) fn next(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_micros()).unwrap_or(TIME);
        let later = |last: u64| Some(now.max(last.saturating_add(1)));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later).unwrap_or_default();
        let time = now.max(last.saturating_add(1)) & TIME;
        encode(time << 10 | self.own)
    }
}

fn encode(number: u64) -> String {
    let digit = |place: u32| {
        let digit = usize::try_from(number >> (5 * place) & 31).unwrap_or_default();
        char::from(DIGITS.get(digit).copied().unwrap_or_default())
    };
    (0..13).rev().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_specification_does() {
        assert_eq!(encode(0), "2222222222222");
        assert_eq!(encode(1), "2222222222223");
        assert_eq!(encode((1 << 63) - 1), "bzzzzzzzzzzzz");
    }

    #[test]
    fn they_grow_whatever_the_clock_does() {
        let clock = TidClock::default();
        let all: Vec<String> = (0..10_000).map(|_| clock.next()).collect();
        assert!(all.is_sorted() && all.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(all.iter().all(|tid| tid.len() == 13 && tid.bytes().all(|b| DIGITS.contains(&b))));
    }
}
