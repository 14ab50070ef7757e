//! Objects: bytes at an address, of which parts can be asked for.

use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::remote::{ByteRange, Get, ObjectBody, ObjectClient, ObjectInfo, Validator};
use atdata_core::{Error, ErrorKind, Result, ResultExt};
use futures::{StreamExt, stream};
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue, IF_MATCH, IF_RANGE, RANGE};
use reqwest::{Method, Response, StatusCode};

use crate::answer;
use crate::client::HttpClient;
use crate::error::{from_reqwest, from_status};
use crate::request::Body;

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

impl HttpClient {
    async fn ask(&self, method: &Method, get: &Get<'_>) -> Result<Response> {
        let asked = self.follow(method, get.url, &headers(get), &HeaderMap::new(), Body::None).await;
        asked.context("url", get.url)
    }
}

/// Asks for one byte, to learn the length of the whole.
async fn probe(client: &HttpClient, url: &str) -> Result<ObjectInfo> {
    let range = ByteRange { start: 0, end: Some(1) };
    Ok(client.get(Get { range: Some(range), ..Get::new(url) }).await?.info)
}

#[async_trait]
impl ObjectClient for HttpClient {
    async fn get(&self, get: Get<'_>) -> Result<ObjectBody> {
        let response = self.ask(&Method::GET, &get).await?;
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
        let response = self.ask(&Method::HEAD, &Get::new(url)).await?;
        let info = answer::whole(response.headers());
        match response.status() {
            StatusCode::OK if info.size.is_some() => Ok(info),
            // Signed addresses hold for GET only; some servers do not know HEAD, or not the length.
            StatusCode::OK
            | StatusCode::BAD_REQUEST
            | StatusCode::FORBIDDEN
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_IMPLEMENTED => match probe(self, url).await {
                // There are no parts of it.
                Err(error) if error.kind() == ErrorKind::Corrupt => Ok(info),
                probed => probed,
            },
            _ => Err(failed(&response).with("url", url)),
        }
    }

    fn untrusted(&self) -> Option<Arc<dyn ObjectClient>> {
        Some(Arc::new(HttpClient::untrusted(self)))
    }
}
