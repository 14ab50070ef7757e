//! What can be set.

use std::net::SocketAddr;
use std::time::Duration;

use atdata_core::remote::RetryPolicy;
use atdata_core::schema::Profile;
use atdata_core::{Error, Result};
use atdata_transport::HttpOptions;
use url::Url;

/// The public directory of `did:plc`.
pub const PLC_DIRECTORY: &str = "https://plc.directory";

/// How the network is talked to.
///
/// ```
/// use atdata_atmosphere::AtmosphereOptions;
/// use atdata_core::schema::Profile;
///
/// let options = AtmosphereOptions::default()
///     .with_pds("https://pds.example.org")?
///     .with_profile(Profile::Latest);
/// assert_eq!(options.pds.as_deref(), Some("https://pds.example.org"));
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AtmosphereOptions {
    /// The server of one's own account, where its identity does not say it: for accounts on a server that the public
    /// directories do not know. Default: none; the account's identity says where it lives.
    pub pds: Option<String>,
    /// The directory of `did:plc`. Default: [`PLC_DIRECTORY`].
    pub plc: String,
    /// Which generation's records are written. Every generation is read.
    pub profile: Profile,
    /// Connections: certificates, proxies, which hosts of a private network other people's identities may lead to
    /// ([`HttpOptions::foreign`]). The hosts of `pds` and `plc` are always allowed: the user named them.
    pub http: HttpOptions,
    /// When a failed request is repeated, and how long a server may ask to wait ([`RetryPolicy::max_retry_after`]).
    pub retry: RetryPolicy,
    /// The servers that are asked for the text records of handles. Default: none, which are those of the system.
    pub name_servers: Vec<SocketAddr>,
    /// How long what is known of an identity is believed. Default: 10 min.
    pub identity_lifetime: Duration,
    /// Whether entries may name files of this machine, both when they are written and when they are read. A record is
    /// public, and a file's path means something else on every machine; so this is for servers of one's own only.
    /// Default: no.
    pub local_files: bool,
}

impl Default for AtmosphereOptions {
    fn default() -> Self {
        Self {
            pds: None,
            plc: PLC_DIRECTORY.to_owned(),
            profile: Profile::default(),
            http: HttpOptions::default(),
            retry: RetryPolicy::default(),
            name_servers: Vec::new(),
            identity_lifetime: Duration::from_secs(600),
            local_files: false,
        }
    }
}

impl AtmosphereOptions {
    /// The options that the environment sets: `ATDATA_PDS_URL` and `ATDATA_PLC_URL`.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if one of them is no web address.
    pub fn from_env() -> Result<Self> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let mut options = Self::default();
        if let Some(url) = set("ATDATA_PDS_URL") {
            options = options.with_pds(&url).map_err(|error| error.with("variable", "ATDATA_PDS_URL"))?;
        }
        if let Some(url) = set("ATDATA_PLC_URL") {
            options = options.with_plc(&url).map_err(|error| error.with("variable", "ATDATA_PLC_URL"))?;
        }
        Ok(options)
    }

    /// Sets the server of one's own account.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if it is no web address of a server.
    pub fn with_pds(mut self, url: &str) -> Result<Self> {
        self.pds = Some(self.trusted(url)?);
        Ok(self)
    }

    /// Sets the directory of `did:plc`.
    ///
    /// # Errors
    /// As [`with_pds`](Self::with_pds).
    pub fn with_plc(mut self, url: &str) -> Result<Self> {
        self.plc = self.trusted(url)?;
        Ok(self)
    }

    /// Sets which generation's records are written.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Sets how connections are made. Hosts that were allowed before are so no longer: call this first.
    #[must_use]
    pub fn with_http(mut self, http: HttpOptions) -> Self {
        self.http = http;
        self
    }

    /// Sets when a failed request is repeated.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Sets whether entries may name files of this machine.
    #[must_use]
    pub fn with_local_files(mut self, allowed: bool) -> Self {
        self.local_files = allowed;
        self
    }

    /// The origin of a server that the user names, whose host may be contacted from now on wherever it is.
    fn trusted(&mut self, url: &str) -> Result<String> {
        let (origin, host) = server(url)?;
        self.http.foreign = self.http.foreign.clone().allowing(host);
        Ok(origin)
    }
}

/// Origin and host of a server's address.
pub(crate) fn server(url: &str) -> Result<(String, String)> {
    let parsed = Url::parse(url.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let parsed = parsed.filter(|url| url.username().is_empty() && url.password().is_none());
    let parsed = parsed.filter(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none());
    let found = parsed.and_then(|url| Some((url.origin().ascii_serialization(), url.host_str()?.to_owned())));
    found.ok_or_else(|| {
        Error::invalid("the address of a server is https://HOST or https://HOST:PORT")
            .with("url", atdata_core::url::redact(url))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_origin() {
        let good = [
            ("https://pds.example/", "https://pds.example"),
            ("http://localhost:2583", "http://localhost:2583"),
        ];
        for (url, origin) in good {
            assert_eq!(server(url).unwrap().0, origin);
        }
        for url in [
            "pds.example",
            "ftp://pds.example",
            "https://pds.example/xrpc",
            "https://a:b@pds.example",
            "https://",
        ] {
            let error = server(url).unwrap_err();
            assert!(!error.to_string().contains("a:b"), "{error}");
        }
    }
}
