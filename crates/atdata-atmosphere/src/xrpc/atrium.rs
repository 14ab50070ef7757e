//! The generated clients of `atrium-api`, on our own transport.

use std::fmt::Debug;

use atdata_core::{Error, Result};
use atdata_transport::HttpRequest;
use atrium_api::client::AtpServiceClient;
use atrium_xrpc::http::{Method, Request, Response};
use atrium_xrpc::{HttpClient, XrpcClient};

use super::MAX_JSON;
use super::service::{Auth, Service};

/// The generated client.
pub(crate) type Client = AtpServiceClient<Service>;

/// A client of a server.
pub(crate) fn client(service: &Service) -> Client {
    AtpServiceClient::new(service.clone())
}

/// Methods that are asked as nobody: they are how one becomes somebody.
const AS_NOBODY: [&str; 2] =
    ["/xrpc/com.atproto.server.createSession", "/xrpc/com.atproto.server.describeServer"];

impl HttpClient for Service {
    async fn send_http(
        &self,
        request: Request<Vec<u8>>,
    ) -> std::result::Result<Response<Vec<u8>>, Box<dyn std::error::Error + Send + Sync + 'static>> {
        let (parts, body) = request.into_parts();
        let url = parts.uri.to_string();
        let body = bytes::Bytes::from(body);
        let is_get = parts.method == Method::GET;
        let make = || {
            Ok(match is_get {
                true => HttpRequest::get(&url),
                // Methods without input want no body and no type of one.
                false if body.is_empty() => HttpRequest::post(&url),
                false => HttpRequest::post(&url).with_body("application/json", body.clone()),
            })
        };
        let auth = match AS_NOBODY.iter().any(|path| parts.uri.path().ends_with(path)) {
            true => Auth::None,
            false if is_get => Auth::IfAny,
            false => Auth::Account,
        };
        let answer = self.call(&make, auth, self.timeout()).await?;
        let mut response = Response::builder().status(answer.status());
        if let Some(kind) = answer.header("content-type") {
            response = response.header("content-type", kind);
        }
        let body = answer.into_bytes(MAX_JSON).await?;
        Ok(response.body(body.to_vec())?)
    }
}

impl XrpcClient for Service {
    fn base_uri(&self) -> String {
        self.base().to_owned()
    }
}

/// The error of a generated client. Ours pass through it unchanged.
pub(crate) fn from_atrium<T, E: Debug>(
    method: &'static str,
    result: std::result::Result<T, atrium_xrpc::Error<E>>,
) -> Result<T> {
    result.map_err(|error| {
        let own = match error {
            atrium_xrpc::Error::HttpClient(source) => match source.downcast::<Error>() {
                Ok(own) => *own,
                Err(source) => Error::unexpected("the request could not be made").with_source(source),
            },
            atrium_xrpc::Error::SerdeJson(source) => {
                Error::corrupt("the server's answer is not what the method gives").with_source(source)
            }
            // The others have no case here: every answer that is an error was one before.
            other => Error::unexpected(format!("the request failed: {}", kind(&other))),
        };
        own.with("method", method)
    })
}

fn kind<E: Debug>(error: &atrium_xrpc::Error<E>) -> &'static str {
    match error {
        atrium_xrpc::Error::Authentication(_) => "authentication",
        atrium_xrpc::Error::XrpcResponse(_) => "an answer",
        atrium_xrpc::Error::HttpRequest(_) => "a request that cannot be made",
        atrium_xrpc::Error::SerdeHtmlForm(_) => "parameters that cannot be written",
        atrium_xrpc::Error::UnexpectedResponseType => "bytes instead of JSON, or the other way round",
        _ => "unknown",
    }
}
