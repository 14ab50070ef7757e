//! An index in one SQLite file.
//!
//! # One file, two programs
//!
//! The tables are those of Python `atdata` 0.7 ([`database::PYTHON_DDL`]), and both may write at any time. Python's main
//! table has one row for each content identifier, so a second name for the same shards takes the row away from
//! the first. What we add ([`database::OWN_DDL`]) keeps both:
//!
//! - `atdata_names` holds the names that lost their row, with what an entry has beyond its identifier.
//! - The trigger `atdata_keep_names` moves a name there when another one takes its row. SQLite runs it in the process that
//!   inserts, so Python does this too once we have opened the file. It also drops a kept name that is inserted anew.
//! - `atdata_labels_latest` finds the latest label of a name without reading its other labels.
//!
//! The invariant is that each pair of identifier and name is in exactly one of the two tables, as it was written
//! last, and that the main table has a row for each identifier in `atdata_names`. It holds whoever writes:
//!
//! | Before | Then | After |
//! |---|---|---|
//! | – | Python or we insert `a` → X | row X is `a` |
//! | row X is `a` | Python or we insert `b` → X | row X is `b`, `a` is kept; both names resolve, each with its metadata |
//! | row X is `b`, `a` kept | Python or we insert `a` → X again | row X is `a` as written now, `b` is kept |
//! | row X is `a` | Python inserts `a` → Y | rows X and Y are `a`; the label that Python writes leads to Y, and `a` is Y |
//! | row X is `a` | we replace `a` by Y | row Y is `a`; X goes unless a label points to it, or passes to a kept name |
//! | row X is `b`, `a` kept | we replace `b` by Y | row X passes to `a` unless a label still has `b` → X |
//! | file without our additions | Python inserts `a` → X, `b` → X | `a` has lost its row for good; its label leads to the entry `b`, as in Python |
//!
//! Python deletes nothing and names its columns, and reads rows and labels that we write by the same rules as its own.
//! Its look-up by name goes through the latest label (`created_at`, then `rowid`, both descending), which is what ours
//! does; [`labels`] sees to it that the label we set last is the latest in that order.

mod database;
mod entries;
mod labels;
mod lenses;
mod listing;
#[cfg(test)]
mod plan_tests;
mod schemas;
mod worker;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use atdata_core::lens::LensRecord;
use atdata_core::schema::{Profile, SampleSchema};
use atdata_core::{
    DatasetRef, DatedLabel, Entry, Error, Index, IndexEntry, Label, NewDataset, Result, ResultExt,
    SchemaSpec, StoredLens, StoredSchema,
};
use futures::stream::BoxStream;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use self::listing::{From, VersionCursor};
use self::worker::Worker;
use crate::error::SqlResultExt;

/// An index in one SQLite file. Clones share their connections: one that reads and one that writes, each on a thread of its
/// own, which ends with the last clone. A call whose future is dropped happens as a whole or not at all.
#[derive(Clone)]
pub(crate) struct SqliteIndex {
    profile: Profile,
    reader: Worker,
    writer: Worker,
}

impl SqliteIndex {
    pub(crate) async fn open(path: &Path, profile: Profile, busy_timeout: Duration) -> Result<Self> {
        // SQLite takes a relative `:memory:` and an empty path for something else than a file.
        let file: Arc<Path> = std::path::absolute(path).context("path", path.display())?.into();
        let name: Arc<str> = file.display().to_string().into();
        let writer = {
            let file = file.clone();
            Worker::open(name.clone(), move || database::open_writer(&file, busy_timeout)).await?
        };
        let reader = Worker::open(name, move || database::open_reader(&file, busy_timeout)).await?;
        Ok(Self { profile, reader, writer })
    }

    pub(crate) fn in_memory(profile: Profile) -> Result<Self> {
        let connection = database::open_in_memory()?;
        let (worker, _) = Worker::start(":memory:".into(), move || Ok(connection))?;
        Ok(Self { profile, reader: worker.clone(), writer: worker })
    }

    /// The file, or `:memory:`.
    pub(crate) fn path(&self) -> &str {
        self.writer.path()
    }

    /// Inserts many datasets in one transaction: all of them or, if one fails, none.
    pub(crate) async fn insert_many(&self, new: Vec<NewDataset>) -> Result<Vec<Arc<dyn IndexEntry>>> {
        new.iter().try_for_each(|new| new.validate().context("name", &new.name))?;
        let profile = self.profile;
        let insert = move |transaction: &Transaction<'_>| {
            let entries = new.into_iter().map(|new| {
                let entry = insert(transaction, new, profile)?;
                Ok(entry as Arc<dyn IndexEntry>)
            });
            entries.collect()
        };
        self.writer.call(move |connection| database::in_bulk(connection, |it| write(it, insert))).await
    }

    async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.writer.call(move |connection| write(connection, job)).await
    }

    /// Runs several queries on one state of the index.
    async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.reader.call(move |connection| job(&*connection.transaction().sql()?)).await
    }
}

/// Does something in a transaction.
fn write<T>(connection: &mut Connection, job: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
    // Taking the write lock at once: a transaction that begins by reading could not wait for it later.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).sql()?;
    let done = job(&transaction)?;
    transaction.commit().sql()?;
    Ok(done)
}

fn insert(connection: &Connection, new: NewDataset, profile: Profile) -> Result<Arc<Entry>> {
    let name = new.name.clone();
    let schema_ref = match &new.schema {
        SchemaSpec::Ref(reference) => reference.clone(),
        SchemaSpec::Schema(schema) => schemas::publish(connection, schema, profile).context("name", &name)?,
    };
    entries::insert(connection, new, schema_ref).context("name", &name)
}

fn find(connection: &Connection, reference: &str, parsed: &DatasetRef) -> Result<Entry> {
    if let Some(entry) = entries::by_name(connection, &parsed.name)? {
        return Ok(entry);
    }
    if let Some(entry) = entries::any(connection, &parsed.name)? {
        return Ok(entry);
    }
    if let Some((name, version)) = parsed.split_version()
        && let Some(label) = labels::find(connection, name, version)?
        && let Some(entry) = entries::labelled(connection, &label)?
    {
        return Ok(entry);
    }
    Err(no_dataset(reference))
}

fn no_dataset(reference: &str) -> Error {
    Error::not_found("the index has no such dataset").with("name", reference)
}

#[async_trait]
impl Index for SqliteIndex {
    async fn insert_dataset(&self, new: NewDataset) -> Result<Arc<dyn IndexEntry>> {
        new.validate()?;
        let profile = self.profile;
        let entry = self.write(move |transaction| insert(transaction, new, profile)).await?;
        Ok(entry)
    }

    async fn get_dataset(&self, reference: &str) -> Result<Arc<dyn IndexEntry>> {
        let parsed = DatasetRef::parse(reference)?;
        if !parsed.is_local() {
            return Err(no_dataset(reference).with("path", self.path()));
        }
        let reference = reference.to_owned();
        let entry = self.read(move |connection| find(connection, &reference, &parsed)).await?;
        Ok(Arc::new(entry))
    }

    fn list_datasets(&self, prefix: &str) -> BoxStream<'_, Result<Arc<dyn IndexEntry>>> {
        let prefix: Arc<str> = prefix.into();
        listing::pages(From::at(&prefix), move |from| {
            let prefix = prefix.clone();
            self.reader.call(move |connection| listing::datasets(connection, &from, &prefix))
        })
    }

    async fn publish_schema(&self, schema: &SampleSchema) -> Result<String> {
        let (schema, profile) = (schema.clone(), self.profile);
        self.write(move |transaction| schemas::publish(transaction, &schema, profile)).await
    }

    async fn get_schema(&self, reference: &str) -> Result<StoredSchema> {
        let (reference, profile) = (reference.to_owned(), self.profile);
        self.read(move |connection| schemas::get(connection, &reference, profile)).await
    }

    fn list_schemas(&self, prefix: &str) -> BoxStream<'_, Result<StoredSchema>> {
        let (prefix, profile): (Arc<str>, _) = (prefix.into(), self.profile);
        listing::pages(VersionCursor::at(&prefix), move |cursor| {
            let prefix = prefix.clone();
            self.reader.call(move |connection| listing::schemas(connection, &cursor, &prefix, profile))
        })
    }

    async fn set_label(&self, label: &Label) -> Result<()> {
        label.validate()?;
        let label = label.clone();
        self.write(move |transaction| labels::set_checked(transaction, &label)).await
    }

    async fn set_older_label(&self, label: &Label) -> Result<()> {
        label.validate()?;
        let label = label.clone();
        self.write(move |transaction| labels::set_older_checked(transaction, &label)).await
    }

    async fn get_label(&self, name: &str, version: Option<&str>) -> Result<Label> {
        let (name, version) = (name.to_owned(), version.map(str::to_owned));
        self.read(move |connection| labels::get(connection, &name, version.as_deref())).await
    }

    fn list_labels(&self, prefix: &str) -> BoxStream<'_, Result<Label>> {
        let prefix: Arc<str> = prefix.into();
        listing::pages((From::at(&prefix), From::at("")), move |cursor| {
            let prefix = prefix.clone();
            self.reader.call(move |connection| listing::labels(connection, &cursor, &prefix))
        })
    }

    async fn label_history(&self, name: &str) -> Result<Vec<DatedLabel>> {
        let name = name.to_owned();
        self.read(move |connection| labels::history(connection, &name)).await
    }

    async fn delete_label(&self, name: &str, version: &str) -> Result<()> {
        let (name, version) = (name.to_owned(), version.to_owned());
        self.write(move |transaction| labels::delete(transaction, &name, &version)).await
    }

    async fn publish_lens(&self, lens: &LensRecord) -> Result<String> {
        let lens = lens.clone();
        self.write(move |transaction| lenses::publish(transaction, &lens)).await
    }

    async fn get_lens(&self, reference: &str) -> Result<StoredLens> {
        let reference = reference.to_owned();
        self.read(move |connection| lenses::get(connection, &reference)).await
    }

    fn list_lenses(&self, prefix: &str) -> BoxStream<'_, Result<StoredLens>> {
        let prefix: Arc<str> = prefix.into();
        listing::pages(VersionCursor::at(&prefix), move |cursor| {
            let prefix = prefix.clone();
            self.reader.call(move |connection| listing::lenses(connection, &cursor, &prefix))
        })
    }
}

impl fmt::Debug for SqliteIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteIndex")
            .field("path", &self.path())
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
