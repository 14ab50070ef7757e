//! Sessions of accounts, in one file each: what `login` saves, and `logout` removes.

use std::io::{ErrorKind as IoKind, Write};
use std::path::PathBuf;

use atdata::atmosphere::{Session, SessionFile, SessionStore};
use atdata::{Error, Result, ResultExt};

use crate::output::note;

/// Names the account that is meant if none is named.
const DEFAULT: &str = "default";

/// The end of the names of sessions' files.
const SUFFIX: &str = ".json";

/// The directory with the sessions. Only its owner can read what is in it.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    directory: PathBuf,
}

impl Sessions {
    /// Names the directory. It needs not exist.
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Where the session of an account is.
    pub(crate) fn file(&self, did: &str) -> SessionFile {
        // Not every file system takes colons; a DID has no plus signs.
        SessionFile::new(self.directory.join(format!("{}{SUFFIX}", did.replace([':', '/'], "+"))))
    }

    /// Saves a session, and makes its account the default.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) async fn save(&self, session: &Session) -> Result<()> {
        self.make_directory().map_err(Error::from_io).context("path", self.directory.display())?;
        self.file(&session.did).save(Some(session)).await?;
        let path = self.directory.join(DEFAULT);
        self.write_default(&session.did).map_err(Error::from_io).context("path", path.display())
    }

    fn make_directory(&self) -> std::io::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            builder.mode(0o700);
        }
        builder.create(&self.directory)
    }

    fn write_default(&self, did: &str) -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".default-").tempfile_in(&self.directory)?;
        file.write_all(did.as_bytes())?;
        file.persist(self.directory.join(DEFAULT)).map_err(|failed| failed.error)?;
        Ok(())
    }

    /// The session that is meant if no account is named: that of the last login, or the only one that is left.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) async fn default(&self) -> Result<Option<Session>> {
        let path = self.directory.join(DEFAULT);
        let named = match std::fs::read_to_string(&path) {
            Ok(did) => self.file(did.trim()).load().await?,
            Err(error) if error.kind() == IoKind::NotFound => None,
            Err(error) => return Err(Error::from_io(error).with("path", path.display())),
        };
        if named.is_some() {
            return Ok(named);
        }
        let mut all = self.all().await?;
        Ok(all.pop().filter(|_| all.is_empty()))
    }

    /// The session of an account, by its DID or the handle that it had when it logged in.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) async fn find(&self, account: &str) -> Result<Option<Session>> {
        let account = bare(account);
        if account.starts_with("did:") {
            return self.file(account).load().await;
        }
        Ok(self.all().await?.into_iter().find(|session| is_of(session, account)))
    }

    /// All sessions, by DID. A file that is none is left out, and a note says so.
    async fn all(&self) -> Result<Vec<Session>> {
        let failed = |error| Error::from_io(error).with("path", self.directory.display());
        let listed = match std::fs::read_dir(&self.directory) {
            Ok(listed) => listed,
            Err(error) if error.kind() == IoKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut sessions = Vec::new();
        for item in listed {
            let path = item.map_err(failed)?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match SessionFile::new(&path).load().await {
                Ok(session) => sessions.extend(session),
                Err(error) => note(error),
            }
        }
        sessions.sort_by(|a, b| a.did.cmp(&b.did));
        Ok(sessions)
    }
}

/// A handle or DID without the sign before it.
pub(super) fn bare(account: &str) -> &str {
    account.strip_prefix('@').unwrap_or(account)
}

/// Whether a session is that of an account.
pub(super) fn is_of(session: &Session, account: &str) -> bool {
    let account = bare(account);
    session.did == account || session.handle.eq_ignore_ascii_case(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(name: &str) -> Session {
        let text = format!(
            r#"{{"did":"did:plc:{name}","handle":"{name}.test","pds":"https://pds.test","access":"a","refresh":"r"}}"#
        );
        Session::from_json(&text).unwrap()
    }

    #[tokio::test]
    async fn the_last_login_is_the_default_and_then_the_only_one_that_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let sessions = Sessions::new(directory.path().join("sessions"));
        assert_eq!(sessions.default().await.unwrap(), None);
        assert_eq!(sessions.find("alice.test").await.unwrap(), None);
        for name in ["carol", "alice", "bob"] {
            sessions.save(&session(name)).await.unwrap();
        }
        assert_eq!(sessions.default().await.unwrap(), Some(session("bob")));
        for account in ["did:plc:alice", "alice.test", "@Alice.Test"] {
            assert_eq!(sessions.find(account).await.unwrap(), Some(session("alice")), "{account}");
        }
        sessions.file("did:plc:bob").save(None).await.unwrap();
        assert_eq!(sessions.default().await.unwrap(), None);
        sessions.file("did:plc:carol").save(None).await.unwrap();
        assert_eq!(sessions.default().await.unwrap(), Some(session("alice")));
    }

    #[tokio::test]
    async fn a_file_that_is_none_does_not_hide_the_others() {
        let directory = tempfile::tempdir().unwrap();
        let sessions = Sessions::new(directory.path().to_owned());
        sessions.save(&session("alice")).await.unwrap();
        std::fs::write(directory.path().join("x.json"), "{").unwrap();
        assert_eq!(sessions.find("alice.test").await.unwrap(), Some(session("alice")));
    }
}
