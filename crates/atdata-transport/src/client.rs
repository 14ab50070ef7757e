//! Requests, redirects included.

use std::sync::{Arc, OnceLock};

use atdata_core::remote::{AddressPolicy, is_public};
use atdata_core::url::redact;
use atdata_core::{Error, Result, ResultExt};
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Method, Response};
use url::Url;

use crate::connect::Connector;
use crate::error::from_reqwest;
use crate::options::{HttpOptions, origin_of};
use crate::request::{Body, HttpAnswer, HttpRequest};

/// Asks web servers. Clones share connections.
///
/// ```
/// use atdata_transport::{HttpClient, HttpOptions};
///
/// let client = HttpClient::new(HttpOptions::default());
/// let for_strangers = client.untrusted();
/// # drop(for_strangers);
/// ```
#[derive(Clone, Debug)]
pub struct HttpClient {
    options: Arc<HttpOptions>,
    /// Whether addresses come from strangers.
    untrusted: bool,
    own: Arc<OnceLock<Connector>>,
    foreign: Arc<OnceLock<Connector>>,
}

impl HttpClient {
    /// Nothing is set up before it is needed.
    pub fn new(options: HttpOptions) -> Self {
        Self { options: Arc::new(options), untrusted: false, own: Arc::default(), foreign: Arc::default() }
    }

    /// The client for addresses that come from strangers. They lead to the public network only, and to what
    /// [`HttpOptions::foreign`] allows besides.
    #[must_use]
    pub fn untrusted(&self) -> Self {
        Self { untrusted: true, ..self.clone() }
    }

    /// Sends a request once. Redirects of `GET` are followed; the headers of the request go to its own origin only.
    ///
    /// # Errors
    /// [`Unavailable`](atdata_core::ErrorKind::Unavailable) if there is no answer;
    /// [`PermissionDenied`](atdata_core::ErrorKind::PermissionDenied) for an address that may not be contacted;
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) for one that is none, or that redirects without end. An answer of
    /// any status is no error.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpAnswer> {
        let HttpRequest { method, url, headers, body } = request;
        let sent = self.follow(&method, &url, &HeaderMap::new(), &headers, body).await;
        Ok(HttpAnswer::new(sent.context("url", redact(&url))?))
    }

    fn connector(&self, foreign: bool) -> Result<&Connector> {
        let (cell, policy) = match foreign {
            true => (&self.foreign, self.options.foreign.clone()),
            false => (&self.own, AddressPolicy::any()),
        };
        if cell.get().is_none() {
            let made = Connector::new(&self.options, policy)?;
            return Ok(cell.get_or_init(|| made));
        }
        cell.get().ok_or_else(|| Error::unexpected("no HTTP client"))
    }

    /// Sends a request and follows where it is redirected to. `headers` go everywhere, `own` to the first origin.
    pub(crate) async fn follow(
        &self,
        method: &Method,
        address: &str,
        headers: &HeaderMap,
        own: &HeaderMap,
        mut body: Body,
    ) -> Result<Response> {
        let mut url = parse(address)?;
        let first = origin_of(&url);
        let mut foreign = self.untrusted;
        for _ in 0..=self.options.max_redirects {
            let client = self.connector(foreign)?.for_url(&url)?;
            let mut all = headers.clone();
            all.extend(self.options.headers_for(&url));
            if origin_of(&url) == first {
                all.extend(own.clone());
            }
            let request = client.request(method.clone(), url.clone()).headers(all);
            let request = match std::mem::replace(&mut body, Body::None) {
                Body::None => request,
                Body::Bytes(bytes) => request.body(bytes),
                Body::Stream(chunks) => request.body(reqwest::Body::wrap_stream(chunks)),
            };
            let response = request.send().await.map_err(from_reqwest)?;
            let Some(next) = redirected(&url, &response)? else { return Ok(response) };
            if *method != Method::GET && *method != Method::HEAD {
                let status = response.status();
                return Err(Error::invalid(format!(
                    "the server redirects what is sent to it ({status}): use the address that it means"
                ))
                .with("location", origin_of(&next)));
            }
            // A server in a private network may lead to others there: it is where the user sent us.
            let in_private = response.remote_addr().is_some_and(|address| !is_public(address.ip()));
            let elsewhere = origin_of(&next) != origin_of(&url);
            foreign |= elsewhere && !in_private;
            url = next;
        }
        let most = self.options.max_redirects;
        Err(Error::invalid(format!("the server redirects more than {most} times; check the address")))
    }
}

fn parse(address: &str) -> Result<Url> {
    let url = Url::parse(address.trim()).map_err(|error| {
        // Its text does not repeat the address.
        Error::invalid("this is no web address").with_source(error)
    })?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(Error::unsupported(format!("{other}: addresses are not read from web servers"))),
    }
}

/// Where an answer leads to, if it does.
fn redirected(from: &Url, response: &Response) -> Result<Option<Url>> {
    let known = [301, 302, 303, 307, 308];
    if !known.contains(&response.status().as_u16()) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let next = location.and_then(|location| from.join(location).ok());
    let mut next = next.ok_or_else(|| Error::invalid("the server redirects to nowhere"))?;
    match (from.scheme(), next.scheme()) {
        ("http", "http" | "https") | ("https", "https") => {}
        ("https", "http") => {
            return Err(Error::permission_denied(
                "the server redirects from https to http, where everybody can read and change what is sent",
            ));
        }
        (_, other) => {
            let message = format!("the server redirects to a {other}: address, which is not followed");
            return Err(Error::permission_denied(message));
        }
    }
    // Somebody else's credentials are not ours to send. It cannot fail: web addresses have a host.
    let _ = next.set_username("");
    let _ = next.set_password(None);
    Ok(Some(next))
}
