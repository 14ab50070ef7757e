//! The AT Protocol's network: as whom it is read, and as whom it is written.
//!
//! Whoever reads needs no account. Whoever writes is, in this order, the account of `ATDATA_HANDLE` and
//! `ATDATA_PASSWORD`, or the one whose session was saved by `atdata login`.

pub(crate) mod password;
mod sessions;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use atdata::atmosphere::{AtmosphereIndex, AuthFault, Session};
use atdata::schema::Profile;
use atdata::{Atmosphere, AtmosphereOptions, Credentials, DatasetRef, Error, HttpOptions, Result};

use crate::output::{CliResult, Hint};
pub(crate) use sessions::Sessions;

/// The network, and who is logged in.
pub(crate) struct Network {
    profile: Profile,
    /// Hosts of one's own network that strangers may lead to.
    hosts: Vec<String>,
    sessions: Option<Sessions>,
    /// What was opened before, so that what is known of the network is found out once.
    opened: Mutex<Opened>,
}

#[derive(Default)]
struct Opened {
    /// The last one, whoever it is.
    last: Option<Atmosphere>,
    /// Those of accounts, with the name that each was asked for by: what one of them knows (its records, the blobs that it has
    /// sent), another one of the same account does not.
    accounts: Vec<(String, Atmosphere)>,
    /// Those of them whose session is for this command only.
    passing: Vec<Atmosphere>,
}

/// Where the session of whom we are comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The variables with a handle and a password.
    Environment,
    /// `atdata login`.
    Saved,
}

impl Origin {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Saved => "saved",
        }
    }
}

impl Network {
    /// Sessions are below `home`, if there is one.
    pub(crate) fn new(profile: Profile, hosts: &[String], home: Option<PathBuf>) -> Self {
        let sessions = home.map(|home| Sessions::new(home.join("sessions")));
        Self { profile, hosts: hosts.to_owned(), sessions, opened: Mutex::default() }
    }

    /// Where sessions are saved.
    ///
    /// # Errors
    /// There is no home directory.
    pub(crate) fn sessions(&self) -> Result<&Sessions> {
        self.sessions.as_ref().ok_or_else(|| Error::invalid("there is no home directory to keep sessions in"))
    }

    /// What the environment and the command line say of servers.
    ///
    /// # Errors
    /// A variable is no web address.
    pub(crate) fn options(&self) -> Result<AtmosphereOptions> {
        let mut options = AtmosphereOptions::from_env()?.with_profile(self.profile);
        options.http = allowing(options.http, &self.hosts);
        Ok(options)
    }

    /// The network as whoever was somebody last sees it, or as nobody.
    ///
    /// # Errors
    /// As [`Network::options`].
    pub(crate) fn any(&self) -> Result<Atmosphere> {
        if let Some(last) = self.with_opened(|opened| opened.last.clone()) {
            return Ok(last);
        }
        let anonymous = Atmosphere::anonymous(self.options()?);
        self.with_opened(|opened| opened.last = Some(anonymous.clone()));
        Ok(anonymous)
    }

    /// The index of an account, to be read: as the account itself if its session is saved, whose word on where its
    /// shards are is then one's own.
    ///
    /// # Errors
    /// There is no such account, or it cannot be found out.
    pub(crate) async fn index(&self, account: &str) -> Result<AtmosphereIndex> {
        if let Some(opened) = self.opened(account) {
            return opened.index();
        }
        let saved = match &self.sessions {
            Some(sessions) => sessions.find(account).await?,
            None => None,
        };
        match saved {
            Some(session) => {
                let atmosphere = self.resumed(session)?;
                self.keep(account, &atmosphere);
                atmosphere.index()
            }
            None => self.any()?.index_of(account).await,
        }
    }

    /// The index that a reference to a dataset or a schema leads to, if it leads to the network: a record's address, or
    /// a name below an account.
    ///
    /// # Errors
    /// As [`Network::index`].
    pub(crate) async fn index_of_reference(&self, reference: &str) -> Result<Option<AtmosphereIndex>> {
        match authority(reference) {
            Some(account) => self.index(&account).await.map(Some),
            None => Ok(None),
        }
    }

    /// The network as an account that may write.
    ///
    /// # Errors
    /// Nobody is logged in as it, or cannot log in.
    pub(crate) async fn writer(&self, account: &str) -> CliResult<Atmosphere> {
        if let Some(opened) = self.opened(account) {
            return Ok(opened);
        }
        if let Some(credentials) = Credentials::from_env()
            && self.is_same(&credentials.account, account).await?
        {
            let atmosphere = self.logged_in(&credentials).await?;
            self.keep(account, &atmosphere);
            return Ok(atmosphere);
        }
        let Some(session) = self.saved(account).await? else {
            return Err(no_session().with("account", account)).hint(|| login_hint(account));
        };
        let atmosphere = self.resumed(session)?;
        self.keep(account, &atmosphere);
        Ok(atmosphere)
    }

    /// Who would write if nothing else is said: the environment's account, the one that is named, or the default.
    ///
    /// # Errors
    /// As [`Network::writer`].
    pub(crate) async fn current(&self) -> CliResult<(Atmosphere, Origin)> {
        if let Some(credentials) = Credentials::from_env() {
            return Ok((self.logged_in(&credentials).await?, Origin::Environment));
        }
        match self.sessions()?.default().await? {
            Some(session) => Ok((self.resumed(session)?, Origin::Saved)),
            None => Err(no_session()).hint(|| login_hint("HANDLE")),
        }
    }

    /// Goes on with a saved session.
    ///
    /// # Errors
    /// As [`Network::options`].
    pub(crate) fn resumed(&self, session: Session) -> Result<Atmosphere> {
        let mut options = self.options()?;
        if options.pds.is_none() {
            // It knows handles that no public directory has.
            options = options.with_pds(&session.pds)?;
        }
        let store = self.sessions()?.file(&session.did);
        Atmosphere::resume(session, options, Some(Arc::new(store)))
    }

    /// The saved session of an account, by its DID if it has another handle now.
    async fn saved(&self, account: &str) -> Result<Option<Session>> {
        let Some(sessions) = &self.sessions else { return Ok(None) };
        let found = sessions.find(account).await?;
        if found.is_some() || sessions::bare(account).starts_with("did:") {
            return Ok(found);
        }
        match self.any()?.resolve(account).await {
            Ok(identity) => sessions.find(identity.did.as_str()).await,
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn logged_in(&self, credentials: &Credentials) -> Result<Atmosphere> {
        let atmosphere = Atmosphere::login(credentials, self.options()?, None).await?;
        self.with_opened(|opened| opened.passing.push(atmosphere.clone()));
        Ok(atmosphere)
    }

    /// Ends the sessions that nobody else will use.
    pub(crate) async fn close(&self) {
        for atmosphere in self.with_opened(|opened| std::mem::take(&mut opened.passing)) {
            if let Err(error) = atmosphere.logout().await {
                tracing::info!(%error, "the session of this command was not ended on the server");
            }
        }
    }

    fn keep(&self, account: &str, atmosphere: &Atmosphere) {
        self.with_opened(|opened| {
            opened.last = Some(atmosphere.clone());
            opened.accounts.push((account.to_owned(), atmosphere.clone()));
        });
    }

    fn opened(&self, account: &str) -> Option<Atmosphere> {
        self.with_opened(|opened| {
            let is_it = |(name, atmosphere): &&(String, Atmosphere)| {
                name == account
                    || atmosphere.session().is_ok_and(|session| sessions::is_of(&session, account))
            };
            opened.accounts.iter().find(is_it).map(|(_, atmosphere)| atmosphere.clone())
        })
    }

    /// Whether two names are of one account.
    async fn is_same(&self, one: &str, other: &str) -> Result<bool> {
        if sessions::bare(one).eq_ignore_ascii_case(sessions::bare(other)) {
            return Ok(true);
        }
        let atmosphere = self.any()?;
        Ok(atmosphere.resolve(one).await?.did == atmosphere.resolve(other).await?.did)
    }

    fn with_opened<T>(&self, act: impl FnOnce(&mut Opened) -> T) -> T {
        act(&mut self.opened.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("profile", &self.profile).field("hosts", &self.hosts).finish()
    }
}

/// Lets strangers lead to some hosts of one's own network.
pub(crate) fn allowing(mut options: HttpOptions, hosts: &[String]) -> HttpOptions {
    options.foreign = hosts.iter().fold(options.foreign, |policy, host| policy.allowing(host));
    options
}

/// The account of `at://ACCOUNT`.
pub(crate) fn account_of(address: &str) -> Option<&str> {
    let account = address.strip_prefix("at://")?;
    let account = account.strip_suffix('/').unwrap_or(account);
    let account = sessions::bare(account);
    (!account.is_empty() && !account.contains(['/', '@', '?', '#'])).then_some(account)
}

/// Whose dataset an argument names, if it is of the network: the address of a record, or a name of somebody's.
pub(crate) fn owner(argument: &str) -> Option<String> {
    // What is no whole address of a blob either is told so when it is opened as one.
    let is_blob = argument.strip_prefix("at://").is_some_and(|rest| rest.split('/').nth(1) == Some("blob"));
    authority(argument).filter(|_| !is_blob)
}

/// Whose a reference is, if not this machine's.
fn authority(reference: &str) -> Option<String> {
    if let Some(rest) = reference.strip_prefix("at://") {
        let authority = rest.split('/').next().unwrap_or_default();
        return Some(authority.to_owned());
    }
    let parsed = DatasetRef::parse(reference).ok()?;
    parsed.authority.filter(|authority| authority != "local")
}

fn no_session() -> Error {
    Error::permission_denied("nobody is logged in who could do this").with_source(AuthFault::NoSession)
}

/// What helps if nobody is logged in.
fn login_hint(account: &str) -> String {
    format!("`atdata login {account}` logs in; or set ATDATA_HANDLE and ATDATA_PASSWORD")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_all_of_an_address() {
        for address in ["at://alice.test", "at://@alice.test", "at://alice.test/"] {
            assert_eq!(account_of(address), Some("alice.test"), "{address}");
        }
        assert_eq!(account_of("at://did:plc:abc"), Some("did:plc:abc"));
        for address in ["at://", "at:///", "at://a.test/b", "at://a:b@c.test", "at:a.test", "redis://a"] {
            assert_eq!(account_of(address), None, "{address}");
        }
    }

    #[test]
    fn references_say_whose_they_are() {
        for reference in ["at://alice.test/c/r", "@alice.test/digits", "atdata://alice.test/dataset/digits"] {
            assert_eq!(owner(reference).as_deref(), Some("alice.test"), "{reference}");
        }
        assert_eq!(owner("at://did:plc:abc/blob/bafk"), None);
        for reference in ["digits", "team/digits", "local/digits", "atdata://local/dataset/digits", "@"] {
            assert_eq!(authority(reference), None, "{reference}");
        }
    }
}
