//! A queue between two threads.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Makes a queue in which so many values are ready ahead of the taker, besides the one that the giver waits with.
///
/// It does what [`std::sync::mpsc::sync_channel`] does, but wakes the other thread after giving the lock back, and only if it
/// sleeps: a thread that is woken earlier runs into the lock and sleeps again, which costs more than small samples do.
pub(super) fn handover<T>(ahead: usize) -> (Giver<T>, Taker<T>) {
    let state = State { queue: VecDeque::new(), giver_sleeps: false, taker_sleeps: false, ended: false };
    let shared = Shared { ahead, state: Mutex::new(state), ready: Condvar::new(), room: Condvar::new() };
    let shared = Arc::new(shared);
    (Giver(shared.clone()), Taker(shared))
}

struct Shared<T> {
    ahead: usize,
    state: Mutex<State<T>>,
    ready: Condvar,
    room: Condvar,
}

struct State<T> {
    queue: VecDeque<T>,
    giver_sleeps: bool,
    taker_sleeps: bool,
    /// Whether either end is gone.
    ended: bool,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where values are put.
pub(super) struct Giver<T>(Arc<Shared<T>>);

impl<T> Giver<T> {
    /// Puts a value into the queue, waits until there is room for the next one, and says whether anybody will take it.
    pub(super) fn give(&self, value: T) -> bool {
        let Shared { ahead, ready, room, .. } = &*self.0;
        let mut state = self.0.lock();
        if state.ended {
            return false;
        }
        state.queue.push_back(value);
        if std::mem::take(&mut state.taker_sleeps) {
            drop(state);
            ready.notify_one();
            state = self.0.lock();
        }
        while state.queue.len() > *ahead && !state.ended {
            state.giver_sleeps = true;
            state = room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.ended
    }
}

impl<T> Drop for Giver<T> {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.ready.notify_one();
    }
}

/// Where values are taken, in order.
pub(super) struct Taker<T>(Arc<Shared<T>>);

impl<T> Taker<T> {
    /// Waits for the next value; there is none if the giver is gone.
    pub(super) fn take(&self) -> Option<T> {
        let Shared { ahead, ready, room, .. } = &*self.0;
        let mut state = self.0.lock();
        loop {
            if let Some(value) = state.queue.pop_front() {
                // A giver that sleeps is woken for more than one value, where more are allowed.
                let wakes = state.giver_sleeps && state.queue.len() <= *ahead / 2;
                if wakes {
                    state.giver_sleeps = false;
                    drop(state);
                    room.notify_one();
                }
                return Some(value);
            }
            if state.ended {
                return None;
            }
            state.taker_sleeps = true;
            state = ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T> Drop for Taker<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.ended = true;
        // Values may be large, or wait for something when they are dropped.
        let rest = std::mem::take(&mut state.queue);
        drop(state);
        self.0.room.notify_one();
        drop(rest);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    #[test]
    fn values_come_in_order_and_to_the_last() {
        for ahead in [0, 1, 2, 7] {
            let (giver, taker) = handover(ahead);
            let given = thread::spawn(move || (0..10_000).all(|number| giver.give(number)));
            let taken: Vec<u32> = std::iter::from_fn(|| taker.take()).collect();
            assert_eq!(taken, (0..10_000).collect::<Vec<_>>());
            assert!(given.join().unwrap());
            assert_eq!(taker.take(), None);
        }
    }

    #[test]
    fn no_more_is_given_than_may_wait() {
        for ahead in [0, 1, 2, 7] {
            let (giver, taker) = handover(ahead);
            let given = Arc::new(AtomicUsize::new(0));
            let counted = given.clone();
            let (full, is_full) = channel();
            let giving = thread::spawn(move || {
                loop {
                    let number = counted.fetch_add(1, Ordering::SeqCst);
                    if number == ahead {
                        full.send(()).unwrap();
                    }
                    if !giver.give(number) {
                        break;
                    }
                }
            });
            is_full.recv().unwrap();
            for number in 0..1000 {
                assert!(given.load(Ordering::SeqCst) <= number + ahead + 1);
                assert_eq!(taker.take(), Some(number));
            }
            drop(taker);
            giving.join().unwrap();
        }
    }

    #[test]
    fn nothing_is_given_to_nobody() {
        let value = Arc::new(());
        let (giver, taker) = handover(2);
        assert!(giver.give(value.clone()) && giver.give(value.clone()));
        drop(taker);
        assert!(!giver.give(value.clone()));
        assert_eq!(Arc::strong_count(&value), 1, "what nobody takes is dropped");
    }
}
