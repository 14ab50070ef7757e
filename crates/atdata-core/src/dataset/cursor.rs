//! How far a consumer has come in a stream of chunks.

use std::vec;

use super::budget::Held;
use super::state::Position;
use crate::Result;

/// Results in order, each with the number that the position after it has (see [`Position::sample`]).
pub(super) struct Chunk<T> {
    /// See [`Position::shard`].
    pub(super) shard: u64,
    pub(super) items: Vec<(u64, Result<T>)>,
    /// What the chunk takes of the bytes that may be read ahead.
    pub(super) held: Held,
}

/// The rest of one chunk, and the position after the last sample that was taken from here.
pub(super) struct Cursor<T> {
    position: Position,
    shard: u64,
    items: vec::IntoIter<(u64, Result<T>)>,
    /// Given back with the last item: then there is room for another chunk.
    held: Held,
}

impl<T> Cursor<T> {
    pub(super) fn new(position: Position) -> Self {
        Self { position, shard: position.shard, items: Vec::new().into_iter(), held: Held::default() }
    }

    /// Goes on with another chunk, once this one is empty.
    pub(super) fn fill(&mut self, chunk: Chunk<T>) {
        self.shard = chunk.shard;
        self.items = chunk.items.into_iter();
        self.held = chunk.held;
        self.give_back();
    }

    fn give_back(&mut self) {
        if self.is_empty() {
            self.held = Held::default();
        }
    }

    /// The next result. An error is the last one, and leaves the position before it.
    pub(super) fn next(&mut self) -> Option<Result<T>> {
        let (sample, item) = self.items.next()?;
        match item {
            Ok(_) => self.position = Position { shard: self.shard, sample },
            Err(_) => self.items = Vec::new().into_iter(),
        }
        self.give_back();
        Some(item)
    }

    pub(super) fn position(&self) -> Position {
        self.position
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.len() == 0
    }

    /// How many results are left.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// What is left, if there is something.
    pub(super) fn into_chunk(self) -> Option<Chunk<T>> {
        (!self.is_empty()).then(|| Chunk { shard: self.shard, items: self.items.collect(), held: self.held })
    }
}
