//! What can be set.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use atdata_core::remote::{AddressPolicy, RemoteOptions};
use atdata_core::{Error, Result};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use url::Url;

/// How web servers are talked to.
///
/// ```
/// use atdata_transport::HttpOptions;
///
/// let options = HttpOptions::default().with_bearer("https://data.example.org", "sesame")?;
/// assert!(!format!("{options:?}").contains("sesame"));
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct HttpOptions {
    /// Retries, parallel parts, the longest shard.
    pub remote: RemoteOptions,
    /// Which addresses may be contacted because somebody else says so: because a redirect leads there, or an entry of a
    /// stranger's points there ([`Registry::untrusted`](atdata_core::source::Registry::untrusted)). Where the user's own
    /// address is in a private network, so may a redirect of it be. Default:
    /// [`AddressPolicy::public_only`].
    pub foreign: AddressPolicy,
    /// How many redirects are followed for one request. Default: 10.
    pub max_redirects: usize,
    /// How long making a connection may take. Default: 10 s.
    pub connect_timeout: Duration,
    /// Whether the proxy is used that the environment names (`HTTPS_PROXY` and so on). Never for foreign addresses, which
    /// a proxy would look up itself. Default: yes.
    pub environment_proxy: bool,
    /// Certificates that are trusted besides those of the system, in DER.
    pub root_certificates: Vec<Vec<u8>>,
    headers: BTreeMap<String, HeaderMap>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            remote: RemoteOptions::default(),
            foreign: AddressPolicy::public_only(),
            max_redirects: 10,
            connect_timeout: Duration::from_secs(10),
            environment_proxy: true,
            root_certificates: Vec::new(),
            headers: BTreeMap::new(),
        }
    }
}

impl HttpOptions {
    /// Sets retries, parallel parts, the longest shard.
    #[must_use]
    pub fn with_remote(mut self, remote: RemoteOptions) -> Self {
        self.remote = remote;
        self
    }

    /// Sets which addresses may be contacted because somebody else says so.
    #[must_use]
    pub fn with_foreign(mut self, policy: AddressPolicy) -> Self {
        self.foreign = policy;
        self
    }

    /// Sets whether the proxy is used that the environment names.
    #[must_use]
    pub fn with_environment_proxy(mut self, used: bool) -> Self {
        self.environment_proxy = used;
        self
    }

    /// Trusts a certificate, in DER, besides those of the system.
    #[must_use]
    pub fn with_root_certificate(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(der.into());
        self
    }

    /// Sends a header with every request to an origin (`https://host` or `https://host:port`), and to no other. Its value
    /// counts as a secret.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if the origin or the header cannot be one.
    pub fn with_header(mut self, origin: &str, name: &str, value: &str) -> Result<Self> {
        let url = Url::parse(origin).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.filter(|url| url.path() == "/" && url.query().is_none());
        let url = url.ok_or_else(|| {
            Error::invalid("headers are sent to an origin, which is https://HOST or https://HOST:PORT")
                .with("url", origin)
        })?;
        let invalid = |what| Error::invalid(what).with("name", name).with("url", origin);
        let header: HeaderName = name.parse().map_err(|_| invalid("this is no name of a header"))?;
        // The value is a secret: it is not in the error.
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| invalid("a header's value is visible ASCII characters"))?;
        value.set_sensitive(true);
        self.headers.entry(origin_of(&url)).or_default().insert(header, value);
        Ok(self)
    }

    /// Sends `Authorization: Bearer …` with every request to an origin, and to no other.
    ///
    /// # Errors
    /// As [`with_header`](Self::with_header).
    pub fn with_bearer(self, origin: &str, token: &str) -> Result<Self> {
        self.with_header(origin, AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// What is sent to the origin of an address.
    pub(crate) fn headers_for(&self, url: &Url) -> HeaderMap {
        self.headers.get(&origin_of(url)).cloned().unwrap_or_default()
    }
}

/// Scheme, host and port.
pub(crate) fn origin_of(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Without the values of headers.
impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |(origin, headers): (&String, &HeaderMap)| {
            (origin.clone(), headers.keys().map(ToString::to_string).collect::<Vec<_>>())
        };
        let headers: BTreeMap<_, _> = self.headers.iter().map(names).collect();
        f.debug_struct("HttpOptions")
            .field("remote", &self.remote)
            .field("foreign", &self.foreign)
            .field("max_redirects", &self.max_redirects)
            .field("connect_timeout", &self.connect_timeout)
            .field("environment_proxy", &self.environment_proxy)
            .field("root_certificates", &self.root_certificates.len())
            .field("headers", &headers)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_belongs_to_one_origin() {
        let options = HttpOptions::default().with_bearer("https://Data.Example.org:443/", "sesame").unwrap();
        let count = |url: &str| options.headers_for(&Url::parse(url).unwrap()).len();
        assert_eq!(count("https://data.example.org/a.tar?x=1"), 1);
        for other in [
            "http://data.example.org/a.tar",
            "https://data.example.org:8443/a.tar",
            "https://example.org/a.tar",
            "https://data.example.org.evil.test/a.tar",
            "https://data.example.org@evil.test/a.tar",
        ] {
            assert_eq!(count(other), 0, "{other}");
        }
    }

    #[test]
    fn secrets_are_in_no_output() {
        let options = HttpOptions::default().with_bearer("https://h.test", "sesame").unwrap();
        let shown = format!("{options:?}");
        assert!(shown.contains("authorization") && !shown.contains("sesame"), "{shown}");
        let error = HttpOptions::default().with_bearer("https://h.test", "ses\name").unwrap_err();
        assert!(!error.to_string().contains("ses"), "{error}");
        for origin in ["h.test", "ftp://h.test", "https://h.test/path", "https://h.test/?q"] {
            assert!(HttpOptions::default().with_bearer(origin, "sesame").is_err(), "{origin}");
        }
    }
}
