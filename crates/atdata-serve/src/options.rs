//! What a server may be told.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::{Dataset, DictSample, IndexEntry, Result};

use crate::Token;

/// How a [`Server`](crate::Server) listens, and what it shows besides the index.
///
/// ```
/// use atdata_serve::{ServeOptions, Token};
///
/// let options = ServeOptions::default()
///     .with_address(([0, 0, 0, 0], 8000).into())
///     .with_name("data.example.org")
///     .with_token(Token::generate());
/// assert_eq!(options.names, ["data.example.org"]);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServeOptions {
    /// Where the server listens; port 0 is any that is free. Default: `127.0.0.1:0`.
    pub address: SocketAddr,
    /// Names under which the server is reached, besides `localhost` and addresses of its own.
    pub names: Vec<String>,
    /// What clients must know. Without one everybody on this machine is answered, and nobody else.
    pub token: Option<Token>,
    /// What the page calls the index.
    pub label: String,
    /// How many datasets are kept open. Default: 16.
    pub opened: NonZeroUsize,
    /// Where statistics come from.
    pub statistics: Option<Arc<dyn StatisticsProvider>>,
    /// Where lenses come from.
    pub lenses: Option<Arc<dyn LensProvider>>,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            names: Vec::new(),
            token: None,
            label: String::new(),
            opened: NonZeroUsize::MIN.saturating_add(15),
            statistics: None,
            lenses: None,
        }
    }
}

impl ServeOptions {
    /// Sets where the server listens.
    #[must_use]
    pub fn with_address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Adds a name under which the server is reached.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }

    /// Sets what clients must know.
    #[must_use]
    pub fn with_token(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }

    /// Sets what the page calls the index; secrets in an address are taken out.
    #[must_use]
    pub fn with_label(mut self, label: &str) -> Self {
        self.label = atdata_core::url::redact(label);
        self
    }

    /// Sets how many datasets are kept open.
    #[must_use]
    pub fn with_opened(mut self, opened: NonZeroUsize) -> Self {
        self.opened = opened;
        self
    }

    /// Sets where statistics come from.
    #[must_use]
    pub fn with_statistics(mut self, statistics: impl StatisticsProvider) -> Self {
        self.statistics = Some(Arc::new(statistics));
        self
    }

    /// Sets where lenses come from.
    #[must_use]
    pub fn with_lenses(mut self, lenses: impl LensProvider) -> Self {
        self.lenses = Some(Arc::new(lenses));
        self
    }
}

/// Where statistics of datasets are kept.
///
/// ```
/// use async_trait::async_trait;
/// use atdata_core::{IndexEntry, Result};
/// use atdata_serve::{ServeOptions, StatisticsProvider};
///
/// /// Knows the number of samples of everything.
/// #[derive(Debug)]
/// struct Thousand;
///
/// #[async_trait]
/// impl StatisticsProvider for Thousand {
///     async fn statistics(&self, _: &dyn IndexEntry) -> Result<Option<serde_json::Value>> {
///         Ok(Some(serde_json::json!({"format": "atdata-statistics/1", "samples": 1000, "fields": []})))
///     }
/// }
///
/// let options = ServeOptions::default().with_statistics(Thousand);
/// ```
#[async_trait]
pub trait StatisticsProvider: fmt::Debug + Send + Sync + 'static {
    /// The statistics of a dataset, a document of the format `atdata-statistics/1`; `None` if there are none.
    ///
    /// # Errors
    /// They are there, but cannot be read.
    async fn statistics(&self, entry: &dyn IndexEntry) -> Result<Option<serde_json::Value>>;
}

/// A lens through which the samples of a dataset can be seen.
///
/// ```
/// let lens = atdata_serve::LensInfo::new("grey").with_description("the image without colours");
/// assert_eq!(lens.name, "grey");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LensInfo {
    /// What it is asked for by.
    pub name: String,
    /// What it shows, in words.
    pub description: Option<String>,
}

impl LensInfo {
    /// A lens without a description.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), description: None }
    }

    /// Sets the description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}

/// Where lenses come from: which fit a dataset, and its samples seen through one.
///
/// ```
/// use async_trait::async_trait;
/// use atdata_core::{Dataset, DictSample, Error, IndexEntry, Result};
/// use atdata_serve::{LensInfo, LensProvider};
///
/// /// Shows nothing of any sample.
/// #[derive(Debug)]
/// struct Blindfold;
///
/// #[async_trait]
/// impl LensProvider for Blindfold {
///     async fn lenses(&self, _: &dyn IndexEntry) -> Result<Vec<LensInfo>> {
///         Ok(vec![LensInfo::new("blindfold")])
///     }
///     async fn view(
///         &self,
///         _: &dyn IndexEntry,
///         lens: &str,
///         samples: Dataset<DictSample>,
///     ) -> Result<Dataset<DictSample>> {
///         match lens {
///             "blindfold" => Ok(samples.map(|_| DictSample::new())),
///             _ => Err(Error::not_found("there is no such lens").with("lens", lens)),
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait LensProvider: fmt::Debug + Send + Sync + 'static {
    /// The lenses that fit a dataset.
    ///
    /// # Errors
    /// They cannot be found out.
    async fn lenses(&self, entry: &dyn IndexEntry) -> Result<Vec<LensInfo>>;

    /// The samples seen through a lens: the same dataset with something done to each sample.
    ///
    /// # Errors
    /// [`NotFound`](atdata_core::ErrorKind::NotFound) if there is no such lens, or it does not fit.
    async fn view(
        &self,
        entry: &dyn IndexEntry,
        lens: &str,
        samples: Dataset<DictSample>,
    ) -> Result<Dataset<DictSample>>;
}
