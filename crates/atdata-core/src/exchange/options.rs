//! What can be asked for.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use super::Event;
use crate::DataStore;
use crate::source::Registry;

/// What is done about a dataset whose name the target has already, for another dataset. An equal one is left as it is
/// in any case.
///
/// ```
/// assert_eq!(atdata_core::exchange::Existing::default(), atdata_core::exchange::Existing::Fail);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It fails with [`AlreadyExists`](crate::ErrorKind::AlreadyExists), before anything moves.
    #[default]
    Fail,
    /// The name stands for the source's dataset from now on. Shards of the old one are not removed: other entries may
    /// need them.
    Replace,
    /// The target's dataset stays.
    Skip,
}

/// Which versions of a dataset go along.
///
/// ```
/// assert_eq!(atdata_core::exchange::Versions::default(), atdata_core::exchange::Versions::Latest);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// The dataset that its name stands for, with the labels that lead to it.
    #[default]
    Latest,
    /// Also every other dataset that a label of the name leads to.
    All,
}

/// Called for each [`Event`].
pub type Observer = Arc<dyn Fn(Event<'_>) + Send + Sync>;

/// Where the shards go.
#[derive(Clone, Copy)]
pub(super) struct Copy<'a> {
    pub(super) store: &'a dyn DataStore,
    pub(super) registry: &'a Registry,
}

/// How datasets are carried from one index to another.
///
/// ```
/// use atdata_core::exchange::{ExchangeOptions, Existing};
/// use atdata_core::{MemoryStore, source::Registry};
///
/// let (store, registry) = (MemoryStore::new(), Registry::default());
/// let options = ExchangeOptions::copy_to(&store, &registry).with_existing(Existing::Replace);
/// assert!(options.copies());
/// assert!(!ExchangeOptions::keep_addresses().copies());
/// ```
#[derive(Clone)]
pub struct ExchangeOptions<'a> {
    pub(super) copy: Option<Copy<'a>>,
    pub(super) existing: Option<Existing>,
    pub(super) versions: Option<Versions>,
    pub(super) name: Option<String>,
    pub(super) divide: bool,
    pub(super) parallel: usize,
    pub(super) dry_run: bool,
    pub(super) provenance: bool,
    pub(super) origin: Option<String>,
    pub(super) journal: Option<PathBuf>,
    pub(super) observer: Option<Observer>,
}

impl<'a> ExchangeOptions<'a> {
    /// The shards stay where they are: the target's entries have the source's addresses.
    pub fn keep_addresses() -> Self {
        Self {
            copy: None,
            existing: None,
            versions: None,
            name: None,
            divide: false,
            parallel: 4,
            dry_run: false,
            provenance: true,
            origin: None,
            journal: None,
            observer: None,
        }
    }

    /// The shards are copied, byte for byte, to a store. The registry opens those of the source and, to see whether
    /// they are still there after an interruption, those of the target.
    pub fn copy_to(store: &'a dyn DataStore, registry: &'a Registry) -> Self {
        Self { copy: Some(Copy { store, registry }), ..Self::keep_addresses() }
    }

    /// Whether shards are copied.
    pub fn copies(&self) -> bool {
        self.copy.is_some()
    }

    /// Sets what is done about names that are taken. Default: [`Existing::Fail`]; for
    /// [`sync`](super::sync) [`Existing::Replace`].
    #[must_use]
    pub fn with_existing(mut self, existing: Existing) -> Self {
        self.existing = Some(existing);
        self
    }

    /// Sets which versions go along. Default: [`Versions::Latest`] for [`migrate_dataset`](super::migrate_dataset),
    /// [`Versions::All`] for the others.
    #[must_use]
    pub fn with_versions(mut self, versions: Versions) -> Self {
        self.versions = Some(versions);
        self
    }

    /// Sets the name in the target; for one dataset only. Default: that in the source.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Allows that a shard which is too long for the store is divided: its samples are copied with all their members,
    /// payloads unchanged, into as many shards as are needed. Default: it fails, before anything moves.
    #[must_use]
    pub fn with_division(mut self, allowed: bool) -> Self {
        self.divide = allowed;
        self
    }

    /// Sets how many shards are on their way at once. Default: 4. Each takes what the store holds of one in memory.
    #[must_use]
    pub fn with_parallel(mut self, shards: NonZeroUsize) -> Self {
        self.parallel = shards.get();
        self
    }

    /// Sets whether only checks are made: what is there, what may be, whether it fits. Nothing is written anywhere.
    #[must_use]
    pub fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Sets whether new entries say in their metadata where they come from, see
    /// [`PROVENANCE_KEY`](super::PROVENANCE_KEY). Default: yes.
    #[must_use]
    pub fn with_provenance(mut self, provenance: bool) -> Self {
        self.provenance = provenance;
        self
    }

    /// Says what the source index is called, `redis://host` for instance, for the provenance and the journal. Secrets are
    /// taken out of it, and a public index is told only addresses of the network.
    #[must_use]
    pub fn with_origin(mut self, address: &str) -> Self {
        self.origin = Some(crate::url::redact(address));
        self
    }

    /// Keeps a journal of finished shards in a file, so that the same call after an interruption goes on where it
    /// ended. The file is removed at the end. A failed copy then leaves finished shards where they are.
    #[must_use]
    pub fn with_journal(mut self, path: impl Into<PathBuf>) -> Self {
        self.journal = Some(path.into());
        self
    }

    /// Sets who is told what happens.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Fn(Event<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    pub(super) fn existing(&self) -> Existing {
        self.existing.unwrap_or_default()
    }
}

impl fmt::Debug for ExchangeOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangeOptions")
            .field("store", &self.copy.map(|copy| copy.store))
            .field("existing", &self.existing)
            .field("versions", &self.versions)
            .field("name", &self.name)
            .field("divide", &self.divide)
            .field("parallel", &self.parallel)
            .field("dry_run", &self.dry_run)
            .field("journal", &self.journal)
            .finish_non_exhaustive()
    }
}
