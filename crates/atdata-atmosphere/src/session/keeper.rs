//! Keeps a session alive.
//!
//! However many requests find the token too old, one of them asks for a new one; the others wait for it. The asking is a
//! task of its own: a request that is dropped half-way does not end it, so that tokens that the server has given are
//! never lost. Only a server that says so ends a session; a network that fails does not.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use atdata_core::remote::RetryPolicy;
use atdata_core::{Error, ErrorKind, Result, ResultExt};
use atdata_transport::{HttpClient, HttpRequest};
use atrium_api::com::atproto::server::refresh_session;
use futures::FutureExt;
use tokio::sync::OwnedMutexGuard;

use super::{Session, SessionStore, token};
use crate::Secret;
use crate::error::{AuthFault, XrpcFault};

/// The longest answer to a request for tokens.
const MAX_ANSWER: usize = 1 << 20;

/// A token for requests, and which renewal it came from.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) token: Secret,
    renewal: u64,
}

/// A session that renews itself.
pub(crate) struct Keeper {
    http: HttpClient,
    retry: Arc<RetryPolicy>,
    store: Option<Arc<dyn SessionStore>>,
    state: Mutex<State>,
    /// Held by the one that asks.
    asking: Arc<tokio::sync::Mutex<()>>,
}

struct State {
    /// None when the session is over.
    session: Result<Session, AuthFault>,
    /// How often the tokens were renewed. Tokens themselves do not tell: those of one second are equal.
    renewed: u64,
    /// How often the server was asked for new tokens.
    asked: u64,
    /// Why the last asking failed.
    failure: Option<(ErrorKind, String, bool)>,
}

impl Keeper {
    pub(crate) fn new(
        session: Session,
        http: HttpClient,
        retry: Arc<RetryPolicy>,
        store: Option<Arc<dyn SessionStore>>,
    ) -> Arc<Self> {
        let state = State { session: Ok(session), renewed: 0, asked: 0, failure: None };
        Arc::new(Self { http, retry, store, state: Mutex::new(state), asking: Arc::default() })
    }

    fn with_state<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The session as it is now.
    ///
    /// # Errors
    /// It is over.
    pub(crate) fn session(&self) -> Result<Session> {
        self.with_state(|state| state.session.clone()).map_err(AuthFault::error)
    }

    /// The token for a request; renewed before if it must live for a while.
    pub(crate) async fn access(self: &Arc<Self>, must_last: bool) -> Result<Access> {
        let access = self.newest()?;
        let end_is_near = if must_last { token::is_old } else { token::is_over };
        if !end_is_near(access.token.expose()) {
            return Ok(access);
        }
        match self.refresh(&access).await {
            Ok(()) => self.newest(),
            // It may live longer than this machine's clock says.
            Err(error) if error.kind() != ErrorKind::PermissionDenied => Ok(access),
            Err(error) => Err(error),
        }
    }

    /// The token as it is now.
    pub(super) fn newest(&self) -> Result<Access> {
        let newest = self.with_state(|state| {
            let token = state.session.as_ref().map(|session| session.access.clone());
            token.map(|token| Access { token, renewal: state.renewed }).map_err(|fault| *fault)
        });
        newest.map_err(AuthFault::error)
    }

    /// Renews the tokens, unless somebody did since `stale` was given.
    ///
    /// # Errors
    /// The session is over ([`AuthFault`]); or the server cannot be asked now, which leaves the session as it is.
    pub(crate) async fn refresh(self: &Arc<Self>, stale: &Access) -> Result<()> {
        let before = self.with_state(|state| state.asked);
        let turn = self.asking.clone().lock_owned().await;
        if self.newest()?.renewal != stale.renewal {
            return Ok(());
        }
        // Somebody asked while this one waited for its turn, and failed: the answer would be the same.
        let failed = self.with_state(|state| state.failure.clone().filter(|_| state.asked > before));
        if let Some((kind, message, retryable)) = failed {
            return Err(Error::new(kind, message).with_retryable(retryable));
        }
        let keeper = self.clone();
        let asking = tokio::spawn(async move { keeper.ask(turn).await });
        asking.await.map_err(|error| Error::unexpected("a login was not renewed").with_source(error))?
    }

    /// Asks for new tokens and keeps them. `_turn` is held to the end.
    async fn ask(&self, _turn: OwnedMutexGuard<()>) -> Result<()> {
        let asked = self.renewed().await;
        self.with_state(|state| {
            state.asked += 1;
            state.failure = asked
                .as_ref()
                .err()
                .map(|error| (error.kind(), error.message().to_owned(), error.is_retryable()));
        });
        let session = asked?;
        self.with_state(|state| {
            state.renewed += 1;
            state.session = Ok(session.clone());
        });
        if let Some(store) = &self.store
            && let Err(error) = store.save(Some(&session)).await
        {
            // The session itself is good.
            tracing::warn!(%error, "the renewed login cannot be saved");
        }
        Ok(())
    }

    async fn renewed(&self) -> Result<Session> {
        let mut session = self.session()?;
        // Another program may have renewed them.
        if let Some(store) = &self.store
            && let Ok(Some(saved)) = store.load().await
            && saved.did == session.did
            && saved.pds == session.pds
            && saved.refresh != session.refresh
        {
            if !token::is_over(saved.access.expose()) {
                return Ok(saved);
            }
            session = saved;
        }
        let asked = self.retry.repeat(|| self.ask_server(&session).boxed()).await;
        match asked {
            Ok(tokens) if tokens.did.as_str() == session.did => Ok(Session {
                handle: tokens.handle.to_string(),
                access: tokens.access_jwt.as_str().into(),
                refresh: tokens.refresh_jwt.as_str().into(),
                ..session
            }),
            Ok(_) => Err(Error::corrupt("the server renewed the login of another account")),
            Err(error) => {
                if let Some(fault) = AuthFault::of(&error) {
                    self.with_state(|state| state.session = Err(fault));
                }
                Err(error)
            }
        }
    }

    async fn ask_server(&self, session: &Session) -> Result<refresh_session::Output> {
        let url = format!("{}/xrpc/{}", session.pds, refresh_session::NSID);
        let request = HttpRequest::post(&url)
            .with_header("authorization", &format!("Bearer {}", session.refresh.expose()))?;
        let answer = self.http.send(request).await?;
        let (status, retry_after) = (answer.status(), answer.retry_after());
        let body = answer.into_bytes(MAX_ANSWER).await.context("url", &url)?;
        if status == 200 {
            return serde_json::from_slice(&body).map_err(|error| {
                // Its text could repeat a token.
                Error::corrupt(format!("the server's new tokens cannot be read (column {})", error.column()))
                    .with("url", &url)
            });
        }
        let fault = XrpcFault::read(&body);
        let error = match (status, fault.name()) {
            (400 | 401, "ExpiredToken" | "InvalidToken") => over(session).error(),
            (401, _) => over(session).error(),
            _ => fault.into_error(status),
        };
        let error = error.with("url", &url);
        Err(match retry_after {
            Some(wait) if error.is_retryable() => error.with_retry_after(wait),
            _ => error,
        })
    }

    /// Ends the session, here and on the server.
    ///
    /// # Errors
    /// The server cannot be asked; here it is over nevertheless.
    pub(crate) async fn end(&self) -> Result<()> {
        let turn = self.asking.clone().lock_owned().await;
        let session =
            self.with_state(|state| std::mem::replace(&mut state.session, Err(AuthFault::NoSession)));
        drop(turn);
        if let Some(store) = &self.store {
            store.save(None).await?;
        }
        let Ok(session) = session else { return Ok(()) };
        self.retry.repeat(|| self.delete(&session).boxed()).await
    }

    async fn delete(&self, session: &Session) -> Result<()> {
        let url = format!("{}/xrpc/com.atproto.server.deleteSession", session.pds);
        let request = HttpRequest::post(&url)
            .with_header("authorization", &format!("Bearer {}", session.refresh.expose()))?;
        let answer = self.http.send(request).await?;
        match answer.status() {
            // One that has ended already is no failure.
            200 | 400 | 401 => Ok(()),
            status => Err(XrpcFault::default().into_error(status).with("url", &url)),
        }
    }
}

/// Why the server does not renew a session: its time is over, or it was ended.
fn over(session: &Session) -> AuthFault {
    if token::is_over(session.refresh.expose()) { AuthFault::Expired } else { AuthFault::Revoked }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("session", &self.session().ok()).finish_non_exhaustive()
    }
}
