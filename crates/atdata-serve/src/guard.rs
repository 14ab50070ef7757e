//! Who is answered, and what every answer says to browsers.
//!
//! A page of another site must not make a browser ask this server for somebody: neither under its own name, which may lead here
//! (DNS rebinding), nor across sites.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use atdata_core::{Error, Result};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use crate::Token;
use crate::answer::Failure;

/// What browsers are told with every answer: nothing but the page's own parts, no frames, no guessing of types, no
/// keeping, and no strings that become markup.
const HEADERS: [(&str, &str); 8] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
         trusted-types 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

/// Decides who is answered.
#[derive(Debug)]
pub(crate) struct Guard {
    address: IpAddr,
    names: Vec<String>,
    token: Option<Token>,
    /// Its own for each port, because servers on other ports of the host share cookies.
    cookie: String,
}

impl Guard {
    /// # Errors
    /// A name that cannot be one of a host.
    pub(crate) fn new(address: SocketAddr, names: &[String], token: Option<Token>) -> Result<Self> {
        let names = names.iter().map(|name| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            if name.is_empty() || !name.chars().all(allowed) {
                return Err(Error::invalid("this is no name of a host").with("name", name.escape_debug()));
            }
            Ok(name.to_ascii_lowercase())
        });
        let cookie = format!("atdata-serve-{}", address.port());
        Ok(Self { address: address.ip(), names: names.collect::<Result<_>>()?, token, cookie })
    }

    /// Whether a request may be answered, and if not, what it gets.
    fn check(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> std::result::Result<(), Box<Response>> {
        let refuse = |status, error| Err(Box::new(Failure::new(status, error).into_response()));
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = match (hosts.next().map(HeaderValue::to_str), hosts.next()) {
            (Some(Ok(host)), None) => host,
            _ => return refuse(StatusCode::BAD_REQUEST, Error::invalid("a request names one host")),
        };
        if !self.is_own(host) || !uri.authority().is_none_or(|authority| self.is_own(authority.as_str())) {
            let error = Error::permission_denied(
                "the request is for another host; `--host-name` adds a name that leads here",
            );
            return refuse(StatusCode::FORBIDDEN, error);
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            let error = Error::unsupported("this server can only be read");
            return refuse(StatusCode::METHOD_NOT_ALLOWED, error);
        }
        let from_elsewhere =
            headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
        if from_elsewhere && uri.path().starts_with("/api/") {
            let error = Error::permission_denied("a page of another site asks");
            return refuse(StatusCode::FORBIDDEN, error);
        }
        let Some(token) = &self.token else { return Ok(()) };
        if self.has_token(token, headers) {
            return Ok(());
        }
        let offered = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .find_map(|(name, value)| (name == "token").then_some(value));
        if uri.path() == "/" && offered.is_some_and(|offered| token.is(&offered)) {
            return Err(Box::new(self.let_in(token)));
        }
        let error =
            Error::permission_denied("a token is needed: open the address that `atdata serve` printed");
        let mut refused = Failure::new(StatusCode::UNAUTHORIZED, error).into_response();
        refused.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        Err(Box::new(refused))
    }

    /// Whether this is a name of this server. The port does not matter, it may be forwarded.
    fn is_own(&self, host: &str) -> bool {
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split_once(']').map_or("", |(address, _)| address),
            None => host.split_once(':').map_or(host, |(name, _)| name),
        };
        let name = name.to_ascii_lowercase();
        if let Ok(address) = name.parse::<IpAddr>() {
            // Nobody else's name is in the way where there is no name.
            return address.is_loopback() || address == self.address || self.address.is_unspecified();
        }
        name == "localhost" || self.names.contains(&name)
    }

    fn has_token(&self, token: &Token, headers: &HeaderMap) -> bool {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(|value| {
            let (scheme, offered) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(offered.trim())
        });
        if bearer.is_some_and(|offered| token.is(offered)) {
            return true;
        }
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut cookies =
            cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        cookies.any(|(name, value)| name == self.cookie && token.is_cookie(value))
    }

    /// Sets the cookie, and takes the token out of the address.
    fn let_in(&self, token: &Token) -> Response {
        let mut response = StatusCode::SEE_OTHER.into_response();
        let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie, token.cookie());
        let headers = response.headers_mut();
        headers.insert(header::LOCATION, HeaderValue::from_static("/"));
        if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
            cookie.set_sensitive(true);
            headers.insert(header::SET_COOKIE, cookie);
        }
        response
    }
}

/// Puts the guard before everything.
pub(crate) fn guarded(router: Router, guard: Guard) -> Router {
    router.layer(middleware::from_fn_with_state(Arc::new(guard), pass))
}

async fn pass(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let mut response = match guard.check(request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refused) => *refused,
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(address: &str, names: &[&str]) -> Guard {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Guard::new(address.parse().unwrap(), &names, None).unwrap()
    }

    #[test]
    fn only_own_names_are_known() {
        let local = guard("127.0.0.1:80", &[]);
        for own in ["localhost", "LOCALHOST:1", "127.0.0.1:80", "127.0.0.2", "[::1]:80"] {
            assert!(local.is_own(own), "{own}");
        }
        for other in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.168.0.1",
            "",
            "[",
            "[::2]",
        ] {
            assert!(!local.is_own(other), "{other}");
        }
        let open = guard("0.0.0.0:80", &["Data.example.org"]);
        assert!(open.is_own("data.example.org:8000") && open.is_own("192.168.0.1"));
        assert!(!open.is_own("evil.example"));
        let one = guard("192.168.0.1:80", &[]);
        assert!(one.is_own("192.168.0.1") && !one.is_own("192.168.0.2"));
    }

    #[test]
    fn names_are_checked() {
        for bad in ["", "a b", "a/b", "a:80"] {
            assert!(Guard::new(([127, 0, 0, 1], 80).into(), &[bad.to_owned()], None).is_err(), "{bad}");
        }
    }
}
