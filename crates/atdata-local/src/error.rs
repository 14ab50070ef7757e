//! Errors of SQLite and of the file system in the project's terms.

#[cfg(feature = "disk")]
pub(crate) use self::disk::at_path;
#[cfg(feature = "sqlite")]
pub(crate) use self::sqlite::SqlResultExt;

#[cfg(feature = "disk")]
mod disk {
    use std::io::{self, ErrorKind as Io};
    use std::path::Path;

    use atdata_core::Error;

    /// An error of the file system, with the path that it happened on.
    pub(crate) fn at_path(error: io::Error, path: &Path) -> Error {
        let own = match error.kind() {
            Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => {
                Error::unavailable("there is no room left for the shards; free some, or write elsewhere")
                    .with_retryable(false)
                    .with_source(error)
            }
            Io::ReadOnlyFilesystem => {
                Error::permission_denied("the file system is read-only").with_source(error)
            }
            Io::CrossesDevices => {
                Error::unsupported("the directory is on another file system than the rest of the store")
                    .with_source(error)
            }
            _ => Error::from_io(error),
        };
        own.with("path", path.display())
    }

    #[cfg(test)]
    mod tests {
        use atdata_core::ErrorKind;

        use super::*;

        #[test]
        fn a_full_disk_is_told_in_words_with_the_path() {
            let error = at_path(Io::StorageFull.into(), Path::new("/data/a.tar"));
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(!error.is_retryable());
            assert!(error.to_string().contains("no room left"), "{error}");
            assert_eq!(error.context_value("path"), Some("/data/a.tar"));
        }
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use atdata_core::{Error, Result};
    use rusqlite::ErrorCode;

    /// Turns the results of SQLite into ours. The path is added where the call is made (`Worker::call`).
    pub(crate) trait SqlResultExt<T> {
        fn sql(self) -> Result<T>;
    }

    impl<T> SqlResultExt<T> for rusqlite::Result<T> {
        fn sql(self) -> Result<T> {
            self.map_err(translate)
        }
    }

    fn translate(error: rusqlite::Error) -> Error {
        use rusqlite::Error as Sql;
        let own = match &error {
            Sql::SqliteFailure(failure, _) => of_code(failure.code),
            Sql::FromSqlConversionFailure(..)
            | Sql::IntegralValueOutOfRange(..)
            | Sql::InvalidColumnType(..)
            | Sql::Utf8Error(..) => Error::corrupt("a row of the index holds a value of the wrong type"),
            _ => Error::unexpected("the index failed"),
        };
        own.with_source(error)
    }

    fn of_code(code: ErrorCode) -> Error {
        match code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
                Error::unavailable("another process kept the index locked for too long; try again")
            }
            ErrorCode::NotADatabase => Error::corrupt("the file is not an SQLite database"),
            ErrorCode::DatabaseCorrupt => {
                Error::corrupt("the index file is damaged; `sqlite3 FILE .recover` may save what is left")
            }
            ErrorCode::ReadOnly => Error::permission_denied("the index file is read-only"),
            ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied => {
                Error::permission_denied("access to the index file is denied")
            }
            ErrorCode::DiskFull => {
                Error::unavailable("there is no room left for the index; free some").with_retryable(false)
            }
            ErrorCode::CannotOpen => Error::permission_denied(
                "the index file cannot be opened; it and its directory must be readable and writable",
            ),
            ErrorCode::TooBig => Error::invalid("a value is too large for the index (1 GB at most)"),
            ErrorCode::OutOfMemory => Error::unavailable("SQLite is out of memory").with_retryable(false),
            ErrorCode::SystemIoFailure => Error::unexpected("reading or writing the index file failed"),
            _ => Error::unexpected("the index failed"),
        }
    }

    #[cfg(test)]
    mod tests {
        use atdata_core::ErrorKind;
        use rusqlite::ffi;

        use super::*;

        fn kind(code: std::os::raw::c_int) -> Error {
            translate(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
        }

        #[test]
        fn codes_of_sqlite_become_kinds_of_errors() {
            let kinds = [
                (ffi::SQLITE_BUSY, ErrorKind::Unavailable, true),
                (ffi::SQLITE_BUSY_SNAPSHOT, ErrorKind::Unavailable, true),
                (ffi::SQLITE_LOCKED, ErrorKind::Unavailable, true),
                (ffi::SQLITE_FULL, ErrorKind::Unavailable, false),
                (ffi::SQLITE_NOTADB, ErrorKind::Corrupt, false),
                (ffi::SQLITE_CORRUPT, ErrorKind::Corrupt, false),
                (ffi::SQLITE_READONLY, ErrorKind::PermissionDenied, false),
                (ffi::SQLITE_READONLY_DBMOVED, ErrorKind::PermissionDenied, false),
                (ffi::SQLITE_CANTOPEN, ErrorKind::PermissionDenied, false),
                (ffi::SQLITE_TOOBIG, ErrorKind::Invalid, false),
                (ffi::SQLITE_IOERR_FSYNC, ErrorKind::Unexpected, false),
            ];
            for (code, expected, retryable) in kinds {
                let error = kind(code);
                assert_eq!((error.kind(), error.is_retryable()), (expected, retryable), "{error}");
            }
        }
    }
}
