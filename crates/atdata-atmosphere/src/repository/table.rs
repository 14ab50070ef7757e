//! What is known of the records of one kind, compactly: names and keys. The records themselves are in the spool.

use std::cmp::Ordering;

use atdata_core::cid::{Codec, ContentId};

use super::spool::Span;
use crate::records::Collection;

/// A record.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: Box<str>,
    /// Of schemas, lenses and labels; may be empty.
    pub(crate) version: Box<str>,
    pub(crate) collection: Collection,
    pub(crate) rkey: Box<str>,
    /// The SHA-256 in the record's content identifier; the rest is the same in all of them.
    pub(super) digest: [u8; 32],
    /// When it was made, in microseconds; the beginning of time if it does not say.
    pub(crate) created: i64,
    /// Of a label: the address of the dataset.
    pub(crate) target: Option<Box<str>>,
    pub(super) span: Span,
}

impl Row {
    /// The record's content identifier.
    pub(crate) fn cid(&self) -> ContentId {
        ContentId::from_sha256(Codec::DagCbor, self.digest)
    }
}

/// Rows, in the order of their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    /// By name, version, age and key.
    by_name: Vec<u32>,
    by_key: Vec<u32>,
    by_cid: Vec<u32>,
}

fn name_order(a: &Row, b: &Row) -> Ordering {
    (&a.name, &a.version, a.created, &a.rkey, a.collection.nsid()).cmp(&(
        &b.name,
        &b.version,
        b.created,
        &b.rkey,
        b.collection.nsid(),
    ))
}

fn key_order(a: &Row, collection: Collection, rkey: &str) -> Ordering {
    (a.collection.nsid(), &*a.rkey).cmp(&(collection.nsid(), rkey))
}

impl Table {
    /// Makes a table of rows in any order.
    pub(super) fn new(rows: Vec<Row>) -> Self {
        let ids = || 0..u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let (mut by_name, mut by_key, mut by_cid) =
            (ids().collect::<Vec<_>>(), ids().collect::<Vec<_>>(), ids().collect::<Vec<_>>());
        let row = |id: &u32| rows.get(*id as usize);
        let by = |order: fn(&Row, &Row) -> Ordering| {
            move |a: &u32, b: &u32| match (row(a), row(b)) {
                (Some(a), Some(b)) => order(a, b),
                _ => Ordering::Equal,
            }
        };
        by_name.sort_unstable_by(by(name_order));
        by_key.sort_unstable_by(by(|a, b| key_order(a, b.collection, &b.rkey)));
        by_cid.sort_unstable_by(by(|a, b| a.digest.cmp(&b.digest)));
        Self { rows, by_name, by_key, by_cid }
    }

    fn row(&self, id: u32) -> Option<&Row> {
        self.rows.get(id as usize)
    }

    fn position(ids: &[u32], rows: &[Row], order: impl Fn(&Row) -> Ordering) -> Result<usize, usize> {
        ids.binary_search_by(|id| rows.get(*id as usize).map_or(Ordering::Equal, &order))
    }

    /// All rows from the first one whose name is not before `from`, in order.
    pub(crate) fn from(&self, from: &str) -> impl Iterator<Item = &Row> {
        let before = |id: &u32| self.row(*id).is_some_and(|row| &*row.name < from);
        let start = self.by_name.partition_point(before);
        self.by_name.iter().skip(start).filter_map(|id| self.row(*id))
    }

    /// All rows of a name, in the order of versions and age.
    pub(crate) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Row> {
        self.from(name).take_while(move |row| &*row.name == name)
    }

    /// The record of a content identifier.
    pub(crate) fn of_cid(&self, cid: &str) -> Option<&Row> {
        let cid: ContentId = cid.parse().ok()?;
        let digest = cid.sha256().filter(|_| cid.codec() == Codec::DagCbor)?;
        let found = Self::position(&self.by_cid, &self.rows, |row| row.digest.cmp(&digest)).ok()?;
        self.by_cid.get(found).and_then(|id| self.row(*id))
    }

    /// The record of a key.
    pub(crate) fn of_key(&self, collection: Collection, rkey: &str) -> Option<&Row> {
        let found = Self::position(&self.by_key, &self.rows, |row| key_order(row, collection, rkey)).ok()?;
        self.by_key.get(found).and_then(|id| self.row(*id))
    }

    /// Adds a record, or replaces the one of its key.
    pub(super) fn put(&mut self, row: Row) {
        self.remove(row.collection, &row.rkey);
        let Ok(id) = u32::try_from(self.rows.len()) else { return };
        let (Ok(name) | Err(name)) =
            Self::position(&self.by_name, &self.rows, |other| name_order(other, &row));
        let (Ok(key) | Err(key)) =
            Self::position(&self.by_key, &self.rows, |other| key_order(other, row.collection, &row.rkey));
        let (Ok(cid) | Err(cid)) =
            Self::position(&self.by_cid, &self.rows, |other| other.digest.cmp(&row.digest));
        self.rows.push(row);
        self.by_name.insert(name, id);
        self.by_key.insert(key, id);
        self.by_cid.insert(cid, id);
    }

    /// Forgets a record.
    pub(super) fn remove(&mut self, collection: Collection, rkey: &str) {
        let Ok(found) = Self::position(&self.by_key, &self.rows, |row| key_order(row, collection, rkey))
        else {
            return;
        };
        // The row itself stays: changes of one program are few, and another's make a new table.
        let id = self.by_key.remove(found);
        self.by_name.retain(|other| *other != id);
        self.by_cid.retain(|other| *other != id);
    }
}
