//! [`Connection`]: the client, made when it is first needed, and shared by all that use the same configuration.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use atdata_core::{Error, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Credentials as AwsCredentials, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, SharedCredentialsProvider, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use crate::config::{Credentials, S3Config};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the first byte of an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a request is made before it has failed.
pub(crate) const ATTEMPTS: u32 = 5;

/// The longest wait before the second attempt; each further one may be twice as long.
pub(crate) const FIRST_BACKOFF: Duration = Duration::from_millis(200);

/// A server and who asks it. Clones share the connections.
#[derive(Clone)]
pub(crate) struct Connection {
    config: S3Config,
    client: Arc<OnceCell<Connected>>,
}

/// A client, and the address of its server if it is not Amazon's.
#[derive(Clone)]
pub(crate) struct Connected {
    pub(crate) client: Client,
    pub(crate) endpoint: Option<String>,
}

/// The client's own output is long; the configuration hides its secrets.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects to nothing yet.
    pub(crate) fn new(config: S3Config) -> Self {
        Self { config, client: Arc::default() }
    }

    /// The client.
    ///
    /// # Errors
    /// There is no runtime, or the environment names an endpoint that is not one.
    pub(crate) async fn client(&self) -> Result<&Client> {
        self.connected().await.map(|connected| &connected.client)
    }

    pub(crate) async fn connected(&self) -> Result<&Connected> {
        runtime()?;
        self.client.get_or_try_init(|| connect(&self.config)).await
    }
}

/// The settings of requests that are repeated by who makes them.
pub(crate) fn once() -> Builder {
    Builder::new().retry_config(RetryConfig::disabled())
}

/// The runtime that requests run on.
///
/// # Errors
/// [`Invalid`](atdata_core::ErrorKind::Invalid) outside of tokio.
pub(crate) fn runtime() -> Result<Handle> {
    Handle::try_current().map_err(|_| {
        Error::invalid("S3 is spoken on a tokio runtime with I/O and time enabled, and there is none here")
    })
}

async fn connect(config: &S3Config) -> Result<Connected> {
    let config = config.with_environment()?;
    let http = HttpBuilder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let found = identify(&config, &http).await?;
    let endpoint = config.endpoint.or(found.endpoint);
    let mut builder = Builder::new()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_BACKOFF))
        .timeout_config(
            TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(ANSWER_TIMEOUT).build(),
        )
        // Uploads come from memory, so one that stalls is the network's fault. A download stalls whenever its
        // consumer is busy.
        .stalled_stream_protection(
            StalledStreamProtectionConfig::enabled().upload_enabled(true).download_enabled(false).build(),
        )
        // Otherwise bodies are sent in chunks with a trailer, which many servers refuse. Requests carry the SHA-256
        // of their body in any case.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .force_path_style(config.path_style.unwrap_or(endpoint.is_some()))
        .http_client(http);
    if let Some(endpoint) = &endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    let builder = match found.credentials {
        Some(credentials) => builder.credentials_provider(credentials),
        None => builder.allow_no_auth(),
    };
    let region = config.region.or(found.region).unwrap_or_else(S3Config::default_region);
    let client = Client::from_conf(builder.region(Region::new(region)).build());
    Ok(Connected { client, endpoint })
}

/// As whom requests are made, and what was found on the way.
#[derive(Default)]
struct Identity {
    /// None if requests are not signed.
    credentials: Option<SharedCredentialsProvider>,
    region: Option<String>,
    endpoint: Option<String>,
}

async fn identify(config: &S3Config, http: &SharedHttpClient) -> Result<Identity> {
    match &config.credentials {
        Credentials::Keys(keys) => {
            let session = keys.session_token.clone();
            let keys = AwsCredentials::new(&keys.access_key, &keys.secret_key, session, None, "atdata");
            Ok(Identity { credentials: Some(SharedCredentialsProvider::new(keys)), ..Identity::default() })
        }
        Credentials::Anonymous => Ok(Identity::default()),
        #[cfg(feature = "aws-chain")]
        Credentials::Chain | Credentials::Environment => {
            let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http.clone());
            if let Some(region) = &config.region {
                loader = loader.region(Region::new(region.clone()));
            }
            let found = loader.load().await;
            let credentials = found.credentials_provider().ok_or_else(no_credentials)?;
            let region = found.region().map(|region| region.as_ref().to_owned());
            let endpoint = found.endpoint_url().map(str::to_owned);
            Ok(Identity { credentials: Some(credentials), region, endpoint })
        }
        #[cfg(not(feature = "aws-chain"))]
        Credentials::Environment => {
            let _ = http;
            Err(no_credentials())
        }
    }
}

fn no_credentials() -> Error {
    Error::permission_denied(
        "there are no S3 credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give a configuration",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_runtime_there_is_an_error_and_no_panic() {
        let connection = Connection::new(S3Config::anonymous());
        let error = futures::executor::block_on(connection.client()).unwrap_err();
        assert!(error.message().contains("runtime"), "{error}");
    }

    #[tokio::test]
    async fn a_client_is_made_once_and_shared() {
        let connection = Connection::new(S3Config::with_keys("id", "secret"));
        let other = connection.clone();
        let (first, second) = (connection.connected().await.unwrap(), other.connected().await.unwrap());
        assert!(std::ptr::eq(first, second));
        assert!(!format!("{connection:?}").contains("secret"));
    }
}
