//! What must not become public, and what nobody could read.

use crate::url::{ShardUrl, redact};
use crate::{DataStore, Error, Index, IndexEntry, Result};

/// Checks that shards of a store can be registered in an index, before any is written.
pub(crate) fn check_store(store: &dyn DataStore, index: &dyn Index) -> Result<()> {
    if store.is_local() && index.is_public() {
        return Err(Error::invalid(
            "the index is public, and the store keeps shards where only this machine reads them: another store is needed, which others can read",
        ));
    }
    match store.needs_index_of() {
        Some(account) if index.owner() != Some(account) => Err(Error::invalid(
            "the store keeps shards only as long as an entry in the index of its own account refers to them: register them there, or use another store",
        )
        .with("account", account)),
        _ => Ok(()),
    }
}

/// Checks that an entry's addresses may be said in the target, if they are kept.
pub(super) fn check_addresses(entry: &dyn IndexEntry, target: &dyn Index) -> Result<()> {
    if !target.is_public() {
        return Ok(());
    }
    for url in entry.data_urls() {
        let why = if !matches!(ShardUrl::parse(url), Ok(ShardUrl::Url { .. })) {
            "it is a file of this machine, which others cannot read"
        } else if redact(url) != *url {
            "it has credentials in it"
        } else {
            continue;
        };
        return Err(Error::invalid(format!(
            "the target is public, and an address of the source must not be said there: {why}; the shards have to be copied to a store that others can read"
        ))
        .with("url", redact(url)));
    }
    Ok(())
}

/// What may be said of where the source is.
pub(super) fn origin_for(origin: &str, target: &dyn Index) -> Option<String> {
    let is_network = ["at://", "https://"].iter().any(|scheme| origin.starts_with(scheme));
    (is_network || !target.is_public()).then(|| redact(origin))
}
