//! Taking secrets out of an address.

/// Parts of parameter names whose values are secret: signed URLs of the object stores, tokens, keys.
const SECRET: [&str; 8] = ["sig", "token", "credential", "key", "secret", "passw", "auth", "session"];

/// Takes user information and the values of secret parameters out of an address, for messages and logs.
///
/// It works on any text, also on what is not a legal URL. Parameters whose names speak of a signature, token,
/// credential, key, secret, password, authorisation or session keep their name and lose their value.
///
/// ```
/// use atdata_core::url::redact;
///
/// assert_eq!(redact("https://u:pw@h.test/a.tar?X-Amz-Signature=ab&part=1"), "https://h.test/a.tar?X-Amz-Signature=***&part=1");
/// ```
pub fn redact(address: &str) -> String {
    let (before, parameters) = match address.find(['?', '#']) {
        Some(at) => address.split_at(at),
        None => (address, ""),
    };
    let mut out = match before.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            // A password with a slash that nobody escaped: what is behind the colon is no port, and paths of servers with
            // passwords have no such sign.
            let port = host.rsplit_once(':').map_or("", |(_, port)| port);
            let is_cut = scheme.starts_with("redis") && !port.bytes().all(|byte| byte.is_ascii_digit());
            let (host, path) = match rest.rsplit_once('@').filter(|_| is_cut) {
                Some((_, rest)) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
                None => (host, path),
            };
            format!("{scheme}://{host}{path}")
        }
        None => before.to_owned(),
    };
    for parameter in parameters.split_inclusive(['?', '#', '&', ';']) {
        match parameter.split_once('=') {
            Some((name, value)) if is_secret(name) => {
                out.push_str(name);
                out.push_str("=***");
                out.extend(value.chars().last().filter(|last| ['?', '#', '&', ';'].contains(last)));
            }
            _ => out.push_str(parameter),
        }
    }
    out
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|secret| name.contains(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_remains() {
        for (address, expected) in [
            ("redis://:p@ss@h:6379/0", "redis://h:6379/0"),
            ("https://h/a?sig=1%3D&token=2#access_token=3", "https://h/a?sig=***&token=***#access_token=***"),
            (
                "s3://b/k?AWSAccessKeyId=A&Signature=B&Expires=1",
                "s3://b/k?AWSAccessKeyId=***&Signature=***&Expires=1",
            ),
            ("redis://:p/a/s@h:6379/0", "redis://h:6379/0"),
            ("redis://u:9p/s@h", "redis://h"),
            ("redis://u@p:a/s@h/0", "redis://h/0"),
            ("at://did:plc:x/c/r", "at://did:plc:x/c/r"),
            ("http://h:80/@user/a.tar", "http://h:80/@user/a.tar"),
            ("http://[::1]/@user/a.tar", "http://[::1]/@user/a.tar"),
            ("at://did:plc:x/c/r@1", "at://did:plc:x/c/r@1"),
            ("/data/a@b.tar", "/data/a@b.tar"),
            ("https://h/@user/a.tar", "https://h/@user/a.tar"),
        ] {
            assert_eq!(redact(address), expected);
        }
    }
}
