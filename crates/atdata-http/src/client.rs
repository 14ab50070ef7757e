//! One question and one answer, redirects included.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use atdata_core::remote::{
    AddressPolicy, ByteRange, Get, ObjectBody, ObjectClient, ObjectInfo, Validator, is_public,
};
use atdata_core::{Error, ErrorKind, Result, ResultExt};
use futures::StreamExt;
use futures::stream;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue, IF_MATCH, IF_RANGE, LOCATION, RANGE};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use crate::answer;
use crate::connect::Connector;
use crate::error::{from_reqwest, from_status};
use crate::options::{HttpOptions, origin_of};

/// Asks web servers for objects.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    options: Arc<HttpOptions>,
    /// Whether addresses come from strangers.
    untrusted: bool,
    own: Arc<OnceLock<Connector>>,
    foreign: Arc<OnceLock<Connector>>,
}

impl Client {
    /// Nothing is set up before it is needed.
    pub(crate) fn new(options: HttpOptions) -> Self {
        Self { options: Arc::new(options), untrusted: false, own: Arc::default(), foreign: Arc::default() }
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

    /// Sends a request and follows where it is redirected to.
    async fn send(&self, method: &Method, address: &str, headers: HeaderMap) -> Result<Response> {
        let mut url = parse(address)?;
        let mut foreign = self.untrusted;
        for _ in 0..=self.options.max_redirects {
            let client = self.connector(foreign)?.for_url(&url)?;
            let mut all = headers.clone();
            all.extend(self.options.headers_for(&url));
            let request = client.request(method.clone(), url.clone()).headers(all);
            let response = request.send().await.map_err(from_reqwest)?;
            let Some(next) = redirected(&url, &response)? else { return Ok(response) };
            // A server in a private network may lead to others there: it is where the user sent us.
            let in_private = response.remote_addr().is_some_and(|address| !is_public(address.ip()));
            let elsewhere = origin_of(&next) != origin_of(&url);
            foreign |= elsewhere && !in_private;
            url = next;
        }
        let most = self.options.max_redirects;
        Err(Error::invalid(format!("the server redirects more than {most} times; check the address")))
    }

    /// Asks for one byte, to learn the length of the whole.
    async fn probe(&self, url: &str) -> Result<ObjectInfo> {
        let range = ByteRange { start: 0, end: Some(1) };
        Ok(self.get(Get { range: Some(range), ..Get::new(url) }).await?.info)
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

/// The headers of a question for bytes.
fn headers(get: &Get<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // Of a body that is packed on its way nobody knows where a byte is.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(range) = get.range
        && let Ok(value) = HeaderValue::from_str(&range.to_string())
    {
        headers.insert(RANGE, value);
    }
    let condition = match (get.range, get.if_match) {
        (Some(_), Some(wanted)) => Some((IF_RANGE, wanted)),
        (None, Some(wanted @ Validator::ETag(_))) => Some((IF_MATCH, wanted)),
        _ => None,
    };
    if let Some((name, wanted)) = condition
        && let Ok(value) = HeaderValue::from_str(wanted.as_str())
    {
        headers.insert(name, value);
    }
    headers
}

fn body(response: Response, info: ObjectInfo, start: u64, is_part: bool) -> ObjectBody {
    let chunks = response.bytes_stream().map(|chunk| chunk.map_err(from_reqwest));
    ObjectBody { info, start, is_part, chunks: chunks.boxed() }
}

fn failed(response: &Response) -> Error {
    let error = from_status(response.status());
    match answer::retry_after(response.headers()) {
        Some(wait) if error.is_retryable() => error.with_retry_after(wait),
        _ => error,
    }
}

#[async_trait]
impl ObjectClient for Client {
    async fn get(&self, get: Get<'_>) -> Result<ObjectBody> {
        let response = self.send(&Method::GET, get.url, headers(&get)).await.context("url", get.url)?;
        match response.status() {
            StatusCode::OK => {
                let info = answer::whole(response.headers());
                Ok(body(response, info, 0, false))
            }
            StatusCode::PARTIAL_CONTENT => {
                let (info, start) = answer::part(response.headers(), get.if_match).context("url", get.url)?;
                Ok(body(response, info, start, true))
            }
            StatusCode::RANGE_NOT_SATISFIABLE if answer::is_empty_object(response.headers()) => {
                let info = ObjectInfo { size: Some(0), validator: answer::validator(response.headers()) };
                Ok(ObjectBody { info, start: 0, is_part: false, chunks: stream::empty().boxed() })
            }
            _ => Err(failed(&response).with("url", get.url)),
        }
    }

    async fn head(&self, url: &str) -> Result<ObjectInfo> {
        let response = self.send(&Method::HEAD, url, headers(&Get::new(url))).await.context("url", url)?;
        let info = answer::whole(response.headers());
        match response.status() {
            StatusCode::OK if info.size.is_some() => Ok(info),
            // Signed addresses hold for GET only; some servers do not know HEAD, or not the length.
            StatusCode::OK
            | StatusCode::BAD_REQUEST
            | StatusCode::FORBIDDEN
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_IMPLEMENTED => match self.probe(url).await {
                // There are no parts of it.
                Err(error) if error.kind() == ErrorKind::Corrupt => Ok(info),
                probed => probed,
            },
            _ => Err(failed(&response).with("url", url)),
        }
    }

    fn untrusted(&self) -> Option<Arc<dyn ObjectClient>> {
        Some(Arc::new(Self { untrusted: true, ..self.clone() }))
    }
}
