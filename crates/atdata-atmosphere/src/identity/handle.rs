//! Handles: names of the domain name system.

use std::net::SocketAddr;
use std::sync::OnceLock;

use atdata_core::{Error, Result};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

use super::Did;

/// Endings that no public name has (RFC 2606, 6761, 6762, 7686, 9476). `.test` is that of servers for tests, which know
/// their accounts themselves.
const NOT_PUBLIC: [&str; 9] =
    ["test", "local", "localhost", "internal", "invalid", "example", "arpa", "onion", "alt"];

/// A handle as it is compared.
pub(super) fn normalized(handle: &str) -> Result<String> {
    let handle = handle.to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last_begins_with_letter =
        handle.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_lowercase()));
    let is_name = handle.len() <= 253
        && handle.contains('.')
        && handle.split('.').all(is_label)
        && last_begins_with_letter;
    if !is_name {
        let shown: String = handle.chars().take(100).collect();
        let message = "an account is named by its handle (alice.example.org) or its DID";
        return Err(Error::invalid(message).with("account", shown.escape_debug()));
    }
    Ok(handle)
}

/// Whether the name may be looked up in public.
pub(super) fn is_public(handle: &str) -> bool {
    let last = handle.rsplit('.').next().unwrap_or_default();
    !NOT_PUBLIC.contains(&last)
}

/// The system's name servers, asked for what the system's own functions do not give: texts.
pub(super) struct Names {
    /// Other servers than the system's.
    servers: Vec<SocketAddr>,
    resolver: OnceLock<Option<TokioResolver>>,
}

impl Names {
    pub(super) fn new(servers: Vec<SocketAddr>) -> Self {
        Self { servers, resolver: OnceLock::new() }
    }

    fn build(&self) -> std::result::Result<TokioResolver, NetError> {
        if self.servers.is_empty() {
            return TokioResolver::builder_tokio()?.build();
        }
        let server = |address: &SocketAddr| {
            let mut server = NameServerConfig::udp_and_tcp(address.ip());
            server.connections.iter_mut().for_each(|connection| connection.port = address.port());
            server
        };
        let config = ResolverConfig::from_name_servers(self.servers.iter().map(server).collect());
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).build()
    }

    /// The DID in the text record of a handle; none if there is none, or more than one.
    pub(super) async fn look_up(&self, handle: &str) -> Result<Option<Did>> {
        let resolver = self.resolver.get_or_init(|| self.build().ok());
        // A machine without name servers may still ask the name's web server, through a proxy for instance.
        let Some(resolver) = resolver else { return Ok(None) };
        let name = format!("_atproto.{handle}.");
        let found = match resolver.txt_lookup(name).await {
            Ok(found) => found,
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => return Ok(None),
            Err(error) => {
                return Err(Error::unavailable(
                    "the handle cannot be looked up: the name servers do not answer",
                )
                .with("handle", handle)
                .with_source(error));
            }
        };
        let texts = found.answers().iter().filter_map(|record| match &record.data {
            RData::TXT(text) => Some(text.txt_data.concat()),
            _ => None,
        });
        let claims: Vec<Vec<u8>> = texts.filter(|text| text.starts_with(b"did=")).collect();
        match claims.as_slice() {
            [claim] => Ok(std::str::from_utf8(claim)
                .ok()
                .and_then(|claim| claim.strip_prefix("did=")?.trim().parse().ok())),
            _ => Ok(None),
        }
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_a_name_of_the_network() {
        assert_eq!(normalized("Alice.Example.ORG").unwrap(), "alice.example.org");
        for bad in [
            "",
            "alice",
            "alice..org",
            ".org",
            "alice.org.",
            "a b.org",
            "alice.1org",
            "10.0.0.1",
            "a_b.org",
            "é.org",
        ] {
            assert!(normalized(bad).is_err(), "{bad}");
        }
        assert!(is_public("alice.bsky.social") && !is_public("alice.test") && !is_public("printer.local"));
    }
}
