//! How a server is configured.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What the server signs its tokens with (HS256). It protects nothing but tests.
pub const JWT_SECRET: &str = "what-tokens-are-signed-with";

/// What the server asks administrators for, who are called `admin`.
pub const ADMIN_PASSWORD: &str = "admin-password";

/// The key that the server changes the accounts' documents with.
const ROTATION_KEY: &str = "3f1c8b5d9e7a2460f1c3b5d79e8a0c2e4f60718293a4b5c6d7e8f9012a3b4c5d";

/// The most bytes of a blob, unless the options say something else.
const BLOB_LIMIT: u64 = 100 << 20;

/// How a server is configured. The default: no rate limits, and blobs of up to 100 MiB.
///
/// ```
/// use atdata_testkit::servers::pds::PdsOptions;
///
/// let options = PdsOptions::default().with_access_seconds(2).with_rate_limits();
/// ```
#[derive(Clone, Debug, Default)]
pub struct PdsOptions {
    access_seconds: u32,
    environment: BTreeMap<String, String>,
}

impl PdsOptions {
    /// A server that gives access tokens for two seconds, and limits requests as a public one does.
    #[must_use]
    pub fn strict() -> Self {
        Self::default().with_access_seconds(2).with_rate_limits()
    }

    /// Access tokens live so many seconds, and not two hours. (Refresh tokens live 90 days.)
    #[must_use]
    pub fn with_access_seconds(mut self, seconds: u32) -> Self {
        self.access_seconds = seconds;
        self
    }

    /// Limits requests as a public server does: among others, 30 log-ins in 5 minutes.
    #[must_use]
    pub fn with_rate_limits(self) -> Self {
        self.with_variable("PDS_RATE_LIMITS_ENABLED", "true")
    }

    /// Refuses blobs of more than so many bytes.
    #[must_use]
    pub fn with_blob_limit(self, bytes: u64) -> Self {
        self.with_variable("PDS_BLOB_UPLOAD_LIMIT", &bytes.to_string())
    }

    /// Sets a variable of the environment; the server has its settings in those that begin with `PDS_`.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// What the server's script reads.
    pub(super) fn json(&self, port: u16, plc_port: u16) -> Value {
        let mut environment = BTreeMap::from([
            ("PDS_ADMIN_PASSWORD".to_owned(), ADMIN_PASSWORD.to_owned()),
            ("PDS_BLOB_UPLOAD_LIMIT".to_owned(), BLOB_LIMIT.to_string()),
            ("PDS_JWT_SECRET".to_owned(), JWT_SECRET.to_owned()),
            ("PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX".to_owned(), ROTATION_KEY.to_owned()),
        ]);
        environment.extend(self.environment.clone());
        json!({
            "pdsPort": port,
            "plcPort": plc_port,
            "accessSeconds": self.access_seconds,
            "environment": environment,
        })
    }
}
