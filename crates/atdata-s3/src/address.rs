//! `s3://BUCKET/KEY`.

use std::fmt;

use atdata_core::{Error, Result};

/// The scheme of the addresses.
pub const SCHEME: &str = "s3";

/// The longest key that S3 takes, in bytes.
const MAX_KEY: usize = 1024;

/// Where an object is. The key is taken as it is: nothing in it is decoded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    pub(crate) bucket: String,
    pub(crate) key: String,
}

impl Address {
    /// Takes an address apart.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if it is not of S3, or has no bucket or no key.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (bucket, key) = split(url)?;
        check_bucket(bucket).map_err(|error| error.with("url", url))?;
        if key.is_empty() {
            return Err(Error::invalid("the S3 address has no key: it is s3://BUCKET/KEY").with("url", url));
        }
        check_key(key).map_err(|error| error.with("url", url))?;
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}://{}/{}", self.bucket, self.key)
    }
}

/// Bucket and rest of an address, which may be empty.
///
/// # Errors
/// [`Invalid`](atdata_core::ErrorKind::Invalid) if the address is not of S3.
pub(crate) fn split(url: &str) -> Result<(&str, &str)> {
    let rest = url
        .split_once("://")
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME))
        .map(|(_, rest)| rest)
        .ok_or_else(|| Error::invalid("not an S3 address: one is s3://BUCKET/KEY").with("url", url))?;
    Ok(rest.split_once('/').unwrap_or((rest, "")))
}

/// Checks that a text can be the name of a bucket. Servers are stricter, and not all in the same way.
pub(crate) fn check_bucket(bucket: &str) -> Result<()> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if bucket.is_empty() || bucket.len() > 255 || !bucket.chars().all(is_name) || bucket.starts_with('.') {
        let fault = "the name of a bucket has letters, digits, hyphens, dots and underscores";
        return Err(Error::invalid(fault).with("name", bucket.escape_debug()));
    }
    Ok(())
}

/// Checks that a text can be a key.
pub(crate) fn check_key(key: &str) -> Result<()> {
    if key.len() > MAX_KEY {
        return Err(Error::invalid(format!("a key has at most {MAX_KEY} bytes, this one has {}", key.len())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use atdata_core::ErrorKind;

    use super::*;

    #[test]
    fn a_key_is_taken_as_it_is() {
        for key in ["a.tar", "a//b", "%41 ?x#y", "été", "/a", ".."] {
            let address = Address::parse(&format!("s3://bucket-1/{key}")).unwrap();
            assert_eq!((address.bucket.as_str(), address.key.as_str()), ("bucket-1", key));
            assert_eq!(address.to_string(), format!("s3://bucket-1/{key}"));
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        let long = format!("s3://b/{}", "x".repeat(1025));
        for url in [
            "",
            "s3",
            "s3:/b/k",
            "http://b/k",
            "s3://",
            "s3:///k",
            "s3://b",
            "s3://b/",
            "s3://a b/k",
            "s3://../k",
            &long,
        ] {
            assert_eq!(Address::parse(url).unwrap_err().kind(), ErrorKind::Invalid, "{url}");
        }
    }
}
