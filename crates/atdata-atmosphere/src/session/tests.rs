//! Sessions on a real server, through a proxy that counts and fails.

use std::sync::Arc;
use std::time::Duration;

use atdata_core::ErrorKind;
use atdata_core::remote::RetryPolicy;
use atdata_testkit::proxy::{Fault, FaultProxy, Gate};
use atdata_testkit::servers::pds::{JWT_SECRET, PdsAccount};
use atdata_transport::{HttpClient, HttpOptions};
use data_encoding::BASE64URL_NOPAD;
use futures::FutureExt;
use futures::future::join_all;
use sha2::{Digest, Sha256};

use super::keeper::Access;
use super::*;
use crate::AuthFault;

/// An account behind a proxy.
struct Behind {
    account: PdsAccount,
    proxy: FaultProxy,
}

impl Behind {
    fn new(case: &str) -> Option<Self> {
        let account = PdsAccount::for_test(case)?;
        let proxy = FaultProxy::start(account.address());
        Some(Self { account, proxy })
    }

    fn session(&self) -> Session {
        let account = self.account.account();
        Session {
            did: account.did.clone(),
            handle: account.handle.clone(),
            pds: format!("http://localhost:{}", self.proxy.port()),
            access: account.access_token.as_str().into(),
            refresh: account.refresh_token.as_str().into(),
        }
    }

    fn keeper(&self, session: Session, store: Option<Arc<dyn SessionStore>>) -> Arc<Keeper> {
        let retry = RetryPolicy {
            attempts: 3,
            base_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(5),
            ..RetryPolicy::default()
        };
        Keeper::new(session, HttpClient::new(HttpOptions::default()), Arc::new(retry), store)
    }

    /// How often new tokens were asked for.
    fn renewals(&self) -> usize {
        self.proxy.seen().iter().filter(|request| request.path.contains("refreshSession")).count()
    }
}

/// What a request would carry now.
fn first(keeper: &Keeper) -> Access {
    keeper.newest().unwrap()
}

/// HMAC with SHA-256 (RFC 2104) of a key that is shorter than a block.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let padded = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

/// A token of the server's, of which some claims are others.
fn resigned(token: &str, change: impl Fn(&mut serde_json::Value)) -> Secret {
    let mut parts = token.split('.');
    let (head, claims) = (parts.next().unwrap(), parts.next().unwrap());
    let mut claims = serde_json::from_slice(&BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap()).unwrap();
    change(&mut claims);
    let signed = format!("{head}.{}", BASE64URL_NOPAD.encode(claims.to_string().as_bytes()));
    let signature = BASE64URL_NOPAD.encode(&hmac(JWT_SECRET.as_bytes(), signed.as_bytes()));
    format!("{signed}.{signature}").into()
}

/// A token whose time is over.
fn expired(token: &Secret) -> Secret {
    resigned(token.expose(), |claims| {
        claims["iat"] = 1_600_000_000.into();
        claims["exp"] = 1_600_000_100.into();
    })
}

#[derive(Debug, Default)]
struct InMemory(std::sync::Mutex<Option<Session>>);

#[async_trait]
impl SessionStore for InMemory {
    async fn load(&self) -> Result<Option<Session>> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn save(&self, session: Option<&Session>) -> Result<()> {
        *self.0.lock().unwrap() = session.cloned();
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_find_the_token_too_old_one_asks() {
    let Some(behind) = Behind::new("of_many_that_find_the_token_too_old_one_asks") else { return };
    let store = Arc::new(InMemory::default());
    let session = behind.session();
    let keeper = behind.keeper(session.clone(), Some(store.clone()));
    let access = first(&keeper);
    let all = join_all((0..50).map(|_| keeper.refresh(&access))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(behind.renewals(), 1);
    let renewed = keeper.session().unwrap();
    assert_ne!(renewed.refresh, session.refresh);
    assert_eq!(store.load().await.unwrap(), Some(renewed));
}

#[tokio::test]
async fn a_token_whose_time_is_over_is_renewed_before_it_is_sent() {
    let Some(behind) = Behind::new("a_token_whose_time_is_over_is_renewed_before_it_is_sent") else { return };
    let mut session = behind.session();
    session.access = expired(&session.access);
    let keeper = behind.keeper(session.clone(), None);
    assert_ne!(keeper.access(false).await.unwrap().token, session.access);
    // The new one is good for long requests, too.
    keeper.access(true).await.unwrap();
    assert_eq!(behind.renewals(), 1);
}

#[tokio::test]
async fn who_is_dropped_half_way_loses_no_tokens() {
    let Some(behind) = Behind::new("who_is_dropped_half_way_loses_no_tokens") else { return };
    let gate = Gate::closed();
    behind.proxy.set({
        let gate = gate.clone();
        move |_| Fault::Wait(gate.clone())
    });
    let session = behind.session();
    let keeper = behind.keeper(session.clone(), None);
    let access = first(&keeper);
    let mut dropped = Box::pin(keeper.refresh(&access));
    while behind.renewals() == 0 {
        assert!((&mut dropped).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    drop(dropped);
    let waiting = keeper.refresh(&access);
    gate.let_pass(10);
    waiting.await.unwrap();
    assert_eq!(behind.renewals(), 1, "the one that was dropped had asked");
    assert_ne!(keeper.session().unwrap().refresh, session.refresh);
}

#[tokio::test]
async fn a_network_that_fails_ends_no_session() {
    let Some(behind) = Behind::new("a_network_that_fails_ends_no_session") else { return };
    let session = behind.session();
    let keeper = behind.keeper(session.clone(), None);
    for fault in [
        Fault::NoAnswer,
        Fault::ResetAfter(3),
        Fault::Status { code: 503, retry_after: None },
        Fault::Garbage,
    ] {
        behind.proxy.set(move |_| fault.clone());
        let error = keeper.refresh(&first(&keeper)).await.unwrap_err();
        assert_ne!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert_eq!(keeper.session().unwrap(), session);
    }
    behind.proxy.set(|_| Fault::None);
    keeper.refresh(&first(&keeper)).await.unwrap();
    assert_ne!(keeper.session().unwrap(), session);
}

#[tokio::test]
async fn who_waits_for_one_that_fails_asks_no_more() {
    let Some(behind) = Behind::new("who_waits_for_one_that_fails_asks_no_more") else { return };
    behind.proxy.set(|_| Fault::NoAnswer);
    let session = behind.session();
    let keeper = behind.keeper(session.clone(), None);
    let access = first(&keeper);
    let all = join_all((0..20).map(|_| keeper.refresh(&access))).await;
    assert!(all.iter().all(|done| done.as_ref().is_err_and(|error| error.is_retryable())));
    assert_eq!(behind.renewals(), 3, "one asked as often as its policy says");
}

#[tokio::test]
async fn a_lost_answer_costs_no_session() {
    let Some(behind) = Behind::new("a_lost_answer_costs_no_session") else { return };
    behind.proxy.set(|request| if request.number == 0 { Fault::LostAnswer } else { Fault::None });
    let session = behind.session();
    let keeper = behind.keeper(session.clone(), None);
    // The server has given tokens that nobody got; the old ones still count for a while.
    keeper.refresh(&first(&keeper)).await.unwrap();
    assert_eq!(behind.renewals(), 2);
}

#[tokio::test]
async fn a_session_that_was_ended_and_one_that_expired_are_told_apart() {
    let case = "a_session_that_was_ended_and_one_that_expired_are_told_apart";
    let Some(behind) = Behind::new(case) else { return };
    let session = behind.session();
    let old = Session { refresh: expired(&session.refresh), ..session.clone() };
    let keeper = behind.keeper(old.clone(), None);
    let error = keeper.refresh(&first(&keeper)).await.unwrap_err();
    assert_eq!(
        (error.kind(), AuthFault::of(&error)),
        (ErrorKind::PermissionDenied, Some(AuthFault::Expired))
    );

    behind.keeper(session.clone(), None).end().await.unwrap();
    let keeper = behind.keeper(session.clone(), None);
    let error = keeper.refresh(&first(&keeper)).await.unwrap_err();
    assert_eq!(AuthFault::of(&error), Some(AuthFault::Revoked), "{error}");
    // It is over: nobody is asked again.
    let asked = behind.renewals();
    for _ in 0..3 {
        let error = keeper.access(false).await.unwrap_err();
        assert_eq!(AuthFault::of(&error), Some(AuthFault::Revoked));
    }
    assert_eq!(behind.renewals(), asked);
}

#[tokio::test]
async fn tokens_that_another_program_renewed_are_taken_over() {
    let Some(behind) = Behind::new("tokens_that_another_program_renewed_are_taken_over") else { return };
    let session = behind.session();
    let store = Arc::new(InMemory::default());
    let one = behind.keeper(session.clone(), Some(store.clone()));
    let other = behind.keeper(session.clone(), Some(store.clone()));
    let theirs = first(&other);
    one.refresh(&first(&one)).await.unwrap();
    other.refresh(&theirs).await.unwrap();
    assert_eq!(behind.renewals(), 1);
    assert_eq!(one.session().unwrap(), other.session().unwrap());
}

#[tokio::test]
async fn an_ended_session_is_forgotten_everywhere() {
    let Some(behind) = Behind::new("an_ended_session_is_forgotten_everywhere") else { return };
    let store = Arc::new(InMemory::default());
    let session = behind.session();
    store.save(Some(&session)).await.unwrap();
    let keeper = behind.keeper(session.clone(), Some(store.clone()));
    keeper.end().await.unwrap();
    keeper.end().await.unwrap();
    assert_eq!(store.load().await.unwrap(), None);
    let error = keeper.session().unwrap_err();
    assert_eq!(AuthFault::of(&error), Some(AuthFault::NoSession));
}

#[tokio::test]
async fn secrets_are_in_no_output() {
    let Some(behind) = Behind::new("secrets_are_in_no_output") else { return };
    let session = behind.session();
    let keeper = behind.keeper(session.clone(), None);
    let mut shown = format!("{session:?} {keeper:?}");
    for fault in
        [Fault::NoAnswer, Fault::Garbage, Fault::Status { code: 400, retry_after: None }, Fault::CutAfter(40)]
    {
        behind.proxy.set(move |_| fault.clone());
        let error = {
            let keeper = behind.keeper(session.clone(), None);
            keeper.refresh(&first(&keeper)).await.unwrap_err()
        };
        shown += &format!("{error} {error:?}");
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            shown += &format!("{cause} {cause:?}");
            source = cause.source();
        }
    }
    for secret in [&session.access, &session.refresh] {
        let signature = secret.expose().rsplit('.').next().unwrap();
        assert!(!shown.contains(signature), "{shown}");
    }
}
