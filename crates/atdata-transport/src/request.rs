//! A request and its answer, for what is more than the bytes of an object.

use std::fmt;
use std::time::Duration;

use atdata_core::{Error, Result};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response};

use crate::answer;
use crate::error::from_reqwest;

/// What is sent to a server.
///
/// ```
/// use atdata_transport::HttpRequest;
///
/// let request = HttpRequest::post("https://pds.example/xrpc/com.atproto.server.createSession")
///     .with_body("application/json", r#"{"identifier":"alice.example"}"#)
///     .with_header("authorization", "Bearer sesame")?;
/// assert!(!format!("{request:?}").contains("sesame"));
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub struct HttpRequest {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

pub(crate) enum Body {
    None,
    Bytes(Bytes),
    /// Cannot be sent twice, and is not: a redirect of it is refused.
    Stream(BoxStream<'static, Result<Bytes>>),
}

impl HttpRequest {
    /// Asks for what is at an address.
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: Method::GET, url: url.into(), headers: HeaderMap::new(), body: Body::None }
    }

    /// Sends something to an address.
    pub fn post(url: impl Into<String>) -> Self {
        Self { method: Method::POST, ..Self::get(url) }
    }

    /// Sets a header. Its value counts as a secret, and goes to the origin of the address only.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if it cannot be a header.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self> {
        let header: HeaderName = name
            .parse()
            .map_err(|_| Error::invalid("this is no name of a header").with("name", name.escape_debug()))?;
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| Error::invalid("a header's value is visible ASCII characters").with("name", name))?;
        value.set_sensitive(true);
        self.headers.insert(header, value);
        Ok(self)
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = Body::Bytes(body.into());
        self
    }

    /// Sets a body of `length` bytes that is made while it is sent.
    #[must_use]
    pub fn with_stream(
        mut self,
        content_type: &'static str,
        length: u64,
        body: BoxStream<'static, Result<Bytes>>,
    ) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        self.body = Body::Stream(body);
        self
    }
}

/// Without the values of headers and the body.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &atdata_core::url::redact(&self.url))
            .field("headers", &headers)
            .finish_non_exhaustive()
    }
}

/// What a server answers, of any status.
///
/// ```
/// fn is_fine(answer: &atdata_transport::HttpAnswer) -> bool {
///     answer.status() == 200 && answer.header("content-type") == Some("application/json")
/// }
/// ```
pub struct HttpAnswer {
    response: Response,
}

impl HttpAnswer {
    pub(crate) fn new(response: Response) -> Self {
        Self { response }
    }

    /// The status, 200 for instance.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// A header, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// How long the server wants not to be asked, from `Retry-After`.
    pub fn retry_after(&self) -> Option<Duration> {
        answer::retry_after(self.response.headers())
    }

    /// The length of the body, if the server says it.
    pub fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// The body as it comes.
    pub fn into_chunks(self) -> BoxStream<'static, Result<Bytes>> {
        self.response.bytes_stream().map_err(from_reqwest).boxed()
    }

    /// The whole body.
    ///
    /// # Errors
    /// [`Corrupt`](atdata_core::ErrorKind::Corrupt) if it is longer than `limit` bytes; the connection breaks.
    pub async fn into_bytes(self, limit: usize) -> Result<Bytes> {
        let too_long =
            || Error::corrupt(format!("the server's answer is longer than the limit of {limit} bytes"));
        if self.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_long());
        }
        let mut chunks = self.into_chunks();
        let mut all = Vec::new();
        while let Some(chunk) = chunks.try_next().await? {
            if all.len() + chunk.len() > limit {
                return Err(too_long());
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.into())
    }
}

impl fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAnswer").field("status", &self.status()).finish_non_exhaustive()
    }
}
