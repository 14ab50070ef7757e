//! Which addresses may be contacted.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{Error, Result};

/// Which addresses a client may contact.
///
/// What a stranger's entry points at must not reach what only this machine can: itself, the private network around it,
/// the metadata service of its cloud. Names prove nothing, so that the policy is about the *addresses that are
/// connected to*: a client asks it after every look-up of a name, for the very addresses it then uses, on every redirect.
///
/// ```
/// use atdata_core::remote::AddressPolicy;
///
/// let policy = AddressPolicy::public_only();
/// assert!(policy.check("host.test", "93.184.216.34".parse()?).is_ok());
/// assert!(policy.check("host.test", "169.254.169.254".parse()?).is_err());
/// assert!(policy.allowing("host.test").check("host.test", "10.1.2.3".parse()?).is_ok());
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressPolicy {
    public_only: bool,
    allowed: BTreeSet<String>,
}

impl AddressPolicy {
    /// Every address: for what the user of this machine wrote.
    pub fn any() -> Self {
        Self { public_only: false, allowed: BTreeSet::new() }
    }

    /// Addresses of the public network: for what came from others.
    pub fn public_only() -> Self {
        Self { public_only: true, allowed: BTreeSet::new() }
    }

    /// Allows a host besides, wherever it is; the name or literal address as it stands in URLs, without port.
    #[must_use]
    pub fn allowing(mut self, host: impl AsRef<str>) -> Self {
        self.allowed.insert(normal(host.as_ref()));
        self
    }

    /// Whether everything is allowed, so that nothing needs to be checked.
    pub fn allows_any(&self) -> bool {
        !self.public_only
    }

    /// Whether `host`, found at `address`, may be contacted.
    ///
    /// # Errors
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied), which names both.
    pub fn check(&self, host: &str, address: IpAddr) -> Result<()> {
        if !self.public_only || is_public(address) || self.allowed.contains(&normal(host)) {
            return Ok(());
        }
        let shown = host.trim_matches(['[', ']']);
        let at = if shown == address.to_string() { String::new() } else { format!(" ({address})") };
        Err(Error::permission_denied(format!(
            "{shown}{at} is not an address of the public network; shards that others point at are not read from there unless the host is allowed"
        )))
    }
}

/// A host as it is compared: names are the same in any case, and with a dot at the end.
fn normal(host: &str) -> String {
    host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase()
}

/// Whether an address belongs to the public network: not to this machine, a private or shared network, a link, a
/// group, documentation or a reserve. Of addresses that stand for an IPv4 address (mapped, translated, tunnelled) that
/// one decides.
///
/// ```
/// use atdata_core::remote::is_public;
///
/// assert!(is_public("2606:2800:220:1::1".parse()?));
/// assert!(!is_public("::ffff:127.0.0.1".parse()?));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        // "This network", shared between a carrier's customers, protocol assignments, 6to4 relays, benchmarks, reserved.
        [0, ..] | [240..=255, ..] => true,
        [100, second, ..] => second & 0xc0 == 64,
        [192, 0, 0, _] | [192, 88, 99, _] => true,
        [198, 18..=19, ..] => true,
        _ => false,
    };
    !(special
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // Mapped, and translated by the well-known prefix.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        // 6to4.
        [0x2002, high, low, ..] => embedded(high, low),
        // Documentation, Teredo, benchmarks and ORCHID, segment routing.
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] | [0x2001, 0..=0x1ff, ..] => false,
        // Everything that is global lies in 2000::/3.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn only_the_public_network_is_public() {
        for address in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_host_is_allowed_however_it_is_written() {
        let policy = AddressPolicy::public_only().allowing("Data.Internal").allowing("[::1]");
        let private = "10.0.0.1".parse().unwrap();
        for host in ["data.internal", "DATA.internal."] {
            policy.check(host, private).unwrap();
        }
        policy.check("::1", "::1".parse().unwrap()).unwrap();
        let error = policy.check("other.internal", private).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(error.message().contains("other.internal (10.0.0.1)"), "{error}");
        AddressPolicy::any().check("other.internal", private).unwrap();
    }
}
