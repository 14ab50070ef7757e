//! Who the server says that we are.

use atdata_core::{Error, Result, ResultExt};
use atdata_transport::HttpRequest;
use atrium_api::com::atproto::server::get_session;
use futures::FutureExt;

use crate::xrpc::{Auth, MAX_JSON};
use crate::{Atmosphere, Did};

/// An account as its own server describes it.
///
/// ```
/// fn show(account: &atdata_atmosphere::AccountInfo) -> String {
///     let state = account.status.as_deref().unwrap_or(if account.active { "active" } else { "not active" });
///     format!("{} ({}) on {}, {state}", account.handle, account.did, account.pds)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountInfo {
    /// Its name for ever.
    pub did: Did,
    /// Its name for people, as it is now.
    pub handle: String,
    /// The origin of its server.
    pub pds: String,
    /// Whether it can be used.
    pub active: bool,
    /// Why not, in a word of the server's.
    pub status: Option<String>,
}

impl Atmosphere {
    /// Asks the server who is logged in, which also shows whether the session still holds.
    ///
    /// # Errors
    /// [`AuthFault`](crate::AuthFault) if nobody is; the server cannot be reached.
    pub async fn whoami(&self) -> Result<AccountInfo> {
        let account = self.account()?;
        let service = account.service.clone();
        let url = service.address(get_session::NSID, &[]);
        let patient = service.patient();
        let asked = patient.repeat(|| {
            async {
                let request = || Ok(HttpRequest::get(&url));
                let answer = service.call(&request, Auth::Account, service.timeout()).await?;
                answer.into_bytes(MAX_JSON).await
            }
            .boxed()
        });
        let body = asked.await.context("account", &account.did).context("url", service.base())?;
        let session: get_session::OutputData = serde_json::from_slice(&body).map_err(|error| {
            Error::corrupt("the server does not say who is logged in").with_source(error).with("url", &url)
        })?;
        if session.did.as_str() != account.did.as_str() {
            return Err(Error::corrupt("the server says that somebody else is logged in").with("url", url));
        }
        Ok(AccountInfo {
            did: account.did.clone(),
            handle: session.handle.to_string(),
            pds: service.base().to_owned(),
            active: session.active.unwrap_or(true),
            status: session.status,
        })
    }
}
