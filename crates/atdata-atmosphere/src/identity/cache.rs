//! What was found, for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// More than a program meets; strangers must not fill the memory.
const MAX_KNOWN: usize = 10_000;

/// Values by name, each believed for so long.
#[derive(Debug)]
pub(super) struct Cache<T> {
    lifetime: Duration,
    known: Mutex<HashMap<String, (Instant, T)>>,
}

impl<T: Clone> Cache<T> {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { lifetime, known: Mutex::default() }
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashMap<String, (Instant, T)>) -> R) -> R {
        act(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn get(&self, name: &str) -> Option<T> {
        self.with(|known| {
            let (found, value) = known.get(name)?;
            (found.elapsed() < self.lifetime).then(|| value.clone())
        })
    }

    pub(super) fn put(&self, name: &str, value: T) {
        self.with(|known| {
            if known.len() >= MAX_KNOWN {
                known.retain(|_, (found, _)| found.elapsed() < self.lifetime);
            }
            if known.len() >= MAX_KNOWN {
                known.clear();
            }
            known.insert(name.to_owned(), (Instant::now(), value));
        });
    }

    pub(super) fn forget(&self, name: &str) {
        self.with(|known| known.remove(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_believed_for_a_while() {
        let cache = Cache::new(Duration::from_secs(3600));
        cache.put("a", 1);
        assert_eq!((cache.get("a"), cache.get("b")), (Some(1), None));
        cache.forget("a");
        assert_eq!(cache.get("a"), None);
        let forgetful = Cache::new(Duration::ZERO);
        forgetful.put("a", 1);
        assert_eq!(forgetful.get("a"), None);
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let cache = Cache::new(Duration::from_secs(3600));
        (0..MAX_KNOWN + 10).for_each(|i| cache.put(&i.to_string(), i));
        assert!(cache.with(|known| known.len()) <= MAX_KNOWN);
        assert_eq!(cache.get(&(MAX_KNOWN + 9).to_string()), Some(MAX_KNOWN + 9));
    }
}
