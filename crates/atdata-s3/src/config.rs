//! [`S3Config`]: which server, and as whom.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::path::Path;

use atdata_core::url::redact;
use atdata_core::{Error, Result, ResultExt};

use crate::env_file;

/// The variables, in a `.env` file or in the environment, that Python's `atdata` reads.
const ENDPOINT: &str = "AWS_ENDPOINT";
const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET_KEY: &str = "AWS_SECRET_ACCESS_KEY";

/// More names for the same, as the AWS tools have them; the first that is set counts.
const ENDPOINTS: [&str; 3] = [ENDPOINT, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// The region if nothing else is said. Servers other than Amazon's commonly take any.
const DEFAULT_REGION: &str = "us-east-1";

/// Which server is spoken to, and with which credentials.
///
/// `S3Config::default()` takes everything from the environment, when it is first needed. The `AWS_*` variables are
/// those of the AWS tools; `AWS_ENDPOINT` is Python `atdata`'s. With an endpoint, buckets are addressed by path
/// (`http://host/bucket/key`), without one they are Amazon's.
///
/// ```
/// use atdata_s3::S3Config;
///
/// let config = S3Config::with_keys("AKIDEXAMPLE", "wJalrXUtnFEMI")
///     .with_endpoint("https://storage.example")?
///     .with_region("eu-central-1");
/// assert!(!format!("{config:?}").contains("wJalrXUtnFEMI"));
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct S3Config {
    pub(crate) credentials: Credentials,
    pub(crate) endpoint: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) path_style: Option<bool>,
}

/// As whom the server is asked.
#[derive(Clone, Debug)]
pub(crate) enum Credentials {
    /// What the environment says, or else, with feature `aws-chain`, what the AWS tools would find.
    Environment,
    /// Feature `aws-chain`: what the AWS tools would find.
    #[cfg(feature = "aws-chain")]
    Chain,
    /// Requests are not signed.
    Anonymous,
    /// A pair of keys.
    Keys(Keys),
}

/// A pair of keys, with the token of a session if they are temporary.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) session_token: Option<String>,
}

/// Shows the access key, which is no secret, and nothing else.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// Everything from the environment, when it is first needed.
impl Default for S3Config {
    fn default() -> Self {
        Self::new(Credentials::Environment)
    }
}

impl S3Config {
    fn new(credentials: Credentials) -> Self {
        Self { credentials, endpoint: None, region: None, path_style: None }
    }

    /// With an access key and its secret. Region and endpoint are Amazon's default until they are set: the environment
    /// is not asked, but for `AWS_DEFAULT_REGION`.
    pub fn with_keys(access_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        let (access_key, secret_key) = (access_key.into(), secret_key.into());
        Self::new(Credentials::Keys(Keys { access_key, secret_key, session_token: None }))
    }

    /// Without credentials, for public buckets.
    pub fn anonymous() -> Self {
        Self::new(Credentials::Anonymous)
    }

    /// Credentials and region as the AWS tools find them: environment, profiles, web identity, container, instance.
    #[cfg(feature = "aws-chain")]
    pub fn aws_chain() -> Self {
        Self::new(Credentials::Chain)
    }

    /// From a `.env` file, read as Python's `dotenv` reads it. It must have `AWS_ENDPOINT`, `AWS_ACCESS_KEY_ID` and
    /// `AWS_SECRET_ACCESS_KEY`; `AWS_REGION` and `AWS_SESSION_TOKEN` are taken if they are there.
    ///
    /// # Errors
    /// The file cannot be read; [`Invalid`](atdata_core::ErrorKind::Invalid), naming what it lacks.
    pub fn from_env_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).context("path", path.display())?;
        let values = env_file::parse(&text, |name| env::var(name).ok());
        let values: BTreeMap<String, String> =
            values.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        require(&values, &[ENDPOINT, ACCESS_KEY, SECRET_KEY]).context("path", path.display())?;
        Self::from_map(&values).context("path", path.display())
    }

    /// From pairs with the names that a `.env` file has. The endpoint may be absent.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid), naming what is missing, or if the endpoint is not an http address.
    pub fn from_credentials<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self> {
        Self::from_map(&pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    fn from_map(values: &BTreeMap<String, String>) -> Result<Self> {
        require(values, &[ACCESS_KEY, SECRET_KEY])?;
        let lookup = |name: &str| values.get(name).cloned();
        Self::resolve(lookup)?.ok_or_else(|| Error::invalid("the credentials are not complete"))
    }

    /// What the variables say; nothing if there are no keys among them.
    fn resolve(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let lookup = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let (Some(access_key), Some(secret_key)) = (lookup(ACCESS_KEY), lookup(SECRET_KEY)) else {
            return Ok(None);
        };
        let keys = Keys { access_key, secret_key, session_token: lookup(SESSION_TOKEN) };
        let config = Self { region: first(&lookup, &REGIONS), ..Self::new(Credentials::Keys(keys)) };
        match first(&lookup, &ENDPOINTS) {
            Some(endpoint) => config.with_endpoint(endpoint).map(Some),
            None => Ok(Some(config)),
        }
    }

    /// Sets the server: `https://host` or `http://host:port`, with a path if it has one.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) if it is not such an address, or holds a user, a password or a query.
    pub fn with_endpoint(mut self, endpoint: impl Into<String>) -> Result<Self> {
        let endpoint = endpoint.into();
        let endpoint = endpoint.trim().trim_end_matches('/');
        let rest = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
        let is_plain = |rest: &str| {
            !rest.is_empty()
                && !rest.starts_with(['/', ':'])
                && !rest.contains(['@', '?', '#', '\\'])
                && rest.chars().all(|c| c.is_ascii_graphic())
        };
        if !rest.is_some_and(is_plain) {
            let fault = "an endpoint is https://HOST or http://HOST, with a port or path where there is one, \
                         without user, password or query";
            return Err(Error::invalid(fault).with("url", redact(endpoint)));
        }
        self.endpoint = Some(endpoint.to_owned());
        Ok(self)
    }

    /// Sets the region, which requests are signed for. Default: `AWS_DEFAULT_REGION`, or else `us-east-1`.
    #[must_use]
    pub fn with_region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Sets the token that temporary keys come with. Does nothing if there are no keys.
    #[must_use]
    pub fn with_session_token(mut self, token: impl Into<String>) -> Self {
        if let Credentials::Keys(keys) = &mut self.credentials {
            keys.session_token = Some(token.into());
        }
        self
    }

    /// Sets whether the bucket is a part of the path (`https://host/bucket/key`) or of the host's name
    /// (`https://bucket.host/key`). Default: of the path if there is an endpoint.
    #[must_use]
    pub fn with_path_style(mut self, path_style: bool) -> Self {
        self.path_style = Some(path_style);
        self
    }

    /// The server, if it is not Amazon's.
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// With what the environment says filled in.
    pub(crate) fn with_environment(&self) -> Result<Self> {
        self.with_variables(|name| env::var(name).ok())
    }

    fn with_variables(&self, lookup: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut config = self.clone();
        let given = |name: &str| lookup(name).filter(|value| !value.is_empty());
        if matches!(config.credentials, Credentials::Environment) {
            if config.endpoint.is_none()
                && let Some(endpoint) = first(&given, &ENDPOINTS)
            {
                config = config.with_endpoint(endpoint)?;
            }
            config.region = config.region.or_else(|| first(&given, &REGIONS));
            if let Some(Self { credentials, .. }) = Self::resolve(given)? {
                config.credentials = credentials;
            }
        }
        Ok(config)
    }

    /// The region, where neither the configuration nor the AWS tools know one.
    pub(crate) fn default_region() -> String {
        let region = env::var("AWS_DEFAULT_REGION").ok().filter(|region| !region.is_empty());
        region.unwrap_or_else(|| DEFAULT_REGION.to_owned())
    }
}

fn first(lookup: &impl Fn(&str) -> Option<String>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| lookup(name))
}

fn require(values: &BTreeMap<String, String>, names: &[&str]) -> Result<()> {
    let is_missing = |name: &&&str| values.get(**name).is_none_or(String::is_empty);
    let missing: Vec<&str> = names.iter().filter(is_missing).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(format!("the credentials lack {}", missing.join(", "))))
}

#[cfg(test)]
mod tests {
    use atdata_core::ErrorKind;

    use super::*;

    fn keys(config: &S3Config) -> (&str, &str, Option<&str>) {
        match &config.credentials {
            Credentials::Keys(keys) => (&keys.access_key, &keys.secret_key, keys.session_token.as_deref()),
            other => panic!("{other:?}"),
        }
    }

    fn from_file(text: &str) -> Result<S3Config> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("credentials.env");
        std::fs::write(&path, text).unwrap();
        S3Config::from_env_file(&path)
    }

    #[test]
    fn a_file_gives_keys_and_endpoint() {
        let config = from_file(
            "# team\nexport AWS_ENDPOINT=\"http://127.0.0.1:9000/\"\nAWS_ACCESS_KEY_ID=id\nAWS_SECRET_ACCESS_KEY='s # x'\nAWS_REGION=here\n",
        );
        let config = config.unwrap();
        assert_eq!(keys(&config), ("id", "s # x", None));
        assert_eq!(
            (config.endpoint(), config.region.as_deref()),
            (Some("http://127.0.0.1:9000"), Some("here"))
        );
    }

    #[test]
    fn what_a_file_lacks_is_named_with_the_file() {
        let error = from_file("AWS_ACCESS_KEY_ID=id\nAWS_SECRET_ACCESS_KEY=\n").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().ends_with("AWS_ENDPOINT, AWS_SECRET_ACCESS_KEY"), "{error}");
        assert!(error.context_value("path").unwrap().ends_with("credentials.env"));
        assert!(S3Config::from_env_file("nowhere.env").unwrap_err().is_not_found());
    }

    #[test]
    fn pairs_need_no_endpoint() {
        let pairs = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_SESSION_TOKEN", "t")];
        let config = S3Config::from_credentials(pairs).unwrap();
        assert_eq!((keys(&config), config.endpoint()), (("id", "s", Some("t")), None));
        let error = S3Config::from_credentials([("AWS_ACCESS_KEY_ID", "id")]).unwrap_err();
        assert_eq!(error.message(), "the credentials lack AWS_SECRET_ACCESS_KEY");
    }

    #[test]
    fn the_environment_fills_what_is_not_said() {
        let variables = |name: &str| {
            let value = match name {
                "AWS_ENDPOINT_URL" => "https://url.test",
                "AWS_DEFAULT_REGION" => "there",
                "AWS_ACCESS_KEY_ID" => "id",
                "AWS_SECRET_ACCESS_KEY" => "s",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let config = S3Config::default().with_variables(variables).unwrap();
        assert_eq!(keys(&config), ("id", "s", None));
        assert_eq!((config.endpoint(), config.region.as_deref()), (Some("https://url.test"), Some("there")));

        let own = S3Config::default().with_endpoint("http://own.test").unwrap().with_region("own");
        let config = own.with_variables(variables).unwrap();
        assert_eq!((config.endpoint(), config.region.as_deref()), (Some("http://own.test"), Some("own")));

        let given = S3Config::with_keys("other", "t").with_variables(variables).unwrap();
        assert_eq!((keys(&given), given.endpoint()), (("other", "t", None), None));
    }

    #[test]
    fn endpoints_that_are_no_addresses_are_refused_without_their_secrets() {
        for endpoint in
            ["", "host", "ftp://h", "http://", "https:///x", "http://u:hunter2@h", "http://h?key=hunter2"]
        {
            let error = S3Config::anonymous().with_endpoint(endpoint).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{endpoint}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let config = S3Config::with_keys("id", "hunter2").with_session_token("hunter3");
        assert_eq!(keys(&config), ("id", "hunter2", Some("hunter3")));
        let shown = format!("{config:?}");
        assert!(shown.contains("id") && !shown.contains("hunter"), "{shown}");
    }
}
