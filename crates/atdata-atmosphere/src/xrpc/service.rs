//! One server, as one account or as nobody.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use atdata_core::remote::RetryPolicy;
use atdata_core::{Error, Result, ResultExt};
use atdata_transport::{HttpAnswer, HttpClient, HttpRequest};
use futures::FutureExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

use super::MAX_JSON;
use super::limits::{Patience, wanted};
use crate::error::XrpcFault;
use crate::session::{Access, Keeper};

/// The longest body of an error that is read.
const MAX_FAULT: usize = 64 << 10;

/// How often one request may find its token too old. Tokens that live for seconds can be so again.
const REFRESHES: u32 = 4;

/// As whom a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Auth {
    /// As nobody.
    None,
    /// As the account, if there is one.
    IfAny,
    /// As the account.
    Account,
    /// As the account, with a token that is far from its end: for bodies so long that the server answers before it has
    /// read them.
    Fresh,
}

/// A server that answers XRPC.
#[derive(Clone)]
pub(crate) struct Service {
    base: Arc<str>,
    http: HttpClient,
    retry: Arc<RetryPolicy>,
    keeper: Option<Arc<Keeper>>,
}

impl Service {
    pub(crate) fn new(
        base: &str,
        http: HttpClient,
        retry: Arc<RetryPolicy>,
        keeper: Option<Arc<Keeper>>,
    ) -> Self {
        Self { base: base.trim_end_matches('/').into(), http, retry, keeper }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn http(&self) -> &HttpClient {
        &self.http
    }

    pub(crate) fn retry(&self) -> &RetryPolicy {
        &self.retry
    }

    /// The address of a method with its parameters.
    pub(crate) fn address(&self, method: &str, parameters: &[(&str, &str)]) -> String {
        let mut url = format!("{}/xrpc/{method}", self.base);
        for (i, (name, value)) in parameters.iter().enumerate() {
            url.push(if i == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            url.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
        url
    }

    /// Asks for JSON, again if need be.
    pub(crate) async fn query(&self, method: &str, parameters: &[(&str, &str)]) -> Result<Json> {
        let bytes = self.query_bytes(method, parameters, MAX_JSON).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Error::corrupt("the server's answer is no JSON")
                .with("method", method)
                .with("url", &self.base)
                .with_source(error)
        })
    }

    /// Asks for bytes, again if need be.
    pub(crate) async fn query_bytes(
        &self,
        method: &str,
        parameters: &[(&str, &str)],
        limit: usize,
    ) -> Result<bytes::Bytes> {
        let (url, patient) = (self.address(method, parameters), self.patient());
        let asked = patient.repeat(|| {
            async {
                let answer = self.call(&|| Ok(HttpRequest::get(&url)), Auth::IfAny, self.timeout()).await?;
                answer.into_bytes(limit).await
            }
            .boxed()
        });
        asked.await.context("method", method).context("url", &*self.base)
    }

    /// When something is done again that waits for limits itself.
    pub(crate) fn patient(&self) -> RetryPolicy {
        let read_timeout = self.retry.read_timeout.saturating_add(self.retry.max_retry_after);
        RetryPolicy { read_timeout, ..(*self.retry).clone() }
    }

    /// How long a server may think about a request whose body is short.
    pub(crate) fn timeout(&self) -> Duration {
        self.retry.read_timeout
    }

    /// Sends a request, as the account; again only if the server says that it did nothing but look at the token or at its
    /// rate limit. An answer that is an error is an error here.
    pub(crate) async fn call(
        &self,
        request: &(dyn Fn() -> Result<HttpRequest> + Sync),
        auth: Auth,
        timeout: Duration,
    ) -> Result<HttpAnswer> {
        let mut patience = Patience::new(self.retry.max_retry_after);
        let mut refreshes = 0;
        loop {
            let token = self.token(auth).await?;
            let mut request = request()?;
            if let Some(access) = &token {
                let bearer = format!("Bearer {}", access.token.expose());
                request = request.with_header("authorization", &bearer)?;
            }
            let sent = tokio::time::timeout(timeout, self.http.send(request)).await;
            let answer = sent
                .map_err(|_| Error::unavailable(format!("the server did not answer within {timeout:?}")))??;
            let status = answer.status();
            if (200..300).contains(&status) {
                return Ok(answer);
            }
            let (wait, retry_after) = (wanted(&answer), answer.retry_after());
            let fault = match answer.into_bytes(MAX_FAULT).await {
                Ok(body) => XrpcFault::read(&body),
                // What is wrong was not heard to its end: the status alone would be taken for something else.
                Err(error) if error.is_retryable() => return Err(error.with("url", &self.base)),
                Err(_) => XrpcFault::default(),
            };
            if fault.wants_fresh_token(status)
                && refreshes < REFRESHES
                && let (Some(keeper), Some(token)) = (&self.keeper, &token)
            {
                refreshes += 1;
                keeper.refresh(token).await?;
                continue;
            }
            let error = fault.into_error(status);
            match retry_after {
                _ if status == 429 => patience.wait(wait, error).await?,
                Some(wait) if error.is_retryable() => return Err(error.with_retry_after(wait)),
                _ => return Err(error),
            }
        }
    }

    async fn token(&self, auth: Auth) -> Result<Option<Access>> {
        let needed = matches!(auth, Auth::Account | Auth::Fresh);
        match &self.keeper {
            None if needed => Err(crate::AuthFault::NoSession.error()),
            None => Ok(None),
            Some(_) if auth == Auth::None => Ok(None),
            Some(keeper) => match keeper.access(auth == Auth::Fresh).await {
                // What anybody may read is read as nobody then.
                Err(_) if !needed => Ok(None),
                token => token.map(Some),
            },
        }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("base", &self.base).finish_non_exhaustive()
    }
}
