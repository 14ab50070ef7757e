//! Listings, a page at a time: nothing is held open while the consumer thinks, and a page is bounded in rows and,
//! for entries and schemas, in bytes.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use atdata_core::schema::{Profile, SchemaVersion};
use atdata_core::{Error, IndexEntry, Label, Result, StoredSchema};
use futures::stream::{self, BoxStream, StreamExt};
use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

use super::{entries, labels, schemas};
use crate::error::SqlResultExt;

/// The most rows of a page.
const PAGE: usize = 256;

/// A page ends with the row that brings it to this many bytes.
const PAGE_BYTES: usize = 4 << 20;

const MAIN_NAMES: &str = "SELECT DISTINCT name FROM dataset_entries WHERE name >= ?1 ORDER BY name LIMIT ?2";
const KEPT_NAMES: &str = "SELECT DISTINCT name FROM atdata_names WHERE name >= ?1 ORDER BY name LIMIT ?2";
const SCHEMA_NAME: &str = "SELECT name FROM schemas WHERE name >= ?1 ORDER BY name LIMIT 1";
const LABELS: &str = "SELECT name, version, cid, description FROM labels \
     WHERE (name, version) >= (?1, ?2) ORDER BY name, version LIMIT ?3";

/// Some items and where the next page begins; no such place means that these are the last.
pub(super) struct Page<T, C> {
    items: Vec<Result<T>>,
    next: Option<C>,
}

/// The items of all pages. An error that `fetch` returns ends the listing; one among the items does not.
pub(super) fn pages<'a, T, C, F>(start: C, fetch: impl Fn(C) -> F + Send + 'a) -> BoxStream<'a, Result<T>>
where
    T: Send + 'a,
    C: Send + 'a,
    F: Future<Output = Result<Page<T, C>>> + Send + 'a,
{
    stream::unfold((Some(start), fetch), |(cursor, fetch)| async move {
        let (items, next) = match fetch(cursor?).await {
            Ok(page) => (page.items, page.next),
            Err(error) => (vec![Err(error)], None),
        };
        Some((stream::iter(items), (next, fetch)))
    })
    .flatten()
    .boxed()
}

/// Where a listing goes on: at the first text that is not less. Text is compared by its bytes, and may be any bytes.
#[derive(Clone, Debug)]
pub(super) struct From(Vec<u8>);

impl From {
    pub(super) fn at(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }

    /// The smallest text that is greater.
    fn after(text: &[u8]) -> Self {
        Self([text, b"\0"].concat())
    }
}

impl rusqlite::ToSql for From {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(&self.0)))
    }
}

/// Datasets by name.
pub(super) fn datasets(
    connection: &mut Connection,
    from: &From,
    prefix: &str,
) -> Result<Page<Arc<dyn IndexEntry>, From>> {
    let snapshot = connection.transaction().sql()?;
    let mut names = BTreeSet::new();
    let mut is_last = true;
    for sql in [MAIN_NAMES, KEPT_NAMES] {
        let found = texts(&snapshot, sql, from, PAGE)?;
        is_last &= found.len() < PAGE;
        names.extend(found);
    }
    let mut page = Page { items: Vec::new(), next: None };
    let mut bytes = 0;
    let beyond_page = names.len() > PAGE;
    for name in names.into_iter().take(PAGE) {
        if !name.starts_with(prefix.as_bytes()) {
            return Ok(Page { next: None, ..page });
        }
        page.next = Some(From::after(&name));
        let entry = text(&name).and_then(|name| entries::listed(&snapshot, name));
        let Some(entry) = entry.transpose() else { continue };
        bytes += entry.as_ref().map_or(0, size);
        page.items.push(entry.map(|entry| Arc::new(entry) as Arc<dyn IndexEntry>));
        if bytes >= PAGE_BYTES {
            return Ok(page);
        }
    }
    if is_last && !beyond_page {
        page.next = None;
    }
    Ok(page)
}

/// Roughly the bytes that an entry takes.
fn size(entry: &atdata_core::Entry) -> usize {
    let metadata = entry.metadata.as_ref().map_or(0, |map| map.iter().map(|(key, value)| key.len() + weight(value)).sum());
    entry.data_urls.iter().map(String::len).sum::<usize>() + metadata
}

fn weight(value: &atdata_core::Value) -> usize {
    use atdata_core::Value as V;
    match value {
        V::Str(text) => text.len(),
        V::Bytes(bytes) => bytes.len(),
        V::List(items) => items.iter().map(weight).sum(),
        V::Map(map) => map.iter().map(|(key, value)| key.len() + weight(value)).sum(),
        _ => size_of::<V>(),
    }
}
