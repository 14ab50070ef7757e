//! The file: how it is opened, and what is in it.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use atdata_core::{Error, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::error::SqlResultExt;

/// Python's tables and indexes, to the letter: whichever program comes first makes them.
pub(super) const PYTHON_DDL: &str = "\
CREATE TABLE IF NOT EXISTS dataset_entries (
    cid         TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    schema_ref  TEXT NOT NULL,
    data_urls   BLOB NOT NULL,
    metadata    BLOB,
    legacy_uuid TEXT,
    created_at  TEXT DEFAULT (datetime('now'))
);
CREATE INDEX IF NOT EXISTS idx_entries_name
    ON dataset_entries(name);
CREATE TABLE IF NOT EXISTS schemas (
    name        TEXT NOT NULL,
    version     TEXT NOT NULL,
    schema_json TEXT NOT NULL,
    created_at  TEXT DEFAULT (datetime('now')),
    PRIMARY KEY (name, version)
);
CREATE TABLE IF NOT EXISTS labels (
    name        TEXT NOT NULL,
    cid         TEXT NOT NULL,
    version     TEXT NOT NULL DEFAULT '',
    description TEXT,
    created_at  TEXT DEFAULT (datetime('now')),
    PRIMARY KEY (name, version)
);
CREATE INDEX IF NOT EXISTS idx_labels_cid
    ON labels(cid);
CREATE TABLE IF NOT EXISTS lenses (
    name        TEXT NOT NULL,
    version     TEXT NOT NULL,
    lens_json   TEXT NOT NULL,
    created_at  TEXT DEFAULT (datetime('now')),
    PRIMARY KEY (name, version)
);
";

/// Our own additions, which Python does not notice; see the documentation of the module `sqlite`.
///
/// The trigger runs in whatever process inserts, Python's too. `INSERT OR REPLACE` fires it before the old row goes;
/// a delete trigger would not fire at all.
pub(super) const OWN_DDL: &str = "\
CREATE TABLE IF NOT EXISTS atdata_names (
    cid         TEXT NOT NULL,
    name        TEXT NOT NULL,
    metadata    BLOB,
    legacy_uuid TEXT,
    created_at  TEXT,
    PRIMARY KEY (cid, name)
);
CREATE INDEX IF NOT EXISTS atdata_names_name
    ON atdata_names(name);
CREATE INDEX IF NOT EXISTS atdata_labels_latest
    ON labels(name, created_at);
CREATE TRIGGER IF NOT EXISTS atdata_keep_names BEFORE INSERT ON dataset_entries
BEGIN
    INSERT OR REPLACE INTO atdata_names (cid, name, metadata, legacy_uuid, created_at)
        SELECT cid, name, metadata, legacy_uuid, created_at FROM dataset_entries
        WHERE cid = NEW.cid AND name <> NEW.name;
    DELETE FROM atdata_names WHERE cid = NEW.cid AND name = NEW.name;
END;
";

/// The number of statements in the two.
const OBJECTS: i64 = 10;

/// Statements that stay prepared; there are about thirty.
const PREPARED: usize = 64;

/// The most memory that a connection keeps of the file, in KiB. Content identifiers are spread over the whole of two
/// indexes; with SQLite's 2 MiB a large index would be read anew for every insertion.
const CACHE_KIB: i64 = 64 << 10;

/// The same while many datasets are inserted at once: what has been changed and does not fit is written twice.
const BULK_CACHE_KIB: i64 = 256 << 10;

/// Opens the file for writing and makes what is missing in it.
pub(super) fn open_writer(path: &Path, busy_timeout: Duration) -> Result<Connection> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)
            .map_err(|error| Error::from_io(error).with("path", directory.display()))?;
    }
    let mut connection = connect(path, busy_timeout, OpenFlags::SQLITE_OPEN_CREATE)?;
    set_wal(&connection, busy_timeout)?;
    // As Python has it: a commit that was reported survives a power cut.
    connection.pragma_update(None, "synchronous", "FULL").sql()?;
    create_missing(&mut connection)?;
    Ok(connection)
}

/// Opens the file for reading, beside a writer.
pub(super) fn open_reader(path: &Path, busy_timeout: Duration) -> Result<Connection> {
    let connection = connect(path, busy_timeout, OpenFlags::empty())?;
    stand_in_for_missing(&connection)?;
    connection.pragma_update(None, "query_only", true).sql()?;
    Ok(connection)
}

/// Makes a database in memory.
pub(super) fn open_in_memory() -> Result<Connection> {
    let mut connection = Connection::open_in_memory().sql()?;
    keep_statements(&connection)?;
    create_missing(&mut connection)?;
    Ok(connection)
}

fn connect(path: &Path, busy_timeout: Duration, more: OpenFlags) -> Result<Connection> {
    // No `SQLITE_OPEN_URI`: a path is a path, whatever it looks like.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(path, flags).sql()?;
    connection.busy_timeout(busy_timeout).sql()?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB).sql()?;
    keep_statements(&connection)?;
    Ok(connection)
}

/// Lets a connection keep more of the file while `job` runs.
pub(super) fn in_bulk<T>(
    connection: &mut Connection,
    job: impl FnOnce(&mut Connection) -> Result<T>,
) -> Result<T> {
    connection.pragma_update(None, "cache_size", -BULK_CACHE_KIB).sql()?;
    let done = job(connection);
    connection.pragma_update(None, "cache_size", -CACHE_KIB).sql()?;
    connection.execute_batch("PRAGMA shrink_memory").sql()?;
    done
}

/// Lets prepared statements live. Without the query planner's stability guarantee SQLite would compile them anew
/// whenever another value is bound.
fn keep_statements(connection: &Connection) -> Result<()> {
    connection.set_prepared_statement_cache_capacity(PREPARED);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).sql()?;
    Ok(())
}

/// Switches to the write-ahead log, with which readers and a writer do not block each other. The switch needs the
/// file for itself for a moment, and SQLite does not wait for that by itself.
fn set_wal(connection: &Connection, busy_timeout: Duration) -> Result<()> {
    let deadline = Instant::now() + busy_timeout;
    loop {
        let mode =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0));
        match mode {
            // A file system without shared memory keeps another mode, which is slower and as safe.
            Ok(_) => return Ok(()),
            Err(rusqlite::Error::SqliteFailure(failure, _)) if failure.code == ErrorCode::ReadOnly => {
                return Ok(());
            }
            Err(rusqlite::Error::SqliteFailure(failure, _))
                if failure.code == ErrorCode::DatabaseBusy && Instant::now() < deadline =>
            {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error).sql(),
        }
    }
}

fn create_missing(connection: &mut Connection) -> Result<()> {
    if is_complete(connection)? {
        return Ok(());
    }
    let result = (|| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(PYTHON_DDL)?;
        transaction.execute_batch(OWN_DDL)?;
        transaction.commit()
    })();
    match result {
        // What can be read of it is.
        Err(rusqlite::Error::SqliteFailure(failure, _)) if failure.code == ErrorCode::ReadOnly => {
            stand_in_for_missing(connection)
        }
        other => other.sql(),
    }
}

fn is_complete(connection: &Connection) -> Result<bool> {
    let found: i64 = connection
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name IN ('dataset_entries', 'idx_entries_name', 'schemas', \
             'labels', 'idx_labels_cid', 'lenses', 'atdata_names', 'atdata_names_name', 'atdata_labels_latest', \
             'atdata_keep_names')",
            [],
            |row| row.get(0),
        )
        .sql()?;
    Ok(found == OBJECTS)
}

/// Puts empty tables of the connection's own in the place of those that a read-only file lacks.
fn stand_in_for_missing(connection: &Connection) -> Result<()> {
    if is_complete(connection)? {
        return Ok(());
    }
    connection.pragma_update(None, "temp_store", "memory").sql()?;
    for table in ["dataset_entries", "schemas", "labels", "lenses", "atdata_names"] {
        let exists = connection.table_exists(None, table).sql()?;
        let ddl = PYTHON_DDL.split_inclusive(";\n").chain(OWN_DDL.split_inclusive(";\n"));
        let create = format!("CREATE TABLE IF NOT EXISTS {table} (");
        for statement in ddl.filter(|statement| !exists && statement.starts_with(&create)) {
            connection.execute_batch(&statement.replacen("CREATE TABLE", "CREATE TEMP TABLE", 1)).sql()?;
        }
    }
    Ok(())
}
