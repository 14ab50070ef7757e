//! Fills a registry from an index.

use std::collections::BTreeMap;

use futures::StreamExt;

use super::{LensRegistry, SchemaKey, key};
use crate::lens::{LensIndexExt, OpenLens};
use crate::{Error, ErrorKind, Index, Result};

/// What [`LensRegistry::load`] did.
///
/// ```
/// use atdata_core::MemoryIndex;
/// use atdata_core::lens::LensRegistry;
///
/// # futures::executor::block_on(async {
/// let loaded = LensRegistry::new().load(&MemoryIndex::new()).await?;
/// assert!(loaded.lenses.is_empty() && loaded.skipped.is_empty());
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Loaded {
    /// The references of the lenses that were registered.
    pub lenses: Vec<String>,
    /// The references of those that were not, and why: code, lenses of which only the names of fields are known, lenses whose
    /// schemas the index does not have. It is empty where a record could not even be read.
    pub skipped: Vec<(String, Error)>,
}

impl LensRegistry {
    /// Registers the data lenses of an index; of several versions of one between the same schemas the latest. What cannot be
    /// used without further ado is left out, and said. Those that are registered already are left as they are.
    ///
    /// # Errors
    /// The index cannot be listed, or keeps no lenses.
    pub async fn load(&mut self, index: &dyn Index) -> Result<Loaded> {
        let mut loaded = Loaded::default();
        let mut latest: BTreeMap<(String, SchemaKey, SchemaKey), OpenLens> = BTreeMap::new();
        let mut lenses = index.list_lenses("");
        while let Some(stored) = lenses.next().await {
            let stored = match stored {
                Ok(stored) => stored,
                Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Invalid) => {
                    loaded.skipped.push((String::new(), error));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let opened = match stored.record.data() {
                Ok(data) => index.open_data_lens(&stored, data).await,
                Err(error) => Err(error),
            };
            match opened {
                Ok(open) => {
                    let place = (open.data.name.clone(), key(&open.source), key(&open.view));
                    if latest.get(&place).is_none_or(|known| known.data.version < open.data.version) {
                        latest.insert(place, open);
                    }
                }
                Err(error) if error.is_retryable() => return Err(error),
                Err(error) => loaded.skipped.push((stored.reference, error)),
            }
        }
        for open in latest.into_values() {
            match self.register_data(&open.data, &open.source, &open.view) {
                Ok(()) => loaded.lenses.push(open.reference),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => loaded.skipped.push((open.reference, error)),
            }
        }
        Ok(loaded)
    }
}
