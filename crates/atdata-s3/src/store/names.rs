//! Which keys a store has.

use atdata_core::shard::validate_prefix;
use atdata_core::shard_index::INDEX_SUFFIX;
use atdata_core::{Error, Result};

use crate::address::{Address, check_bucket, check_key};

/// The names of a store's objects: `{root}/{prefix of the write}/data--{id}--{number}.tar`.
#[derive(Clone, Debug)]
pub(super) struct StoreNames {
    bucket: String,
    root: Option<String>,
    id: Option<String>,
}

impl StoreNames {
    pub(super) fn new(bucket: &str) -> Result<Self> {
        check_bucket(bucket)?;
        Ok(Self { bucket: bucket.to_owned(), root: None, id: None })
    }

    pub(super) fn with_root(mut self, root: &str) -> Result<Self> {
        validate_prefix(root)?;
        self.root = Some(root.to_owned());
        Ok(self)
    }

    pub(super) fn with_id(mut self, id: &str) -> Result<Self> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if id.is_empty() || id.len() > 64 || !id.chars().all(is_plain) {
            let fault =
                "an identifier in shard names is 1 to 64 letters, digits, dots, underscores and hyphens";
            return Err(Error::invalid(fault).with("name", id.escape_debug()));
        }
        self.id = Some(id.to_owned());
        Ok(self)
    }

    pub(super) fn bucket(&self) -> &str {
        &self.bucket
    }

    pub(super) fn root(&self) -> Option<&str> {
        self.root.as_deref()
    }

    /// Whether the names of a write can be those of an earlier one.
    pub(super) fn has_id(&self) -> bool {
        self.id.is_some()
    }

    /// The names of one write; `fresh` is used where no identifier is fixed.
    pub(super) fn of_write(&self, prefix: &str, fresh: &str) -> Result<WriteNames> {
        validate_prefix(prefix)?;
        let id = self.id.as_deref().unwrap_or(fresh);
        let stem = match &self.root {
            Some(root) => format!("{root}/{prefix}/data--{id}--"),
            None => format!("{prefix}/data--{id}--"),
        };
        let names = WriteNames { bucket: self.bucket.clone(), stem };
        // So that a name that is too long is noticed before anything is written.
        check_key(&format!("{}{INDEX_SUFFIX}", names.shard(0)?.key))
            .map_err(|error| error.with("prefix", prefix.escape_debug()))?;
        Ok(names)
    }

    /// Checks that an address is of this store.
    pub(super) fn check(&self, url: &str) -> Result<Address> {
        let foreign = || Error::invalid("the address is not one of this store").with("url", url);
        let address = Address::parse(url).map_err(|_| foreign())?;
        let inside = match &self.root {
            Some(root) => address.key.strip_prefix(root.as_str()).and_then(|key| key.strip_prefix('/')),
            None => Some(address.key.as_str()),
        };
        if address.bucket != self.bucket || inside.is_none_or(str::is_empty) {
            return Err(foreign());
        }
        Ok(address)
    }
}

/// The names of one write.
#[derive(Debug)]
pub(super) struct WriteNames {
    bucket: String,
    stem: String,
}

impl WriteNames {
    /// What all names begin with.
    pub(super) fn stem(&self) -> Address {
        Address { bucket: self.bucket.clone(), key: self.stem.clone() }
    }

    pub(super) fn shard(&self, number: usize) -> Result<Address> {
        let key = format!("{}{number:06}.tar", self.stem);
        check_key(&key)?;
        Ok(Address { bucket: self.bucket.clone(), key })
    }
}

/// A key as a part of an address of the web.
pub(super) fn percent_encode(key: &str) -> String {
    key.bytes().fold(String::with_capacity(key.len()), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte.into())
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use atdata_core::ErrorKind;

    use super::*;

    #[test]
    fn names_are_those_of_python() {
        let names = StoreNames::new("hive").unwrap();
        let fresh = "0a4f6f8e-0000-4000-8000-000000000000";
        let shard = names.of_write("team/digits", fresh).unwrap().shard(7).unwrap();
        assert_eq!(shard.to_string(), format!("s3://hive/team/digits/data--{fresh}--000007.tar"));
        let shard = names.with_root("root").unwrap().with_id("v1").unwrap().of_write("d", fresh).unwrap();
        assert_eq!(shard.shard(0).unwrap().to_string(), "s3://hive/root/d/data--v1--000000.tar");
    }

    #[test]
    fn only_addresses_below_the_root_are_the_stores() {
        let names = StoreNames::new("hive").unwrap().with_root("team").unwrap();
        assert!(names.check("s3://hive/team/a.tar").is_ok());
        for url in [
            "",
            "s3://hive/team",
            "s3://hive/team/",
            "s3://hive/teams/a.tar",
            "s3://other/team/a.tar",
            "/team/a",
        ] {
            assert_eq!(names.check(url).unwrap_err().kind(), ErrorKind::Invalid, "{url}");
        }
    }

    #[test]
    fn a_key_that_would_be_too_long_is_refused_at_once() {
        let long = "x".repeat(500);
        let names = StoreNames::new("hive").unwrap().with_root(&long).unwrap();
        assert_eq!(names.of_write(&long, &"y".repeat(36)).unwrap_err().kind(), ErrorKind::Invalid);
        assert!(names.of_write("short", "y").is_ok());
        assert!(StoreNames::new("hive").unwrap().with_id("a/b").is_err());
    }

    #[test]
    fn keys_are_encoded_for_the_web() {
        assert_eq!(percent_encode("a b/é?.tar"), "a%20b/%C3%A9%3F.tar");
    }
}
