//! Who somebody is: from a handle or a DID to the server and the key of a repository.

mod cache;
mod did;
mod document;
mod handle;

use std::sync::Arc;

use atdata_core::remote::{AddressPolicy, RetryPolicy};
use atdata_core::{Error, ErrorKind, Result, ResultExt};
use atdata_transport::{HttpClient, HttpRequest};
use futures::FutureExt;
use serde_json::Value as Json;

use crate::error::XrpcFault;
use crate::options::AtmosphereOptions;
use cache::Cache;
pub use did::Did;
use did::Method;
pub use document::VerificationMethod;
use handle::Names;

/// The longest document that is read.
const MAX_DOCUMENT: usize = 1 << 20;

/// An account: who it is, where it lives, and whose signature its records have.
///
/// ```
/// fn show(identity: &atdata_atmosphere::Identity) -> String {
///     let handle = identity.handle.as_deref().unwrap_or("no handle that leads back");
///     format!("{} ({handle}) on {}", identity.did, identity.pds)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// Its name for ever.
    pub did: Did,
    /// Its name for people, if that leads back to the DID.
    pub handle: Option<String>,
    /// The origin of the server that has its repository.
    pub pds: String,
    /// The key that signs its repository, as its document states it.
    pub signing_key: Option<VerificationMethod>,
}

/// What the document of an account says.
#[derive(Debug)]
struct Known {
    did: Did,
    handles: Vec<String>,
    pds: String,
    signing_key: Option<VerificationMethod>,
}

impl Known {
    fn identity(&self, handle: Option<String>) -> Identity {
        Identity {
            did: self.did.clone(),
            handle,
            pds: self.pds.clone(),
            signing_key: self.signing_key.clone(),
        }
    }
}

/// Finds accounts, and remembers them for a while.
#[derive(Debug)]
pub(crate) struct Resolver {
    /// For the directory, which the user named.
    trusted: HttpClient,
    /// For servers that strangers name.
    foreign: HttpClient,
    plc: String,
    /// A server that may know handles that no public directory has.
    own_pds: Option<String>,
    policy: AddressPolicy,
    retry: Arc<RetryPolicy>,
    names: Names,
    known: Cache<Arc<Known>>,
    /// The DID that a handle claims.
    claims: Cache<Did>,
}

impl Resolver {
    pub(crate) fn new(options: &AtmosphereOptions, http: &HttpClient, retry: Arc<RetryPolicy>) -> Self {
        Self {
            trusted: http.clone(),
            foreign: http.untrusted(),
            plc: options.plc.clone(),
            own_pds: options.pds.clone(),
            policy: options.http.foreign.clone(),
            retry,
            names: Names::new(options.name_servers.clone()),
            known: Cache::new(options.identity_lifetime),
            claims: Cache::new(options.identity_lifetime),
        }
    }

    /// The account of a handle or DID, with or without `@` before it.
    pub(crate) async fn resolve(&self, account: &str) -> Result<Identity> {
        let account = account.strip_prefix('@').unwrap_or(account);
        if account.starts_with("did:") {
            let did: Did = account.parse()?;
            let known = self.of_did(&did).await.context("account", account)?;
            let handle = self.confirmed(&known).await;
            return Ok(known.identity(handle));
        }
        let handle = handle::normalized(account)?;
        let did = self.claimed(&handle).await.context("account", account)?;
        let known = self.of_did(&did).await.context("account", account)?;
        if !known.handles.iter().any(|known| known.eq_ignore_ascii_case(&handle)) {
            let message = format!("the handle claims to be {did}, which does not claim the handle");
            return Err(Error::permission_denied(message).with("account", account));
        }
        Ok(known.identity(Some(handle)))
    }

    /// The server of an account.
    pub(crate) async fn server_of(&self, did: &Did) -> Result<String> {
        Ok(self.of_did(did).await.context("account", did)?.pds.clone())
    }

    /// Forgets what is known of an account: it may have moved.
    pub(crate) fn forget(&self, did: &Did) {
        self.known.forget(did.as_str());
    }

    async fn claimed(&self, handle: &str) -> Result<Did> {
        if let Some(did) = self.claims.get(handle) {
            return Ok(did);
        }
        let did = self.look_up(handle).await?;
        self.claims.put(handle, did.clone());
        Ok(did)
    }

    /// DNS, then the web server of the name; then our own server, which knows its accounts also where no name leads to
    /// it. What any of them says is believed only if the account says the same.
    async fn look_up(&self, handle: &str) -> Result<Did> {
        let mut failure = None;
        if handle::is_public(handle) {
            match self.names.look_up(handle).await {
                Ok(Some(did)) => return Ok(did),
                Ok(None) => {}
                Err(error) => failure = Some(error),
            }
            match self.well_known(handle).await {
                Ok(did) => return Ok(did),
                Err(error) if error.is_not_found() => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if let Some(pds) = &self.own_pds {
            match self.ask_own(pds, handle).await {
                Ok(did) => return Ok(did),
                Err(error) if error.is_not_found() || error.kind() == ErrorKind::Invalid => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(match failure {
            Some(error) if error.is_retryable() => error,
            Some(error) => Error::not_found("there is no account of this handle").with_source(error),
            None => Error::not_found("there is no account of this handle"),
        })
    }

    async fn well_known(&self, handle: &str) -> Result<Did> {
        let url = format!("https://{handle}/.well-known/atproto-did");
        let answer = self.foreign.send(HttpRequest::get(&url)).await?;
        if answer.status() != 200 {
            return Err(XrpcFault::default().into_error(answer.status()).with("url", url));
        }
        let body = answer.into_bytes(2048).await?;
        let text = String::from_utf8_lossy(&body);
        text.trim().parse().context("url", url)
    }

    async fn ask_own(&self, pds: &str, handle: &str) -> Result<Did> {
        let url = format!("{pds}/xrpc/com.atproto.identity.resolveHandle?handle={handle}");
        let json = self.json(&self.trusted, &url).await?;
        let did = json.get("did").and_then(Json::as_str).unwrap_or_default();
        did.parse().context("url", url)
    }

    async fn of_did(&self, did: &Did) -> Result<Arc<Known>> {
        if let Some(known) = self.known.get(did.as_str()) {
            return Ok(known);
        }
        let (client, url) = match did.method() {
            Method::Plc => (&self.trusted, format!("{}/{did}", self.plc)),
            Method::Web { host, port } => {
                // Only one's own machine may go without TLS.
                let scheme = if self.allows_plain(host) { "http" } else { "https" };
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                (&self.foreign, format!("{scheme}://{host}{port}/.well-known/did.json"))
            }
        };
        let json = self.json(client, &url).await.map_err(|error| match error.is_not_found() {
            true => Error::not_found("there is no such account").with("url", &url),
            false => error,
        })?;
        let document = document::read(did, &json).context("url", &url)?;
        let pds = document.pds.ok_or_else(|| {
            Error::not_found("the account has no server: it is not in use").with("account", did)
        })?;
        let (pds, host) = crate::options::server(&pds).context("account", did)?;
        if pds.starts_with("http:") && !self.allows_plain(&host) {
            return Err(Error::permission_denied("the account's server is reached without TLS only")
                .with("account", did)
                .with("url", pds));
        }
        let known =
            Known { did: did.clone(), handles: document.handles, pds, signing_key: document.signing_key };
        let known = Arc::new(known);
        self.known.put(did.as_str(), known.clone());
        Ok(known)
    }

    /// The first handle of an account, if it leads back. One that cannot be looked up now counts as one that does not:
    /// nothing but what is shown depends on it.
    async fn confirmed(&self, known: &Known) -> Option<String> {
        let first = handle::normalized(known.handles.first()?).ok()?;
        let claimed = self.claimed(&first).await.ok()?;
        (claimed == known.did).then_some(first)
    }

    /// Whether a host is one of those that the user allowed wherever they are.
    fn allows_plain(&self, host: &str) -> bool {
        self.policy.check(host, std::net::Ipv4Addr::LOCALHOST.into()).is_ok()
    }

    async fn json(&self, client: &HttpClient, url: &str) -> Result<Json> {
        let asked = self.retry.repeat(|| {
            async {
                let answer = client.send(HttpRequest::get(url)).await?;
                let (status, wait) = (answer.status(), answer.retry_after());
                let body = answer.into_bytes(MAX_DOCUMENT).await?;
                if status != 200 {
                    let error = XrpcFault::read(&body).into_error(status);
                    return Err(match wait {
                        Some(wait) if error.is_retryable() => error.with_retry_after(wait),
                        _ => error,
                    });
                }
                serde_json::from_slice(&body)
                    .map_err(|error| Error::corrupt("the answer is no JSON").with_source(error))
            }
            .boxed()
        });
        asked.await.context("url", url)
    }
}
