//! Connections: TLS, names, and who may be contacted.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use atdata_core::remote::AddressPolicy;
use atdata_core::{Error, Result};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use url::{Host, Url};

use crate::options::HttpOptions;

/// A client that contacts what a policy allows, and nothing else.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    client: reqwest::Client,
    policy: AddressPolicy,
}

impl Connector {
    /// # Errors
    /// The system's certificates, or those of the options, cannot be used.
    pub(crate) fn new(options: &HttpOptions, policy: AddressPolicy) -> Result<Self> {
        let proxied = options.environment_proxy && policy.allows_any();
        let builder = reqwest::Client::builder()
            // Each hop is checked, and gets its own headers: see `client`.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(options.connect_timeout)
            .user_agent(concat!("atdata/", env!("CARGO_PKG_VERSION")))
            // One connection a body: bodies that nobody reads at the moment do not hold up others.
            .http1_only()
            .tls_backend_preconfigured(tls(options)?)
            .dns_resolver(Resolver(policy.clone()));
        let builder = if proxied { builder } else { builder.no_proxy() };
        let client =
            builder.build().map_err(|error| Error::unexpected("no HTTP client").with_source(error))?;
        Ok(Self { client, policy })
    }

    /// The client, if the address itself, where it is a literal one, may be contacted. Names are checked when they have
    /// been looked up.
    pub(crate) fn for_url(&self, url: &Url) -> Result<&reqwest::Client> {
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return Err(Error::invalid("the address names no host")),
        };
        if let Some(address) = literal {
            self.policy.check(url.host_str().unwrap_or_default(), address)?;
        }
        Ok(&self.client)
    }
}

fn tls(options: &HttpOptions) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let broken = |error: rustls::Error| {
        Error::unexpected("the certificates that servers are checked against cannot be used")
            .with_source(error)
    };
    let roots = options.root_certificates.iter().map(|der| CertificateDer::from(der.clone()));
    let verifier = match options.root_certificates.is_empty() {
        true => Verifier::new(provider.clone()),
        false => Verifier::new_with_extra_roots(roots, provider.clone()),
    };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(broken)?;
    let builder = match verifier {
        // The verifier is the system's own; what is custom about it is that no process-wide provider is needed.
        Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
        // A machine without certificates trusts no server, but may still read by http.
        Err(_) if options.root_certificates.is_empty() => {
            builder.with_root_certificates(RootCertStore::empty())
        }
        Err(error) => return Err(broken(error)),
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Looks names up and gives only those addresses that may be contacted. The connection is made to one of these, so
/// that a name cannot mean something else a moment later.
#[derive(Debug)]
struct Resolver(AddressPolicy);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.0.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((host, 0)).await.map_err(|error| not_found(host, error))?.collect();
            allowed(&policy, host, found).map_err(Into::into)
        })
    }
}

fn allowed(policy: &AddressPolicy, host: &str, found: Vec<SocketAddr>) -> Result<Addrs> {
    let mut refused = None;
    let mut allowed = Vec::new();
    for address in found {
        match policy.check(host, address.ip()) {
            Ok(()) => allowed.push(address),
            Err(error) => refused = Some(error),
        }
    }
    match refused {
        Some(error) if allowed.is_empty() => Err(error),
        _ => Ok(Box::new(allowed.into_iter())),
    }
}

/// What the system's resolver says of names that do not exist. It has no kind for it.
const NO_SUCH_NAME: [&str; 4] =
    ["Name or service not known", "nodename nor servname", "No such host", "No address associated"];

fn not_found(host: &str, error: io::Error) -> Error {
    let text = error.to_string();
    let exists = !NO_SUCH_NAME.iter().any(|known| text.contains(known));
    Error::unavailable(format!("the host {host} cannot be found: check its name, and the network"))
        .with_retryable(exists)
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use atdata_core::ErrorKind;

    #[test]
    fn private_addresses_of_a_name_are_left_out() {
        let policy = AddressPolicy::public_only();
        let found =
            |texts: &[&str]| texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect();
        let both = allowed(&policy, "h.test", found(&["10.0.0.1", "1.1.1.1"])).unwrap();
        assert_eq!(both.map(|address| address.ip().to_string()).collect::<Vec<_>>(), ["1.1.1.1"]);
        let Err(error) = allowed(&policy, "h.test", found(&["10.0.0.1", "::1"])) else {
            panic!("both are private")
        };
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert_eq!(allowed(&policy, "h.test", Vec::new()).unwrap().count(), 0);
    }

    #[test]
    fn literal_addresses_are_refused_however_they_are_written() {
        let connector = Connector::new(&HttpOptions::default(), AddressPolicy::public_only()).unwrap();
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.0.0.1/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:7f00:1]/",
            "http://169.254.169.254/latest/meta-data/",
            "http://0/",
            "http://①②⑦.⓪.⓪.①/",
        ] {
            let error = connector.for_url(&Url::parse(url).unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{url}");
        }
        assert!(connector.for_url(&Url::parse("http://1.1.1.1/").unwrap()).is_ok());
    }

    #[tokio::test]
    async fn names_of_this_machine_are_refused_after_the_look_up() {
        let connector = Connector::new(&HttpOptions::default(), AddressPolicy::public_only()).unwrap();
        let url = Url::parse("http://localhost:9/").unwrap();
        let error = connector.for_url(&url).unwrap().get(url).send().await.unwrap_err();
        let error = crate::error::from_reqwest(error);
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::PermissionDenied, false), "{error}");
    }
}
