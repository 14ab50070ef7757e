//! What the client's errors mean.
//!
//! Texts are made of the server's code and message and of what is to be checked. The client's own errors are not kept
//! as a cause: they show whole requests and answers.

use std::error::Error as StdError;
use std::time::Duration;

use atdata_core::{Error, ErrorKind};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// The longest piece of a server's message that is repeated.
const MAX_MESSAGE: usize = 300;

/// An error of the client, said in our words.
pub(crate) fn from_sdk<E>(error: &SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match error {
        SdkError::ServiceError(context) => {
            let answer = context.raw();
            let detail = Answer {
                code: context.err().code().or_else(|| answer.headers().get("x-rgw-error-code")),
                message: context.err().message(),
                status: answer.status().as_u16(),
                region: answer.headers().get("x-amz-bucket-region"),
            };
            let wait = answer.headers().get("retry-after").and_then(|text| text.trim().parse().ok());
            match wait.map(Duration::from_secs) {
                Some(wait) => detail.to_error().with_retry_after(wait),
                None => detail.to_error(),
            }
        }
        SdkError::TimeoutError(_) => Error::unavailable("the S3 server did not answer in time"),
        SdkError::ResponseError(context) => {
            let status = context.raw().status().as_u16();
            let text = format!("the S3 server's answer (status {status}) was cut short or is not understood");
            Error::unavailable(format!("{text}: {}", causes(error)))
        }
        SdkError::DispatchFailure(failure) => dispatch(
            // Kinds that the client itself would try again, a connection that is closed without an answer for instance.
            failure.is_timeout() || failure.is_io() || failure.as_other().is_some(),
            failure.as_connector_error().is_some_and(|inner| inner.is_user()),
            &causes(error),
        ),
        other => dispatch(false, false, &causes(other)),
    }
}

/// A request that no answer came to.
fn dispatch(is_network: bool, is_user: bool, causes: &str) -> Error {
    let lower = causes.to_ascii_lowercase();
    if ["certificate", "tls", "handshake"].iter().any(|word| lower.contains(word)) {
        let text =
            "no secure connection to the S3 server: check its certificate, or that it speaks TLS at all";
        return Error::unavailable(format!("{text}: {causes}")).with_retryable(false);
    }
    if lower.contains("credential") || lower.contains("identity") {
        let text = "no S3 credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ask \
                    anonymously";
        return Error::permission_denied(format!("{text}: {causes}"));
    }
    if is_user {
        return Error::invalid(format!("the S3 request cannot be sent: {causes}"));
    }
    let error = Error::unavailable(format!("the S3 server cannot be reached, check the endpoint: {causes}"));
    // A name that does not exist will not exist in a second either, but resolvers fail for a moment too.
    error.with_retryable(is_network)
}

/// What a server answered.
struct Answer<'a> {
    code: Option<&'a str>,
    message: Option<&'a str>,
    status: u16,
    region: Option<&'a str>,
}

impl Answer<'_> {
    fn to_error(&self) -> Error {
        let (kind, text) = self.meaning();
        let code = self.code.map_or_else(|| self.status.to_string(), |code| shorten(code).to_owned());
        let mut text = format!("{text}: the server says {code}");
        if let Some(message) = self.message.map(shorten).filter(|message| !message.is_empty()) {
            text = format!("{text}: {message}");
        }
        if let Some(region) = self.region.filter(|_| kind == ErrorKind::Invalid) {
            text = format!("{text}; the bucket is in region {}", shorten(region));
        }
        let final_answer = matches!(self.code, Some("QuotaExceeded" | "InsufficientCapacity"));
        match kind {
            ErrorKind::Unavailable if final_answer => Error::unavailable(text).with_retryable(false),
            _ => Error::new(kind, text),
        }
    }

    fn meaning(&self) -> (ErrorKind, &'static str) {
        match self.code.unwrap_or_default() {
            "NoSuchKey" => (ErrorKind::NotFound, "the bucket has no such object"),
            "NoSuchBucket" => {
                (ErrorKind::NotFound, "there is no such bucket: check its name, the endpoint and the region")
            }
            "NoSuchUpload" => (ErrorKind::Conflict, "the upload has been aborted by somebody else"),
            "InvalidAccessKeyId" | "NotSignedUp" => (
                ErrorKind::PermissionDenied,
                "the server does not know the access key: check AWS_ACCESS_KEY_ID",
            ),
            "SignatureDoesNotMatch" => (
                ErrorKind::PermissionDenied,
                "the secret key does not belong to the access key: check AWS_SECRET_ACCESS_KEY",
            ),
            "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => {
                (ErrorKind::PermissionDenied, "the temporary credentials are no longer valid: get new ones")
            }
            "RequestTimeTooSkewed" => {
                (ErrorKind::PermissionDenied, "the clock of this machine and the server's differ: set it")
            }
            "PreconditionFailed" => (ErrorKind::AlreadyExists, "an object of this name exists already"),
            "ConditionalRequestConflict" | "OperationAborted" => {
                (ErrorKind::Conflict, "somebody else is writing the same object")
            }
            "InvalidRange" => (ErrorKind::Corrupt, "the object ends before the range does"),
            "SlowDown"
            | "Throttling"
            | "ThrottlingException"
            | "TooManyRequests"
            | "RequestTimeout"
            | "InternalError"
            | "ServiceUnavailable" => (ErrorKind::Unavailable, "the S3 server cannot do it at the moment"),
            "QuotaExceeded" | "InsufficientCapacity" => {
                (ErrorKind::Unavailable, "there is no room left for it in the store")
            }
            "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
                (ErrorKind::Invalid, "the bucket is not in this region: check AWS_REGION and the endpoint")
            }
            "InvalidBucketName" => (ErrorKind::Invalid, "the bucket's name is not one that the server takes"),
            "EntityTooLarge" | "InvalidArgument" | "KeyTooLongError" | "InvalidPart" | "InvalidPartOrder" => {
                (ErrorKind::Invalid, "the server refuses the request")
            }
            "InvalidObjectState" => {
                (ErrorKind::Unsupported, "the object is archived: restore it before it can be read")
            }
            "NotImplemented" => (ErrorKind::Unsupported, "the S3 server cannot do this"),
            _ => self.meaning_of_status(),
        }
    }

    fn meaning_of_status(&self) -> (ErrorKind, &'static str) {
        match self.status {
            401 | 403 => (
                ErrorKind::PermissionDenied,
                "the credentials do not allow it: check them and the bucket's policy (a missing object looks the \
                 same to who may not list the bucket)",
            ),
            404 => (ErrorKind::NotFound, "there is no such object or bucket"),
            301 | 307 | 308 => {
                (ErrorKind::Invalid, "the bucket is not in this region: check AWS_REGION and the endpoint")
            }
            409 => (ErrorKind::Conflict, "somebody else is changing the same object"),
            412 => (ErrorKind::AlreadyExists, "an object of this name exists already"),
            416 => (ErrorKind::Corrupt, "the object ends before the range does"),
            408 | 429 | 500 | 502 | 503 | 504 => {
                (ErrorKind::Unavailable, "the S3 server cannot do it at the moment")
            }
            501 => (ErrorKind::Unsupported, "the S3 server cannot do this"),
            400 => (ErrorKind::Invalid, "the server refuses the request"),
            _ => (ErrorKind::Unexpected, "the S3 server gave an answer that was not expected"),
        }
    }
}

/// The chain of causes in words, without the outermost, which only says that there is one.
pub(crate) fn causes(error: &dyn StdError) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = shorten(&inner.to_string()).to_owned();
        // Wrappers repeat what they wrap.
        if texts.last().is_none_or(|last| !last.ends_with(&text)) {
            texts.push(text);
        }
        cause = inner.source();
    }
    if texts.is_empty() { error.to_string() } else { texts.join(": ") }
}

/// The beginning of a text from outside.
fn shorten(text: &str) -> &str {
    let line = text.trim().lines().next().unwrap_or_default();
    line.get(..line.floor_char_boundary(MAX_MESSAGE)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: Option<&str>, status: u16) -> Error {
        Answer { code, message: Some("as it is"), status, region: Some("eu-north-1") }.to_error()
    }

    #[test]
    fn codes_count_more_than_status() {
        for (code, status, kind, retryable) in [
            (Some("NoSuchKey"), 404, ErrorKind::NotFound, false),
            (Some("NoSuchBucket"), 404, ErrorKind::NotFound, false),
            (Some("SignatureDoesNotMatch"), 403, ErrorKind::PermissionDenied, false),
            (Some("AccessDenied"), 403, ErrorKind::PermissionDenied, false),
            (Some("RequestTimeout"), 400, ErrorKind::Unavailable, true),
            (Some("SlowDown"), 503, ErrorKind::Unavailable, true),
            (Some("QuotaExceeded"), 403, ErrorKind::Unavailable, false),
            (Some("SomethingNew"), 418, ErrorKind::Unexpected, false),
            (None, 404, ErrorKind::NotFound, false),
            (None, 412, ErrorKind::AlreadyExists, false),
            (None, 502, ErrorKind::Unavailable, true),
        ] {
            let error = answer(code, status);
            assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{code:?} {status}: {error}");
            assert!(error.message().contains(code.unwrap_or(&status.to_string())), "{error}");
        }
    }

    #[test]
    fn a_wrong_region_names_the_right_one() {
        let error = answer(Some("PermanentRedirect"), 301);
        assert!(error.message().contains("eu-north-1"), "{error}");
        assert!(!answer(Some("NoSuchKey"), 404).message().contains("eu-north-1"));
    }

    #[test]
    fn only_the_beginning_of_a_message_is_repeated() {
        assert_eq!(shorten(" one\ntwo"), "one");
        assert_eq!(shorten(&"é".repeat(1000)).len(), MAX_MESSAGE);
    }

    #[test]
    fn failures_to_connect_say_what_to_check() {
        assert!(dispatch(true, false, "connection refused").is_retryable());
        let tls = dispatch(true, false, "invalid peer certificate: UnknownIssuer");
        assert_eq!((tls.kind(), tls.is_retryable()), (ErrorKind::Unavailable, false));
        assert_eq!(dispatch(false, false, "no credentials in the chain").kind(), ErrorKind::PermissionDenied);
        assert_eq!(dispatch(false, true, "invalid header").kind(), ErrorKind::Invalid);
    }
}
