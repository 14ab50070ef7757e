//! The network as one account, or nobody, sees it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use atdata_core::remote::RetryPolicy;
use atdata_core::{Result, ResultExt};
use atdata_transport::HttpClient;
use atrium_api::com::atproto::server::create_session;
use futures::FutureExt;

use crate::blobs::Uploaded;
use crate::identity::Resolver;
use crate::repository::Repository;
use crate::session::Keeper;
use crate::tid::TidClock;
use crate::xrpc::{Client, Service, client, from_atrium};
use crate::{AtmosphereOptions, AuthFault, Did, Identity, Secret, Session, SessionStore};

/// What somebody logs in with: a handle or DID, and an app password.
///
/// ```
/// use atdata_atmosphere::Credentials;
///
/// let credentials = Credentials::new("alice.example.org", "abcd-efgh-ijkl-mnop");
/// assert!(!format!("{credentials:?}").contains("abcd"));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Credentials {
    /// Handle or DID.
    pub account: String,
    /// The app password.
    pub password: Secret,
}

impl Credentials {
    /// Joins the two.
    pub fn new(account: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self { account: account.into(), password: password.into() }
    }

    /// `ATDATA_HANDLE` and `ATDATA_PASSWORD`, if both are set.
    pub fn from_env() -> Option<Self> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Some(Self::new(set("ATDATA_HANDLE")?, set("ATDATA_PASSWORD")?))
    }
}

/// The AT Protocol's network, as an account or as nobody. Clones share connections, the session and what is known.
///
/// Everything that is public can be read as nobody; writing needs a login.
///
/// ```no_run
/// use atdata_atmosphere::{Atmosphere, AtmosphereOptions, Credentials};
/// use atdata_core::IndexExt;
///
/// # async fn example() -> atdata_core::Result<()> {
/// let credentials = Credentials::new("alice.example.org", "abcd-efgh-ijkl-mnop");
/// let atmosphere = Atmosphere::login(&credentials, AtmosphereOptions::default(), None).await?;
/// println!("{} datasets", atmosphere.index()?.count_datasets().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Atmosphere {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) options: AtmosphereOptions,
    retry: Arc<RetryPolicy>,
    trusted: HttpClient,
    foreign: HttpClient,
    resolver: Resolver,
    account: Option<Account>,
    repositories: Mutex<HashMap<Did, Arc<Repository>>>,
    pub(crate) tids: TidClock,
    pub(crate) uploaded: Uploaded,
}

/// The account that is logged in.
pub(crate) struct Account {
    pub(crate) did: Did,
    pub(crate) service: Service,
    pub(crate) client: Client,
    keeper: Arc<Keeper>,
}

impl Atmosphere {
    /// The network as nobody sees it. Nothing is contacted.
    pub fn anonymous(options: AtmosphereOptions) -> Self {
        Self::new(options, None)
    }

    /// Logs in. The server is the one of the account's identity, if the options name none. The session is kept in
    /// `store`, if there is one, whenever it changes.
    ///
    /// # Errors
    /// [`AuthFault`] for wrong credentials and accounts that are not active; the identity is not found; the server
    /// cannot be reached.
    pub async fn login(
        credentials: &Credentials,
        options: AtmosphereOptions,
        store: Option<Arc<dyn SessionStore>>,
    ) -> Result<Self> {
        let nobody = Self::anonymous(options);
        let account = credentials.account.trim_start_matches('@');
        let pds = match &nobody.inner.options.pds {
            Some(pds) => pds.clone(),
            None => nobody.resolve(account).await?.pds,
        };
        let service = nobody.trusted_service(&pds, None);
        let input = create_session::InputData {
            allow_takendown: None,
            auth_factor_token: None,
            identifier: account.to_owned(),
            password: credentials.password.expose().to_owned(),
        };
        let server = client(&service).service.com.atproto.server;
        let patient = service.patient();
        let asked = patient.repeat(|| {
            async { from_atrium(create_session::NSID, server.create_session(input.clone().into()).await) }
                .boxed()
        });
        let answer = asked.await.map_err(|error| match error.context_value("error") {
            Some("AuthenticationRequired") => AuthFault::WrongCredentials.error(),
            _ => error,
        });
        let answer = answer.context("account", account).context("url", &pds)?;
        if answer.active == Some(false) {
            return Err(AuthFault::Inactive.error().with("account", account));
        }
        let session = Session {
            did: answer.did.to_string(),
            handle: answer.handle.to_string(),
            pds,
            access: answer.data.access_jwt.into(),
            refresh: answer.data.refresh_jwt.into(),
        };
        if let Some(store) = &store {
            store.save(Some(&session)).await?;
        }
        Self::resume(session, nobody.inner.options.clone(), store)
    }

    /// Goes on with a session. Nothing is contacted: that it has ended is noticed by the first request.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if the session's server or DID is none.
    pub fn resume(
        session: Session,
        options: AtmosphereOptions,
        store: Option<Arc<dyn SessionStore>>,
    ) -> Result<Self> {
        crate::options::server(&session.pds)?;
        let _: Did = session.did.parse()?;
        Ok(Self::new(options, Some((session, store))))
    }

    fn new(options: AtmosphereOptions, session: Option<(Session, Option<Arc<dyn SessionStore>>)>) -> Self {
        let retry = Arc::new(options.retry.clone());
        let trusted = HttpClient::new(options.http.clone());
        let account = session.and_then(|(session, store)| {
            let (did, pds) = (session.did.parse().ok()?, session.pds.clone());
            let keeper = Keeper::new(session, trusted.clone(), retry.clone(), store);
            let service = Service::new(&pds, trusted.clone(), retry.clone(), Some(keeper.clone()));
            Some(Account { did, client: client(&service), service, keeper })
        });
        let inner = Inner {
            resolver: Resolver::new(&options, &trusted, retry.clone()),
            foreign: trusted.untrusted(),
            trusted,
            retry,
            options,
            account,
            repositories: Mutex::default(),
            tids: TidClock::default(),
            uploaded: Uploaded::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The account that is logged in.
    pub fn did(&self) -> Option<&Did> {
        self.inner.account.as_ref().map(|account| &account.did)
    }

    /// The session as it is now, to be kept as a secret.
    ///
    /// # Errors
    /// [`AuthFault`]: there is none, or it has ended.
    pub fn session(&self) -> Result<Session> {
        self.account()?.keeper.session()
    }

    /// Ends the session, here and on the server.
    ///
    /// # Errors
    /// The server cannot be reached; here it is ended nevertheless.
    pub async fn logout(&self) -> Result<()> {
        self.account()?.keeper.end().await
    }

    /// Finds an account by handle or DID.
    ///
    /// # Errors
    /// [`NotFound`](atdata_core::ErrorKind::NotFound); [`PermissionDenied`](atdata_core::ErrorKind::PermissionDenied) if
    /// the handle claims an account that does not claim the handle, or if the account leads to a server that may not be
    /// contacted; [`Corrupt`](atdata_core::ErrorKind::Corrupt) documents.
    pub async fn resolve(&self, account: &str) -> Result<Identity> {
        self.inner.resolver.resolve(account).await
    }

    pub(crate) fn account(&self) -> Result<&Account> {
        self.inner.account.as_ref().ok_or_else(|| AuthFault::NoSession.error())
    }

    pub(crate) fn forget_identity(&self, did: &Did) {
        self.inner.resolver.forget(did);
    }

    fn trusted_service(&self, base: &str, keeper: Option<Arc<Keeper>>) -> Service {
        Service::new(base, self.inner.trusted.clone(), self.inner.retry.clone(), keeper)
    }

    /// The server of a repository.
    pub(crate) async fn service_of(&self, did: &Did) -> Result<Service> {
        if let Some(account) = self.inner.account.as_ref().filter(|account| account.did == *did) {
            return Ok(account.service.clone());
        }
        let pds = self.inner.resolver.server_of(did).await?;
        if let Some(account) = &self.inner.account
            && account.service.base() == pds
        {
            return Ok(account.service.clone());
        }
        if self.inner.options.pds.as_deref() == Some(&pds) {
            return Ok(self.trusted_service(&pds, None));
        }
        Ok(Service::new(&pds, self.inner.foreign.clone(), self.inner.retry.clone(), None))
    }

    /// The repository of an account. All who ask for one share what is known of it.
    pub(crate) fn repository(&self, did: &Did) -> Arc<Repository> {
        /// Repositories of which the contents are kept; a program that walks through more begins anew.
        const MAX_KNOWN: usize = 64;
        let mut known = self.inner.repositories.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN && !known.contains_key(did) {
            known.retain(|_, repository| Arc::strong_count(repository) > 1);
        }
        known.entry(did.clone()).or_insert_with(|| Arc::new(Repository::new(did.clone()))).clone()
    }
}

impl fmt::Debug for Atmosphere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Atmosphere").field("did", &self.did()).finish_non_exhaustive()
    }
}
