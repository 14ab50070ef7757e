//! Who we are on a server, for how long, and how it is kept so.

mod file;
mod keeper;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
mod token;

use std::fmt;

use async_trait::async_trait;
use atdata_core::{Error, Result};
use serde::{Deserialize, Serialize};

pub use file::SessionFile;
pub(crate) use keeper::{Access, Keeper};

use crate::Secret;

/// A session of an account on its server: what is kept to be somebody again without a password.
///
/// Serialized it holds the tokens; `Debug` does not.
///
/// ```
/// use atdata_atmosphere::Session;
///
/// let text = r#"{"did":"did:plc:abc","handle":"alice.example","pds":"https://pds.example",
///     "access":"…","refresh":"…"}"#;
/// let session = Session::from_json(text)?;
/// assert_eq!(session.did, "did:plc:abc");
/// assert!(!format!("{session:?}").contains('…') || format!("{session:?}").contains("Secret"));
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Session {
    /// The account.
    pub did: String,
    /// Its handle at the login.
    pub handle: String,
    /// The origin of its server.
    pub pds: String,
    /// The token that requests carry; it lives for minutes or hours.
    pub access: Secret,
    /// The token that renews both; it lives for weeks.
    pub refresh: Secret,
}

impl Session {
    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if it is something else. The error does not repeat the text.
    pub fn from_json(text: &str) -> Result<Self> {
        let session: Self = serde_json::from_str(text).map_err(|error| {
            Error::invalid(format!(
                "this is no saved session (line {}, column {})",
                error.line(),
                error.column()
            ))
        })?;
        crate::options::server(&session.pds)?;
        Ok(session)
    }

    /// The session as text, to be kept as a secret.
    ///
    /// # Errors
    /// There is none in practice.
    pub fn to_json(&self) -> Result<Secret> {
        let text = serde_json::to_string(self)
            .map_err(|error| Error::unexpected("a session cannot be written").with_source(error))?;
        Ok(Secret::new(text))
    }
}

/// Where a session is kept between the runs of a program. Several programs may share one: each looks there for newer
/// tokens before it asks the server for them.
///
/// ```
/// use std::sync::Mutex;
/// use async_trait::async_trait;
/// use atdata_atmosphere::{Session, SessionStore};
/// use atdata_core::Result;
///
/// #[derive(Debug, Default)]
/// struct InMemory(Mutex<Option<Session>>);
///
/// #[async_trait]
/// impl SessionStore for InMemory {
///     async fn load(&self) -> Result<Option<Session>> {
///         Ok(self.0.lock().unwrap().clone())
///     }
///     async fn save(&self, session: Option<&Session>) -> Result<()> {
///         *self.0.lock().unwrap() = session.cloned();
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// The session that was saved last, if there is one.
    ///
    /// # Errors
    /// It cannot be read.
    async fn load(&self) -> Result<Option<Session>>;

    /// Saves a session, or forgets the one there is.
    ///
    /// # Errors
    /// It cannot be written.
    async fn save(&self, session: Option<&Session>) -> Result<()>;
}
