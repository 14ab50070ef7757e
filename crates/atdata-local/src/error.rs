//! Errors of SQLite, of Redis and of the file system in the project's terms.

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

#[cfg(feature = "redis")]
pub(crate) mod redis {
    use atdata_core::Error;
    use fred::error::{Error as ClientError, ErrorKind as Client};

    /// Whether a command was lost with its connection.
    pub(crate) fn is_lost(error: &ClientError) -> bool {
        match error.kind() {
            _ if is_untrusted(error) => false,
            Client::IO | Client::Routing | Client::Canceled => true,
            // It finds the connection closed where it does not expect it.
            Client::Unknown => error.details() == "Failed to route command.",
            _ => false,
        }
    }

    /// Whether the server's certificate is refused. The client has only words for it.
    fn is_untrusted(error: &ClientError) -> bool {
        error.details().contains("InvalidCertificate")
    }

    /// An error of the client library: what a server answered, or why it did not.
    pub(crate) fn from_client(error: ClientError) -> Error {
        let own = match error.kind() {
            _ if is_untrusted(&error) => {
                Error::unavailable("the certificate of the server is not trusted").with_retryable(false)
            }
            _ if is_lost(&error) => Error::unavailable("the connection to the server failed"),
            Client::Auth | Client::Unknown | Client::InvalidArgument | Client::Cluster => {
                return from_text(error.details());
            }
            Client::Timeout => Error::unavailable("the server did not answer in time"),
            Client::Backpressure => Error::unavailable("too much waits for the server"),
            Client::Sentinel => Error::unavailable("the sentinels do not name a master"),
            Client::Tls => Error::unavailable("the encrypted connection to the server failed"),
            Client::Url | Client::Config | Client::InvalidCommand => {
                Error::invalid("the server cannot be used so").with_retryable(false)
            }
            // While a cluster looks for its nodes.
            Client::Protocol if error.details().contains("cluster state") => {
                Error::unavailable("the servers are not ready")
            }
            _ => Error::unexpected("the server or its client failed"),
        };
        // The client's own words name neither user nor password.
        own.with_source(error)
    }

    /// What a server answered in place of a result: a code and words.
    pub(crate) fn from_text(text: &str) -> Error {
        // Errors inside scripts have their own words around the server's.
        let text =
            text.strip_prefix("ERR Error running script").map_or(text, |rest| inner(rest).unwrap_or(text));
        let code = text.split([' ', '\n', '\r']).next().unwrap_or_default();
        let own = match code {
            "NOAUTH" | "WRONGPASS" => Error::permission_denied("the server wants another user or password"),
            "NOPERM" => Error::permission_denied("the server does not allow this to the user"),
            "OOM" => Error::unavailable("the server's memory is full").with_retryable(false),
            "MISCONF" => {
                Error::unavailable("the server cannot save, and refuses to be changed").with_retryable(false)
            }
            "READONLY" => Error::unavailable("the server is a replica now, or refuses to be changed"),
            "LOADING" => Error::unavailable("the server is loading its data"),
            "BUSY" => Error::unavailable("the server is busy with a script"),
            "CLUSTERDOWN" | "MASTERDOWN" | "TRYAGAIN" | "NOREPLICAS" | "MOVED" | "ASK" => {
                Error::unavailable("the servers are not ready")
            }
            "WRONGTYPE" => Error::corrupt("a key of the index holds something else"),
            _ if text.contains("The user executing the script can't") => {
                Error::permission_denied("the server does not allow this to the user")
            }
            _ if text.contains("max number of clients") => {
                Error::unavailable("the server has too many clients")
            }
            _ => Error::unexpected("the server refused"),
        };
        let is_code = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase());
        let own = if is_code { own.with("code", code) } else { own };
        own.with("answer", text.trim())
    }

    /// What a command inside a script answered: behind a prefix like `script: …, on @user_script:3: `.
    fn inner(text: &str) -> Option<&str> {
        let start =
            text.find("@user_script:").and_then(|at| text.get(at..)?.find(": ").map(|end| at + end + 2))?;
        text.get(start..)
    }

    #[cfg(test)]
    mod tests {
        use atdata_core::ErrorKind;

        use super::*;

        #[test]
        fn answers_are_told_apart() {
            for (text, kind, retryable) in [
                ("WRONGPASS invalid username-password pair", ErrorKind::PermissionDenied, false),
                ("NOPERM this user has no permissions", ErrorKind::PermissionDenied, false),
                ("OOM command not allowed when used memory > 'maxmemory'.", ErrorKind::Unavailable, false),
                ("MISCONF Redis is configured to save RDB snapshots", ErrorKind::Unavailable, false),
                ("READONLY You can't write against a read only replica.", ErrorKind::Unavailable, true),
                ("LOADING Redis is loading the dataset in memory", ErrorKind::Unavailable, true),
                ("BUSY Redis is busy running a script.", ErrorKind::Unavailable, true),
                ("CLUSTERDOWN The cluster is down", ErrorKind::Unavailable, true),
                ("ERR max number of clients reached", ErrorKind::Unavailable, true),
                (
                    "ERR The user executing the script can't run this command",
                    ErrorKind::PermissionDenied,
                    false,
                ),
                ("WRONGTYPE Operation against a key", ErrorKind::Corrupt, false),
                ("ERR unknown command", ErrorKind::Unexpected, false),
                ("", ErrorKind::Unexpected, false),
            ] {
                let error = from_text(text);
                assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{text}");
            }
        }

        #[test]
        fn errors_inside_scripts_are_those_of_their_commands() {
            let text =
                "ERR Error running script (call to f_1): @user_script:9: WRONGTYPE Operation against a key";
            assert_eq!(from_text(text).kind(), ErrorKind::Corrupt);
        }
    }
}
