//! Listings, a page at a time: nothing is held open while the consumer thinks, and a page is bounded in rows and,
//! for entries and schemas, in bytes.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use atdata_core::schema::{Profile, SchemaVersion};
use atdata_core::{Entry, Error, IndexEntry, Label, Map, Result, StoredLens, StoredSchema, Value};
use futures::stream::{self, BoxStream, StreamExt};
use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::{entries, labels, lenses, schemas};
use crate::error::SqlResultExt;

/// The most rows of a page.
const PAGE: u16 = 256;

/// A page ends with the row that brings it to this many bytes.
const PAGE_BYTES: usize = 4 << 20;

const MAIN_NAMES: &str = "SELECT DISTINCT name FROM dataset_entries WHERE name >= ?1 ORDER BY name LIMIT ?2";
const KEPT_NAMES: &str = "SELECT DISTINCT name FROM atdata_names WHERE name >= ?1 ORDER BY name LIMIT ?2";
const SCHEMA_NAME: &str = "SELECT name FROM schemas WHERE name >= ?1 ORDER BY name LIMIT ?2";
const LENS_NAME: &str = "SELECT name FROM lenses WHERE name >= ?1 ORDER BY name LIMIT ?2";
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
        is_last &= found.len() < usize::from(PAGE);
        names.extend(found);
    }
    let mut page = Page { items: Vec::new(), next: None };
    let mut bytes = 0;
    let beyond_page = names.len() > usize::from(PAGE);
    for name in names.into_iter().take(usize::from(PAGE)) {
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
fn size(entry: &Entry) -> usize {
    entry.data_urls.iter().map(String::len).sum::<usize>() + entry.metadata.as_ref().map_or(0, size_of_map)
}

fn size_of_map(map: &Map) -> usize {
    map.iter().map(|(key, value)| key.len() + size_of_value(value)).sum()
}

fn size_of_value(value: &Value) -> usize {
    match value {
        Value::Str(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.iter().map(size_of_value).sum(),
        Value::Map(map) => size_of_map(map),
        _ => size_of::<Value>(),
    }
}

/// Where a listing of schemas or lenses goes on: at this name, behind this version of it.
#[derive(Clone, Debug)]
pub(super) struct VersionCursor {
    name: From,
    after: Option<SchemaVersion>,
}

impl VersionCursor {
    pub(super) fn at(prefix: &str) -> Self {
        Self { name: From::at(prefix), after: None }
    }
}

/// Schemas by name and version.
pub(super) fn schemas(
    connection: &mut Connection,
    cursor: &VersionCursor,
    prefix: &str,
    profile: Profile,
) -> Result<Page<StoredSchema, VersionCursor>> {
    versioned(connection, cursor, prefix, SCHEMA_NAME, schemas::versions, |snapshot, name, version| {
        schemas::stored(snapshot, name, version.clone(), profile)
    })
}

/// Lenses by name and version.
pub(super) fn lenses(
    connection: &mut Connection,
    cursor: &VersionCursor,
    prefix: &str,
) -> Result<Page<StoredLens, VersionCursor>> {
    versioned(connection, cursor, prefix, LENS_NAME, lenses::versions, lenses::stored)
}

/// Things by name and version; a page has versions of one name.
fn versioned<T>(
    connection: &mut Connection,
    cursor: &VersionCursor,
    prefix: &str,
    next_name: &str,
    versions: fn(&Connection, &str) -> Result<Vec<SchemaVersion>>,
    stored: impl Fn(&Connection, &str, &SchemaVersion) -> Result<Option<T>>,
) -> Result<Page<T, VersionCursor>> {
    let snapshot = connection.transaction().sql()?;
    let mut page = Page { items: Vec::new(), next: None };
    let mut names = texts(&snapshot, next_name, &cursor.name, 1)?;
    let Some(name) = names.pop().filter(|name| name.starts_with(prefix.as_bytes())) else {
        return Ok(page);
    };
    page.next = Some(VersionCursor { name: From::after(&name), after: None });
    let name = match text(&name) {
        Ok(name) => name,
        Err(error) => {
            page.items.push(Err(error));
            return Ok(page);
        }
    };
    // The version to go on behind is of another name if the one of the cursor has gone in the meantime.
    let after = cursor.after.as_ref().filter(|_| cursor.name.0 == name.as_bytes());
    let versions = versions(&snapshot, name)?;
    let mut rest =
        versions.into_iter().filter(|version| after.is_none_or(|after| version > after)).peekable();
    while let Some(version) = rest.next() {
        if let Some(stored) = stored(&snapshot, name, &version).transpose() {
            page.items.push(stored);
        }
        if page.items.len() == usize::from(PAGE / 4) && rest.peek().is_some() {
            page.next = Some(VersionCursor { name: From::at(name), after: Some(version) });
            break;
        }
    }
    Ok(page)
}

/// Labels by name and version.
pub(super) fn labels(
    connection: &Connection,
    (name, version): &(From, From),
    prefix: &str,
) -> Result<Page<Label, (From, From)>> {
    let mut statement = connection.prepare_cached(LABELS).sql()?;
    let mut rows = statement.query(rusqlite::params![name, version, PAGE]).sql()?;
    let mut page = Page { items: Vec::new(), next: None };
    while let Some(row) = rows.next().sql()? {
        let name = text_of(row.get_ref(0).sql()?)?;
        if !name.starts_with(prefix.as_bytes()) {
            return Ok(Page { next: None, ..page });
        }
        let version = text_of(row.get_ref(1).sql()?)?;
        page.next = Some((From(name.to_vec()), From::after(version)));
        page.items.push(labels::read(row).sql());
    }
    if page.items.len() < usize::from(PAGE) {
        page.next = None;
    }
    Ok(page)
}

fn texts(connection: &Connection, sql: &str, from: &From, limit: u16) -> Result<Vec<Vec<u8>>> {
    let mut statement = connection.prepare_cached(sql).sql()?;
    let mut rows = statement.query(rusqlite::params![from, limit]).sql()?;
    let mut texts = Vec::new();
    while let Some(row) = rows.next().sql()? {
        texts.push(text_of(row.get_ref(0).sql()?)?.to_vec());
    }
    Ok(texts)
}

fn text_of(value: ValueRef<'_>) -> Result<&[u8]> {
    match value {
        ValueRef::Text(bytes) => Ok(bytes),
        _ => Err(Error::corrupt("a name in the index is not text")),
    }
}

fn text(name: &[u8]) -> Result<&str> {
    std::str::from_utf8(name).map_err(|error| {
        Error::corrupt("a name in the index is not UTF-8")
            .with("name", name.escape_ascii())
            .with_source(error)
    })
}
