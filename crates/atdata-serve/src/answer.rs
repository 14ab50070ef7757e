//! Answers: JSON, and errors as JSON.

use atdata_core::{Error, ErrorKind};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value as Json, json};

/// What a handler gives.
pub(crate) type Answer<T = Document> = Result<T, Failure>;

/// A JSON document.
#[derive(Debug)]
pub(crate) struct Document(pub(crate) Json);

impl IntoResponse for Document {
    fn into_response(self) -> Response {
        document(StatusCode::OK, &self.0)
    }
}

/// A failure, with what to try.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    error: Error,
    hint: Option<String>,
}

impl Failure {
    /// A failure whose kind does not tell the status.
    pub(crate) fn new(status: StatusCode, error: Error) -> Self {
        Self { status, error, hint: None }
    }

    /// Says what to try.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(status(error.kind()), error)
    }
}

fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::AlreadyExists | ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Unsupported => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::info!(error = %self.error, "a request failed");
        }
        let mut error = error_json(&self.error);
        if let (Some(hint), Some(members)) = (self.hint, error.as_object_mut()) {
            members.insert("hint".to_owned(), hint.into());
        }
        document(self.status, &json!({"error": error}))
    }
}

/// An error in the shape of the command line's `--json`.
pub(crate) fn error_json(error: &Error) -> Json {
    let context: Map<String, Json> =
        error.context().map(|(key, value)| (key.to_owned(), value.into())).collect();
    json!({
        "kind": error.kind().as_str(),
        "message": error.message(),
        "context": context,
        "text": error.to_string(),
    })
}

fn document(status: StatusCode, json: &Json) -> Response {
    let mut response = Response::new(Body::from(json.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
