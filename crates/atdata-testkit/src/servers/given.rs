//! Servers that tests are given, by variables of the environment.
//!
//! `cargo xtask test-all` starts servers and sets the variables. Where one is missing, a test says that it is skipped,
//! or, if `ATDATA_REQUIRE_SERVERS` is set as `test-all` does, fails.

use std::{env, io};

use super::sigv4;
use crate::suite::skip;

/// The variable that makes a missing server a failure.
pub const REQUIRED: &str = "ATDATA_REQUIRE_SERVERS";

/// The variable with the address of a Redis server.
pub const REDIS: &str = "TEST_REDIS_URL";

/// The variable with the address of a Redis server that has users, for one who may write what an index keeps.
pub const REDIS_ACL: &str = "TEST_REDIS_ACL_URL";

/// The variable with the address of a cluster of Redis servers.
pub const REDIS_CLUSTER: &str = "TEST_REDIS_CLUSTER_URL";

/// The variable with the address of a Personal Data Server.
pub const PDS: &str = "TEST_PDS_URL";

/// The variable with the address of the did:plc directory of its accounts.
pub const PLC: &str = "TEST_PLC_URL";

/// The variable with the address of a Personal Data Server that is [strict](super::pds::PdsOptions::strict).
pub const PDS_STRICT: &str = "TEST_PDS_STRICT_URL";

/// The variable with the address of the did:plc directory of its accounts.
pub const PLC_STRICT: &str = "TEST_PLC_STRICT_URL";

/// The address that a variable has, if it is set.
pub fn url(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}

/// What was started; none, said on standard error, if its program is not there.
///
/// # Panics
/// It does not start; or it is not there, and servers are required.
pub(super) fn unless_missing<T>(what: &str, case: &str, started: io::Result<T>) -> Option<T> {
    match started {
        Ok(server) => Some(server),
        Err(error) if error.kind() == io::ErrorKind::NotFound && env::var_os(REQUIRED).is_none() => {
            skip(case, &error.to_string());
            None
        }
        Err(error) => panic!("{what}: {error}"),
    }
}

/// The servers that speak S3, by the beginning of their variables' names.
pub const S3_SERVERS: [&str; 3] = ["TEST_S3", "TEST_S3S", "TEST_GARAGE"];

/// A server that speaks S3, and who may use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Server {
    /// `http://host:port`.
    pub endpoint: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The access key of somebody who may make buckets.
    pub access_key: String,
    /// The secret key that belongs to it. It protects nothing but tests.
    pub secret_key: String,
}

impl S3Server {
    /// A server on the loopback interface.
    pub fn local(port: u16, access_key: &str, secret_key: &str) -> Self {
        Self {
            endpoint: format!("http://127.0.0.1:{port}"),
            region: "us-east-1".to_owned(),
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
        }
    }

    /// The server whose variables begin so: `{prefix}_ENDPOINT`, `_REGION`, `_ACCESS_KEY_ID`, `_SECRET_ACCESS_KEY`.
    /// None if they are not set.
    ///
    /// # Panics
    /// They are not set, and servers are required; or they are set in part.
    pub fn given(prefix: &str) -> Option<Self> {
        let variable = |name: &str| env::var(format!("{prefix}_{name}")).ok().filter(|v| !v.is_empty());
        let Some(endpoint) = variable("ENDPOINT") else {
            // Garage takes long to build, and is there only if it was asked for.
            let required = prefix != S3_SERVERS[2] && env::var_os(REQUIRED).is_some();
            assert!(
                !required,
                "{prefix}_ENDPOINT is not set, and {REQUIRED} is: see `cargo xtask services --help`"
            );
            return None;
        };
        let key = |name: &str| variable(name).unwrap_or_else(|| panic!("{prefix}_{name} is not set"));
        Some(Self {
            endpoint,
            region: variable("REGION").unwrap_or_else(|| "us-east-1".to_owned()),
            access_key: key("ACCESS_KEY_ID"),
            secret_key: key("SECRET_ACCESS_KEY"),
        })
    }

    /// Makes a bucket, if it is not there.
    ///
    /// # Panics
    /// The server refuses.
    pub fn make_bucket(&self, bucket: &str) {
        // A server may fail while it makes the same bucket for another test.
        let made = (0..3).any(|_| self.try_make_bucket(bucket));
        assert!(made, "the bucket {bucket} cannot be made at {}", self.endpoint);
    }

    /// Makes a bucket, and says whether it is there now.
    pub(super) fn try_make_bucket(&self, bucket: &str) -> bool {
        // 409: it is there already.
        matches!(sigv4::put(self, &format!("/{bucket}")), Some(200 | 409))
    }

    /// The variables that [`given`](Self::given) reads.
    pub fn variables(&self, prefix: &str) -> Vec<(String, String)> {
        [
            ("ENDPOINT", &self.endpoint),
            ("REGION", &self.region),
            ("ACCESS_KEY_ID", &self.access_key),
            ("SECRET_ACCESS_KEY", &self.secret_key),
        ]
        .map(|(name, value)| (format!("{prefix}_{name}"), value.clone()))
        .into()
    }
}
