//! A session in a file that only its owner can read.

use std::fs::{self, File};
use std::io::{ErrorKind as IoKind, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use atdata_core::{Error, Result, ResultExt};

use super::{Session, SessionStore};

/// Keeps a session in a file of mode 600, which is replaced as a whole.
///
/// ```no_run
/// use atdata_atmosphere::{SessionFile, SessionStore};
///
/// # async fn example() -> atdata_core::Result<()> {
/// let file = SessionFile::new("sessions/alice.json");
/// if let Some(session) = file.load().await? {
///     println!("logged in as {}", session.handle);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SessionFile {
    path: PathBuf,
}

impl SessionFile {
    /// Names the file. It needs not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self) -> Result<Option<Session>> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == IoKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::from_io(error).with("path", self.path.display())),
        };
        Session::from_json(&text).map(Some).context("path", self.path.display())
    }

    fn write(&self, session: Option<&Session>) -> Result<()> {
        let Some(session) = session else {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != IoKind::NotFound => {
                    Err(Error::from_io(error)).context("path", self.path.display())
                }
                _ => Ok(()),
            };
        };
        let text = session.to_json()?;
        self.replace(text.expose()).map_err(Error::from_io).context("path", self.path.display())
    }

    fn replace(&self, text: &str) -> std::io::Result<()> {
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        fs::create_dir_all(directory)?;
        // Temporary files are nobody else's to read from the moment they are made.
        let mut file = tempfile::Builder::new().prefix(".session-").tempfile_in(directory)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|failed| failed.error)?;
        File::open(directory).and_then(|directory| directory.sync_all()).or(Ok(()))
    }
}

#[async_trait]
impl SessionStore for SessionFile {
    async fn load(&self) -> Result<Option<Session>> {
        let file = self.clone();
        tokio::task::spawn_blocking(move || file.read()).await.map_err(ended)?
    }

    async fn save(&self, session: Option<&Session>) -> Result<()> {
        let (file, session) = (self.clone(), session.cloned());
        tokio::task::spawn_blocking(move || file.write(session.as_ref())).await.map_err(ended)?
    }
}

fn ended(error: tokio::task::JoinError) -> Error {
    Error::unexpected("the file of the session was not reached").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(access: &str) -> Session {
        Session {
            did: "did:plc:abc".into(),
            handle: "alice.test".into(),
            pds: "https://pds.example".into(),
            access: access.into(),
            refresh: "r".into(),
        }
    }

    #[tokio::test]
    async fn it_is_kept_replaced_and_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let file = SessionFile::new(directory.path().join("below/session.json"));
        assert_eq!(file.load().await.unwrap(), None);
        for access in ["one", "two"] {
            file.save(Some(&session(access))).await.unwrap();
            assert_eq!(file.load().await.unwrap(), Some(session(access)));
        }
        file.save(None).await.unwrap();
        file.save(None).await.unwrap();
        assert_eq!(file.load().await.unwrap(), None);
        assert_eq!(fs::read_dir(directory.path().join("below")).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let file = SessionFile::new(directory.path().join("session.json"));
        fs::write(file.path(), "{}").unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
        file.save(Some(&session("one"))).await.unwrap();
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn what_is_no_session_is_named_and_not_repeated() {
        let directory = tempfile::tempdir().unwrap();
        let file = SessionFile::new(directory.path().join("session.json"));
        fs::write(file.path(), r#"{"access": "sesame"}"#).unwrap();
        let error = file.load().await.unwrap_err().to_string();
        assert!(error.contains("session.json") && !error.contains("sesame"), "{error}");
    }
}
