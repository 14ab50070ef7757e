//! [`AtmosphereIndex`]: datasets as records of a repository.

mod data_lenses;
mod draft;
mod entry;
mod find;
mod insert;
mod labels;
mod lenses;
mod manage;
mod schemas;
mod trust;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::lens::LensRecord;
use atdata_core::schema::{Profile, SampleSchema};
use atdata_core::url::AtUri;
use atdata_core::{DatedLabel, Error, Index, IndexEntry, Label, NewDataset, Result, ResultExt, StoredSchema};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use crate::records::RecordKind;
use crate::repository::{MalformedRecord, Repository, View};
use crate::{Atmosphere, Did};
pub use entry::AtmosphereEntry;
pub use insert::DatasetDetails;
pub use lenses::StoredLens;

/// What look-ups of datasets need.
const DATASETS: [RecordKind; 2] = [RecordKind::Dataset, RecordKind::Label];

/// What insertions need.
const EVERYTHING: [RecordKind; 3] = [RecordKind::Dataset, RecordKind::Label, RecordKind::Schema];

/// The datasets, schemas and labels of an account, as records of its repository.
///
/// Records of every generation are read; those of the profile are written. The repository's records are read once, when
/// they are first needed, and again when it has changed since; a look-up asks the server whether it has. Changes are made
/// as one commit each, on top of the commit that they were made up from, so that they happen as a whole or not at all,
/// whoever else writes. References to other accounts (`@bob.example/digits`, `at://did:plc:…/…`) are looked up there.
///
/// - A name stands for what its latest label says; without a label, for the newest record of the name.
/// - A record that cannot be read is left out and [noted](AtmosphereIndex::malformed).
/// - Names have at most 200 bytes, metadata 100,000, an entry with everything 950,000.
///
/// ```no_run
/// use atdata_atmosphere::{Atmosphere, AtmosphereOptions};
/// use atdata_core::{Index, IndexEntry};
/// use futures::TryStreamExt;
///
/// # async fn example() -> atdata_core::Result<()> {
/// let atmosphere = Atmosphere::anonymous(AtmosphereOptions::default());
/// let index = atmosphere.index_of("alice.example.org").await?;
/// let mut datasets = index.list_datasets("");
/// while let Some(entry) = datasets.try_next().await? {
///     println!("{} {:?}", entry.name(), entry.uri());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AtmosphereIndex {
    atmosphere: Atmosphere,
    repository: Arc<Repository>,
    did: Did,
}

impl Atmosphere {
    /// The index of the account that is logged in.
    ///
    /// # Errors
    /// [`AuthFault::NoSession`](crate::AuthFault::NoSession).
    pub fn index(&self) -> Result<AtmosphereIndex> {
        Ok(AtmosphereIndex::new(self, &self.account()?.did))
    }

    /// The index of an account, by handle or DID: to be read only, unless it is the one that is logged in.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub async fn index_of(&self, account: &str) -> Result<AtmosphereIndex> {
        let account = account.strip_prefix('@').unwrap_or(account);
        let own = self.did().filter(|did| did.as_str() == account);
        match own {
            Some(did) => Ok(AtmosphereIndex::new(self, did)),
            None => Ok(AtmosphereIndex::new(self, &self.resolve(account).await?.did)),
        }
    }
}

impl AtmosphereIndex {
    fn new(atmosphere: &Atmosphere, did: &Did) -> Self {
        Self { atmosphere: atmosphere.clone(), repository: atmosphere.repository(did), did: did.clone() }
    }

    /// The account whose index it is.
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// The records that could not be read when the repository was read last: the first hundred of them, and their number.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub async fn malformed(&self) -> Result<(Vec<MalformedRecord>, u64)> {
        let view = self.view(&EVERYTHING).await?;
        let (first, count) = view.malformed();
        Ok((first.to_vec(), count))
    }

    fn profile(&self) -> Profile {
        self.atmosphere.inner.options.profile
    }

    async fn view(&self, kinds: &[RecordKind]) -> Result<Arc<View>> {
        self.repository.view(&self.atmosphere, kinds).await.context("account", &self.did)
    }

    /// An index of the same network of another account.
    async fn of(&self, authority: &str) -> Result<Self> {
        self.atmosphere.index_of(authority).await
    }

    /// Whether the account may be written.
    fn check_writable(&self) -> Result<()> {
        let account = self.atmosphere.account()?;
        match account.did == self.did {
            true => Ok(()),
            false => Err(Error::permission_denied(
                "the repository of another account can only be read: log in as its owner",
            )
            .with("account", &self.did)),
        }
    }
}

#[async_trait]
impl Index for AtmosphereIndex {
    async fn insert_dataset(&self, new: NewDataset) -> Result<Arc<dyn IndexEntry>> {
        Ok(Arc::new(self.insert(new, DatasetDetails::default()).await?))
    }

    async fn get_dataset(&self, reference: &str) -> Result<Arc<dyn IndexEntry>> {
        Ok(Arc::new(self.find(reference).await?))
    }

    fn list_datasets(&self, prefix: &str) -> BoxStream<'_, Result<Arc<dyn IndexEntry>>> {
        let prefix = prefix.to_owned();
        stream::once(async move { self.entries(&prefix).await }).try_flatten().boxed()
    }

    async fn publish_schema(&self, schema: &SampleSchema) -> Result<String> {
        self.publish(schema).await
    }

    async fn get_schema(&self, reference: &str) -> Result<StoredSchema> {
        self.schema(reference).await
    }

    fn list_schemas(&self, prefix: &str) -> BoxStream<'_, Result<StoredSchema>> {
        let prefix = prefix.to_owned();
        stream::once(async move { self.schemas(&prefix).await }).try_flatten().boxed()
    }

    async fn set_label(&self, label: &Label) -> Result<()> {
        self.label(label, false).await
    }

    async fn set_older_label(&self, label: &Label) -> Result<()> {
        self.label(label, true).await
    }

    async fn get_label(&self, name: &str, version: Option<&str>) -> Result<Label> {
        self.find_label(name, version).await
    }

    fn list_labels(&self, prefix: &str) -> BoxStream<'_, Result<Label>> {
        let prefix = prefix.to_owned();
        stream::once(async move { self.labels(&prefix).await }).try_flatten().boxed()
    }

    async fn label_history(&self, name: &str) -> Result<Vec<DatedLabel>> {
        self.history(name).await
    }

    async fn delete_label(&self, name: &str, version: &str) -> Result<()> {
        self.remove_label(name, Some(version)).await
    }

    /// Unless [files of this machine](crate::AtmosphereOptions::local_files) are allowed: the server is one's own then.
    fn is_public(&self) -> bool {
        !self.atmosphere.inner.options.local_files
    }

    fn owner(&self) -> Option<&str> {
        Some(self.did.as_str())
    }

    async fn publish_lens(&self, lens: &LensRecord) -> Result<String> {
        self.store_lens(lens).await
    }

    async fn get_lens(&self, reference: &str) -> Result<atdata_core::StoredLens> {
        self.find_lens(reference).await
    }

    fn list_lenses(&self, prefix: &str) -> BoxStream<'_, Result<atdata_core::StoredLens>> {
        let prefix = prefix.to_owned();
        stream::once(async move { self.lenses(&prefix).await }).try_flatten().boxed()
    }
}

impl fmt::Debug for AtmosphereIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtmosphereIndex").field("did", &self.did).finish_non_exhaustive()
    }
}

/// Accounts by handle or DID, to be read; the one that is logged in can be written.
#[async_trait]
impl atdata_core::Network for Atmosphere {
    async fn repository(&self, account: &str) -> Result<Arc<dyn Index>> {
        Ok(Arc::new(self.index_of(account).await?))
    }
}

/// A record's address, if it is one and could exist.
fn record_address(text: &str) -> Result<AtUri> {
    let uri: AtUri = text.parse()?;
    uri.validate()?;
    Ok(uri)
}
