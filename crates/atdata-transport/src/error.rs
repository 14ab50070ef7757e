//! Failures of the client and answers that are none, as errors of ours.

use std::error::Error as StdError;
use std::io;

use atdata_core::{Error, ErrorKind};
use reqwest::StatusCode;

/// Maps the client's error. The address is the caller's to add: the client's text for it has its secrets.
pub(crate) fn from_reqwest(error: reqwest::Error) -> Error {
    let error = error.without_url();
    let known = chain(&error).find_map(known);
    match known {
        Some(known) => known,
        None if error.is_timeout() || error.is_connect() => Error::unavailable(
            "no connection to the server: check the address, and that the server is running",
        )
        .with_source(error),
        None => Error::unavailable("the connection to the server broke").with_source(error),
    }
}

/// A cause that says more than that the connection failed.
fn known(cause: &(dyn StdError + 'static)) -> Option<Error> {
    // From the look-up of the name.
    if let Some(own) = cause.downcast_ref::<Error>() {
        return Some(Error::new(own.kind(), own.message().to_owned()).with_retryable(own.is_retryable()));
    }
    if let Some(tls) = tls_error(cause) {
        let message = format!(
            "no secure connection ({tls}): check the address, this machine's clock, and that the server's certificate is trusted here"
        );
        return Some(Error::unavailable(message).with_retryable(false));
    }
    let http = cause.downcast_ref::<hyper::Error>().filter(|error| error.is_parse())?;
    Some(Error::corrupt(format!("what the server sends is not HTTP, or has headers without end ({http})")))
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| (*error).source())
}

/// The failure of a handshake, which hides inside of one `io::Error` or several.
fn tls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let mut error = error;
    while let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        error = inner;
    }
    error.downcast_ref()
}

/// What an answer means that has neither the bytes nor leads to them.
pub(crate) fn from_status(status: StatusCode) -> Error {
    let says = |what: &str| format!("{what} (the server answers {status})");
    match status.as_u16() {
        400 => Error::invalid(says(
            "the request is not understood: check the address and, if it is signed, whether it has expired",
        )),
        401 => Error::permission_denied(says(
            "credentials are missing or wrong: check the token for this server",
        )),
        403 | 407 => Error::permission_denied(says(
            "access is denied: check credentials and, of a signed address, whether it has expired",
        )),
        404 | 410 => Error::not_found(says("there is no such object")),
        412 => Error::conflict(says("the object is another one by now")),
        416 => Error::corrupt(says("the object ends before the part that was to be read")),
        408 | 425 | 429 => Error::unavailable(says("the server wants to be asked more slowly")),
        501 | 505 => Error::unsupported(says("the server does not understand what is asked")),
        500..=599 => Error::unavailable(says("the server has failed")),
        _ => Error::new(ErrorKind::Unexpected, says("the answer is neither an object nor a failure")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_that_pass_are_told_from_those_that_stay() {
        for (status, kind, retryable) in [
            (400, ErrorKind::Invalid, false),
            (401, ErrorKind::PermissionDenied, false),
            (403, ErrorKind::PermissionDenied, false),
            (404, ErrorKind::NotFound, false),
            (408, ErrorKind::Unavailable, true),
            (412, ErrorKind::Conflict, true),
            (416, ErrorKind::Corrupt, false),
            (429, ErrorKind::Unavailable, true),
            (500, ErrorKind::Unavailable, true),
            (501, ErrorKind::Unsupported, false),
            (503, ErrorKind::Unavailable, true),
            (599, ErrorKind::Unavailable, true),
            (304, ErrorKind::Unexpected, false),
        ] {
            let error = from_status(StatusCode::from_u16(status).unwrap());
            assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{error}");
            assert!(error.message().contains(&status.to_string()));
        }
    }
}
